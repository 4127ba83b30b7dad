/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

static bool contains(const struct sim_wal *wal, uint64_t branch)
{
    for (uint32_t i = 0; i < wal->count; i++) {
        if (wal->branches[i].id == branch) {
            return true;
        }
    }
    return false;
}

/* True when the node has the WAL of the last term, by the promotion that wrote it, not by its
 * numbers. */
static bool has_reference(const struct sim *s, int node)
{
    const struct sim_wal *wal = &s->nodes[node].pg.wal;
    struct position p = sim_wal_position(wal);
    bool at_fork = p.timeline < s->truth.floor.timeline && p.lsn == s->truth.floor.lsn;
    return s->reference_branch == 0 || s->blind_term != 0 || at_fork ||
           contains(wal, s->reference_branch);
}

void check_i10_ancestry(struct sim *s, const struct event *e)
{
    int node = sim_node_index(s, e->body.grant.node);
    bool accepted = s->truth.loss_accepted;    /* by an operator */
    bool promotes = !standby_is_on(&s->truth); /* else see check_standby.c */
    if (e->body.grant.kind == GRANT_FAILOVER && promotes && !has_reference(s, node) && !accepted) {
        sim_break(s, "I10: ancestry", "%s is granted term %llu with other WAL than the leader's",
                  s->nodes[node].name, (unsigned long long)e->body.grant.term);
    }
}

/* Of a promotion that ends after its lease nothing comes where the fence is the only ring: what is
 * written then cannot be committed. A machine whose clock stood still cannot know. */
void check_i10_promote(struct sim *s, int node)
{
    bool pardoned = sim_pg_is_fenced(s, node) || sim_node_is_excused(s, node) ||
                    s->nodes[node].agent.cluster.loss_accepted;
    if (!has_reference(s, node) && !pardoned) {
        sim_break(s, "I10: ancestry", "%s is promoted with other WAL than the leader's",
                  s->nodes[node].name);
    }
}

/* No two promotions open the same timeline, wherever they are. */
static void check_unique(struct sim *s, uint32_t timeline)
{
    uint64_t id = 0;
    for (uint32_t n = 0; n < s->options.nodes; n++) {
        const struct sim_wal *wal = &s->nodes[n].pg.wal;
        bool gone = s->nodes[n].pg.verdict == DATA_EMPTY && s->options.losses;
        for (uint32_t i = 0; i < wal->count && !gone; i++) {
            const struct sim_branch *branch = &wal->branches[i];
            if (branch->timeline == timeline && id != 0 && id != branch->id) {
                sim_break(s, "I10: ancestry", "timeline %u was opened twice", timeline);
            }
            id = branch->timeline == timeline ? branch->id : id;
        }
    }
}

/* The id of the piece of WAL of this timeline; the last that was known when there is none. */
static uint64_t branch_of(const struct sim_wal *wal, uint32_t timeline, uint64_t known)
{
    for (uint32_t i = 0; i < wal->count; i++) {
        known = wal->branches[i].timeline == timeline ? wal->branches[i].id : known;
    }
    return known;
}

/* The log has lost its end, and with it perhaps the promotion: what it knows of is the reference.
 */
void check_i10_again(struct sim *s)
{
    s->reference_branch = 0;
    for (uint32_t n = 0; n < s->options.nodes; n++) {
        s->reference_branch =
                branch_of(&s->nodes[n].pg.wal, s->truth.floor.timeline, s->reference_branch);
    }
}

/* The reference has moved: remember whose WAL it is. */
void check_i10_reference(struct sim *s)
{
    uint32_t timeline = s->truth.floor.timeline;
    if (timeline == 0) { /* a standby cluster is promoted: nobody has written yet */
        s->reference_branch = 0;
        return;
    }
    int node = sim_node_index(s, s->truth.nodes[s->truth.opener].name);
    s->reference_branch = branch_of(&s->nodes[node].pg.wal, timeline, s->reference_branch);
    if (s->blind_term == 0) {
        check_unique(s, timeline);
    }
}
