/* SPDX-License-Identifier: PostgreSQL */
#include "promise.h"

#include "../proto/lost.h"
#include "../proto/standby.h"
#include "act.h"

#include <string.h>

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t holdoff_ms(uint32_t ttl_ms)
{
    return (uint64_t)ttl_ms + LEASE_ALLOWANCE_MS(ttl_ms);
}

static uint32_t bit_of(uint32_t i)
{
    return UINT32_C(1) << i;
}

/* ---- whom a renewal names ---- */

/* A node that was not heard for so long is as good as dead. */
static uint64_t silence_ms(const struct agent *a)
{
    struct config config = agent_config(a);
    return config_lease_ttl_ms(config.probe_period_ms, config.probe_timeout_ms,
                               config.probe_failure_threshold);
}

static bool is_heard(const struct agent *a, uint32_t i, uint64_t patience_ms)
{
    return a->live_ms[i] != 0 && a->now_ms - a->live_ms[i] < patience_ms;
}

/* Nobody concludes silence without proof of hearing: it has read its own renewals back through all
 * of it. */
static bool is_silent(const struct agent *a, uint32_t i, uint64_t patience_ms)
{
    const struct agent_promise *p = &a->promise;
    uint64_t since_ms = later(a->live_ms[i], p->hearing_ms);
    bool hears = p->read_ms != 0 && a->now_ms - p->read_ms < patience_ms / 2;
    return hears && a->now_ms - since_ms >= patience_ms;
}

static bool is_bound(const struct agent *a)
{
    return agent_config(a).failsafe == FAILSAFE_ON && !standby_is_on(&a->cluster);
}

/* Who is named stays so until it is silent: whoever is not named cannot follow. A term begins with
 * those that could have been granted it. */
static uint32_t electable(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    uint32_t could_lead = c->lease.failsafe ? c->lease.electable : UINT32_MAX;
    uint32_t before = a->promise.term == c->term ? a->promise.named : could_lead;
    uint64_t patience_ms = silence_ms(a);
    uint32_t mask = 0;
    if (!is_bound(a)) {
        return 0;
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool could = (int32_t)i != a->me && !n->removed && !n->departed && !n->nofailover;
        bool named = (before & bit_of(i)) != 0 ? !is_silent(a, i, patience_ms)
                                               : is_heard(a, i, patience_ms);
        mask |= could && named ? bit_of(i) : 0;
    }
    return mask;
}

static void begin_term(struct agent *a)
{
    struct agent_promise *p = &a->promise;
    if (p->term != a->cluster.term) {
        p->named = electable(a);
        p->term = a->cluster.term;
        p->unread = 0;
        p->is_read = false;
        p->unbound = false;
        p->lives_on = false;
        p->asked = 0;
        p->number++; /* no answer to what was asked before counts */
    }
}

void promise_name(struct agent *a, struct renew *renewal)
{
    struct agent_promise *p = &a->promise;
    begin_term(a);
    p->named = electable(a);
    p->unread |= p->named;
    p->unbound = p->unbound || !is_bound(a);
    renewal->failsafe = is_bound(a);
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        if ((p->named & bit_of(i)) != 0) {
            memcpy(renewal->electable.names[renewal->electable.count++], a->cluster.nodes[i].name,
                   NAME_SIZE);
        }
    }
}

bool promise_must_name(const struct agent *a)
{
    return a->promise.term == a->cluster.term && (electable(a) & ~a->promise.named) != 0;
}

void promise_read_back(struct agent *a, const struct event *renewal, uint64_t sent_ms)
{
    struct agent_promise *p = &a->promise;
    if (p->read_ms == 0 || a->now_ms - p->read_ms > silence_ms(a) / 2) {
        p->hearing_ms = a->now_ms;
    }
    p->read_ms = a->now_ms;
    p->is_read = true;
    p->read = a->cluster.lease.electable;
    p->counter = renewal->counter;
    p->sent_ms = sent_ms;
    p->proof_ms = later(p->proof_ms, sent_ms);
    if (renewal->counter == a->lease.last_counter) { /* what was sent before it has no effect */
        p->unread = 0;
        p->unbound = !renewal->body.renew.failsafe;
    }
}

/* ---- asking ---- */

/* All that the log's last renewal can name. */
static uint32_t to_ask(const struct agent *a)
{
    return a->promise.read | a->promise.unread;
}

static bool may_ask(const struct agent *a)
{
    const struct agent_promise *p = &a->promise;
    bool ends = a->lease.deadline_ms > a->now_ms && a->lease.deadline_ms != LEASE_LIFTED_MS;
    return p->is_read && !p->unbound && p->term == a->cluster.term && is_bound(a) && ends &&
           a->lease.stage == LEASE_KEPT;
}

static void extend(struct agent *a, struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    p->proof_ms = later(p->proof_ms, p->asked_ms);
    lease_extend(a, p->asked_ms + p->ttl_ms, actions);
    if (!p->lives_on) {
        p->lives_on = true;
        act_say(actions, SEVERITY_WARNING,
                "the log cannot be written: this node goes on as the leader, by promises of the "
                "nodes that could follow it term=%llu",
                (unsigned long long)a->cluster.term);
    }
}

static void ask(struct agent *a, struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    p->number++;
    p->asked_ms = a->now_ms;
    p->ttl_ms = cluster_ttl_ms(&a->cluster);
    p->asked = to_ask(a);
    p->given = 0;
    if (p->asked == 0) {
        extend(a, actions);
        return;
    }
    struct action *action = act_add(actions, ACTION_PROMISE);
    struct promise_message *m = &action->as.promise.message;
    memset(&action->as.promise, 0, sizeof action->as.promise);
    m->kind = PROMISE_ASKED;
    memcpy(m->cluster, a->self.cluster, NAME_SIZE);
    memcpy(m->from, a->self.node, NAME_SIZE);
    m->term = a->cluster.term;
    m->incarnation = a->incarnation;
    m->number = p->number;
    m->ttl_ms = p->ttl_ms;
    m->counter = p->counter;
    m->age_ms = (uint32_t)(a->now_ms - p->sent_ms);
    struct name_list *to = &action->as.promise.to;
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        if ((p->asked & bit_of(i)) != 0) {
            memcpy(to->names[to->count++], a->cluster.nodes[i].name, NAME_SIZE);
        }
    }
}

uint64_t promise_due_ms(const struct agent *a)
{
    const struct agent_promise *p = &a->promise;
    if (!may_ask(a)) {
        return UINT64_MAX;
    }
    uint64_t late_ms = p->proof_ms + lease_renew_period_ms(a) + PROMISE_PATIENCE_MS;
    return later(late_ms, p->asked_ms + lease_renew_period_ms(a) / 4);
}

static void learn_answer(struct agent *a, const struct promise_message *m,
                         struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    int32_t i = cluster_find_node(&a->cluster, m->from);
    bool mine = m->incarnation == a->incarnation && m->number == p->number &&
                m->term == a->cluster.term && m->ttl_ms == p->ttl_ms;
    if (i < 0 || !mine || (p->asked & bit_of((uint32_t)i)) == 0) {
        return;
    }
    if (m->reason != REASON_NONE) {
        act_say(actions, SEVERITY_WARNING, "%s promises nothing: %s term=%llu", m->from,
                reason_text(m->reason), (unsigned long long)m->term);
        return;
    }
    p->given |= bit_of((uint32_t)i);
    /* A renewal that was sent since may name more. */
    if ((to_ask(a) & ~p->given) == 0 && may_ask(a) && agent_holds(a)) {
        extend(a, actions);
    }
}

/* ---- promising ---- */

/* The log that this node has read to its end, since that renewal was sent, lacks it: what the asker
 * lives by is lost, and others may be named by what is left. */
static bool lacks_renewal(const struct agent *a, const struct promise_message *m)
{
    const struct lease *lease = &a->cluster.lease;
    bool has = lease->renewed && lease->renewal_mark.incarnation == m->incarnation &&
               lease->renewal_mark.counter >= m->counter;
    bool since = a->caught_up && a->now_ms - a->caught_up_ms <= m->age_ms;
    return since && !has;
}

static enum reason objection(const struct agent *a, const struct promise_message *m)
{
    const struct cluster *c = &a->cluster;
    bool over = c->term > m->term || a->vote.term > m->term || a->wanted.term > m->term;
    bool ended = c->term == m->term && cluster_holder(c) == LEADER_NONE;
    int32_t holder = cluster_holder(c);
    bool other = c->term == m->term && holder != LEADER_NONE &&
                 strcmp(c->nodes[holder].name, m->from) != 0;
    if (over || ended || other) {
        return REASON_DEPOSED;
    }
    if (a->lease.deadline_ms > a->now_ms || (holder != LEADER_NONE && holder == a->me)) {
        return REASON_DEPOSED;
    }
    return lacks_renewal(a, m) ? REASON_LOG_LOST : REASON_NONE;
}

static void answer(struct agent *a, const struct promise_message *asked, enum reason reason,
                   struct action_list *actions)
{
    struct action *action = act_add(actions, ACTION_PROMISE);
    memset(&action->as.promise, 0, sizeof action->as.promise);
    struct promise_message *m = &action->as.promise.message;
    *m = *asked;
    m->kind = PROMISE_ANSWERED;
    memcpy(m->from, a->self.node, NAME_SIZE);
    memcpy(m->to, asked->from, NAME_SIZE);
    m->counter = 0;
    m->age_ms = 0;
    m->reason = reason;
    action->as.promise.to.count = 1;
    memcpy(action->as.promise.to.names[0], asked->from, NAME_SIZE);
}

/* That promises are given stands on the disk, and nothing that is being written takes it back. */
static bool is_persisted(const struct agent *a, uint32_t ttl_ms)
{
    return a->vote.promised_ttl_ms >= ttl_ms &&
           (!a->persisting || a->asked.promised_ttl_ms >= ttl_ms);
}

static void keep_still(struct agent *a, uint32_t ttl_ms)
{
    a->promise.still_ms = later(a->promise.still_ms, a->now_ms + holdoff_ms(ttl_ms));
}

static void learn_question(struct agent *a, const struct promise_message *m,
                           struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    if (m->ttl_ms < LEASE_TTL_MS_MIN || m->ttl_ms > LEASE_TTL_MS_MAX) {
        return;
    }
    enum reason reason = objection(a, m);
    if (reason != REASON_NONE) {
        answer(a, m, reason, actions);
        return;
    }
    keep_still(a, m->ttl_ms);
    p->still_term = m->term;
    if (a->wanted.promised_ttl_ms < m->ttl_ms) {
        a->wanted.promised_ttl_ms = m->ttl_ms;
    }
    p->is_owed = true;
    p->owed = *m;
}

void promise_learn(struct agent *a, const struct promise_message *m, struct action_list *actions)
{
    if (strcmp(m->cluster, a->self.cluster) != 0 || strcmp(m->to, a->self.node) != 0) {
        return;
    }
    if (m->kind == PROMISE_ASKED) {
        learn_question(a, m, actions);
    } else {
        learn_answer(a, m, actions);
    }
}

void promise_learn_release(struct agent *a, const struct event *release)
{
    if (release->body.release.term == a->promise.still_term) {
        a->promise.still_ms = 0;
    }
}

uint32_t promise_left_ms(const struct agent *a)
{
    return a->promise.still_ms > a->now_ms ? (uint32_t)(a->promise.still_ms - a->now_ms) : 0;
}

/* ---- in each step ---- */

/* As if it had just promised, where it may have. */
void promise_begin(struct agent *a)
{
    struct agent_promise *p = &a->promise;
    if (p->earlier_ms != 0) {
        keep_still(a, p->earlier_ms);
        p->earlier_ms = 0;
    }
    if (p->voteless && a->caught_up) {
        p->voteless = false;
        if (a->me >= 0) {
            keep_still(a, lost_longest_ttl_ms(&a->cluster));
        }
    }
}

static void answer_owed(struct agent *a, struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    if (p->is_owed && is_persisted(a, p->owed.ttl_ms)) {
        p->is_owed = false;
        answer(a, &p->owed, REASON_NONE, actions);
    }
}

static void forget(struct agent *a)
{
    if (a->wanted.promised_ttl_ms != 0 && a->link_up &&
        a->now_ms >= a->promise.still_ms + PROMISE_REMEMBERED_MS) {
        a->wanted.promised_ttl_ms = 0;
    }
}

void promise_keep(struct agent *a, bool may_go_on, struct action_list *actions)
{
    struct agent_promise *p = &a->promise;
    answer_owed(a, actions);
    forget(a);
    if (may_go_on && a->now_ms >= promise_due_ms(a)) {
        ask(a, actions);
    }
    if (p->lives_on && p->proof_ms == p->sent_ms) {
        p->lives_on = false;
        act_say(actions, SEVERITY_INFO, "the log can be written again term=%llu",
                (unsigned long long)a->cluster.term);
    }
}
