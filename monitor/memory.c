/* SPDX-License-Identifier: PostgreSQL */
#include "memory.h"

#include "../proto/lost.h"

#include <string.h>

static bool is_last_decision(const struct memory *m, const struct cluster *c)
{
    return m->decision_seq == c->decision_seq &&
           memcmp(m->decision_hash, c->decision_hash, HASH_SIZE) == 0;
}

/* A loss has become known that this monitor did not know of: it is this one. */
static bool was_told_since(const struct memory *m, const struct cluster *c)
{
    return c->lost.shown_seq != 0 && c->lost.shown_seq != m->shown_seq;
}

static bool misses_decision(const struct memory *m, const struct cluster *c)
{
    return m->decision_seq != 0 && m->decision_seq >= c->decision_seq && !is_last_decision(m, c);
}

struct anchor memory_tell(const struct memory *m, const struct cluster *c)
{
    struct anchor anchor = m->anchor;
    anchor.lost = misses_decision(m, c) && !was_told_since(m, c);
    anchor.seen_seq = c->last_seq;
    return anchor;
}

bool memory_is_untold(const struct memory *m, const struct cluster *c)
{
    const struct anchor anchor = memory_tell(m, c);
    return m->decision_seq != 0 && lost_shows(c, &anchor, anchor.system_id);
}

static void learn_term(struct anchor *anchor, const struct cluster *c)
{
    if (c->term >= anchor->term) {
        anchor->term = c->term;
        anchor->grant_seq = c->grant_seq;
    }
    if (c->lease.renewed && c->term > anchor->held_term) {
        anchor->held_term = c->term;
    }
}

bool memory_learn(struct memory *m, const struct cluster *c)
{
    if (c->decision_seq == 0 || lost_is_known(c) || memory_is_untold(m, c)) {
        return false;
    }
    const struct memory before = *m;
    m->decision_seq = c->decision_seq;
    memcpy(m->decision_hash, c->decision_hash, HASH_SIZE);
    m->shown_seq = c->lost.shown_seq;
    learn_term(&m->anchor, c);
    m->anchor.ttl_ms = lost_longest_ttl_ms(c);
    m->anchor.member_count = lost_expected_count(c);
    m->anchor.timeline = lost_highest_timeline(c);
    m->anchor.system_id = c->system_id;
    return memcmp(&before, m, sizeof(before)) != 0;
}
