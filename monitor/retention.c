/* SPDX-License-Identifier: PostgreSQL */
#include "retention.h"

#define US_PER_S UINT64_C(1000000)

uint64_t retention_keep_seq(uint64_t keep_seq, const struct snapshots *s)
{
    const uint64_t needless_seq = snapshots_needless_seq(s);
    const uint64_t own_seq = needless_seq != 0 ? needless_seq + 1 : 0;
    return own_seq < keep_seq ? own_seq : keep_seq;
}

bool retention_is_due(struct retention *r, uint64_t keep_seq, uint64_t now_ms, uint64_t wall_us,
                      uint64_t *ret_before_us)
{
    const bool known = keep_seq != 0 && keep_seq != UINT64_MAX;
    if (r->span_s == 0 || !known || now_ms < r->due_ms || wall_us < r->span_s * US_PER_S) {
        return false;
    }
    r->due_ms = now_ms + RETENTION_PERIOD_MS;
    *ret_before_us = wall_us - r->span_s * US_PER_S;
    return true;
}
