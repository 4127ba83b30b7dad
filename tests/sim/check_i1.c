/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i1_single_writer(struct sim *s)
{
    int writer = -1;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (!sim_pg_writable(s, (int)i)) {
            continue;
        }
        check_i5_fence(s, (int)i);
        if (sim_node_is_excused(s, (int)i)) {
            continue;
        }
        if (writer >= 0) {
            sim_break(s, "I1: single writer", "%s and %s can both commit", s->nodes[writer].name,
                      s->nodes[i].name);
        }
        writer = (int)i;
    }
}
