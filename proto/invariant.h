/* SPDX-License-Identifier: PostgreSQL */
/*
 * invariant.h - what must hold of a state, and from one state to the next (DESIGN section 4).
 *
 * Pure. fold.c asserts invariant_check_step() after every effective event, in production too; the
 * simulator and the fuzzers call both.
 */
#ifndef PGBATON_INVARIANT_H
#define PGBATON_INVARIANT_H

#include "cluster.h"

/* NULL, or the name and the sentence of the first invariant that c breaks, as a constant string. */
const char *invariant_check(const struct cluster *c);
/* The same for a step: terms never sink (I2), the chain only grows (I3), a grant follows a release,
 * a revoke after its wait, or a never-renewed grant (I6), incarnations never sink (I13). */
const char *invariant_check_step(const struct cluster *before, const struct cluster *after);

#endif
