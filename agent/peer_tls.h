/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer_tls.h - TLS for the link between agents: the only file that sees OpenSSL's.
 *
 * Both sides show a certificate, and both check the other's chain against one CA; there are no
 * resumed sessions, which would skip that. A node is whom its certificate names (subject
 * alternative names, or the common name when it has none). Never blocks; sockets are the caller's.
 */
#ifndef PGBATON_AGENT_PEER_TLS_H
#define PGBATON_AGENT_PEER_TLS_H

#include "../proto/limits.h"
#include "../proto/result.h"

#include <stdbool.h>
#include <stddef.h>

/* Why a connection ended, with the NUL. */
#define PEER_WHY_SIZE 200

enum peer_io {
    PEER_IO_DONE = 0,
    PEER_IO_WAIT_READ,
    PEER_IO_WAIT_WRITE,
    PEER_IO_CLOSED, /* by the other side, in order */
    PEER_IO_FAILED
};

struct peer_tls_files {
    const char *certificate;
    const char *key;
    const char *ca;
};

struct peer_tls;
struct peer_tls_session;

/* Reads the files; the certificate must be that node's. */
MUST_USE enum result peer_tls_create(const struct peer_tls_files *files, const char *node,
                                     struct peer_tls **ret_tls, struct failure *reterr_failure);
/* Accepts NULL. */
void peer_tls_destroy(struct peer_tls *tls);

/* A session on fd, which stays the caller's. node: whom to reach, as a client; NULL: as a server.
 * NULL when there is no memory. */
struct peer_tls_session *peer_tls_begin(struct peer_tls *tls, int fd, const char *node);
/* Accepts NULL. */
void peer_tls_end(struct peer_tls_session *session);
enum peer_io peer_tls_handshake(struct peer_tls_session *session);
enum peer_io peer_tls_read(struct peer_tls_session *session, void *buffer, size_t capacity,
                           size_t *ret_count);
enum peer_io peer_tls_write(struct peer_tls_session *session, const void *data, size_t size,
                            size_t *ret_count);
/* Bytes are there that the socket does not tell of any more. */
bool peer_tls_is_pending(const struct peer_tls_session *session);
/* The other side's certificate carries that node's name. */
bool peer_tls_is_node(const struct peer_tls_session *session, const char *node);
/* Why the last call failed; errno_value is errno after it. */
void peer_tls_explain(struct peer_tls_session *session, int errno_value,
                      char ret_why[PEER_WHY_SIZE]);

#endif
