/* SPDX-License-Identifier: PostgreSQL */
/* The cluster that a standby cluster replicates from: WAL that grows, and now and then gets a new
 * timeline; and the operator who promotes the standby cluster one day. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#define SYSTEM_ID 7100000000000000001ULL
/* Whoever promotes asks again. */
#define INSIST_US (1 * SIM_S)
#define FAILOVER_US (40 * SIM_S)
#define NEAR_US (5 * SIM_S)

static void open_timeline(struct sim *s)
{
    struct sim_wal *wal = &s->remote.wal;
    struct position at = wal->count > 0 ? sim_wal_position(wal) : (struct position){0, 1000};
    wal->branches[wal->count++] =
            (struct sim_branch){at.timeline + 1, s->next_branch++, at.lsn, at.lsn};
    s->remote.failover_us = s->now_us + sim_draw(&s->remote.random, 2 * FAILOVER_US);
}

void sim_remote_init(struct sim *s)
{
    struct sim_remote *r = &s->remote;
    memset(r, 0, sizeof *r);
    sim_seed(&r->random, s->options.seed, 6);
    if (s->options.config.standby.host[0] == '\0') {
        return;
    }
    r->system_id = SYSTEM_ID;
    r->promote_us = sim_draw(&r->random, s->options.fault_us);
    open_timeline(s);
    /* Then a node may still follow the remote to its next timeline, while another opens one. */
    if (sim_chance(&r->random, 40)) {
        r->failover_us = r->promote_us + sim_draw(&r->random, NEAR_US);
    }
}

/* Its failovers lose nothing. So many timelines as a promotion leaves free. */
void sim_remote_touch(struct sim *s, uint64_t span_us)
{
    struct sim_remote *r = &s->remote;
    if (r->wal.count == 0) {
        return;
    }
    uint64_t bytes = span_us * s->options.write_rate / 1000;
    r->wal.branches[r->wal.count - 1].end += sim_draw(&r->random, 2 * bytes + 1);
    if (s->now_us >= r->failover_us && r->wal.count < PROMOTION_TIMELINE_GAP) {
        open_timeline(s);
    }
}

int sim_remote_index(const struct sim *s, const struct upstream *upstream)
{
    if (strcmp(upstream->node, REMOTE_NODE) == 0) {
        return SIM_REMOTE;
    }
    return upstream->node[0] == '\0' ? -1 : sim_node_index(s, upstream->node);
}

static void ask(struct sim *s)
{
    struct event e;
    memset(&e, 0, sizeof e);
    e.version = SCHEMA_VERSION;
    e.kind = EVENT_REQUEST;
    snprintf(e.cluster, sizeof e.cluster, "demo");
    snprintf(e.writer, sizeof e.writer, "operator-2");
    e.incarnation = s->now_us;
    e.counter = 1;
    e.wall_us = 1700000000000000ULL + s->now_us;
    e.body.request.kind = REQUEST_PROMOTE;
    e.body.request.term = s->truth.term;
    e.body.request.seen_seq = s->truth.last_seq;
    sim_append(s, &e, (int)sim_draw(&s->remote.random, s->options.nodes));
}

void sim_remote_look(struct sim *s)
{
    struct sim_remote *r = &s->remote;
    bool due = standby_is_on(&s->truth) && s->made_us != 0 &&
               s->now_us >= s->made_us + r->promote_us && s->truth.frozen_seq == 0;
    if (!due) {
        return;
    }
    sim_trouble(s, s->now_us + SIM_S);
    if (s->now_us >= r->insisted_us + INSIST_US) {
        r->insisted_us = s->now_us;
        ask(s);
    }
}
