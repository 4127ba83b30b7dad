/* SPDX-License-Identifier: PostgreSQL */
/* Whether the cluster is as it should be, and what is not. */
#include "sim.h"

#include <stdio.h>

/* It writes; or, in a standby cluster, streams from the remote. */
static bool leads_well(const struct sim *s, int leader)
{
    const struct sim_pg *pg = &s->nodes[leader].pg;
    if (!standby_is_on(&s->truth)) {
        return sim_pg_writable(s, leader);
    }
    return pg->postmaster && pg->accepting && pg->in_recovery && pg->upstream == SIM_REMOTE &&
           sim_wal_is_prefix(&pg->wal, &s->remote.wal);
}

bool sim_is_well(const struct sim *s)
{
    const struct cluster *c = &s->truth;
    int32_t holder = cluster_holder(c);
    bool asked = c->asked.request_seq != 0;
    if (c->phase != PHASE_HELD || !standby_serves(c) || holder == LEADER_NONE || asked) {
        return false;
    }
    int leader = sim_node_index(s, c->nodes[holder].name);
    if (leader < 0 || !leads_well(s, leader) || c->node_count != s->options.nodes) {
        return false;
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_pg *pg = &s->nodes[i].pg;
        bool streams = pg->postmaster && pg->accepting && pg->in_recovery &&
                       pg->upstream == leader && !sim_pg_is_cut_off(s, pg) &&
                       sim_wal_is_prefix(&pg->wal, &s->nodes[leader].pg.wal);
        if (((int)i != leader && !streams) || pg->parameters_seq != c->parameters.seq) {
            return false;
        }
    }
    return true;
}

void sim_tell(const struct sim *s, FILE *file)
{
    const struct cluster *c = &s->truth;
    fprintf(file,
            "  term %llu phase %s leader %d promoted %d writable %d no_candidate %d limited %d\n",
            (unsigned long long)c->term, phase_name(c->phase), c->leader, c->promoted, c->writable,
            c->no_candidate, c->limited);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_node *n = &s->nodes[i];
        struct position p = sim_wal_position(&n->pg.wal);
        int32_t k = cluster_find_node(c, n->name);
        fprintf(file,
                "  %s: guard %d agent %d up %d data %d postmaster %d accepting %d recovery %d "
                "upstream %d at %u/%llu; in the log: %s %s\n",
                n->name, n->guard.runs, n->agent_runs, n->host_up, n->pg.verdict, n->pg.postmaster,
                n->pg.accepting, n->pg.in_recovery, n->pg.upstream, p.timeline,
                (unsigned long long)p.lsn, k < 0 ? "?" : node_state_name(c->nodes[k].state),
                k < 0 ? "?" : reason_name(c->nodes[k].reason));
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        const struct sim_monitor *m = &s->monitors[i];
        const struct sim_reader *r = &s->readers[SIM_NODES_MAX + i];
        fprintf(file,
                "  %s: runs %d paused %d connected %d caught_up %d hearing since %llu, %zu of %zu "
                "records read\n",
                m->name, m->runs, m->paused, r->connected, m->monitor.caught_up,
                (unsigned long long)m->monitor.hearing_since_ms, r->cursor, s->record_count);
    }
}
