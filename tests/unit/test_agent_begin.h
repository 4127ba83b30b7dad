/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_agent_begin.h - what the agent on the bench did, and the situations that tests begin with.
 */
#ifndef PGBATON_TEST_AGENT_BEGIN_H
#define PGBATON_TEST_AGENT_BEGIN_H

#include "test_agent_bench.h"

/* ---- what the agent did ---- */

static inline void bench_forget(struct bench *b)
{
    b->trace_count = 0;
}

/* Place of the first action of this kind in the trace, from `from` on; -1: none. */
static inline int bench_find(const struct bench *b, enum action_kind kind, int from)
{
    for (uint32_t i = (uint32_t)from; i < b->trace_count; i++) {
        if (b->trace[i].kind == kind) {
            return (int)i;
        }
    }
    return -1;
}

static inline bool bench_did(const struct bench *b, enum action_kind kind)
{
    return bench_find(b, kind, 0) >= 0;
}

static inline int bench_find_event(const struct bench *b, enum event_kind kind, int from)
{
    for (int i = bench_find(b, ACTION_APPEND, from); i >= 0;
         i = bench_find(b, ACTION_APPEND, i + 1)) {
        if (b->trace[i].as.event.kind == kind) {
            return i;
        }
    }
    return -1;
}

static inline int bench_find_task(const struct bench *b, enum task task)
{
    for (int i = bench_find(b, ACTION_TASK, 0); i >= 0; i = bench_find(b, ACTION_TASK, i + 1)) {
        if (b->trace[i].as.task.task == task) {
            return i;
        }
    }
    return -1;
}

static inline const struct event *bench_event_at(const struct bench *b, int i)
{
    assert_true(i >= 0);
    return &b->trace[i].as.event;
}

/* Place of the first renewal that names a restart; -1: none. */
static inline int bench_find_telling(const struct bench *b)
{
    int i = bench_find_event(b, EVENT_RENEW, 0);
    while (i >= 0 && bench_event_at(b, i)->body.renew.restart.number == 0) {
        i = bench_find_event(b, EVENT_RENEW, i + 1);
    }
    return i;
}

static inline bool bench_said(const struct bench *b, const char *words)
{
    for (int i = bench_find(b, ACTION_SAY, 0); i >= 0; i = bench_find(b, ACTION_SAY, i + 1)) {
        if (strstr(b->trace[i].as.say.text, words) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- beginnings ---- */

static inline void bench_init(struct bench *b, const char *node)
{
    memset(b, 0, sizeof *b);
    struct agent_self self = {.port = 5432};
    snprintf(self.cluster, sizeof self.cluster, "demo");
    snprintf(self.node, sizeof self.node, "%s", node);
    snprintf(self.host, sizeof self.host, "%s.example", node);
    struct vote none = {.incarnation = 0};
    agent_init(&b->a, &self, &none, 5000);
    b->now_ms = 1000;
    b->task_ok = true;
    b->promoted = (struct position){1, 100};
    b->inspection.verdict = DATA_EMPTY;
    b->probe = (struct probe_result){.class = PROBE_OK,
                                     .in_recovery = true,
                                     .position = {1, 100},
                                     .replay_lsn = 100,
                                     .system_id = SYSTEM_ID,
                                     .streaming = true};
    for (int i = 0; i < ACTION_COUNT; i++) {
        b->answers[i] = true;
    }
}

static inline void bench_intact(struct bench *b)
{
    b->inspection = (struct inspection){.verdict = DATA_INTACT,
                                        .system_id = SYSTEM_ID,
                                        .clean = true,
                                        .position = {1, 100},
                                        .pg_version = 150004};
}

/* The agent is restarted and has read the log again; PostgreSQL does not notice. */
static inline void bench_restart_agent(struct bench *b)
{
    struct agent_self self = b->a.self;
    struct vote vote = b->a.vote;
    struct cluster cluster = b->a.cluster;
    struct agent_grant grant = b->a.grant;
    agent_init(&b->a, &self, &vote, 1);
    b->a.cluster = cluster;
    b->a.grant = grant;
    b->a.me = cluster_find_node(&cluster, self.node);
    b->pending_count = 0;
}

/* Two others of an empty cluster said hello before this agent came. */
static inline void bench_begin(struct bench *b)
{
    bench_peer_hello(b, "node-3", bench_look(NODE_EMPTY, 0, 0));
    struct event e = bench_decision(b, EVENT_CONFIG);
    e.body.config = config_default();
    bench_store(b, &e);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    assert_true(b->a.ready);
}

/* The probes of a primary show that the node streams from it. */
static inline void bench_stream(struct bench *b, const char *node)
{
    struct replica_row *row = &b->probe.replicas[b->probe.replica_count++];
    *row = (struct replica_row){.streaming = true, .flush_lsn = b->probe.position.lsn};
    snprintf(row->name, sizeof row->name, "%s", node);
}

/* node-1 leads term 1, bootstrapped by this agent, writable; node-3 could take over. */
static inline void bench_leader(struct bench *b)
{
    bench_init(b, "node-1");
    bench_begin(b);
    bench_stream(b, "node-3");
    bench_grant(b, "node-1", GRANT_BOOTSTRAP);
    bench_wait(b, 100);
    assert_true(b->a.cluster.writable);
    assert_int_equal(b->a.pg.role, ROLE_PRIMARY);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    bench_forget(b);
}

/* node-1 (a peer) leads term 1, writable. */
static inline void bench_foreign_leader(struct bench *b)
{
    bench_peer_hello(b, "node-1", bench_look(NODE_EMPTY, 0, 0));
    struct event e = bench_grant_event(b, "node-1", GRANT_BOOTSTRAP);
    bench_store(b, &e);
    bench_peer_renew(b, "node-1");
    bench_peer_probe(b, "node-1", bench_look(NODE_PRIMARY, 1, 100), 0);
    bench_peer_done(b, "node-1", TASK_PROMOTE, (struct position){1, 100});
    bench_peer_done(b, "node-1", TASK_FIRST_WRITE, (struct position){1, 100});
    assert_true(b->a.cluster.writable);
}

/* This agent is node-2 with an intact data directory, streaming from node-1. */
static inline void bench_standby(struct bench *b)
{
    bench_init(b, "node-2");
    bench_intact(b);
    bench_peer_hello(b, "node-3", bench_look(NODE_EMPTY, 0, 0));
    bench_foreign_leader(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 100);
    assert_int_equal(b->a.pg.role, ROLE_STANDBY);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_STANDBY);
    bench_forget(b);
}

#endif
