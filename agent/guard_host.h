/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_host.h - what the guard asks of its host: memory that stays, a rank, a line in the log.
 *
 * For guard.c only. Nothing here waits: a line that nobody takes is dropped.
 */
#ifndef PGBATON_AGENT_GUARD_HOST_H
#define PGBATON_AGENT_GUARD_HOST_H

#include "../proto/severity.h"

/* Memory that cannot be paged out and a rank above PostgreSQL's, where the host allows it; what it
 * does not allow is said once. */
void guard_harden(void);
/* A line of the agent's log, which begins with "guard: ". */
void guard_say(enum severity severity, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* A wait status for people, -1: not known. The memory is used again by the next call. */
const char *guard_how_ended(int status);

#endif
