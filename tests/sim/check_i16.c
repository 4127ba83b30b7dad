/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i16_destruction(struct sim *s, int node, enum task task)
{
    const struct sim_node *n = &s->nodes[node];
    const struct cluster *c = &n->agent.cluster;
    int32_t i = cluster_find_node(c, n->name);
    bool told = i >= 0 && cluster_directive(c, i) == DIRECTIVE_REBUILD &&
                c->nodes[i].rebuild_task == task && c->nodes[i].incarnation == n->agent.incarnation;
    if (!told) {
        sim_break(s, "I16: destruction", "%s begins %s without being told", n->name,
                  task_name(task));
    }
    if (n->guard.deadline_ms > sim_node_clock_ms(s, node)) {
        sim_break(s, "I16: destruction", "%s rebuilds while it holds a lease", n->name);
    }
    if (sim_pg_runs(&n->pg)) {
        sim_break(s, "I16: destruction", "%s rebuilds under a running PostgreSQL", n->name);
    }
}
