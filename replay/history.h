/* SPDX-License-Identifier: PostgreSQL */
/*
 * history.h - the loop that verify, timeline, describe and role share: read all that is stored,
 * fold it, hand each record to a visitor.
 */
#ifndef PGBATON_REPLAY_HISTORY_H
#define PGBATON_REPLAY_HISTORY_H

#include "cluster_set.h"
#include "options.h"
#include "reader.h"

/* Called after the fold of each record; false ends the reading early. */
typedef bool (*history_visit_fn)(void *context, const struct log_notice *record,
                                 const struct folded *folded);

/* How much of a log is read. */
enum history_extent {
    HISTORY_WHOLE = 0, /* all that it keeps */
    HISTORY_NEWEST     /* of servers: what is needed to know the present state */
};

/* Opens what the options name: a file, or the servers. follow also asks for live positions. */
MUST_USE enum result history_open(const struct options *options, enum history_extent extent,
                                  bool follow, struct reader **ret_reader,
                                  struct failure *reterr_failure);
/* Reads until the history ends, up to that point, or until the visitor says so. visit may be NULL.
 * A file that is cut is told on stderr and read as far as it goes. */
MUST_USE enum result history_read(struct reader *reader, struct cluster_set *set, struct point to,
                                  history_visit_fn visit, void *context,
                                  struct failure *reterr_failure);
/* The record stands behind that point. */
bool history_is_beyond(const struct log_notice *record, struct point to);
/* Writes the failure and its hint to stderr; returns EXIT_NONE. */
int history_fail(const struct failure *failure);
/* The one cluster to speak of: the named one, or the only one there is; NULL after a complaint. */
struct cluster_entry *history_pick(const struct cluster_set *set, const struct options *options);

#endif
