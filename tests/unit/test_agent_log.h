/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_agent_log.h - the log of the bench: what peers, monitors and the agent say is encoded, given
 * a sequence number and read back through the real codec and fold.
 */
#ifndef PGBATON_TEST_AGENT_LOG_H
#define PGBATON_TEST_AGENT_LOG_H

#include "../../agent/act.h"
#include "../../agent/decide.h"
#include "../../proto/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SYSTEM_ID 7000000000000000001U
#define TRACE_MAX 4096
#define PENDING_MAX 256

struct bench {
    struct agent a;
    struct codec_arena arena;
    uint64_t now_ms;
    uint64_t next_ms; /* what the last step asked for */
    uint64_t seq;
    uint64_t peer_counter;
    uint64_t persisted_incarnation;

    bool answers[ACTION_COUNT]; /* answer this kind of action at once */
    bool drops_appends;         /* what the agent appends never reaches the log */
    struct inspection inspection;
    struct probe_result probe;
    struct position promoted; /* what a promotion answers */
    bool task_ok;

    uint32_t trace_count;
    struct action trace[TRACE_MAX];
    uint32_t pending_count;
    struct action pending[PENDING_MAX];
};

static inline void bench_pump(struct bench *b);

static inline void bench_step(struct bench *b, struct fact *fact)
{
    static struct action_list list;
    fact->now_ms = b->now_ms;
    fact->wall_us = 1700000000000000U + b->now_ms * 1000;
    agent_step(&b->a, fact, &b->arena, &list);
    b->next_ms = list.next_ms;
    for (uint32_t i = 0; i < list.count; i++) {
        assert_true(b->trace_count < TRACE_MAX && b->pending_count < PENDING_MAX);
        b->trace[b->trace_count++] = list.items[i];
        b->pending[b->pending_count++] = list.items[i];
    }
}

static inline void bench_play(struct bench *b, struct fact *fact)
{
    bench_step(b, fact);
    bench_pump(b);
}

/* ---- the log ---- */

static inline void bench_store(struct bench *b, const struct event *e)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    size_t size = codec_encode(e, bytes, sizeof bytes);
    assert_true(size > 0);
    assert_true(subject_of_event(e, subject));
    struct fact fact = {
            .kind = FACT_RECORD, .subject = subject, .seq = ++b->seq, .data = bytes, .size = size};
    bench_step(b, &fact);
}

static inline struct event bench_event(struct bench *b, const char *writer, enum event_kind kind)
{
    struct event e = {.version = SCHEMA_VERSION, .incarnation = 1, .kind = kind};
    snprintf(e.cluster, sizeof e.cluster, "demo");
    snprintf(e.writer, sizeof e.writer, "%s", writer);
    e.counter = ++b->peer_counter;
    e.wall_us = 1700000000000000U + b->now_ms * 1000;
    return e;
}

static inline struct event bench_decision(struct bench *b, enum event_kind kind)
{
    struct event e = bench_event(b, "monitor-1", kind);
    cluster_fill_decision(&b->a.cluster, &e.decision);
    snprintf(e.decision.rule, sizeof e.decision.rule, "test");
    e.decision.evidence.renewal_age_ms = 100000;
    e.decision.evidence.hearing_ms = 100000;
    return e;
}

static inline struct probe bench_look(enum node_state state, uint32_t timeline, uint64_t lsn)
{
    struct probe p = {.state = state, .position = {timeline, lsn}, .clean = true};
    p.system_id = state == NODE_EMPTY ? 0 : SYSTEM_ID;
    p.streaming = state == NODE_STANDBY;
    return p;
}

static inline void bench_peer_hello(struct bench *b, const char *node, struct probe look)
{
    struct event e = bench_event(b, node, EVENT_HELLO);
    e.body.hello.probe = look;
    snprintf(e.body.hello.host, sizeof e.body.hello.host, "%s.example", node);
    e.body.hello.port = 5432;
    bench_store(b, &e);
}

static inline void bench_peer_probe(struct bench *b, const char *node, struct probe look,
                                    uint64_t election_term)
{
    struct event e = bench_event(b, node, EVENT_PROBE);
    e.body.probe = look;
    e.body.probe.election_term = election_term;
    bench_store(b, &e);
}

static inline void bench_peer_renew(struct bench *b, const char *node)
{
    struct event e = bench_event(b, node, EVENT_RENEW);
    e.body.renew = (struct renew){.term = b->a.cluster.term, .ttl_ms = 3000};
    bench_store(b, &e);
}

static inline void bench_peer_release(struct bench *b, const char *node)
{
    struct event e = bench_event(b, node, EVENT_RELEASE);
    e.body.release = (struct release){.term = b->a.cluster.term, .reason = REASON_POSTMASTER_DIED};
    bench_store(b, &e);
}

static inline void bench_peer_done(struct bench *b, const char *node, enum task task,
                                   struct position position)
{
    struct event e = bench_event(b, node, EVENT_DONE);
    e.body.task.task = task;
    e.body.task.term = b->a.cluster.term;
    e.body.task.position = position;
    for (uint32_t i = 1; i < position.timeline; i++) {
        e.body.task.history.entries[i - 1] = (struct history_entry){i, position.lsn};
        e.body.task.history.count = i;
    }
    bench_store(b, &e);
}

static inline struct event bench_grant_event(struct bench *b, const char *node,
                                             enum grant_kind kind)
{
    struct event e = bench_decision(b, EVENT_GRANT);
    struct grant *g = &e.body.grant;
    int32_t i = cluster_find_node(&b->a.cluster, node);
    assert_true(i >= 0);
    g->term = b->a.cluster.term + 1;
    g->kind = kind;
    snprintf(g->node, sizeof g->node, "%s", node);
    g->incarnation = b->a.cluster.nodes[i].incarnation;
    g->position = b->a.cluster.nodes[i].position;
    g->timeline = kind == GRANT_FAILOVER ? b->a.cluster.timeline_max + 1 : 0;
    g->renewal_seq = b->a.cluster.lease.renewal_seq;
    g->loss_bytes = kind == GRANT_FAILOVER ? cluster_lag_bytes(&b->a.cluster, i) : 0;
    return e;
}

static inline void bench_grant(struct bench *b, const char *node, enum grant_kind kind)
{
    struct event e = bench_grant_event(b, node, kind);
    uint64_t term = b->a.cluster.term;
    bench_store(b, &e);
    assert_int_equal(b->a.cluster.term, term + 1); /* it was effective */
    bench_pump(b);
}

static inline void bench_revoke(struct bench *b)
{
    struct event e = bench_decision(b, EVENT_REVOKE);
    e.body.revoke.term = b->a.cluster.term;
    e.body.revoke.renewal_seq = b->a.cluster.lease.renewed ? b->a.cluster.lease.renewal_seq : 0;
    bench_store(b, &e);
    assert_int_equal(b->a.cluster.phase, PHASE_REVOKED);
    bench_pump(b);
}

static inline void bench_directive(struct bench *b, const char *node, uint64_t incarnation,
                                   enum task task)
{
    struct event e = bench_decision(b, EVENT_DIRECTIVE);
    struct directive *d = &e.body.directive;
    snprintf(d->node, sizeof d->node, "%s", node);
    d->incarnation = incarnation;
    d->term = b->a.cluster.term;
    d->task = task;
    bench_store(b, &e);
    bench_pump(b);
}

#endif
