/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/lost.h"

void check_i2_terms(struct sim *s, const struct cluster *before)
{
    uint64_t was = before->term;
    uint64_t is = s->truth.term;
    if (is != was && is != lost_next_term(before)) {
        sim_break(s, "I2: terms", "the term went from %llu to %llu", (unsigned long long)was,
                  (unsigned long long)is);
    }
    bool same_term = is == was && was != 0;
    if (same_term && before->leader != s->truth.leader) {
        sim_break(s, "I2: terms", "term %llu has two holders", (unsigned long long)is);
    }
}

void check_i2_vote(struct sim *s, int node, const struct vote *vote)
{
    const struct vote *kept = &s->nodes[node].vote;
    bool sinks = vote->term < kept->term || vote->given_up_term < kept->given_up_term ||
                 vote->incarnation < kept->incarnation;
    if (sinks) {
        sim_break(s, "I2: terms", "%s persists less than it had persisted", s->nodes[node].name);
    }
}

static bool needs_term(const struct action *action)
{
    bool leads = action->kind == ACTION_START && action->as.start.as_primary;
    bool promotes = action->kind == ACTION_TASK && action->as.task.task == TASK_PROMOTE;
    bool renews = action->kind == ACTION_APPEND && action->as.event.kind == EVENT_RENEW;
    return leads || promotes || renews;
}

void check_i2_act(struct sim *s, int node, const struct action *action)
{
    const struct sim_node *n = &s->nodes[node];
    const struct cluster *c = &n->agent.cluster;
    if (needs_term(action) && (n->vote.term != c->term || n->vote.grant_seq != c->grant_seq)) {
        sim_break(s, "I2: terms", "%s acts on term %llu, and has persisted %llu", n->name,
                  (unsigned long long)c->term, (unsigned long long)n->vote.term);
    }
    if (needs_term(action) && n->vote.given_up_term >= c->term) {
        sim_break(s, "I2: terms", "%s acts on term %llu, which it has given up", n->name,
                  (unsigned long long)c->term);
    }
    bool speaks = action->kind == ACTION_APPEND;
    if (speaks && action->as.event.incarnation != n->vote.incarnation) {
        sim_break(s, "I2: terms", "%s speaks as an incarnation that it has not persisted", n->name);
    }
}
