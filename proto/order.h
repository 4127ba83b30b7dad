/* SPDX-License-Identifier: PostgreSQL */
/*
 * order.h - requests that one decision ends: pause, resume, the removal of a node, the promotion of
 * a standby cluster, the licence to restart a node, a change of parameters, a reload, the end of
 * the wait after the log has lost a part of itself (lost.h).
 *
 *             request                    order
 *   nothing ─────────▶ asked ─────────────────────────────────▶ carried out, or declined: nothing
 *
 * Parameters of PostgreSQL are checked first: the leader's agent says whether its PostgreSQL takes
 * them (done or failed of TASK_CONFIG).
 *
 * At most one is asked at a time, beside a switchover or failover (pending.h). Pure: the monitor
 * writes what order_objection() says, and the fold asks it again with the decision's own evidence.
 */
#ifndef PGBATON_ORDER_H
#define PGBATON_ORDER_H

#include "cluster.h"

/* True when what is asked may be carried out, or declined, now: parameters wait for what the
 * leader's PostgreSQL says of them, as long as there is a leader that is heard. */
bool order_is_due(const struct cluster *c, const struct evidence *evidence);
/* True while the leader's agent is to check the parameters that are asked for. */
bool order_waits_for_check(const struct cluster *c);
/* For how long a monitor must have heard the log to say that the leader is not heard, in ms. */
uint64_t order_hearing_ms(const struct cluster *c);
/* What speaks against carrying out now what is asked; REASON_NONE: nothing. Something must be. */
enum reason order_objection(const struct cluster *c, const struct evidence *evidence);
/* The order that state and evidence call for. Something must be asked. */
struct order order_next(const struct cluster *c, const struct evidence *evidence);

#endif
