/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include <string.h>

void check_i3_chain(struct sim *s, const struct cluster *before, const struct event *e,
                    struct outcome outcome)
{
    bool moved = s->truth.decision_seq != before->decision_seq;
    bool decision = outcome.effective && event_is_decision(e->kind);
    if (moved != decision) {
        sim_break(s, "I3: chain", "seq %llu moves the chain and is no effective decision",
                  (unsigned long long)s->truth.last_seq);
        return;
    }
    if (!decision) {
        return;
    }
    bool follows = e->decision.prev_seq == before->decision_seq &&
                   memcmp(e->decision.prev_hash, before->decision_hash, HASH_SIZE) == 0;
    if (!follows) {
        sim_break(s, "I3: chain", "seq %llu is effective and does not follow",
                  (unsigned long long)e->seq);
    }
}
