/* SPDX-License-Identifier: PostgreSQL */
#include "lead.h"

#include "../proto/standby.h"
#include "act.h"
#include "restart.h"
#include "switch.h"
#include "upstream.h"

static const struct upstream nowhere; /* of tasks that copy from nobody */

bool lead_is_granted(const struct agent *a)
{
    return a->me >= 0 && cluster_holder(&a->cluster) == a->me &&
           a->cluster.phase == PHASE_GRANTED && a->refused_term != a->cluster.term;
}

/* ---- may this node take the grant? ---- */

/* At or above the place on which it was chosen, where the two can be compared. */
static bool reaches_grant(const struct agent *a, struct position own)
{
    struct position chosen = a->grant.position;
    if (a->grant.seq != a->cluster.grant_seq) {
        return false; /* it was granted before the snapshot that this agent began with */
    }
    if (own.timeline != chosen.timeline) {
        return own.timeline > chosen.timeline;
    }
    return own.lsn >= chosen.lsn;
}

static bool may_fail_over(const struct agent *a)
{
    if (!agent_is_running(a) || a->pg.role != ROLE_STANDBY || agent_is_foreign(a)) {
        return false;
    }
    struct position own = a->watch.last.position;
    bool whole = a->data.known && a->data.found.verdict == DATA_INTACT && !a->data.found.incomplete;
    bool high = a->cluster.loss_accepted || !cluster_below_floor(&a->cluster, own);
    bool descends = standby_is_on(&a->cluster) || cluster_on_history(&a->cluster, own);
    return whole && descends && reaches_grant(a, own) && high;
}

static bool may_bootstrap(const struct agent *a)
{
    bool made_here = a->initdb_term == a->cluster.term && a->initdb_term != 0;
    return !agent_is_running(a) && (a->data.found.verdict == DATA_EMPTY || made_here);
}

static bool may_adopt(const struct agent *a)
{
    if (agent_is_running(a)) {
        return a->pg.role != ROLE_UNKNOWN && !agent_is_foreign(a);
    }
    return a->data.found.verdict == DATA_INTACT && !a->data.found.incomplete &&
           !agent_is_foreign(a);
}

enum reason lead_refusal(const struct agent *a)
{
    static bool (*const may[])(const struct agent *) = {
            [GRANT_FAILOVER] = may_fail_over,
            [GRANT_BOOTSTRAP] = may_bootstrap,
            [GRANT_ADOPT] = may_adopt,
    };
    _Static_assert(sizeof may / sizeof may[0] == GRANT_KIND_COUNT, "one per kind");
    if (!lead_is_granted(a) || !agent_vote_stands(a) || (!agent_is_running(a) && !a->data.known)) {
        return REASON_NONE;
    }
    return may[a->cluster.grant_kind](a) ? REASON_NONE : REASON_NOT_ELIGIBLE;
}

/* ---- the way to the primary ---- */

/* What brings this node from where it is to being the primary. */
enum lead_way { WAY_NONE = 0, WAY_WAIT, WAY_INITDB, WAY_START, WAY_PROMOTE, WAY_ARRIVED };

static enum lead_way way_of_running(const struct agent *a)
{
    static const enum lead_way ways[] = {
            [ROLE_UNKNOWN] = WAY_WAIT,
            [ROLE_STANDBY] = WAY_PROMOTE,
            [ROLE_PRIMARY] = WAY_ARRIVED,
    };
    if (standby_is_on(&a->cluster)) {
        return a->pg.role == ROLE_STANDBY ? WAY_ARRIVED : WAY_WAIT; /* a primary is killed */
    }
    enum lead_way way = ways[a->pg.role];
    bool promoted = a->cluster.promoted || a->lead.stage != LEAD_BEGUN;
    return way == WAY_PROMOTE && promoted ? WAY_NONE : way;
}

static enum lead_way way_of_stopped(const struct agent *a)
{
    if (switch_goes_on(a)) {
        return WAY_START;
    }
    if (restart_goes_on(a) && may_adopt(a)) {
        return restart_is_recorded(a) ? WAY_START : WAY_WAIT;
    }
    if (a->cluster.promoted || a->cluster.grant_kind == GRANT_FAILOVER) {
        return WAY_NONE;
    }
    if (a->cluster.grant_kind == GRANT_BOOTSTRAP) {
        bool made_here = a->initdb_term == a->cluster.term;
        enum lead_way empty = a->data.found.verdict == DATA_EMPTY ? WAY_INITDB : WAY_NONE;
        return made_here && a->data.found.verdict == DATA_INTACT ? WAY_START : empty;
    }
    return may_adopt(a) ? WAY_START : WAY_NONE;
}

static enum lead_way lead_way(const struct agent *a)
{
    if (!agent_holds(a)) {
        return WAY_WAIT;
    }
    return agent_is_running(a) ? way_of_running(a) : way_of_stopped(a);
}

bool lead_is_asked(const struct agent *a)
{
    return a->me >= 0 && cluster_directive(&a->cluster, a->me) == DIRECTIVE_LEAD;
}

bool lead_is_impossible(const struct agent *a)
{
    return lead_is_asked(a) && lead_way(a) == WAY_NONE;
}

enum reason lead_obstacle(const struct agent *a)
{
    static const enum reason reasons[] = {
            [DATA_UNKNOWN] = REASON_POSTMASTER_DIED,
            [DATA_INTACT] = REASON_POSTMASTER_DIED,
            [DATA_EMPTY] = REASON_DATA_DIRECTORY_EMPTY,
            [DATA_DAMAGED] = REASON_DATA_DIRECTORY_DAMAGED,
            [DATA_UNREADABLE] = REASON_DATA_DIRECTORY_UNREADABLE,
            [DATA_SILENT] = REASON_DISK_SILENT,
    };
    _Static_assert(sizeof reasons / sizeof reasons[0] == DATA_VERDICT_COUNT, "one per verdict");
    return agent_is_gone(a) ? reasons[a->data.found.verdict] : REASON_NOT_ELIGIBLE;
}

void lead_abandon(struct agent *a, struct action_list *actions)
{
    (void)actions;
    agent_raise(a, lead_obstacle(a), a->wall_us);
}

/* The leader of a standby cluster has no lease, and needs none. A lease may run by a renewal that
 * the log has lost: what commits wait for is known only once the term is held by the log, too. */
static bool may_go(const struct agent *a, enum lead_way way)
{
    bool held = a->cluster.phase == PHASE_HELD;
    bool entitled = held && (standby_is_on(&a->cluster) || lease_runs(a));
    return lead_is_asked(a) && lead_way(a) == way && entitled;
}

bool lead_must_initdb(const struct agent *a)
{
    return may_go(a, WAY_INITDB);
}

void lead_initdb(struct agent *a, struct action_list *actions)
{
    if (upstream_is_remote(a)) {
        struct upstream remote = upstream_of(a);
        act_say(actions, SEVERITY_INFO, "trying to copy the remote cluster (%s)", remote.host);
        act_task(a, TASK_CLONE, &remote, actions);
        return;
    }
    bool restores = a->self.bootstrap == TASK_RESTORE;
    act_say(actions, SEVERITY_INFO, "trying to bootstrap a new cluster%s",
            restores ? " from a backup" : "");
    act_task(a, restores ? TASK_RESTORE : TASK_INITDB, &nowhere, actions);
}

bool lead_must_start(const struct agent *a)
{
    return may_go(a, WAY_START);
}

void lead_start(struct agent *a, struct action_list *actions)
{
    a->lead.stop_wall_us = 0;
    if (upstream_is_remote(a)) {
        struct upstream remote = upstream_of(a);
        act_say(actions, SEVERITY_INFO, "starting as the standby leader with the lock");
        act_start(a, false, &remote, actions);
        return;
    }
    act_say(actions, SEVERITY_INFO, "starting as the leader with the lock");
    struct upstream alone = upstream_nowhere(a);
    act_start(a, true, &alone, actions);
    if (restart_goes_on(a)) {
        a->pg.busy_until_ms = a->restart.until_ms;
    }
}

bool lead_must_promote(const struct agent *a)
{
    return may_go(a, WAY_PROMOTE);
}

void lead_promote(struct agent *a, struct action_list *actions)
{
    act_say(actions, SEVERITY_INFO, "promoted self to leader by acquiring the lock term=%llu",
            (unsigned long long)a->cluster.term);
    struct upstream opened = upstream_nowhere(a);
    opened.timeline = a->cluster.grant_timeline;
    act_task(a, TASK_PROMOTE, &opened, actions);
}

/* A standby cluster's leader is to stream from the remote as it is configured now. */
bool lead_must_stream(const struct agent *a)
{
    struct upstream remote = upstream_of(a);
    bool elsewhere = !a->pg.upstream_known || !upstream_equals(&a->pg.upstream, &remote);
    return upstream_is_remote(a) && may_go(a, WAY_ARRIVED) && elsewhere;
}

void lead_stream(struct agent *a, struct action_list *actions)
{
    struct upstream remote = upstream_of(a);
    act_say(actions, SEVERITY_INFO, "following the remote cluster (%s) term=%llu", remote.host,
            (unsigned long long)a->cluster.term);
    act_follow(a, &remote, actions);
}

/* It is a primary, and nobody ordered the promotion in this incarnation: started as one, or found.
 */
bool lead_must_report(const struct agent *a)
{
    return may_go(a, WAY_ARRIVED) && a->lead.stage == LEAD_BEGUN;
}

void lead_report(struct agent *a, struct action_list *actions)
{
    (void)actions;
    enum task task = upstream_is_remote(a) ? TASK_STREAM : TASK_PROMOTE;
    struct event e = act_task_event(a, EVENT_DONE, task);
    e.body.task.directive_seq = a->cluster.grant_seq;
    e.body.task.position = a->watch.last.position;
    e.body.task.history = a->data.history;
    outbox_put(&a->outbox, &e);
    a->lead.stage = LEAD_PROMOTED;
}

static bool may_run(const struct agent *a, enum lead_stage stage)
{
    return may_go(a, WAY_ARRIVED) && !standby_is_on(&a->cluster) && a->lead.stage == stage &&
           a->now_ms >= a->lead.retry_ms;
}

bool lead_must_prepare(const struct agent *a)
{
    return may_run(a, LEAD_PROMOTED) && a->post_init_owed;
}

void lead_prepare(struct agent *a, struct action_list *actions)
{
    act_say(actions, SEVERITY_INFO, "running the command post_init");
    act_task(a, TASK_POST_INIT, &nowhere, actions);
}

bool lead_must_write(const struct agent *a)
{
    return may_run(a, LEAD_PROMOTED) && !a->post_init_owed;
}

void lead_write(struct agent *a, struct action_list *actions)
{
    act_task(a, TASK_FIRST_WRITE, &nowhere, actions);
}

bool lead_must_checkpoint(const struct agent *a)
{
    return may_run(a, LEAD_WRITABLE);
}

void lead_checkpoint(struct agent *a, struct action_list *actions)
{
    act_task(a, TASK_CHECKPOINT, &nowhere, actions);
}

/* From here on it is to be a primary: its next renewal gives it the lease for that. */
void lead_learn_order(struct agent *a, const struct event *e)
{
    if (e->body.order.kind == REQUEST_PROMOTE && e->body.order.reason == REASON_NONE) {
        a->lead = (struct agent_lead){.term = a->cluster.term};
        a->lease.renew_ms = 0;
    }
}
