/* SPDX-License-Identifier: PostgreSQL */
/* The guard: its page, its kill at the deadline, its death; and who starts again what has died. */
#include "sim.h"

#include <string.h>

/* How late it is with a look that was due. */
#define LATE_US (20 * SIM_MS)
/* As in agent/shell_guard.c. */
#define STRANGER_TIMEOUT_US (30 * SIM_S)

void sim_guard_report(struct sim *s, int node, enum guard_state state, uint32_t killed_count)
{
    struct fact fact = {.kind = FACT_GUARD,
                        .guard = state,
                        .killed_count = killed_count,
                        .deadline_ms = s->nodes[node].guard.deadline_ms};
    sim_node_fact(s, node, &fact);
}

/* ---- the page ---- */

static bool is_armed(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return s->options.rings != SIM_RINGS_FENCE && n->guard.runs && n->guard.primary && n->host_up &&
           !n->host_frozen && sim_pg_runs(&n->pg) && !n->pg.doomed;
}

static void on_timer(struct sim *s, int node, uint64_t generation, uint64_t value)
{
    (void)value;
    if (sim_timer_rings(s, &s->nodes[node].guard.timer, generation, on_timer, node)) {
        sim_guard_look(s, node);
        sim_guard_page(s, node);
    }
}

void sim_guard_page(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t due_us = UINT64_MAX;
    if (is_armed(s, node)) {
        uint64_t now_ms = sim_node_clock_ms(s, node);
        uint64_t left_ms = n->guard.deadline_ms > now_ms ? n->guard.deadline_ms - now_ms : 0;
        if (left_ms == 0 && n->guard.timer.due_us <= s->now_us + LATE_US) {
            return; /* it is late already */
        }
        due_us = s->now_us + sim_clock_span_us(&n->clock, left_ms) + sim_draw(&n->random, LATE_US);
    }
    sim_timer_arm(s, &n->guard.timer, due_us, on_timer, node);
}

static void dies_at_last(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    if (s->nodes[node].pg.run == run) {
        sim_pg_die(s, node);
        sim_guard_report(s, node, GUARD_ABSENT, 6);
    }
}

void sim_guard_look(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    if (!is_armed(s, node) || sim_node_clock_ms(s, node) < n->guard.deadline_ms) {
        return;
    }
    sim_say(s, "%s: the guard kills at the deadline", n->name);
    if (s->now_us < n->unkillable_us) {
        sim_pg_touch(s);
        n->pg.doomed = true;
        sim_after(s, n->unkillable_us - s->now_us, dies_at_last, node, n->pg.run, 0);
        return;
    }
    sim_pg_die(s, node);
    sim_guard_report(s, node, GUARD_ABSENT, 6);
}

/* ---- life and death ---- */

static void patience_ends(struct sim *s, int node, uint64_t agent_run, uint64_t pg_run)
{
    const struct sim_node *n = &s->nodes[node];
    if (n->agent_runs && n->agent_run == agent_run && n->pg.run == pg_run) {
        sim_pg_kill(s, node);
    }
}

/* What runs and is not the guard's child is stopped, before the agent is told anything. */
void sim_guard_stop_stranger(struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    sim_say(s, "%s: stops a PostgreSQL that its guard did not start", n->name);
    sim_pg_stop(s, node, STOP_FAST);
    sim_after(s, STRANGER_TIMEOUT_US, patience_ends, node, n->agent_run, n->pg.run);
}

static void agent_restarts(struct sim *s, int node, uint64_t agent_run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || n->agent_runs || !n->guard.runs || agent_run != n->agent_run) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, n->thaw_us - s->now_us + 1, agent_restarts, node, agent_run, 0);
        return;
    }
    sim_agent_start(s, node);
}

void sim_guard_init(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    n->guard = (struct sim_guard){0};
    sim_timer_init(&n->guard.timer);
}

/* A primary that outlived its guard is a stranger to the next, and its lease is gone: the new page
 * has none. Its fence looks at the old page. */
static void adopt(struct sim_node *n)
{
    if (sim_pg_runs(&n->pg) && !n->pg.stranger) {
        n->pg.stranger = true;
        n->pg.page_ms = n->guard.deadline_ms;
    }
    n->guard.primary = n->pg.postmaster && !n->pg.in_recovery;
    n->guard.deadline_ms = 0;
}

void sim_guard_start(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    sim_pg_touch(s);
    adopt(n);
    n->guard.runs = true;
    n->guard.run++;
    sim_guard_page(s, node);
    sim_agent_start(s, node);
}

void sim_guard_restart(struct sim *s, int node, uint64_t delay_us)
{
    sim_trouble(s, s->now_us + delay_us);
    sim_after(s, delay_us, agent_restarts, node, s->nodes[node].agent_run, 0);
}

/* The init system finds that its service has ended: what is left of it goes, or may be left. */
static void init_restarts(struct sim *s, int node, uint64_t guard_run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || n->guard.runs || guard_run != n->guard.run) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, n->thaw_us - s->now_us + 1, init_restarts, node, guard_run, 0);
        return;
    }
    if (n->agent_runs) {
        sim_agent_crash(s, node);
    }
    if (sim_chance(&n->random, 50) && s->now_us >= n->unkillable_us) {
        sim_pg_die(s, node);
    }
    sim_guard_start(s, node);
}

void sim_guard_ends(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t delay_us = 100 * SIM_MS + sim_draw(&n->random, 5 * SIM_S);
    n->guard.runs = false;
    sim_trouble(s, s->now_us + delay_us);
    sim_after(s, delay_us, init_restarts, node, n->guard.run, 0);
}

/* An agent without its guard kills everything, and ends. */
void sim_guard_missed(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    sim_say(s, "%s: the guard is gone: the agent kills PostgreSQL and ends", n->name);
    if (s->now_us < n->unkillable_us) {
        sim_pg_touch(s);
        n->pg.doomed = true;
        sim_after(s, n->unkillable_us - s->now_us, dies_at_last, node, n->pg.run, 0);
    } else {
        sim_pg_die(s, node);
    }
    sim_agent_crash(s, node);
}

static void agent_notices(struct sim *s, int node, uint64_t agent_run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (n->agent_runs && agent_run == n->agent_run && !n->guard.runs && n->host_up &&
        !sim_node_stands_still(n)) {
        sim_guard_missed(s, node);
    }
}

/* The kernel's hand: SIGQUIT, an immediate shutdown, which a stopped postmaster does not get. */
static void postmaster_follows(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (n->host_up && run == n->pg.run && n->pg.postmaster && !n->pg.hung) {
        if (n->host_frozen || s->now_us < n->unkillable_us) {
            uint64_t until_us = n->host_frozen ? n->thaw_us : n->unkillable_us;
            sim_after(s, until_us - s->now_us + 1, postmaster_follows, node, run, 0);
            return;
        }
        sim_pg_die(s, node);
        if (n->guard.runs) {
            sim_guard_report(s, node, GUARD_ABSENT, 0); /* the next one, which waits for that */
        }
    }
}

void sim_guard_kill(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    if (n->guard.runs && n->host_up) {
        sim_guard_ends(s, node);
        sim_after(s, sim_delay(s, &n->random, 1 * SIM_MS, 30 * SIM_MS), postmaster_follows, node,
                  n->pg.run, 0);
        sim_after(s, sim_delay(s, &n->random, 1 * SIM_MS, 30 * SIM_MS), agent_notices, node,
                  n->agent_run, 0);
    }
}
