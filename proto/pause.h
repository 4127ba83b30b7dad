/* SPDX-License-Identifier: PostgreSQL */
/*
 * pause.h - maintenance: while a cluster is paused nothing is switched, restarted or rebuilt by
 * itself; what an operator asks for is done as ever.
 *
 * Monitors neither grant nor revoke by themselves, so that no second writer can come up. So the
 * leader may write on although nothing is renewed (its agent, the monitors or NATS are stopped for
 * maintenance): its lease is lifted. Two steps keep I1, each with a renewal of the leader's own:
 *
 *   paused, ends ──▶ it sends a renewal that says "lifted" ──▶ reads it back effective, and only
 *                    then takes the end out of the guard's page (LEASE_LIFTED_MS)
 *   lifted ──▶ it reads the resume, puts an end into the page (now + ttl), and only then sends a
 *              renewal that does not say "lifted"
 *
 * So what the log says is never less than what the page holds: while lease.lifted is true no revoke
 * has effect, paused or not, and a renewal that says "lifted" has none unless the cluster is
 * paused. A leader that never confirms the resume blocks every automatic failover, for it may write
 * on for ever: an operator who has made sure that its PostgreSQL is stopped says so (resume
 * --leader-stopped). That is believed only of a leader that is not heard; from then on its silence
 * counts as any other's.
 *
 * A failover is asked for while nobody holds the term: over a lifted lease it is refused.
 * Whoever reads a log that does not know of the lease that its page holds kills PostgreSQL.
 */
#ifndef PGBATON_PAUSE_H
#define PGBATON_PAUSE_H

#include "cluster.h"

/* True while nothing happens by itself. */
bool pause_is_on(const struct cluster *c);
/* True when the term must not be revoked, however silent its holder is. A grant that was never
 * renewed holds nothing, and may be. */
bool pause_keeps_lease(const struct cluster *c);
/* True when the pause is over and the leader has not said that its lease ends again. */
bool pause_is_ending(const struct cluster *c);
/* True when nobody is to lead but whom an operator asked for. A leader that has released for a
 * switchover gets a successor in any case: that was asked for. */
bool pause_bars_election(const struct cluster *c);

#endif
