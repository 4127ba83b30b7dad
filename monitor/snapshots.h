/* SPDX-License-Identifier: PostgreSQL */
/*
 * snapshots.h - when a monitor writes a snapshot of a cluster (../proto/snapshot.h), and what of
 * the log none needs any more.
 *
 * Every monitor counts a cluster's records since the newest snapshot that it has read, whoever
 * wrote it; the first one to reach its own limit, which differs a little with its name, writes the
 * next, and the others begin to count anew when they read it. Two at once do no harm.
 *
 * Of each cluster the two newest snapshots are kept, with all that follows the older of them. Pure.
 */
#ifndef PGBATON_MONITOR_SNAPSHOTS_H
#define PGBATON_MONITOR_SNAPSHOTS_H

#include "../proto/fold.h"
#include "../proto/snapshot.h"

/* What a monitor has read of one cluster's snapshots. Zeroed at first. */
struct snapshots {
    uint64_t folded_seq;          /* of the newest; 0: none */
    uint64_t previous_seq;        /* of the one before it; 0: none was read */
    uint64_t record_count;        /* the cluster's records since the newest */
    uint64_t tried_ms;            /* when one was written that has not come back; 0: none */
    uint8_t last_hash[HASH_SIZE]; /* of the cluster's last record */
};

/* What else the question depends on. */
struct snapshots_view {
    const char *name;       /* of this monitor */
    uint32_t events_max;    /* 0: SNAPSHOT_EVENTS */
    uint32_t cluster_count; /* in the log */
    uint64_t read_seq;      /* the log was read up to here */
    uint64_t now_ms;
};

/* Where an encoded state lies until it is appended. */
struct snapshot_space {
    uint8_t bytes[STATE_BYTES_MAX];
};

/* After each record of the cluster. */
void snapshots_observe(struct snapshots *s, const struct event *e, struct outcome outcome);
/* True when one is to be written of c, of which decisions are known: a state that was folded from
 * the middle of a log knows of none. */
bool snapshots_are_due(const struct snapshots *s, const struct cluster *c,
                       const struct snapshots_view *view);
/* What stands at or before this sequence number no reader of the cluster needs; 0: it may all be
 * needed. */
uint64_t snapshots_needless_seq(const struct snapshots *s);

#endif
