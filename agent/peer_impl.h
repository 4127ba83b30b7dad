/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer_impl.h - the parts of peer.h's link, for the peer_*.c files only.
 *
 *   peer.c        the set, and where a message goes
 *   peer_dial.c   connections to those that may have to be asked
 *   peer_serve.c  listening, and connections of those that may ask
 *   peer_stream.c frames over one connection; peer_tls.c, peer_resolve.c: what it needs
 */
#ifndef PGBATON_AGENT_PEER_IMPL_H
#define PGBATON_AGENT_PEER_IMPL_H

#include "peer.h"
#include "peer_resolve.h"
#include "peer_stream.h"
#include "peer_tls.h"

/* A connection that this node opens and keeps. */
struct peer_dial {
    struct peer_net *net;
    bool used;
    struct peer_address address;
    struct peer_stream stream;
    struct peer_resolve *resolving; /* NULL: not */
    ev_timer timer;                 /* ends an attempt, or the wait before the next */
    bool greeted;                   /* the node has answered: it can be asked */
    uint32_t failures;              /* attempts in a row */
    char said[PEER_WHY_SIZE];       /* the warning that stands; empty: none */
    ev_tstamp said_at;
};

/* A connection that somebody else has opened. */
struct peer_caller {
    struct peer_net *net;
    struct peer_stream stream;
    ev_timer patience;    /* until it has said something valid */
    uint64_t number;      /* of the connection, counted up */
    char node[NAME_SIZE]; /* who has spoken; empty: nobody yet */
    char address[80];     /* for people */
};

struct peer_serve {
    int fd; /* -1: does not listen */
    ev_io io;
    ev_timer retry;
    struct peer_resolve *resolving;
    char said[PEER_WHY_SIZE]; /* the error that stands; empty: none */
    uint64_t caller_count;    /* ever accepted */
    ev_tstamp grumbled_at;    /* the last line about a caller; 0: none */
    uint32_t hushed_count;    /* lines that were left out since */
    struct peer_caller callers[PEER_CALLER_MAX];
};

struct peer_net {
    struct ev_loop *loop;
    char cluster[NAME_SIZE];
    char node[NAME_SIZE];
    char host[HOST_SIZE];
    uint16_t port;
    struct peer_tls *tls; /* NULL: without */
    void (*received)(void *data, const struct promise_message *message);
    void *data;
    struct codec_arena arena;
    struct peer_dial dials[NODE_COUNT_MAX];
    struct peer_serve serve;
};

/* A greeting to that node. */
struct promise_message peer_greeting(const struct peer_net *net, enum promise_kind kind,
                                     const char *to);

/* peer_dial.c */
void peer_dial_init(struct peer_dial *dial, struct peer_net *net);
/* A dial that is not used begins to connect, until peer_dial_end(). */
void peer_dial_begin(struct peer_dial *dial, const struct peer_address *address);
void peer_dial_end(struct peer_dial *dial);

/* peer_serve.c */
void peer_serve_open(struct peer_net *net);
void peer_serve_close(struct peer_net *net);
/* The connection on which that node has spoken; NULL: none. */
struct peer_stream *peer_serve_find(struct peer_net *net, const char *node);

#endif
