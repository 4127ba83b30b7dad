/* SPDX-License-Identifier: PostgreSQL */
/* What a grant may cost is what it says, and switch_policy is kept: by the WAL on the disks, not by
 * what anybody says. */
#include "sim.h"

#include <string.h>

/* A restart in place takes no longer than it may, from when PostgreSQL goes down. One renewal may
 * be late: that with which an agent that stood still wakes up. */
void check_policy_sent(struct sim *s, int node, const struct event *e)
{
    struct sim_node *n = &s->nodes[node];
    uint32_t number = e->kind == EVENT_RENEW ? e->body.renew.restart.number : 0;
    uint64_t now_ms = sim_node_clock_ms(s, node);
    if (number == 0 || n->agent.asked_for.stage == RESTART_NAMED) {
        return;
    }
    if (n->restart.number != number || n->restart.term != e->body.renew.term ||
        n->restart.agent_run != n->agent_run) {
        n->restart = (struct sim_restart){number, 0, e->body.renew.term, n->agent_run, now_ms};
    }
    n->restart.late +=
            now_ms - n->restart.began_ms > s->truth.config.primary_start_timeout_ms ? 1 : 0;
    if (n->restart.late > 1) {
        sim_break(s, "policy: restart in place", "%s restarts in place for %llu ms", n->name,
                  (unsigned long long)(now_ms - n->restart.began_ms));
    }
}

/* Who has renewed last: from then on others have nothing to add. */
void check_policy_held(struct sim *s, const struct event *e)
{
    if (e->kind == EVENT_RENEW && s->wrote_term != s->truth.term) {
        s->wrote_term = s->truth.term;
        s->writer = sim_node_index(s, e->writer);
    }
}

/* Whatever the last holder wrote, and still has, the grantee has, too. */
static bool misses_nothing(struct sim *s, int next)
{
    const struct sim_pg *from = &s->nodes[s->writer].pg;
    sim_pg_touch(s);
    return from->verdict != DATA_INTACT || from->incomplete ||
           sim_wal_is_prefix(&from->wal, &s->nodes[next].pg.wal);
}

static void check_known(struct sim *s, const struct grant *g, int next)
{
    const struct sim_pg *from = &s->nodes[s->writer].pg;
    bool whole = from->verdict == DATA_INTACT && !from->incomplete;
    uint64_t end = sim_wal_position(&from->wal).lsn;
    bool more = whole && !misses_nothing(s, next) && end > g->position.lsn + g->loss_bytes;
    if (g->loss_known && more) {
        sim_break(s, "policy: what a grant may lose",
                  "term %llu says that it loses %llu bytes at most, and loses %llu",
                  (unsigned long long)g->term, (unsigned long long)g->loss_bytes,
                  (unsigned long long)(end - g->position.lsn));
    }
}

static bool is_asked_for(const struct cluster *before, const struct grant *g)
{
    return before->pending.request_seq != 0 && strcmp(before->pending.node, g->node) == 0;
}

/* Where commits wait for standbys only what was acknowledged is promised (check I8). */
static void check_protection(struct sim *s, const struct cluster *before, const struct grant *g,
                             int next)
{
    bool accepted = is_asked_for(before, g) && before->pending.accept_loss;
    if (!accepted && !before->sync.bound && !misses_nothing(s, next)) {
        sim_break(s, "policy: MaximumDataProtection",
                  "%s is granted term %llu without all of %s's WAL", g->node,
                  (unsigned long long)g->term, s->nodes[s->writer].name);
    }
}

static void check_noop(struct sim *s, const struct cluster *before, const struct grant *g, int next)
{
    if (!is_asked_for(before, g) && next != s->writer) {
        sim_break(s, "policy: Noop", "%s is granted term %llu, and nobody asked", g->node,
                  (unsigned long long)g->term);
    }
}

void check_policy_grant(struct sim *s, const struct cluster *before, const struct event *e)
{
    const struct grant *g = &e->body.grant;
    int next = sim_node_index(s, g->node);
    if (g->kind != GRANT_FAILOVER || s->wrote_term == 0 || next < 0 || standby_is_on(before)) {
        return;
    }
    check_known(s, g, next);
    if (before->config.switch_policy == SWITCH_MAXIMUM_DATA_PROTECTION) {
        check_protection(s, before, g, next);
    } else if (before->config.switch_policy == SWITCH_NOOP) {
        check_noop(s, before, g, next);
    }
}
