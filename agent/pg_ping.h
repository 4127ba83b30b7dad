/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_ping.h - does the postmaster still let anybody in? One new connection, one byte.
 *
 * Sessions that are open go on although their postmaster is stopped or hangs; only a new connection
 * shows it. This one asks for TLS (SSLRequest, PostgreSQL's protocol 55.2.10) on the Unix socket
 * and takes any answer: the postmaster has accepted it and forked a process that answers. It costs
 * no session, no authentication and none of max_connections. It knows no loop: its owner watches
 * pg_ping_fd() for reading and calls pg_ping_work() when that is ready, or after a while when there
 * is none.
 */
#ifndef PGBATON_AGENT_PG_PING_H
#define PGBATON_AGENT_PG_PING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

enum pg_ping_verdict {
    PG_PING_PENDING = 0,
    PG_PING_ANSWERED,
    PG_PING_REFUSED, /* nobody listens, or the connection was closed without a byte */
    PG_PING_LATE     /* no answer by the deadline, or the queue of connections stayed full */
};

struct pg_ping {
    int fd; /* -1: not connected */
    uint64_t deadline_ms;
    struct sockaddr_un address;
};

void pg_ping_init(struct pg_ping *ping);
/* Begins a new one; an earlier one is forgotten. directory and port name the socket, as
 * settings.c has checked them. */
void pg_ping_begin(struct pg_ping *ping, const char *directory, uint16_t port,
                   uint64_t deadline_ms);
void pg_ping_end(struct pg_ping *ping);
/* -1: not connected yet. */
int pg_ping_fd(const struct pg_ping *ping);
/* Goes on as far as it can without waiting; ends the ping unless it is pending. */
enum pg_ping_verdict pg_ping_work(struct pg_ping *ping, uint64_t now_ms);

#endif
