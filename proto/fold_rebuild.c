/* SPDX-License-Identifier: PostgreSQL */
/* The copies that nodes are told to make, or that operators ask for. */
#include "fold_impl.h"
#include "pause.h"
#include "standby.h"

#include <string.h>

/* ---- requests ---- */

static bool is_foreign(const struct cluster *c, const struct node *n)
{
    return n->system_id != 0 && n->system_id != c->system_id;
}

/* A request that its author sent again after it had been carried out changes nothing. */
static enum void_reason check_request(const struct cluster *c, const struct request *r, int32_t i)
{
    if (r->term != c->term) {
        return r->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    if (cluster_holder(c) == LEADER_NONE) {
        return VOID_NOT_HELD;
    }
    if (i < 0 || i == c->leader || c->nodes[i].departed || is_foreign(c, &c->nodes[i])) {
        return VOID_BAD_TARGET;
    }
    bool known = r->task == TASK_NONE || r->task == TASK_REWIND || r->task == TASK_BASEBACKUP;
    if (!known || r->accept_loss || r->seen_seq > c->last_seq) {
        return VOID_IMPOSSIBLE;
    }
    const struct node *n = &c->nodes[i];
    if (n->asked_seq != 0 || n->rebuild_task != TASK_NONE) {
        return VOID_REQUEST_PENDING;
    }
    bool outdated = r->seen_seq < n->rebuild_seq || r->seen_seq < n->hello_seq;
    return outdated ? VOID_REQUEST_OUTDATED : VOID_NONE;
}

enum void_reason fold_rebuild_request(struct cluster *c, const struct event *e)
{
    const struct request *r = &e->body.request;
    int32_t i = cluster_find_node(c, r->node);
    enum void_reason reason = check_request(c, r, i);
    if (reason == VOID_NONE) {
        c->nodes[i].asked_seq = e->seq;
        c->nodes[i].asked_task = r->task;
    }
    return reason;
}

void rebuild_forget_request(struct node *n)
{
    n->asked_seq = 0;
    n->asked_task = TASK_NONE;
}

/* ---- directives ---- */

/* What happens by itself is limited (I18), what somebody asks for is not. */
static enum void_reason check_why(const struct cluster *c, int32_t i, const struct event *e)
{
    if (e->body.directive.reason == REASON_REQUESTED) {
        return c->nodes[i].asked_seq != 0 ? VOID_NONE : VOID_NO_REQUEST;
    }
    if (pause_is_on(c)) {
        return VOID_PAUSED;
    }
    bool ripe = e->decision.evidence.rebuild_age_ms[i] >= cluster_rebuild_ripe_ms(c, i);
    return ripe ? VOID_NONE : VOID_LIMIT_REACHED;
}

/* I16: never the holder, never another incarnation, and only from a leader that serves. */
static enum void_reason check_directive(const struct cluster *c, int32_t i, const struct event *e)
{
    const struct directive *d = &e->body.directive;
    if (d->task != TASK_BASEBACKUP && d->task != TASK_REWIND) {
        return VOID_IMPOSSIBLE;
    }
    if (c->phase != PHASE_HELD || !standby_serves(c) || d->term != c->term) {
        return VOID_NOT_HELD;
    }
    if (i < 0 || i == c->leader || c->nodes[i].incarnation != d->incarnation) {
        return VOID_BAD_TARGET;
    }
    return c->nodes[i].rebuild_task != TASK_NONE ? VOID_NO_CHANGE : check_why(c, i, e);
}

static void clear_progress(struct node *n)
{
    n->rebuild_percent = 0;
    n->rebuild_done_bytes = 0;
    n->rebuild_total_bytes = 0;
    n->rebuild_bytes_per_s = 0;
}

enum void_reason fold_directive(struct cluster *c, const struct event *e)
{
    const struct directive *d = &e->body.directive;
    int32_t i = cluster_find_node(c, d->node);
    enum void_reason reason = check_directive(c, i, e);
    if (reason != VOID_NONE) {
        return reason;
    }
    struct node *n = &c->nodes[i];
    if (d->reason != REASON_REQUESTED) {
        bucket_take(&n->rebuilds, cluster_rebuild_size(c), e->decision.evidence.rebuild_age_ms[i],
                    e->seq);
    }
    n->rebuild_task = d->task;
    n->rebuild_seq = e->seq;
    n->rebuild_term = d->term;
    n->rebuild_reason = d->reason;
    clear_progress(n);
    n->eligible_seq = 0;
    return VOID_NONE;
}

/* ---- what its node tells ---- */

enum void_reason fold_progress(struct cluster *c, int32_t i, const struct event *e)
{
    struct node *n = &c->nodes[i];
    const struct task_report *t = &e->body.task;
    if (n->rebuild_task == TASK_NONE || n->rebuild_seq != t->directive_seq) {
        return VOID_NO_CHANGE;
    }
    n->rebuild_percent = t->percent > 100 ? 100 : t->percent;
    n->rebuild_done_bytes = t->done_bytes;
    n->rebuild_total_bytes = t->total_bytes;
    n->rebuild_bytes_per_s = t->bytes_per_s;
    return VOID_NONE;
}

bool rebuild_ends(struct node *n, const struct task_report *t)
{
    bool ends = n->rebuild_task != TASK_NONE && n->rebuild_seq == t->directive_seq &&
                n->rebuild_task == t->task;
    if (ends) {
        n->rebuild_task = TASK_NONE;
        clear_progress(n);
    }
    if (ends && n->rebuild_reason == REASON_REQUESTED) {
        rebuild_forget_request(n);
    }
    return ends;
}
