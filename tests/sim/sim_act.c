/* SPDX-License-Identifier: PostgreSQL */
/* Carries out what the agent's step asks for, with delays and failures. */
#include "sim.h"

#include "../../proto/subject.h"

#include <stdlib.h>
#include <string.h>

struct live_message {
    char subject[SUBJECT_SIZE];
    size_t size;
    uint8_t data[EVENT_BYTES_MAX];
};

static void live_arrives(struct sim *s, int reader, uint64_t generation, void *argument)
{
    (void)generation;
    const struct live_message *m = argument;
    if (!sim_reader_of(s, reader)->connected) {
        return;
    }
    if (reader < SIM_NODES_MAX) {
        sim_node_live(s, reader, m->subject, m->data, m->size);
    } else {
        sim_monitor_live(s, reader - SIM_NODES_MAX, m->subject, m->data, m->size);
    }
}

static void send_live(struct sim *s, int reader, const struct live_message *m)
{
    if (!s->faults_over && sim_chance(s, 3)) {
        return;
    }
    struct live_message *copy = malloc(sizeof *copy);
    *copy = *m;
    sim_after(s, sim_hop(s), live_arrives, reader, 0, copy);
}

static void act_live(struct sim *s, int node, const struct event *e)
{
    struct sim_node *n = &s->nodes[node];
    if (n->partitioned || s->log_down || !n->reader.connected) {
        return;
    }
    struct live_message m;
    m.size = codec_encode(e, m.data, sizeof m.data);
    subject_live("demo", n->name, m.subject);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if ((int)i != node) {
            send_live(s, (int)i, &m);
        }
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        send_live(s, SIM_NODES_MAX + (int)i, &m);
    }
}

static void act_persist(struct sim *s, int node, const struct vote *vote)
{
    struct sim_node *n = &s->nodes[node];
    bool ok = s->faults_over || sim_random(s, 300) != 0;
    if (ok) {
        check_i2_vote(s, node, vote);
        n->vote = *vote;
    }
    struct fact fact = {.kind = FACT_PERSISTED, .ok = ok};
    sim_node_fact(s, node, &fact);
}

static void guard_timer(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    sim_guard_look(s, node);
}

static void act_lease(struct sim *s, int node, uint64_t deadline_ms)
{
    struct sim_node *n = &s->nodes[node];
    check_i4_lease(s, node, deadline_ms);
    n->guard.deadline_ms = deadline_ms;
    uint64_t now_ms = sim_node_clock_ms(s, node);
    if (deadline_ms > now_ms) {
        uint64_t late_us = sim_random(s, 20 * SIM_MS);
        sim_after(s, (deadline_ms - now_ms) * SIM_MS + late_us, guard_timer, node, 0, NULL);
    }
}

static void inspected(struct sim *s, int node, uint64_t agent_run, void *argument)
{
    (void)argument;
    if (agent_run == s->nodes[node].agent_run) {
        struct fact fact = {.kind = FACT_INSPECTED, .inspection = sim_pg_inspect(s, node)};
        sim_node_fact(s, node, &fact);
    }
}

struct probe_ticket {
    uint64_t run;
};

static void probed(struct sim *s, int node, uint64_t agent_run, void *argument)
{
    const struct probe_ticket *ticket = argument;
    if (agent_run != s->nodes[node].agent_run) {
        return;
    }
    struct fact fact = {.kind = FACT_PROBED, .probe = sim_pg_probe(s, node)};
    if (ticket->run != s->nodes[node].pg.run) {
        memset(&fact.probe, 0, sizeof fact.probe);
        fact.probe.class = PROBE_ERROR;
    }
    sim_node_fact(s, node, &fact);
}

static void act_probe(struct sim *s, int node, uint32_t timeout_ms)
{
    const struct sim_node *n = &s->nodes[node];
    struct probe_ticket *ticket = malloc(sizeof *ticket);
    ticket->run = n->pg.run;
    uint64_t delay_us = n->pg.hung ? timeout_ms * SIM_MS : 3 * sim_hop(s);
    sim_after(s, delay_us, probed, node, n->agent_run, ticket);
}

static void start_again(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_node *n = &s->nodes[node];
    if (n->host_up && !n->agent_runs && generation == n->agent_run) {
        sim_agent_start(s, node);
    }
}

static void act_exit(struct sim *s, int node, int exit_status)
{
    sim_say(s, "%s: agent exits with %d", s->nodes[node].name, exit_status);
    if (sim_pg_runs(&s->nodes[node].pg)) {
        sim_break(s, "I15: return", "%s exits and leaves PostgreSQL", s->nodes[node].name);
    }
    sim_agent_crash(s, node);
    sim_after(s, 500 * SIM_MS + sim_random(s, 3 * SIM_S), start_again, node,
              s->nodes[node].agent_run, NULL);
}

static int upstream_index(const struct sim *s, const struct upstream *upstream)
{
    return upstream->node[0] == '\0' ? -1 : sim_node_index(s, upstream->node);
}

static void act_follow(struct sim *s, int node, const struct upstream *upstream)
{
    s->nodes[node].pg.upstream = upstream_index(s, upstream);
}

void sim_act(struct sim *s, int node, const struct action *action)
{
    struct sim_node *n = &s->nodes[node];
    check_i2_act(s, node, action);
    switch (action->kind) {
    case ACTION_APPEND:
        check_i4_sent(s, node, &action->as.event);
        check_i7_sent(s, node, &action->as.event);
        sim_append(s, &action->as.event, node);
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
        sim_after(s, sim_delay(s, 500, 10 * SIM_MS), inspected, node, n->agent_run, NULL);
        break;
    case ACTION_PROBE:
        act_probe(s, node, action->as.timeout_ms);
        break;
    case ACTION_START:
        sim_say(s, "%s: starts PostgreSQL %s", n->name,
                action->as.start.as_primary ? "as a primary" : "in recovery");
        sim_pg_start(s, node, action->as.start.as_primary,
                     upstream_index(s, &action->as.start.upstream));
        break;
    case ACTION_FOLLOW:
        act_follow(s, node, &action->as.start.upstream);
        break;
    case ACTION_STOP:
        sim_pg_stop(s, node, action->as.stop_mode);
        break;
    case ACTION_KILL:
        sim_say(s, "%s: kills PostgreSQL", n->name);
        sim_pg_kill(s, node, true);
        break;
    case ACTION_TASK:
        sim_say(s, "%s: task %s", n->name, task_name(action->as.task.task));
        sim_pg_task(s, node, action->as.task.task, &action->as.task.upstream);
        break;
    case ACTION_SLOTS:
        break;
    case ACTION_SAY:
        sim_say(s, "%s: \"%s\"", n->name, action->as.say.text);
        break;
    case ACTION_EXIT:
        act_exit(s, node, action->as.exit_status);
        break;
    case ACTION_COUNT:
        break;
    }
}
