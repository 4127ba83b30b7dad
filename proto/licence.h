/* SPDX-License-Identifier: PostgreSQL */
/*
 * licence.h - a restart of PostgreSQL that an operator asked for, from its order to its end.
 *
 *            request          order                        done or failed, by its agent
 *   nothing ─────────▶ asked ───────▶ licensed ─────────────────────────────────────────▶ nothing
 *                                        └─ the term ends, its agent comes anew or leaves ─▶
 *
 * At most one node has a licence, and its agent uses it once. A standby that commits wait for is
 * taken out of the synchronous set first, if the others are enough without it; else commits wait
 * until it is back. A leader restarts in place, under its lease (restart.h).
 *
 * Pure questions; fold_restart.c changes the state.
 */
#ifndef PGBATON_LICENCE_H
#define PGBATON_LICENCE_H

#include "cluster.h"

/* True when node i has the licence. */
bool licence_is_of(const struct cluster *c, int32_t i);
/* True when node i has it, and nothing needs its PostgreSQL now that need not. */
bool licence_is_ripe(const struct cluster *c, int32_t i);
/* Whether a restart of r->node may be asked for. */
enum void_reason licence_check(const struct cluster *c, const struct request *r);
/* What speaks against giving it now to the node that is asked for. */
enum reason licence_objection(const struct cluster *c, const struct evidence *evidence);

#endif
