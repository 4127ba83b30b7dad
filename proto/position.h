/* SPDX-License-Identifier: PostgreSQL */
/* position.h - places in the WAL, and the timelines on the way to one. */
#ifndef PGBATON_POSITION_H
#define PGBATON_POSITION_H

#include "limits.h"

#include <stdint.h>

/* A place in the WAL. lsn is PostgreSQL's XLogRecPtr; 0 means unknown. */
struct position {
    uint32_t timeline;
    uint64_t lsn;
};

/* "timeline `timeline` ended at `switch_lsn`, where the next one began", oldest first
 * (PostgreSQL's .history files say the same). */
struct history_entry {
    uint32_t timeline;
    uint64_t switch_lsn;
};

struct history {
    uint32_t count;
    struct history_entry entries[HISTORY_COUNT_MAX];
};

/* Below, equal, above: compares timelines first, then lsn. Only for positions of one history. */
int position_compare(struct position a, struct position b);

#endif
