/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer.h - the direct link between agents, over which promises travel while the log is away
 * (DESIGN section 4, "When NATS is away"; promise.h says what is said).
 *
 *   peer_set ─▶ one connection to each node that may have to be asked ─▶ its agent_port
 *   peer_send(ASKED) ──────────────────────────────────────────────────▶ received(ASKED)
 *   received(ANSWERED) ◀──────────────────────────────────── peer_send(ANSWERED)
 *
 * Each pair has one TCP connection for each direction of asking: the asker connects, the asked
 * answers on the connection on which that node has spoken last. Connections are opened ahead of
 * need. Both sides begin with a greeting, a message with the number 0 (ASKED, then ANSWERED), so
 * that a connection counts only when the node that is meant has answered; greetings are never
 * handed to received(). A frame is its length (2 bytes, network order) and a Promise of
 * promise.proto. With TLS both sides show a certificate of the same CA that carries the name of the
 * node that speaks.
 *
 * Nothing here blocks, waits for a peer or keeps a message for later: what cannot be sent at once
 * is dropped, and a peer that is slow, silent or talks nonsense loses its connection. It says by
 * itself, once per change, who cannot be asked and why, and that nobody can ask here.
 */
#ifndef PGBATON_AGENT_PEER_H
#define PGBATON_AGENT_PEER_H

#include "../proto/promise.h"
#include "../proto/result.h"

/* A frame's size: a newer version may say more than PROMISE_BYTES_MAX. Connections that others have
 * opened: each node has one. */
#define PEER_FRAME_BYTES_MAX 1024
#define PEER_CALLER_MAX 64
/* One attempt to connect, and to be greeted, in ms; a name server's answer; the wait after a
 * failure, doubled each time, up to the second. */
#define PEER_CONNECT_MS 1000
#define PEER_RESOLVE_MS 5000
#define PEER_RETRY_MS 500
#define PEER_RETRY_MS_MAX 5000
/* After so long without an acknowledgement of the other host a connection is lost. */
#define PEER_LOST_MS 2000
/* Who has connected says something valid within; a port that is taken is tried again after. */
#define PEER_PATIENCE_MS 5000
#define PEER_LISTEN_RETRY_MS 5000

struct ev_loop;
struct peer_net;

struct peer_options {
    struct ev_loop *loop;
    const char *cluster;
    const char *node;
    const char *host; /* to listen at; empty: all */
    uint16_t port;
    const char *tls_certificate; /* PEM, with the chain; all three empty: without TLS */
    const char *tls_key;
    const char *tls_ca;
    /* A message of a peer's to this node. May call peer_send() and peer_set(), not peer_close(). */
    void (*received)(void *data, const struct promise_message *message);
    void *data;
};

/* Where a node can be asked. */
struct peer_address {
    char node[NAME_SIZE];
    char host[HOST_SIZE];
    uint16_t port;
};

/* Opens it, and listens. Texts are copied. A port that is taken is no failure: it is said, and
 * tried again every PEER_LISTEN_RETRY_MS. A failure names the file of TLS that cannot be used.
 * SIGPIPE must be ignored. */
MUST_USE enum result peer_open(const struct peer_options *options, struct peer_net **ret_net,
                               struct failure *reterr_failure);
/* Accepts NULL. */
void peer_close(struct peer_net *net);
/* Whom this node may have to ask: connections are opened ahead of need and kept; the others are
 * closed. At most NODE_COUNT_MAX. Called whenever the set may have changed (cheap when it has not).
 */
void peer_set(struct peer_net *net, const struct peer_address *peers, uint32_t count);
/* Sends at once or drops: PROMISE_ASKED goes over the connection to message->to; PROMISE_ANSWERED
 * over the newest incoming connection on which message->to has spoken. Its number is not 0. */
void peer_send(struct peer_net *net, const struct promise_message *message);

#endif
