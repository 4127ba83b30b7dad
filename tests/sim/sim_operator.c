/* SPDX-License-Identifier: PostgreSQL */
/* Operators, who ask for a switchover, a failover, a rebuild or a restart: also of nodes that
 * cannot, at bad moments, and twice; and who pause the cluster, and resume. */
#include "sim_faults.h"

#include "../../proto/pause.h"

#include <stdio.h>
#include <string.h>

/* Whoever asks for a failover waits for a moment without a leader, this long at the most. */
#define PATIENCE_US (5 * SIM_S)
#define GLANCE_US (20 * SIM_MS)
/* How far ahead a switchover is asked for. */
#define SCHEDULE_US (10 * SIM_S)
/* Whoever resumes asks again. */
#define INSIST_US (1 * SIM_S)
/* In this time he is heard. */
#define HEARD_US (600 * SIM_S)

static void begin(const struct sim *s, enum request_kind kind, struct event *e)
{
    memset(e, 0, sizeof *e);
    e->version = SCHEMA_VERSION;
    e->kind = EVENT_REQUEST;
    snprintf(e->cluster, sizeof e->cluster, "demo");
    snprintf(e->writer, sizeof e->writer, "operator-1");
    e->incarnation = s->now_us;
    e->counter = 1;
    e->wall_us = 1700000000000000ULL + s->now_us;
    e->body.request.kind = kind;
    e->body.request.term = s->truth.term;
    e->body.request.seen_seq = s->truth.last_seq;
}

/* Any node, the leader too; now and then one that is not there. */
static void name_target(const struct sim *s, struct sim_random *dice, struct request *r)
{
    if (sim_chance(dice, 5)) {
        snprintf(r->node, sizeof r->node, "node-9");
    } else {
        memcpy(r->node, s->nodes[sim_draw(dice, s->options.nodes)].name, sizeof r->node);
    }
}

/* From the machine of a node, by whose way it may be late, lost or doubled. */
static void ask(struct sim *s, int node, const struct event *e, struct sim_random *dice)
{
    sim_append(s, e, node);
    if (sim_chance(dice, 20)) {
        sim_append(s, e, node);
    }
}

static void take_back(struct sim *s, int node, uint64_t generation, uint64_t request_seq)
{
    struct event e;
    (void)generation;
    begin(s, REQUEST_CANCEL, &e);
    e.body.request.cancels_seq = request_seq != 0 ? request_seq : s->truth.pending.request_seq;
    sim_append(s, &e, node);
}

/* For soon, by his own clock, which may be wrong; and he may think better of it. */
static void schedule(struct sim *s, struct sim_hit *hit, struct event *e)
{
    e->body.request.at_us = e->wall_us + 1 + sim_draw(&hit->dice, SCHEDULE_US);
    if (sim_chance(&hit->dice, 50)) {
        sim_after(s, sim_draw(&hit->dice, SCHEDULE_US), take_back, hit->target, 0, 0);
    }
}

void fault_switchover(struct sim *s, struct sim_hit *hit)
{
    struct event e;
    begin(s, REQUEST_SWITCHOVER, &e);
    if (sim_chance(&hit->dice, 70)) {
        name_target(s, &hit->dice, &e.body.request);
    }
    if (sim_chance(&hit->dice, 30)) {
        schedule(s, hit, &e);
    }
    ask(s, hit->target, &e, &hit->dice);
}

void fault_rebuild(struct sim *s, struct sim_hit *hit)
{
    static const enum task tasks[] = {TASK_NONE, TASK_BASEBACKUP, TASK_REWIND};
    struct event e;
    begin(s, REQUEST_REBUILD, &e);
    name_target(s, &hit->dice, &e.body.request);
    e.body.request.task = tasks[sim_draw(&hit->dice, 3)];
    ask(s, hit->target, &e, &hit->dice);
}

static void ask_failover(struct sim *s, int node, uint64_t until_us, uint64_t seed)
{
    struct sim_random dice;
    struct event e;
    if (cluster_holder(&s->truth) != LEADER_NONE && s->now_us < until_us) {
        sim_after(s, GLANCE_US, ask_failover, node, until_us, seed);
        return;
    }
    sim_seed(&dice, seed, 0);
    begin(s, REQUEST_FAILOVER, &e);
    name_target(s, &dice, &e.body.request);
    e.body.request.accept_loss = sim_chance(&dice, 50);
    ask(s, node, &e, &dice);
}

void fault_failover(struct sim *s, struct sim_hit *hit)
{
    sim_trouble(s, s->now_us + PATIENCE_US + SIM_S);
    ask_failover(s, hit->target, s->now_us + PATIENCE_US, sim_draw(&hit->dice, UINT32_MAX));
}

/* ---- maintenance ---- */

void fault_pause(struct sim *s, struct sim_hit *hit)
{
    struct event e;
    begin(s, REQUEST_PAUSE, &e);
    s->paused_until_us = s->now_us + hit->span_us;
    ask(s, hit->target, &e, &hit->dice);
}

/* A machine that is off, or was replaced, runs no PostgreSQL under its old lease: who sees that may
 * say so. */
static bool leader_is_stopped(const struct sim *s)
{
    const struct cluster *c = &s->truth;
    int node = c->leader != LEADER_NONE ? sim_node_index(s, c->nodes[c->leader].name) : -1;
    if (node < 0) {
        return false;
    }
    const struct sim_node *n = &s->nodes[node];
    return !n->host_up || (n->guard.deadline_ms == 0 && !sim_pg_runs(&n->pg));
}

static void ask_resume(struct sim *s)
{
    struct sim_random dice;
    struct event e;
    sim_seed(&dice, s->options.seed, s->now_us);
    begin(s, REQUEST_RESUME, &e);
    e.body.request.leader_stopped = leader_is_stopped(s) && sim_chance(&dice, 50);
    ask(s, (int)sim_draw(&dice, s->options.nodes), &e, &dice);
    s->insisted_us = s->now_us;
}

/* A cluster that is paused is well as long as its operator leaves it so. */
void sim_operator_look(struct sim *s)
{
    bool waits = pause_is_on(&s->truth) || (pause_is_ending(&s->truth) && leader_is_stopped(s));
    if (!waits || s->truth.frozen_seq != 0) {
        return;
    }
    sim_trouble(s, s->now_us + SIM_S);
    if (s->now_us > s->paused_until_us + HEARD_US) {
        sim_break(s, "I20: progress", "the cluster stays paused, whatever its operator asks for");
    }
    if (s->now_us >= s->paused_until_us && s->now_us >= s->insisted_us + INSIST_US) {
        ask_resume(s);
    }
}

/* ---- parameters ---- */

static void name_values(struct sim_random *dice, struct parameter_change *change)
{
    static const char *const names[] = {"work_mem", "max_connections", "shared_buffers", "a.b"};
    static const char *const values[] = {"1", "200", "bad", "x y", NULL};
    uint64_t count = 1 + sim_draw(dice, 3);
    for (uint64_t i = 0; i < count; i++) {
        (void)parameters_put(change, names[sim_draw(dice, 4)], values[sim_draw(dice, 5)]);
    }
    if (sim_chance(dice, 5)) {
        (void)parameters_put(change, "port", "1");
    }
}

void fault_parameters(struct sim *s, struct sim_hit *hit)
{
    struct event e;
    bool reload = sim_chance(&hit->dice, 20);
    begin(s, reload ? REQUEST_RELOAD : REQUEST_CONFIG, &e);
    if (reload && sim_chance(&hit->dice, 50)) {
        name_target(s, &hit->dice, &e.body.request);
    } else if (!reload) {
        name_values(&hit->dice, &e.body.request.change);
        e.body.request.unchecked = sim_chance(&hit->dice, 10);
        s->insisted = s->insisted || e.body.request.unchecked;
    }
    ask(s, hit->target, &e, &hit->dice);
}

/* ---- members ---- */

void fault_remove(struct sim *s, struct sim_hit *hit)
{
    struct event e;
    begin(s, REQUEST_REMOVE, &e);
    name_target(s, &hit->dice, &e.body.request);
    ask(s, hit->target, &e, &hit->dice);
}

void fault_restart(struct sim *s, struct sim_hit *hit)
{
    struct event e;
    begin(s, REQUEST_RESTART, &e);
    name_target(s, &hit->dice, &e.body.request);
    ask(s, hit->target, &e, &hit->dice);
}
