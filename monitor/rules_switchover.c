/* SPDX-License-Identifier: PostgreSQL */
#include "rules_switchover.h"

#include "../proto/election.h"

/* The verdict of the pending request's target, if it is heard; else UNREACHABLE. */
static enum verdict target_verdict(const struct question *q)
{
    const int32_t i = switchover_target(q->c);
    const bool alive = i >= 0 && (q->evidence->alive_mask >> (uint32_t)i & 1) != 0;
    return alive ? election_verdict(q->c, i, GRANT_FAILOVER) : VERDICT_UNREACHABLE;
}

bool rules_may_switch(const struct question *q)
{
    return switchover_stage(q->c) == STAGE_GRANT && target_verdict(q) == VERDICT_ELIGIBLE;
}

bool rules_may_fail_over(const struct question *q)
{
    if (switchover_stage(q->c) != STAGE_FAILOVER) {
        return false;
    }
    const enum verdict verdict = target_verdict(q);
    return verdict == VERDICT_ELIGIBLE ||
           switchover_forgives(q->c, switchover_target(q->c), verdict);
}

static bool calls_for(const struct question *q, enum switch_step step)
{
    return switchover_next(q->c, q->evidence).step == step;
}

bool rules_is_due(const struct question *q)
{
    return calls_for(q, SWITCH_DUE);
}

bool rules_must_begin(const struct question *q)
{
    return calls_for(q, SWITCH_BEGIN);
}

bool rules_must_stop(const struct question *q)
{
    return calls_for(q, SWITCH_STOP);
}

bool rules_must_abort(const struct question *q)
{
    return calls_for(q, SWITCH_ABORT);
}

void rules_write_step(const struct question *q, struct event *ret_event)
{
    ret_event->kind = EVENT_SWITCHOVER_STEP;
    ret_event->cause_seq = q->c->pending.moved_seq;
    ret_event->body.switchover_step = switchover_next(q->c, q->evidence);
}
