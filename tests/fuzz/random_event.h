/* SPDX-License-Identifier: PostgreSQL */
/*
 * random_event.h - events of every kind with random contents, all of them valid for the codec.
 *
 * Deterministic: the same seed gives the same events on every machine. Numbers are often 0, small
 * or the largest, since encodings break at the edges.
 */
#ifndef PGBATON_TESTS_RANDOM_EVENT_H
#define PGBATON_TESTS_RANDOM_EVENT_H

#include "../../proto/event.h"

struct random {
    uint64_t state;
};

/* Any seed, 0 too. */
void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 to count - 1; count must not be 0. */
uint32_t random_below(struct random *random, uint32_t count);
/* Zeroes *ret_event and fills envelope, decision (of decisions) and body. */
void random_event(struct random *random, enum event_kind kind, struct event *ret_event);

#endif
