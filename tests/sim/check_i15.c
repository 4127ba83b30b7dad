/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

/* How late the guard may be with a kill. */
#define LATE_MS 25

void check_i15_return(struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    /* One that makes way for another of its name has taken the lease out, and its kill may come a
     * moment after the promotion. Two writers would show all the same (I1). */
    if (n->pg.in_recovery || (n->agent_runs && n->agent.superseded)) {
        return;
    }
    /* The fence alone does not keep it from being a primary, only from committing. */
    if (sim_pg_is_fenced(s, node)) {
        return;
    }
    bool leased = n->guard.deadline_ms + LATE_MS > sim_node_clock_ms(s, node);
    if (!leased || !n->guard.primary) {
        sim_break(s, "I15: return", "%s becomes a primary without a lease in an armed guard",
                  n->name);
    }
}
