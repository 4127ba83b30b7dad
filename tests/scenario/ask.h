/* SPDX-License-Identifier: PostgreSQL */
/*
 * ask.h - an operator of a scenario.
 *
 *   ask switchover [NODE|any [in MS]]
 *   ask failover NODE [accept-loss]
 *   ask rebuild NODE [rewind]
 *   ask cancel                           what is asked for now
 */
#ifndef PGBATON_SCENARIO_ASK_H
#define PGBATON_SCENARIO_ASK_H

#include "scene.h"

/* The words of the step after "ask"; "" for those that are not there. False when it is none. */
bool scene_ask(struct scene *s, const char *const words[4]);

#endif
