/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

/* Stricter than the fold can be: at each grant no lease of any node still runs, by its own clock.
 */
void check_i6_wait(struct sim *s, const struct cluster *before, const struct event *e)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (n->host_up && !sim_node_is_excused(s, (int)i) &&
            n->guard.deadline_ms > sim_node_clock_ms(s, (int)i)) {
            sim_break(s, "I6: wait", "term %llu is granted while %s holds a lease",
                      (unsigned long long)e->body.grant.term, n->name);
        }
    }
    if (cluster_holder(before) != LEADER_NONE) {
        sim_break(s, "I6: wait", "term %llu is granted over a holder",
                  (unsigned long long)e->body.grant.term);
    }
}

void check_i6_hearing(struct sim *s, int monitor, const struct event *revoke)
{
    const struct sim_monitor *m = &s->monitors[monitor];
    const struct sim_reader *r = &s->readers[SIM_NODES_MAX + monitor];
    const struct cluster *c = &m->cluster.state;
    if (revoke->kind != EVENT_REVOKE) {
        return;
    }
    /* Its own clock may be fast. */
    uint64_t wait_ms = c->lease.renewed ? cluster_wait_ms(c) : cluster_ttl_ms(c);
    uint64_t least_us = wait_ms * 998;
    if (!r->connected || s->now_us - r->connected_us < least_us) {
        sim_break(s, "I6: wait", "%s revokes term %llu, and has not had the log for so long",
                  m->name, (unsigned long long)c->term);
    }
}
