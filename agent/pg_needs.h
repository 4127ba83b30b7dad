/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_needs.h - what a standby must have as much of as its primary had, as its pg_control says: with
 * less it does not start, and one that runs with less stops replaying (PostgreSQL's documentation,
 * hot standby, administrator's overview).
 */
#ifndef PGBATON_AGENT_PG_NEEDS_H
#define PGBATON_AGENT_PG_NEEDS_H

#include <stdint.h>

/* In the order of pg_control. */
enum pg_need {
    PG_NEED_CONNECTIONS = 0,
    PG_NEED_WORKER_PROCESSES,
    PG_NEED_WAL_SENDERS,
    PG_NEED_PREPARED_TRANSACTIONS,
    PG_NEED_LOCKS_PER_TRANSACTION,
    PG_NEED_COUNT
};

struct pg_needs {
    uint32_t values[PG_NEED_COUNT]; /* 0: nothing is known of it, or none is needed */
};

#endif
