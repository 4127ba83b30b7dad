/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include <string.h>

/* A decision names its rule, and the same state and evidence call for the same decision again. */
void check_i19_replay(struct sim *s, const struct cluster *before, const struct event *e)
{
    if (!event_is_decision(e->kind)) {
        return;
    }
    if (e->decision.rule[0] == '\0') {
        sim_break(s, "I19: replay", "seq %llu names no rule", (unsigned long long)e->seq);
    }
    /* Those of sim_lies.c name none that exists: they must be void, or are apart. */
    bool lie = strcmp(e->decision.rule, "none") == 0;
    if (e->decision.folded_seq != before->last_seq || lie) {
        return;
    }
    struct decide_options options = {.config = s->options.config};
    struct event again;
    memset(&again, 0, sizeof again);
    bool decided = decide(before, &e->decision.evidence, &options, &again);
    bool same = decided && again.kind == e->kind &&
                strcmp(again.decision.rule, e->decision.rule) == 0 &&
                again.cause_seq == e->cause_seq &&
                memcmp(&again.body, &e->body, sizeof again.body) == 0;
    if (!same) {
        sim_break(s, "I19: replay", "seq %llu (%s by %s) is decided otherwise: %s by %s",
                  (unsigned long long)e->seq, event_kind_name(e->kind), e->decision.rule,
                  decided ? event_kind_name(again.kind) : "nothing",
                  decided ? again.decision.rule : "-");
    }
}
