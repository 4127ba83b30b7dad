/* SPDX-License-Identifier: PostgreSQL */
#include "forecast.h"

#include "../monitor/decide.h"
#include "../proto/sync.h"

#include <string.h>

/* All the time in the world: what waits for nothing but time has waited. */
#define LONG_MS UINT64_C(86400000)
/* Decisions that may come before the one that is asked for, as one on a request. */
#define STEP_COUNT 4

static const char author[] = "forecast";

static struct event event_of(const struct cluster *c, enum event_kind kind, const char *writer)
{
    struct event e = {.version = SCHEMA_VERSION, .kind = kind, .incarnation = 1, .counter = 1};
    memcpy(e.cluster, c->name, sizeof e.cluster);
    memcpy(e.writer, writer, strnlen(writer, NAME_SIZE - 1));
    e.seq = c->last_seq + 1;
    e.wall_us = c->lease.renewal_wall_us;
    return e;
}

static struct evidence evidence_of(uint32_t heard)
{
    return (struct evidence){.renewal_age_ms = LONG_MS,
                             .hearing_ms = LONG_MS,
                             .phase_age_ms = LONG_MS,
                             .sync_age_ms = LONG_MS,
                             .failover_age_ms = LONG_MS,
                             .verdict_age_ms = LONG_MS,
                             .heartbeat_seq = 1,
                             .alive_mask = heard};
}

static enum void_reason revoke(struct cluster *c, uint32_t heard)
{
    struct event e = event_of(c, EVENT_REVOKE, author);
    e.body.revoke.term = c->term;
    e.body.revoke.renewal_seq = cluster_last_renewal_seq(c);
    cluster_fill_decision(c, &e.decision);
    memcpy(e.decision.rule, author, sizeof author);
    e.decision.evidence = evidence_of(heard);
    return cluster_fold(c, &e).void_reason;
}

void forecast_report(struct cluster *c, uint32_t i)
{
    const struct node *n = &c->nodes[i];
    struct event e = event_of(c, EVENT_PROBE, n->name);
    e.incarnation = n->incarnation;
    e.counter = n->probe_mark.incarnation == n->incarnation ? n->probe_mark.counter + 1 : 1;
    e.body.probe = (struct probe){
            .state = n->state,
            .reason = n->reason,
            .position = n->position,
            .replay_lsn = n->replay_lsn,
            .system_id = n->system_id,
            .sealed = n->state == NODE_STANDBY,
            .clean = n->clean,
            .was_primary = n->was_primary,
            .failures = n->failures,
            .election_term = c->term,
    };
    e.body.probe.settings.pending_restart = n->pending_restart;
    e.body.probe.settings.pending_lowers = n->pending_lowers;
    e.body.probe.settings.parameters_seq = n->parameters_seq;
    (void)cluster_fold(c, &e);
}

static void report_all(struct cluster *c, uint32_t heard)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if ((heard >> i & 1U) != 0 && !c->nodes[i].removed) {
            forecast_report(c, i);
        }
    }
}

static bool is_answer(enum event_kind kind)
{
    return kind == EVENT_GRANT || kind == EVENT_NO_CANDIDATE;
}

/* False: nothing is decided. */
static bool take_decision(struct forecast *f, uint32_t heard)
{
    const struct evidence evidence = evidence_of(heard);
    const struct decide_options options = {.config = config_default()};
    for (int step = 0; step < STEP_COUNT; step++) {
        f->before = f->after;
        if (!decide(&f->before, &evidence, &options, &f->decision)) {
            return false;
        }
        struct event *e = &f->decision;
        const struct event head = event_of(&f->before, e->kind, author);
        memcpy(e->writer, head.writer, sizeof e->writer);
        e->incarnation = head.incarnation;
        e->counter = head.counter + (uint64_t)step;
        e->seq = head.seq;
        e->wall_us = head.wall_us;
        if (cluster_fold(&f->after, e).effective && is_answer(e->kind)) {
            return true;
        }
    }
    return false;
}

void forecast_make(const struct cluster *c, uint32_t heard, struct forecast *ret_forecast)
{
    struct forecast *f = ret_forecast;
    const int32_t leader = cluster_holder(c);
    memset(f, 0, sizeof *f);
    f->after = *c;
    if (leader == LEADER_NONE) {
        return;
    }
    const uint32_t left = heard & ~(UINT32_C(1) << (uint32_t)leader);
    f->silence_ms = sync_silence_ms(c, left);
    f->wait_ms = f->silence_ms;
    f->reason = revoke(&f->after, left);
    if (f->reason != VOID_NONE) {
        f->kind = FORECAST_KEPT;
        return;
    }
    report_all(&f->after, left);
    if (!take_decision(f, left)) {
        f->kind = FORECAST_WAITS;
        return;
    }
    f->kind = f->decision.kind == EVENT_GRANT ? FORECAST_GRANT : FORECAST_NO_CANDIDATE;
    const int32_t node = f->kind == FORECAST_GRANT
                                 ? cluster_find_node(c, f->decision.body.grant.node)
                                 : LEADER_NONE;
    if (node == LEADER_NONE || !sync_spares_wait(&f->before, node)) {
        f->wait_ms = cluster_wait_ms(c);
    }
}
