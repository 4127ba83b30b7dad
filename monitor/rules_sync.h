/* SPDX-License-Identifier: PostgreSQL */
/*
 * rules_sync.h - when the synchronous set changes: guards and writers of rules.c's table.
 *
 * A standby that streams is waited for soon (SYNC_WIDEN_MS, so that several that come back at once
 * make one change); one that does not is waited for a little longer (SYNC_SHRINK_MS), since it may
 * just be restarting, and the last one longer still (SYNC_GIVE_UP_MS). Nothing changes under a
 * leader that has not renewed since. When none is left, quorum gives the guarantee up, by a
 * decision of its own; strict never does.
 */
#ifndef PGBATON_MONITOR_RULES_SYNC_H
#define PGBATON_MONITOR_RULES_SYNC_H

#include "rules.h"

/* Commits wait for somebody, and nobody is there to be waited for. */
bool rules_sync_is_alone(const struct question *q);
void rules_sync_give_up(const struct question *q, struct event *ret_event);
/* Commits wait for others than they should. */
bool rules_sync_differs(const struct question *q);
void rules_sync_change(const struct question *q, struct event *ret_event);
/* The pause that the present difference must last, in ms; 0: there is none. */
uint64_t rules_sync_ms(const struct cluster *c, uint32_t alive_mask);

#endif
