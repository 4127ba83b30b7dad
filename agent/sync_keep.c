/* SPDX-License-Identifier: PostgreSQL */
#include "sync_keep.h"

#include "act.h"
#include "anchor.h"
#include "upstream.h"

/* A primary that was promoted, or started, under the term whose set it is. */
static bool leads_now(const struct agent *a)
{
    return agent_holds(a) && a->ready && a->cluster.phase == PHASE_HELD &&
           a->pg.guard == GUARD_RUNNING && a->pg.role == ROLE_PRIMARY &&
           a->lease.stage == LEASE_KEPT;
}

void sync_keep(struct agent *a, struct action_list *actions)
{
    /* What an agent that has just started reads first may have been replaced, and relied upon. */
    if (!a->caught_up) {
        return;
    }
    if (!leads_now(a)) {
        a->sync.ordered_seq = 0;
        return;
    }
    /* What commits wait for is remembered first: the log may lose it (I12). */
    if (a->sync.ordered_seq == a->cluster.sync.seq || !anchor_stands(a)) {
        return;
    }
    struct upstream nowhere = upstream_nowhere(a);
    a->sync.ordered_seq = a->cluster.sync.seq;
    a->pg.upstream = nowhere;
    parameters_note_written(a, true);
    struct action *action = act_add(actions, ACTION_SYNC);
    action->as.sync.seq = a->cluster.sync.seq;
    action->as.sync.upstream = nowhere;
}

/* The set may have changed since; then this one's word is of no use. */
void sync_learn(struct agent *a, const struct fact *fact)
{
    const struct sync *s = &a->cluster.sync;
    if (!leads_now(a) || fact->sync_seq != s->seq || s->step != SYNC_CHANGING) {
        return;
    }
    struct event e = act_task_event(a, EVENT_DONE, TASK_SYNC);
    e.body.task.directive_seq = s->seq;
    e.body.task.position = fact->position;
    outbox_put(&a->outbox, &e);
}
