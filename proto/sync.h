/* SPDX-License-Identifier: PostgreSQL */
/*
 * sync.h - the synchronous set: what the leader's commits wait for, and what an election needs so
 * that it misses none of them (DESIGN section 4, SAFETY 4.6, I8, I9).
 *
 * A commit is acknowledged when `count` of `waits` have it on their disk. So any `quorum` of
 * `voters` hold every acknowledged commit between them, as long as for each set that PostgreSQL may
 * be waiting for: count > |waits outside voters| and (count - that) + quorum > |voters|. A change
 * goes through the union of both sets, of which an election needs all, until the leader has said
 * that PostgreSQL waits for the new one and that the new one has everything up to then:
 *
 *              begin                     done(sync)
 *     NONE ────────────▶ CHANGING ───────────────────▶ STEADY
 *      ▲                 ▲   │ begin again               │
 *      └── give up ──────┴───┴────── begin ──────────────┘
 *
 * The first set of a term is begun by its first renewal, and asks less of an election as soon as
 * done(promote) has told where the new timeline opened: what was acknowledged before lies below
 * that, and nobody who lacks a part of it is granted a term (VERDICT_BELOW_FLOOR). What comes after
 * is on the set that the grant names, unless another was begun meanwhile.
 *
 * Pure questions and the fold's part of the answers. The masks are of the state's node indices.
 */
#ifndef PGBATON_SYNC_H
#define PGBATON_SYNC_H

#include "cluster.h"

/* How many bits are set. */
uint32_t sync_size(uint32_t mask);
/* Nodes by name to a mask; false when one is not a member. */
bool sync_mask_of(const struct cluster *c, const struct name_list *list, uint32_t *ret_mask);
void sync_list_of(const struct cluster *c, uint32_t mask, struct name_list *ret_list);

/* Nodes whom commits may wait for: members other than the leader that may be promoted, without the
 * tag nosync, whose data nobody will replace, by himself or because it was asked for, and who is
 * not about to be restarted while others stream that are enough. Whether they stream is another
 * question.
 */
uint32_t sync_capable(const struct cluster *c, int32_t leader);
/* Those of them that stream from the leader and are heard (alive). */
uint32_t sync_streaming(const struct cluster *c, uint32_t alive_mask);
/* What commits should wait for when these stream: quorum waits for them only, strict for every
 * capable node; ANY *ret_count of them. Zeros: for nobody. */
uint32_t sync_wanted(const struct cluster *c, uint32_t streaming, uint32_t *ret_count);

/* The sync_set that begins to wait for ANY count of waits, or with count 0 gives the guarantee up.
 */
void sync_begin(const struct cluster *c, uint32_t waits, uint32_t count, struct sync_set *ret_set);
/* What a grant lets the new leader wait for: of those that have reported for the election. */
uint32_t sync_granted(const struct cluster *c, int32_t grantee, uint32_t *ret_count);

/* True when a candidate must prove that it has every acknowledged commit. False until a first set
 * is settled, and once synchronous is off and nothing is left of the last one. */
bool sync_binds(const struct cluster *c);
/* True when an election may need what this node has. A rebuild loses none of that once the new copy
 * is consistent: it has everything that the leader had then. Until it is, an election misses it. */
bool sync_needs(const struct cluster *c, int32_t i);
/* How many voters have reported for the election that goes on, sealed. */
uint32_t sync_sealed_count(const struct cluster *c);
/* The silence that a revoke of the present leader must prove, in ms, when these nodes are heard:
 * the wait for its lease; with failover_mode sealed SEALED_SILENCE_MS, if it knows that mode,
 * serves, and enough voters are there to elect another. */
uint64_t sync_silence_ms(const struct cluster *c, uint32_t alive_mask);
/* True when, with failover_mode sealed, so many have turned away from a leader that was revoked
 * that no commit which waits for them can be acknowledged any more. */
bool sync_elects_early(const struct cluster *c);
/* Then node i, which is proven to have all of them, need not wait for the end of the lease. */
bool sync_spares_wait(const struct cluster *c, int32_t i);
/* What keeps node i, which has reported, from being granted the term with a proof that it has every
 * acknowledged commit; VERDICT_ELIGIBLE when the proof stands (I8). */
enum verdict sync_verdict(const struct cluster *c, int32_t i);

#endif
