/* SPDX-License-Identifier: PostgreSQL */
#include "lost.h"

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool lost_is_known(const struct cluster *c)
{
    return c->lost.seq != 0;
}

bool lost_has_answered(const struct cluster *c, int32_t i)
{
    return !c->nodes[i].removed && c->nodes[i].hello_seq >= c->lost.seq;
}

bool lost_has_reported(const struct cluster *c, int32_t i)
{
    return lost_has_answered(c, i) && !c->nodes[i].forgetful;
}

/* One that has joined since has nothing to remember. */
static bool is_witness(const struct cluster *c, int32_t i)
{
    const struct node *n = &c->nodes[i];
    bool joined = lost_is_known(c) && n->joined_seq > c->lost.seq;
    return !n->removed && !(n->forgetful && joined);
}

bool lost_is_awaited(const struct cluster *c, int32_t i)
{
    return lost_is_known(c) && is_witness(c, i) && !lost_has_reported(c, i);
}

uint32_t lost_expected_count(const struct cluster *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        count += is_witness(c, (int32_t)i) ? 1 : 0;
    }
    return (uint32_t)higher(count, c->lost.member_count);
}

uint32_t lost_reported_count(const struct cluster *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        count += lost_has_reported(c, (int32_t)i) ? 1 : 0;
    }
    return count;
}

bool lost_outgrows(const struct cluster *c)
{
    return c->lost.term > c->term;
}

bool lost_may_hide_a_holder(const struct cluster *c)
{
    return c->lost.shown_seq > c->lease.renewal_seq;
}

uint64_t lost_next_term(const struct cluster *c)
{
    return higher(c->term, c->lost.term) + 1;
}

uint32_t lost_longest_ttl_ms(const struct cluster *c)
{
    uint64_t ttl_ms = higher(cluster_ttl_ms(c), c->lost.ttl_ms);
    return (uint32_t)(c->lease.renewed ? higher(ttl_ms, c->lease.ttl_ms_max) : ttl_ms);
}

uint32_t lost_highest_timeline(const struct cluster *c)
{
    return c->grant_timeline > c->timeline_max ? c->grant_timeline : c->timeline_max;
}

uint64_t lost_holdoff_ms(const struct cluster *c)
{
    if (c->phase == PHASE_NONE && c->lost.term == 0) {
        return 0;
    }
    uint64_t ttl_ms = lost_longest_ttl_ms(c);
    return ttl_ms + LEASE_ALLOWANCE_MS(ttl_ms);
}
