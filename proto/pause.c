/* SPDX-License-Identifier: PostgreSQL */
#include "pause.h"

#include "lost.h"

bool pause_is_on(const struct cluster *c)
{
    return c->pause.seq != 0;
}

bool pause_keeps_lease(const struct cluster *c)
{
    return c->lease.renewed && (pause_is_on(c) || c->lease.lifted) && !lost_outgrows(c);
}

bool pause_is_ending(const struct cluster *c)
{
    return c->lease.lifted && !pause_is_on(c) && !lost_outgrows(c);
}

bool pause_bars_election(const struct cluster *c)
{
    bool asked = cluster_has_ended(c) && c->ending.reason == REASON_REQUESTED;
    return pause_is_on(c) && !asked;
}
