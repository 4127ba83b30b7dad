/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_look.h - what the NATS servers say of themselves and of the stream, at one moment: for people
 * (pgbaton log status), never for a decision.
 *
 * Unlike log.h it blocks, up to some seconds when servers are silent, so no service calls it. It
 * changes nothing on the servers.
 */
#ifndef PGBATON_LOG_LOOK_H
#define PGBATON_LOG_LOOK_H

#include "limits.h"
#include "result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Servers, and replicas of a stream, that are looked at. */
#define LOG_LOOK_COUNT 16
#define LOG_LOOK_NAME_SIZE 64

/* One of the servers that the settings name. */
struct log_look_server {
    char place[HOST_SIZE + 8];     /* "127.0.0.1:4222", without user and password */
    char name[LOG_LOOK_NAME_SIZE]; /* as it calls itself; empty when it is not reached */
    bool reached;                  /* it greets */
    char trouble[128];             /* else why not */
};

/* One of the servers that store the stream, as the stream's leader sees it. */
struct log_look_replica {
    char name[LOG_LOOK_NAME_SIZE];
    bool current;       /* it has what the leader has */
    bool offline;       /* the leader has no contact */
    uint64_t lag_count; /* entries that it lacks */
};

enum log_look_stream {
    LOG_LOOK_SILENT = 0, /* no server says anything of it: it has no leader, or none is reached */
    LOG_LOOK_MISSING,    /* there is none */
    LOG_LOOK_THERE,
};

struct log_look {
    size_t server_count;
    size_t reached_count;
    struct log_look_server servers[LOG_LOOK_COUNT];
    enum log_look_stream stream;
    char trouble[FAILURE_TEXT_SIZE]; /* why it is silent, as the server says it; may be empty */

    /* What follows is of a stream that is there. */
    bool replicated;                 /* by a cluster of servers, which elect a leader */
    char leader[LOG_LOOK_NAME_SIZE]; /* empty: none, or not replicated */
    size_t replica_count;            /* without the leader */
    struct log_look_replica replicas[LOG_LOOK_COUNT];
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t message_count;
    uint64_t bytes;
    uint64_t created_us; /* wall clock of a server */
    uint64_t last_us;    /* of the last record; 0: there is none */
};

/* servers is a list with commas, as in log.h. */
void log_look(const char *servers, struct log_look *ret_look);

#endif
