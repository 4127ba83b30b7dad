/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i4_sent(struct sim *s, int node, const struct event *e)
{
    struct sim_node *n = &s->nodes[node];
    if (e->kind != EVENT_RENEW) {
        return;
    }
    n->sent[n->sent_next] = (struct sim_sent){e->incarnation, e->counter,
                                              sim_node_clock_ms(s, node) + e->body.renew.ttl_ms};
    n->sent_next = (n->sent_next + 1) % SIM_SENT_MAX;
}

void check_i4_read_back(struct sim *s, int node, const struct event *renewal, bool effective)
{
    struct sim_node *n = &s->nodes[node];
    for (uint32_t i = 0; i < SIM_SENT_MAX && effective; i++) {
        const struct sim_sent *sent = &n->sent[i];
        bool same = sent->incarnation == renewal->incarnation && sent->counter == renewal->counter;
        if (same && n->agent.incarnation == renewal->incarnation &&
            sent->limit_ms > n->lease_limit_ms) {
            n->lease_limit_ms = sent->limit_ms;
        }
    }
}

void check_i4_lease(struct sim *s, int node, uint64_t deadline_ms)
{
    const struct sim_node *n = &s->nodes[node];
    if (deadline_ms > n->lease_limit_ms) {
        sim_break(s, "I4: origin of the lease", "%s holds until %llu, and read back only %llu",
                  n->name, (unsigned long long)deadline_ms, (unsigned long long)n->lease_limit_ms);
    }
}
