/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

/* Stricter than the fold can be: at each grant no lease of any node still runs, by its own clock.
 */
void check_i6_wait(struct sim *s, const struct cluster *before, const struct event *e)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (n->host_up && n->guard.deadline_ms > sim_node_clock_ms(s, (int)i)) {
            sim_break(s, "I6: wait", "term %llu is granted while %s holds a lease",
                      (unsigned long long)e->body.grant.term, n->name);
        }
    }
    if (cluster_holder(before) != LEADER_NONE) {
        sim_break(s, "I6: wait", "term %llu is granted over a holder",
                  (unsigned long long)e->body.grant.term);
    }
}
