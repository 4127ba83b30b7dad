/* SPDX-License-Identifier: PostgreSQL */
/*
 * rules_switchover.h - the rules that carry out what an operator asked for (proto/switchover.h).
 *
 * Included by rules.c only, which has them in its table.
 */
#ifndef PGBATON_MONITOR_RULES_SWITCHOVER_H
#define PGBATON_MONITOR_RULES_SWITCHOVER_H

#include "../proto/switchover.h"
#include "rules.h"

/* The leader has stopped for its successor, and that one is heard and has all of its WAL. Nobody
 * else is waited for. */
bool rules_may_switch(const struct question *q);
/* Nobody leads, and the node that an operator asked for may be granted the term. */
bool rules_may_fail_over(const struct question *q);
/* The request goes one step further, or is given up. */
bool rules_is_due(const struct question *q);
bool rules_must_begin(const struct question *q);
bool rules_must_stop(const struct question *q);
bool rules_must_abort(const struct question *q);
void rules_write_step(const struct question *q, struct event *ret_event);

#endif
