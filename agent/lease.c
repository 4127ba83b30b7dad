/* SPDX-License-Identifier: PostgreSQL */
#include "lease.h"

#include "../proto/lost.h"
#include "../proto/pause.h"
#include "../proto/standby.h"
#include "act.h"
#include "lead.h"
#include "report.h"
#include "restart.h"

#include <string.h>

static void set_deadline(struct agent *a, uint64_t deadline_ms, struct action_list *actions)
{
    a->lease.deadline_ms = deadline_ms;
    act_add(actions, ACTION_LEASE)->as.deadline_ms = deadline_ms;
}

static bool is_lifted(const struct agent *a)
{
    return a->lease.deadline_ms == LEASE_LIFTED_MS;
}

void lease_take_out(struct agent *a, struct action_list *actions)
{
    set_deadline(a, 0, actions);
}

static struct lease_sent *find_sent(struct agent_lease *lease, uint64_t counter)
{
    for (uint32_t i = 0; i < LEASE_SENT_MAX; i++) {
        if (lease->sent[i].counter == counter) {
            return &lease->sent[i];
        }
    }
    return NULL;
}

void lease_read_back(struct agent *a, const struct event *renewal, struct action_list *actions)
{
    struct lease_sent *sent = find_sent(&a->lease, renewal->counter);
    if (sent == NULL || renewal->counter == 0) {
        return;
    }
    uint64_t deadline_ms = sent->lifted ? LEASE_LIFTED_MS : sent->sent_ms + sent->ttl_ms;
    promise_read_back(a, renewal, sent->sent_ms);
    memset(sent, 0, sizeof *sent);
    bool over = a->lease.deadline_ms != 0 && a->now_ms >= a->lease.deadline_ms;
    if (over && agent_may_be_primary(a)) {
        return; /* only a lease that still runs is extended under a running primary */
    }
    /* Nobody in a standby cluster has a right to commit: the fence refuses without a lease. */
    bool mine = agent_holds(a) && renewal->body.renew.term == a->cluster.term &&
                !standby_is_on(&a->cluster);
    if (mine && deadline_ms > a->now_ms && deadline_ms > a->lease.deadline_ms) {
        set_deadline(a, deadline_ms, actions);
    }
}

void lease_extend(struct agent *a, uint64_t deadline_ms, struct action_list *actions)
{
    if (a->lease.deadline_ms > a->now_ms && deadline_ms > a->lease.deadline_ms) {
        set_deadline(a, deadline_ms, actions);
    }
}

static uint32_t demote_ms(const struct agent *a)
{
    return config_demote_ms(cluster_ttl_ms(&a->cluster));
}

bool lease_runs(const struct agent *a)
{
    return a->lease.deadline_ms > a->now_ms + demote_ms(a);
}

/* Twice within what a lease has before its demotion, or each probe_period, whichever comes sooner;
 * with failover_mode sealed more often. */
uint32_t lease_renew_period_ms(const struct agent *a)
{
    uint32_t ttl_ms = cluster_ttl_ms(&a->cluster);
    uint32_t half_ms = ttl_ms > demote_ms(a) ? (ttl_ms - demote_ms(a)) / 2 : 1;
    uint32_t period_ms = agent_config(a).probe_period_ms;
    period_ms = period_ms < half_ms ? period_ms : half_ms;
    return a->cluster.sealed_seq != 0 && SEALED_RENEW_MS < period_ms ? SEALED_RENEW_MS : period_ms;
}

static bool last_is_unread(const struct agent_lease *lease)
{
    for (uint32_t i = 0; i < LEASE_SENT_MAX; i++) {
        if (lease->sent[i].counter != 0 && lease->sent[i].counter == lease->last_counter) {
            return true;
        }
    }
    return false;
}

/* When the next renewal is due: half a period after one that is not read back, else a period. */
static uint64_t renew_due_ms(const struct agent *a)
{
    uint32_t period_ms = lease_renew_period_ms(a);
    uint32_t half_ms = period_ms / 2 > LEASE_RETRY_MS_MIN ? period_ms / 2 : LEASE_RETRY_MS_MIN;
    if (promise_must_name(a)) {
        return 0;
    }
    bool early = a->lease.renew_ms != 0 && half_ms < period_ms && period_ms > SEALED_RENEW_MS &&
                 last_is_unread(&a->lease);
    return early ? a->lease.renew_ms - (period_ms - half_ms) : a->lease.renew_ms;
}

/* A good probe not older than what takes threshold failures to notice. */
static bool probe_is_recent(const struct agent *a)
{
    struct config config = agent_config(a);
    uint64_t age_ms = a->now_ms - a->watch.good_ms;
    return a->watch.good_ms != 0 &&
           age_ms <= config_lease_ttl_ms(config.probe_period_ms, config.probe_timeout_ms,
                                         config.probe_failure_threshold);
}

/* Bounded by its own deadline, and PostgreSQL cannot answer, or not as a primary, while it goes on.
 */
static bool work_goes_on(const struct agent *a)
{
    const struct agent_pg *pg = &a->pg;
    bool begins = pg->busy == BUSY_STARTING && !pg->adopted;
    bool makes = act_makes_cluster(pg->task);
    bool task = pg->busy == BUSY_TASK && (makes || pg->task == TASK_PROMOTE);
    return (begins || task || pg->busy == BUSY_STOPPING) && a->now_ms < pg->busy_until_ms;
}

/* A healthy agent must not shield a dead server. */
static bool has_evidence(const struct agent *a)
{
    if (work_goes_on(a)) {
        return true;
    }
    return a->pg.guard == GUARD_ABSENT ? a->data.known : probe_is_recent(a);
}

/* A lease that has run out, of a term that was granted before this agent started, is begun anew
 * only when whoever was granted a later one, in a part of the log that is lost, has held it for
 * long enough to be heard of (../proto/lost.h). */
static uint64_t holdoff_end_ms(const struct agent *a)
{
    bool earlier = a->cluster.term <= a->start_term;
    return earlier && !lease_runs(a) ? a->caught_up_ms + lost_holdoff_ms(&a->cluster) : 0;
}

/* Whether the log can be written or not. */
static bool may_go_on(const struct agent *a)
{
    return agent_holds(a) && !agent_is_closed(a) && !lost_outgrows(&a->cluster) &&
           a->now_ms >= holdoff_end_ms(a) && a->lease.stage == LEASE_KEPT && !a->superseded &&
           a->fault.reason == REASON_NONE && a->pg.busy != BUSY_KILLING &&
           lead_refusal(a) == REASON_NONE && has_evidence(a) && promise_left_ms(a) == 0;
}

static bool may_renew(const struct agent *a)
{
    return a->link_up && a->caught_up && may_go_on(a);
}

static uint32_t probe_age_ms(const struct agent *a)
{
    uint64_t age_ms = a->now_ms - a->watch.good_ms;
    return a->watch.good_ms == 0 || age_ms > UINT32_MAX ? 0 : (uint32_t)age_ms;
}

/* Only a primary that serves is left to itself. */
static bool may_lift(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    return pause_is_on(c) && c->promoted && agent_holds(a) && c->pending.step != SWITCH_STOP &&
           !restart_goes_on(a) && agent_is_running(a) && a->pg.role == ROLE_PRIMARY &&
           a->lease.stage == LEASE_KEPT;
}

/* From here on nothing that was sent before lifts the lease again. */
static void put_back(struct agent *a, struct action_list *actions)
{
    for (uint32_t i = 0; i < LEASE_SENT_MAX; i++) {
        if (a->lease.sent[i].lifted) {
            memset(&a->lease.sent[i], 0, sizeof a->lease.sent[i]);
        }
    }
    if (is_lifted(a)) {
        set_deadline(a, a->now_ms + cluster_ttl_ms(&a->cluster), actions);
    }
}

/* Only what the last proof of life has shown is as old as that. */
static struct position known_position(const struct agent *a, const struct probe *own)
{
    bool known = a->pg.role != ROLE_UNKNOWN && a->watch.last_ms == a->watch.good_ms;
    return known ? own->position : (struct position){0};
}

static void renew(struct agent *a, struct action_list *actions)
{
    bool lifted = may_lift(a);
    if (!lifted) {
        put_back(a, actions);
    }
    struct probe own = report_build(a);
    struct event e = act_event(a, EVENT_RENEW);
    e.body.renew = (struct renew){
            .term = a->cluster.term,
            .ttl_ms = cluster_ttl_ms(&a->cluster),
            .seen_seq = a->cluster.last_seq,
            .state = own.state,
            .position = known_position(a, &own),
            .probe_age_ms = probe_age_ms(a),
            .lifted = lifted,
            .restart = restart_tell(a),
    };
    promise_name(a, &e.body.renew);
    a->lease.sent[a->lease.next_sent] = (struct lease_sent){
            .counter = e.counter,
            .sent_ms = a->now_ms,
            .ttl_ms = e.body.renew.ttl_ms,
            .lifted = lifted,
    };
    a->lease.next_sent = (a->lease.next_sent + 1) % LEASE_SENT_MAX;
    a->lease.last_counter = e.counter;
    a->lease.renew_ms = a->now_ms + lease_renew_period_ms(a);
    act_append(actions, &e);
}

/* A new term begins with nothing: what was sent for an earlier one gives nothing. */
static void follow_term(struct agent *a)
{
    if (a->lease.term != a->cluster.term) {
        a->lease.term = a->cluster.term;
        a->lease.renew_ms = 0;
        memset(a->lease.sent, 0, sizeof a->lease.sent);
    }
}

/* The pause is over, or what it left alone: the next renewal says so at once. */
static void end_lift(struct agent *a, struct action_list *actions)
{
    if (is_lifted(a) && a->link_up && a->caught_up && !may_lift(a)) {
        put_back(a, actions);
        a->lease.renew_ms = 0;
    }
}

/* The log that is there is not the one that lifted this lease: it may be another's by now. */
static void watch_lift(struct agent *a, struct action_list *actions)
{
    bool unknown = is_lifted(a) && a->link_up && a->caught_up && !a->cluster.lease.lifted;
    if (unknown && agent_may_be_primary(a) && a->fault.reason == REASON_NONE) {
        agent_raise(a, REASON_LEASE_EXPIRED, a->wall_us);
        act_say(actions, SEVERITY_ERROR,
                "the log does not know of the pause under which this node leads: killing "
                "PostgreSQL term=%llu",
                (unsigned long long)a->cluster.term);
    }
}

/* The last moment: whatever runs is killed (decide.c), and the term is given up. */
static void watch_deadline(struct agent *a, struct action_list *actions)
{
    if (a->lease.deadline_ms == 0) {
        return;
    }
    bool primary = agent_may_be_primary(a);
    bool late = a->now_ms + LEASE_KILL_MS >= a->lease.deadline_ms;
    if (primary && late && a->fault.reason == REASON_NONE && a->pg.busy != BUSY_KILLING) {
        agent_raise(a, REASON_LEASE_EXPIRED, a->wall_us);
        act_say(actions, SEVERITY_ERROR,
                "the lease could not be renewed in time: killing PostgreSQL term=%llu",
                (unsigned long long)a->cluster.term);
    }
    /* Another may hold the next term already (failover_mode sealed). */
    bool lost = a->caught_up && agent_is_gone(a) && !agent_holds(a);
    if (!primary && (lost || a->now_ms >= a->lease.deadline_ms)) {
        lease_take_out(a, actions);
    }
}

/* A fast shutdown has until then, and an immediate one until the kill. */
static uint64_t stage_end_ms(const struct agent *a)
{
    uint64_t before_ms =
            a->lease.stage == LEASE_FAST ? LEASE_KILL_MS + LEASE_IMMEDIATE_MS : LEASE_KILL_MS;
    return a->lease.demote_ms > before_ms ? a->lease.demote_ms - before_ms : 0;
}

static bool is_stoppable(const struct agent *a)
{
    bool idle = a->pg.busy == BUSY_NONE || (a->pg.busy == BUSY_TASK && a->pg.task != TASK_PROMOTE);
    return a->pg.guard == GUARD_RUNNING && a->pg.role == ROLE_PRIMARY && idle;
}

bool lease_must_demote(const struct agent *a)
{
    if (a->lease.deadline_ms == 0 || !agent_may_be_primary(a) || a->fault.reason != REASON_NONE) {
        return false;
    }
    if (a->lease.stage == LEASE_KEPT) {
        return !lease_runs(a) && a->now_ms + LEASE_KILL_MS < a->lease.deadline_ms &&
               is_stoppable(a);
    }
    return a->lease.stage == LEASE_FAST && a->pg.busy == BUSY_STOPPING &&
           a->pg.guard == GUARD_RUNNING && a->now_ms >= stage_end_ms(a);
}

void lease_demote(struct agent *a, struct action_list *actions)
{
    bool first = a->lease.stage == LEASE_KEPT;
    a->lease.demote_ms = first ? a->lease.deadline_ms : a->lease.demote_ms;
    a->lease.stage = first ? LEASE_FAST : LEASE_IMMEDIATE;
    uint64_t end_ms = stage_end_ms(a);
    uint64_t left_ms = end_ms > a->now_ms ? end_ms - a->now_ms : 1;
    /* What comes after a fast shutdown that takes too long is ours, not the kill. */
    act_stop(a, first ? STOP_FAST : STOP_IMMEDIATE, first ? left_ms + STOP_TIMEOUT_MS : left_ms,
             actions);
    act_say(actions, SEVERITY_WARNING,
            first ? "demoting self because the lease could not be renewed in time: stopping "
                    "PostgreSQL term=%llu"
                  : "PostgreSQL has not stopped in time: immediate shutdown term=%llu",
            (unsigned long long)a->cluster.term);
}

bool lease_has_demoted(const struct agent *a)
{
    return a->lease.stage != LEASE_KEPT && a->pg.guard_known && a->pg.guard == GUARD_ABSENT;
}

void lease_keep(struct agent *a, struct action_list *actions)
{
    follow_term(a);
    watch_lift(a, actions);
    end_lift(a, actions);
    watch_deadline(a, actions);
    if (a->now_ms >= renew_due_ms(a) && may_renew(a)) {
        renew(a, actions);
    }
    promise_keep(a, may_go_on(a), actions);
}

/* When the demotion goes on; UINT64_MAX when it does not concern what runs, or somebody kills. */
static uint64_t demote_next_ms(const struct agent *a)
{
    uint64_t end_ms = a->lease.deadline_ms;
    if (a->fault.reason != REASON_NONE || a->pg.busy == BUSY_KILLING) {
        return UINT64_MAX;
    }
    if (!agent_may_be_primary(a)) {
        return end_ms;
    }
    uint64_t kill_ms = end_ms > LEASE_KILL_MS ? end_ms - LEASE_KILL_MS : 0;
    if (a->lease.stage == LEASE_FAST && a->now_ms < stage_end_ms(a)) {
        return stage_end_ms(a);
    }
    bool waits = a->lease.stage == LEASE_KEPT && lease_runs(a) && end_ms > demote_ms(a);
    return waits ? end_ms - demote_ms(a) : kill_ms;
}

uint64_t lease_next_ms(const struct agent *a)
{
    uint64_t next_ms = may_renew(a) ? renew_due_ms(a) : UINT64_MAX;
    uint64_t ask_ms = may_go_on(a) ? promise_due_ms(a) : UINT64_MAX;
    next_ms = ask_ms < next_ms ? ask_ms : next_ms;
    if (a->promise.still_ms > a->now_ms && a->promise.still_ms < next_ms) {
        next_ms = a->promise.still_ms;
    }
    uint64_t holdoff_ms = holdoff_end_ms(a);
    next_ms = holdoff_ms > a->now_ms ? holdoff_ms : next_ms;
    if (a->lease.deadline_ms == 0) {
        return next_ms;
    }
    uint64_t end_ms = demote_next_ms(a);
    return end_ms < next_ms ? end_ms : next_ms;
}
