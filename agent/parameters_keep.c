/* SPDX-License-Identifier: PostgreSQL */
#include "parameters_keep.h"

#include "../proto/order.h"
#include "../proto/pause.h"
#include "act.h"
#include "upstream.h"

#include <string.h>

/* A line of the log, and what else a step may have to order. */
#define ROOM_FOR_OTHERS 4

void parameters_tell(struct agent *a, struct action_list *actions)
{
    const struct parameters *set = &a->cluster.parameters;
    struct agent_parameters *p = &a->parameters;
    if (!a->caught_up || (p->told && p->told_seq == set->seq)) {
        return;
    }
    act_add(actions, ACTION_PARAMETERS)->as.parameters = *set;
    if (p->told) {
        act_say(actions, SEVERITY_INFO, "parameters were changed by %s seq=%llu", set->writer,
                (unsigned long long)set->seq);
    }
    p->told = true;
    p->told_seq = set->seq;
    p->due = true;
}

void parameters_note_written(struct agent *a, bool as_primary)
{
    struct agent_parameters *p = &a->parameters;
    p->due = false;
    p->written_ms = a->now_ms;
    p->as_primary = as_primary;
    p->needs = a->data.found.needs;
}

/* A standby that needs more, or less, than it did; or one that has become a primary. */
static bool stands_otherwise(const struct agent *a)
{
    const struct agent_parameters *p = &a->parameters;
    bool primary = a->pg.role == ROLE_PRIMARY;
    bool needs = memcmp(&p->needs, &a->data.found.needs, sizeof p->needs) != 0;
    return primary != p->as_primary || (!primary && needs);
}

static bool is_unread(const struct agent *a)
{
    const struct agent_parameters *p = &a->parameters;
    return a->watch.last.settings.parameters_seq != p->told_seq &&
           a->now_ms >= p->written_ms + PARAMETERS_RETRY_MS;
}

/* What else stands in the files is known to be as the log says. */
static bool may_write(const struct agent *a)
{
    bool runs = agent_is_running(a) && a->pg.busy == BUSY_NONE && a->ready && a->caught_up;
    bool leads = agent_holds(a) && a->cluster.phase == PHASE_HELD && a->lease.stage == LEASE_KEPT &&
                 a->sync.ordered_seq == a->cluster.sync.seq;
    bool knows = a->pg.role == ROLE_PRIMARY ? leads : a->pg.upstream_known;
    return runs && a->parameters.told && a->pg.role != ROLE_UNKNOWN && knows;
}

void parameters_write(struct agent *a, struct action_list *actions)
{
    bool wanted = a->parameters.due || stands_otherwise(a) || is_unread(a);
    if (!may_write(a) || !wanted || act_room(actions) <= ROOM_FOR_OTHERS) {
        return;
    }
    bool primary = a->pg.role == ROLE_PRIMARY;
    struct action *action = act_add(actions, ACTION_RELOAD);
    action->as.start.as_primary = primary;
    action->as.start.upstream = primary ? upstream_nowhere(a) : a->pg.upstream;
    parameters_note_written(a, primary);
}

/* ---- a standby that runs with too little ---- */

/* What a probe does not say is no reason. */
static bool runs_short(const struct agent *a)
{
    const struct pg_needs *limits = &a->watch.last.limits;
    bool is_short = false;
    for (unsigned i = 0; i < PG_NEED_COUNT; i++) {
        is_short = is_short || a->data.found.needs.values[i] > limits->values[i];
    }
    return is_short && limits->values[PG_NEED_CONNECTIONS] != 0;
}

bool parameters_must_restart(const struct agent *a)
{
    bool stands = a->pg.role == ROLE_STANDBY && a->pg.busy == BUSY_NONE && agent_is_running(a) &&
                  a->data.known && !pause_is_on(&a->cluster);
    bool follows = a->me >= 0 && cluster_directive(&a->cluster, a->me) == DIRECTIVE_FOLLOW;
    bool changed =
            memcmp(&a->parameters.missed, &a->data.found.needs, sizeof(struct pg_needs)) != 0;
    return stands && follows && changed && runs_short(a);
}

void parameters_restart(struct agent *a, struct action_list *actions)
{
    a->parameters.missed = a->data.found.needs;
    act_say(actions, SEVERITY_WARNING,
            "starting PostgreSQL anew: its primary runs with more connections, processes or locks "
            "than it has, and it replays nothing");
    act_stop(a, STOP_FAST, STOP_TIMEOUT_MS, actions);
}

/* ---- what is asked for ---- */

void parameters_check(struct agent *a, struct action_list *actions)
{
    const struct asked *asked = &a->cluster.asked;
    bool mine = a->caught_up && a->ready && agent_holds(a) && order_waits_for_check(&a->cluster);
    if (!mine || a->parameters.check_seq == asked->request_seq ||
        act_room(actions) <= ROOM_FOR_OTHERS) {
        return;
    }
    a->parameters.check_seq = asked->request_seq;
    struct action *action = act_add(actions, ACTION_CHECK);
    action->as.check.seq = asked->request_seq;
    action->as.check.change = asked->change;
}

void parameters_learn(struct agent *a, const struct fact *fact)
{
    bool awaited = order_waits_for_check(&a->cluster) &&
                   a->cluster.asked.request_seq == fact->sync_seq && agent_holds(a);
    if (!awaited) {
        return;
    }
    struct event e = act_task_event(a, fact->ok ? EVENT_DONE : EVENT_FAILED, TASK_CONFIG);
    e.body.task.directive_seq = fact->sync_seq;
    if (!fact->ok) {
        e.body.task.reason = REASON_PARAMETER_INVALID;
        memcpy(e.body.task.text, fact->text, sizeof e.body.task.text);
    }
    outbox_put(&a->outbox, &e);
}

void parameters_learn_order(struct agent *a, const struct event *e, struct action_list *actions)
{
    const struct order *order = &e->body.order;
    bool mine = order->node[0] == '\0' || strcmp(order->node, a->self.node) == 0;
    if (order->kind == REQUEST_RELOAD && order->reason == REASON_NONE && a->caught_up && mine) {
        a->parameters.due = true;
        act_say(actions, SEVERITY_INFO, "reading PostgreSQL's configuration files again seq=%llu",
                (unsigned long long)e->seq);
    }
}
