/* SPDX-License-Identifier: PostgreSQL */
/* What operators ask for, and the steps in which monitors carry it out. */
#include "fold_impl.h"
#include "switchover.h"

#include <string.h>

/* ---- requests ---- */

static enum void_reason check_switchover(const struct cluster *c, const struct request *r)
{
    if (c->phase != PHASE_HELD || !c->promoted || !c->writable) {
        return VOID_NOT_HELD;
    }
    if (r->accept_loss) {
        return VOID_IMPOSSIBLE;
    }
    int32_t i = r->node[0] != '\0' ? cluster_find_node(c, r->node) : LEADER_NONE;
    bool wrong = r->node[0] != '\0' && (i < 0 || i == c->leader);
    return wrong ? VOID_BAD_TARGET : VOID_NONE;
}

static enum void_reason check_failover(const struct cluster *c, const struct request *r)
{
    if (cluster_holder(c) != LEADER_NONE) {
        return VOID_HELD;
    }
    bool known = c->system_id != 0 && r->node[0] != '\0' && cluster_find_node(c, r->node) >= 0;
    return known ? VOID_NONE : VOID_BAD_TARGET;
}

/* What a switchover may be taken back for: its leader serves. */
static enum void_reason check_cancel(const struct cluster *c, const struct request *r)
{
    const struct pending *p = &c->pending;
    bool asked = p->request_seq != 0 && p->request_seq == r->cancels_seq &&
                 p->kind == REQUEST_SWITCHOVER && r->node[0] == '\0';
    if (!asked) {
        return VOID_NO_REQUEST;
    }
    return p->step == SWITCH_STOP ? VOID_WRONG_STEP : VOID_NONE;
}

/* Its author's own clock; when it is due the monitors' decide. */
static bool is_ahead(uint64_t at_us, uint64_t wall_us)
{
    return at_us > wall_us && at_us - wall_us <= SWITCHOVER_AHEAD_US_MAX;
}

static enum void_reason check_request(const struct cluster *c, const struct event *e)
{
    const struct request *r = &e->body.request;
    if (c->pending.request_seq != 0 && r->kind != REQUEST_CANCEL) {
        return VOID_REQUEST_PENDING;
    }
    if (r->term != c->term) {
        return r->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    if (r->seen_seq > c->last_seq) {
        return VOID_IMPOSSIBLE;
    }
    if (r->seen_seq < c->closed.seq) {
        return VOID_REQUEST_OUTDATED;
    }
    if (r->at_us != 0 && (r->kind != REQUEST_SWITCHOVER || !is_ahead(r->at_us, e->wall_us))) {
        return VOID_IMPOSSIBLE;
    }
    if (r->kind == REQUEST_CANCEL) {
        return check_cancel(c, r);
    }
    return r->kind == REQUEST_SWITCHOVER ? check_switchover(c, r) : check_failover(c, r);
}

struct closed closed_by(const struct event *e, uint64_t request_seq, enum request_kind kind,
                        const char node[NAME_SIZE], enum reason reason)
{
    struct closed closed = {
            .seq = e->seq,
            .wall_us = e->wall_us,
            .request_seq = request_seq,
            .kind = kind,
            .reason = reason,
    };
    memcpy(closed.node, node, sizeof closed.node);
    return closed;
}

static void close_request(struct cluster *c, enum reason reason, const struct event *e)
{
    c->closed = closed_by(e, c->pending.request_seq, c->pending.kind, c->pending.node, reason);
    memset(&c->pending, 0, sizeof c->pending);
}

enum void_reason fold_request(struct cluster *c, const struct event *e)
{
    const struct request *r = &e->body.request;
    if (r->kind == REQUEST_REBUILD) {
        return fold_rebuild_request(c, e);
    }
    enum void_reason reason = check_request(c, e);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (r->kind == REQUEST_CANCEL) {
        close_request(c, REASON_CANCELLED, e);
        return VOID_NONE;
    }
    c->pending = (struct pending){
            .request_seq = e->seq,
            .kind = r->kind,
            .accept_loss = r->accept_loss,
            .wall_us = e->wall_us,
            .at_us = r->at_us,
            .moved_seq = e->seq,
    };
    memcpy(c->pending.writer, e->writer, sizeof c->pending.writer);
    memcpy(c->pending.node, r->node, sizeof c->pending.node);
    return VOID_NONE;
}

/* ---- what others say ---- */

void pending_checkpoint(struct cluster *c, int32_t i, const struct event *e)
{
    const struct task_report *t = &e->body.task;
    bool awaited = c->pending.step == SWITCH_BEGIN && c->pending.checkpoint == CHECKPOINT_AWAITED;
    if (awaited && cluster_holder(c) == i && t->task == TASK_CHECKPOINT &&
        t->directive_seq == c->pending.step_seq) {
        c->pending.checkpoint = e->kind == EVENT_DONE ? CHECKPOINT_DONE : CHECKPOINT_FAILED;
        c->pending.moved_seq = e->seq;
    }
}

void pending_term_ended(struct cluster *c, const struct release *released, const struct event *e)
{
    struct pending *p = &c->pending;
    if (p->request_seq == 0 || p->kind == REQUEST_FAILOVER) {
        return;
    }
    bool in_order = released != NULL && released->clean && released->position.lsn != 0;
    if (p->step != SWITCH_STOP || !in_order) {
        close_request(c, REASON_TERM_ENDED, e);
        return;
    }
    p->end = released->position;
    p->moved_seq = e->seq;
}

void pending_leader_crashed(struct cluster *c, const struct event *e)
{
    if (c->pending.step == SWITCH_BEGIN) {
        close_request(c, c->restart.reason, e);
    }
}

void pending_granted(struct cluster *c, const struct event *e)
{
    bool asked = c->pending.request_seq != 0;
    bool as_asked = asked && strcmp(c->pending.node, e->body.grant.node) == 0;
    c->loss_accepted = as_asked && c->pending.accept_loss;
    if (asked) {
        close_request(c, as_asked ? REASON_NONE : REASON_OTHER_CHOSEN, e);
    }
}

/* ---- steps ---- */

static bool is_same(const struct switchover_step *a, const struct switchover_step *b)
{
    return a->step == b->step && a->request_seq == b->request_seq && a->term == b->term &&
           strcmp(a->node, b->node) == 0 && a->reason == b->reason && a->verdict == b->verdict;
}

/* The target stopped being fit, or the author did not look. */
static bool is_unfit(const struct cluster *c, const struct event *e)
{
    const struct switchover_step *s = &e->body.switchover_step;
    int32_t i = cluster_find_node(c, s->node);
    bool goes_on = s->step == SWITCH_BEGIN || s->step == SWITCH_STOP;
    return goes_on &&
           (i < 0 || switchover_verdict(c, i, &e->decision.evidence) != VERDICT_ELIGIBLE);
}

static enum void_reason check_step(const struct cluster *c, const struct event *e)
{
    const struct switchover_step *s = &e->body.switchover_step;
    if (c->pending.request_seq == 0 || s->request_seq != c->pending.request_seq) {
        return VOID_NO_REQUEST;
    }
    struct switchover_step next = switchover_next(c, &e->decision.evidence);
    if (s->step != SWITCH_NONE && is_same(s, &next)) {
        return VOID_NONE;
    }
    return is_unfit(c, e) ? VOID_NOT_ELIGIBLE : VOID_WRONG_STEP;
}

static void give_up(struct cluster *c, const struct event *e)
{
    bool stopping = switchover_stage(c) == STAGE_STOP;
    close_request(c, e->body.switchover_step.reason, e);
    c->closed.verdict = e->body.switchover_step.verdict;
    c->resumed_term = stopping ? c->term : c->resumed_term;
}

enum void_reason fold_switchover_step(struct cluster *c, const struct event *e)
{
    const struct switchover_step *s = &e->body.switchover_step;
    enum void_reason reason = check_step(c, e);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (s->step == SWITCH_ABORT) {
        give_up(c, e);
        return VOID_NONE;
    }
    memcpy(c->pending.node, s->node, sizeof c->pending.node);
    c->pending.step = s->step;
    c->pending.step_seq = e->seq;
    c->pending.moved_seq = e->seq;
    /* From here on it accepts no writes; and nobody is told to copy from it. */
    c->writable = c->writable && s->step != SWITCH_STOP;
    return VOID_NONE;
}
