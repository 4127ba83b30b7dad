/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include <string.h>

/* Whoever says that its lease ends has an end in its page by then, and nothing that was sent before
 * lifts it again (proto/pause.h). */
static void ends_again(struct sim *s, int node, uint64_t limit_ms)
{
    struct sim_node *n = &s->nodes[node];
    if (n->guard.deadline_ms == LEASE_LIFTED_MS) {
        sim_break(s, "I4: origin of the lease", "%s says that its lease ends, and it does not",
                  n->name);
    }
    for (uint32_t i = 0; i < SIM_SENT_MAX; i++) {
        if (n->sent[i].limit_ms == LEASE_LIFTED_MS) {
            n->sent[i] = (struct sim_sent){0, 0, 0};
        }
    }
    if (n->lease_limit_ms == LEASE_LIFTED_MS) {
        n->lease_limit_ms = limit_ms;
    }
}

void check_i4_sent(struct sim *s, int node, const struct event *e)
{
    struct sim_node *n = &s->nodes[node];
    if (e->kind != EVENT_RENEW) {
        return;
    }
    uint64_t limit_ms = sim_node_clock_ms(s, node) + e->body.renew.ttl_ms;
    if (!e->body.renew.lifted) {
        ends_again(s, node, limit_ms);
    }
    n->sent[n->sent_next] = (struct sim_sent){e->incarnation, e->counter,
                                              e->body.renew.lifted ? LEASE_LIFTED_MS : limit_ms};
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
        check_i11_lease(s, node, deadline_ms);
    }
    uint64_t old_ms = n->guard.deadline_ms;
    bool over = old_ms != 0 && sim_node_clock_ms(s, node) >= old_ms && deadline_ms > old_ms;
    if (over && sim_pg_runs(&n->pg) && !n->pg.in_recovery) {
        sim_break(s, "I4: origin of the lease", "%s extends a lease that has run out", n->name);
    }
}

/* A renewal has effect only while its writer holds the term. */
void check_i4_renewal(struct sim *s, const struct cluster *before, const struct event *e)
{
    if (e->kind != EVENT_RENEW) {
        return;
    }
    int32_t holder = cluster_holder(before);
    bool holds = holder != LEADER_NONE && strcmp(before->nodes[holder].name, e->writer) == 0;
    if (!holds || e->body.renew.term != before->term) {
        sim_break(s, "I4: origin of the lease", "%s renews what it does not hold at seq %llu",
                  e->writer, (unsigned long long)e->seq);
    }
}
