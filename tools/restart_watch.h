/* SPDX-License-Identifier: PostgreSQL */
/*
 * restart_watch.h - what becomes of a restart that was asked for, as request.c follows it.
 */
#ifndef PGBATON_TOOLS_RESTART_WATCH_H
#define PGBATON_TOOLS_RESTART_WATCH_H

#include "../replay/cluster_set.h"

#include <stdbool.h>

/* A licence that was given, and what its node has said. */
struct restart_watch {
    uint64_t order_seq;   /* 0: the request is not answered yet */
    uint64_t incarnation; /* of the agent that has it */
    bool restarted;       /* it has told that PostgreSQL is back */
};

enum restart_end { RESTART_IS_GOING = 0, RESTART_IS_BACK, RESTART_HAS_FAILED };

/* After each event: where the restart of a node is. It is back when it serves as before: it is open
 * for writes, or streams and is waited for again. Why it failed goes into text. */
enum restart_end restart_look(struct restart_watch *watch, const struct folded *folded,
                              const char *node, char *text, size_t size);

#endif
