/* SPDX-License-Identifier: PostgreSQL */
#include "peer.h"

#include "peer_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct promise_message peer_greeting(const struct peer_net *net, enum promise_kind kind,
                                     const char *to)
{
    struct promise_message m = {.kind = kind};
    (void)snprintf(m.cluster, sizeof(m.cluster), "%s", net->cluster);
    (void)snprintf(m.from, sizeof(m.from), "%s", net->node);
    (void)snprintf(m.to, sizeof(m.to), "%s", to);
    return m;
}

enum result peer_open(const struct peer_options *options, struct peer_net **ret_net,
                      struct failure *reterr_failure)
{
    struct peer_net *net = calloc(1, sizeof(*net));
    if (net == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    if (options->tls_certificate[0] != '\0') {
        const struct peer_tls_files files = {options->tls_certificate, options->tls_key,
                                             options->tls_ca};
        enum result result = peer_tls_create(&files, options->node, &net->tls, reterr_failure);
        if (result != RESULT_OK) {
            free(net);
            return result;
        }
    }
    net->loop = options->loop;
    net->port = options->port;
    net->received = options->received;
    net->data = options->data;
    (void)snprintf(net->cluster, sizeof(net->cluster), "%s", options->cluster);
    (void)snprintf(net->node, sizeof(net->node), "%s", options->node);
    (void)snprintf(net->host, sizeof(net->host), "%s", options->host);
    for (size_t i = 0; i < NODE_COUNT_MAX; i++) {
        peer_dial_init(&net->dials[i], net);
    }
    peer_serve_open(net);
    *ret_net = net;
    return RESULT_OK;
}

void peer_close(struct peer_net *net)
{
    if (net == NULL) {
        return;
    }
    for (size_t i = 0; i < NODE_COUNT_MAX; i++) {
        peer_dial_end(&net->dials[i]);
    }
    peer_serve_close(net);
    peer_tls_destroy(net->tls);
    free(net);
}

static bool is_same(const struct peer_address *a, const struct peer_address *b)
{
    return a->port == b->port && strcmp(a->node, b->node) == 0 && strcmp(a->host, b->host) == 0;
}

static struct peer_dial *find_dial(struct peer_net *net, const char *node)
{
    for (size_t i = 0; i < NODE_COUNT_MAX; i++) {
        if (net->dials[i].used && strcmp(net->dials[i].address.node, node) == 0) {
            return &net->dials[i];
        }
    }
    return NULL;
}

static bool is_wanted(const struct peer_address *peers, uint32_t count,
                      const struct peer_address *address)
{
    for (uint32_t i = 0; i < count; i++) {
        if (is_same(&peers[i], address)) {
            return true;
        }
    }
    return false;
}

static struct peer_dial *find_free(struct peer_net *net)
{
    size_t i = 0;
    while (net->dials[i].used) {
        i++; /* ends: there are as many as nodes */
    }
    return &net->dials[i];
}

void peer_set(struct peer_net *net, const struct peer_address *peers, uint32_t count)
{
    assert(count <= NODE_COUNT_MAX);
    for (size_t i = 0; i < NODE_COUNT_MAX; i++) {
        struct peer_dial *dial = &net->dials[i];
        if (dial->used && !is_wanted(peers, count, &dial->address)) {
            peer_dial_end(dial);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (find_dial(net, peers[i].node) == NULL) {
            peer_dial_begin(find_free(net), &peers[i]);
        }
    }
}

void peer_send(struct peer_net *net, const struct promise_message *message)
{
    assert(message->number != 0);
    if (message->kind == PROMISE_ASKED) {
        struct peer_dial *dial = find_dial(net, message->to);
        if (dial != NULL && dial->greeted) {
            peer_stream_send(&dial->stream, message);
        }
        return;
    }
    struct peer_stream *stream = peer_serve_find(net, message->to);
    if (stream != NULL) {
        peer_stream_send(stream, message);
    }
}
