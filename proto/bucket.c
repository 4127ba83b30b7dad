/* SPDX-License-Identifier: PostgreSQL */
#include "bucket.h"

/* What one costs: a ms at least, or there were no bound. */
static uint64_t cost_ms(struct bucket_size size)
{
    uint32_t limit = size.limit > 0 ? size.limit : 1;
    return size.window_ms > limit ? size.window_ms / limit : 1;
}

uint64_t bucket_ripe_ms(const struct bucket *bucket, struct bucket_size size)
{
    uint64_t with_next_ms = bucket->debt_ms + cost_ms(size);
    return with_next_ms > size.window_ms ? with_next_ms - size.window_ms : 0;
}

void bucket_take(struct bucket *bucket, struct bucket_size size, uint64_t age_ms, uint64_t seq)
{
    uint64_t left_ms = bucket->debt_ms > age_ms ? bucket->debt_ms - age_ms : 0;
    bucket->debt_ms = left_ms + cost_ms(size);
    bucket->seq = seq;
}
