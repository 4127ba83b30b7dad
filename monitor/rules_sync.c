/* SPDX-License-Identifier: PostgreSQL */
#include "rules_sync.h"

#include "../proto/lost.h"
#include "../proto/sync.h"

static uint32_t wanted(const struct cluster *c, uint32_t alive_mask, uint32_t *ret_count)
{
    return sync_wanted(c, sync_streaming(c, alive_mask), ret_count);
}

/* Also when nobody is waited for, and an election asks for proof after a loss of the log all the
 * same: that there is none is said again. */
static bool differs(const struct cluster *c, uint32_t waits, uint32_t count)
{
    bool unsaid = count == 0 && c->sync.voters != 0;
    return unsaid || waits != c->sync.waits || count != c->sync.count;
}

/* Who leaves by itself may be back in a moment; who is to be restarted waits for this. */
static uint64_t pause_ms(const struct cluster *c, uint32_t waits)
{
    uint32_t leaving = c->sync.waits & ~waits;
    bool restarts = waits != 0 && c->licence.seq != 0 &&
                    leaving == UINT32_C(1) << (uint32_t)c->licence.node;
    if (c->config.synchronous == SYNCHRONOUS_OFF || leaving == 0 || restarts) {
        return SYNC_WIDEN_MS;
    }
    return waits != 0 ? SYNC_SHRINK_MS : SYNC_GIVE_UP_MS;
}

/* Nobody streams from a leader that is restarted in place, and that says nothing; nor from one that
 * leads by what is left of the log only. */
static bool may_change(const struct cluster *c)
{
    return c->promoted && !c->restart.going && !lost_outgrows(c);
}

uint64_t rules_sync_ms(const struct cluster *c, uint32_t alive_mask)
{
    uint32_t count = 0;
    uint32_t waits = wanted(c, alive_mask, &count);
    return may_change(c) && differs(c, waits, count) ? pause_ms(c, waits) : 0;
}

/* When a leader dies its standbys lose it, too: that changes nothing of what it has promised. Only
 * one that has renewed since then lives, and may go on without them. */
static bool leader_lives(const struct evidence *evidence)
{
    return evidence->renewal_age_ms + SYNC_ALIVE_MS <= evidence->sync_age_ms;
}

/* The wanted set, when it differs and has done so for long enough. */
static bool is_due(const struct question *q, uint32_t *ret_waits, uint32_t *ret_count)
{
    *ret_waits = wanted(q->c, q->evidence->alive_mask, ret_count);
    return may_change(q->c) && differs(q->c, *ret_waits, *ret_count) && leader_lives(q->evidence) &&
           q->evidence->sync_age_ms >= pause_ms(q->c, *ret_waits);
}

bool rules_sync_is_alone(const struct question *q)
{
    uint32_t waits = 0;
    uint32_t count = 0;
    return is_due(q, &waits, &count) && count == 0;
}

bool rules_sync_differs(const struct question *q)
{
    uint32_t waits = 0;
    uint32_t count = 0;
    return is_due(q, &waits, &count) && count != 0;
}

static void write_set(const struct question *q, uint32_t waits, uint32_t count,
                      struct event *ret_event)
{
    ret_event->kind = EVENT_SYNC_SET;
    ret_event->cause_seq = q->c->phase_seq;
    sync_begin(q->c, waits, count, &ret_event->body.sync_set);
}

void rules_sync_give_up(const struct question *q, struct event *ret_event)
{
    write_set(q, 0, 0, ret_event);
}

void rules_sync_change(const struct question *q, struct event *ret_event)
{
    uint32_t count = 0;
    uint32_t waits = wanted(q->c, q->evidence->alive_mask, &count);
    write_set(q, waits, count, ret_event);
}
