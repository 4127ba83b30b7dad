/* SPDX-License-Identifier: PostgreSQL */
/*
 * cut.h - the part of a captured log that an incident needs, as a captured log of its own.
 *
 * It begins where the cluster does when that makes it no larger than is wanted: such a log can be
 * taken on to a later version of the fold. Else it begins with a snapshot, in the place of a record
 * of nobody's, that has every state which a later decision rests on behind it.
 */
#ifndef PGBATON_REPLAY_CUT_H
#define PGBATON_REPLAY_CUT_H

#include "../proto/result.h"

#include <stddef.h>
#include <stdint.h>

struct cut {
    const char *cluster;
    uint64_t from_seq; /* what is needed, at least */
    uint64_t to_seq;
    size_t bytes_wanted; /* the whole beginning is kept while it is no larger */
};

/* Writes from to the path to, which must not exist. *ret_snapshot_seq: where it begins with a
 * snapshot; 0: with the cluster. */
MUST_USE enum result cut_file(const char *from, const char *to, const struct cut *cut,
                              uint64_t *ret_snapshot_seq, struct failure *reterr_failure);

#endif
