/* SPDX-License-Identifier: PostgreSQL */
/*
 * switchover.h - how a request is carried out: what comes next, from the state and some evidence
 * (DESIGN section 4, Switchover).
 *
 * Pure. The monitor writes what switchover_next() says, and the fold asks it again with the
 * decision's own evidence: a step that it does not call for is void. Each stage has a limit, after
 * which the request is given up, so that none is pending for ever.
 *
 *   scheduled   a monitor's wall clock must reach its time                        ─▶ due
 *   asked       the target must be fit, heard, and close behind the leader        ─▶ begin
 *   checkpoint  the leader runs a checkpoint while it serves                      ─▶ done, by its
 *               agent; it makes the shutdown's own one short
 *   catch-up    the target must be close again, and all others that stream       ─▶ stop
 *   stop        the leader's PostgreSQL ends, its WAL senders send all there is   ─▶ release
 *   grant       the target has reported that it has all of it                     ─▶ grant
 *   failover    nobody leads: the node that was asked for must report             ─▶ grant
 */
#ifndef PGBATON_SWITCHOVER_H
#define PGBATON_SWITCHOVER_H

#include "cluster.h"

enum switchover_stage {
    STAGE_NONE = 0, /* nothing is pending */
    STAGE_ASKED,
    STAGE_CHECKPOINT,
    STAGE_CATCH_UP,
    STAGE_STOP,
    STAGE_GRANT,
    STAGE_FAILOVER,
    STAGE_SCHEDULED,
    STAGE_COUNT
};

enum switchover_stage switchover_stage(const struct cluster *c);
const char *switchover_stage_name(enum switchover_stage stage); /* "catch_up" */
/* How long the present stage may take, in ms; 0: nothing is pending, or it is scheduled: that stage
 * ends by the wall clock. */
uint64_t switchover_limit_ms(const struct cluster *c);
/* When the present stage ends by the wall clock, in µs; 0: it does not. */
uint64_t switchover_due_us(const struct cluster *c);
/* The step that state and evidence call for; SWITCH_NONE when it is to be waited. */
struct switchover_step switchover_next(const struct cluster *c, const struct evidence *evidence);
/* Index of the pending request's target, or -1. */
int32_t switchover_target(const struct cluster *c);
/* What speaks against node i taking over from the leader that serves. */
enum verdict switchover_verdict(const struct cluster *c, int32_t i,
                                const struct evidence *evidence);
/* True when node i may be granted the next term, whatever else is, because an operator asked for it
 * and accepts what that loses: its verdict is LAG or BELOW_FLOOR, or it has refused. */
bool switchover_forgives(const struct cluster *c, int32_t i, enum verdict verdict);

#endif
