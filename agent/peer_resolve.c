/* SPDX-License-Identifier: PostgreSQL */
#include "peer_resolve.h"

#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)

/* Both the loop and the thread hold it; who lets go last frees it. */
struct peer_resolve {
    atomic_int holders;
    atomic_bool done; /* found is filled */
    int event_fd;     /* readable when the thread is done */
    char host[HOST_SIZE];
    uint16_t port;
    struct peer_addresses found;
    struct ev_loop *loop;
    ev_io io;
    peer_resolve_function on_done;
    void *data;
};

static void look_up(const char *host, uint16_t port, int flags, struct peer_addresses *found)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];
    memset(found, 0, sizeof(*found));
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    found->error = getaddrinfo(host[0] != '\0' ? host : NULL, service, &hints, &list);
    if (found->error != 0) {
        return;
    }
    for (const struct addrinfo *a = list; a != NULL && found->count < PEER_ADDRESS_MAX;
         a = a->ai_next) {
        memcpy(&found->items[found->count], a->ai_addr, a->ai_addrlen);
        found->sizes[found->count++] = a->ai_addrlen;
    }
    freeaddrinfo(list);
}

bool peer_resolve_at_once(const char *host, uint16_t port, struct peer_addresses *ret_addresses)
{
    look_up(host, port, AI_NUMERICHOST | (host[0] == '\0' ? AI_PASSIVE : 0), ret_addresses);
    return ret_addresses->error == 0;
}

static void let_go(struct peer_resolve *resolve)
{
    if (atomic_fetch_sub(&resolve->holders, 1) == 1) {
        (void)close(resolve->event_fd);
        free(resolve);
    }
}

static void *run(void *argument)
{
    struct peer_resolve *resolve = argument;
    const uint64_t one = 1;
    look_up(resolve->host, resolve->port, 0, &resolve->found);
    atomic_store(&resolve->done, true);
    (void)!write(resolve->event_fd, &one, sizeof(one)); /* the counter is zero: it has room */
    let_go(resolve);
    return NULL;
}

static void on_event(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct peer_resolve *resolve = watcher->data;
    peer_resolve_function on_done = resolve->on_done;
    void *data = resolve->data;
    struct peer_addresses found;
    (void)events;
    assert(atomic_load(&resolve->done));
    found = resolve->found;
    ev_io_stop(loop, watcher);
    let_go(resolve);
    on_done(data, &found);
}

/* No signal of the agent's is handled in the thread. */
static bool start_thread(struct peer_resolve *resolve)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, run, resolve);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return error == 0;
}

struct peer_resolve *peer_resolve_begin(struct ev_loop *loop, const char *host, uint16_t port,
                                        peer_resolve_function on_done, void *data)
{
    struct peer_resolve *resolve = calloc(1, sizeof(*resolve));
    if (resolve == NULL) {
        return NULL;
    }
    atomic_init(&resolve->holders, 2);
    resolve->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)snprintf(resolve->host, sizeof(resolve->host), "%s", host);
    resolve->port = port;
    resolve->loop = loop;
    resolve->on_done = on_done;
    resolve->data = data;
    if (resolve->event_fd < 0) {
        free(resolve);
        return NULL;
    }
    if (!start_thread(resolve)) {
        (void)close(resolve->event_fd);
        free(resolve);
        return NULL;
    }
    ev_io_init(&resolve->io, on_event, resolve->event_fd, EV_READ);
    resolve->io.data = resolve;
    ev_io_start(loop, &resolve->io);
    return resolve;
}

void peer_resolve_cancel(struct peer_resolve *resolve)
{
    if (resolve != NULL) {
        ev_io_stop(resolve->loop, &resolve->io);
        let_go(resolve);
    }
}
