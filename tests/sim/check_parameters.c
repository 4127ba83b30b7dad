/* SPDX-License-Identifier: PostgreSQL */
/* Parameters: a PostgreSQL is started with those of the log, a reload changes nothing else, and
 * what the leader's PostgreSQL does not take is in the log only when somebody insisted. */
#include "sim.h"

#include <string.h>

void check_parameters_start(struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    bool same = n->parameters_told && n->parameters_seq == n->agent.cluster.parameters.seq;
    if (!same) {
        sim_break(s, "parameters", "%s starts PostgreSQL without those of the log", n->name);
    }
}

void check_parameters_reload(struct sim *s, int node, const struct upstream *upstream)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    int wanted = sim_remote_index(s, upstream);
    bool same = (!pg->in_recovery || wanted == pg->upstream) && sim_sync_is(s, node, upstream);
    if (sim_pg_runs(pg) && !same) { /* one that has just been killed reads nothing */
        sim_break(s, "parameters", "a reload of %s changes whom it follows, or what it waits for",
                  s->nodes[node].name);
    }
}

bool check_parameters_takes(const char *bytes, uint32_t size)
{
    struct parameter item;
    for (uint32_t at = 0; parameters_next(bytes, size, &at, &item);) {
        if (item.value != NULL && strcmp(item.value, "bad") == 0) {
            return false;
        }
    }
    return true;
}

void check_parameters_step(struct sim *s)
{
    const struct parameters *p = &s->truth.parameters;
    if (!s->insisted && !check_parameters_takes(p->bytes, p->size)) {
        sim_break(s, "parameters", "the log sets what PostgreSQL does not take");
    }
    if (parameters_find(p, "port") != NULL) {
        sim_break(s, "parameters", "the log sets a parameter of pgbaton's own");
    }
}
