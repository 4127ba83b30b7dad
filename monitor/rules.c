/* SPDX-License-Identifier: PostgreSQL */
#include "rules.h"

#include "../proto/election.h"
#include "../proto/lost.h"
#include "../proto/order.h"
#include "../proto/pause.h"
#include "../proto/standby.h"
#include "../proto/sync.h"
#include "rules_switchover.h"
#include "rules_sync.h"

#include <string.h>

bool rules_is_first(const struct cluster *c)
{
    return c->system_id == 0 && c->phase != PHASE_GRANTED && c->phase != PHASE_HELD;
}

uint64_t rules_alive_ms(const struct cluster *c)
{
    const struct config defaults = config_default();
    const struct config *config = c->configured ? &c->config : &defaults;
    return config_lease_ttl_ms(config->probe_period_ms, config->probe_timeout_ms,
                               config->probe_failure_threshold);
}

uint64_t rules_silence_ms(const struct cluster *c)
{
    return sync_silence_ms(c, UINT32_MAX);
}

uint64_t rules_accept_ms(const struct cluster *c)
{
    const uint64_t ttl_ms = cluster_ttl_ms(c);
    const uint64_t still_ms = c->leader != LEADER_NONE ? c->nodes[c->leader].still_ms : 0;
    return still_ms + ttl_ms + LEASE_ALLOWANCE_MS(ttl_ms);
}

/* What keeps a cluster from being made is an operator's to mend: it is not tried all the time. */
uint64_t rules_election_ms(const struct cluster *c)
{
    bool failed = false;
    bool fresh = false;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool vain = election_has_failed_to_make(n);
        failed = failed || vain;
        fresh = fresh || (!vain && !n->departed && n->state == NODE_EMPTY);
    }
    uint64_t first_ms = failed && !fresh ? REFUSAL_PAUSE_MS : BOOTSTRAP_WAIT_MS;
    return rules_is_first(c) ? first_ms : ELECTION_TIMEOUT_MS;
}

uint64_t rules_refusal_ms(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].refused_term == c->term && c->term != 0) {
            return REFUSAL_PAUSE_MS;
        }
    }
    return 0;
}

uint64_t rules_verdict_ms(const struct cluster *c)
{
    return c->no_candidate ? VERDICT_PAUSE_MS : 0;
}

uint64_t rules_lapse_ms(const struct cluster *c)
{
    bool waits = c->phase == PHASE_REVOKED && c->lease.renewed;
    return waits ? cluster_wait_ms(c) : 0;
}

/* ---- what guards ask ---- */

static bool is_alive(const struct question *q, uint32_t i)
{
    return (q->evidence->alive_mask >> i & 1) != 0;
}

static bool lease_has_lapsed(const struct question *q)
{
    return q->evidence->renewal_age_ms >= rules_lapse_ms(q->c);
}

/* It would know by now of a lease that the log has lost, or that lease has run out (lost.h). */
static bool has_held_off(const struct question *q)
{
    return q->evidence->hearing_ms >= lost_holdoff_ms(q->c);
}

/* With failover_mode sealed the proof takes the place of the wait. */
static bool may_be_granted(const struct question *q, int32_t i)
{
    return i != LEADER_NONE && has_held_off(q) &&
           (lease_has_lapsed(q) || sync_spares_wait(q->c, i));
}

/* Also of a node that is away now: its data must not be forgotten for an empty one that is here. */
static bool some_node_has_data(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].system_id != 0) {
            return true;
        }
    }
    return false;
}

/* How the next holder becomes a primary. */
static enum grant_kind next_grant_kind(const struct cluster *c)
{
    if (!rules_is_first(c)) {
        return GRANT_FAILOVER;
    }
    return some_node_has_data(c) ? GRANT_ADOPT : GRANT_BOOTSTRAP;
}

static int32_t choose(const struct question *q, struct candidate_list *ret_list)
{
    return election_choose(q->c, next_grant_kind(q->c), q->evidence, ret_list);
}

static bool somebody_is_chosen(const struct question *q)
{
    struct candidate_list list;
    return choose(q, &list) != LEADER_NONE;
}

/* A monitor that has not listened for long enough does not know yet who could report: it does not
 * take the first voice for all of them. */
static bool election_is_ripe(const struct question *q)
{
    if (q->evidence->phase_age_ms >= rules_election_ms(q->c) || sync_elects_early(q->c)) {
        return true;
    }
    return q->evidence->hearing_ms >= rules_alive_ms(q->c) &&
           election_is_complete(q->c, q->evidence->alive_mask);
}

static bool may_make_cluster(const struct question *q, enum grant_kind kind)
{
    return q->c->configured && !pause_is_on(q->c) && rules_is_first(q->c) &&
           next_grant_kind(q->c) == kind && q->evidence->phase_age_ms >= rules_election_ms(q->c) &&
           has_held_off(q) && lease_has_lapsed(q) && somebody_is_chosen(q);
}

static bool somebody_could_lead(const struct question *q)
{
    struct candidate_list list;
    return !rules_is_first(q->c) && !pause_bars_election(q->c) && election_is_ripe(q) &&
           may_be_granted(q, choose(q, &list));
}

/* I18: so many failovers by themselves, and no more. */
static bool failover_is_allowed(const struct question *q)
{
    return q->evidence->failover_age_ms >= cluster_failover_ripe_ms(q->c);
}

static bool may_elect(const struct question *q)
{
    return failover_is_allowed(q) && somebody_could_lead(q);
}

/* An operator's word shortens no lease. */
static bool may_obey(const struct question *q)
{
    struct candidate_list list;
    return rules_may_fail_over(q) && has_held_off(q) && lease_has_lapsed(q) &&
           choose(q, &list) == switchover_target(q->c);
}

/* What was said of the nodes is still so, or was said a moment ago. */
static bool verdicts_stand(const struct question *q, const struct candidate_list *list)
{
    const struct cluster *c = q->c;
    if (q->evidence->verdict_age_ms < rules_verdict_ms(c)) {
        return true;
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].verdict != list->items[i].verdict) {
            return false;
        }
    }
    return c->no_candidate;
}

/* ---- what nodes need ---- */

typedef bool (*need_function)(const struct cluster *c, const struct node *n);

static bool is_foreign(const struct cluster *c, const struct node *n)
{
    return n->reason == REASON_FOREIGN_SYSTEM ||
           (n->system_id != 0 && n->system_id != c->system_id);
}

static bool copy_has_failed(const struct node *n)
{
    return n->failed_task == TASK_REWIND || n->failed_task == TASK_BASEBACKUP;
}

static bool has_left_history(const struct node *n)
{
    return (n->state == NODE_FAILED || n->state == NODE_STOPPED || n->state == NODE_STANDBY) &&
           (n->reason == REASON_DIVERGED || n->reason == REASON_UNCLEAN_PRIMARY);
}

static bool is_damaged(const struct node *n)
{
    return n->state == NODE_FAILED && (n->reason == REASON_DATA_DIRECTORY_DAMAGED ||
                                       n->reason == REASON_DATA_DIRECTORY_UNREADABLE);
}

static bool needs_first_copy(const struct cluster *c, const struct node *n)
{
    (void)c;
    return n->state == NODE_EMPTY;
}

/* A rewind that ended well and changed nothing is not tried twice. */
static bool rewind_has_failed(const struct node *n)
{
    return copy_has_failed(n) || n->rebuilt_task == TASK_REWIND;
}

static bool needs_rewind(const struct cluster *c, const struct node *n)
{
    (void)c;
    return has_left_history(n) && !rewind_has_failed(n);
}

/* It has found that out of the present leader: another one may have kept more. */
static bool has_lost_its_way(const struct cluster *c, const struct node *n)
{
    return n->reason == REASON_WAL_MISSING && n->state_seq > c->phase_seq;
}

static bool needs_new_copy(const struct cluster *c, const struct node *n)
{
    bool vain =
            has_left_history(n) || (n->state == NODE_FAILED && n->reason == REASON_START_FAILED);
    return is_damaged(n) || has_lost_its_way(c, n) ||
           (copy_has_failed(n) && n->state == NODE_FAILED) || (rewind_has_failed(n) && vain);
}

static bool is_asked_for(const struct cluster *c, const struct node *n)
{
    (void)c;
    return n->asked_seq != 0;
}

/* Why nothing less than a new copy will do. */
static enum reason reason_for_copy(const struct cluster *c, const struct node *n)
{
    if (is_damaged(n) && n->failed_task != TASK_REWIND) {
        return n->reason;
    }
    if (copy_has_failed(n)) {
        return n->failed_task == TASK_REWIND ? REASON_REWIND_FAILED : REASON_BASEBACKUP_FAILED;
    }
    return has_lost_its_way(c, n) ? REASON_WAL_MISSING : REASON_REWIND_IN_VAIN;
}

static bool mark_is_below(const struct mark *a, const struct mark *b)
{
    return a->incarnation < b->incarnation ||
           (a->incarnation == b->incarnation && a->counter < b->counter);
}

/* A copy ended well, and its node has not said since what it has now: what it said last is of
 * before the copy, and asks for nothing. */
static bool copy_is_unseen(const struct cluster *c, const struct node *n)
{
    return n->rebuild_term == c->term && n->rebuild_seq > n->state_seq &&
           n->failed_task == TASK_NONE && mark_is_below(&n->probe_mark, &n->task_mark);
}

/* Soon nobody waits for it any more, and an election can do without it; strict waits for ever. */
static bool is_waited_for(const struct cluster *c, int32_t i)
{
    return standby_synchronous(c) != SYNCHRONOUS_STRICT && sync_needs(c, i);
}

static bool rebuild_is_allowed(const struct question *q, uint32_t i)
{
    return q->c->nodes[i].asked_seq != 0 ||
           q->evidence->rebuild_age_ms[i] >= cluster_rebuild_ripe_ms(q->c, (int32_t)i);
}

/* Whether node i may be told to rebuild now: never the holder, never another system's data (I16),
 * and not too often (I18). */
static bool may_rebuild(const struct question *q, uint32_t i)
{
    const struct node *n = &q->c->nodes[i];
    return (int32_t)i != q->c->leader && is_alive(q, i) && !n->departed &&
           n->rebuild_task == TASK_NONE && !is_waited_for(q->c, (int32_t)i) &&
           (q->evidence->backoff_mask >> i & 1) == 0 && !is_foreign(q->c, n) &&
           !copy_is_unseen(q->c, n) && rebuild_is_allowed(q, i);
}

/* The first node with this need that may be told to rebuild now, or -1. Before the new leader is
 * writable nobody is told: only then is the reference history known. */
static int32_t find_needy(const struct question *q, need_function need)
{
    const bool barred = pause_is_on(q->c) && need != is_asked_for;
    const bool lost = lost_is_known(q->c) || lost_outgrows(q->c);
    if (!standby_serves(q->c) || barred || lost) {
        return -1;
    }
    for (uint32_t i = 0; i < q->c->node_count; i++) {
        if (need(q->c, &q->c->nodes[i]) && may_rebuild(q, i)) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* ---- guards ---- */

static bool is_unconfigured(const struct question *q)
{
    return !q->c->configured && q->c->node_count > 0;
}

static bool may_bootstrap(const struct question *q)
{
    return may_make_cluster(q, GRANT_BOOTSTRAP);
}

static bool may_adopt(const struct question *q)
{
    return may_make_cluster(q, GRANT_ADOPT);
}

static bool leader_is_silent(const struct question *q)
{
    const uint64_t wait_ms = sync_silence_ms(q->c, q->evidence->alive_mask);
    return !pause_keeps_lease(q->c) && q->evidence->renewal_age_ms >= wait_ms &&
           q->evidence->hearing_ms >= wait_ms;
}

static bool grant_is_unaccepted(const struct question *q)
{
    const uint64_t wait_ms = rules_accept_ms(q->c);
    return q->evidence->phase_age_ms >= wait_ms && q->evidence->hearing_ms >= wait_ms;
}

static bool limit_is_reached(const struct question *q)
{
    return !q->c->limited && !failover_is_allowed(q) && somebody_could_lead(q);
}

/* Until a failover is allowed again the limit is what stands in the way: monitors that hear
 * different nodes would contradict each other all the time. */
static bool limit_stands(const struct question *q)
{
    return q->c->limited && !failover_is_allowed(q);
}

/* When what an election came to may be said. */
static bool verdict_is_due(const struct question *q)
{
    return q->c->configured && q->c->node_count > 0 && lease_has_lapsed(q) &&
           q->evidence->phase_age_ms >= rules_election_ms(q->c) &&
           q->evidence->hearing_ms >= rules_alive_ms(q->c) && !pause_bars_election(q->c) &&
           !limit_stands(q);
}

/* Somebody could lead, and switch_policy lets nobody be promoted unasked. */
static int32_t find_withheld(const struct question *q, struct candidate_list *ret_list)
{
    return rules_is_first(q->c) ? LEADER_NONE : election_would_choose(q->c, q->evidence, ret_list);
}

static bool policy_forbids(const struct question *q)
{
    struct candidate_list list;
    return verdict_is_due(q) && find_withheld(q, &list) != LEADER_NONE && !verdicts_stand(q, &list);
}

static bool nobody_can_lead(const struct question *q)
{
    struct candidate_list list;
    struct candidate_list would;
    return verdict_is_due(q) && choose(q, &list) == LEADER_NONE &&
           find_withheld(q, &would) == LEADER_NONE && !verdicts_stand(q, &list);
}

static bool some_node_is_asked_for(const struct question *q)
{
    return find_needy(q, is_asked_for) >= 0;
}

static bool some_node_is_empty(const struct question *q)
{
    return find_needy(q, needs_first_copy) >= 0;
}

static bool some_node_diverged(const struct question *q)
{
    return find_needy(q, needs_rewind) >= 0;
}

static bool some_node_needs_copy(const struct question *q)
{
    return find_needy(q, needs_new_copy) >= 0;
}

static bool something_is_asked(const struct question *q)
{
    return order_is_due(q->c, q->evidence);
}

/* ---- decisions ---- */

static void write_order(const struct question *q, struct event *ret_event)
{
    ret_event->kind = EVENT_ORDER;
    ret_event->cause_seq = q->c->asked.request_seq;
    ret_event->body.order = order_next(q->c, q->evidence);
}

static void write_config(const struct question *q, struct event *ret_event)
{
    ret_event->kind = EVENT_CONFIG;
    ret_event->body.config = q->options->config;
}

/* What may be lost: all that is known of the last holder's WAL, and whether that is all. */
static void write_loss(const struct cluster *c, int32_t i, struct grant *grant)
{
    grant->loss_bytes = cluster_lag_bytes(c, i);
    grant->leader_position = c->lease.position;
    grant->leader_wall_us = c->lease.position_wall_us;
    grant->loss_known = cluster_loss_is_known(c, i);
}

static void write_grant(const struct question *q, struct event *ret_event)
{
    struct grant *grant = &ret_event->body.grant;
    ret_event->kind = EVENT_GRANT;
    const int32_t i = choose(q, &grant->candidates);
    const struct node *n = &q->c->nodes[i];
    grant->kind = next_grant_kind(q->c);
    grant->term = lost_next_term(q->c);
    memcpy(grant->node, n->name, sizeof(grant->node));
    grant->incarnation = n->incarnation;
    grant->position = n->position;
    const bool opens = grant->kind == GRANT_FAILOVER && !standby_is_on(q->c);
    grant->timeline = opens ? q->c->timeline_max + 1 : 0;
    grant->renewal_seq = cluster_last_renewal_seq(q->c);
    sync_list_of(q->c, sync_granted(q->c, i, &grant->wait_count), &grant->waits);
    if (opens) { /* what a standby cluster lacks the remote has */
        write_loss(q->c, i, grant);
    }
    ret_event->cause_seq = q->c->phase_seq != 0 ? q->c->phase_seq : n->state_seq;
}

static void write_obeyed(const struct question *q, struct event *ret_event)
{
    write_grant(q, ret_event);
    ret_event->cause_seq = q->c->pending.request_seq;
}

static void write_revoke(const struct question *q, struct event *ret_event)
{
    ret_event->kind = EVENT_REVOKE;
    ret_event->cause_seq = q->c->phase_seq;
    ret_event->body.revoke.term = q->c->term;
    ret_event->body.revoke.renewal_seq = cluster_last_renewal_seq(q->c);
}

static void write_no_candidate(const struct question *q, struct event *ret_event)
{
    ret_event->kind = EVENT_NO_CANDIDATE;
    ret_event->cause_seq = q->c->phase_seq;
    ret_event->body.no_candidate.term = q->c->term;
    (void)choose(q, &ret_event->body.no_candidate.candidates);
}

static void write_withheld(const struct question *q, struct event *ret_event)
{
    struct no_candidate *n = &ret_event->body.no_candidate;
    write_no_candidate(q, ret_event);
    const int32_t i = find_withheld(q, &n->candidates);
    n->reason = REASON_POLICY;
    memcpy(n->node, q->c->nodes[i].name, sizeof(n->node));
    n->loss_bytes = cluster_lag_bytes(q->c, i);
}

static void write_limit(const struct question *q, struct event *ret_event)
{
    struct no_candidate *n = &ret_event->body.no_candidate;
    write_no_candidate(q, ret_event);
    n->reason = REASON_FAILOVER_LIMIT;
    n->wait_ms = cluster_failover_ripe_ms(q->c) - q->evidence->failover_age_ms;
}

static void write_directive(const struct question *q, int32_t i, enum task task, enum reason why,
                            struct event *ret_event)
{
    const struct node *n = &q->c->nodes[i];
    struct directive *directive = &ret_event->body.directive;
    ret_event->kind = EVENT_DIRECTIVE;
    ret_event->cause_seq = n->state_seq;
    memcpy(directive->node, n->name, sizeof(directive->node));
    directive->incarnation = n->incarnation;
    directive->term = q->c->term;
    directive->task = task;
    directive->reason = why;
    if (copy_has_failed(n)) {
        memcpy(directive->text, n->failed_text, sizeof(directive->text));
    }
}

/* As asked; left to the monitor, the least that can help. What is on the history is not rewound: a
 * rewind that breaks off leaves nothing that could lead, a copy leaves the old directory. */
static enum task requested_task(const struct cluster *c, const struct node *n)
{
    const bool wanted =
            n->asked_task == TASK_REWIND || (n->asked_task == TASK_NONE && needs_rewind(c, n));
    return wanted && has_left_history(n) ? TASK_REWIND : TASK_BASEBACKUP;
}

static void write_requested(const struct question *q, struct event *ret_event)
{
    const int32_t i = find_needy(q, is_asked_for);
    const struct node *n = &q->c->nodes[i];
    write_directive(q, i, requested_task(q->c, n), REASON_REQUESTED, ret_event);
    ret_event->cause_seq = n->asked_seq;
}

static void write_first_copy(const struct question *q, struct event *ret_event)
{
    write_directive(q, find_needy(q, needs_first_copy), TASK_BASEBACKUP,
                    REASON_DATA_DIRECTORY_EMPTY, ret_event);
}

static void write_rewind(const struct question *q, struct event *ret_event)
{
    const int32_t i = find_needy(q, needs_rewind);
    write_directive(q, i, TASK_REWIND, q->c->nodes[i].reason, ret_event);
}

static void write_new_copy(const struct question *q, struct event *ret_event)
{
    const int32_t i = find_needy(q, needs_new_copy);
    write_directive(q, i, TASK_BASEBACKUP, reason_for_copy(q->c, &q->c->nodes[i]), ret_event);
}

/* ---- the table ---- */

enum {
    NONE = 1 << PHASE_NONE,
    GRANTED = 1 << PHASE_GRANTED,
    HELD = 1 << PHASE_HELD,
    RELEASED = 1 << PHASE_RELEASED,
    REVOKED = 1 << PHASE_REVOKED,
    LEADERLESS = NONE | RELEASED | REVOKED,
    ANY = LEADERLESS | GRANTED | HELD,
};

/* clang-format off */
const struct rule RULES[] = {
    {"configure",         ANY,        is_unconfigured,      write_config},
    {"order",             ANY,        something_is_asked,   write_order},
    {"bootstrap",         LEADERLESS, may_bootstrap,        write_grant},
    {"adopt",             LEADERLESS, may_adopt,            write_grant},
    {"revoke-silent",     HELD,       leader_is_silent,     write_revoke},
    {"revoke-unaccepted", GRANTED,    grant_is_unaccepted,  write_revoke},
    {"elect-switchover",  RELEASED,   rules_may_switch,     write_grant},
    {"elect-requested",   LEADERLESS, may_obey,             write_obeyed},
    {"elect-released",    RELEASED,   may_elect,            write_grant},
    {"elect-revoked",     REVOKED,    may_elect,            write_grant},
    {"limit-failovers",   LEADERLESS, limit_is_reached,     write_limit},
    {"policy-noop",       LEADERLESS, policy_forbids,       write_withheld},
    {"no-candidate",      LEADERLESS, nobody_can_lead,      write_no_candidate},
    {"switchover-due",    HELD,       rules_is_due,         rules_write_step},
    {"switchover-begin",  HELD,       rules_must_begin,     rules_write_step},
    {"switchover-stop",   HELD,       rules_must_stop,      rules_write_step},
    {"switchover-abort",  ANY,        rules_must_abort,     rules_write_step},
    {"sync-give-up",      HELD,       rules_sync_is_alone,  rules_sync_give_up},
    {"sync-change",       HELD,       rules_sync_differs,   rules_sync_change},
    {"rebuild-requested", HELD,       some_node_is_asked_for, write_requested},
    {"rebuild-empty",     HELD,       some_node_is_empty,   write_first_copy},
    {"rebuild-diverged",  HELD,       some_node_diverged,   write_rewind},
    {"rebuild-again",     HELD,       some_node_needs_copy, write_new_copy},
};
/* clang-format on */

const size_t RULE_COUNT = sizeof(RULES) / sizeof(RULES[0]);
