/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/sync.h"

#include <string.h>

/* Whom the sealed quorum may overtake: the leader that was revoked, and nobody else. Whoever was
 * overtaken before stays so until its lease ends, whoever is granted what meanwhile. */
static bool may_be_overtaken(const struct sim *s, const struct cluster *before, uint32_t i)
{
    return s->nodes[i].overtaken ||
           (before->config.failover_mode == FAILOVER_SEALED && before->phase == PHASE_REVOKED &&
            before->sync.bound && before->sync.voters != 0 && before->leader >= 0 &&
            sim_node_index(s, before->nodes[before->leader].name) == (int)i);
}

static bool holds(struct sim *s, uint32_t i)
{
    const struct sim_node *n = &s->nodes[i];
    return n->host_up && !sim_node_is_excused(s, (int)i) &&
           n->guard.deadline_ms > sim_node_clock_ms(s, (int)i);
}

/* By promises alone, which the grantee has given, too: it waits for their end before it renews. */
static bool lives_on(struct sim *s, uint32_t i, const struct event *e)
{
    const struct sim_node *n = &s->nodes[i];
    return n->lease_limit_ms <= sim_node_clock_ms(s, (int)i) &&
           n->guard.deadline_ms <= n->promise_limit_ms && strcmp(e->body.grant.node, n->name) != 0;
}

void check_i6_held(struct sim *s, const struct cluster *before)
{
    const struct cluster *c = &s->truth;
    for (uint32_t i = 0; i < s->options.nodes && before->phase == PHASE_GRANTED; i++) {
        bool other =
                c->phase == PHASE_HELD && strcmp(c->nodes[c->leader].name, s->nodes[i].name) != 0;
        if (other && holds(s, i) && !s->nodes[i].overtaken) {
            sim_break(s, "I6: wait", "term %llu is held while %s holds a lease",
                      (unsigned long long)c->term, s->nodes[i].name);
        }
    }
}

/* Stricter than the fold can be: at each grant no lease of any node still runs, by its own clock,
 * but for one that the grantee has promised to wait for. With failover_mode sealed that of the last
 * leader may: then what it can do is checked by I1. */
void check_i6_wait(struct sim *s, const struct cluster *before, const struct event *e)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        bool runs = holds(s, i) && !lives_on(s, i, e);
        bool acts = runs || sim_pg_writable(s, (int)i); /* or is being killed */
        n->overtaken = acts && may_be_overtaken(s, before, i);
        if (runs && (!n->overtaken || strcmp(e->body.grant.node, n->name) == 0)) {
            sim_break(s, "I6: wait", "term %llu is granted while %s holds a lease",
                      (unsigned long long)e->body.grant.term, n->name);
        }
    }
    if (cluster_holder(before) != LEADER_NONE) {
        sim_break(s, "I6: wait", "term %llu is granted over a holder",
                  (unsigned long long)e->body.grant.term);
    }
}

void check_i6_hearing(struct sim *s, int monitor, const struct event *revoke)
{
    const struct sim_monitor *m = &s->monitors[monitor];
    const struct sim_reader *r = &s->readers[SIM_NODES_MAX + monitor];
    const struct cluster *c = &m->cluster.state;
    if (revoke->kind != EVENT_REVOKE) {
        return;
    }
    /* Its own clock may be fast. */
    uint64_t wait_ms = c->lease.renewed ? sync_silence_ms(c, revoke->decision.evidence.alive_mask)
                                        : cluster_ttl_ms(c);
    uint64_t least_us = wait_ms * 998;
    if (!r->connected || s->now_us - r->connected_us < least_us) {
        sim_break(s, "I6: wait", "%s revokes term %llu, and has not had the log for so long",
                  m->name, (unsigned long long)c->term);
    }
}
