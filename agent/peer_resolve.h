/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer_resolve.h - the addresses of a host, without making the loop wait for a name server.
 *
 * A numeric address is answered at once. For a name a thread asks, alone with getaddrinfo(); one
 * that hangs is left behind, and cleans up after itself.
 */
#ifndef PGBATON_AGENT_PEER_RESOLVE_H
#define PGBATON_AGENT_PEER_RESOLVE_H

#include "../proto/limits.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Addresses of one name that are tried, one at each attempt. */
#define PEER_ADDRESS_MAX 4

struct peer_addresses {
    int error; /* of getaddrinfo(); 0: none */
    uint32_t count;
    struct sockaddr_storage items[PEER_ADDRESS_MAX];
    socklen_t sizes[PEER_ADDRESS_MAX];
};

struct peer_resolve;
typedef void (*peer_resolve_function)(void *data, const struct peer_addresses *addresses);

/* True when host is an address, or empty (every address of this host, to listen at). */
bool peer_resolve_at_once(const char *host, uint16_t port, struct peer_addresses *ret_addresses);
/* Asks for a name; on_done is called from the loop, once, and the handle is gone then. NULL: no
 * thread could be started. */
struct peer_resolve *peer_resolve_begin(struct ev_loop *loop, const char *host, uint16_t port,
                                        peer_resolve_function on_done, void *data);
/* on_done is not called any more. Accepts NULL. */
void peer_resolve_cancel(struct peer_resolve *resolve);

#endif
