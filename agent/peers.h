/* SPDX-License-Identifier: PostgreSQL */
/*
 * peers.h - what the other nodes say of themselves in plain messages, which nobody stores.
 *
 * Their positions, for the slots that are kept for them, and the oldest WAL that a primary has. A
 * message that is not understood, or of a stranger, is ignored.
 */
#ifndef PGBATON_AGENT_PEERS_H
#define PGBATON_AGENT_PEERS_H

#include "step.h"

/* FACT_LIVE. */
void peers_learn(struct agent *a, const struct fact *fact, struct codec_arena *arena);

#endif
