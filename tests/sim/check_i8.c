/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/sync.h"

/* A commit was acknowledged: if another node has been granted a term since, it must be there. */
void check_i8_acknowledged(struct sim *s, int node, uint64_t branch, uint64_t lsn)
{
    int32_t holder = cluster_holder(&s->truth);
    int leader = holder < 0 ? -1 : sim_node_index(s, s->truth.nodes[holder].name);
    if (lsn == 0 || s->truth.loss_accepted) {
        return;
    }
    bool known = s->truth.term > s->lost_term; /* else the log does not know who leads */
    if (known && leader >= 0 && leader != node &&
        !sim_wal_holds(&s->nodes[leader].pg.wal, branch, lsn)) {
        sim_break(s, "I8: no loss", "%s acknowledges %llu, which the leader %s does not have",
                  s->nodes[node].name, (unsigned long long)lsn, s->nodes[leader].name);
        return;
    }
    if (branch > s->acked_branch || (branch == s->acked_branch && lsn > s->acked_lsn)) {
        s->acked_branch = branch;
        s->acked_lsn = lsn;
    }
}

/* Seal, then report: what says that it lets nothing more through does so already, as long as it
 * runs and the election goes on. */
void check_i8_sent(struct sim *s, int node, const struct event *e)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    bool claims = e->kind == EVENT_PROBE && e->body.probe.sealed &&
                  e->body.probe.election_term == s->truth.term && cluster_has_ended(&s->truth);
    if (claims && sim_pg_runs(pg) && (pg->upstream >= 0 || pg->seal_term < s->truth.term)) {
        sim_break(s, "I8: no loss", "%s reports that it is sealed, and is not",
                  s->nodes[node].name);
    }
}

/* What was promised stands until the log says that the guarantee is given up. */
void check_i8_step(struct sim *s)
{
    if (!sync_binds(&s->truth) || s->truth.loss_accepted) {
        s->acked_branch = 0;
        s->acked_lsn = 0;
    }
}

void check_i8_grant(struct sim *s, const struct event *e)
{
    int node = sim_node_index(s, e->body.grant.node);
    sim_pg_touch(s);
    bool lost = s->acked_branch != 0 && !s->truth.loss_accepted &&
                !sim_wal_holds(&s->nodes[node].pg.wal, s->acked_branch, s->acked_lsn);
    if (e->body.grant.kind == GRANT_FAILOVER && lost) {
        sim_break(s, "I8: no loss", "%s is granted term %llu without the acknowledged %llu",
                  s->nodes[node].name, (unsigned long long)e->body.grant.term,
                  (unsigned long long)s->acked_lsn);
    }
}
