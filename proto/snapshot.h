/* SPDX-License-Identifier: PostgreSQL */
/*
 * snapshot.h - a reader need not fold a log from its beginning: it begins with a state that a
 * monitor has written into it (DESIGN section 3).
 *
 *   monitor ── snapshot(folded_seq, state) ──▶ log ──▶ a reader that has folded nothing: takes it
 *                                               └────▶ everybody else: compares, and goes on
 *
 * A snapshot is no decision, and nothing of it counts: whoever has folded something is left with
 * the state that he had, so that readers which began elsewhere have the same one. Records of the
 * cluster at or before its state's last_seq are in it; there are none between that and folded_seq,
 * up to which its author had read the whole log.
 */
#ifndef PGBATON_SNAPSHOT_H
#define PGBATON_SNAPSHOT_H

#include "cluster.h"

/* Makes the event: kind, cluster and body, its bytes in ret_bytes. The author has read the log up
 * to folded_seq. */
void snapshot_make(const struct cluster *c, uint64_t folded_seq, uint8_t ret_bytes[STATE_BYTES_MAX],
                   struct event *ret_event);
/* What speaks against beginning with it; VOID_NONE: nothing, and *ret_state is the state.
 * VOID_NEWER_VERSION: it is of another version of the fold, and says nothing to this one. Else
 * *ret_state may be anything. */
enum void_reason snapshot_read(const struct event *e, struct cluster *ret_state);
/* True unless the record that was folded last, with this payload, is another one. */
bool snapshot_follows(const struct snapshot *s, const uint8_t *data, size_t size);
/* True for a record that is in c already, because c began with a snapshot: it is left out. */
bool snapshot_has(const struct cluster *c, const char *subject, uint64_t seq);
/* Its fold. VOID_BAD_DIGEST: c was folded to another state than the author's, who had read as much;
 * or it is damaged, and would have been taken. */
enum void_reason snapshot_fold(struct cluster *c, const struct event *e);

#endif
