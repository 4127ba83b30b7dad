/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_peer_world.h - agents of one process that talk to each other over loopback, a plain client,
 * and what was said on standard error.
 */
#ifndef PGBATON_TESTS_PEER_WORLD_H
#define PGBATON_TESTS_PEER_WORLD_H

#include "../../agent/peer.h"
#include "../../proto/codec_promise.h"
#include "../../proto/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One agent's end. */
struct side {
    struct peer_net *net;
    const char *node;
    uint16_t port;
    const char *certificate; /* NULL: without TLS */
    const char *key;
    const char *ca;
    bool answers;
    uint32_t count;
    struct promise_message last;
};

struct world {
    struct ev_loop *loop;
    ev_timer tick;
    struct side a;
    struct side b;
    int stderr_fd;
    char log[64];
};

static struct world w;

static inline uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline int plain_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A port that is bound, so that nobody else gets it; *ret_fd holds it. */
static inline uint16_t hold_port(int *ret_fd)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    *ret_fd = plain_socket();
    assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static inline uint16_t free_port(void)
{
    int fd = -1;
    uint16_t port = hold_port(&fd);
    close(fd);
    return port;
}

static inline struct promise_message message_of(enum promise_kind kind, const char *from,
                                                const char *to, uint64_t number)
{
    struct promise_message m = {.kind = kind, .cluster = "demo", .term = 7, .number = number};
    snprintf(m.from, sizeof(m.from), "%s", from);
    snprintf(m.to, sizeof(m.to), "%s", to);
    return m;
}

static inline void on_received(void *data, const struct promise_message *m)
{
    struct side *side = data;
    side->count++;
    side->last = *m;
    if (side->answers && m->kind == PROMISE_ASKED) {
        struct promise_message answer =
                message_of(PROMISE_ANSWERED, side->node, m->from, m->number);
        peer_send(side->net, &answer);
    }
}

static inline enum result side_try(struct side *side, struct failure *failure)
{
    const bool tls = side->certificate != NULL;
    const struct peer_options options = {.loop = w.loop,
                                         .cluster = "demo",
                                         .node = side->node,
                                         .host = "127.0.0.1",
                                         .port = side->port,
                                         .tls_certificate = tls ? side->certificate : "",
                                         .tls_key = tls ? side->key : "",
                                         .tls_ca = tls ? side->ca : "",
                                         .received = on_received,
                                         .data = side};
    return peer_open(&options, &side->net, failure);
}

static inline void side_open(struct side *side)
{
    struct failure failure = {0};
    if (side_try(side, &failure) != RESULT_OK) {
        fail_msg("%s", failure.text);
    }
}

static inline void side_close(struct side *side)
{
    peer_close(side->net);
    side->net = NULL;
}

/* That node, and no other, may have to be asked by side. */
static inline void side_meets(struct side *side, const char *node, const char *host, uint16_t port)
{
    struct peer_address address = {.port = port};
    snprintf(address.node, sizeof(address.node), "%s", node);
    snprintf(address.host, sizeof(address.host), "%s", host);
    peer_set(side->net, &address, 1);
}

static inline void on_world_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
}

static inline void turn(uint64_t ms)
{
    uint64_t end_ms = clock_ms() + ms;
    do {
        ev_run(w.loop, EVRUN_ONCE);
    } while (clock_ms() < end_ms);
}

/* Asks until b has heard and a has the answer. */
static inline bool world_talks(uint64_t within_ms)
{
    static uint64_t number = 100;
    uint64_t end_ms = clock_ms() + within_ms;
    uint64_t first = number + 1;
    while (clock_ms() < end_ms) {
        struct promise_message question = message_of(PROMISE_ASKED, w.a.node, w.b.node, ++number);
        peer_send(w.a.net, &question);
        turn(20);
        if (w.a.count > 0 && w.a.last.number >= first) {
            assert_int_equal(w.a.last.kind, PROMISE_ANSWERED);
            assert_string_equal(w.a.last.from, w.b.node);
            return true;
        }
    }
    return false;
}

/* How often the text was said so far. */
static inline uint32_t world_said(const char *text)
{
    static char said[256 * 1024];
    uint32_t count = 0;
    int fd = open(w.log, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, said, sizeof(said) - 1);
    close(fd);
    said[size > 0 ? size : 0] = '\0';
    for (const char *at = said; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Ends the hush, before a test fails. */
static inline void world_show(void)
{
    char said[8192] = "";
    int fd = open(w.log, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, said, sizeof(said) - 1);
    close(fd);
    dup2(w.stderr_fd, STDERR_FILENO);
    fprintf(stderr, "%.*s", (int)(size > 0 ? size : 0), said);
}

static inline bool world_says(const char *text, uint64_t within_ms)
{
    uint64_t end_ms = clock_ms() + within_ms;
    while (world_said(text) == 0 && clock_ms() < end_ms) {
        turn(20);
    }
    return world_said(text) > 0;
}

static inline int make_world(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    signal(SIGPIPE, SIG_IGN);
    w.loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer_init(&w.tick, on_world_tick, 0.005, 0.005);
    ev_timer_start(w.loop, &w.tick);
    w.a = (struct side){.node = "node-a", .port = free_port(), .answers = true};
    w.b = (struct side){.node = "node-b", .port = free_port(), .answers = true};
    snprintf(w.log, sizeof(w.log), "/tmp/pgbaton-peer-XXXXXX");
    int fd = mkostemp(w.log, O_CLOEXEC | O_APPEND);
    w.stderr_fd = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
    log_line_init(SEVERITY_DEBUG);
    return 0;
}

static inline int end_world(void **state)
{
    (void)state;
    side_close(&w.a);
    side_close(&w.b);
    ev_timer_stop(w.loop, &w.tick);
    ev_loop_destroy(w.loop);
    dup2(w.stderr_fd, STDERR_FILENO);
    close(w.stderr_fd);
    unlink(w.log);
    return 0;
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

/* ---- a plain client of b ---- */

static inline int client_connect(void)
{
    struct sockaddr_in address = loopback(w.b.port);
    int fd = plain_socket();
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void client_say(int fd, const struct promise_message *m)
{
    uint8_t frame[2 + PROMISE_BYTES_MAX];
    size_t size = promise_encode(m, frame + 2, PROMISE_BYTES_MAX);
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)size;
    assert_int_equal(send(fd, frame, size + 2, MSG_NOSIGNAL), size + 2);
}

static inline bool client_is_closed(int fd)
{
    uint8_t bytes[4096];
    ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
    while (size > 0) {
        size = recv(fd, bytes, sizeof(bytes), 0);
    }
    return size == 0 || errno != EAGAIN;
}

static inline bool client_is_dropped(int fd, uint64_t within_ms)
{
    uint64_t end_ms = clock_ms() + within_ms;
    while (clock_ms() < end_ms) {
        turn(10);
        if (client_is_closed(fd)) {
            return true;
        }
    }
    return false;
}

#endif
