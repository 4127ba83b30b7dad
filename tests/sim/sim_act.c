/* SPDX-License-Identifier: PostgreSQL */
/* Carries out what the agent's step asks for, with delays and failures. */
#include "sim.h"

#include "../../proto/subject.h"

#include <string.h>

/* The inspector is killed when it has not answered in this time. */
#define INSPECT_TIMEOUT_US (5 * SIM_S)

/* ---- live positions ---- */

static void live_arrives(struct sim *s, int reader, uint64_t generation, uint64_t slot)
{
    (void)generation;
    const struct sim_payload *live = &s->memory.messages[slot]->payload;
    const struct sim_reader *r = &s->readers[reader];
    if (r->connected && s->now_us >= r->deaf_us) {
        sim_payload_know(live);
        if (reader < SIM_NODES_MAX) {
            sim_node_live(s, reader, live);
        } else {
            sim_monitor_live(s, reader - SIM_NODES_MAX, live);
        }
        sim_payload_forget();
    }
    sim_message_drop(s, (uint32_t)slot);
}

static void send_live(struct sim *s, int reader, uint32_t slot)
{
    struct sim_reader *r = &s->readers[reader];
    if (!sim_bad_luck(s, &r->random, 30)) {
        s->memory.messages[slot]->references++;
        sim_after(s, sim_hop(s, r), live_arrives, reader, 0, slot);
    }
}

static void act_live(struct sim *s, int node, const struct event *e)
{
    const struct sim_reader *r = &s->readers[node];
    uint32_t slot = 0;
    bool lost = r->partitioned || s->log_down || !r->connected || s->now_us < r->mute_us;
    if (lost || !sim_message_take(s, e, &slot)) {
        return;
    }
    subject_live("demo", s->nodes[node].name, s->memory.messages[slot]->payload.subject);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if ((int)i != node) {
            send_live(s, (int)i, slot);
        }
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        send_live(s, SIM_NODES_MAX + (int)i, slot);
    }
    sim_message_drop(s, slot);
}

/* ---- the vote ---- */

static void persisted(struct sim *s, int node, uint64_t agent_run, uint64_t ok)
{
    struct sim_node *n = &s->nodes[node];
    if (agent_run == n->agent_run) {
        struct fact fact = {.kind = FACT_PERSISTED, .ok = ok != 0};
        n->persisting = false;
        sim_node_fact_first(s, node, &fact);
        sim_node_resume(s, node);
    }
}

/* The agent waits for its disk: on a slow one it stands still for as long. */
static void act_persist(struct sim *s, int node, const struct vote *vote)
{
    struct sim_node *n = &s->nodes[node];
    bool ok = s->now_us >= n->full_disk_us && !sim_bad_luck(s, &n->random, 300);
    if (ok) {
        check_i2_vote(s, node, vote);
        n->vote = *vote;
    }
    if (s->now_us < n->slow_disk_us) {
        n->persisting = true;
        sim_after(s, sim_draw(&n->random, 2 * SIM_S), persisted, node, n->agent_run, ok);
        return;
    }
    struct fact fact = {.kind = FACT_PERSISTED, .ok = ok};
    sim_node_fact(s, node, &fact);
}

/* ---- the lease ---- */

static void act_lease(struct sim *s, int node, uint64_t deadline_ms)
{
    struct sim_node *n = &s->nodes[node];
    check_i4_lease(s, node, deadline_ms);
    check_standby_lease(s, node, deadline_ms);
    sim_pg_touch(s);
    n->guard.deadline_ms = deadline_ms;
    sim_guard_page(s, node);
}

/* ---- looking ---- */

static void inspected(struct sim *s, int node, uint64_t agent_run, uint64_t in_time)
{
    if (agent_run == s->nodes[node].agent_run) {
        struct fact fact = {.kind = FACT_INSPECTED};
        fact.inspection.verdict = DATA_SILENT;
        if (in_time != 0) {
            fact.inspection = sim_pg_inspect(s, node);
        }
        sim_node_fact(s, node, &fact);
    }
}

static void act_inspect(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t delay_us = sim_delay(s, &n->random, 500, 10 * SIM_MS);
    if (s->now_us < n->slow_disk_us) {
        delay_us += sim_draw(&n->random, 7 * SIM_S);
    }
    bool in_time = delay_us < INSPECT_TIMEOUT_US;
    sim_after(s, in_time ? delay_us : INSPECT_TIMEOUT_US, inspected, node, n->agent_run, in_time);
}

static void probed(struct sim *s, int node, uint64_t agent_run, uint64_t pg_run)
{
    struct sim_node *n = &s->nodes[node];
    if (agent_run != n->agent_run) {
        return;
    }
    struct fact fact = {.kind = FACT_PROBED, .probe = sim_pg_probe(s, node)};
    if (pg_run != n->pg.run) {
        memset(&fact.probe, 0, sizeof fact.probe);
        fact.probe.class = PROBE_ERROR;
    }
    sim_node_fact(s, node, &fact);
}

static void act_probe(struct sim *s, int node, uint32_t timeout_ms)
{
    struct sim_node *n = &s->nodes[node];
    bool hung = n->pg.hung || n->pg.doomed;
    uint64_t delay_us = hung ? timeout_ms * SIM_MS : sim_delay(s, &n->random, 300, 5 * SIM_MS);
    sim_after(s, delay_us, probed, node, n->agent_run, n->pg.run);
}

/* ---- the rest ---- */

static void act_exit(struct sim *s, int node, int exit_status)
{
    sim_say(s, "%s: agent exits with %d", s->nodes[node].name, exit_status);
    if (sim_pg_runs(&s->nodes[node].pg)) {
        sim_break(s, "I15: return", "%s exits and leaves PostgreSQL", s->nodes[node].name);
    }
    sim_agent_crash(s, node);
    sim_guard_ends(s, node);
}

/* ---- parameters ---- */

/* Whatever is written has what the shell was told last; now and then the disk refuses it. */
static void read_parameters(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    n->pg.parameters_seq = n->parameters_seq;
}

static void act_parameters(struct sim *s, int node, const struct parameters *set)
{
    s->nodes[node].parameters_told = true;
    s->nodes[node].parameters_seq = set->seq;
}

static void act_reload(struct sim *s, int node, const struct upstream *upstream)
{
    check_parameters_reload(s, node, upstream);
    if (!sim_bad_luck(s, &s->nodes[node].random, 20)) {
        read_parameters(s, node);
    }
}

static void checked(struct sim *s, int node, uint64_t agent_run, uint64_t seq)
{
    struct sim_node *n = &s->nodes[node];
    const struct asked *asked = &n->agent.cluster.asked;
    if (agent_run != n->agent_run) {
        return;
    }
    struct fact fact = {.kind = FACT_CHECKED, .sync_seq = seq};
    fact.ok = asked->request_seq == seq &&
              check_parameters_takes(asked->change.bytes, asked->change.size);
    sim_node_fact(s, node, &fact);
}

static void act_check(struct sim *s, int node, uint64_t seq)
{
    struct sim_node *n = &s->nodes[node];
    sim_after(s, sim_delay(s, &n->random, 5 * SIM_MS, 500 * SIM_MS), checked, node, n->agent_run,
              seq);
}

static void act_follow(struct sim *s, int node, const struct upstream *upstream)
{
    sim_pg_touch(s);
    s->nodes[node].pg.upstream = sim_remote_index(s, upstream);
    sim_sync_write(s, node, upstream);
    read_parameters(s, node);
}

static void act_start(struct sim *s, int node, const struct action *action)
{
    bool as_primary = action->as.start.as_primary;
    sim_say(s, "%s: starts PostgreSQL %s", s->nodes[node].name,
            as_primary ? "as a primary" : "in recovery");
    check_parameters_start(s, node);
    read_parameters(s, node);
    sim_pg_start(s, node, as_primary, &action->as.start.upstream);
}

static void act_task(struct sim *s, int node, const struct action *action)
{
    sim_say(s, "%s: task %s", s->nodes[node].name, task_name(action->as.task.task));
    sim_task_begin(s, node, action->as.task.task, &action->as.task.upstream);
}

static void act_append(struct sim *s, int node, const struct event *e)
{
    check_i4_sent(s, node, e);
    check_i7_sent(s, node, e);
    check_i8_sent(s, node, e);
    check_policy_sent(s, node, e);
    sim_append(s, e, node);
}

void sim_act(struct sim *s, int node, const struct action *action)
{
    check_i2_act(s, node, action);
    check_i17_agent(s, node, action);
    switch (action->kind) {
    case ACTION_APPEND:
        act_append(s, node, &action->as.event);
        break;
    case ACTION_LIVE:
        act_live(s, node, &action->as.event);
        break;
    case ACTION_PERSIST:
        act_persist(s, node, &action->as.vote);
        break;
    case ACTION_LEASE:
        act_lease(s, node, action->as.deadline_ms);
        break;
    case ACTION_INSPECT:
        act_inspect(s, node);
        break;
    case ACTION_PROBE:
        act_probe(s, node, action->as.timeout_ms);
        break;
    case ACTION_START:
        act_start(s, node, action);
        break;
    case ACTION_FOLLOW:
        act_follow(s, node, &action->as.start.upstream);
        break;
    case ACTION_STOP:
        check_restart_stop(s, node);
        sim_pg_stop(s, node, action->as.stop_mode);
        break;
    case ACTION_KILL:
        sim_say(s, "%s: kills PostgreSQL", s->nodes[node].name);
        sim_pg_kill(s, node);
        break;
    case ACTION_TASK:
        act_task(s, node, action);
        break;
    case ACTION_SYNC:
        read_parameters(s, node);
        sim_sync_order(s, node, action->as.sync.seq, &action->as.sync.upstream);
        break;
    case ACTION_PARAMETERS:
        act_parameters(s, node, &action->as.parameters);
        break;
    case ACTION_RELOAD:
        act_reload(s, node, &action->as.start.upstream);
        break;
    case ACTION_CHECK:
        act_check(s, node, action->as.check.seq);
        break;
    case ACTION_SLOTS:
    case ACTION_PERMANENT:
        break;
    case ACTION_PROMISE:
        sim_promise_send(s, node, &action->as.promise.message, &action->as.promise.to);
        break;
    case ACTION_SAY:
        sim_say(s, "%s: \"%s\"", s->nodes[node].name, action->as.say.text);
        break;
    case ACTION_EXIT:
        act_exit(s, node, action->as.exit_status);
        break;
    case ACTION_COUNT:
        break;
    }
}
