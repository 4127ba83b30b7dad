/* SPDX-License-Identifier: PostgreSQL */
/*
 * election.h - who may be granted the next term, and who should be (DESIGN section 4, Election).
 *
 * Pure questions about a state. The monitor asks them to decide; the fold asks the first to
 * re-check.
 */
#ifndef PGBATON_ELECTION_H
#define PGBATON_ELECTION_H

#include "cluster.h"

/* Whether node i may be granted the next term by what the log says of it, and if not, why. Does not
 * know who can be heard: UNREACHABLE is never its answer. For GRANT_FAILOVER the node must be a
 * running standby with a fresh report for this election; REFUSED is the answer only when nothing
 * else speaks against the node; for GRANT_BOOTSTRAP it must be empty and
 * the system unknown; for GRANT_ADOPT it must have complete data of the (only) system. */
enum verdict election_verdict(const struct cluster *c, int32_t i, enum grant_kind kind);

/* What speaks against node i leading, but for how far its WAL goes: what can be said of a standby
 * while another node leads. */
enum verdict election_fitness(const struct cluster *c, int32_t i);

/* True when the last task of this node was to make a cluster, and failed. */
bool election_has_failed_to_make(const struct node *n);
/* True when a is the better leader of two eligible nodes: further in the WAL (timeline, then lsn),
 * then the one that an operator asked for, then higher failover_priority, then the lower name. One
 * for which an operator accepts a loss comes first of all; while there is no system, a primary's
 * data come first, and who has failed to make a cluster comes last. Total order. */
bool election_prefers(const struct cluster *c, int32_t a, int32_t b);

/* True when a refusal does not count any more: by this evidence the phase is REFUSAL_PAUSE_MS old.
 */
bool election_forgives(const struct evidence *e);

/* Judges every node, e saying who is heard, and marks the best eligible one CHOSEN; when there is
 * none and refusals are forgiven, the best of those that refused. Returns its index, or
 * LEADER_NONE. ret_list has one entry per node, in the order of the state. */
int32_t election_choose(const struct cluster *c, enum grant_kind kind, const struct evidence *e,
                        struct candidate_list *ret_list);

/* Whom the election would have chosen without switch_policy, when that forbids everybody; else
 * LEADER_NONE. ret_list is then as it would have been. */
int32_t election_would_choose(const struct cluster *c, const struct evidence *e,
                              struct candidate_list *ret_list);

/* True when every node that is heard, and could be a candidate, has reported for this election. */
bool election_is_complete(const struct cluster *c, uint32_t alive_mask);

#endif
