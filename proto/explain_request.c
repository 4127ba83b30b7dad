/* SPDX-License-Identifier: PostgreSQL */
/* Requests in words: what was asked for, how far it is, and what became of it. */
#include "explain.h"
#include "explain_text.h"
#include "switchover.h"

#include <inttypes.h>

static const char *name_or(const char *node, const char *otherwise)
{
    return node[0] != '\0' ? node : otherwise;
}

void explain_request(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct request *r = &e->body.request;
    if (r->kind == REQUEST_REBUILD) {
        text_add(t, "%s asks for a rebuild of %s", e->writer, r->node);
        text_add(t, "%s%s", r->task != TASK_NONE ? " by " : "",
                 r->task != TASK_NONE ? text_task(r->task) : "");
        return;
    }
    if (r->kind == REQUEST_CANCEL) {
        text_add(t, "%s takes the switchover to %s back (request %" PRIu64 ")", e->writer,
                 name_or(c->closed.node, "any standby"), r->cancels_seq);
        return;
    }
    if (request_is_ordered(r->kind)) {
        explain_asked(e, t);
        return;
    }
    text_add(t, "%s asks for a %s from term %" PRIu64 " to %s", e->writer,
             request_kind_name(r->kind), r->term, name_or(r->node, "any standby"));
    text_add(t, r->accept_loss ? ", and accepts what that loses" : "");
    if (r->at_us != 0) {
        text_add(t, ", at ");
        text_add_moment(t, r->at_us);
    }
}

static void say_none(const struct event *e, struct text *t)
{
    text_add(t, "nothing is decided of request %" PRIu64, e->body.switchover_step.request_seq);
}

static void say_begin(const struct event *e, struct text *t)
{
    text_add(t, "the switchover to %s begins: the leader runs a checkpoint while it serves",
             e->body.switchover_step.node);
}

static void say_due(const struct event *e, struct text *t)
{
    text_add(t, "it is ");
    text_add_moment(t, e->decision.evidence.wall_us);
    text_add(t, ": the scheduled switchover to %s is due",
             name_or(e->body.switchover_step.node, "any standby"));
}

static void say_stop(const struct event *e, struct text *t)
{
    text_add(t, "%s has nearly everything: the leader stops PostgreSQL for the switchover",
             e->body.switchover_step.node);
}

static void add_reason(enum reason reason, enum verdict verdict, const char *node, struct text *t)
{
    if (reason == REASON_TARGET_UNFIT) {
        text_add(t, "%s %s", node, verdict_text(verdict));
    } else {
        text_add(t, "%s", reason_text(reason));
    }
}

static void say_abort(const struct event *e, struct text *t)
{
    const struct switchover_step *s = &e->body.switchover_step;
    text_add(t, "the request for %s is given up: ", name_or(s->node, "another leader"));
    add_reason(s->reason, s->verdict, s->node, t);
}

void explain_switchover_step(const struct cluster *c, const struct event *e, struct text *t)
{
    static void (*const says[])(const struct event *, struct text *) = {
            [SWITCH_NONE] = say_none,   [SWITCH_BEGIN] = say_begin, [SWITCH_STOP] = say_stop,
            [SWITCH_ABORT] = say_abort, [SWITCH_DUE] = say_due,
    };
    _Static_assert(sizeof says / sizeof says[0] == SWITCH_STEP_COUNT, "a sentence for each step");
    enum switch_step step = e->body.switchover_step.step;
    says[(unsigned)step < SWITCH_STEP_COUNT ? step : SWITCH_NONE](e, t);
    text_add(t, " (%s)", e->decision.rule);
    if (c->closed.seq == e->seq && c->resumed_term == c->term && !c->writable &&
        cluster_holder(c) != LEADER_NONE) {
        text_add(t, "; %s goes on", text_leader(c));
    }
}

void text_add_closed(const struct cluster *c, const struct event *e, struct text *t)
{
    if (c->closed.seq == e->seq && c->closed.reason == REASON_TERM_ENDED) {
        text_add(t, "; the switchover to %s ends with it", name_or(c->closed.node, "another node"));
    }
}

/* ---- what a pending one waits for ---- */

static const char *const awaited[] = {
        [STAGE_NONE] = "nothing",
        [STAGE_ASKED] = "a target that is heard and close behind the leader",
        [STAGE_CHECKPOINT] = "the leader's checkpoint; it serves meanwhile",
        [STAGE_CATCH_UP] = "the target to be close behind the leader; it serves meanwhile",
        [STAGE_STOP] = "the leader's PostgreSQL to stop in order",
        [STAGE_GRANT] = "the target to report that it has all that the old leader wrote",
        [STAGE_FAILOVER] = "the node to report, and the last lease to run out",
        [STAGE_SCHEDULED] = "its time",
};
_Static_assert(sizeof awaited / sizeof awaited[0] == STAGE_COUNT, "words for each stage");

const char *explain_stage(enum switchover_stage stage)
{
    return (unsigned)stage < STAGE_COUNT ? awaited[stage] : "?";
}

size_t explain_pending(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    const struct pending *p = &c->pending;
    if (p->request_seq == 0) {
        return 0;
    }
    const char *node = name_or(p->node, "any standby");
    if (switchover_due_us(c) != 0) {
        text_add(&t, "%s to %s scheduled for ", request_kind_name(p->kind), node);
        text_add_moment(&t, p->at_us);
        text_add(&t, ", asked for by %s", p->writer);
        return t.length;
    }
    text_add(&t, "%s to %s, asked for by %s: waits for %s", request_kind_name(p->kind), node,
             p->writer, explain_stage(switchover_stage(c)));
    return t.length;
}

size_t explain_closed(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    const struct closed *closed = &c->closed;
    if (closed->seq == 0) {
        return 0;
    }
    const char *kind = request_kind_name(closed->kind);
    const char *node = name_or(closed->node, "any standby");
    if (closed->reason == REASON_NONE) {
        text_add(&t, "%s to %s: granted", kind, node);
        return t.length;
    }
    text_add(&t, "%s to %s given up: ", kind, node);
    add_reason(closed->reason, closed->verdict, node, &t);
    return t.length;
}
