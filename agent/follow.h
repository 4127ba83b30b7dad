/* SPDX-License-Identifier: PostgreSQL */
/*
 * follow.h - the standby's way: rebuilt when told, following the leader, turned away from the old
 * one before an election, recovering when nobody leads; guards and acts for decide.c's table.
 *
 * A voter turns away ("seals", SAFETY 4.6) before it reports where it stands: the promise is
 * persisted, primary_conninfo is cleared, and PostgreSQL shows that its WAL receiver is gone for
 * good. From then on it follows only a leader of a higher term.
 */
#ifndef PGBATON_AGENT_FOLLOW_H
#define PGBATON_AGENT_FOLLOW_H

#include "step.h"

bool follow_rebuilds(const struct agent *a);
bool follow_must_clear(const struct agent *a);
bool follow_must_rebuild(const struct agent *a);
bool follow_must_seal(const struct agent *a);
bool follow_must_redirect(const struct agent *a);
bool follow_must_load_slots(const struct agent *a);
bool follow_must_start(const struct agent *a);
bool follow_must_recover_standby(const struct agent *a);
bool follow_must_recover_primary(const struct agent *a);

void follow_rebuild(struct agent *a, struct action_list *actions);
void follow_seal(struct agent *a, struct action_list *actions);
void follow_redirect(struct agent *a, struct action_list *actions);
void follow_load_slots(struct agent *a, struct action_list *actions);
void follow_start(struct agent *a, struct action_list *actions);
void follow_recover_primary(struct agent *a, struct action_list *actions);

#endif
