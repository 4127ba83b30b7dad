/* SPDX-License-Identifier: PostgreSQL */
/* A switchover loses nothing, and none is pending without end. */
#include "sim.h"

#include "../../proto/switchover.h"

#include <string.h>

/* A monitor looks, decides and is read within this time, when nothing is wrong. */
#define GRACE_MS 5000

/* The new leader has all that the old one wrote, by its WAL, not by what anybody says. */
void check_switchover_grant(struct sim *s, const struct cluster *before, const struct event *e)
{
    int old = before->leader != LEADER_NONE ? sim_node_index(s, before->nodes[before->leader].name)
                                            : -1;
    int next = sim_node_index(s, e->body.grant.node);
    if (strcmp(e->decision.rule, "elect-switchover") != 0 || old < 0 || old == next) {
        return;
    }
    const struct sim_pg *from = &s->nodes[old].pg;
    sim_pg_touch(s);
    if (from->verdict == DATA_INTACT && !from->incomplete &&
        !sim_wal_is_prefix(&from->wal, &s->nodes[next].pg.wal)) {
        sim_break(s, "switchover: nothing is lost",
                  "%s is granted term %llu without all of %s's WAL", s->nodes[next].name,
                  (unsigned long long)e->body.grant.term, s->nodes[old].name);
    }
}

/* After each event. */
void check_switchover_step(struct sim *s, const struct cluster *before)
{
    if (s->truth.pending.moved_seq != before->pending.moved_seq) {
        s->asked_us = s->now_us;
    }
}

/* Now and then, while nothing is wrong. */
void check_switchover_progress(struct sim *s)
{
    uint64_t since_us = s->asked_us > s->trouble_us ? s->asked_us : s->trouble_us;
    uint64_t limit_ms = switchover_limit_ms(&s->truth);
    if (limit_ms != 0 && s->now_us > since_us + (limit_ms + GRACE_MS) * SIM_MS) {
        sim_break(s, "switchover: it ends", "it is at %s for %llu ms",
                  switchover_stage_name(switchover_stage(&s->truth)),
                  (unsigned long long)((s->now_us - since_us) / SIM_MS));
    }
}

bool check_switchover_excuses(const struct cluster *c)
{
    bool stops = switchover_stage(c) == STAGE_STOP;
    return stops ||
           (cluster_holder(c) != LEADER_NONE && c->resumed_term == c->term && !c->writable);
}
