/* SPDX-License-Identifier: PostgreSQL */
/*
 * placement.h - whether another NATS server should lead the log's stream than the one that does: a
 * machine that fails should not take a primary and the log's leader with it, for then a failover
 * waits until the log's servers have elected.
 *
 * monitor.yaml's nats_hosts says on which host each server runs. A monitor that finds the stream's
 * leader on a host of more clusters' leaders than the host of another server, which has all of the
 * log, asks for an election among the servers (a step-down). That is a break in every reader's
 * hearing (log_nats_leader.h), so it happens rarely and never beside a failover. Pure; the shell
 * asks it once a second.
 */
#ifndef PGBATON_MONITOR_PLACEMENT_H
#define PGBATON_MONITOR_PLACEMENT_H

#include "../proto/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACEMENT_SERVER_COUNT_MAX 16
#define PLACEMENT_NAME_SIZE 64
/* At most one step-down in this time, whoever asked for the last one: a new leader of the stream
 * counts as one. */
#define PLACEMENT_PAUSE_MS 60000
/* Something else than the present leader must have been better for so long, and up to as long again
 * by the monitor's name, so that of several monitors one asks. */
#define PLACEMENT_SETTLE_MS 5000

struct placement_server {
    char name[PLACEMENT_NAME_SIZE]; /* the nats-server's */
    char host[HOST_SIZE];           /* as agents name theirs */
};

struct placement_map {
    size_t count; /* 0: nothing is asked for */
    struct placement_server servers[PLACEMENT_SERVER_COUNT_MAX];
};

/* What is known at one moment. */
struct placement_view {
    const char *leader;       /* the server that leads the stream; empty: not known */
    const char *current;      /* the others that have all of it: "nats-1,nats-2" */
    const char *const *hosts; /* of each cluster's leader */
    size_t host_count;
    bool all_serve; /* every cluster has a leader that serves, and none is switched */
};

struct placement {
    char leader[PLACEMENT_NAME_SIZE]; /* at the last look */
    uint64_t moved_ms;                /* since when it leads, or when another was asked for */
    uint64_t better_ms;               /* since when another would be better; 0: none is */
};

/* The server that should lead rather; NULL: the present one may stay, or nothing is known. */
const struct placement_server *placement_better(const struct placement_map *map,
                                                const struct placement_view *view);
/* The same, and at its time; it counts as asked for then. name is the monitor's. */
const struct placement_server *placement_step(struct placement *p, const struct placement_map *map,
                                              const struct placement_view *view, const char *name,
                                              uint64_t now_ms);

#endif
