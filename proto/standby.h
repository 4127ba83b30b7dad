/* SPDX-License-Identifier: PostgreSQL */
/*
 * standby.h - a standby cluster: its nodes replicate from another cluster, and accept no writes.
 *
 *   configuration names a remote                       order: promote
 *   ───────────────────────────▶ standby cluster ────────────────────────▶ a cluster like any other
 *
 * One node leads it: it streams from whichever host of the remote is writable, and the others from
 * it. Its PostgreSQL stays in recovery, and its renewals give it no lease: without one the commit
 * fence refuses every commit, and the agent kills what is found promoted. Its timelines are the
 * remote's: who has more of them is preferred, and a new leader opens none. There is no way back.
 * Pure questions about a state.
 */
#ifndef PGBATON_STANDBY_H
#define PGBATON_STANDBY_H

#include "cluster.h"

/* True while it is a standby cluster: nobody may be writable. */
bool standby_is_on(const struct cluster *c);
/* True when the leader is what it is to be: writable, or the others stream from it. */
bool standby_serves(const struct cluster *c);
/* What commits wait for now: nobody commits in a standby cluster. */
enum synchronous standby_synchronous(const struct cluster *c);

#endif
