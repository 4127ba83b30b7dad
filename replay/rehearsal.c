/* SPDX-License-Identifier: PostgreSQL */
#include "rehearsal.h"

#include "../monitor/decide.h"
#include "../proto/policy.h"
#include "../proto/sync.h"
#include "forecast.h"

#include <string.h>

/* A monitor that has heard the log for long. */
#define LONG_MS UINT64_C(86400000)
/* Turns of time and of decisions without an event; more would be a circle. */
#define TURN_COUNT 64

static const char author[] = "whatif";

static uint64_t age_ms(const struct rehearsal *r, uint64_t then_us)
{
    return then_us != 0 && r->now_us > then_us ? (r->now_us - then_us) / 1000 : 0;
}

static struct evidence evidence_of(const struct rehearsal *r)
{
    return (struct evidence){.renewal_age_ms = age_ms(r, r->start.renewal_us),
                             .hearing_ms = LONG_MS,
                             .phase_age_ms = age_ms(r, r->phase_us),
                             .sync_age_ms = LONG_MS,
                             .failover_age_ms = age_ms(r, r->start.failover_us),
                             .verdict_age_ms = age_ms(r, r->verdict_us),
                             .heartbeat_seq = 1,
                             .alive_mask = r->start.heard};
}

/* ---- the fold ---- */

static bool fold(struct rehearsal *r, struct event *e)
{
    const uint64_t phase_seq = r->c.phase_seq;
    e->seq = e->seq > r->c.last_seq ? e->seq : r->c.last_seq + 1;
    const bool effective = cluster_fold(&r->c, e).effective;
    if (r->c.phase_seq != phase_seq) {
        r->phase_us = r->now_us;
    }
    if (r->over_us == 0 && cluster_has_ended(&r->c)) {
        r->over_us = r->now_us;
    }
    return effective;
}

static void sign(struct rehearsal *r, struct event *e)
{
    e->version = SCHEMA_VERSION;
    memcpy(e->cluster, r->c.name, sizeof e->cluster);
    memset(e->writer, 0, sizeof e->writer);
    memcpy(e->writer, author, sizeof author);
    e->incarnation = 1;
    e->counter = ++r->counter;
    e->wall_us = r->now_us;
    e->seq = r->c.last_seq + 1;
}

/* ---- decisions ---- */

static uint64_t silence_ms(const struct rehearsal *r)
{
    return sync_silence_ms(&r->c, r->start.heard & ~(UINT32_C(1) << (uint32_t)r->leader));
}

static void revoke(struct rehearsal *r)
{
    struct event e = {.kind = EVENT_REVOKE};
    sign(r, &e);
    e.body.revoke.term = r->c.term;
    e.body.revoke.renewal_seq = cluster_last_renewal_seq(&r->c);
    cluster_fill_decision(&r->c, &e.decision);
    memcpy(e.decision.rule, author, sizeof author);
    e.decision.evidence = evidence_of(r);
    (void)fold(r, &e);
}

/* True when something was decided, and something else may follow. */
static bool elect(struct rehearsal *r)
{
    const struct evidence evidence = evidence_of(r);
    const struct decide_options options = {.config = r->c.config};
    struct event e;
    if (!decide(&r->c, &evidence, &options, &e)) {
        return false;
    }
    sign(r, &e);
    if (!fold(r, &e)) {
        return false;
    }
    if (e.kind == EVENT_GRANT || e.kind == EVENT_NO_CANDIDATE) {
        r->decision = e;
        r->decision_us = r->now_us;
    }
    r->verdict_us = e.kind == EVENT_NO_CANDIDATE ? r->now_us : r->verdict_us;
    r->end = e.kind == EVENT_GRANT ? REHEARSAL_GRANT : r->end;
    return r->end == REHEARSAL_OPEN;
}

/* When the next thing is decided if nothing is heard; UINT64_MAX: never. */
static uint64_t next_us(const struct rehearsal *r)
{
    if (!cluster_has_ended(&r->c)) {
        return r->start.silent ? r->start.renewal_us + silence_ms(r) * 1000 : UINT64_MAX;
    }
    const struct evidence evidence = evidence_of(r);
    const uint64_t ms = decide_next_ms(&r->c, &evidence);
    return ms != UINT64_MAX && ms < LONG_MS ? r->now_us + ms * 1000 : UINT64_MAX;
}

/* Time passes, and what is due is decided. */
static void advance(struct rehearsal *r, uint64_t to_us)
{
    for (int turn = 0; turn < TURN_COUNT && r->end == REHEARSAL_OPEN; turn++) {
        if (cluster_has_ended(&r->c) && elect(r)) {
            continue;
        }
        const uint64_t due_us = next_us(r);
        if (r->end != REHEARSAL_OPEN || due_us > to_us) {
            break;
        }
        r->now_us = due_us > r->now_us ? due_us : r->now_us;
        if (!cluster_has_ended(&r->c)) {
            revoke(r);
        }
    }
    r->now_us = to_us != UINT64_MAX && to_us > r->now_us ? to_us : r->now_us;
}

/* ---- observations ---- */

static bool is_leaders(const struct rehearsal *r, const struct event *e)
{
    return event_is_agents(e->kind) && strcmp(e->writer, r->c.nodes[r->leader].name) == 0;
}

/* The agent would not have given the term up, but started PostgreSQL again: by these settings, and
 * not by those of then. */
static bool restarts(const struct rehearsal *r, const struct event *e)
{
    return is_leaders(r, e) && e->kind == EVENT_RELEASE && !r->had_restarted &&
           e->body.release.reason == REASON_POSTMASTER_DIED &&
           policy_restarts(&r->c, r->start.heard);
}

static void observe(struct rehearsal *r, const struct event *original)
{
    struct event e = *original;
    if (event_is_decision(e.kind) || e.kind == EVENT_SNAPSHOT || e.kind == EVENT_NONE) {
        return;
    }
    if (restarts(r, &e)) {
        r->end = REHEARSAL_RESTART;
        return;
    }
    if (e.kind == EVENT_HELLO) {
        whatif_settings_tag(r->settings, e.writer, &e.body.hello);
    }
    (void)fold(r, &e);
}

/* The real end of the term. A silence ends when the lease of now is over; whatever follows in the
 * log answers to the end, and comes as much later or sooner. */
static void meet_fault(struct rehearsal *r, const struct event *e, uint64_t stored_us)
{
    observe(r, e);
    if (r->end == REHEARSAL_OPEN && !cluster_has_ended(&r->c)) {
        advance(r, next_us(r) != UINT64_MAX ? next_us(r) : r->now_us);
    }
    r->past_fault = true;
    r->shift_us = r->over_us != 0 ? (int64_t)(r->over_us - stored_us) : 0;
}

void rehearsal_hear(struct rehearsal *r, const struct event *e, uint64_t stored_us)
{
    if (r->start.silent && r->past_fault && is_leaders(r, e) && stored_us <= r->over_us) {
        r->end = REHEARSAL_KEPT;
    }
}

void rehearsal_feed(struct rehearsal *r, const struct event *e, uint64_t stored_us)
{
    if (r->end != REHEARSAL_OPEN) {
        return;
    }
    if (!r->past_fault && !cluster_has_ended(&r->c)) {
        advance(r, next_us(r) < stored_us ? next_us(r) : stored_us);
    }
    if (!r->past_fault && e->seq >= r->start.ended_seq) {
        meet_fault(r, e, stored_us);
        return;
    }
    rehearsal_hear(r, e, stored_us);
    const uint64_t at_us = (uint64_t)((int64_t)stored_us + r->shift_us);
    if (r->past_fault) {
        advance(r, at_us);
    }
    if (r->end == REHEARSAL_OPEN) {
        observe(r, e);
    }
    if (r->past_fault && r->end == REHEARSAL_OPEN) {
        advance(r, at_us);
    }
}

static bool has_reported(const struct cluster *c, const struct node *n)
{
    return n->report_term == c->term && n->report_seq > c->ending.seq;
}

/* Who was heard and has not said where it stands. */
static void assume_reports(struct rehearsal *r)
{
    for (uint32_t i = 0; i < r->c.node_count; i++) {
        const struct node *n = &r->c.nodes[i];
        const bool missing = (r->start.heard >> i & 1U) != 0 && !n->removed &&
                             (int32_t)i != r->leader && !has_reported(&r->c, n);
        if (missing) {
            forecast_report(&r->c, i);
            r->assumed |= UINT32_C(1) << i;
        }
    }
}

void rehearsal_conclude(struct rehearsal *r)
{
    if (r->end == REHEARSAL_OPEN && cluster_has_ended(&r->c)) {
        assume_reports(r);
        advance(r, UINT64_MAX);
    }
    if (r->end == REHEARSAL_OPEN) {
        r->end = r->decision.kind == EVENT_NO_CANDIDATE ? REHEARSAL_NOBODY : REHEARSAL_WAITS;
    }
}

enum result rehearsal_begin(struct rehearsal *r, const struct cluster *before,
                            const struct whatif_settings *settings,
                            const struct rehearsal_start *start, struct failure *reterr_failure)
{
    memset(r, 0, sizeof *r);
    r->settings = settings;
    r->start = *start;
    r->c = *before;
    r->now_us = start->now_us;
    r->phase_us = start->now_us;
    r->leader = cluster_holder(before);
    r->had_restarted = policy_restarts(before, start->heard);
    r->c.failovers = start->failovers;
    return whatif_settings_apply(settings, &r->c, reterr_failure);
}
