/* SPDX-License-Identifier: PostgreSQL */
/*
 * watch.h - watching PostgreSQL: when it is probed, and what an answer means.
 *
 * One probe at a time, each probe_period, at once when an election wants a fresh position. Failures
 * in a row up to probe_failure_threshold are a fault. PROBE_ALIVE is never a failure; nothing is
 * one while a start that was ordered goes on.
 */
#ifndef PGBATON_AGENT_WATCH_H
#define PGBATON_AGENT_WATCH_H

#include "step.h"

/* An answer came. */
void watch_learn(struct agent *a, const struct probe_result *probe);
/* The term `term` has ended: a probe issued from now on is wanted for its election. */
void watch_want_fresh(struct agent *a, uint64_t term);
/* Processes are gone: forgets what belonged to them. */
void watch_reset(struct agent *a);
/* Issues a probe when one is due. */
void watch_keep(struct agent *a, struct action_list *actions);
uint64_t agent_watch_next_ms(const struct agent *a);

#endif
