/* SPDX-License-Identifier: PostgreSQL */
/*
 * vote_file.h - the agent's vote on disk: DIR/vote, one line of text and a checksum.
 *
 * What a node has seen and given up must survive its restart (I2, I7), so a vote is written to a
 * temporary file, synced, renamed and the directory synced before anything is done in its name. A
 * file that cannot be understood is never taken for an empty one.
 */
#ifndef PGBATON_AGENT_VOTE_FILE_H
#define PGBATON_AGENT_VOTE_FILE_H

#include "../proto/result.h"
#include "facts.h"

/* Zeros when there is no file. Anything but a whole, right file is a failure. */
MUST_USE enum result vote_file_load(const char *directory, struct vote *ret_vote,
                                    struct failure *reterr_failure);
/* Durable when it succeeds; after a failure the old file or the new one stands. Blocks on the disk,
 * and on a process that writes one already: what such a process still does, on a disk that hangs,
 * must not come after this. */
MUST_USE enum result vote_file_store(const char *directory, const struct vote *vote,
                                     struct failure *reterr_failure);

#endif
