/* SPDX-License-Identifier: PostgreSQL */
/* A standby cluster: its leader, the timelines that come from the remote, and its promotion. */
#include "fold_impl.h"
#include "standby.h"

#include <string.h>

/* The leader is the others' upstream from here on. */
enum void_reason fold_streams(struct cluster *c, int32_t i, const struct event *e)
{
    const struct task_report *t = &e->body.task;
    if (cluster_holder(c) != i || c->phase != PHASE_HELD || t->term != c->term) {
        return VOID_NOT_HELD;
    }
    if (!standby_is_on(c)) {
        return VOID_WRONG_STEP; /* it has been promoted since */
    }
    if (!history_leads_to(&t->history, t->position.timeline)) {
        return VOID_IMPOSSIBLE;
    }
    cluster_refer_to(c, i, &t->history, t->position.timeline);
    c->promoted = true;
    c->system_id = c->system_id != 0 ? c->system_id : c->nodes[i].system_id;
    c->change.promoted_wall_us = e->wall_us;
    return VOID_NONE;
}

void fold_remote_timeline(struct cluster *c, int32_t i, const struct probe *p)
{
    bool leads = cluster_holder(c) == i && c->promoted && p->state == NODE_STANDBY;
    bool newer = p->position.timeline > c->floor.timeline && p->history.count > 0;
    if (standby_is_on(c) && leads && newer && history_leads_to(&p->history, p->position.timeline)) {
        cluster_refer_to(c, i, &p->history, p->position.timeline);
    }
}

static void begin_change(struct cluster *c, const struct event *e)
{
    c->change = (struct change){
            .seq = e->seq,
            .term = c->term,
            .reason = REASON_REQUESTED,
            .kind = GRANT_FAILOVER,
            .granted_wall_us = e->wall_us,
    };
    memcpy(c->change.to, c->nodes[c->leader].name, NAME_SIZE);
}

/* Who leads goes on under its term: it is told to promote, and to open a timeline of its own. Until
 * then nobody here has written anything: whoever comes first may go on from where he stands. */
void fold_promotion(struct cluster *c, const struct event *e)
{
    memset(&c->config.standby, 0, sizeof c->config.standby);
    memset(&c->history, 0, sizeof c->history);
    c->floor = (struct position){0};
    c->timeline_max += PROMOTION_TIMELINE_GAP;
    if (cluster_holder(c) == LEADER_NONE) {
        return;
    }
    c->grant_kind = GRANT_FAILOVER;
    c->grant_timeline = c->timeline_max + 1;
    c->promoted = false;
    begin_change(c, e);
    if (c->phase == PHASE_HELD) {
        c->timeline_max = c->grant_timeline;
        c->opening = (struct opening){c->grant_timeline, c->leader};
    }
    fold_sync_promoted(c, e);
}
