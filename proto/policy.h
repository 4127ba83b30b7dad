/* SPDX-License-Identifier: PostgreSQL */
/*
 * policy.h - what switch_policy and crash_policy make of a leader that is down (DESIGN section 4).
 *
 *   switch_policy           leader up            leader down
 *   MaximumAvailability     by an operator       the best candidate, at once
 *   MaximumDataProtection   by an operator       only one that is proven to miss nothing
 *   Noop                    by an operator       nobody; what would have been done is recorded
 *
 * A leader that is up is followed only by a node that has all of its WAL, under every policy. The
 * last holder itself, back with its own WAL, may be granted the next term under every policy, and
 * whom an operator asks for may be granted it, too; what may be lost by that he has to accept.
 *
 * Pure questions about a state.
 */
#ifndef PGBATON_POLICY_H
#define PGBATON_POLICY_H

#include "cluster.h"

/* What the policy says of node i, against which nothing else speaks, being promoted now:
 * VERDICT_ELIGIBLE, UNPROVEN or POLICY. */
enum verdict policy_verdict(const struct cluster *c, int32_t i);

/* True when a leader whose PostgreSQL has crashed should restart it in place: it is told to; or
 * nobody of `fit` (bit i: node i streamed from it until then, and is close behind) could be
 * promoted, or without a proof that nothing is missing where that is asked for. */
bool policy_restarts(const struct cluster *c, uint32_t fit);

#endif
