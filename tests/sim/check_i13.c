/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/sync.h"

static enum sim_class class_of(enum event_kind kind)
{
    if (event_is_lock(kind)) {
        return SIM_CLASS_LOCK;
    }
    return kind == EVENT_PROBE ? SIM_CLASS_PROBE : SIM_CLASS_TASK;
}

/* Whom commits, an election or a request count on, and who is heard, stays a member. */
void check_i13_removal(struct sim *s, const struct cluster *before, const struct event *e)
{
    int32_t i = cluster_find_node(before, e->body.order.node);
    if (e->body.order.kind != REQUEST_REMOVE || e->body.order.reason != REASON_NONE || i < 0) {
        return;
    }
    bool heard = (e->decision.evidence.alive_mask >> (uint32_t)i & 1U) != 0;
    if (heard && !before->nodes[i].departed) {
        sim_break(s, "I13: identity", "%s is removed, and is heard", e->body.order.node);
    }
    if (sync_needs(before, i) || i == before->leader) {
        sim_break(s, "I13: identity", "%s is removed, and is needed", e->body.order.node);
    }
}

void check_i13_note(struct sim *s, int node, const struct event *e)
{
    s->nodes[node].marks[class_of(e->kind)] = (struct mark){e->incarnation, e->counter};
}

/* No older incarnation has effect, and of each class nothing twice or after something later. */
void check_i13_identity(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome)
{
    if (!outcome.effective || !event_is_agents(e->kind)) {
        return;
    }
    int32_t i = cluster_find_node(before, e->writer);
    if (i >= 0 && e->incarnation < before->nodes[i].incarnation) {
        sim_break(s, "I13: identity", "an older incarnation of %s is effective at seq %llu",
                  e->writer, (unsigned long long)e->seq);
    }
    bool removed = i >= 0 && before->nodes[i].removed;
    if (removed && (e->kind != EVENT_HELLO || e->incarnation == before->nodes[i].incarnation)) {
        sim_break(s, "I13: identity", "%s was removed, and what it says is effective at seq %llu",
                  e->writer, (unsigned long long)e->seq);
    }
    int node = sim_node_index(s, e->writer);
    const struct mark *mark = &s->nodes[node].marks[class_of(e->kind)];
    bool newer = e->incarnation > mark->incarnation ||
                 (e->incarnation == mark->incarnation && e->counter > mark->counter);
    if (!newer) {
        sim_break(s, "I13: identity", "an overtaken event of %s is effective at seq %llu",
                  e->writer, (unsigned long long)e->seq);
    }
    check_i13_note(s, node, e);
}
