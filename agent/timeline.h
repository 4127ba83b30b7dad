/* SPDX-License-Identifier: PostgreSQL */
/*
 * timeline.h - lets a promotion open the timeline that its grant names (I10).
 *
 * PostgreSQL opens the first timeline above its own for which pg_wal has no history file, so that
 * two promotions that do not know of each other open the same one, with different WAL. A grant
 * names a timeline that nobody can have opened. Where PostgreSQL would open a lower one, history
 * files keep the numbers between taken: each says that its timeline left ours before anything that
 * we have, so that recovery passes it over (rescanLatestTimeLine, "forked off ... before current
 * recovery point").
 *
 * Called by the shell before a promotion and before each start; touches pg_wal only.
 */
#ifndef PGBATON_AGENT_TIMELINE_H
#define PGBATON_AGENT_TIMELINE_H

#include "../proto/result.h"

#include <stdint.h>

/* Takes the timelines between own and opened that have no history file yet. opened 0: none. */
MUST_USE enum result timeline_reserve(const char *data_directory, uint32_t own, uint32_t opened,
                                      struct failure *reterr_failure);

/* Removes the files of timeline_reserve() above which no real history stands: a promotion that did
 * not happen must not leave a number that recovery would take for the latest timeline. */
MUST_USE enum result timeline_tidy(const char *data_directory, struct failure *reterr_failure);

/* After a rewind: removes what pg_wal still holds of timelines above the leader's, on which
 * somebody has promoted by hand, segments and histories; recovery would take them for its own. */
MUST_USE enum result timeline_forget_above(const char *data_directory, uint32_t timeline,
                                           struct failure *reterr_failure);

#endif
