/* SPDX-License-Identifier: PostgreSQL */
/*
 * retention.h - what of the log a monitor removes, and when.
 *
 * What is older than `retention` and needed by nobody: of every cluster the two newest snapshots
 * are kept, with all that follows the older of them, so the log is kept from the oldest of these on
 * (snapshots.h). Every monitor does it, a part at a time; who comes second finds nothing left. The
 * server itself must not remove anything by age: it knows of no snapshots. Pure.
 */
#ifndef PGBATON_MONITOR_RETENTION_H
#define PGBATON_MONITOR_RETENTION_H

#include "snapshots.h"

/* So often a part is removed, in ms: 100,000 records a minute (LOG_TRIM_COUNT). */
#define RETENTION_PERIOD_MS 60000
/* A retention that lost what an operator wants to look at tomorrow would be a mistake, in s. */
#define RETENTION_S_MIN 60
#define RETENTION_S_DEFAULT (30 * 86400)

struct retention {
    uint64_t span_s; /* what is older may be removed; 0: nothing is */
    uint64_t due_ms; /* when the next part is; 0: the first */
};

/* The first record that must be kept, with one more cluster; before the first: UINT64_MAX. 0: all
 * must be. */
uint64_t retention_keep_seq(uint64_t keep_seq, const struct snapshots *s);
/* True when a part is to be removed: what stands before keep_seq, and was stored before
 * *ret_before_us. */
bool retention_is_due(struct retention *r, uint64_t keep_seq, uint64_t now_ms, uint64_t wall_us,
                      uint64_t *ret_before_us);

#endif
