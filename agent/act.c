/* SPDX-License-Identifier: PostgreSQL */
#include "act.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Lines for people leave this much room for what matters. */
#define ROOM_FOR_ORDERS 10

/* How long a task may take; 0: as long as it needs. */
static const uint32_t task_timeouts_ms[] = {
        [TASK_NONE] = 0,
        [TASK_INITDB] = INITDB_TIMEOUT_MS,
        [TASK_BASEBACKUP] = 0,
        [TASK_REWIND] = 0,
        [TASK_START] = START_TIMEOUT_MS,
        [TASK_STOP] = STOP_TIMEOUT_MS,
        [TASK_PROMOTE] = PROMOTE_TIMEOUT_MS,
        [TASK_FIRST_WRITE] = PROMOTE_TIMEOUT_MS,
        [TASK_CHECKPOINT] = 0,
        [TASK_SYNC] = 0,
        [TASK_RESTORE] = 0,
        [TASK_POST_INIT] = 0,
        [TASK_CLONE] = 0,
        [TASK_STREAM] = 0,
        [TASK_RESTART] = 0,
        [TASK_CONFIG] = 0,
};
_Static_assert(sizeof task_timeouts_ms / sizeof task_timeouts_ms[0] == TASK_COUNT,
               "a timeout for each task");

bool act_makes_cluster(enum task task)
{
    return task == TASK_INITDB || task == TASK_RESTORE || task == TASK_CLONE;
}

struct action *act_add(struct action_list *actions, enum action_kind kind)
{
    assert(actions->count < AGENT_ACTION_MAX);
    struct action *action = &actions->items[actions->count++];
    action->kind = kind;
    return action;
}

uint32_t act_room(const struct action_list *actions)
{
    return AGENT_ACTION_MAX - actions->count;
}

struct event act_event(struct agent *a, enum event_kind kind)
{
    struct event e;
    memset(&e, 0, sizeof e);
    e.version = SCHEMA_VERSION;
    memcpy(e.cluster, a->self.cluster, sizeof e.cluster);
    memcpy(e.writer, a->self.node, sizeof e.writer);
    e.incarnation = a->incarnation;
    e.counter = ++a->counter;
    e.wall_us = a->wall_us;
    e.kind = kind;
    return e;
}

void act_append(struct action_list *actions, const struct event *event)
{
    act_add(actions, ACTION_APPEND)->as.event = *event;
}

struct event act_task_event(struct agent *a, enum event_kind kind, enum task task)
{
    struct event e = act_event(a, kind);
    e.body.task.task = task;
    e.body.task.term = a->cluster.term;
    return e;
}

void act_say(struct action_list *actions, enum severity severity, const char *format, ...)
{
    if (act_room(actions) <= ROOM_FOR_ORDERS) {
        return;
    }
    struct action *action = act_add(actions, ACTION_SAY);
    action->as.say.severity = (int)severity;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(action->as.say.text, sizeof action->as.say.text, format, arguments);
    va_end(arguments);
}

static void become_busy(struct agent *a, enum agent_busy busy, uint64_t timeout_ms)
{
    a->pg.busy = busy;
    a->pg.task = TASK_NONE;
    a->pg.busy_since_ms = a->now_ms;
    a->pg.busy_until_ms = timeout_ms == 0 ? UINT64_MAX : a->now_ms + timeout_ms;
}

void act_kill(struct agent *a, struct action_list *actions)
{
    become_busy(a, BUSY_KILLING, KILL_REPEAT_MS);
    act_add(actions, ACTION_KILL);
}

void act_stop(struct agent *a, enum stop_mode mode, uint64_t timeout_ms,
              struct action_list *actions)
{
    become_busy(a, BUSY_STOPPING, timeout_ms);
    act_add(actions, ACTION_STOP)->as.stop_mode = mode;
}

static void note_upstream(struct agent *a, const struct upstream *upstream)
{
    a->pg.upstream = *upstream;
    a->pg.upstream_known = true;
    a->watch.told_ms = a->now_ms;
}

void act_start(struct agent *a, bool as_primary, const struct upstream *upstream,
               struct action_list *actions)
{
    assert(!as_primary || lease_runs(a)); /* I15 */
    become_busy(a, BUSY_STARTING, START_TIMEOUT_MS);
    a->pg.guard = GUARD_RUNNING;
    a->pg.ordered_primary = as_primary;
    a->pg.adopted = false;
    a->pg.role = ROLE_UNKNOWN;
    a->watch.failures = 0;
    a->watch.due_ms = 0;
    a->watch.moved_ms = a->now_ms;
    a->watch.startup_lsn = 0;
    a->watch.startup_waits = false;
    a->rebuild.unstarted = false;
    note_upstream(a, upstream);
    parameters_note_written(a, as_primary);
    struct action *action = act_add(actions, ACTION_START);
    action->as.start.as_primary = as_primary;
    action->as.start.upstream = *upstream;
}

void act_follow(struct agent *a, const struct upstream *upstream, struct action_list *actions)
{
    note_upstream(a, upstream);
    parameters_note_written(a, false);
    if (a->watch.due_ms > a->now_ms + JOIN_POLL_MS) {
        a->watch.due_ms = a->now_ms + JOIN_POLL_MS;
    }
    struct action *action = act_add(actions, ACTION_FOLLOW);
    action->as.start.as_primary = false;
    action->as.start.upstream = *upstream;
}

void act_task(struct agent *a, enum task task, const struct upstream *upstream,
              struct action_list *actions)
{
    become_busy(a, BUSY_TASK, task_timeouts_ms[task]);
    a->pg.task = task;
    a->pg.ordered_primary = a->pg.ordered_primary || task == TASK_PROMOTE;
    struct action *action = act_add(actions, ACTION_TASK);
    action->as.task.task = task;
    action->as.task.upstream = *upstream;
}

void act_inspect(struct agent *a, struct action_list *actions)
{
    a->data.inspecting = true;
    a->data.again = false;
    act_add(actions, ACTION_INSPECT);
}

void act_persist(struct agent *a, struct action_list *actions)
{
    bool same = memcmp(&a->vote, &a->wanted, sizeof a->vote) == 0;
    if (same || a->persisting || a->now_ms < a->persist_ms) {
        return;
    }
    a->persisting = true;
    a->asked = a->wanted;
    act_add(actions, ACTION_PERSIST)->as.vote = a->wanted;
}

void act_persisted(struct agent *a, const struct fact *fact)
{
    a->persisting = false;
    if (fact->ok) {
        a->vote = a->asked;
        return;
    }
    /* It may be on the disk all the same: only this goes back. */
    if (a->asked.promised_ttl_ms < a->vote.promised_ttl_ms) {
        a->vote.promised_ttl_ms = a->asked.promised_ttl_ms;
    }
    a->persist_ms = a->now_ms + PERSIST_RETRY_MS;
}
