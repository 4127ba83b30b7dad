/* SPDX-License-Identifier: PostgreSQL */
#include "decide.h"

#include "../proto/lost.h"
#include "../proto/standby.h"
#include "act.h"
#include "anchor.h"
#include "follow.h"
#include "lead.h"
#include "pause.h"
#include "report.h"
#include "restart.h"
#include "switch.h"

#include <string.h>

/* ---- fencing ---- */

static bool is_superseded_alive(const struct agent *a)
{
    return a->superseded && !agent_is_gone(a) && a->pg.busy != BUSY_KILLING;
}

static void kill_superseded(struct agent *a, struct action_list *actions)
{
    lease_take_out(a, actions);
    act_kill(a, actions);
}

static bool is_faulty(const struct agent *a)
{
    bool faulty = a->fault.reason != REASON_NONE || a->pg.guard == GUARD_ORPHANED;
    return a->pg.guard_known && faulty && !agent_is_gone(a) && a->pg.busy != BUSY_KILLING;
}

static void kill_faulty(struct agent *a, struct action_list *actions)
{
    /* Of a lease that ends lease.c has told. */
    if (a->fault.reason != REASON_NONE && a->fault.reason != REASON_LEASE_EXPIRED) {
        act_say(actions, SEVERITY_ERROR, "killing all PostgreSQL processes: %s term=%llu",
                reason_text(a->fault.reason), (unsigned long long)a->cluster.term);
    }
    act_kill(a, actions);
}

static bool is_deposed(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    bool lost = a->me < 0 || cluster_holder(c) != a->me || lost_outgrows(c);
    return a->caught_up && agent_may_be_primary(a) && a->pg.busy != BUSY_KILLING &&
           (lost || standby_is_on(c));
}

static void depose(struct agent *a, struct action_list *actions)
{
    lease_take_out(a, actions);
    agent_raise(a, REASON_DEPOSED, a->wall_us);
    act_say(actions, SEVERITY_WARNING, "demoted self because %s term=%llu",
            standby_is_on(&a->cluster) ? "nobody in a standby cluster is a primary"
                                       : "the lock was lost",
            (unsigned long long)a->cluster.term);
    act_kill(a, actions);
}

/* PostgreSQL has stopped ahead of the deadline. */
static void resign_demoted(struct agent *a, struct action_list *actions)
{
    (void)actions;
    a->lease.stage = LEASE_KEPT;
    agent_raise(a, REASON_LEASE_EXPIRED, a->wall_us);
}

static bool kill_is_overdue(const struct agent *a)
{
    bool late = a->now_ms >= a->pg.busy_until_ms;
    return late && (a->pg.busy == BUSY_KILLING || a->pg.busy == BUSY_STOPPING) && !agent_is_gone(a);
}

/* ---- giving the term up (I7) ---- */

/* The order to kill is out and never taken back: the disk works while the guard does. */
static bool must_give_up(const struct agent *a)
{
    bool fenced = a->ending.fenced_wall_us != 0 && agent_is_gone(a);
    return a->ending.term != 0 && (fenced || a->pg.busy == BUSY_KILLING) &&
           a->wanted.given_up_term < a->ending.term;
}

static void give_up(struct agent *a, struct action_list *actions)
{
    (void)actions;
    a->wanted.given_up_term = a->ending.term;
}

static bool ends_in_order(const struct agent *a)
{
    return a->ending.reason == REASON_SHUTDOWN || a->ending.reason == REASON_REQUESTED;
}

/* An orderly stop can wait to know where its WAL ends, and a lost data directory to know what is
 * left of it; after any other fault every millisecond counts. */
static bool may_release(const struct agent *a)
{
    bool looked = a->data.known || (!ends_in_order(a) && !agent_ending_waits_for_data(a));
    return a->ending.term != 0 && a->ending.fenced_wall_us != 0 && agent_is_gone(a) && a->ready &&
           a->vote.given_up_term >= a->ending.term && looked;
}

static void release(struct agent *a, struct action_list *actions)
{
    lease_take_out(a, actions);
    struct event e = act_event(a, EVENT_RELEASE);
    bool ordered = ends_in_order(a);
    e.body.release = (struct release){
            .term = a->ending.term,
            .reason = a->ending.reason,
            .position = ordered ? a->data.found.position : a->watch.last.position,
            .clean = ordered && a->data.found.clean,
            .killed_count = a->pg.killed_count,
            .detected_wall_us = a->ending.detected_wall_us,
            .fenced_wall_us = a->ending.fenced_wall_us,
    };
    outbox_put(&a->outbox, &e);
    act_say(actions, ordered ? SEVERITY_INFO : SEVERITY_WARNING,
            "released the leader lock: %s killed=%u term=%llu", reason_text(a->ending.reason),
            (unsigned)a->pg.killed_count, (unsigned long long)a->ending.term);
    memset(&a->ending, 0, sizeof a->ending);
}

/* The term was given up and the release has not been read: it may have died with an earlier
 * incarnation. */
static bool must_release_again(const struct agent *a)
{
    return a->me >= 0 && cluster_holder(&a->cluster) == a->me && agent_is_gone(a) &&
           a->vote.given_up_term == a->cluster.term && !outbox_holds(&a->outbox, EVENT_RELEASE);
}

static void release_again(struct agent *a, struct action_list *actions)
{
    lease_take_out(a, actions);
    a->ending = (struct agent_ending){
            .term = a->cluster.term,
            .reason = lead_obstacle(a),
            .detected_wall_us = a->wall_us,
            .fenced_wall_us = a->wall_us,
    };
}

/* ---- leaving ---- */

static bool is_superseded_gone(const struct agent *a)
{
    return a->superseded && agent_is_gone(a) && !a->stop.exited;
}

static void leave_superseded(struct agent *a, struct action_list *actions)
{
    a->stop.exited = true;
    act_add(actions, ACTION_EXIT)->as.exit_status = 1;
}

static bool must_stop(const struct agent *a)
{
    return a->stop.ordered && agent_is_running(a) && a->pg.busy != BUSY_STOPPING &&
           a->pg.busy != BUSY_KILLING;
}

static void stop(struct agent *a, struct action_list *actions)
{
    act_say(actions, SEVERITY_INFO, "stopping PostgreSQL");
    act_stop(a, STOP_FAST, STOP_TIMEOUT_MS, actions);
}

static bool must_resign(const struct agent *a)
{
    return a->stop.ordered && agent_is_gone(a) && agent_holds(a);
}

static void resign(struct agent *a, struct action_list *actions)
{
    (void)actions;
    agent_raise(a, REASON_SHUTDOWN, a->wall_us);
}

static bool begins_to_leave(const struct agent *a)
{
    return a->stop.ordered && agent_is_gone(a) && a->stop.until_ms == 0;
}

static void begin_to_leave(struct agent *a, struct action_list *actions)
{
    (void)actions;
    a->stop.until_ms = a->now_ms + GOODBYE_TIMEOUT_MS;
}

static bool may_say_goodbye(const struct agent *a)
{
    return a->stop.ordered && agent_is_gone(a) && a->ready && !a->stop.goodbye &&
           a->ending.term == 0;
}

static void say_goodbye(struct agent *a, struct action_list *actions)
{
    (void)actions;
    struct event e = act_event(a, EVENT_GOODBYE);
    e.body.goodbye.reason = REASON_SHUTDOWN;
    outbox_put(&a->outbox, &e);
    a->stop.goodbye = true;
}

static bool may_leave(const struct agent *a)
{
    bool said = a->stop.goodbye && a->outbox.count == 0;
    bool late = !a->ready || a->now_ms >= a->stop.until_ms;
    return a->stop.ordered && agent_is_gone(a) && !a->stop.exited && (said || late);
}

static void leave(struct agent *a, struct action_list *actions)
{
    a->stop.exited = true;
    act_say(actions, SEVERITY_INFO, "PostgreSQL is stopped: the agent ends");
    lease_take_out(a, actions);
    act_add(actions, ACTION_EXIT)->as.exit_status = 0;
}

static bool is_leaving(const struct agent *a)
{
    return a->stop.ordered || a->superseded;
}

/* ---- knowing oneself ---- */

static bool must_wait_for_guard(const struct agent *a)
{
    return !a->pg.guard_known || a->pg.busy == BUSY_KILLING || a->pg.guard == GUARD_ORPHANED;
}

static bool must_look_again(const struct agent *a)
{
    bool runs = agent_is_running(a) && a->pg.role != ROLE_UNKNOWN;
    bool broken = agent_is_gone(a) &&
                  (a->data.found.verdict != DATA_INTACT || agent_disk_reason(a) != REASON_NONE);
    return (runs || broken) && a->now_ms >= a->data.due_ms;
}

static bool must_inspect(const struct agent *a)
{
    bool copying = a->pg.busy == BUSY_TASK && agent_is_gone(a);
    bool wanted = !a->data.known || a->data.again || must_look_again(a);
    return wanted && !a->data.inspecting && !copying;
}

static bool may_say_hello(const struct agent *a)
{
    bool looked = a->data.known && (!agent_is_running(a) || a->watch.answers > 0);
    return !a->hello_sent && a->link_up && a->caught_up && looked &&
           a->vote.incarnation == a->incarnation && a->wanted.incarnation == a->incarnation;
}

static void say_hello(struct agent *a, struct action_list *actions)
{
    uint64_t known = a->me >= 0 ? a->cluster.nodes[a->me].incarnation : 0;
    if (known > a->incarnation || (known == a->incarnation && !a->ready)) {
        agent_begin_incarnation(a, known + 1); /* its vote was lost; persisted before it speaks */
        return;
    }
    struct event e = act_event(a, EVENT_HELLO);
    struct hello *hello = &e.body.hello;
    hello->probe = report_build(a);
    hello->probe.history = a->data.history;
    memcpy(hello->host, a->self.host, sizeof hello->host);
    hello->port = a->self.port;
    hello->agent_port = a->self.agent_port;
    hello->pg_version = a->data.found.pg_version;
    hello->failover_priority = a->self.failover_priority;
    hello->nofailover = a->self.nofailover;
    hello->nosync = a->self.nosync || !a->self.fence; /* nothing proves that it is sealed */
    hello->noloadbalance = a->self.noloadbalance;
    anchor_tell(a, hello);
    outbox_put(&a->outbox, &e);
    a->hello_sent = true;
    a->report.last = hello->probe;
    if (hello->anchor.lost) {
        act_say(actions, SEVERITY_ERROR,
                "the log has lost a part of itself: decision %llu, which this node has read, "
                "is not in it term=%llu",
                (unsigned long long)a->vote.anchor_seq, (unsigned long long)a->vote.term);
    }
    act_say(actions, SEVERITY_INFO, "I am %s, joining cluster %s term=%llu", a->self.node,
            a->self.cluster, (unsigned long long)a->cluster.term);
}

static bool must_refuse_stale(const struct agent *a)
{
    return a->ready && lead_is_granted(a) && agent_log_went_back(a);
}

static void refuse_for(struct agent *a, enum reason reason, struct action_list *actions)
{
    struct event e = act_event(a, EVENT_REFUSE);
    e.body.refuse = (struct refuse){.term = a->cluster.term, .reason = reason};
    e.cause_seq = a->cluster.grant_seq;
    outbox_put(&a->outbox, &e);
    a->refused_term = a->cluster.term;
    act_say(actions, SEVERITY_WARNING, "refused the leader lock: %s term=%llu", reason_text(reason),
            (unsigned long long)a->cluster.term);
}

static void refuse_stale(struct agent *a, struct action_list *actions)
{
    refuse_for(a, REASON_STALE_TERM, actions);
}

static bool is_newly_closed(const struct agent *a)
{
    return a->ready && agent_is_closed(a) && !a->report.closed_said;
}

static void say_closed(struct agent *a, struct action_list *actions)
{
    a->report.closed_said = true;
    act_say(actions, SEVERITY_ERROR,
            a->cluster.frozen_seq != 0
                    ? "a decision of a newer version stands in the log: upgrade this agent; "
                      "until then it does not promote, renew or rebuild"
                    : "the log knows less than this node has persisted: it does not promote, "
                      "renew or rebuild until a higher term is granted");
}

/* While nobody leads by a log that knows less than this node does, its PostgreSQL stands in
 * recovery and follows nobody: so it can report where it stands. */
static bool must_wait_for_log(const struct agent *a)
{
    bool readable = a->ready && a->caught_up && a->cluster.frozen_seq == 0;
    if (readable && agent_log_went_back(a)) {
        return !cluster_has_ended(&a->cluster);
    }
    return agent_is_closed(a) || !a->caught_up || !agent_vote_stands(a);
}

static bool must_refuse(const struct agent *a)
{
    return lead_is_granted(a) && lead_refusal(a) != REASON_NONE;
}

static void refuse(struct agent *a, struct action_list *actions)
{
    refuse_for(a, lead_refusal(a), actions);
}

static bool must_wait_for_end(const struct agent *a)
{
    return a->pg.busy != BUSY_NONE || (agent_is_gone(a) && !a->data.known) || a->ending.term != 0;
}

static bool is_newly_foreign(const struct agent *a)
{
    return agent_is_foreign(a) && !a->report.foreign_said;
}

static void say_foreign(struct agent *a, struct action_list *actions)
{
    a->report.foreign_said = true;
    act_say(actions, SEVERITY_ERROR,
            "system ID mismatch: this data directory belongs to %llu, cluster %s to %llu; move it "
            "away, or name the right cluster",
            (unsigned long long)a->data.found.system_id, a->self.cluster,
            (unsigned long long)a->cluster.system_id);
}

/* ---- the table ---- */

struct row {
    const char *name;
    bool (*guard)(const struct agent *);
    void (*act)(struct agent *, struct action_list *); /* NULL: wait */
};

/* clang-format off */
static const struct row ROWS[] = {
    {"kill-superseded",  is_superseded_alive,     kill_superseded},
    {"kill-deposed",     is_deposed,              depose},
    {"kill-faulty",      is_faulty,               kill_faulty},
    {"kill-overdue",     kill_is_overdue,         act_kill},
    {"demote",           lease_must_demote,       lease_demote},
    {"resign-demoted",   lease_has_demoted,       resign_demoted},
    {"give-up",          must_give_up,            give_up},
    {"release",          may_release,             release},
    {"leave-superseded", is_superseded_gone,      leave_superseded},
    {"stop",             must_stop,               stop},
    {"resign",           must_resign,             resign},
    {"resign-asked",     switch_must_resign,      switch_resign},
    {"begin-to-leave",   begins_to_leave,         begin_to_leave},
    {"goodbye",          may_say_goodbye,         say_goodbye},
    {"leave",            may_leave,               leave},
    {"wait-guard",       must_wait_for_guard,     NULL},
    {"inspect",          must_inspect,            act_inspect},
    {"wait-leave",       is_leaving,              NULL},
    {"hello",            may_say_hello,           say_hello},
    {"refuse-stale",     must_refuse_stale,       refuse_stale},
    {"say-closed",       is_newly_closed,         say_closed},
    {"wait-log",         must_wait_for_log,       NULL},
    {"refuse",           must_refuse,             refuse},
    {"go-on",            switch_must_undo,        switch_undo},
    {"wait-end",         must_wait_for_end,       NULL},
    {"say-foreign",      is_newly_foreign,        say_foreign},
    {"release-again",    must_release_again,      release_again},
    {"wait-paused",      pause_must_wait,         NULL},
    {"restart-checkpoint", restart_asked_must_checkpoint, restart_asked_checkpoint},
    {"restart-announce", restart_asked_must_announce, restart_asked_announce},
    {"restart-asked",    restart_asked_must_stop, restart_asked_stop},
    {"restart",          restart_must_begin,      restart_begin},
    {"abandon",          lead_is_impossible,      lead_abandon},
    {"initdb",           lead_must_initdb,        lead_initdb},
    {"start-primary",    lead_must_start,         lead_start},
    {"promote",          lead_must_promote,       lead_promote},
    {"stream",           lead_must_stream,        lead_stream},
    {"report-primary",   lead_must_report,        lead_report},
    {"post-init",        lead_must_prepare,       lead_prepare},
    {"first-write",      lead_must_write,         lead_write},
    {"checkpoint",       lead_must_checkpoint,    lead_checkpoint},
    {"switch",           switch_must_checkpoint,  switch_checkpoint},
    {"hand-over",        switch_must_stop,        switch_stop},
    {"lead",             lead_is_asked,           NULL},
    {"wait-foreign",     agent_is_foreign,        NULL},
    {"clear-rebuild",    follow_must_clear,  act_kill},
    {"rebuild",          follow_must_rebuild,     follow_rebuild},
    {"wait-rebuild",     follow_rebuilds,                NULL},
    {"seal",             follow_must_seal,        follow_seal},
    {"redirect",         follow_must_redirect,    follow_redirect},
    {"restart-short",    parameters_must_restart, parameters_restart},
    {"load-slots",       follow_must_load_slots,  follow_load_slots},
    {"follow",           follow_must_start,       follow_start},
    {"recover-standby",  follow_must_recover_standby, follow_start},
    {"recover-primary",  follow_must_recover_primary, follow_recover_primary},
};
/* clang-format on */

#define ROW_COUNT (sizeof ROWS / sizeof ROWS[0])
/* Acts of one step: each makes its own guard false, and no chain is longer. */
#define ACTS_MAX 8

static const struct row *first_row(const struct agent *a)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (ROWS[i].guard(a)) {
            return &ROWS[i];
        }
    }
    return NULL;
}

void decide_act(struct agent *a, struct action_list *actions)
{
    for (uint32_t i = 0; i < ACTS_MAX; i++) {
        const struct row *row = first_row(a);
        if (row == NULL || row->act == NULL) {
            return;
        }
        row->act(a, actions);
    }
}

uint64_t agent_decide_next_ms(const struct agent *a)
{
    uint64_t next_ms = UINT64_MAX;
    const uint64_t times[] = {
            a->pg.busy == BUSY_NONE ? 0 : a->pg.busy_until_ms,
            agent_is_gone(a) ? a->pg.start_ms : 0,
            a->data.inspecting ? 0 : a->data.due_ms,
            a->lead.stage < LEAD_CHECKPOINTED ? a->lead.retry_ms : 0,
            a->stop.exited ? 0 : a->stop.until_ms,
            restart_goes_on(a) ? a->restart.until_ms : 0,
            a->asked_for.stage != RESTART_NONE ? a->asked_for.until_ms : 0,
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (times[i] > a->now_ms && times[i] < next_ms) {
            next_ms = times[i];
        }
    }
    return next_ms;
}

const char *decide_row_name(size_t index)
{
    return index < ROW_COUNT ? ROWS[index].name : NULL;
}
