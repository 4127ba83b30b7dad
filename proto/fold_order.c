/* SPDX-License-Identifier: PostgreSQL */
/* What operators ask for that one decision ends. */
#include "fold_impl.h"
#include "licence.h"
#include "lost.h"
#include "order.h"
#include "pause.h"
#include "standby.h"
#include "sync.h"

#include <string.h>

/* How a request of each kind is judged when it is made and when it is ended, and what follows. */
struct order_kind {
    enum void_reason (*check)(const struct cluster *, const struct request *);
    enum reason (*objection)(const struct cluster *, const struct evidence *);
    void (*carry_out)(struct cluster *, const struct event *);
};
static const struct order_kind kinds[REQUEST_KIND_COUNT];

/* ---- what is asked ---- */

/* True when it would change something. */
static bool changes_pause(const struct cluster *c, enum request_kind kind, bool leader_stopped)
{
    if (kind == REQUEST_PAUSE) {
        return !pause_is_on(c);
    }
    return pause_is_on(c) || (pause_is_ending(c) && leader_stopped);
}

static enum void_reason check_pause(const struct cluster *c, const struct request *r)
{
    if (r->node[0] != '\0' || (r->leader_stopped && r->kind != REQUEST_RESUME)) {
        return VOID_IMPOSSIBLE;
    }
    if (r->leader_stopped && r->term != c->term) {
        return r->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    return changes_pause(c, r->kind, r->leader_stopped) ? VOID_NONE : VOID_NO_CHANGE;
}

static enum void_reason check_remove(const struct cluster *c, const struct request *r)
{
    int32_t i = r->node[0] != '\0' ? cluster_find_node(c, r->node) : -1;
    if (r->leader_stopped) {
        return VOID_IMPOSSIBLE;
    }
    bool member = i >= 0 && !c->nodes[i].removed;
    return member && i != c->leader ? VOID_NONE : VOID_BAD_TARGET;
}

static enum void_reason check_promote(const struct cluster *c, const struct request *r)
{
    if (r->node[0] != '\0' || r->leader_stopped) {
        return VOID_IMPOSSIBLE;
    }
    return standby_is_on(c) ? VOID_NONE : VOID_NO_CHANGE;
}

static enum void_reason check_config(const struct cluster *c, const struct request *r)
{
    (void)c;
    return r->node[0] == '\0' && !r->leader_stopped ? VOID_NONE : VOID_IMPOSSIBLE;
}

static bool is_member_or_all(const struct cluster *c, const char *name)
{
    int32_t i = cluster_find_node(c, name);
    return name[0] == '\0' || (i >= 0 && !c->nodes[i].removed);
}

static enum void_reason check_reload(const struct cluster *c, const struct request *r)
{
    if (r->leader_stopped) {
        return VOID_IMPOSSIBLE;
    }
    return is_member_or_all(c, r->node) ? VOID_NONE : VOID_BAD_TARGET;
}

/* Of a loss that its author has seen. */
static enum void_reason check_recover(const struct cluster *c, const struct request *r)
{
    if (r->node[0] != '\0' || r->leader_stopped) {
        return VOID_IMPOSSIBLE;
    }
    if (!lost_is_known(c)) {
        return VOID_NO_CHANGE;
    }
    return r->seen_seq >= c->lost.seq ? VOID_NONE : VOID_REQUEST_OUTDATED;
}

static enum void_reason check_asked(const struct cluster *c, const struct request *r)
{
    bool yields = order_waits_for_check(c) && r->kind != REQUEST_CONFIG;
    if (c->asked.request_seq != 0 && !yields) {
        return VOID_REQUEST_PENDING;
    }
    if (r->seen_seq > c->last_seq || r->accept_loss) {
        return VOID_IMPOSSIBLE;
    }
    if (r->seen_seq < c->answered.seq) {
        return VOID_REQUEST_OUTDATED;
    }
    return kinds[r->kind].check(c, r);
}

static void answer(struct cluster *c, enum reason reason, const struct event *e)
{
    c->answered = closed_by(e, c->asked.request_seq, c->asked.kind, c->asked.node, reason);
    memset(&c->asked, 0, sizeof c->asked);
}

enum void_reason fold_asked(struct cluster *c, const struct event *e)
{
    const struct request *r = &e->body.request;
    enum void_reason reason = check_asked(c, r);
    if (reason != VOID_NONE) {
        return reason;
    }
    /* What waits for a check stands in nobody's way. */
    if (c->asked.request_seq != 0) {
        answer(c, REASON_OVERTAKEN, e);
    }
    c->asked = (struct asked){
            .request_seq = e->seq,
            .kind = r->kind,
            .wall_us = e->wall_us,
            .term = r->term,
            .leader_stopped = r->leader_stopped,
            .unchecked = r->unchecked,
            .change = r->change,
    };
    memcpy(c->asked.writer, e->writer, sizeof c->asked.writer);
    memcpy(c->asked.node, r->node, sizeof c->asked.node);
    return VOID_NONE;
}

/* ---- what becomes of it ---- */

/* By the agent that renewed last: one that has been started since, and does not renew, may not know
 * of the term at all (a replaced machine). */
static bool leader_is_heard(const struct cluster *c, const struct evidence *evidence)
{
    bool heard =
            c->leader != LEADER_NONE && (evidence->alive_mask >> (uint32_t)c->leader & 1U) != 0;
    return heard && c->nodes[c->leader].incarnation == c->lease.renewal_mark.incarnation;
}

static enum reason pause_objection(const struct cluster *c, const struct evidence *evidence)
{
    const struct asked *a = &c->asked;
    if (!changes_pause(c, a->kind, a->leader_stopped) ||
        (a->leader_stopped && a->term != c->term)) {
        return REASON_OVERTAKEN;
    }
    return a->leader_stopped && leader_is_heard(c, evidence) ? REASON_LEADER_HEARD : REASON_NONE;
}

/* Somebody counts on what it has, or may have. */
static bool is_needed(const struct cluster *c, int32_t i)
{
    bool opened = c->opening.timeline != 0 && c->opening.node == i;
    return sync_needs(c, i) || opened || strcmp(c->pending.node, c->nodes[i].name) == 0;
}

static enum reason remove_objection(const struct cluster *c, const struct evidence *evidence)
{
    int32_t i = cluster_find_node(c, c->asked.node);
    if (i < 0 || i == c->leader || c->nodes[i].removed) {
        return REASON_OVERTAKEN;
    }
    bool heard = (evidence->alive_mask >> (uint32_t)i & 1U) != 0;
    if (heard && !c->nodes[i].departed) {
        return REASON_NODE_HEARD;
    }
    return is_needed(c, i) ? REASON_STILL_NEEDED : REASON_NONE;
}

/* Without a leader it is carried out as well: the next one is promoted at once. */
static enum reason promote_objection(const struct cluster *c, const struct evidence *evidence)
{
    (void)evidence;
    if (!standby_is_on(c)) {
        return REASON_OVERTAKEN;
    }
    return c->system_id != 0 ? REASON_NONE : REASON_NOBODY_FIT;
}

static enum reason config_objection(const struct cluster *c, const struct evidence *evidence)
{
    const struct asked *a = &c->asked;
    enum reason reason = parameters_objection(&c->parameters, &a->change);
    (void)evidence;
    if (reason != REASON_NONE || a->unchecked || a->check == CHECK_PASSED) {
        return reason;
    }
    return a->check == CHECK_FAILED ? REASON_PARAMETER_INVALID : REASON_UNCHECKED;
}

static enum reason reload_objection(const struct cluster *c, const struct evidence *evidence)
{
    (void)evidence;
    return is_member_or_all(c, c->asked.node) ? REASON_NONE : REASON_OVERTAKEN;
}

/* Whoever is heard can report. */
static enum reason recover_objection(const struct cluster *c, const struct evidence *evidence)
{
    if (!lost_is_known(c) || c->asked.request_seq < c->lost.seq) {
        return REASON_OVERTAKEN;
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool heard = (evidence->alive_mask >> i & 1U) != 0 && !c->nodes[i].departed;
        if (heard && !c->nodes[i].removed && !lost_has_answered(c, (int32_t)i)) {
            return REASON_NODE_HEARD;
        }
    }
    return REASON_NONE;
}

enum reason order_objection(const struct cluster *c, const struct evidence *evidence)
{
    const struct order_kind *kind = &kinds[c->asked.kind];
    return kind->objection != NULL ? kind->objection(c, evidence) : REASON_OVERTAKEN;
}

bool order_waits_for_check(const struct cluster *c)
{
    const struct asked *a = &c->asked;
    return a->request_seq != 0 && a->kind == REQUEST_CONFIG && !a->unchecked &&
           a->check == CHECK_AWAITED && c->phase == PHASE_HELD &&
           parameters_objection(&c->parameters, &a->change) == REASON_NONE;
}

uint64_t order_hearing_ms(const struct cluster *c)
{
    return order_waits_for_check(c) ? HEARING_GAP_MS : 0;
}

/* The leader's agent answers in any case, unless it is gone. */
bool order_is_due(const struct cluster *c, const struct evidence *evidence)
{
    if (c->asked.request_seq == 0 || !order_waits_for_check(c)) {
        return c->asked.request_seq != 0;
    }
    return !leader_is_heard(c, evidence) && evidence->hearing_ms >= order_hearing_ms(c);
}

void order_checked(struct cluster *c, int32_t i, const struct event *e)
{
    struct asked *a = &c->asked;
    bool awaited = order_waits_for_check(c) && cluster_holder(c) == i &&
                   e->body.task.directive_seq == a->request_seq;
    if (awaited) {
        a->check = e->kind == EVENT_DONE ? CHECK_PASSED : CHECK_FAILED;
    }
}

struct order order_next(const struct cluster *c, const struct evidence *evidence)
{
    struct order order = {
            .kind = c->asked.kind,
            .request_seq = c->asked.request_seq,
            .reason = order_objection(c, evidence),
    };
    memcpy(order.node, c->asked.node, sizeof order.node);
    return order;
}

static bool is_same(const struct order *a, const struct order *b)
{
    return a->kind == b->kind && a->request_seq == b->request_seq && a->reason == b->reason &&
           strcmp(a->node, b->node) == 0;
}

static void begin_pause(struct cluster *c, const struct event *e)
{
    c->pause.seq = e->seq;
    c->pause.wall_us = e->wall_us;
    memcpy(c->pause.writer, c->asked.writer, sizeof c->pause.writer);
}

/* The lease of a leader that is stopped for certain does not run any more. */
static void end_pause(struct cluster *c, const struct event *e)
{
    (void)e;
    memset(&c->pause, 0, sizeof c->pause);
    c->lease.lifted = c->lease.lifted && !c->asked.leader_stopped;
}

/* Its place stays, so that the others keep theirs; so do the marks, so that what it said before
 * does not bring it back. A later incarnation of it says hello as a new node. */
static void remove_node(struct cluster *c, const struct event *e)
{
    (void)e;
    int32_t i = cluster_find_node(c, c->asked.node);
    struct node *n = &c->nodes[i];
    licence_lapse(c, i);
    struct node left = {.incarnation = n->incarnation,
                        .lock_mark = n->lock_mark,
                        .probe_mark = n->probe_mark,
                        .task_mark = n->task_mark,
                        .rebuilds = n->rebuilds,
                        .departed = true,
                        .removed = true};
    memcpy(left.name, n->name, sizeof left.name);
    *n = left;
    c->lease.electable &= ~(1U << (uint32_t)i);
    fold_lost_removed(c);
}

static void change_parameters(struct cluster *c, const struct event *e)
{
    struct parameters *p = &c->parameters;
    parameters_apply(p, &c->asked.change);
    p->seq = e->seq;
    p->request_seq = c->asked.request_seq;
    p->wall_us = c->asked.wall_us;
    memcpy(p->writer, c->asked.writer, sizeof p->writer);
}

/* It is the agents' to do. */
static void reload(struct cluster *c, const struct event *e)
{
    (void)c;
    (void)e;
}

/* ---- the kinds ---- */

static const struct order_kind kinds[REQUEST_KIND_COUNT] = {
        [REQUEST_PAUSE] = {check_pause, pause_objection, begin_pause},
        [REQUEST_RESUME] = {check_pause, pause_objection, end_pause},
        [REQUEST_REMOVE] = {check_remove, remove_objection, remove_node},
        [REQUEST_PROMOTE] = {check_promote, promote_objection, fold_promotion},
        [REQUEST_RESTART] = {licence_check, licence_objection, licence_give},
        [REQUEST_CONFIG] = {check_config, config_objection, change_parameters},
        [REQUEST_RELOAD] = {check_reload, reload_objection, reload},
        [REQUEST_RECOVER] = {check_recover, recover_objection, fold_lost_recover},
};

enum void_reason fold_order(struct cluster *c, const struct event *e)
{
    const struct order *order = &e->body.order;
    if (c->asked.request_seq == 0 || order->request_seq != c->asked.request_seq) {
        return VOID_NO_REQUEST;
    }
    struct order next = order_next(c, &e->decision.evidence);
    if (!order_is_due(c, &e->decision.evidence) || !is_same(order, &next)) {
        return VOID_WRONG_STEP;
    }
    if (order->reason == REASON_NONE) {
        kinds[c->asked.kind].carry_out(c, e);
    }
    answer(c, order->reason, e);
    return VOID_NONE;
}
