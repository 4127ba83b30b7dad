/* SPDX-License-Identifier: PostgreSQL */
#include "switchover.h"

#include "election.h"

#include <string.h>

/* ---- stages ---- */

struct stage_row {
    const char *name;
    uint64_t limit_ms;
    uint32_t periods; /* and so many probe_periods: what is awaited comes once in each */
    struct switchover_step (*next)(const struct cluster *c, const struct evidence *evidence);
};

static const struct stage_row *row_of(const struct cluster *c);

static enum switchover_stage stage_of_begun(const struct cluster *c)
{
    return c->pending.checkpoint == CHECKPOINT_DONE ? STAGE_CATCH_UP : STAGE_CHECKPOINT;
}

enum switchover_stage switchover_stage(const struct cluster *c)
{
    const struct pending *p = &c->pending;
    if (p->request_seq == 0) {
        return STAGE_NONE;
    }
    if (p->kind == REQUEST_FAILOVER) {
        return STAGE_FAILOVER;
    }
    if (p->step == SWITCH_STOP) {
        return cluster_holder(c) != LEADER_NONE ? STAGE_STOP : STAGE_GRANT;
    }
    if (p->step == SWITCH_BEGIN) {
        return stage_of_begun(c);
    }
    return p->at_us != 0 && p->step != SWITCH_DUE ? STAGE_SCHEDULED : STAGE_ASKED;
}

uint64_t switchover_due_us(const struct cluster *c)
{
    return switchover_stage(c) == STAGE_SCHEDULED ? c->pending.at_us : 0;
}

int32_t switchover_target(const struct cluster *c)
{
    return c->pending.node[0] != '\0' ? cluster_find_node(c, c->pending.node) : -1;
}

/* ---- who is fit ---- */

static bool in_mask(uint32_t mask, int32_t i)
{
    return (mask >> (uint32_t)i & 1U) != 0;
}

enum verdict switchover_verdict(const struct cluster *c, int32_t i, const struct evidence *evidence)
{
    enum verdict verdict = election_fitness(c, i);
    if (verdict != VERDICT_ELIGIBLE) {
        return verdict;
    }
    if (!in_mask(evidence->alive_mask, i)) {
        return VERDICT_UNREACHABLE;
    }
    return in_mask(evidence->caught_up_mask, i) ? VERDICT_ELIGIBLE : VERDICT_LAG;
}

/* What passes by itself: the node is heard again, and catches up. */
static bool may_pass(enum verdict verdict)
{
    return verdict == VERDICT_UNREACHABLE || verdict == VERDICT_LAG;
}

bool switchover_forgives(const struct cluster *c, int32_t i, enum verdict verdict)
{
    bool asked = c->pending.kind == REQUEST_FAILOVER && switchover_target(c) == i;
    bool loses = verdict == VERDICT_LAG || verdict == VERDICT_BELOW_FLOOR ||
                 verdict == VERDICT_LOG_LOST || verdict == VERDICT_NOT_ASKED ||
                 verdict_is_of_proof(verdict);
    return asked && (verdict == VERDICT_REFUSED || (loses && c->pending.accept_loss));
}

/* Of equally good ones the preferred. Positions are not compared: all are close, and the log knows
 * them of different moments. */
static bool is_preferred(const struct node *a, const struct node *b)
{
    if (a->failover_priority != b->failover_priority) {
        return a->failover_priority > b->failover_priority;
    }
    return strcmp(a->name, b->name) < 0;
}

static int32_t choose_target(const struct cluster *c, const struct evidence *evidence)
{
    int32_t best = -1;
    for (int32_t i = 0; i < (int32_t)c->node_count; i++) {
        bool fit = i != c->leader && switchover_verdict(c, i, evidence) == VERDICT_ELIGIBLE;
        if (fit && (best < 0 || is_preferred(&c->nodes[i], &c->nodes[best]))) {
            best = i;
        }
    }
    return best;
}

/* ---- what comes next ---- */

static struct switchover_step step_of(const struct cluster *c, enum switch_step kind)
{
    struct switchover_step step;
    memset(&step, 0, sizeof step);
    step.step = kind;
    step.request_seq = c->pending.request_seq;
    step.term = c->term;
    memcpy(step.node, c->pending.node, sizeof step.node);
    return step;
}

static struct switchover_step wait(const struct cluster *c)
{
    return step_of(c, SWITCH_NONE);
}

static struct switchover_step abort_for(const struct cluster *c, enum reason reason,
                                        enum verdict verdict)
{
    struct switchover_step step = step_of(c, SWITCH_ABORT);
    step.reason = reason;
    step.verdict = verdict;
    return step;
}

static bool is_late(const struct cluster *c, const struct evidence *evidence)
{
    return evidence->switchover_age_ms >= switchover_limit_ms(c);
}

static struct switchover_step next_none(const struct cluster *c, const struct evidence *evidence)
{
    (void)evidence;
    return wait(c);
}

/* Nobody's clock but the author's counts; the evidence quotes it. */
static struct switchover_step next_scheduled(const struct cluster *c,
                                             const struct evidence *evidence)
{
    uint64_t at_us = c->pending.at_us;
    if (evidence->wall_us < at_us) {
        return wait(c);
    }
    bool missed = evidence->wall_us - at_us > SWITCHOVER_MISSED_US;
    return missed ? abort_for(c, REASON_MISSED, VERDICT_ELIGIBLE) : step_of(c, SWITCH_DUE);
}

/* The same for both: go on with a target that is fit; else wait, or give up. */
static struct switchover_step go_on(const struct cluster *c, const struct evidence *evidence,
                                    enum switch_step kind)
{
    enum verdict verdict = switchover_verdict(c, switchover_target(c), evidence);
    if (verdict == VERDICT_ELIGIBLE) {
        return step_of(c, kind);
    }
    bool hopeless = !may_pass(verdict) || is_late(c, evidence);
    return hopeless ? abort_for(c, REASON_TARGET_UNFIT, verdict) : wait(c);
}

static struct switchover_step next_asked(const struct cluster *c, const struct evidence *evidence)
{
    if (switchover_target(c) >= 0) {
        return go_on(c, evidence, SWITCH_BEGIN);
    }
    int32_t target = choose_target(c, evidence);
    if (target >= 0) {
        struct switchover_step step = step_of(c, SWITCH_BEGIN);
        memcpy(step.node, c->nodes[target].name, sizeof step.node);
        return step;
    }
    bool late = is_late(c, evidence);
    return late ? abort_for(c, REASON_NOBODY_FIT, VERDICT_ELIGIBLE) : wait(c);
}

static struct switchover_step next_checkpoint(const struct cluster *c,
                                              const struct evidence *evidence)
{
    if (c->pending.checkpoint == CHECKPOINT_FAILED || is_late(c, evidence)) {
        return abort_for(c, REASON_CHECKPOINT_FAILED, VERDICT_ELIGIBLE);
    }
    enum verdict verdict = switchover_verdict(c, switchover_target(c), evidence);
    bool hopeless = verdict != VERDICT_ELIGIBLE && !may_pass(verdict);
    return hopeless ? abort_for(c, REASON_TARGET_UNFIT, verdict) : wait(c);
}

static struct switchover_step next_catch_up(const struct cluster *c,
                                            const struct evidence *evidence)
{
    struct switchover_step step = go_on(c, evidence, SWITCH_STOP);
    if (step.step != SWITCH_STOP || in_mask(evidence->caught_up_mask, c->leader)) {
        return step;
    }
    /* PostgreSQL ends only when its WAL senders have sent everything, to whoever streams. */
    bool late = is_late(c, evidence);
    return late ? abort_for(c, REASON_STANDBY_STUCK, VERDICT_ELIGIBLE) : wait(c);
}

static struct switchover_step next_stop(const struct cluster *c, const struct evidence *evidence)
{
    bool late = is_late(c, evidence);
    return late ? abort_for(c, REASON_STOP_TIMEOUT, VERDICT_ELIGIBLE) : wait(c);
}

static struct switchover_step next_grant(const struct cluster *c, const struct evidence *evidence)
{
    bool late = is_late(c, evidence);
    return late ? abort_for(c, REASON_END_UNREACHED, VERDICT_ELIGIBLE) : wait(c);
}

static struct switchover_step next_failover(const struct cluster *c,
                                            const struct evidence *evidence)
{
    int32_t target = switchover_target(c);
    if (target < 0 || !is_late(c, evidence)) {
        return wait(c);
    }
    bool alive = in_mask(evidence->alive_mask, target);
    enum verdict verdict = election_verdict(c, target, GRANT_FAILOVER);
    return abort_for(c, REASON_TARGET_UNFIT, alive ? verdict : VERDICT_UNREACHABLE);
}

static const struct stage_row stages[] = {
        [STAGE_NONE] = {"none", 0, 0, next_none},
        [STAGE_ASKED] = {"asked", SWITCHOVER_BEGIN_MS, 2, next_asked},
        [STAGE_CHECKPOINT] = {"checkpoint", SWITCHOVER_CHECKPOINT_MS, 0, next_checkpoint},
        [STAGE_CATCH_UP] = {"catch_up", SWITCHOVER_CATCH_UP_MS, 2, next_catch_up},
        [STAGE_STOP] = {"stop", SWITCHOVER_STOP_MS, 0, next_stop},
        [STAGE_GRANT] = {"grant", SWITCHOVER_GRANT_MS, 0, next_grant},
        [STAGE_FAILOVER] = {"failover", FAILOVER_REQUEST_MS, 0, next_failover},
        [STAGE_SCHEDULED] = {"scheduled", 0, 0, next_scheduled},
};
_Static_assert(sizeof stages / sizeof stages[0] == STAGE_COUNT, "a row for each stage");

static const struct stage_row *row_of(const struct cluster *c)
{
    return &stages[switchover_stage(c)];
}

const char *switchover_stage_name(enum switchover_stage stage)
{
    return (unsigned)stage < STAGE_COUNT ? stages[stage].name : "?";
}

uint64_t switchover_limit_ms(const struct cluster *c)
{
    const struct stage_row *row = row_of(c);
    return row->limit_ms + (uint64_t)row->periods * c->config.probe_period_ms;
}

struct switchover_step switchover_next(const struct cluster *c, const struct evidence *evidence)
{
    return row_of(c)->next(c, evidence);
}
