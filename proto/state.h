/* SPDX-License-Identifier: PostgreSQL */
/*
 * state.h - the canonical bytes of a state: what its digest is taken of, and what a snapshot
 * carries.
 *
 * One state has one encoding: FOLD_VERSION, then every field in the order of one table (state.c),
 * which encoding and decoding share, so that no field can be in one and not in the other. Numbers
 * are as short as they can be (7 bits to a byte, the lowest first), texts and lists come with their
 * length; padding and unused slots do not count. Pure.
 *
 * Bytes that decode are those that state_encode() writes for the result, and the result is a state
 * that a fold could have come to, as far as a look at it alone can tell: every value is in its
 * range, every name is one, and the invariants hold. A log may begin with a snapshot (its older
 * part was removed): a version that raises FOLD_VERSION must still read its predecessor's bytes.
 */
#ifndef PGBATON_STATE_H
#define PGBATON_STATE_H

#include "cluster.h"

/* Encodes c; returns the size. Any struct cluster fits, whatever is in it. */
size_t state_encode(const struct cluster *c, uint8_t ret_bytes[STATE_BYTES_MAX]);
/* False when the bytes are no state of this FOLD_VERSION; *ret_c is then zeroed. */
bool state_decode(const uint8_t *bytes, size_t size, struct cluster *ret_c);

#endif
