/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

/* With failover_mode sealed: it is writable beside the new leader for as long as its lease runs,
 * and every commit of it waits for those who have turned away. What it acknowledges is I8's to
 * judge. */
static bool is_harmless(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    if (n->overtaken && !n->pg.sync.defined) {
        sim_break(s, "I1: single writer", "%s was overtaken, and its commits wait for nobody",
                  n->name);
    }
    return n->overtaken;
}

void check_i1_single_writer(struct sim *s)
{
    int writer = -1;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (!sim_pg_writable(s, (int)i)) {
            continue;
        }
        check_i5_fence(s, (int)i);
        if (sim_node_is_excused(s, (int)i) || is_harmless(s, (int)i)) {
            continue;
        }
        if (writer >= 0) {
            sim_break(s, "I1: single writer", "%s and %s can both commit", s->nodes[writer].name,
                      s->nodes[i].name);
        }
        writer = (int)i;
    }
}
