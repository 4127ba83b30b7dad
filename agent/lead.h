/* SPDX-License-Identifier: PostgreSQL */
/*
 * lead.h - the leader's way, from the grant to the first checkpoint: guards and acts for decide.c's
 * table.
 *
 *   refuse, or: renew ─▶ initdb or restore ─▶ start as primary ─┐
 *                      └▶ promote ──────────────────────────────┴▶ report ─▶ post_init
 *                                                     ─▶ first write ─▶ checkpoint
 *
 * The leader of a standby cluster: copy the remote, start as its standby or stream from it, report.
 *
 * Nothing of it begins unless the lease runs, and its demotion is not due (lease_runs).
 */
#ifndef PGBATON_AGENT_LEAD_H
#define PGBATON_AGENT_LEAD_H

#include "step.h"

/* True when the newest grant names this node, and it was neither renewed nor refused yet. */
bool lead_is_granted(const struct agent *a);
/* Why this node cannot take the grant that names it and was not renewed yet; REASON_NONE when it
 * can, or no such grant stands (I10: it trusts its own look more than the grant's). */
enum reason lead_refusal(const struct agent *a);
/* Why a leader that is not a primary, and cannot become one, gives the term up. */
enum reason lead_obstacle(const struct agent *a);

bool lead_is_asked(const struct agent *a);
bool lead_is_impossible(const struct agent *a);
bool lead_must_initdb(const struct agent *a);
bool lead_must_start(const struct agent *a);
bool lead_must_promote(const struct agent *a);
bool lead_must_stream(const struct agent *a);
bool lead_must_report(const struct agent *a);
bool lead_must_prepare(const struct agent *a);
bool lead_must_write(const struct agent *a);
bool lead_must_checkpoint(const struct agent *a);

void lead_abandon(struct agent *a, struct action_list *actions);
void lead_initdb(struct agent *a, struct action_list *actions);
void lead_start(struct agent *a, struct action_list *actions);
void lead_promote(struct agent *a, struct action_list *actions);
void lead_stream(struct agent *a, struct action_list *actions);
void lead_report(struct agent *a, struct action_list *actions);
void lead_prepare(struct agent *a, struct action_list *actions);
void lead_write(struct agent *a, struct action_list *actions);
void lead_checkpoint(struct agent *a, struct action_list *actions);

/* An order that was read effective: a standby cluster's leader begins its way to the primary. */
void lead_learn_order(struct agent *a, const struct event *e);

#endif
