/* SPDX-License-Identifier: PostgreSQL */
/* A standby cluster (proto/standby.h): nobody in it is a primary before it is promoted, and whoever
 * leads it has nothing but the remote's WAL. */
#include "sim.h"

void check_standby_step(struct sim *s)
{
    if (!standby_is_on(&s->truth)) {
        return;
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_pg *pg = &s->nodes[i].pg;
        if (sim_pg_runs(pg) && pg->accepting && !pg->in_recovery) {
            sim_break(s, "I15: standby cluster", "%s is a primary, and nobody has promoted it",
                      s->nodes[i].name);
        }
        if (sim_pg_writable(s, (int)i)) {
            sim_break(s, "I15: standby cluster", "%s can commit", s->nodes[i].name);
        }
    }
}

/* Without a lease the fence refuses whatever is done by hand. */
void check_standby_lease(struct sim *s, int node, uint64_t deadline_ms)
{
    if (standby_is_on(&s->truth) && deadline_ms != 0) {
        sim_break(s, "I15: standby cluster", "%s takes a lease", s->nodes[node].name);
    }
}

void check_standby_grant(struct sim *s, const struct cluster *before, const struct event *e)
{
    int node = sim_node_index(s, e->body.grant.node);
    sim_pg_touch(s);
    if (node >= 0 && standby_is_on(before) && e->body.grant.kind == GRANT_FAILOVER &&
        !sim_wal_is_prefix(&s->nodes[node].pg.wal, &s->remote.wal)) {
        sim_break(s, "I10: ancestry", "%s is granted term %llu with other WAL than the remote's",
                  e->body.grant.node, (unsigned long long)e->body.grant.term);
    }
}
