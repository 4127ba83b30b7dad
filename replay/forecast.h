/* SPDX-License-Identifier: PostgreSQL */
/*
 * forecast.h - what would happen if the leader's host died this second.
 *
 * The fold and the monitors' rules are asked, of a copy of the state: the term is revoked as a
 * monitor revokes it, the standbys that are heard report where they stand, and decide() says what
 * follows. So it is as right as they are; what it cannot know is what happens in the meantime.
 */
#ifndef PGBATON_REPLAY_FORECAST_H
#define PGBATON_REPLAY_FORECAST_H

#include "../proto/fold.h"

enum forecast_kind {
    FORECAST_NOBODY_LEADS = 0, /* nothing can be lost that way */
    FORECAST_KEPT,             /* the term would not be revoked: reason says why */
    FORECAST_WAITS,            /* nothing would be decided: `after` waits for something */
    FORECAST_GRANT,            /* decision is the grant */
    FORECAST_NO_CANDIDATE      /* decision says why nobody is granted the term */
};

struct forecast {
    enum forecast_kind kind;
    enum void_reason reason;
    uint64_t silence_ms;   /* from the last renewal to the revoke */
    uint64_t wait_ms;      /* from the last renewal to the grant, at least */
    struct cluster before; /* the state in which the decision is taken */
    struct cluster after;  /* the state after it */
    struct event decision;
};

/* heard: bit i: node i answers. */
void forecast_make(const struct cluster *c, uint32_t heard, struct forecast *ret_forecast);

/* Node i has lost its leader, has turned away, and tells where it stood last. */
void forecast_report(struct cluster *c, uint32_t i);

#endif
