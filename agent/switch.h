/* SPDX-License-Identifier: PostgreSQL */
/*
 * switch.h - the old leader's part of a switchover: guards and acts for decide.c's table
 * (DESIGN section 4, Switchover).
 *
 *   begin read ─▶ checkpoint, reported ─▶ stop read ─▶ fast shutdown ─▶ all dead ─▶ give up,
 * release └─ abort read ─▶ at once down ─▶ started as primary again
 *
 * Nothing is given up before PostgreSQL is dead. Until then an abort brings it back, under the
 * lease that was kept all the time; from then on the term is over (I7).
 */
#ifndef PGBATON_AGENT_SWITCH_H
#define PGBATON_AGENT_SWITCH_H

#include "step.h"

/* A step of a switchover was read, and is effective. */
void switch_learn(struct agent *a, const struct event *e);
/* The step whose checkpoint has just ended; 0: it was another checkpoint. */
uint64_t switch_checkpoint_seq(const struct agent *a);
/* True when a leader that was told to stop, and is stopped, is to go on as the leader. */
bool switch_goes_on(const struct agent *a);

bool switch_must_resign(const struct agent *a);
bool switch_must_undo(const struct agent *a);
bool switch_must_stop(const struct agent *a);
bool switch_must_checkpoint(const struct agent *a);

void switch_resign(struct agent *a, struct action_list *actions);
void switch_undo(struct agent *a, struct action_list *actions);
void switch_stop(struct agent *a, struct action_list *actions);
void switch_checkpoint(struct agent *a, struct action_list *actions);

#endif
