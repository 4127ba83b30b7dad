/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell.h - the monitor's loop: the log and the clock on one side, monitor_step() on the other.
 *
 * One libev loop, one log over the whole stream, one struct monitor, and a table of clusters that
 * grows as they appear in the log. Run once, by main.c. It decides nothing.
 */
#ifndef PGBATON_MONITOR_SHELL_H
#define PGBATON_MONITOR_SHELL_H

#include "settings.h"

/* The log's own thread has made no progress for so long: the process starts itself anew (FACTS 13).
 */
#define SHELL_STALL_MS 10000

enum shell_end {
    SHELL_STOPPED = 0, /* asked to, by SIGTERM or SIGINT */
    SHELL_STALLED,     /* the log's thread is stuck: execute the program again */
    SHELL_LOG_LOST,    /* the log does not hold what was read: execute the program again */
    SHELL_FAILED,      /* reterr_failure says why */
};

/* Runs until one of these; leaves nothing behind but what the log's stuck thread holds. */
MUST_USE enum shell_end shell_run(const struct monitor_settings *settings,
                                  struct failure *reterr_failure);

#endif
