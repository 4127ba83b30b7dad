/* SPDX-License-Identifier: PostgreSQL */
#include "fold.h"

#include "digest.h"
#include "fold_impl.h"
#include "invariant.h"
#include "snapshot.h"
#include "subject.h"

#include <assert.h>
#include <string.h>

#define PHASE_BIT(phase) (1U << (phase))

/* Which phase may follow which. */
static const unsigned phase_moves[] = {
        [PHASE_NONE] = PHASE_BIT(PHASE_GRANTED),
        [PHASE_GRANTED] =
                PHASE_BIT(PHASE_HELD) | PHASE_BIT(PHASE_RELEASED) | PHASE_BIT(PHASE_REVOKED),
        [PHASE_HELD] = PHASE_BIT(PHASE_RELEASED) | PHASE_BIT(PHASE_REVOKED),
        [PHASE_RELEASED] = PHASE_BIT(PHASE_GRANTED),
        [PHASE_REVOKED] = PHASE_BIT(PHASE_GRANTED) | PHASE_BIT(PHASE_RELEASED),
};
_Static_assert(sizeof phase_moves / sizeof phase_moves[0] == PHASE_COUNT, "moves of each phase");

void cluster_enter_phase(struct cluster *c, enum phase phase, const struct event *e)
{
    assert((phase_moves[c->phase] & PHASE_BIT(phase)) != 0);
    c->phase = phase;
    c->phase_seq = e->seq;
    c->phase_wall_us = e->wall_us;
}

void cluster_clear_election(struct cluster *c)
{
    c->no_candidate = false;
    c->withheld = false;
    c->limited = false;
    c->limited_until_us = 0;
}

void cluster_end_directives(struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        c->nodes[i].rebuild_task = TASK_NONE;
    }
    licence_end(c);
}

bool mark_allows(const struct mark *mark, const struct event *e)
{
    if (e->incarnation != mark->incarnation) {
        return e->incarnation > mark->incarnation;
    }
    return e->counter > mark->counter;
}

void mark_set(struct mark *mark, const struct event *e)
{
    mark->incarnation = e->incarnation;
    mark->counter = e->counter;
}

static struct mark *mark_of(struct node *n, enum event_kind kind)
{
    if (event_is_lock(kind)) {
        return &n->lock_mark;
    }
    return kind == EVENT_PROBE ? &n->probe_mark : &n->task_mark;
}

/* The writer of an agent's event other than hello: known, of this incarnation, in order. */
static enum void_reason check_writer(struct cluster *c, const struct event *e, int32_t *ret_node)
{
    int32_t i = cluster_find_node(c, e->writer);
    if (i < 0 || c->nodes[i].removed) {
        return VOID_UNKNOWN_NODE;
    }
    struct node *n = &c->nodes[i];
    if (e->incarnation < n->incarnation) {
        return VOID_STALE_INCARNATION;
    }
    if (e->incarnation > n->incarnation) {
        return VOID_NO_HELLO;
    }
    if (!mark_allows(mark_of(n, e->kind), e)) {
        return VOID_DUPLICATE;
    }
    *ret_node = i;
    return VOID_NONE;
}

static enum void_reason dispatch_agent(struct cluster *c, int32_t i, const struct event *e)
{
    switch (e->kind) {
    case EVENT_PROBE:
        return fold_probe(c, i, e);
    case EVENT_RENEW:
        return fold_renew(c, i, e);
    case EVENT_RELEASE:
        return fold_release(c, i, e);
    case EVENT_REFUSE:
        return fold_refuse(c, i, e);
    case EVENT_PROGRESS:
        return fold_progress(c, i, e);
    case EVENT_DONE:
        return fold_done(c, i, e);
    case EVENT_FAILED:
        return fold_failed(c, i, e);
    case EVENT_GOODBYE:
        return fold_goodbye(c, i, e);
    case EVENT_NONE:
    case EVENT_HELLO:
    case EVENT_REVOKE:
    case EVENT_GRANT:
    case EVENT_DIRECTIVE:
    case EVENT_CONFIG:
    case EVENT_NO_CANDIDATE:
    case EVENT_SYNC_SET:
    case EVENT_HEARTBEAT:
    case EVENT_REQUEST:
    case EVENT_SWITCHOVER_STEP:
    case EVENT_ORDER:
    case EVENT_SNAPSHOT:
    case EVENT_ANCHOR:
    case EVENT_KIND_COUNT:
        break;
    }
    return VOID_IMPOSSIBLE;
}

static enum void_reason fold_agents_event(struct cluster *c, const struct event *e)
{
    if (e->kind == EVENT_HELLO) {
        return fold_hello(c, e);
    }
    int32_t i = -1;
    enum void_reason reason = check_writer(c, e, &i);
    if (reason == VOID_NONE) {
        reason = dispatch_agent(c, i, e);
    }
    if (reason == VOID_NONE) {
        mark_set(mark_of(&c->nodes[i], e->kind), e);
    }
    return reason;
}

/* The chain (I3) and, where no other event came between, the author's state (I14). What another
 * version of the fold made of the same log has another digest, and says nothing: monitors and
 * agents of two versions run side by side while they are upgraded. */
static enum void_reason check_chain(const struct cluster *c, const struct event *e)
{
    const struct decision *d = &e->decision;
    if (d->prev_seq != c->decision_seq) {
        return VOID_STALE_PREDECESSOR;
    }
    if (memcmp(d->prev_hash, c->decision_hash, HASH_SIZE) != 0) {
        return VOID_WRONG_HASH;
    }
    if (d->folded_seq < c->decision_seq || d->folded_seq > c->last_seq) {
        return VOID_IMPOSSIBLE;
    }
    if (d->folded_seq == c->last_seq && d->fold_version == FOLD_VERSION) {
        uint8_t digest[HASH_SIZE];
        cluster_digest(c, digest);
        return memcmp(digest, d->digest, HASH_SIZE) == 0 ? VOID_NONE : VOID_BAD_DIGEST;
    }
    return VOID_NONE;
}

static enum void_reason dispatch_decision(struct cluster *c, const struct event *e)
{
    switch (e->kind) {
    case EVENT_REVOKE:
        return fold_revoke(c, e);
    case EVENT_GRANT:
        return fold_grant(c, e);
    case EVENT_DIRECTIVE:
        return fold_directive(c, e);
    case EVENT_CONFIG:
        return fold_config(c, e);
    case EVENT_NO_CANDIDATE:
        return fold_no_candidate(c, e);
    case EVENT_SWITCHOVER_STEP:
        return fold_switchover_step(c, e);
    case EVENT_ORDER:
        return fold_order(c, e);
    case EVENT_SYNC_SET:
        return fold_sync_set(c, e);
    case EVENT_NONE:
    case EVENT_PROBE:
    case EVENT_RENEW:
    case EVENT_RELEASE:
    case EVENT_REFUSE:
    case EVENT_HELLO:
    case EVENT_PROGRESS:
    case EVENT_DONE:
    case EVENT_FAILED:
    case EVENT_GOODBYE:
    case EVENT_HEARTBEAT:
    case EVENT_REQUEST:
    case EVENT_SNAPSHOT:
    case EVENT_ANCHOR:
    case EVENT_KIND_COUNT:
        break;
    }
    return VOID_IMPOSSIBLE;
}

static enum void_reason fold_decision(struct cluster *c, const struct event *e)
{
    enum void_reason reason = check_chain(c, e);
    if (reason == VOID_NONE) {
        reason = dispatch_decision(c, e);
    }
    if (reason == VOID_NONE) {
        c->decision_seq = e->seq;
        memcpy(c->decision_hash, e->hash, HASH_SIZE);
    }
    return reason;
}

static enum void_reason fold_event(struct cluster *c, const struct event *e)
{
    if (strcmp(e->cluster, c->name) != 0) {
        return VOID_FOREIGN_CLUSTER;
    }
    if (event_is_decision(e->kind)) {
        return fold_decision(c, e);
    }
    if (e->kind == EVENT_REQUEST) {
        return request_is_ordered(e->body.request.kind) ? fold_asked(c, e) : fold_request(c, e);
    }
    if (e->kind == EVENT_ANCHOR) {
        return fold_lost_anchor(c, e);
    }
    return event_is_agents(e->kind) ? fold_agents_event(c, e) : VOID_IMPOSSIBLE;
}

static struct outcome outcome_of(enum void_reason reason)
{
    return (struct outcome){.effective = reason == VOID_NONE, .void_reason = reason};
}

/* Counts the event and ends its fold. */
static struct outcome conclude(struct cluster *c, uint64_t seq, enum void_reason reason)
{
    c->last_seq = seq;
    if (reason == VOID_NONE) {
        c->event_count++;
    } else {
        c->void_counts[reason]++;
    }
    return outcome_of(reason);
}

/* Leadership moves with these; a probe or a renewal is too frequent to copy the state for. */
static bool moves_leadership(enum event_kind kind)
{
    return event_is_decision(kind) || kind == EVENT_RELEASE || kind == EVENT_REFUSE ||
           kind == EVENT_REQUEST;
}

struct outcome cluster_fold(struct cluster *c, const struct event *e)
{
    if (e->kind == EVENT_SNAPSHOT) {
        return outcome_of(snapshot_fold(c, e));
    }
    assert(e->seq > c->last_seq);
    if (!moves_leadership(e->kind)) {
        return conclude(c, e->seq, fold_event(c, e));
    }
    struct cluster before = *c;
    struct outcome outcome = conclude(c, e->seq, fold_event(c, e));
    assert(invariant_check_step(&before, c) == NULL);
    return outcome;
}

struct outcome cluster_fold_unreadable(struct cluster *c, uint64_t seq, enum codec_result result,
                                       bool on_decision_subject)
{
    assert(seq > c->last_seq && result != CODEC_OK);
    if (result == CODEC_NEWER && on_decision_subject && c->frozen_seq == 0) {
        c->frozen_seq = seq;
    }
    return conclude(c, seq, result == CODEC_NEWER ? VOID_NEWER_VERSION : VOID_MALFORMED);
}

static bool is_decision_subject(const char *subject)
{
    const char *last = strrchr(subject, '.');
    return last != NULL && strcmp(last, ".decision") == 0;
}

/* Where snapshots stand nothing changes a state, whatever it is: a reader that begins with one has
 * not seen those before it. */
static struct outcome set_aside(enum codec_result result)
{
    static const enum void_reason reasons[] = {
            [CODEC_OK] = VOID_WRONG_SUBJECT,
            [CODEC_MALFORMED] = VOID_MALFORMED,
            [CODEC_NEWER] = VOID_NEWER_VERSION,
    };
    _Static_assert(sizeof reasons / sizeof reasons[0] == CODEC_RESULT_COUNT, "one each");
    return outcome_of(reasons[result]);
}

struct outcome cluster_fold_record(struct cluster *c, const struct cluster_record *record,
                                   struct codec_arena *arena, struct event *ret_event)
{
    enum codec_result result = codec_decode(record->data, record->size, arena, ret_event);
    if (result != CODEC_OK) {
        memset(ret_event, 0, sizeof *ret_event);
        ret_event->seq = record->seq;
        if (subject_is_snapshot(record->subject)) {
            return set_aside(result);
        }
        bool decision = is_decision_subject(record->subject);
        return cluster_fold_unreadable(c, record->seq, result, decision);
    }
    ret_event->seq = record->seq;
    if (!subject_fits_event(record->subject, ret_event)) {
        if (subject_is_snapshot(record->subject)) {
            return set_aside(result);
        }
        return conclude(c, record->seq, VOID_WRONG_SUBJECT);
    }
    return cluster_fold(c, ret_event);
}

void cluster_fill_decision(const struct cluster *c, struct decision *ret_decision)
{
    ret_decision->prev_seq = c->decision_seq;
    memcpy(ret_decision->prev_hash, c->decision_hash, HASH_SIZE);
    ret_decision->folded_seq = c->last_seq;
    cluster_digest(c, ret_decision->digest);
    ret_decision->fold_version = FOLD_VERSION;
}
