/* SPDX-License-Identifier: PostgreSQL */
#include "peer_impl.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An agent that is started again is not told of: so many failures in a row are. */
#define FAILURES_SAID 2
/* Another reason than the one that was said is said after so many seconds. */
#define SAID_AGAIN_S 30.0

static void arm(struct peer_dial *dial, uint64_t after_ms)
{
    struct ev_loop *loop = dial->net->loop;
    ev_timer_stop(loop, &dial->timer);
    ev_now_update(loop);
    ev_timer_set(&dial->timer, (double)after_ms / 1000.0, 0.0);
    ev_timer_start(loop, &dial->timer);
}

static uint64_t wait_ms(const struct peer_dial *dial)
{
    uint64_t ms = PEER_RETRY_MS;
    for (uint32_t i = 1; i < dial->failures && ms < PEER_RETRY_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < PEER_RETRY_MS_MAX ? ms : PEER_RETRY_MS_MAX;
}

static void say_lost(struct peer_dial *dial, const char *why)
{
    ev_tstamp now = ev_now(dial->net->loop);
    if (strcmp(dial->said, why) == 0 ||
        (dial->said[0] != '\0' && now - dial->said_at < SAID_AGAIN_S)) {
        return;
    }
    (void)snprintf(dial->said, sizeof(dial->said), "%s", why);
    dial->said_at = now;
    log_line(SEVERITY_WARNING,
             "%s cannot be asked for a promise at %s port %u: %s; while that is so, a leader on "
             "this node gives its lease up when the log is away",
             dial->address.node, dial->address.host, (unsigned)dial->address.port, why);
}

static void give_up(struct peer_dial *dial)
{
    peer_stream_close(&dial->stream);
    peer_resolve_cancel(dial->resolving);
    dial->resolving = NULL;
    dial->greeted = false;
}

static void fail(struct peer_dial *dial, const char *why)
{
    give_up(dial);
    dial->failures++;
    log_line(SEVERITY_DEBUG, "%s at %s port %u: %s", dial->address.node, dial->address.host,
             (unsigned)dial->address.port, why);
    if (dial->failures >= FAILURES_SAID) {
        say_lost(dial, why);
    }
    arm(dial, wait_ms(dial));
}

static int connect_to(const struct sockaddr_storage *address, socklen_t size)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    peer_stream_prepare(fd);
    if (connect(fd, (const struct sockaddr *)address, size) == 0 || errno == EINPROGRESS) {
        return fd;
    }
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static void on_resolved(void *data, const struct peer_addresses *found)
{
    struct peer_dial *dial = data;
    struct peer_net *net = dial->net;
    struct peer_tls_session *session = NULL;
    dial->resolving = NULL;
    if (found->count == 0) {
        fail(dial, found->error != 0 ? gai_strerror(found->error) : "it has no address");
        return;
    }
    uint32_t i = dial->failures % found->count;
    int fd = connect_to(&found->items[i], found->sizes[i]);
    if (fd < 0) {
        fail(dial, strerror(errno));
        return;
    }
    if (net->tls != NULL) {
        session = peer_tls_begin(net->tls, fd, dial->address.node);
        if (session == NULL) {
            (void)close(fd);
            fail(dial, "out of memory");
            return;
        }
    }
    arm(dial, PEER_CONNECT_MS);
    peer_stream_open(&dial->stream, fd, session);
}

static void attempt(struct peer_dial *dial)
{
    const struct peer_address *a = &dial->address;
    struct peer_addresses found;
    if (peer_resolve_at_once(a->host, a->port, &found)) {
        on_resolved(dial, &found);
        return;
    }
    arm(dial, PEER_RESOLVE_MS);
    dial->resolving = peer_resolve_begin(dial->net->loop, a->host, a->port, on_resolved, dial);
    if (dial->resolving == NULL) {
        fail(dial, "no thread could be started to ask for its address");
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct peer_dial *dial = watcher->data;
    (void)loop;
    (void)events;
    if (dial->resolving != NULL) {
        fail(dial, "the name server does not answer");
    } else if (!peer_stream_is_open(&dial->stream)) {
        attempt(dial);
    } else if (dial->stream.ready) {
        fail(dial, "who listens there does not answer as this node of this cluster");
    } else {
        fail(dial, "no connection within a second");
    }
}

static void on_ready(struct peer_stream *stream)
{
    struct peer_dial *dial = stream->data;
    struct promise_message m = peer_greeting(dial->net, PROMISE_ASKED, dial->address.node);
    arm(dial, PEER_CONNECT_MS);
    peer_stream_send(stream, &m);
}

static void greeted(struct peer_dial *dial)
{
    ev_timer_stop(dial->net->loop, &dial->timer);
    dial->greeted = true;
    dial->failures = 0;
    log_line(dial->said[0] != '\0' ? SEVERITY_INFO : SEVERITY_DEBUG,
             "%s can be asked for a promise%s at %s port %u", dial->address.node,
             dial->said[0] != '\0' ? " again" : "", dial->address.host,
             (unsigned)dial->address.port);
    dial->said[0] = '\0';
}

static void on_message(struct peer_stream *stream, const struct promise_message *m)
{
    struct peer_dial *dial = stream->data;
    struct peer_net *net = dial->net;
    if (m->kind != PROMISE_ANSWERED) {
        peer_stream_fail(stream, "it asks where it is to answer");
    } else if (strcmp(m->cluster, net->cluster) != 0 || strcmp(m->to, net->node) != 0 ||
               strcmp(m->from, dial->address.node) != 0) {
        log_line(SEVERITY_DEBUG, "an answer of %s in cluster %s to %s is dropped", m->from,
                 m->cluster, m->to);
    } else if (m->number != 0) {
        net->received(net->data, m);
    } else if (!dial->greeted) {
        greeted(dial);
    }
}

static void on_failed(struct peer_stream *stream)
{
    struct peer_dial *dial = stream->data;
    bool plain = stream->ready && !dial->greeted && stream->tls == NULL;
    char why[PEER_WHY_SIZE];
    (void)snprintf(why, sizeof(why), "%.100s%s", stream->why,
                   plain ? "; if tls is set in its agent.yaml, this node needs it, too" : "");
    fail(dial, why);
}

void peer_dial_init(struct peer_dial *dial, struct peer_net *net)
{
    dial->net = net;
    peer_stream_init(&dial->stream, net->loop, &net->arena, dial);
    dial->stream.on_ready = on_ready;
    dial->stream.on_message = on_message;
    dial->stream.on_failed = on_failed;
    ev_init(&dial->timer, on_timer);
    dial->timer.data = dial;
}

void peer_dial_begin(struct peer_dial *dial, const struct peer_address *address)
{
    dial->used = true;
    dial->address = *address;
    dial->failures = 0;
    dial->said[0] = '\0';
    attempt(dial);
}

void peer_dial_end(struct peer_dial *dial)
{
    give_up(dial);
    ev_timer_stop(dial->net->loop, &dial->timer);
    dial->used = false;
}
