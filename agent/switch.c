/* SPDX-License-Identifier: PostgreSQL */
#include "switch.h"

#include "act.h"

static bool is_told(const struct agent *a, enum directive_kind kind)
{
    return a->me >= 0 && cluster_directive(&a->cluster, a->me) == kind && agent_holds(a) &&
           a->link_up && a->caught_up && !agent_is_closed(a);
}

static bool is_primary(const struct agent *a)
{
    return agent_is_running(a) && a->pg.role == ROLE_PRIMARY;
}

void switch_learn(struct agent *a, const struct event *e)
{
    bool stops = e->body.switchover_step.step == SWITCH_STOP;
    if (stops && cluster_holder(&a->cluster) == a->me && a->lead.stage > LEAD_PROMOTED) {
        a->lead.stage = LEAD_PROMOTED; /* should it go on, it tells when it accepts writes */
    }
}

static bool is_awaited(const struct agent *a)
{
    const struct pending *p = &a->cluster.pending;
    return p->step == SWITCH_BEGIN && p->checkpoint == CHECKPOINT_AWAITED;
}

uint64_t switch_checkpoint_seq(const struct agent *a)
{
    bool now = is_awaited(a) && a->cluster.pending.step_seq == a->lead.checkpoint_seq;
    return now ? a->lead.checkpoint_seq : 0;
}

bool switch_goes_on(const struct agent *a)
{
    return a->cluster.resumed_term == a->cluster.term && a->data.found.verdict == DATA_INTACT &&
           !a->data.found.incomplete && !agent_is_foreign(a);
}

/* ---- acts ---- */

bool switch_must_checkpoint(const struct agent *a)
{
    return is_told(a, DIRECTIVE_LEAD) && is_awaited(a) && is_primary(a) && lease_runs(a) &&
           a->lead.checkpoint_seq != a->cluster.pending.step_seq;
}

void switch_checkpoint(struct agent *a, struct action_list *actions)
{
    static const struct upstream nowhere;
    a->lead.checkpoint_seq = a->cluster.pending.step_seq;
    act_say(actions, SEVERITY_INFO, "a switchover to %s begins: running a checkpoint term=%llu",
            a->cluster.pending.node, (unsigned long long)a->cluster.term);
    act_task(a, TASK_CHECKPOINT, &nowhere, actions);
}

bool switch_must_stop(const struct agent *a)
{
    return is_told(a, DIRECTIVE_STOP) && is_primary(a) && a->pg.busy == BUSY_NONE;
}

void switch_stop(struct agent *a, struct action_list *actions)
{
    a->lead.stop_wall_us = a->wall_us;
    a->lead.stop_undone = false;
    act_say(actions, SEVERITY_INFO, "stopping PostgreSQL: %s takes over term=%llu",
            a->cluster.pending.node, (unsigned long long)a->cluster.term);
    act_stop(a, STOP_FAST, SWITCHOVER_KILL_MS, actions);
}

bool switch_must_undo(const struct agent *a)
{
    return is_told(a, DIRECTIVE_LEAD) && a->lead.stop_wall_us != 0 && !a->lead.stop_undone &&
           a->pg.busy == BUSY_STOPPING && a->pg.guard == GUARD_RUNNING &&
           a->lease.stage == LEASE_KEPT;
}

/* What a fast shutdown waits for may never come. */
void switch_undo(struct agent *a, struct action_list *actions)
{
    a->lead.stop_undone = true;
    act_say(actions, SEVERITY_WARNING,
            "the switchover is given up: ending PostgreSQL at once, to start it again term=%llu",
            (unsigned long long)a->cluster.term);
    act_stop(a, STOP_IMMEDIATE, STOP_TIMEOUT_MS, actions);
}

bool switch_must_resign(const struct agent *a)
{
    return is_told(a, DIRECTIVE_STOP) && agent_is_gone(a);
}

void switch_resign(struct agent *a, struct action_list *actions)
{
    (void)actions;
    uint64_t began_us = a->lead.stop_wall_us;
    agent_raise(a, REASON_REQUESTED, began_us != 0 ? began_us : a->wall_us);
}
