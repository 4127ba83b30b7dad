/* SPDX-License-Identifier: PostgreSQL */
/*
 * nats_store.h - what one server's files hold of the stream, read past the server: the only way to
 * see a single replica; and the files put back to what they were. The layout is that of
 * nats-server's file store (msgs/<number>.blk).
 */
#ifndef PGBATON_TEST_NATS_STORE_H
#define PGBATON_TEST_NATS_STORE_H

#include "nats_server.h"

#include <stddef.h>

typedef void (*nats_store_visit)(void *closure, uint64_t seq, const uint8_t *data, size_t size);

/* Calls visit for each record that server i has written, in the order of the files' names. The
 * server may run: it writes some ms after it has acknowledged. */
void nats_store_walk(const struct nats_servers *s, int i, nats_store_visit visit, void *closure);

/* Of a server that does not run: copies its files aside, under a name; puts that copy in their
 * place; removes the stream's records and leaves the stream; removes all. */
void nats_store_save(const struct nats_servers *s, int i, const char *name);
void nats_store_restore(const struct nats_servers *s, int i, const char *name);
void nats_store_empty(const struct nats_servers *s, int i);
void nats_store_remove(const struct nats_servers *s, int i);

#endif
