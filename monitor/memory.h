/* SPDX-License-Identifier: PostgreSQL */
/*
 * memory.h - what a monitor remembers of a cluster's log, on its own disk (DESIGN section 4, "When
 * the log is lost"; I12).
 *
 * It moves on with the log. At the end of the history it is held against what was read: when the
 * log has less, the monitor says so (EVENT_ANCHOR) before it decides anything, and goes on
 * remembering what it did until every member has reported (../proto/lost.h). A member may be gone
 * with what it knew, a monitor elsewhere still tells that there was something to know.
 *
 * What a decision older than the log's last was cannot be told apart from another of its number:
 * then only the term, who was granted it, and whether it was held, count. Pure.
 */
#ifndef PGBATON_MONITOR_MEMORY_H
#define PGBATON_MONITOR_MEMORY_H

#include "../proto/cluster.h"
#include "../proto/event.h"

/* Zeroed: nothing is remembered. */
struct memory {
    uint64_t decision_seq; /* the last effective one; 0: none */
    uint8_t decision_hash[HASH_SIZE];
    uint64_t shown_seq;   /* the last loss that was known then; 0: none */
    struct anchor anchor; /* of lost and seen_seq it says nothing */
};

/* True when the log, read to its end, has less, and nobody has said so yet. */
bool memory_is_untold(const struct memory *m, const struct cluster *c);
/* What to say then. */
struct anchor memory_tell(const struct memory *m, const struct cluster *c);
/* After each record from the end of the history on: takes over what is new. True when something
 * was. */
bool memory_learn(struct memory *m, const struct cluster *c);

#endif
