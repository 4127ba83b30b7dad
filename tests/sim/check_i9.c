/* SPDX-License-Identifier: PostgreSQL */
/* The synchronous set: what an election needs never falls behind what the leader's PostgreSQL lets
 * commits wait for, and is lowered by the leader's word only, when the set has confirmed it. */
#include "sim.h"

#include "../../proto/sync.h"

/* ---- at every moment ---- */

/* SAFETY 4.6: every set that can acknowledge meets every set that can elect. */
static bool meets(const struct sync *log, struct sim_waits waits, uint32_t voters)
{
    uint32_t outside = sync_size(waits.mask & ~voters);
    return waits.count > outside && waits.count - outside + log->quorum > sync_size(voters);
}

static uint32_t sim_mask(const struct sim *s, uint32_t mask)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < s->truth.node_count; i++) {
        int node = sim_node_index(s, s->truth.nodes[i].name);
        own |= (mask >> i & 1U) != 0 && node >= 0 ? 1U << (unsigned)node : 0;
    }
    return own;
}

/* True when an election needs the node itself: whatever it has acknowledged it has. */
static bool is_asked(const struct sim *s, int node)
{
    const struct sync *sync = &s->truth.sync;
    return sync->quorum == sync_size(sync->voters) &&
           (sim_mask(s, sync->voters) >> (unsigned)node & 1U) != 0;
}

void check_i9_senders(struct sim *s)
{
    const struct cluster *c = &s->truth;
    if (s->unsaid || !sync_binds(c) || c->sync.voters == 0 || c->phase == PHASE_GRANTED ||
        c->leader < 0) {
        return;
    }
    int node = sim_node_index(s, c->nodes[c->leader].name);
    const struct sim_pg *pg = &s->nodes[node].pg;
    if (!sim_pg_writable(s, node)) {
        return;
    }
    uint32_t voters = sim_mask(s, c->sync.voters);
    if (is_asked(s, node)) {
        return;
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        bool counts = (pg->sync.senders[i].mask >> i & 1U) != 0;
        if (!pg->sync.defined || (counts && !meets(&c->sync, pg->sync.senders[i], voters))) {
            sim_break(s, "I9: sync set",
                      "%s lets commits go with %u of mask %x, of which an election with %u of mask "
                      "%x knows nothing",
                      s->nodes[node].name, pg->sync.defined ? pg->sync.senders[i].count : 0,
                      pg->sync.senders[i].mask, c->sync.quorum, voters);
        }
    }
}

/* A set that was ordered may be relied upon: its agent's next life does not order an earlier one.
 */
void check_i9_order(struct sim *s, int node, uint64_t seq)
{
    struct sim_node *n = &s->nodes[node];
    if (seq < n->sync_seq) {
        sim_break(s, "I9: sync set", "%s orders the set of event %llu after that of %llu", n->name,
                  (unsigned long long)seq, (unsigned long long)n->sync_seq);
    }
    n->sync_seq = seq;
}

/* ---- at each event ---- */

/* Whoever could be elected after it could have been before. */
static bool is_weaker(const struct sync *before, const struct sync *after)
{
    uint32_t added = sync_size(after->voters & ~before->voters);
    return (before->voters & ~after->voters) != 0 || after->quorum < before->quorum + added;
}

/* How many have this piece of WAL; a disk that was lost since took its word with it. */
static uint32_t holders(const struct sim *s, uint32_t mask, uint64_t branch, uint64_t lsn)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_pg *pg = &s->nodes[i].pg;
        bool has = pg->verdict == DATA_EMPTY || sim_wal_holds(&pg->wal, branch, lsn);
        count += (mask >> i & 1U) != 0 && has ? 1 : 0;
    }
    return count;
}

static void check_settled(struct sim *s, const struct event *e)
{
    const struct sync *sync = &s->truth.sync;
    int node = sim_node_index(s, e->writer);
    const struct sim_pg *pg = &s->nodes[node].pg;
    uint32_t waits = sim_mask(s, sync->waits);
    for (uint32_t i = 0; i < s->options.nodes && sim_pg_writable(s, node); i++) {
        bool has = pg->sync.senders[i].mask == waits && pg->sync.senders[i].count == sync->count;
        if (!has || !pg->sync.defined) {
            sim_break(s, "I9: sync set", "a set is settled that a WAL sender of %s has not read",
                      s->nodes[node].name);
        }
    }
    if (s->acked_branch != 0 && holders(s, waits, s->acked_branch, s->acked_lsn) < sync->count) {
        sim_break(s, "I9: sync set", "a set is settled of which %u have the acknowledged %llu",
                  holders(s, waits, s->acked_branch, s->acked_lsn),
                  (unsigned long long)s->acked_lsn);
    }
}

/* A new leader is promoted: what was acknowledged before lies below the place where its timeline
 * opened, and what it has acknowledged itself is on the set that the log names from here on. Of one
 * that has lost its disk meanwhile nothing shows that. */
static void check_opened(struct sim *s, const struct event *e)
{
    const struct sync *sync = &s->truth.sync;
    const struct sim_wal *wal = &s->nodes[sim_node_index(s, e->writer)].pg.wal;
    const struct sim_branch *own = wal->count > 0 ? &wal->branches[wal->count - 1] : NULL;
    if (own == NULL || own->timeline != s->truth.floor.timeline ||
        is_asked(s, sim_node_index(s, e->writer))) {
        return;
    }
    if (wal->count > 1 && s->truth.floor.lsn != own->start) {
        sim_break(s, "I9: sync set", "the timeline of %s opened at %llu, and not at %llu",
                  e->writer, (unsigned long long)own->start,
                  (unsigned long long)s->truth.floor.lsn);
    }
    bool earlier = s->acked_branch != own->id;
    if (!earlier && sync->voters != sync->waits) {
        return; /* an election needs more than the set */
    }
    bool kept = earlier ? sim_wal_holds(wal, s->acked_branch, s->acked_lsn)
                        : holders(s, sim_mask(s, sync->waits), s->acked_branch, s->acked_lsn) >=
                                  sync->count;
    if (s->acked_branch != 0 && !kept) {
        sim_break(s, "I9: sync set", "%s is promoted, and nothing keeps the acknowledged %llu",
                  e->writer, (unsigned long long)s->acked_lsn);
    }
}

void check_i9_step(struct sim *s, const struct cluster *before, const struct event *e)
{
    const struct sync *now = &s->truth.sync;
    if (e->kind == EVENT_GRANT && before->promoted && before->sync.bound &&
        before->sync.step == SYNC_CHANGING && before->sync.voters == before->sync.waits) {
        sim_cover_moment(SIM_MOMENT_UNSETTLED);
    }
    bool settled = before->sync.step == SYNC_CHANGING && now->step == SYNC_STEADY;
    if (settled) {
        sim_pg_touch(s);
        check_settled(s, e);
    } else if (s->truth.promoted && !before->promoted && e->kind == EVENT_DONE) {
        sim_pg_touch(s);
        check_opened(s, e);
    } else if (sync_binds(before) && sync_binds(&s->truth) && now->voters != 0 &&
               is_weaker(&before->sync, now)) {
        sim_break(s, "I9: sync set", "%s asks less of an election, and no set was settled",
                  event_kind_name(e->kind));
    }
}
