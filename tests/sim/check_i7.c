/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i7_release(struct sim *s, const struct event *e)
{
    int node = sim_node_index(s, e->writer);
    const struct sim_node *n = &s->nodes[node];
    bool earlier = n->vote.term > e->body.release.term; /* than one that the log has lost */
    if (earlier) {
        return;
    }
    bool runs_as_primary = sim_pg_runs(&n->pg) && !n->pg.in_recovery;
    if (runs_as_primary && n->host_up) {
        sim_break(s, "I7: release", "%s has released, and its PostgreSQL is a primary", n->name);
    }
    if (n->host_up && n->guard.deadline_ms > sim_node_clock_ms(s, node)) {
        sim_break(s, "I7: release", "%s has released with its lease in the guard's page", n->name);
    }
}

void check_i7_sent(struct sim *s, int node, const struct event *e)
{
    const struct sim_node *n = &s->nodes[node];
    if (e->kind != EVENT_RELEASE) {
        return;
    }
    if (n->vote.given_up_term < e->body.release.term) {
        sim_break(s, "I7: release", "%s releases what it did not durably give up", n->name);
    }
    /* What is sent again may be of an earlier term. */
    bool now = e->body.release.term == s->truth.term && n->vote.term <= s->truth.term;
    if (now && n->guard.deadline_ms > sim_node_clock_ms(s, node)) {
        sim_break(s, "I7: release", "%s releases with its lease in the guard's page", n->name);
    }
}
