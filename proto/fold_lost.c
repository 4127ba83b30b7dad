/* SPDX-License-Identifier: PostgreSQL */
/* What members and monitors say of a log that has lost a part of itself (lost.h). */
#include "fold_impl.h"
#include "lost.h"

#include <string.h>

/* The present term was held, and by the log it never was. */
static bool was_held(const struct cluster *c, uint64_t held_term)
{
    return c->term != 0 && held_term == c->term && !c->lease.renewed && c->lost.held_term < c->term;
}

/* Another grant than the log's, of the same number. */
static bool remembers_other(const struct cluster *c, const struct anchor *a)
{
    return a->term != 0 && a->term == c->term && a->grant_seq != c->grant_seq;
}

/* A grant that the log does not have, and of which it is not known yet. */
static bool remembers_more(const struct cluster *c, const struct anchor *a)
{
    return a->term > c->lost.term && (a->term > c->term || remembers_other(c, a));
}

/* Who is of another system knows nothing of this log. */
static bool is_foreign(const struct cluster *c, uint64_t system_id)
{
    return system_id != 0 && c->system_id != 0 && system_id != c->system_id;
}

bool lost_shows(const struct cluster *c, const struct anchor *a, uint64_t system_id)
{
    bool shows = a->lost || was_held(c, a->held_term) || remembers_more(c, a);
    return shows && !is_foreign(c, system_id);
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Another may have held a term since, and written: where the last one ended says nothing. */
static void forget_end(struct cluster *c)
{
    c->ending.end = (struct position){0};
    c->opening.timeline = 0;
    c->opening.node = LEADER_NONE;
}

/* As a first renewal would have told: its holder may have been promoted. */
static void learn_held(struct cluster *c)
{
    c->lost.held_term = c->term;
    c->ending.end = (struct position){0};
    c->opening = (struct opening){c->grant_timeline, c->leader};
}

static void learn_loss(struct cluster *c, const struct anchor *a, const struct event *e)
{
    struct lost *lost = &c->lost;
    lost->seq = lost->seq == 0 ? e->seq : lost->seq;
    lost->shown_seq = e->seq;
    if (was_held(c, a->held_term)) {
        learn_held(c);
    }
    lost->ttl_ms = greater(lost->ttl_ms, a->ttl_ms);
    lost->member_count = greater(lost->member_count, a->member_count);
    c->timeline_max = greater(c->timeline_max, a->timeline);
    if (remembers_more(c, a)) {
        /* Of two terms of one number neither can be told from the other: both are over. */
        lost->term = a->term + (remembers_other(c, a) ? 1 : 0);
        forget_end(c);
    }
}

static bool history_names(const struct history *h, uint32_t timeline)
{
    for (uint32_t i = 0; i < h->count; i++) {
        if (h->entries[i].timeline == timeline) {
            return true;
        }
    }
    return false;
}

/* True when h goes on from what the log knows: from the reference's last timeline, or from the one
 * before it when another was opened beside that. */
static bool goes_on(const struct cluster *c, const struct history *h)
{
    const struct history *known = &c->history;
    bool beside = known->count > 0 && history_names(h, known->entries[known->count - 1].timeline);
    return c->floor.timeline == 0 || history_names(h, c->floor.timeline) || beside;
}

/* The holder of the present term stands on the timeline of its grant, and by the log it never held
 * the term. It may follow another there, whose grant of a later term, that is lost, has named the
 * same number. */
void fold_lost_promotion(struct cluster *c, int32_t i, const struct probe *p, const struct event *e)
{
    bool own = p->was_primary || !lost_outgrows(c);
    bool opened = own && i == c->leader && c->grant_timeline != 0 &&
                  p->position.timeline == c->grant_timeline && was_held(c, c->term);
    if (opened) {
        learn_held(c);
        fold_sync_lost(c, e);
    }
}

static bool is_newer(const struct cluster *c, int32_t i, const struct probe *p)
{
    bool opened = p->was_primary && c->opener != LEADER_NONE && c->opener != i &&
                  !c->nodes[c->opener].was_primary;
    return p->position.timeline > c->floor.timeline ||
           (p->position.timeline == c->floor.timeline && opened);
}

/* A promotion that the log has lost, with the grant before it. Grants open timelines of growing
 * numbers: the highest that a member shows is of the last leader, who was a primary on it. */
void fold_lost_timeline(struct cluster *c, int32_t i, const struct probe *p)
{
    if (lost_outgrows(c) && cluster_holder(c) == LEADER_NONE && is_newer(c, i, p) &&
        p->history.count > 0 && history_leads_to(&p->history, p->position.timeline) &&
        goes_on(c, &p->history)) {
        cluster_refer_to(c, i, &p->history, p->position.timeline);
    }
}

/* Called for each effective hello, before the writer's state is taken over. */
void fold_lost_hello(struct cluster *c, const struct event *e)
{
    const struct hello *h = &e->body.hello;
    bool shown = lost_shows(c, &h->anchor, h->probe.system_id);
    if (shown) {
        learn_loss(c, &h->anchor, e);
    }
    if (shown || lost_is_known(c)) {
        fold_sync_lost(c, e);
    }
}

/* A monitor is no member: it tells that there is a loss, and the members what they did. */
enum void_reason fold_lost_anchor(struct cluster *c, const struct event *e)
{
    const struct anchor *a = &e->body.anchor;
    if (e->incarnation == 0 || a->term > TERM_MAX || a->seen_seq > c->last_seq) {
        return VOID_IMPOSSIBLE;
    }
    if (a->seen_seq < c->decision_seq) {
        return VOID_STALE_PREDECESSOR;
    }
    if (!lost_shows(c, a, a->system_id)) {
        return VOID_NO_CHANGE;
    }
    learn_loss(c, a, e);
    fold_sync_lost(c, e);
    return VOID_NONE;
}

/* Every agent has begun anew since the last renewal: nobody lives on promises for the term that was
 * renewed with it (../agent/promise.h). */
static bool renewer_is_gone(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].incarnation == c->lease.renewal_mark.incarnation) {
            return false;
        }
    }
    return true;
}

static void end_wait(struct cluster *c)
{
    c->lost.seq = 0;
    c->lost.member_count = 0;
}

/* Called after it: with the last member's everybody has reported. */
void fold_lost_reported(struct cluster *c)
{
    if (lost_is_known(c) && lost_reported_count(c) >= lost_expected_count(c)) {
        end_wait(c);
        if (renewer_is_gone(c)) {
            c->lease.failsafe = false;
            c->lease.electable = 0;
        }
    }
}

/* What was remembered stays: the highest term, the longest lease and with it the hold-off, and
 * whoever may live on promises. */
void fold_lost_recover(struct cluster *c, const struct event *e)
{
    (void)e;
    end_wait(c);
}

/* What is held from here on is in the log. */
void fold_lost_held(struct cluster *c)
{
    end_wait(c);
    c->lost.ttl_ms = 0;
}

void fold_lost_removed(struct cluster *c)
{
    c->lost.member_count -= c->lost.member_count > 0 ? 1 : 0;
    fold_lost_reported(c);
}
