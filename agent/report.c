/* SPDX-License-Identifier: PostgreSQL */
#include "report.h"

#include "../proto/standby.h"
#include "act.h"
#include "restart.h"
#include "say.h"
#include "upstream.h"

#include <string.h>

/* ---- what this node is ---- */

struct look {
    enum node_state state;
    enum reason reason;
};

static const struct look data_looks[] = {
        [DATA_UNKNOWN] = {NODE_UNKNOWN, REASON_NONE},
        [DATA_INTACT] = {NODE_STOPPED, REASON_NONE},
        [DATA_EMPTY] = {NODE_EMPTY, REASON_DATA_DIRECTORY_EMPTY},
        [DATA_DAMAGED] = {NODE_FAILED, REASON_DATA_DIRECTORY_DAMAGED},
        [DATA_UNREADABLE] = {NODE_FAILED, REASON_DATA_DIRECTORY_UNREADABLE},
        [DATA_SILENT] = {NODE_FAILED, REASON_DISK_SILENT},
};
_Static_assert(sizeof data_looks / sizeof data_looks[0] == DATA_VERDICT_COUNT,
               "a look for each verdict");

static const enum node_state task_states[] = {
        [TASK_NONE] = NODE_UNKNOWN,          [TASK_INITDB] = NODE_STARTING,
        [TASK_BASEBACKUP] = NODE_REBUILDING, [TASK_REWIND] = NODE_REBUILDING,
        [TASK_START] = NODE_STARTING,        [TASK_STOP] = NODE_STOPPING,
        [TASK_PROMOTE] = NODE_PROMOTING,     [TASK_FIRST_WRITE] = NODE_PRIMARY,
        [TASK_CHECKPOINT] = NODE_PRIMARY,    [TASK_SYNC] = NODE_PRIMARY,
        [TASK_RESTORE] = NODE_STARTING,      [TASK_POST_INIT] = NODE_PRIMARY,
        [TASK_CLONE] = NODE_STARTING,        [TASK_STREAM] = NODE_STANDBY,
        [TASK_RESTART] = NODE_STARTING,      [TASK_CONFIG] = NODE_PRIMARY,
};
_Static_assert(sizeof task_states / sizeof task_states[0] == TASK_COUNT, "a state for each task");

static bool follows(const struct agent *a)
{
    if (a->me < 0) {
        return false;
    }
    enum directive_kind directive = cluster_directive(&a->cluster, a->me);
    return directive == DIRECTIVE_FOLLOW || directive == DIRECTIVE_REBUILD;
}

/* WAL that was received and not replayed yet does not stand in the way: what ends in the middle of
 * a record when its sender dies is received again, from the new leader. */
static bool is_apart(const struct agent *a)
{
    struct position replayed = a->watch.last.position;
    replayed.lsn = a->watch.last.replay_lsn;
    return a->pg.role == ROLE_STANDBY && !cluster_on_history(&a->cluster, replayed);
}

/* Nothing comes from elsewhere either. A receiver that is told so over and over looks as if it
 * streamed. */
bool report_lacks_wal(const struct agent *a)
{
    const struct probe_result *last = &a->watch.last;
    int32_t opener = a->cluster.opener;
    if (!follows(a) || opener == LEADER_NONE || opener == a->me || a->pg.ordered_primary) {
        return false;
    }
    bool starts = a->pg.busy == BUSY_STARTING && a->watch.startup_waits;
    uint64_t needed_lsn = starts ? a->watch.startup_lsn : last->position.lsn;
    bool restores = starts ? a->data.found.restores : last->restores;
    uint64_t patience_ms = restores ? WAL_ARCHIVE_MS : WAL_MISSING_MS;
    return (starts || a->pg.role == ROLE_STANDBY) && needed_lsn < a->live_oldest[opener] &&
           a->now_ms >= a->watch.moved_ms + patience_ms;
}

enum reason report_obstacle(const struct agent *a)
{
    if (!follows(a)) {
        return REASON_NONE;
    }
    if (a->pg.guard == GUARD_RUNNING) {
        if (is_apart(a)) {
            return REASON_DIVERGED;
        }
        return report_lacks_wal(a) ? REASON_WAL_MISSING : REASON_NONE;
    }
    const struct inspection *found = &a->data.found;
    if (cluster_has_usurped(&a->cluster, a->me, found->was_primary, found->position)) {
        return REASON_DIVERGED;
    }
    bool promoted =
            standby_is_on(&a->cluster) && found->position.timeline > a->cluster.floor.timeline;
    if (found->was_primary && promoted) {
        return REASON_UNCLEAN_PRIMARY; /* by hand: its timeline is not the remote's */
    }
    if (found->was_primary && !found->clean &&
        found->position.timeline != a->cluster.floor.timeline) {
        return REASON_UNCLEAN_PRIMARY;
    }
    return cluster_on_history(&a->cluster, found->position) ? REASON_NONE : REASON_DIVERGED;
}

static struct look look_stopped(const struct agent *a)
{
    const struct inspection *found = &a->data.found;
    if (found->verdict != DATA_INTACT) {
        return data_looks[found->verdict];
    }
    if (agent_is_foreign(a)) {
        return (struct look){NODE_FAILED, REASON_FOREIGN_SYSTEM};
    }
    if (found->incomplete) {
        return (struct look){NODE_FAILED, REASON_DATA_DIRECTORY_DAMAGED};
    }
    /* What stands in the way of following is for the monitor to mend; a start is tried again. */
    enum reason obstacle = report_obstacle(a);
    enum reason disk = agent_disk_reason(a);
    if (obstacle == REASON_NONE && a->pg.start_failures > 0) {
        return (struct look){NODE_FAILED, disk != REASON_NONE ? disk : a->pg.start_reason};
    }
    /* No cure of an obstacle works on a disk that takes nothing. */
    return (struct look){NODE_STOPPED, disk != REASON_NONE ? disk : obstacle};
}

static struct look look_running(const struct agent *a)
{
    static const enum node_state states[] = {
            [ROLE_UNKNOWN] = NODE_STARTING,
            [ROLE_STANDBY] = NODE_STANDBY,
            [ROLE_PRIMARY] = NODE_PRIMARY,
    };
    _Static_assert(sizeof states / sizeof states[0] == ROLE_COUNT, "a state for each role");
    if (a->pg.role != ROLE_UNKNOWN && a->watch.last.system_id == 0) {
        return (struct look){NODE_STARTING, REASON_NONE};
    }
    enum reason obstacle = report_obstacle(a);
    return (struct look){states[a->pg.role],
                         obstacle != REASON_NONE ? obstacle : agent_disk_reason(a)};
}

static struct look look(const struct agent *a)
{
    if (!a->pg.guard_known) {
        return data_looks[DATA_UNKNOWN];
    }
    if (a->pg.busy == BUSY_TASK && task_states[a->pg.task] != NODE_PRIMARY) {
        return (struct look){task_states[a->pg.task], REASON_NONE};
    }
    if (a->pg.guard == GUARD_ABSENT && restart_goes_on(a)) {
        return (struct look){NODE_STARTING, restart_tell(a).reason};
    }
    if (a->pg.guard == GUARD_ABSENT) {
        return a->data.known ? look_stopped(a) : data_looks[DATA_UNKNOWN];
    }
    if (a->pg.busy == BUSY_STOPPING || a->pg.busy == BUSY_KILLING ||
        a->pg.guard == GUARD_ORPHANED) {
        return (struct look){NODE_STOPPING, a->fault.reason};
    }
    return look_running(a);
}

static void fill_running(const struct agent *a, struct probe *ret_probe)
{
    const struct probe_result *last = &a->watch.last;
    ret_probe->position = last->position;
    ret_probe->replay_lsn = last->in_recovery ? last->replay_lsn : 0;
    ret_probe->streaming = last->in_recovery && last->streaming;
    ret_probe->system_id = last->system_id;
    ret_probe->settings = last->settings;
    ret_probe->clean = true;
    ret_probe->was_primary = a->pg.role == ROLE_PRIMARY;
    if (upstream_is_remote(a) && last->streaming) {
        ret_probe->oldest_lsn = last->oldest_lsn;
        ret_probe->source_lsn = last->source_lsn;
        memcpy(ret_probe->source_host, last->source_host, sizeof ret_probe->source_host);
    }
    if (!last->in_recovery) {
        ret_probe->oldest_lsn = last->oldest_lsn;
        ret_probe->replica_count = last->replica_count;
        memcpy(ret_probe->replicas, last->replicas, sizeof ret_probe->replicas);
    }
}

static void fill_stopped(const struct agent *a, struct probe *ret_probe)
{
    const struct inspection *found = &a->data.found;
    if (found->verdict == DATA_EMPTY) {
        return;
    }
    ret_probe->position = found->position;
    ret_probe->system_id = found->system_id;
    ret_probe->clean = found->clean;
    ret_probe->was_primary = found->was_primary;
}

/* It receives WAL of a timeline that the history has left: where it stands when that has ended is
 * what counts, and it has been told to follow nobody from whom more could come. */
static bool is_drifting(const struct agent *a)
{
    const struct probe_result *last = &a->watch.last;
    return last->streaming && last->position.timeline < a->cluster.floor.timeline;
}

static bool is_sealed(const struct agent *a)
{
    return a->watch.last.sealed_term != 0 && a->watch.last.sealed_term >= a->cluster.term;
}

/* The election that a report made now answers: what is not running stands where it stands, and what
 * streams has turned away first where that is asked for. */
static uint64_t election_term(const struct agent *a, const struct probe *own)
{
    if (!cluster_has_ended(&a->cluster)) {
        return 0;
    }
    bool stands = a->watch.fresh_term == a->cluster.term && !is_drifting(a) &&
                  (!upstream_must_seal(a) || is_sealed(a));
    bool fresh = own->state != NODE_STANDBY || stands;
    return fresh ? a->cluster.term : 0;
}

struct probe report_build(const struct agent *a)
{
    struct probe own;
    memset(&own, 0, sizeof own);
    struct look now = look(a);
    own.state = now.state;
    own.reason = now.reason;
    own.failures = a->watch.failures;
    bool running = a->pg.guard_known && a->pg.guard != GUARD_ABSENT;
    if (running && a->pg.role != ROLE_UNKNOWN) {
        fill_running(a, &own);
    } else if (a->data.known) {
        fill_stopped(a, &own);
    }
    if (own.position.timeline == a->data.history_timeline) {
        own.history = a->data.history;
    }
    own.election_term = election_term(a, &own);
    own.still_ms = promise_left_ms(a);
    own.sealed = own.election_term != 0 && own.state == NODE_STANDBY && is_sealed(a);
    return own;
}

/* ---- stored probes ---- */

static bool same_replicas(const struct probe *a, const struct probe *b)
{
    if (a->replica_count != b->replica_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->replica_count; i++) {
        if (a->replicas[i].streaming != b->replicas[i].streaming ||
            strcmp(a->replicas[i].name, b->replicas[i].name) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_settings(const struct settings_note *a, const struct settings_note *b)
{
    return a->pending_restart == b->pending_restart && a->pending_lowers == b->pending_lowers &&
           a->parameters_seq == b->parameters_seq && strcmp(a->pending, b->pending) == 0 &&
           strcmp(a->refused, b->refused) == 0 && strcmp(a->own, b->own) == 0;
}

static bool matters(const struct agent *a, const struct probe *own)
{
    const struct probe *last = &a->report.last;
    bool answers = own->election_term != 0 && own->election_term != last->election_term;
    bool stands_elsewhere = own->position.timeline != last->position.timeline ||
                            own->system_id != last->system_id || own->clean != last->clean ||
                            own->was_primary != last->was_primary;
    return !a->report.sent || answers || stands_elsewhere || own->state != last->state ||
           own->reason != last->reason || own->sealed != last->sealed ||
           own->streaming != last->streaming || strcmp(own->source_host, last->source_host) != 0 ||
           (own->failures > 0) != (last->failures > 0) || !same_replicas(own, last) ||
           !same_settings(&own->settings, &last->settings);
}

/* What is only passed through on the way to something else is not told. */
static bool is_settled(const struct agent *a, const struct probe *own)
{
    bool killing = a->pg.busy == BUSY_KILLING || a->pg.guard == GUARD_ORPHANED;
    if (killing && a->now_ms < a->pg.busy_since_ms + KILL_REPEAT_MS) {
        return false;
    }
    return own->state != NODE_UNKNOWN;
}

static void store_change(struct agent *a, struct action_list *actions)
{
    struct probe own = report_build(a);
    if (!is_settled(a, &own)) {
        return;
    }
    say_change(a, &own, actions);
    if (!matters(a, &own)) {
        return;
    }
    struct event e = act_event(a, EVENT_PROBE);
    e.body.probe = own;
    e.cause_seq = own.election_term != 0 ? a->cluster.phase_seq : 0;
    outbox_put(&a->outbox, &e);
    a->report.last = own;
    a->report.sent = true;
}

/* ---- live positions and lines ---- */

static void publish_live(struct agent *a, struct action_list *actions)
{
    uint64_t counter = a->counter;
    struct event e = act_event(a, EVENT_PROBE);
    a->counter = counter; /* it is not stored: no reader compares it */
    e.body.probe = report_build(a);
    e.body.probe.read_seq = a->cluster.last_seq;
    a->report.live_ms = a->now_ms;
    act_add(actions, ACTION_LIVE)->as.event = e;
}

void report_asked(struct agent *a, struct action_list *actions)
{
    uint64_t allowed_ms = a->report.live_ms + LIVE_PERIOD_MS_MIN;
    if (!a->ready || !a->link_up) {
        return;
    }
    if (a->now_ms >= allowed_ms) {
        publish_live(a, actions);
    } else if (a->report.live_due_ms > allowed_ms) {
        a->report.live_due_ms = allowed_ms; /* answered late, never dropped */
    }
}

static void beat(struct agent *a, struct action_list *actions)
{
    if (a->now_ms < a->report.live_due_ms) {
        return;
    }
    a->report.live_due_ms = a->now_ms + agent_config(a).probe_period_ms;
    struct probe own = report_build(a);
    if (a->link_up) {
        publish_live(a, actions);
    }
    say_heartbeat(a, &own, actions);
}

/* A percent more, or a minute: a copy of many hours takes no more than some hundred events. */
static bool is_worth_telling(const struct agent *a, const struct fact *fact)
{
    const struct agent_rebuild *r = &a->rebuild;
    return r->progress_ms == 0 || a->now_ms >= r->progress_ms + PROGRESS_PAUSE_MS_MAX ||
           (a->now_ms >= r->progress_ms + PROGRESS_PERIOD_MS &&
            fact->percent != r->progress_percent);
}

static uint64_t bytes_per_s(const struct agent *a, const struct fact *fact)
{
    const struct agent_rebuild *r = &a->rebuild;
    uint64_t since_ms = r->progress_ms != 0 ? r->progress_ms : r->started_ms;
    uint64_t bytes =
            fact->done_bytes > r->progress_bytes ? fact->done_bytes - r->progress_bytes : 0;
    uint64_t past_ms = a->now_ms - since_ms;
    return past_ms != 0 ? bytes * 1000 / past_ms : 0;
}

void report_progress(struct agent *a, const struct fact *fact, struct action_list *actions)
{
    if (!is_worth_telling(a, fact) || agent_is_closed(a) || !a->link_up ||
        outbox_task_waits(&a->outbox)) {
        return;
    }
    struct event e = act_task_event(a, EVENT_PROGRESS, fact->task);
    e.body.task.directive_seq = a->rebuild.begun_seq;
    e.body.task.percent = fact->percent;
    e.body.task.done_bytes = fact->done_bytes;
    e.body.task.total_bytes = fact->total_bytes;
    e.body.task.bytes_per_s = bytes_per_s(a, fact);
    a->rebuild.progress_ms = a->now_ms;
    a->rebuild.progress_percent = fact->percent;
    a->rebuild.progress_bytes = fact->done_bytes;
    act_append(actions, &e);
}

/* ---- slots ---- */

/* On a standby a slot follows what its node has; on a primary its node's own connection moves it.
 */
static uint64_t slot_lsn(const struct agent *a, uint32_t i)
{
    bool comparable =
            a->pg.role == ROLE_STANDBY && a->live[i].timeline == a->watch.last.position.timeline;
    return comparable ? a->live[i].lsn : 0;
}

static uint32_t wanted_slots(const struct agent *a, struct slot slots[NODE_COUNT_MAX])
{
    uint32_t count = 0;
    memset(slots, 0, sizeof(struct slot) * NODE_COUNT_MAX);
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        if ((int32_t)i != a->me && !a->cluster.nodes[i].removed) {
            memcpy(slots[count].node, a->cluster.nodes[i].name, NAME_SIZE);
            slots[count].lsn = slot_lsn(a, i);
            count++;
        }
    }
    return count;
}

/* Now and then also without a change: PostgreSQL may have given one up (max_slot_wal_keep_size). */
static bool slots_changed(const struct agent *a, uint32_t count, const struct slot *slots)
{
    bool overdue = a->pg.role == ROLE_PRIMARY && a->now_ms >= a->report.slots_ms + SLOTS_LOOK_MS;
    if (overdue || count != a->report.slot_count || a->pg.role != a->report.slots_role) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct slot *old = &a->report.slots[i];
        if (strcmp(old->node, slots[i].node) != 0 || slots[i].lsn >= old->lsn + SLOT_STEP_BYTES) {
            return true;
        }
    }
    return false;
}

/* What is ordered after the slots in one step. */
#define ROOM_FOR_OTHERS 3

static bool may_keep_slots(const struct agent *a)
{
    return a->pg.guard == GUARD_RUNNING && a->pg.role != ROLE_UNKNOWN && a->pg.busy == BUSY_NONE;
}

static bool has_slot(const struct permanent_slots *slots, const char *name)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        if (strcmp(slots->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void fill_permanent(const struct agent *a, const struct permanent_slots *wanted,
                           struct permanent_order *ret_order)
{
    const struct permanent_slots *old = &a->report.permanent;
    memset(ret_order, 0, sizeof *ret_order);
    ret_order->slots = *wanted;
    ret_order->logical = a->cluster.config.logical_slots;
    for (uint32_t i = 0; i < old->count; i++) {
        if (!has_slot(wanted, old->names[i])) {
            memcpy(ret_order->dropped.names[ret_order->dropped.count++], old->names[i],
                   SLOT_IDENTIFIER_SIZE);
        }
    }
    bool follows = a->pg.upstream_known && !upstream_is_remote(a);
    if (a->pg.role == ROLE_STANDBY && follows) {
        memcpy(ret_order->host, a->pg.upstream.host, HOST_SIZE);
        ret_order->port = a->pg.upstream.port;
    }
}

/* On a standby they follow the leader's; on a primary somebody may have dropped one. */
static void keep_permanent(struct agent *a, struct action_list *actions)
{
    const struct permanent_slots *wanted = &a->cluster.config.permanent_slots;
    bool same = config_same_slots(&a->report.permanent, wanted);
    bool due = a->pg.role != a->report.permanent_role ||
               a->now_ms >= a->report.permanent_ms + PERMANENT_PERIOD_MS;
    bool room = act_room(actions) > ROOM_FOR_OTHERS;
    bool any = wanted->count + a->cluster.config.logical_slots.count != 0;
    if (!room || !may_keep_slots(a) || (same && (!any || !due))) {
        return;
    }
    fill_permanent(a, wanted, &act_add(actions, ACTION_PERMANENT)->as.permanent);
    a->report.permanent = *wanted;
    a->report.permanent_ms = a->now_ms;
    a->report.permanent_role = a->pg.role;
}

static void keep_slots(struct agent *a, struct action_list *actions)
{
    if (!may_keep_slots(a) || a->now_ms < a->report.slots_due_ms) {
        return;
    }
    struct slot slots[NODE_COUNT_MAX];
    uint32_t count = wanted_slots(a, slots);
    if (!slots_changed(a, count, slots)) {
        return;
    }
    a->report.slots_due_ms = a->now_ms + agent_config(a).probe_period_ms;
    a->report.slots_ms = a->now_ms;
    a->report.slots_role = a->pg.role;
    a->report.slot_count = count;
    memcpy(a->report.slots, slots, sizeof slots);
    struct action *action = act_add(actions, ACTION_SLOTS);
    action->as.slots.count = count;
    memcpy(action->as.slots.items, slots, sizeof slots);
}

void report_keep(struct agent *a, struct action_list *actions)
{
    if (!a->ready || a->superseded || a->stop.goodbye) {
        return;
    }
    store_change(a, actions);
    beat(a, actions);
    keep_slots(a, actions);
    keep_permanent(a, actions);
}

uint64_t report_next_ms(const struct agent *a)
{
    if (!a->ready || a->superseded || a->stop.goodbye) {
        return UINT64_MAX;
    }
    return a->report.live_due_ms;
}
