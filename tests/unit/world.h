/* SPDX-License-Identifier: PostgreSQL */
/*
 * world.h - a small log for tests of the fold: builds events as agents and monitors would, and
 * folds them with growing sequence numbers.
 */
#ifndef PGBATON_TESTS_WORLD_H
#define PGBATON_TESTS_WORLD_H

#include "../../proto/digest.h"
#include "../../proto/election.h"
#include "../../proto/fold.h"
#include "../../proto/invariant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SYSTEM_ID 7000000000000000001U

struct world {
    struct cluster c;
    uint64_t seq;
    uint64_t counter;
    struct outcome last;
};

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    cluster_init(&w->c, "demo");
}

static inline struct event world_event(struct world *w, const char *writer, enum event_kind kind)
{
    struct event e = {.version = SCHEMA_VERSION, .incarnation = 1, .kind = kind};
    snprintf(e.cluster, sizeof e.cluster, "demo");
    snprintf(e.writer, sizeof e.writer, "%s", writer);
    e.counter = ++w->counter;
    e.wall_us = 1000000 + w->counter * 1000;
    return e;
}

static inline enum void_reason world_fold(struct world *w, struct event *e)
{
    e->seq = ++w->seq;
    if (event_is_decision(e->kind)) {
        memset(e->hash, (int)(e->seq & 0xff), HASH_SIZE);
    }
    w->last = cluster_fold(&w->c, e);
    assert_null(invariant_check(&w->c));
    return w->last.void_reason;
}

static inline struct event world_decision(struct world *w, enum event_kind kind)
{
    struct event e = world_event(w, "monitor-1", kind);
    cluster_fill_decision(&w->c, &e.decision);
    snprintf(e.decision.rule, sizeof e.decision.rule, "test");
    e.decision.evidence.renewal_age_ms = 100000;
    e.decision.evidence.hearing_ms = 100000;
    e.decision.evidence.phase_age_ms = 100000;
    e.decision.evidence.alive_mask = 0xffff;
    e.decision.evidence.verdict_age_ms = 100000;
    e.decision.evidence.failover_age_ms = 100000000; /* every bucket is full again */
    for (uint32_t i = 0; i < w->c.node_count; i++) {
        e.decision.evidence.rebuild_age_ms[i] = 100000000;
    }
    return e;
}

static inline struct probe world_probe(enum node_state state, uint32_t timeline, uint64_t lsn)
{
    struct probe p = {.state = state, .position = {timeline, lsn}, .clean = true};
    p.system_id = state == NODE_EMPTY ? 0 : SYSTEM_ID;
    p.streaming = state == NODE_STANDBY;
    return p;
}

/* What a primary has left that stands still. */
static inline struct probe world_stopped_primary(uint32_t timeline, uint64_t lsn)
{
    struct probe p = world_probe(NODE_STOPPED, timeline, lsn);
    p.was_primary = true;
    return p;
}

static inline enum void_reason world_hello(struct world *w, const char *node, struct probe p)
{
    struct event e = world_event(w, node, EVENT_HELLO);
    e.body.hello.probe = p;
    snprintf(e.body.hello.host, sizeof e.body.hello.host, "127.0.0.1");
    e.body.hello.port = 5432;
    e.body.hello.agent_port = 8009;
    e.body.hello.anchor.term = w->c.term;
    e.body.hello.anchor.grant_seq = w->c.grant_seq;
    return world_fold(w, &e);
}

static inline enum void_reason world_report(struct world *w, const char *node, struct probe p,
                                            uint64_t election_term)
{
    struct event e = world_event(w, node, EVENT_PROBE);
    e.body.probe = p;
    e.body.probe.election_term = election_term;
    return world_fold(w, &e);
}

static inline struct event world_grant_event(struct world *w, const char *node,
                                             enum grant_kind kind)
{
    struct event e = world_decision(w, EVENT_GRANT);
    struct grant *g = &e.body.grant;
    g->term = w->c.term + 1;
    g->kind = kind;
    snprintf(g->node, sizeof g->node, "%s", node);
    int32_t i = cluster_find_node(&w->c, node);
    g->incarnation = i >= 0 ? w->c.nodes[i].incarnation : 0;
    g->timeline = kind == GRANT_FAILOVER ? w->c.timeline_max + 1 : 0;
    g->renewal_seq = w->c.lease.renewed ? w->c.lease.renewal_seq : 0;
    if (kind == GRANT_FAILOVER && i >= 0) {
        g->loss_bytes = cluster_lag_bytes(&w->c, i);
        g->loss_known = cluster_loss_is_known(&w->c, i);
        g->leader_position = w->c.lease.position;
        g->leader_wall_us = w->c.lease.position_wall_us;
    }
    return e;
}

static inline enum void_reason world_grant(struct world *w, const char *node, enum grant_kind kind)
{
    struct event e = world_grant_event(w, node, kind);
    return world_fold(w, &e);
}

static inline enum void_reason world_renew(struct world *w, const char *node, uint64_t term)
{
    struct event e = world_event(w, node, EVENT_RENEW);
    e.body.renew = (struct renew){.term = term, .ttl_ms = 3000, .seen_seq = w->c.last_seq};
    return world_fold(w, &e);
}

static inline enum void_reason world_release(struct world *w, const char *node, uint64_t term)
{
    struct event e = world_event(w, node, EVENT_RELEASE);
    e.body.release = (struct release){.term = term, .reason = REASON_POSTMASTER_DIED};
    return world_fold(w, &e);
}

static inline enum void_reason world_revoke(struct world *w, uint64_t term)
{
    struct event e = world_decision(w, EVENT_REVOKE);
    e.body.revoke.term = term;
    e.body.revoke.renewal_seq = w->c.lease.renewed ? w->c.lease.renewal_seq : 0;
    return world_fold(w, &e);
}

static inline enum void_reason world_promoted(struct world *w, const char *node, uint32_t timeline,
                                              uint64_t opening_lsn)
{
    struct event e = world_event(w, node, EVENT_DONE);
    struct task_report *t = &e.body.task;
    t->task = TASK_PROMOTE;
    t->term = w->c.term;
    t->position = (struct position){timeline, opening_lsn};
    t->history.count = timeline - 1;
    for (uint32_t i = 0; i + 1 < timeline; i++) {
        t->history.entries[i] = (struct history_entry){i + 1, i + 2 == timeline ? opening_lsn : 1};
    }
    return world_fold(w, &e);
}

static inline enum void_reason world_first_write(struct world *w, const char *node)
{
    struct event e = world_event(w, node, EVENT_DONE);
    e.body.task.task = TASK_FIRST_WRITE;
    e.body.task.term = w->c.term;
    return world_fold(w, &e);
}

static inline enum void_reason world_config(struct world *w)
{
    struct event e = world_decision(w, EVENT_CONFIG);
    e.body.config = config_default();
    return world_fold(w, &e);
}

/* node-1 leads term 1 on timeline 1, writable; node-2 and node-3 stream. */
static inline void world_running(struct world *w)
{
    world_init(w);
    assert_int_equal(world_hello(w, "node-1", world_probe(NODE_EMPTY, 0, 0)), VOID_NONE);
    assert_int_equal(world_config(w), VOID_NONE);
    assert_int_equal(world_hello(w, "node-2", world_probe(NODE_EMPTY, 0, 0)), VOID_NONE);
    assert_int_equal(world_hello(w, "node-3", world_probe(NODE_EMPTY, 0, 0)), VOID_NONE);
    assert_int_equal(world_grant(w, "node-1", GRANT_BOOTSTRAP), VOID_NONE);
    assert_int_equal(world_renew(w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_report(w, "node-1", world_probe(NODE_PRIMARY, 1, 100), 0), VOID_NONE);
    assert_int_equal(world_promoted(w, "node-1", 1, 0), VOID_NONE);
    assert_int_equal(world_first_write(w, "node-1"), VOID_NONE);
    assert_int_equal(world_report(w, "node-2", world_probe(NODE_STANDBY, 1, 100), 0), VOID_NONE);
    assert_int_equal(world_report(w, "node-3", world_probe(NODE_STANDBY, 1, 100), 0), VOID_NONE);
}

/* node-2 leads term 2 on timeline 2, writable. */
static inline void world_fail_over(struct world *w)
{
    world_release(w, "node-1", 1);
    world_report(w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    assert_int_equal(world_grant(w, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_renew(w, "node-2", 2), VOID_NONE);
    assert_int_equal(world_promoted(w, "node-2", 2, 120), VOID_NONE);
    assert_int_equal(world_first_write(w, "node-2"), VOID_NONE);
}

static inline struct event world_directive(struct world *w, const char *node, enum task task)
{
    struct event e = world_decision(w, EVENT_DIRECTIVE);
    snprintf(e.body.directive.node, NAME_SIZE, "%s", node);
    e.body.directive.incarnation = 1;
    e.body.directive.term = w->c.term;
    e.body.directive.task = task;
    return e;
}

#endif
