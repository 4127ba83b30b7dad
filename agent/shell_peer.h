/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_peer.h - the direct link between agents (peer.h), in the agent's loop.
 *
 * Whom this node may have to ask are the nodes of the fold that say where they can be asked. TLS
 * files that cannot be used keep nobody from running: that is said, and they are tried again.
 */
#ifndef PGBATON_AGENT_SHELL_PEER_H
#define PGBATON_AGENT_SHELL_PEER_H

#include "peer.h"

#include <ev.h>

struct shell;

struct shell_peer {
    struct peer_net *net; /* NULL: not open */
    ev_timer retry;
    uint64_t seen_seq;            /* of the fold, when the peers were set last */
    char said[FAILURE_TEXT_SIZE]; /* why it is not open, as was said; empty: nothing was */
};

void shell_peer_open(struct shell *shell);
void shell_peer_close(struct shell *shell);
/* The fold may have changed. */
void shell_peer_set(struct shell *shell);
/* Sends at once or drops. */
void shell_peer_send(struct shell *shell, const struct promise_message *message);
/* Another agent has said something to this one. */
void shell_peer_received(struct shell *shell, const struct promise_message *message);

#endif
