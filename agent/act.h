/* SPDX-License-Identifier: PostgreSQL */
/*
 * act.h - what the agent's core orders: each function adds actions and notes what it ordered.
 *
 * Called by lease.c, decide.c, watch.c and report.c, within one agent_step(). The list has room for
 * a step's worst case; lines for people are the first to be left out when it fills.
 */
#ifndef PGBATON_AGENT_ACT_H
#define PGBATON_AGENT_ACT_H

#include "../proto/severity.h"
#include "step.h"

/* Appends an action of this kind, otherwise undefined; asserts that there is room. */
struct action *act_add(struct action_list *actions, enum action_kind kind);
uint32_t act_room(const struct action_list *actions);

/* An event of this agent: envelope filled, counter counted up, body zeroed. */
struct event act_event(struct agent *a, enum event_kind kind);
/* Appends it once, without waiting to read it back. */
void act_append(struct action_list *actions, const struct event *event);
/* A task report about the present term, for the outbox or an append. */
struct event act_task_event(struct agent *a, enum event_kind kind, enum task task);

/* A line for the agent's own log. */
void act_say(struct action_list *actions, enum severity severity, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

void act_kill(struct agent *a, struct action_list *actions);
/* When PostgreSQL has not stopped after timeout_ms, it is killed. */
void act_stop(struct agent *a, enum stop_mode mode, uint64_t timeout_ms,
              struct action_list *actions);
void act_start(struct agent *a, bool as_primary, const struct upstream *upstream,
               struct action_list *actions);
void act_follow(struct agent *a, const struct upstream *upstream, struct action_list *actions);
void act_task(struct agent *a, enum task task, const struct upstream *upstream,
              struct action_list *actions);
void act_inspect(struct agent *a, struct action_list *actions);
/* Writes the vote when it differs from what stands on the disk. */
void act_persist(struct agent *a, struct action_list *actions);
/* True for what makes a cluster's first data directory. */
bool act_makes_cluster(enum task task);
void act_persisted(struct agent *a, const struct fact *fact);

#endif
