/* SPDX-License-Identifier: PostgreSQL */
/*
 * nats_server.h - real nats-servers for tests: free ports, a temporary directory, ended by process
 * id.
 *
 * Who connects as user "holes" (password "x") does not get what the feed carries on
 * pgbaton-feed.*.probe.node-1: a third of what bench_append() appends.
 */
#ifndef PGBATON_TEST_NATS_SERVER_H
#define PGBATON_TEST_NATS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVER_COUNT_MAX 3

struct nats_server {
    pid_t pid; /* 0: not running */
    uint16_t port;
    uint16_t route_port;
};

struct nats_servers {
    char directory[64];
    char urls[256]; /* of all, as log_nats_options wants them */
    int count;
    struct nats_server servers[SERVER_COUNT_MAX];
};

/* Chooses ports and a directory; starts nothing. count: 1 or 3. */
void nats_servers_init(struct nats_servers *s, int count);
/* Starts server i and waits until it takes connections. */
void nats_server_start(struct nats_servers *s, int i);
void nats_servers_start_all(struct nats_servers *s);
/* SIGKILL, and reaps it. */
void nats_server_kill(struct nats_servers *s, int i);
/* SIGTERM, and reaps it: all that was acknowledged is in its files then. */
void nats_server_stop(struct nats_servers *s, int i);
void nats_server_signal(struct nats_servers *s, int i, int signal_number);
/* Index of the server that leads the stream, or -1. */
int nats_servers_stream_leader(struct nats_servers *s);
/* Has the stream elect another leader, and waits until there is one. */
void nats_servers_step_down(struct nats_servers *s);
/* How many consumers the stream has; and of these, how many live on server i. */
size_t nats_servers_consumers(const struct nats_servers *s, int i, size_t *ret_on_it);
/* Ends all and removes the directory. */
void nats_servers_finish(struct nats_servers *s);

#endif
