/* SPDX-License-Identifier: PostgreSQL */
/* Faults of processes, machines and disks. */
#include "sim_faults.h"

#include <string.h>

/* The least maximum_lag_on_failover of sim_config(), and some room. */
#define LAG_BYTES 900000
/* As in agent/guard_run.h: an agent that has not turned for so long. */
#define GUARD_HUNG_US (10 * SIM_S)

static void later(uint64_t *until_us, const struct sim *s, const struct sim_hit *hit)
{
    uint64_t end_us = s->now_us + hit->span_us;
    *until_us = end_us > *until_us ? end_us : *until_us;
}

static void tell_orphaned(struct sim *s, int node)
{
    if (s->nodes[node].guard.runs) {
        sim_guard_report(s, node, GUARD_ORPHANED, 0);
    }
}

/* ---- PostgreSQL ---- */

void fault_kill_postmaster(struct sim *s, struct sim_hit *hit)
{
    struct sim_pg *pg = &s->nodes[hit->target].pg;
    if (pg->postmaster && !pg->doomed) {
        sim_pg_touch(s);
        pg->postmaster = false;
        pg->orphans = true;
        tell_orphaned(s, hit->target);
    }
}

void fault_kill_postgres(struct sim *s, struct sim_hit *hit)
{
    if (sim_pg_runs(&s->nodes[hit->target].pg)) {
        sim_pg_die(s, hit->target);
        tell_orphaned(s, hit->target);
    }
}

/* Data is lost only while another node holds what the last term wrote, but for the lag that every
 * configuration forgives: more is an operator's case. */
static bool another_is_current(struct sim *s, int node)
{
    sim_pg_touch(s);
    uint64_t end_lsn = sim_wal_position(&s->nodes[node].pg.wal).lsn;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_pg *pg = &s->nodes[i].pg;
        if ((int)i == node || pg->verdict != DATA_INTACT || pg->incomplete || pg->wal.count == 0) {
            continue;
        }
        bool near = sim_wal_position(&pg->wal).lsn + LAG_BYTES >= end_lsn;
        bool same = pg->wal.branches[pg->wal.count - 1].id == s->reference_branch;
        if (near && same && !pg->was_primary && sim_pg_is_consistent(pg)) {
            return true;
        }
    }
    return false;
}

static void lose_data(struct sim *s, int node, enum data_verdict verdict)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    bool settled = s->truth.phase == PHASE_HELD && s->truth.promoted;
    if (pg->verdict == DATA_INTACT && settled && another_is_current(s, node)) {
        pg->verdict = verdict;
        struct fact fact = {.kind = FACT_DISTURBED};
        sim_node_fact(s, node, &fact);
    }
}

void fault_rm_data(struct sim *s, struct sim_hit *hit)
{
    lose_data(s, hit->target, DATA_EMPTY);
}

void fault_damage(struct sim *s, struct sim_hit *hit)
{
    lose_data(s, hit->target, sim_chance(&hit->dice, 50) ? DATA_DAMAGED : DATA_UNREADABLE);
}

void fault_hang(struct sim *s, struct sim_hit *hit)
{
    s->nodes[hit->target].pg.hung = s->nodes[hit->target].pg.postmaster;
}

/* ---- agent and guard ---- */

void fault_agent_kill(struct sim *s, struct sim_hit *hit)
{
    if (s->nodes[hit->target].agent_runs) {
        sim_agent_crash(s, hit->target);
        sim_guard_restart(s, hit->target, 1 * SIM_MS + sim_draw(&hit->dice, 600 * SIM_MS));
    }
}

void fault_guard_kill(struct sim *s, struct sim_hit *hit)
{
    sim_guard_kill(s, hit->target);
}

void fault_both_kill(struct sim *s, struct sim_hit *hit)
{
    if (s->nodes[hit->target].agent_runs) {
        sim_agent_crash(s, hit->target);
    }
    sim_guard_kill(s, hit->target);
}

static void dies(struct sim *s, int node, uint64_t agent_run, uint64_t dice)
{
    if (agent_run == s->nodes[node].agent_run) {
        struct sim_hit hit = {.target = node};
        sim_seed(&hit.dice, dice, 0);
        fault_agent_kill(s, &hit);
    }
}

/* What an agent has sent last arrives when it has been restarted. */
void fault_late_words(struct sim *s, struct sim_hit *hit)
{
    later(&s->readers[hit->target].late_us, s, hit);
    sim_trouble(s, s->now_us + hit->span_us + 6 * SIM_S);
    sim_after(s, hit->span_us, dies, hit->target, s->nodes[hit->target].agent_run,
              sim_draw(&hit->dice, UINT32_MAX));
}

static void agent_resumes(struct sim *s, int node, uint64_t agent_run, uint64_t value)
{
    (void)value;
    if (s->nodes[node].agent_paused && agent_run == s->nodes[node].agent_run) {
        s->nodes[node].agent_paused = false;
        sim_node_resume(s, node);
    }
}

/* The guard starts an agent again that does not turn any more. */
static void agent_is_hung(struct sim *s, int node, uint64_t agent_run, uint64_t value)
{
    (void)value;
    const struct sim_node *n = &s->nodes[node];
    if (n->agent_paused && agent_run == n->agent_run && n->guard.runs && !n->host_frozen) {
        sim_agent_crash(s, node);
        sim_guard_restart(s, node, 1 * SIM_MS);
    }
}

void fault_agent_pause(struct sim *s, struct sim_hit *hit)
{
    struct sim_node *n = &s->nodes[hit->target];
    if (!n->agent_paused && n->agent_runs) {
        n->agent_paused = true;
        sim_after(s, hit->span_us, agent_resumes, hit->target, n->agent_run, 0);
        sim_after(s, GUARD_HUNG_US, agent_is_hung, hit->target, n->agent_run, 0);
    }
}

void fault_terminate(struct sim *s, struct sim_hit *hit)
{
    struct fact fact = {.kind = FACT_TERMINATE};
    sim_node_fact(s, hit->target, &fact);
}

void fault_ask(struct sim *s, struct sim_hit *hit)
{
    struct fact fact = {.kind = FACT_ASKED};
    sim_node_fact(s, hit->target, &fact);
}

/* ---- the machine ---- */

static void host_boots(struct sim *s, int node, uint64_t generation, uint64_t value)
{
    (void)generation;
    (void)value;
    if (!s->nodes[node].host_up) {
        s->nodes[node].host_up = true;
        sim_guard_start(s, node);
    }
}

void fault_host_crash(struct sim *s, struct sim_hit *hit)
{
    struct sim_node *n = &s->nodes[hit->target];
    if (!n->host_up) {
        return;
    }
    sim_agent_crash(s, hit->target);
    sim_pg_die(s, hit->target);
    n->host_up = false;
    n->host_frozen = false;
    n->clock_stopped = false;
    n->guard.runs = false;
    n->guard.deadline_ms = 0;
    n->guard.primary = false;
    /* A clock that counts from the boot would restart; an offset of its own covers that. */
    n->lease_limit_ms = 0;
    n->promise_limit_ms = 0;
    sim_after(s, hit->span_us, host_boots, hit->target, 0, 0);
}

static void host_thaws(struct sim *s, int node, uint64_t frozen_us, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_frozen || n->frozen_us != frozen_us) {
        return;
    }
    sim_pg_touch(s);
    if (n->clock_stopped) {
        sim_clock_lose(s, &n->clock, n->frozen_us);
    }
    n->host_frozen = false;
    n->clock_stopped = false;
    sim_guard_look(s, node);
    sim_guard_page(s, node);
    sim_node_resume(s, node);
}

static void freeze(struct sim *s, struct sim_hit *hit, bool with_clock)
{
    struct sim_node *n = &s->nodes[hit->target];
    if (n->host_up && !n->host_frozen) {
        sim_pg_touch(s);
        n->host_frozen = true;
        n->clock_stopped = with_clock;
        n->frozen_us = s->now_us;
        n->thaw_us = s->now_us + hit->span_us;
        sim_after(s, hit->span_us, host_thaws, hit->target, n->frozen_us, 0);
    }
}

void fault_freeze(struct sim *s, struct sim_hit *hit)
{
    freeze(s, hit, false);
}

/* A virtual machine that its host has stopped: its clock stops with it, and nothing on it can know
 * (DESIGN section 4). Its lease, and what it sent before, may count for longer than a lease. */
void fault_clock_stop(struct sim *s, struct sim_hit *hit)
{
    struct sim_node *n = &s->nodes[hit->target];
    if (n->host_up && !n->host_frozen) {
        uint64_t ttl_ms = s->truth.lease.ttl_ms_max > cluster_ttl_ms(&s->truth)
                                  ? s->truth.lease.ttl_ms_max
                                  : cluster_ttl_ms(&s->truth);
        n->excused_ms = sim_node_clock_ms(s, hit->target) + ttl_ms;
        freeze(s, hit, true);
    }
}

void fault_wall_step(struct sim *s, struct sim_hit *hit)
{
    int64_t hour_us = 3600 * (int64_t)SIM_S;
    struct sim_monitor *m = &s->monitors[sim_draw(&hit->dice, s->options.monitors)];
    s->nodes[hit->target].clock.wall_offset_us +=
            (int64_t)sim_draw(&hit->dice, 7200 * SIM_S) - hour_us;
    m->clock.wall_offset_us += (int64_t)sim_draw(&hit->dice, 7200 * SIM_S) - hour_us;
}

/* ---- disks ---- */

/* Another disk: the vote is gone, and often the data, when it is not the last copy. */
void fault_vote_lost(struct sim *s, struct sim_hit *hit)
{
    fault_host_crash(s, hit);
    memset(&s->nodes[hit->target].vote, 0, sizeof s->nodes[hit->target].vote);
    if (sim_chance(&hit->dice, 50)) {
        lose_data(s, hit->target, DATA_EMPTY);
    }
}

void fault_slow_disk(struct sim *s, struct sim_hit *hit)
{
    later(&s->nodes[hit->target].slow_disk_us, s, hit);
    sim_trouble(s, s->now_us + hit->span_us + 30 * SIM_S); /* what has begun goes on */
}

/* PostgreSQL ends when it cannot write its WAL. */
static void panics(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    bool writes = n->pg.run == run && sim_pg_runs(&n->pg) && !n->pg.in_recovery;
    if (writes && !n->host_frozen && s->now_us < n->full_disk_us) {
        sim_pg_die(s, node);
        tell_orphaned(s, node);
    }
}

void fault_full_disk(struct sim *s, struct sim_hit *hit)
{
    struct sim_node *n = &s->nodes[hit->target];
    sim_pg_touch(s);
    later(&n->full_disk_us, s, hit);
    sim_after(s, sim_draw(&hit->dice, 1 * SIM_S), panics, hit->target, n->pg.run, 0);
}

/* It keeps no WAL but what it writes from now on. */
void fault_wal_removed(struct sim *s, struct sim_hit *hit)
{
    struct sim_pg *pg = &s->nodes[hit->target].pg;
    sim_pg_touch(s);
    pg->oldest = sim_wal_position(&pg->wal).lsn;
}

/* Processes that wait for a disk: a kill ends what they do, and they end when the disk answers. */
void fault_unkillable(struct sim *s, struct sim_hit *hit)
{
    later(&s->nodes[hit->target].unkillable_us, s, hit);
}

/* Starts, tasks and probes fail now and then. */
void fault_flaky(struct sim *s, struct sim_hit *hit)
{
    later(&s->nodes[hit->target].flaky_us, s, hit);
}

void fault_cut_off(struct sim *s, struct sim_hit *hit)
{
    sim_pg_touch(s);
    later(&s->nodes[hit->target].cut_off_us, s, hit);
}
