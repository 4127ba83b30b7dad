/* SPDX-License-Identifier: PostgreSQL */
/*
 * order.h - requests that one decision ends: pause, resume, the removal of a node, the promotion of
 * a standby cluster, the licence to restart a node.
 *
 *             request                    order
 *   nothing ─────────▶ asked ─────────────────────────────────▶ carried out, or declined: nothing
 *
 * At most one is asked at a time, beside a switchover or failover (pending.h). Pure: the monitor
 * writes what order_objection() says, and the fold asks it again with the decision's own evidence.
 */
#ifndef PGBATON_ORDER_H
#define PGBATON_ORDER_H

#include "cluster.h"

/* What speaks against carrying out now what is asked; REASON_NONE: nothing. Something must be. */
enum reason order_objection(const struct cluster *c, const struct evidence *evidence);
/* The order that state and evidence call for. Something must be asked. */
struct order order_next(const struct cluster *c, const struct evidence *evidence);

#endif
