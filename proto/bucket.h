/* SPDX-License-Identifier: PostgreSQL */
/*
 * bucket.h - a token bucket whose clock is evidence: the bound on what happens by itself (I18).
 *
 * At most `limit` in a burst, refilled evenly over the window. What is kept is a debt in ms: each
 * one that is taken adds window / limit, and time pays it off. A decision says how long ago, on its
 * author's clock, the last one was taken; so the fold needs no clock, and replay is exact.
 */
#ifndef PGBATON_BUCKET_H
#define PGBATON_BUCKET_H

#include <stdint.h>

struct bucket {
    uint64_t debt_ms; /* when the last one was taken, with it */
    uint64_t seq;     /* of the event that took it; 0: none yet */
};

struct bucket_size {
    uint32_t limit;     /* at least 1 */
    uint32_t window_ms; /* in which an empty bucket is full again */
};

/* From the last one on, until the next may be taken; 0: at once. */
uint64_t bucket_ripe_ms(const struct bucket *bucket, struct bucket_size size);
/* Takes one, age_ms after the last. The caller has asked bucket_ripe_ms(). */
void bucket_take(struct bucket *bucket, struct bucket_size size, uint64_t age_ms, uint64_t seq);

#endif
