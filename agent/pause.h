/* SPDX-License-Identifier: PostgreSQL */
/*
 * pause.h - what the agent leaves alone while its cluster is paused (proto/pause.h): a PostgreSQL
 * that ends is not started again, one that fails is not killed, and the term is kept.
 *
 * Pure questions, asked by decide.c and agent_raise(). The lifted lease is lease.c's. What an
 * operator asks for is carried out as ever: a leader that is not promoted yet is no exception from
 * anything.
 */
#ifndef PGBATON_AGENT_PAUSE_H
#define PGBATON_AGENT_PAUSE_H

#include "../proto/vocabulary.h"

struct agent;

/* True while nothing is to be done to PostgreSQL by itself. */
bool agent_is_paused(const struct agent *a);
/* True when such a fault is to be borne now. */
bool pause_bears(const struct agent *a, enum reason reason);
/* True when what does not run is not to be started. A copy that this agent has made is, and what it
 * was restarting in place, or restarts because somebody asked for it. */
bool pause_must_wait(const struct agent *a);

#endif
