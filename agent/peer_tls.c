/* SPDX-License-Identifier: PostgreSQL */
#include "peer_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer_tls {
    SSL_CTX *context;
};

struct peer_tls_session {
    SSL *ssl;
    bool client;
    bool heard; /* the other side has sent data: it takes this certificate */
    int last;   /* of SSL_get_error */
    unsigned long error;
};

/* ---- the files ---- */

static enum result say_openssl(struct failure *f, const char *key, const char *path,
                               const char *hint)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
                                                 : ERR_reason_error_string(error);
    failure_set(f, RESULT_INVALID, "%s %s cannot be used: %s", key, path,
                reason != NULL ? reason : "unknown reason");
    ERR_clear_error();
    return failure_hint(f, "%s", hint);
}

/* A key with a passphrase would be asked for at a terminal. */
static int give_no_passphrase(char *buffer, int size, int writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static enum result load(SSL_CTX *context, const struct peer_tls_files *files, const char *node,
                        struct failure *f)
{
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
        return say_openssl(f, "tls.certificate", files->certificate,
                           "name a PEM file that this user can read: this node's certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return say_openssl(f, "tls.key", files->key,
                           "name the certificate's key, a PEM file without a passphrase that this "
                           "user can read");
    }
    if (SSL_CTX_load_verify_locations(context, files->ca, NULL) != 1) {
        return say_openssl(f, "tls.ca", files->ca,
                           "name a PEM file with the CA that signs the nodes' certificates");
    }
    if (X509_check_host(SSL_CTX_get0_certificate(context), node, 0, 0, NULL) != 1) {
        failure_set(f, RESULT_INVALID, "tls.certificate %s is not %s's", files->certificate, node);
        return failure_hint(f, "the node's name must be a subject alternative name (DNS) in it, or "
                               "its common name when it has none");
    }
    return RESULT_OK;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(context, give_no_passphrase);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    return context;
}

enum result peer_tls_create(const struct peer_tls_files *files, const char *node,
                            struct peer_tls **ret_tls, struct failure *reterr_failure)
{
    struct peer_tls *tls = calloc(1, sizeof(*tls));
    ERR_clear_error();
    if (tls != NULL) {
        tls->context = make_context();
    }
    if (tls == NULL || tls->context == NULL) {
        free(tls);
        return failure_set(reterr_failure, RESULT_FAILED, "TLS: out of memory");
    }
    enum result result = load(tls->context, files, node, reterr_failure);
    if (result != RESULT_OK) {
        peer_tls_destroy(tls);
        return result;
    }
    *ret_tls = tls;
    return RESULT_OK;
}

void peer_tls_destroy(struct peer_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* ---- a session ---- */

struct peer_tls_session *peer_tls_begin(struct peer_tls *tls, int fd, const char *node)
{
    struct peer_tls_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->client = node != NULL;
    session->ssl = SSL_new(tls->context);
    if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1 ||
        (node != NULL && SSL_set1_host(session->ssl, node) != 1)) {
        peer_tls_end(session);
        return NULL;
    }
    if (node != NULL) {
        SSL_set_connect_state(session->ssl);
    } else {
        SSL_set_accept_state(session->ssl);
    }
    return session;
}

void peer_tls_end(struct peer_tls_session *session)
{
    if (session != NULL) {
        SSL_free(session->ssl);
        free(session);
        ERR_clear_error();
    }
}

static enum peer_io answer(struct peer_tls_session *session, int result)
{
    session->last = SSL_get_error(session->ssl, result);
    session->error = ERR_peek_error();
    switch (session->last) {
    case SSL_ERROR_NONE:
        return PEER_IO_DONE;
    case SSL_ERROR_WANT_READ:
        return PEER_IO_WAIT_READ;
    case SSL_ERROR_WANT_WRITE:
        return PEER_IO_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return PEER_IO_CLOSED;
    default:
        return PEER_IO_FAILED;
    }
}

/* What is left of an earlier call must not be taken for this one's. */
static void begin_call(void)
{
    ERR_clear_error();
    errno = 0;
}

enum peer_io peer_tls_handshake(struct peer_tls_session *session)
{
    begin_call();
    return answer(session, SSL_do_handshake(session->ssl));
}

enum peer_io peer_tls_read(struct peer_tls_session *session, void *buffer, size_t capacity,
                           size_t *ret_count)
{
    begin_call();
    *ret_count = 0;
    enum peer_io io = answer(session, SSL_read_ex(session->ssl, buffer, capacity, ret_count));
    session->heard |= io == PEER_IO_DONE;
    return io;
}

enum peer_io peer_tls_write(struct peer_tls_session *session, const void *data, size_t size,
                            size_t *ret_count)
{
    begin_call();
    *ret_count = 0;
    return answer(session, SSL_write_ex(session->ssl, data, size, ret_count));
}

bool peer_tls_is_pending(const struct peer_tls_session *session)
{
    return SSL_has_pending(session->ssl) == 1;
}

bool peer_tls_is_node(const struct peer_tls_session *session, const char *node)
{
    X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    return certificate != NULL && X509_check_host(certificate, node, 0, 0, NULL) == 1;
}

/* Under TLS 1.3 a client learns only after its handshake that it is refused, and the reason may be
 * lost when the connection is. */
static const char *explain_cut(const struct peer_tls_session *session)
{
    return !session->heard && session->client
                   ? "the other side has closed the connection: is tls set in its agent.yaml, and "
                     "does its CA take this node's certificate?"
                   : "the other side has closed the connection";
}

void peer_tls_explain(struct peer_tls_session *session, int errno_value,
                      char ret_why[PEER_WHY_SIZE])
{
    long verdict = SSL_get_verify_result(session->ssl);
    int reason = ERR_GET_REASON(session->error);
    const char *text = ERR_reason_error_string(session->error);
    if (verdict != X509_V_OK) {
        (void)snprintf(ret_why, PEER_WHY_SIZE, "its certificate is not accepted: %s",
                       X509_verify_cert_error_string(verdict));
    } else if (session->error == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        bool cut = session->error != 0 || errno_value == 0 || errno_value == ECONNRESET;
        (void)snprintf(ret_why, PEER_WHY_SIZE, "%s",
                       cut ? explain_cut(session) : strerror(errno_value));
    } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
        (void)snprintf(ret_why, PEER_WHY_SIZE, "it does not speak TLS: set tls in its agent.yaml");
    } else if (reason >= SSL_AD_REASON_OFFSET) {
        (void)snprintf(ret_why, PEER_WHY_SIZE, "the other side refuses: %s",
                       text != NULL ? text : "unknown reason");
    } else {
        (void)snprintf(ret_why, PEER_WHY_SIZE, "TLS: %s", text != NULL ? text : "unknown reason");
    }
}
