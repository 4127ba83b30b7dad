/* SPDX-License-Identifier: PostgreSQL */
#include "policy.h"

#include "election.h"
#include "standby.h"
#include "switchover.h"
#include "sync.h"

static bool is_asked_for(const struct cluster *c, int32_t i)
{
    return c->pending.request_seq != 0 && switchover_target(c) == i;
}

/* The target of a switchover has all that its leader wrote: who lacks a part of it is INCOMPLETE.
 * Where commits wait for standbys, sync_verdict() has been asked before. */
static bool is_proven(const struct cluster *c, int32_t i)
{
    return sync_binds(c) || cluster_misses_nothing(c, i);
}

enum verdict policy_verdict(const struct cluster *c, int32_t i)
{
    switch (c->config.switch_policy) {
    case SWITCH_MAXIMUM_DATA_PROTECTION:
        return is_proven(c, i) || standby_is_on(c) ? VERDICT_ELIGIBLE : VERDICT_UNPROVEN;
    case SWITCH_NOOP:
        return is_asked_for(c, i) || cluster_keeps_its_own(c, i) ? VERDICT_ELIGIBLE
                                                                 : VERDICT_POLICY;
    case SWITCH_MAXIMUM_AVAILABILITY:
    case SWITCH_POLICY_COUNT:
        break;
    }
    return VERDICT_ELIGIBLE;
}

/* Those of fit against whom nothing else speaks. */
static uint32_t candidates(const struct cluster *c, uint32_t fit)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool could = (fit >> i & 1U) != 0 && (int32_t)i != c->leader &&
                     election_fitness(c, (int32_t)i) == VERDICT_ELIGIBLE;
        mask |= could ? 1U << i : 0;
    }
    return mask;
}

bool policy_restarts(const struct cluster *c, uint32_t fit)
{
    uint32_t mask = candidates(c, fit);
    if (c->config.crash_policy == CRASH_RESTART || c->config.switch_policy == SWITCH_NOOP ||
        mask == 0) {
        return true;
    }
    if (sync_binds(c)) {
        bool proves = c->sync.voters != 0 && sync_size(mask & c->sync.voters) >= c->sync.quorum;
        return !proves;
    }
    return c->config.switch_policy == SWITCH_MAXIMUM_DATA_PROTECTION;
}
