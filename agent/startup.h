/* SPDX-License-Identifier: PostgreSQL */
/*
 * startup.h - how far a PostgreSQL is whose recovery lets nobody in yet, by the name that its
 * startup process gives itself: "postgres: demo: startup recovering 00000001000000000000001F".
 *
 * For the shell. Reads /proc only.
 */
#ifndef PGBATON_AGENT_STARTUP_H
#define PGBATON_AGENT_STARTUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct startup {
    uint64_t lsn; /* where the segment begins that it replays or looks for; 0: it does not say
                     (update_process_title is off, or it is not there) */
    bool waits;   /* that segment is neither in pg_wal nor in the archive yet */
};

struct startup startup_look(pid_t postmaster, uint32_t segment_bytes);
/* The same of one process's name. */
struct startup startup_parse(const char *title, uint32_t segment_bytes);

#endif
