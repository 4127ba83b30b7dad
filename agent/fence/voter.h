/* SPDX-License-Identifier: PostgreSQL */
/*
 * voter.h - only a standby of pgbaton's counts as one that commits wait for.
 *
 * synchronous_standby_names names applications, and any that replicates may bear the name: a
 * pg_receivewal, a backup tool, a copied configuration. What it says it has flushed would let
 * commits go that no election ever finds. A standby that its agent runs says who it is in its
 * primary_conninfo, by options='-c pgbaton_fence.standby=NODE'. Include after postgres.h.
 */
#ifndef PGBATON_FENCE_VOTER_H
#define PGBATON_FENCE_VOTER_H

#include "libpq/libpq-be.h"

/* The setting; before MarkGUCPrefixReserved(). */
void voter_define(void);
/* Of a connection that is let in: does not return when it bears a name that is not its own. */
void voter_refuse_stranger(const Port *port);

#endif
