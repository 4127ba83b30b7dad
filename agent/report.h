/* SPDX-License-Identifier: PostgreSQL */
/*
 * report.h - what this node tells: its own look at itself, stored when it changed, and live.
 *
 * A stored probe says that something that matters changed, or answers an election; positions alone
 * do not. A live one goes out each probe_period and when somebody asks, with the line for people.
 */
#ifndef PGBATON_AGENT_REPORT_H
#define PGBATON_AGENT_REPORT_H

#include "step.h"

/* This node's look at itself now. */
struct probe report_build(const struct agent *a);
/* Why a stopped or running node may not follow the leader as it is; REASON_NONE when it may. */
enum reason report_obstacle(const struct agent *a);
/* True when the next WAL that it needs lies in what its leader has removed, and it has stood still
 * for so long that it comes from nowhere else. */
bool report_lacks_wal(const struct agent *a);
/* Stores what changed, publishes what is due, says the heartbeat line, keeps the slots. */
void report_keep(struct agent *a, struct action_list *actions);
/* Somebody asked for a live position. */
void report_asked(struct agent *a, struct action_list *actions);
/* A task's progress, when it is time to tell it. */
void report_progress(struct agent *a, const struct fact *fact, struct action_list *actions);
uint64_t report_next_ms(const struct agent *a);

#endif
