/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i13_identity(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome)
{
    if (!outcome.effective || !event_is_agents(e->kind)) {
        return;
    }
    int32_t i = cluster_find_node(before, e->writer);
    if (i >= 0 && e->incarnation < before->nodes[i].incarnation) {
        sim_break(s, "I13: identity", "an older incarnation of %s is effective at seq %llu",
                  e->writer, (unsigned long long)e->seq);
    }
}
