/* SPDX-License-Identifier: PostgreSQL */
/*
 * say.h - the lines of a scenario: what a step asks for, and how its outcome reads.
 */
#ifndef PGBATON_SCENARIO_SAY_H
#define PGBATON_SCENARIO_SAY_H

#include "scene.h"

/* What the fold made of an event: an agent's in explain_event()'s words, a decision as
 * "-> grant term=2 to node-2 by elect-released", each with "void <reason>" when it had no effect.
 */
void say_outcome(struct scene *s, const struct event *e, struct outcome outcome);
/* The body of a renewal as the node would send it now. */
void say_fill_renew(const struct scene *s, const struct scene_node *n, struct event *e);
/* Carries out one step; line is one that is neither empty, nor a comment, nor indented. Ends the
 * program when it does not read it. */
void say_step(struct scene *s, const char *line);

#endif
