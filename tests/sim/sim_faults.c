/* SPDX-License-Identifier: PostgreSQL */
/* What goes wrong, and how it is mended. */
#include "sim.h"

#include "../../proto/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void disturb(struct sim *s, int node)
{
    struct fact fact = {.kind = FACT_DISTURBED};
    sim_node_fact(s, node, &fact);
}

static void tell_orphaned(struct sim *s, int node)
{
    struct fact fact = {.kind = FACT_GUARD, .guard = GUARD_ORPHANED};
    sim_node_fact(s, node, &fact);
}

static void fault_kill_postmaster(struct sim *s, int node)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    if (pg->postmaster) {
        pg->postmaster = false;
        pg->orphans = true;
        tell_orphaned(s, node);
    }
}

static void fault_kill_postgres(struct sim *s, int node)
{
    if (sim_pg_runs(&s->nodes[node].pg)) {
        sim_pg_kill(s, node, false);
        tell_orphaned(s, node);
    }
}

/* Data is lost only while another node holds what the last term wrote: more is an operator's case.
 */
static bool another_is_current(const struct sim *s, int node)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_pg *pg = &s->nodes[i].pg;
        if ((int)i == node || pg->verdict != DATA_INTACT || pg->incomplete || pg->wal.count == 0) {
            continue;
        }
        if (pg->wal.branches[pg->wal.count - 1].id == s->reference_branch && !pg->was_primary) {
            return true;
        }
    }
    return false;
}

static void lose_data(struct sim *s, int node, enum data_verdict verdict)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    bool settled = s->truth.phase == PHASE_HELD && s->truth.writable;
    if (pg->verdict == DATA_INTACT && settled && another_is_current(s, node)) {
        pg->verdict = verdict;
        disturb(s, node);
    }
}

static void fault_rm_data(struct sim *s, int node)
{
    lose_data(s, node, DATA_EMPTY);
}

static void fault_damage(struct sim *s, int node)
{
    lose_data(s, node, sim_chance(s, 50) ? DATA_DAMAGED : DATA_UNREADABLE);
}

static void fault_hang(struct sim *s, int node)
{
    if (s->nodes[node].pg.postmaster) {
        s->nodes[node].pg.hung = true;
    }
}

static void agent_back(struct sim *s, int node, uint64_t run, void *argument)
{
    (void)argument;
    struct sim_node *n = &s->nodes[node];
    if (n->host_up && !n->agent_runs && run == n->agent_run) {
        sim_agent_start(s, node);
    }
}

static void fault_agent_crash(struct sim *s, int node)
{
    if (s->nodes[node].agent_runs) {
        sim_agent_crash(s, node);
        sim_after(s, 1 * SIM_MS + sim_random(s, 600 * SIM_MS), agent_back, node,
                  s->nodes[node].agent_run, NULL);
    }
}

static void crashes(struct sim *s, int node, uint64_t agent_run, void *argument)
{
    (void)argument;
    if (agent_run == s->nodes[node].agent_run) {
        fault_agent_crash(s, node);
    }
}

/* What an agent has sent last arrives when it has been restarted. */
static void fault_late_words(struct sim *s, int node)
{
    uint64_t slow_us = sim_random(s, 1500 * SIM_MS);
    s->nodes[node].reader.slow_us = s->now_us + slow_us;
    sim_after(s, slow_us, crashes, node, s->nodes[node].agent_run, NULL);
}

static void agent_resumes(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    if (s->nodes[node].agent_paused) {
        s->nodes[node].agent_paused = false;
        sim_node_resume(s, node);
    }
}

static void fault_agent_pause(struct sim *s, int node)
{
    if (!s->nodes[node].agent_paused && s->nodes[node].agent_runs) {
        s->nodes[node].agent_paused = true;
        sim_after(s, sim_span(s, 8 * SIM_S), agent_resumes, node, 0, NULL);
    }
}

static void host_boots(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up) {
        n->host_up = true;
        sim_agent_start(s, node);
    }
}

static void fault_host_crash(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up) {
        return;
    }
    sim_agent_crash(s, node);
    sim_pg_kill(s, node, false);
    n->host_up = false;
    n->host_frozen = false;
    n->agent_paused = false;
    n->guard = (struct sim_guard){0};
    /* A clock that counts from the boot would restart; an offset of its own covers that. */
    n->lease_limit_ms = 0;
    sim_after(s, 500 * SIM_MS + sim_random(s, 10 * SIM_S), host_boots, node, 0, NULL);
}

static void host_thaws(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    if (s->nodes[node].host_frozen) {
        s->nodes[node].host_frozen = false;
        sim_guard_look(s, node);
        if (s->nodes[node].pg.postmaster && !s->nodes[node].pg.accepting) {
            sim_pg_kill(s, node, false);
            tell_orphaned(s, node);
        }
        sim_node_resume(s, node);
    }
}

static void fault_freeze(struct sim *s, int node)
{
    if (s->nodes[node].host_up && !s->nodes[node].host_frozen) {
        s->nodes[node].host_frozen = true;
        sim_after(s, sim_span(s, 10 * SIM_S), host_thaws, node, 0, NULL);
    }
}

static void partition_heals(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    if (s->nodes[node].partitioned) {
        s->nodes[node].partitioned = false;
        if (s->nodes[node].agent_runs) {
            sim_reader_connect(s, node);
        }
    }
}

static void fault_partition(struct sim *s, int node)
{
    if (!s->nodes[node].partitioned) {
        s->nodes[node].partitioned = true;
        sim_reader_disconnect(s, node);
        sim_after(s, sim_span(s, 10 * SIM_S), partition_heals, node, 0, NULL);
    }
}

static void log_returns(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)node;
    (void)generation;
    (void)argument;
    if (s->log_down) {
        sim_log_outage(s, false);
    }
}

static void fault_log_outage(struct sim *s, int node)
{
    if (!s->log_down) {
        sim_log_outage(s, true);
        sim_after(s, sim_span(s, 8 * SIM_S), log_returns, node, 0, NULL);
    }
}

static void monitor_back(struct sim *s, int monitor, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    if (!s->monitors[monitor].runs) {
        sim_monitor_start(s, monitor);
    }
}

static void fault_monitor_crash(struct sim *s, int node)
{
    (void)node;
    int monitor = (int)sim_random(s, s->options.monitors);
    if (s->monitors[monitor].runs) {
        sim_monitor_crash(s, monitor);
        sim_after(s, 50 * SIM_MS + sim_random(s, 5 * SIM_S), monitor_back, monitor, 0, NULL);
    }
}

static void monitor_resumes(struct sim *s, int monitor, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    sim_monitor_resume(s, monitor);
}

static void fault_monitor_pause(struct sim *s, int node)
{
    (void)node;
    int monitor = (int)sim_random(s, s->options.monitors);
    s->monitors[monitor].paused = true;
    sim_after(s, sim_span(s, 8 * SIM_S), monitor_resumes, monitor, 0, NULL);
}

static void fault_garbage(struct sim *s, int node)
{
    (void)node;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)sim_random(s, 256);
    }
    static const char *const subjects[] = {"pgbaton.demo.decision", "pgbaton.demo.lock.node-1",
                                           "pgbaton.demo.probe.node-2"};
    /* Wire type 7 does not exist: never an event, and never taken for one of a newer version. */
    bytes[0] = 0x07;
    sim_store(s, subjects[sim_random(s, 3)], bytes, sim_random(s, sizeof bytes) + 1);
}

static void fault_old_record(struct sim *s, int node)
{
    (void)node;
    if (s->record_count > 0) {
        uint64_t newest = s->record_count < 40 ? s->record_count : 40;
        uint64_t back = sim_chance(s, 60) ? sim_random(s, newest) : sim_random(s, s->record_count);
        struct sim_record old = s->records[s->record_count - 1 - back];
        sim_store(s, old.subject, old.data, old.size);
    }
}

static void replay_old(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    fault_old_record(s, node);
}

/* Somebody appends a whole piece of the log again. */
static void fault_old_records(struct sim *s, int node)
{
    for (uint64_t i = 0; i < 20; i++) {
        sim_after(s, i * sim_random(s, 40 * SIM_MS), replay_old, node, 0, NULL);
    }
}

/* Another disk: the vote is gone, and often the data, when it is not the last copy. */
static void fault_vote_lost(struct sim *s, int node)
{
    fault_host_crash(s, node);
    memset(&s->nodes[node].vote, 0, sizeof s->nodes[node].vote);
    if (sim_chance(s, 50)) {
        lose_data(s, node, DATA_EMPTY);
    }
}

static int64_t wall_step_us(struct sim *s)
{
    return (int64_t)sim_random(s, 7200 * SIM_S) - 3600 * (int64_t)SIM_S;
}

static void fault_wall_step(struct sim *s, int node)
{
    s->nodes[node].wall_offset_us += wall_step_us(s);
    s->monitors[sim_random(s, s->options.monitors)].wall_offset_us += wall_step_us(s);
}

/* Another agent of this name says hello, with an empty directory of its own, and is stopped. */
static void fault_twin(struct sim *s, int node)
{
    int32_t i = cluster_find_node(&s->truth, s->nodes[node].name);
    if (i < 0 || s->log_down) {
        return;
    }
    struct event e;
    memset(&e, 0, sizeof e);
    e.version = SCHEMA_VERSION;
    e.kind = EVENT_HELLO;
    snprintf(e.cluster, sizeof e.cluster, "demo");
    memcpy(e.writer, s->nodes[node].name, sizeof e.writer);
    e.incarnation = s->truth.nodes[i].incarnation + 1 + sim_random(s, SIM_S);
    e.counter = 1;
    e.wall_us = sim_wall_us(s);
    e.body.hello.probe.state = NODE_EMPTY;
    e.body.hello.probe.reason = REASON_DATA_DIRECTORY_EMPTY;
    snprintf(e.body.hello.host, sizeof e.body.hello.host, "127.0.0.1");
    uint8_t data[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    if (subject_of_event(&e, subject)) {
        sim_store(s, subject, data, codec_encode(&e, data, sizeof data));
    }
}

static void fault_config(struct sim *s, int node)
{
    (void)node;
    sim_reconfigure(s);
}

static void fault_terminate(struct sim *s, int node)
{
    struct fact fact = {.kind = FACT_TERMINATE};
    sim_node_fact(s, node, &fact);
}

static void fault_ask(struct sim *s, int node)
{
    struct fact fact = {.kind = FACT_ASKED};
    sim_node_fact(s, node, &fact);
}

/* A reader's link looks well, and nothing arrives for a while, or nothing that it sends. */
static int any_reader(struct sim *s, int node)
{
    bool monitor = sim_chance(s, 40);
    return monitor ? SIM_NODES_MAX + (int)sim_random(s, s->options.monitors) : node;
}

static void fault_stall(struct sim *s, int node)
{
    sim_reader_of(s, any_reader(s, node))->stalled_us = s->now_us + sim_span(s, 8 * SIM_S);
}

static void fault_mute(struct sim *s, int node)
{
    sim_reader_of(s, any_reader(s, node))->mute_us = s->now_us + sim_span(s, 8 * SIM_S);
}

static void monitor_heals(struct sim *s, int monitor, uint64_t generation, void *argument)
{
    (void)generation;
    (void)argument;
    struct sim_monitor *m = &s->monitors[monitor];
    if (m->partitioned) {
        m->partitioned = false;
        if (m->runs) {
            sim_reader_connect(s, SIM_NODES_MAX + monitor);
        }
    }
}

static void fault_monitor_partition(struct sim *s, int node)
{
    (void)node;
    int monitor = (int)sim_random(s, s->options.monitors);
    if (!s->monitors[monitor].partitioned) {
        s->monitors[monitor].partitioned = true;
        sim_reader_disconnect(s, SIM_NODES_MAX + monitor);
        sim_after(s, sim_span(s, 8 * SIM_S), monitor_heals, monitor, 0, NULL);
    }
}

struct fault {
    const char *name;
    void (*strike)(struct sim *s, int node);
    uint32_t weight;
};

static const struct fault faults[] = {
        {"kill-postmaster", fault_kill_postmaster, 6},
        {"kill-postgres", fault_kill_postgres, 6},
        {"rm-data", fault_rm_data, 6},
        {"damage", fault_damage, 3},
        {"hang", fault_hang, 4},
        {"agent-crash", fault_agent_crash, 6},
        {"late-words", fault_late_words, 4},
        {"agent-pause", fault_agent_pause, 6},
        {"host-crash", fault_host_crash, 6},
        {"freeze", fault_freeze, 5},
        {"partition", fault_partition, 7},
        {"log-outage", fault_log_outage, 4},
        {"monitor-crash", fault_monitor_crash, 5},
        {"monitor-pause", fault_monitor_pause, 4},
        {"garbage", fault_garbage, 3},
        {"old-record", fault_old_record, 5},
        {"old-records", fault_old_records, 3},
        {"vote-lost", fault_vote_lost, 4},
        {"wall-step", fault_wall_step, 4},
        {"twin", fault_twin, 3},
        {"config", fault_config, 5},
        {"terminate", fault_terminate, 3},
        {"ask", fault_ask, 1},
        {"stall", fault_stall, 6},
        {"mute", fault_mute, 5},
        {"monitor-partition", fault_monitor_partition, 4},
};

/* Half of the faults hit the leader: that is where it matters. */
static int choose_node(struct sim *s)
{
    int32_t holder = cluster_holder(&s->truth);
    if (holder != LEADER_NONE && sim_chance(s, 50)) {
        int node = sim_node_index(s, s->truth.nodes[holder].name);
        return node >= 0 ? node : 0;
    }
    return (int)sim_random(s, s->options.nodes);
}

void sim_fault(struct sim *s)
{
    uint32_t total = 0;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        total += faults[i].weight;
    }
    uint64_t draw = sim_random(s, total);
    size_t chosen = 0;
    while (draw >= faults[chosen].weight) {
        draw -= faults[chosen].weight;
        chosen++;
    }
    int node = choose_node(s);
    sim_say(s, "FAULT %s %s", faults[chosen].name, s->nodes[node].name);
    s->fault_count++;
    sim_cover_fault(chosen);
    faults[chosen].strike(s, node);
}

const char *sim_fault_name(size_t index)
{
    return index < sizeof faults / sizeof faults[0] ? faults[index].name : NULL;
}

static void link_mends(struct sim *s, int reader)
{
    sim_reader_of(s, reader)->stalled_us = 0;
    sim_reader_of(s, reader)->mute_us = 0;
    sim_reader_of(s, reader)->slow_us = 0;
}

void sim_mend_all(struct sim *s)
{
    log_returns(s, 0, 0, NULL);
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        sim_monitor_resume(s, (int)i);
        monitor_heals(s, (int)i, 0, NULL);
        link_mends(s, SIM_NODES_MAX + (int)i);
        monitor_back(s, (int)i, 0, NULL);
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        link_mends(s, (int)i);
        host_boots(s, (int)i, 0, NULL);
        host_thaws(s, (int)i, 0, NULL);
        partition_heals(s, (int)i, 0, NULL);
        agent_resumes(s, (int)i, 0, NULL);
        agent_back(s, (int)i, n->agent_run, NULL);
    }
}
