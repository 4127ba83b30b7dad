/* SPDX-License-Identifier: PostgreSQL */
/*
 * rebuild.h - how far a requested rebuild is, as request.c follows it.
 */
#ifndef PGBATON_TOOLS_REBUILD_H
#define PGBATON_TOOLS_REBUILD_H

#include "../replay/cluster_set.h"

#include <stdbool.h>

/* A request that was read back, and what became of it. */
struct rebuild_watch {
    uint64_t request_seq;
    bool copied; /* the copy has ended well; the node is yet to stream */
    bool drawn;  /* a bar stands on the terminal's last line */
};

enum rebuild_stage { REBUILD_GOES_ON = 0, REBUILD_STREAMS, REBUILD_FAILED };

/* After each event: where the rebuild of a node is. Why it failed goes into text. */
enum rebuild_stage rebuild_look(struct rebuild_watch *watch, const struct folded *folded,
                                const char *node, char *text, size_t size);
/* Progress as a bar on a terminal, as lines elsewhere. */
void rebuild_show(struct rebuild_watch *watch, const struct folded *folded, const char *node);
/* Takes the bar away, so that a line can be printed. */
void rebuild_hide(struct rebuild_watch *watch);

#endif
