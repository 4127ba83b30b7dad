/* SPDX-License-Identifier: PostgreSQL */
/* Synchronous replication as PostgreSQL does it: each WAL sender has settings of its own, which it
 * reads some time after they were written, and lets those commits go that so many of its set have.
 */
#include "sim.h"

#include <string.h>

#define POLL_US (20 * SIM_MS)
/* One WAL sender in so many stands still for a while before it reads its settings. */
#define LATE_PERCENT 3
#define LATE_US (2 * SIM_S)
/* One order in so many meets a checkpointer at work, which reads its settings afterwards. */
#define CHECKPOINTS_EACH 4

static uint32_t mask_of(const struct sim *s, const struct name_list *names)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        mask |= 1U << sim_node_index(s, names->names[i]);
    }
    return mask;
}

static struct sim_waits waits_of(const struct sim *s, const struct upstream *upstream)
{
    return (struct sim_waits){mask_of(s, &upstream->waits), upstream->wait_count};
}

/* ---- settings ---- */

void sim_sync_start(struct sim *s, int node, const struct upstream *upstream)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    memset(&pg->sync, 0, sizeof pg->sync);
    pg->seal_term = upstream->seal_term;
    pg->sync.file = waits_of(s, upstream);
    pg->sync.defined = pg->sync.file.count != 0;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        pg->sync.senders[i] = pg->sync.file;
    }
}

static void sender_reads(struct sim *s, int node, uint64_t run, uint64_t sender)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    if (pg->run == run) {
        sim_pg_touch(s);
        pg->sync.senders[sender] = pg->sync.file;
    }
}

static void checkpointer_reads(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    struct sim_pg *pg = &s->nodes[node].pg;
    if (pg->run == run) {
        sim_pg_touch(s);
        pg->sync.defined = pg->sync.file.count != 0;
    }
}

void sim_sync_write(struct sim *s, int node, const struct upstream *upstream)
{
    struct sim_node *n = &s->nodes[node];
    n->pg.seal_term = upstream->seal_term;
    n->pg.sync.file = waits_of(s, upstream);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        uint64_t most_us = sim_chance(&n->random, LATE_PERCENT) ? LATE_US : 40 * SIM_MS;
        sim_after(s, sim_delay(s, &n->random, 0, most_us), sender_reads, node, n->pg.run, i);
    }
    bool late = n->pg.sync.file.count != 0 && s->now_us % CHECKPOINTS_EACH == 0;
    uint64_t late_us = late ? LATE_US : 0;
    sim_after(s, late_us + sim_delay(s, &n->random, 0, 40 * SIM_MS), checkpointer_reads, node,
              n->pg.run, 0);
}

/* As the real order to promote asks: commits wait where the setting says that they must. */
bool sim_sync_must_wait(const struct sim_pg *pg)
{
    return pg->sync.file.count != 0 && !pg->sync.defined;
}

static bool same_waits(struct sim_waits a, struct sim_waits b)
{
    return a.count == b.count && a.mask == b.mask;
}

bool sim_sync_is(const struct sim *s, int node, const struct upstream *upstream)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    const struct sim_waits waits = waits_of(s, upstream);
    bool written = pg->seal_term == upstream->seal_term && same_waits(pg->sync.file, waits);
    bool ordered = pg->sync.order_seq != 0 && pg->sync.order.seal_term == upstream->seal_term &&
                   same_waits(waits_of(s, &pg->sync.order), waits);
    return written || ordered;
}

/* ---- commits ---- */

static bool streams(const struct sim *s, int node, uint32_t peer)
{
    const struct sim_pg *pg = &s->nodes[peer].pg;
    return pg->upstream == node && pg->in_recovery && pg->postmaster &&
           sim_pg_serves(s, (int)peer) && sim_pg_serves(s, node);
}

/* How far a standby has what this primary writes; 0: it has nothing of its own timeline. */
static uint64_t flushed(const struct sim *s, int node, uint32_t peer)
{
    const struct sim_wal *own = &s->nodes[node].pg.wal;
    const struct sim_wal *wal = &s->nodes[peer].pg.wal;
    bool same = wal->count > 0 && own->count > 0 &&
                wal->branches[wal->count - 1].id == own->branches[own->count - 1].id;
    return same && streams(s, node, peer) ? wal->branches[wal->count - 1].end : 0;
}

/* The furthest position that `count` of the mask have. */
static uint64_t released(const struct sim *s, int node, struct sim_waits waits)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        uint64_t lsn = (waits.mask >> i & 1U) != 0 ? flushed(s, node, i) : 0;
        uint32_t count = 0;
        for (uint32_t k = 0; k < s->options.nodes && lsn != 0; k++) {
            count += (waits.mask >> k & 1U) != 0 && flushed(s, node, k) >= lsn ? 1 : 0;
        }
        best = lsn > best && count >= waits.count ? lsn : best;
    }
    return best;
}

/* A WAL sender that is not in its own set lets nothing go. */
static uint64_t acknowledged(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    uint64_t lsn = pg->sync.defined ? 0 : sim_wal_position(&pg->wal).lsn;
    for (uint32_t i = 0; i < s->options.nodes && pg->sync.defined; i++) {
        struct sim_waits waits = pg->sync.senders[i];
        bool counts = waits.count != 0 && (waits.mask >> i & 1U) != 0 && flushed(s, node, i) != 0;
        uint64_t at = counts ? released(s, node, waits) : 0;
        lsn = at > lsn ? at : lsn;
    }
    return lsn;
}

void sim_sync_commit(struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    int32_t holder = cluster_holder(&s->truth);
    bool leads = holder >= 0 && sim_node_index(s, s->truth.nodes[holder].name) == node;
    bool promised = s->truth.sync.bound && (pg->sync.defined || leads);
    if (promised && pg->wal.count > 0 && sim_pg_writable(s, node)) {
        check_i8_acknowledged(s, node, pg->wal.branches[pg->wal.count - 1].id,
                              acknowledged(s, node));
    }
}

/* ---- the order ---- */

static bool all_have_read(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    bool all = pg->sync.defined;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        all = all && memcmp(&pg->sync.senders[i], &pg->sync.file, sizeof pg->sync.file) == 0;
    }
    return all;
}

static bool have_mark(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        bool waited = (pg->sync.file.mask >> i & 1U) != 0;
        count += waited && flushed(s, node, i) >= pg->sync.mark ? 1 : 0;
    }
    return count >= pg->sync.file.count;
}

static void polls(struct sim *s, int node, uint64_t run, uint64_t seq)
{
    struct sim_node *n = &s->nodes[node];
    struct sim_pg *pg = &n->pg;
    if (pg->run != run || pg->sync.order_seq != seq || !n->host_up) {
        return;
    }
    sim_pg_touch(s);
    if (sim_pg_serves(s, node) && !pg->hung && !pg->doomed) {
        if (pg->sync.mark == 0 && all_have_read(s, node)) {
            pg->sync.mark = sim_wal_position(&pg->wal).lsn;
        }
        if (pg->sync.mark != 0 && have_mark(s, node)) {
            struct fact fact = {.kind = FACT_SYNCED, .sync_seq = seq};
            fact.position = (struct position){sim_wal_position(&pg->wal).timeline, pg->sync.mark};
            pg->sync.order_seq = 0;
            sim_node_fact(s, node, &fact);
            return;
        }
    }
    sim_after(s, POLL_US, polls, node, run, seq);
}

static void written(struct sim *s, int node, uint64_t run, uint64_t seq)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    if (pg->run == run && pg->sync.order_seq == seq) {
        sim_sync_write(s, node, &pg->sync.order);
        if (pg->sync.file.count != 0) {
            polls(s, node, run, seq);
        }
    }
}

void sim_sync_order(struct sim *s, int node, uint64_t seq, const struct upstream *upstream)
{
    struct sim_node *n = &s->nodes[node];
    check_i9_order(s, node, seq);
    n->pg.sync.order_seq = seq;
    n->pg.sync.order = *upstream;
    n->pg.sync.mark = 0;
    sim_after(s, sim_delay(s, &n->random, 1 * SIM_MS, 30 * SIM_MS), written, node, n->pg.run, seq);
}
