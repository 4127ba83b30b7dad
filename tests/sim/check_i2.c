/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

void check_i2_terms(struct sim *s, const struct cluster *before)
{
    uint64_t was = before->term;
    uint64_t is = s->truth.term;
    if (is < was || is > was + 1) {
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
