/* SPDX-License-Identifier: PostgreSQL */
/*
 * learn.h - facts into the agent's memory: what the log says, what PostgreSQL and the guard say.
 *
 * For a record: decode → fold → read back. Learning orders nothing of PostgreSQL; it raises faults,
 * notes answers and, for speed, moves the lease when a renewal is read back.
 */
#ifndef PGBATON_AGENT_LEARN_H
#define PGBATON_AGENT_LEARN_H

#include "step.h"

void learn_fact(struct agent *a, const struct fact *fact, struct codec_arena *arena,
                struct action_list *actions);

#endif
