/* SPDX-License-Identifier: PostgreSQL */
/* A restart that an operator asks for: it is licensed and in the log before PostgreSQL goes down,
 * it takes nobody away on whom commits count, and it ends. */
#include "sim.h"

#include "../../proto/licence.h"
#include "../../proto/sync.h"

/* What an agent waits for its moment, and then for its PostgreSQL. */
#define LICENCE_MS (RESTART_WAIT_MS + 15000)

/* After each event. */
void check_restart_step(struct sim *s, const struct cluster *before)
{
    const struct restarting *r = &s->truth.restart;
    if (s->truth.licence.seq != before->licence.seq) {
        s->licensed_us = s->now_us;
    }
    bool begins = r->seq != before->restart.seq && r->going && r->reason == REASON_REQUESTED;
    if (begins && !licence_is_of(before, before->leader)) {
        sim_break(s, "restart: it is asked for", "the leader restarts in place unasked");
    }
}

/* Others stream, as this node has read, and are enough for the commits that wait. */
static bool can_be_spared(const struct cluster *c, int32_t me)
{
    uint32_t others = 0;
    for (int32_t i = 0; i < (int32_t)c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool streams = n->state == NODE_STANDBY && n->streaming && n->reason == REASON_NONE;
        bool free = !n->nosync && !n->nofailover && !n->departed && n->rebuild_task == TASK_NONE &&
                    n->asked_seq == 0;
        others += i != me && i != c->leader && streams && free ? 1 : 0;
    }
    return others >= (c->config.synchronous_count != 0 ? c->config.synchronous_count : 1);
}

/* When a node stops its PostgreSQL in order. */
void check_restart_stop(struct sim *s, int node)
{
    const struct agent *a = &s->nodes[node].agent;
    const struct cluster *c = &a->cluster;
    if (a->asked_for.stage != RESTART_DOWN || a->stop.ordered || a->lease.stage != LEASE_KEPT) {
        return;
    }
    if (!licence_is_of(c, a->me)) {
        sim_break(s, "restart: it is asked for", "%s stops without a licence", a->self.node);
    }
    if (a->me != c->leader && sync_needs(c, a->me) && can_be_spared(c, a->me)) {
        sim_break(s, "restart: nobody waits", "%s stops while commits count on it", a->self.node);
    }
    bool recorded = c->restart.going && c->restart.reason == REASON_REQUESTED;
    if (a->me == c->leader && !recorded) {
        sim_break(s, "restart: the log knows", "%s stops, and the log says that it writes",
                  a->self.node);
    }
}

/* Now and then, while nothing is wrong. */
void check_restart_progress(struct sim *s)
{
    uint64_t since_us = s->licensed_us > s->trouble_us ? s->licensed_us : s->trouble_us;
    if (s->truth.licence.seq != 0 && s->now_us > since_us + LICENCE_MS * SIM_MS) {
        sim_break(s, "restart: it ends", "%s is licensed for %llu ms",
                  s->truth.nodes[s->truth.licence.node].name,
                  (unsigned long long)((s->now_us - since_us) / SIM_MS));
    }
}
