/* SPDX-License-Identifier: PostgreSQL */
/* The synchronous set: begun by a decision or a grant, settled by the leader's word (I9). */
#include "fold_impl.h"
#include "lost.h"
#include "standby.h"
#include "sync.h"

#include <string.h>

static void enter(struct cluster *c, uint32_t waits, uint32_t count, const struct event *e)
{
    struct sync *s = &c->sync;
    s->seq = e->seq;
    s->waits = waits;
    s->count = count;
    s->step = count != 0 ? SYNC_CHANGING : SYNC_NONE;
    s->voters = count != 0 && s->voters != 0 ? s->voters | waits : 0;
    s->quorum = sync_size(s->voters);
    s->bound = s->bound && (count != 0 || c->config.synchronous != SYNCHRONOUS_OFF);
}

/* Whatever was acknowledged is on so many of the set that is waited for. */
static void rely_on_set(struct sync *s)
{
    s->voters = s->waits;
    s->quorum = sync_size(s->waits) - s->count + 1;
}

void fold_sync_granted(struct cluster *c, const struct grant *g)
{
    c->sync.granted_waits = 0;
    (void)sync_mask_of(c, &g->waits, &c->sync.granted_waits);
    c->sync.granted_count = g->wait_count;
}

/* From its first renewal on a grantee may be promoted, and acknowledge what those have that its
 * grant names. */
void fold_sync_leads(struct cluster *c, const struct event *e)
{
    if (c->loss_accepted) {
        c->sync.voters = 0;
        c->sync.bound = false;
    }
    enter(c, c->sync.granted_waits, c->sync.granted_count, e);
}

/* The log knows where the leader's timeline opened: at or above all that was acknowledged before,
 * by the proof that it was granted the term with, and nobody below that is granted another. What it
 * acknowledges itself is on the set that its grant names, as long as no other was begun: an
 * election needs no more than that set. Of a leader without the fence nothing is proven, nor of one
 * that may have been promoted by a renewal that the log has lost: before that set was known. */
void fold_sync_opened(struct cluster *c)
{
    struct sync *s = &c->sync;
    bool first = s->step == SYNC_CHANGING && s->seq == c->phase_seq;
    bool known = c->lost.held_term != c->term && !c->nodes[c->leader].nosync;
    bool proven = s->bound && c->floor.lsn != 0 && known;
    if (first && proven && s->count <= sync_size(s->waits)) {
        rely_on_set(s);
    }
}

void fold_sync_promoted(struct cluster *c, const struct event *e)
{
    uint32_t streaming = sync_streaming(c, e->decision.evidence.alive_mask);
    c->sync.granted_waits = sync_wanted(c, streaming, &c->sync.granted_count);
    if (c->phase == PHASE_HELD) {
        enter(c, c->sync.granted_waits, c->sync.granted_count, e);
    }
}

void fold_sync_configured(struct cluster *c, const struct event *e)
{
    if (c->config.synchronous == SYNCHRONOUS_OFF) {
        enter(c, 0, 0, e);
    }
}

enum void_reason fold_sync_check_grant(const struct cluster *c, const struct grant *g)
{
    uint32_t waits = 0;
    if (!sync_mask_of(c, &g->waits, &waits)) {
        return VOID_BAD_TARGET;
    }
    int32_t i = cluster_find_node(c, g->node);
    uint32_t capable = sync_capable(c, i);
    bool strict = standby_synchronous(c) == SYNCHRONOUS_STRICT;
    bool fits = strict ? g->wait_count == c->config.synchronous_count
                       : (waits == 0) == (g->wait_count == 0) && g->wait_count <= sync_size(waits);
    fits = fits && (waits & ~capable) == 0;
    return fits ? VOID_NONE : VOID_BAD_TARGET;
}

/* A change may begin at any time: the union keeps every earlier promise. The guarantee is given up
 * by its own decision, never with strict. */
static enum void_reason check_set(const struct cluster *c, const struct sync_set *set)
{
    uint32_t waits = 0;
    uint32_t voters = 0;
    struct sync_set wanted;
    if (!sync_mask_of(c, &set->waits, &waits) || !sync_mask_of(c, &set->voters, &voters) ||
        (waits & ~sync_capable(c, c->leader)) != 0) {
        return VOID_BAD_TARGET;
    }
    sync_begin(c, waits, set->count, &wanted);
    bool strict = standby_synchronous(c) == SYNCHRONOUS_STRICT;
    bool same = wanted.step == set->step && wanted.quorum == set->quorum &&
                (set->count == 0 ||
                 (c->sync.voters == 0 ? voters == 0 : voters == (c->sync.voters | waits)));
    if (!same || (set->count == 0 && (waits != 0 || voters != 0 || strict)) ||
        (!strict && set->count > sync_size(waits))) {
        return VOID_IMPOSSIBLE;
    }
    bool stands = c->sync.waits == waits && c->sync.count == set->count &&
                  (set->count != 0 || c->sync.voters == 0);
    return stands ? VOID_NO_CHANGE : VOID_NONE;
}

enum void_reason fold_sync_set(struct cluster *c, const struct event *e)
{
    const struct sync_set *set = &e->body.sync_set;
    if (c->phase != PHASE_HELD || set->term != c->term || lost_outgrows(c)) {
        return VOID_NOT_HELD;
    }
    enum void_reason reason = check_set(c, set);
    if (reason == VOID_NONE) {
        uint32_t waits = 0;
        (void)sync_mask_of(c, &set->waits, &waits);
        enter(c, waits, set->count, e);
    }
    return reason;
}

static uint32_t members(const struct cluster *c)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        mask |= c->nodes[i].removed ? 0 : 1U << i;
    }
    return mask;
}

/* Commits may have waited for any of the members, or for nobody: an election needs all of them, the
 * leader itself among them, until that one has said that PostgreSQL waits for what the log has. */
void fold_sync_lost(struct cluster *c, const struct event *e)
{
    struct sync *s = &c->sync;
    if (!s->bound && c->config.synchronous == SYNCHRONOUS_OFF) {
        return;
    }
    s->seq = e->seq;
    s->step = s->count != 0 ? SYNC_CHANGING : SYNC_NONE;
    s->bound = true;
    s->voters |= members(c);
    s->quorum = sync_size(s->voters);
}

/* PostgreSQL waits for the set in every WAL sender, and `count` of it have everything up to the
 * mark that was taken after that: an election needs no more than the set. */
enum void_reason fold_synced(struct cluster *c, int32_t i, const struct event *e)
{
    const struct task_report *t = &e->body.task;
    struct sync *s = &c->sync;
    if (cluster_holder(c) != i || t->term != c->term || !c->promoted) {
        return VOID_NOT_HELD;
    }
    if (s->step != SYNC_CHANGING || t->directive_seq != s->seq) {
        return VOID_NO_CHANGE;
    }
    if (s->count > sync_size(s->waits)) {
        return VOID_IMPOSSIBLE; /* strict, with too few: such a commit is never acknowledged */
    }
    bool since_change = s->bound || s->seq == c->phase_seq; /* else it was just configured */
    if (since_change && c->change.term == c->term && c->change.acknowledged_wall_us == 0) {
        c->change.acknowledged_wall_us = e->wall_us;
    }
    s->step = SYNC_STEADY;
    s->bound = true;
    rely_on_set(s);
    return VOID_NONE;
}
