/* SPDX-License-Identifier: PostgreSQL */
#include "anchor.h"

#include "../proto/lost.h"
#include "../proto/snapshot.h"
#include "../proto/subject.h"

#include <string.h>

static bool is_at(const struct cluster *c, uint64_t seq, const uint8_t hash[HASH_SIZE])
{
    return c->decision_seq == seq && memcmp(c->decision_hash, hash, HASH_SIZE) == 0;
}

void anchor_vote(struct agent *a)
{
    const struct cluster *c = &a->cluster;
    if (!a->caught_up || c->frozen_seq != 0 || c->term <= a->wanted.term) {
        return;
    }
    a->wanted.term = c->term;
    a->wanted.grant_seq = c->grant_seq;
    memcpy(a->wanted.grant_hash, c->grant_hash, HASH_SIZE);
}

/* What is left of a log that has lost a part is no memory of the log: its next hello would pass for
 * a witness's. */
static bool may_not_begin(const struct agent *a)
{
    return a->vote.anchor_seq == 0 && lost_is_known(&a->cluster);
}

void anchor_learn(struct agent *a)
{
    const struct cluster *c = &a->cluster;
    if (a->ready && a->caught_up && c->lease.renewed && c->term > a->wanted.held_term) {
        a->wanted.held_term = c->term;
    }
    if (!a->anchor_found && is_at(c, a->vote.anchor_seq, a->vote.anchor_hash)) {
        a->anchor_found = true;
    }
    bool moved = c->decision_seq != 0 && !is_at(c, a->wanted.anchor_seq, a->wanted.anchor_hash);
    if (!a->ready || !a->caught_up || !moved || may_not_begin(a)) {
        return;
    }
    a->anchor_found = true;
    a->wanted.anchor_seq = c->decision_seq;
    memcpy(a->wanted.anchor_hash, c->decision_hash, HASH_SIZE);
    a->wanted.anchor_ttl_ms = lost_longest_ttl_ms(c);
    a->wanted.anchor_member_count = lost_expected_count(c);
    a->wanted.anchor_timeline = lost_highest_timeline(c);
}

bool anchor_look(struct agent *a, const struct cluster_record *record, struct codec_arena *arena)
{
    struct event e;
    if (!snapshot_has(&a->cluster, record->subject, record->seq)) {
        return false;
    }
    bool sought = record->seq == a->vote.anchor_seq && a->vote.anchor_seq != 0;
    if (sought && codec_decode(record->data, record->size, arena, &e) == CODEC_OK &&
        subject_fits_event(record->subject, &e) && event_is_decision(e.kind) &&
        memcmp(e.hash, a->vote.anchor_hash, HASH_SIZE) == 0) {
        a->anchor_found = true;
    }
    return true;
}

void anchor_gone(struct agent *a, uint64_t seq)
{
    const struct cluster *c = &a->cluster;
    if (seq == a->vote.anchor_seq && c->term >= a->vote.term && c->decision_seq >= seq) {
        a->anchor_found = true;
    }
}

bool anchor_stands(const struct agent *a)
{
    return is_at(&a->cluster, a->vote.anchor_seq, a->vote.anchor_hash);
}

bool anchor_is_lost(const struct agent *a)
{
    return a->caught_up && a->vote.anchor_seq != 0 && !a->anchor_found;
}

/* It has turned away from a leader that the log says still leads: as good as a later term, since it
 * never follows that one again. */
static bool has_lost_an_end(const struct agent *a)
{
    return cluster_holder(&a->cluster) != LEADER_NONE && a->vote.sealed_term >= a->cluster.term;
}

void anchor_tell(const struct agent *a, struct hello *ret_hello)
{
    bool ended = has_lost_an_end(a) && a->vote.sealed_term >= a->vote.term;
    ret_hello->anchor.grant_seq = ended ? 0 : a->vote.grant_seq;
    ret_hello->anchor.term = ended ? a->vote.sealed_term + 1 : a->vote.term;
    ret_hello->anchor.lost = anchor_is_lost(a);
    ret_hello->anchor.held_term = a->vote.held_term;
    ret_hello->anchor.ttl_ms = a->vote.anchor_ttl_ms;
    ret_hello->anchor.member_count = a->vote.anchor_member_count;
    ret_hello->anchor.timeline = a->vote.anchor_timeline;
}

void anchor_told(struct agent *a)
{
    a->anchor_found = true;
}

void anchor_learn_loss(struct agent *a, const struct event *e)
{
    bool awaited = a->me >= 0 && lost_is_known(&a->cluster) &&
                   !lost_has_answered(&a->cluster, a->me) && a->ready;
    if (awaited && strcmp(e->writer, a->self.node) != 0) {
        a->hello_sent = false;
    }
}
