/* SPDX-License-Identifier: PostgreSQL */
#include "peer_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads at one call; a peer that never ends must not keep the loop. */
#define READS_MAX 4

void peer_stream_fail(struct peer_stream *stream, const char *format, ...)
{
    va_list arguments;
    if (stream->failed || stream->fd < 0) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(stream->why, sizeof(stream->why), format, arguments);
    va_end(arguments);
    stream->failed = true;
    ev_feed_event(stream->loop, &stream->io, EV_CUSTOM);
}

/* ---- bytes ---- */

static enum peer_io plain_result(ssize_t count, size_t *ret_count)
{
    *ret_count = count > 0 ? (size_t)count : 0;
    if (count > 0) {
        return PEER_IO_DONE;
    }
    if (count == 0) {
        return PEER_IO_CLOSED;
    }
    return errno == EAGAIN || errno == EINTR ? PEER_IO_WAIT_READ : PEER_IO_FAILED;
}

static enum peer_io read_some(struct peer_stream *s, size_t *ret_count)
{
    uint8_t *place = s->in + s->in_size;
    size_t room = sizeof(s->in) - s->in_size;
    if (s->tls != NULL) {
        return peer_tls_read(s->tls, place, room, ret_count);
    }
    return plain_result(recv(s->fd, place, room, 0), ret_count);
}

static enum peer_io write_some(struct peer_stream *s, size_t *ret_count)
{
    if (s->tls != NULL) {
        return peer_tls_write(s->tls, s->out, s->out_size, ret_count);
    }
    return plain_result(send(s->fd, s->out, s->out_size, MSG_NOSIGNAL), ret_count);
}

static void fail_for(struct peer_stream *s, enum peer_io io)
{
    int error = errno;
    if (io == PEER_IO_CLOSED) {
        peer_stream_fail(s, "the other side has closed the connection");
    } else if (s->tls != NULL) {
        char why[PEER_WHY_SIZE];
        peer_tls_explain(s->tls, error, why);
        peer_stream_fail(s, "%s", why);
    } else {
        peer_stream_fail(s, "%s", strerror(error));
    }
}

static bool must_wait(enum peer_io io)
{
    return io == PEER_IO_WAIT_READ || io == PEER_IO_WAIT_WRITE;
}

static void flush(struct peer_stream *s)
{
    while (s->out_size > 0 && !s->failed) {
        size_t count = 0;
        enum peer_io io = write_some(s, &count);
        if (io != PEER_IO_DONE) {
            if (!must_wait(io)) {
                fail_for(s, io);
            }
            return;
        }
        s->out_size -= count;
        memmove(s->out, s->out + count, s->out_size);
    }
}

/* ---- frames ---- */

static void refuse_size(struct peer_stream *s, const uint8_t *frame, size_t size)
{
    if (s->tls == NULL && frame[0] == 0x16 && frame[1] == 0x03) {
        peer_stream_fail(s, "it speaks TLS, and this node does not: set tls in agent.yaml");
    } else {
        peer_stream_fail(s, "it sent a frame of %zu bytes, and is no agent", size);
    }
}

static void take_frame(struct peer_stream *s, const uint8_t *data, size_t size)
{
    struct promise_message message;
    enum codec_result result = promise_decode(data, size, s->arena, &message);
    if (result == CODEC_OK) {
        s->on_message(s, &message);
    } else if (result == CODEC_MALFORMED) {
        peer_stream_fail(s, "what it sent is no message of an agent");
    }
}

/* A callback may have closed the stream, or opened another: its buffer is then not looked at. */
static void take_frames(struct peer_stream *s)
{
    uint64_t life = s->life;
    size_t at = 0;
    while (s->in_size - at >= 2) {
        const uint8_t *frame = s->in + at;
        size_t size = (size_t)frame[0] << 8 | frame[1];
        if (size == 0 || size > PEER_FRAME_BYTES_MAX) {
            refuse_size(s, frame, size);
            return;
        }
        if (s->in_size - at - 2 < size) {
            break;
        }
        at += 2 + size;
        take_frame(s, frame + 2, size);
        if (s->life != life || s->failed) {
            return;
        }
    }
    s->in_size -= at;
    memmove(s->in, s->in + at, s->in_size);
}

static void read_frames(struct peer_stream *s)
{
    uint64_t life = s->life;
    for (int i = 0; i < READS_MAX && !s->failed; i++) {
        size_t count = 0;
        enum peer_io io = read_some(s, &count);
        if (must_wait(io)) {
            return;
        }
        if (io != PEER_IO_DONE) {
            fail_for(s, io);
            return;
        }
        s->in_size += count;
        take_frames(s);
        if (s->life != life) {
            return;
        }
    }
    if (!s->failed && s->tls != NULL && peer_tls_is_pending(s->tls)) {
        ev_feed_event(s->loop, &s->io, EV_READ); /* the socket does not tell of these */
    }
}

/* ---- the loop ---- */

static void watch(struct peer_stream *s)
{
    int events = s->ready ? EV_READ | (s->out_size > 0 ? EV_WRITE : 0) : s->wants;
    if (s->fd < 0 || (s->io.events & (EV_READ | EV_WRITE)) == events) {
        return;
    }
    ev_io_stop(s->loop, &s->io);
    ev_io_set(&s->io, s->fd, events);
    ev_io_start(s->loop, &s->io);
}

static void establish(struct peer_stream *s)
{
    if (s->connecting) {
        int error = 0;
        socklen_t size = sizeof(error);
        if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            peer_stream_fail(s, "%s", strerror(error != 0 ? error : errno));
            return;
        }
        s->connecting = false;
    }
    enum peer_io io = s->tls != NULL ? peer_tls_handshake(s->tls) : PEER_IO_DONE;
    if (must_wait(io)) {
        s->wants = io == PEER_IO_WAIT_READ ? EV_READ : EV_WRITE;
    } else if (io != PEER_IO_DONE) {
        fail_for(s, io);
    } else {
        s->ready = true;
        s->on_ready(s);
    }
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct peer_stream *s = watcher->data;
    uint64_t life = s->life;
    (void)loop;
    (void)events;
    if (!s->failed && !s->ready) {
        establish(s);
    }
    if (s->life == life && s->ready && !s->failed) {
        flush(s);
        read_frames(s);
    }
    if (s->life != life) {
        return;
    }
    if (s->failed) {
        s->on_failed(s);
        return;
    }
    watch(s);
}

void peer_stream_init(struct peer_stream *stream, struct ev_loop *loop, struct codec_arena *arena,
                      void *data)
{
    stream->loop = loop;
    stream->arena = arena;
    stream->data = data;
    stream->fd = -1;
    ev_init(&stream->io, on_io);
    stream->io.data = stream;
}

void peer_stream_open(struct peer_stream *stream, int fd, struct peer_tls_session *tls)
{
    stream->fd = fd;
    stream->tls = tls;
    stream->connecting = true; /* of a connected socket the question has an answer, too */
    stream->ready = false;
    stream->failed = false;
    stream->wants = EV_WRITE;
    stream->life++;
    stream->in_size = 0;
    stream->out_size = 0;
    ev_io_set(&stream->io, fd, EV_WRITE);
    ev_io_start(stream->loop, &stream->io);
}

bool peer_stream_is_open(const struct peer_stream *stream)
{
    return stream->fd >= 0;
}

void peer_stream_close(struct peer_stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    ev_io_stop(stream->loop, &stream->io);
    peer_tls_end(stream->tls);
    stream->tls = NULL;
    (void)shutdown(stream->fd, SHUT_RDWR); /* a child that was forked may hold it, too */
    (void)close(stream->fd);
    stream->fd = -1;
    stream->ready = false;
    stream->life++;
}

void peer_stream_send(struct peer_stream *stream, const struct promise_message *message)
{
    uint8_t frame[2 + PROMISE_BYTES_MAX];
    size_t size = promise_encode(message, frame + 2, PROMISE_BYTES_MAX);
    if (!stream->ready || stream->failed || size == 0) {
        return;
    }
    if (stream->out_size + 2 + size > sizeof(stream->out)) {
        peer_stream_fail(stream, "it takes nothing any more");
        return;
    }
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)(size & 0xff);
    memcpy(stream->out + stream->out_size, frame, 2 + size);
    stream->out_size += 2 + size;
    flush(stream);
    watch(stream);
}

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

void peer_stream_prepare(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_LOST_MS);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, PEER_OUT_BYTES); /* what waits for long is of no use */
}
