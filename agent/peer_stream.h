/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer_stream.h - messages over one connection of the link between agents: a socket, TLS on it if
 * there is any, and a buffer in each direction.
 *
 *   peer_stream_open ─▶ (connect, handshake) ─▶ on_ready ─▶ on_message* ─▶ on_failed
 *
 * Whatever goes wrong, a full buffer too, ends in on_failed, from the loop and never from within
 * peer_stream_send(); there the owner closes it. Callbacks may close and open the stream.
 */
#ifndef PGBATON_AGENT_PEER_STREAM_H
#define PGBATON_AGENT_PEER_STREAM_H

#include "../proto/codec_promise.h"
#include "peer.h"
#include "peer_tls.h"

#include <ev.h>

#define PEER_IN_BYTES (2 * (2 + PEER_FRAME_BYTES_MAX))
#define PEER_OUT_BYTES 4096

struct peer_stream {
    struct ev_loop *loop;
    struct codec_arena *arena;
    void *data; /* the owner's */
    void (*on_ready)(struct peer_stream *stream);
    void (*on_message)(struct peer_stream *stream, const struct promise_message *message);
    void (*on_failed)(struct peer_stream *stream); /* why says what happened */

    int fd; /* -1: closed */
    ev_io io;
    struct peer_tls_session *tls; /* NULL: without */
    bool connecting;
    bool ready;    /* frames may travel */
    bool failed;   /* on_failed is due */
    int wants;     /* what a handshake waits for: EV_READ or EV_WRITE */
    uint64_t life; /* changes with each opening and closing */
    char why[PEER_WHY_SIZE];
    size_t in_size;
    size_t out_size;
    uint8_t in[PEER_IN_BYTES];
    uint8_t out[PEER_OUT_BYTES];
};

void peer_stream_init(struct peer_stream *stream, struct ev_loop *loop, struct codec_arena *arena,
                      void *data);
/* Takes a socket that is connected, or that connects, and a session on it (NULL: without TLS). */
void peer_stream_open(struct peer_stream *stream, int fd, struct peer_tls_session *tls);
bool peer_stream_is_open(const struct peer_stream *stream);
/* Accepts a closed one. */
void peer_stream_close(struct peer_stream *stream);
/* Sends or drops. */
void peer_stream_send(struct peer_stream *stream, const struct promise_message *message);
/* Says why it is to end, if it does not end already. */
void peer_stream_fail(struct peer_stream *stream, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* What a socket of the link needs: what is lost shows within seconds, small messages leave at once.
 */
void peer_stream_prepare(int fd);

#endif
