/* SPDX-License-Identifier: PostgreSQL */
#include "peer_impl.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64
/* Connections accepted at one call. */
#define ACCEPTS_MAX 16
/* Between two lines about callers, seconds. */
#define GRUMBLE_S 10.0

/* ---- callers ---- */

static void caller_end(struct peer_caller *caller)
{
    ev_timer_stop(caller->net->loop, &caller->patience);
    peer_stream_close(&caller->stream);
    caller->node[0] = '\0';
}

/* Who is no agent can come as often as it likes; the log is for people. */
static void grumble(struct peer_net *net, const char *address, const char *why)
{
    struct peer_serve *serve = &net->serve;
    ev_tstamp now = ev_now(net->loop);
    if (serve->grumbled_at > 0 && now - serve->grumbled_at < GRUMBLE_S) {
        serve->hushed_count++;
        return;
    }
    char more[48] = "";
    if (serve->hushed_count > 0) {
        (void)snprintf(more, sizeof(more), " (and %u like it)", (unsigned)serve->hushed_count);
    }
    log_line(SEVERITY_WARNING, "a connection from %s to agent_port is closed: %s%s", address, why,
             more);
    serve->grumbled_at = now;
    serve->hushed_count = 0;
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct peer_caller *caller = watcher->data;
    (void)loop;
    (void)events;
    grumble(caller->net, caller->address, "it has said nothing that this node understands");
    caller_end(caller);
}

static void on_failed(struct peer_stream *stream)
{
    struct peer_caller *caller = stream->data;
    if (caller->node[0] == '\0') {
        grumble(caller->net, caller->address, stream->why);
    } else {
        log_line(SEVERITY_DEBUG, "the connection of %s from %s has ended: %s", caller->node,
                 caller->address, stream->why);
    }
    caller_end(caller);
}

static void on_ready(struct peer_stream *stream)
{
    (void)stream; /* the caller speaks first */
}

/* A node's older connection is one that it has lost. */
static void end_older(struct peer_caller *caller)
{
    struct peer_serve *serve = &caller->net->serve;
    for (size_t i = 0; i < PEER_CALLER_MAX; i++) {
        struct peer_caller *other = &serve->callers[i];
        if (other != caller && other->number < caller->number &&
            strcmp(other->node, caller->node) == 0) {
            caller_end(other);
        }
    }
}

/* Who it is stands for as long as the connection does. */
static bool is_known(struct peer_caller *caller, const char *from)
{
    if (caller->node[0] != '\0') {
        return strcmp(caller->node, from) == 0;
    }
    if (caller->stream.tls != NULL && !peer_tls_is_node(caller->stream.tls, from)) {
        return false;
    }
    (void)snprintf(caller->node, sizeof(caller->node), "%s", from);
    ev_timer_stop(caller->net->loop, &caller->patience);
    end_older(caller);
    return true;
}

static void on_message(struct peer_stream *stream, const struct promise_message *m)
{
    struct peer_caller *caller = stream->data;
    struct peer_net *net = caller->net;
    if (m->kind != PROMISE_ASKED) {
        peer_stream_fail(stream, "it answers where nobody asks");
    } else if (strcmp(m->cluster, net->cluster) != 0 || strcmp(m->to, net->node) != 0) {
        log_line(SEVERITY_DEBUG,
                 "a question of %s from %s is not for this node: it is for %s of %s", m->from,
                 caller->address, m->to, m->cluster);
    } else if (!is_known(caller, m->from)) {
        caller->node[0] = '\0'; /* its end is said as a stranger's */
        peer_stream_fail(stream, "it speaks as a node that it is not");
    } else if (m->number != 0) {
        net->received(net->data, m);
    } else {
        struct promise_message greeting = peer_greeting(net, PROMISE_ANSWERED, m->from);
        peer_stream_send(stream, &greeting);
    }
}

static void caller_init(struct peer_caller *caller, struct peer_net *net)
{
    caller->net = net;
    peer_stream_init(&caller->stream, net->loop, &net->arena, caller);
    caller->stream.on_ready = on_ready;
    caller->stream.on_message = on_message;
    caller->stream.on_failed = on_failed;
    ev_init(&caller->patience, on_patience);
    caller->patience.data = caller;
}

/* A free place; or that of the oldest who has not spoken; or none. */
static struct peer_caller *find_place(struct peer_serve *serve)
{
    struct peer_caller *oldest = NULL;
    for (size_t i = 0; i < PEER_CALLER_MAX; i++) {
        struct peer_caller *caller = &serve->callers[i];
        if (!peer_stream_is_open(&caller->stream)) {
            return caller;
        }
        if (caller->node[0] == '\0' && (oldest == NULL || caller->number < oldest->number)) {
            oldest = caller;
        }
    }
    if (oldest != NULL) {
        grumble(oldest->net, oldest->address, "there are too many, and it has not spoken yet");
        caller_end(oldest);
    }
    return oldest;
}

static void name_address(const struct sockaddr_storage *from, socklen_t size, char ret_text[80])
{
    char host[64];
    char port[8];
    if (getnameinfo((const struct sockaddr *)from, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        (void)snprintf(ret_text, 80, "%s port %s", host, port);
    } else {
        (void)snprintf(ret_text, 80, "an unknown address");
    }
}

static void admit(struct peer_net *net, int fd, const struct sockaddr_storage *from, socklen_t size)
{
    struct peer_caller *caller = find_place(&net->serve);
    struct peer_tls_session *session = NULL;
    char address[80];
    name_address(from, size, address);
    if (caller != NULL && net->tls != NULL) {
        session = peer_tls_begin(net->tls, fd, NULL);
    }
    if (caller == NULL || (net->tls != NULL && session == NULL)) {
        grumble(net, address, caller == NULL ? "there are too many" : "out of memory");
        (void)close(fd);
        return;
    }
    peer_stream_prepare(fd);
    memcpy(caller->address, address, sizeof(address));
    caller->number = ++net->serve.caller_count;
    caller->node[0] = '\0';
    peer_stream_open(&caller->stream, fd, session);
    ev_now_update(net->loop);
    ev_timer_set(&caller->patience, PEER_PATIENCE_MS / 1000.0, 0.0);
    ev_timer_start(net->loop, &caller->patience);
}

struct peer_stream *peer_serve_find(struct peer_net *net, const char *node)
{
    struct peer_caller *newest = NULL;
    for (size_t i = 0; i < PEER_CALLER_MAX; i++) {
        struct peer_caller *caller = &net->serve.callers[i];
        if (peer_stream_is_open(&caller->stream) && strcmp(caller->node, node) == 0 &&
            (newest == NULL || caller->number > newest->number)) {
            newest = caller;
        }
    }
    return newest != NULL ? &newest->stream : NULL;
}

/* ---- listening ---- */

static void stop_listening(struct peer_net *net)
{
    struct peer_serve *serve = &net->serve;
    if (serve->fd >= 0) {
        ev_io_stop(net->loop, &serve->io);
        (void)shutdown(serve->fd, SHUT_RDWR); /* a child that was forked may hold it, too */
        (void)close(serve->fd);
        serve->fd = -1;
    }
}

static void try_later(struct peer_net *net, const char *why)
{
    struct peer_serve *serve = &net->serve;
    stop_listening(net);
    ev_timer_stop(net->loop, &serve->retry);
    ev_timer_set(&serve->retry, PEER_LISTEN_RETRY_MS / 1000.0, 0.0);
    ev_timer_start(net->loop, &serve->retry);
    if (strcmp(serve->said, why) == 0) {
        return;
    }
    (void)snprintf(serve->said, sizeof(serve->said), "%s", why);
    log_line(
            SEVERITY_ERROR,
            "no other agent can ask this one: cannot listen at %s port %u: %s; set agent_port to a "
            "port that is free here (agents of one host need one each), or 0; until then a leader "
            "elsewhere gives its lease up when the log is away; trying again every %d s",
            net->host[0] != '\0' ? net->host : "all addresses", (unsigned)net->port, why,
            PEER_LISTEN_RETRY_MS / 1000);
}

static void on_accept(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct peer_net *net = watcher->data;
    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        int fd = accept4(net->serve.fd, (struct sockaddr *)&from, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(net, fd, &from, size);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            try_later(net, strerror(errno));
            return;
        }
    }
}

static int listen_at(const struct sockaddr_storage *address, socklen_t size)
{
    const int on = 1;
    const int off = 0;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* The last address first: of "all" that is IPv6's, which takes IPv4 as well. */
static void on_resolved(void *data, const struct peer_addresses *found)
{
    struct peer_net *net = data;
    struct peer_serve *serve = &net->serve;
    serve->resolving = NULL;
    const char *why = found->error != 0 ? gai_strerror(found->error) : "it has no address";
    for (uint32_t i = found->count; i > 0 && serve->fd < 0; i--) {
        serve->fd = listen_at(&found->items[i - 1], found->sizes[i - 1]);
        why = serve->fd < 0 ? strerror(errno) : why;
    }
    if (serve->fd < 0) {
        try_later(net, why);
        return;
    }
    ev_io_set(&serve->io, serve->fd, EV_READ);
    ev_io_start(net->loop, &serve->io);
    log_line(serve->said[0] != '\0' ? SEVERITY_INFO : SEVERITY_DEBUG,
             "other agents can ask this one%s: it listens at %s port %u",
             serve->said[0] != '\0' ? " again" : "",
             net->host[0] != '\0' ? net->host : "all addresses", (unsigned)net->port);
    serve->said[0] = '\0';
}

static void begin_listening(struct peer_net *net)
{
    struct peer_serve *serve = &net->serve;
    struct peer_addresses found;
    if (peer_resolve_at_once(net->host, net->port, &found)) {
        on_resolved(net, &found);
        return;
    }
    serve->resolving = peer_resolve_begin(net->loop, net->host, net->port, on_resolved, net);
    if (serve->resolving == NULL) {
        try_later(net, "no thread could be started to ask for its address");
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    begin_listening(watcher->data);
}

void peer_serve_open(struct peer_net *net)
{
    struct peer_serve *serve = &net->serve;
    serve->fd = -1;
    ev_init(&serve->io, on_accept);
    ev_init(&serve->retry, on_retry);
    serve->io.data = net;
    serve->retry.data = net;
    for (size_t i = 0; i < PEER_CALLER_MAX; i++) {
        caller_init(&serve->callers[i], net);
    }
    begin_listening(net);
}

void peer_serve_close(struct peer_net *net)
{
    stop_listening(net);
    ev_timer_stop(net->loop, &net->serve.retry);
    peer_resolve_cancel(net->serve.resolving);
    net->serve.resolving = NULL;
    for (size_t i = 0; i < PEER_CALLER_MAX; i++) {
        caller_end(&net->serve.callers[i]);
    }
}
