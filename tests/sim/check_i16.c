/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i16_order(struct sim *s, const struct event *e)
{
    int node = e->kind == EVENT_DIRECTIVE ? sim_node_index(s, e->body.directive.node) : -1;
    int32_t i = node >= 0 ? cluster_find_node(&s->truth, e->body.directive.node) : -1;
    if (i >= 0 && e->body.directive.reason == REASON_REQUESTED &&
        s->truth.nodes[i].asked_seq == 0) {
        sim_break(s, "I16: destruction", "%s is told what nobody asked for",
                  e->body.directive.node);
    }
    if (node >= 0) {
        struct sim_node *n = &s->nodes[node];
        n->orders[n->orders_next] = (struct sim_order){e->seq, e->body.directive};
        n->orders_next = (n->orders_next + 1) % SIM_ORDERS_MAX;
    }
}

/* True when the agent obeys a directive that it has read, meant for it as it is now. */
static bool is_told(const struct sim_node *n, enum task task)
{
    const struct cluster *c = &n->agent.cluster;
    int32_t me = cluster_find_node(c, n->name);
    for (uint32_t i = 0; i < SIM_ORDERS_MAX && me >= 0; i++) {
        const struct directive *directive = &n->orders[i].directive;
        bool stands = n->orders[i].seq == c->nodes[me].rebuild_seq && n->orders[i].seq != 0;
        if (stands && directive->task == task && directive->incarnation == n->agent.incarnation &&
            directive->term == c->term) {
            return true;
        }
    }
    return false;
}

void check_i16_destruction(struct sim *s, int node, enum task task)
{
    const struct sim_node *n = &s->nodes[node];
    if (!is_told(n, task)) {
        sim_break(s, "I16: destruction", "%s begins %s without being told", n->name,
                  task_name(task));
    }
    if (n->guard.deadline_ms > sim_node_clock_ms(s, node) && !sim_node_is_excused(s, node)) {
        sim_break(s, "I16: destruction", "%s rebuilds while it holds a lease", n->name);
    }
    if (sim_pg_runs(&n->pg)) {
        sim_break(s, "I16: destruction", "%s rebuilds under a running PostgreSQL", n->name);
    }
}
