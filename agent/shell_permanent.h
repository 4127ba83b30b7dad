/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_permanent.h - the permanent replication slots of the cluster's configuration, on this node.
 *
 * On a primary they are created, and their consumers move them. A standby has them too and follows:
 * it asks the leader's PostgreSQL how far they are, so that a consumer that turns to this node
 * after a failover finds its WAL, and nothing is kept that the consumer has.
 */
#ifndef PGBATON_AGENT_SHELL_PERMANENT_H
#define PGBATON_AGENT_SHELL_PERMANENT_H

#include "facts.h"
#include "shell_session.h"

struct shell_permanent {
    struct session own;
    struct session leader;
    struct pg_target leader_target;
    struct permanent_order order; /* the one that is being carried out */
};

MUST_USE enum result shell_permanent_open(struct shell *shell, struct failure *reterr_failure);
void shell_permanent_close(struct shell *shell);
/* The postmaster was started, or every process is gone. */
void shell_permanent_reset(struct shell *shell);
/* ACTION_PERMANENT. One that comes while another is under way is left out: it comes again. */
void shell_permanent_keep(struct shell *shell, const struct permanent_order *order);

#endif
