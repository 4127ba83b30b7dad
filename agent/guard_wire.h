/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_wire.h - the messages between guard.c and guard_client.c, as they lie in memory.
 *
 * Both ends are one build on one host, so there is no version and no byte order. The socket keeps
 * the borders of messages (SOCK_SEQPACKET). An order is a struct guard_order and, for GUARD_START,
 * the log's path and the arguments behind it, each with its NUL.
 */
#ifndef PGBATON_AGENT_GUARD_WIRE_H
#define PGBATON_AGENT_GUARD_WIRE_H

#include <stdint.h>

#define GUARD_ENVIRONMENT "PGBATON_GUARD"
/* A START with its arguments; a socket's buffer holds several. */
#define GUARD_ORDER_BYTES_MAX 8192
/* Arguments of the postmaster, with the final NULL. */
#define GUARD_ARGUMENT_MAX 64

struct guard_order {
    uint32_t kind;    /* enum guard_order_kind */
    int32_t argument; /* SIGNAL: its number; ADOPT: the pid; EXIT: the status; START: how many
                         strings */
};

struct guard_notice {
    uint32_t kind; /* enum guard_report_kind */
    int32_t postmaster;
    int32_t status;
    uint32_t killed_count;
};

#endif
