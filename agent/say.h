/* SPDX-License-Identifier: PostgreSQL */
/*
 * say.h - what the agent tells a person of its node, in Patroni's words: a line when something
 * changes, and the heartbeat line each probe_period while the node is what it should be.
 *
 * Called by report.c with the report of the present step. What was ordered is told by whoever
 * orders it; here stands what came of it, and what is waited for.
 */
#ifndef PGBATON_AGENT_SAY_H
#define PGBATON_AGENT_SAY_H

#include "act.h"

/* Says what the node has become, once. */
void say_change(struct agent *a, const struct probe *own, struct action_list *actions);
/* Nothing unless the node leads, or follows and streams, and answers its probes. */
void say_heartbeat(const struct agent *a, const struct probe *own, struct action_list *actions);
/* A task ended: what a person waits for. */
void say_task_ended(const struct agent *a, const struct fact *fact, struct action_list *actions);
/* A monitor's snapshot of another state than the agent has folded. */
void say_snapshot(const struct event *e, struct outcome outcome, struct action_list *actions);

#endif
