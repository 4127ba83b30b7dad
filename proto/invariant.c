/* SPDX-License-Identifier: PostgreSQL */
#include "invariant.h"

#include "lost.h"
#include "standby.h"

#include <string.h>

static bool names_are_unique(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (cluster_find_node(c, c->nodes[i].name) != (int32_t)i) {
            return false;
        }
    }
    return true;
}

static bool leader_is_sound(const struct cluster *c)
{
    if (c->phase == PHASE_NONE) {
        return c->term == 0 && c->leader == LEADER_NONE;
    }
    return c->term > 0 && c->leader >= 0 && (uint32_t)c->leader < c->node_count;
}

static uint32_t count_leads(const struct cluster *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        count += cluster_directive(c, (int32_t)i) == DIRECTIVE_LEAD ? 1 : 0;
    }
    return count;
}

/* A request belongs to the term that it was made for. */
static const char *check_pending(const struct cluster *c)
{
    const struct pending *p = &c->pending;
    bool led = cluster_holder(c) != LEADER_NONE;
    if (p->request_seq == 0) {
        return p->step == SWITCH_NONE ? NULL : "switchover: a step is of a request";
    }
    if (p->kind == REQUEST_FAILOVER) {
        return led ? "failover: it is asked for while nobody leads" : NULL;
    }
    if (!led && (p->step != SWITCH_STOP || p->end.lsn == 0)) {
        return "switchover: it ends with its term, unless the leader stopped in order";
    }
    bool crashed = c->restart.going && !c->writable; /* and starts again */
    if (led && !crashed && c->writable == (p->step == SWITCH_STOP)) {
        return "switchover: a leader serves until it is told to stop";
    }
    return NULL;
}

const char *invariant_check(const struct cluster *c)
{
    if (c->node_count > NODE_COUNT_MAX || !names_are_unique(c)) {
        return "I13: node names are unique and within the limit";
    }
    if (!leader_is_sound(c)) {
        return "I2: a term has exactly one holder, who is a member";
    }
    if (count_leads(c) > 1) {
        return "I1: at most one node is asked to lead";
    }
    if (c->decision_seq > c->last_seq || c->phase_seq > c->last_seq) {
        return "I3: the chain is a part of the log";
    }
    if (c->phase == PHASE_HELD && !c->lease.renewed) {
        return "I4: a term is held only after an effective renewal";
    }
    if (c->lease.lifted && c->phase != PHASE_HELD) {
        return "I4: only a lease that is held is lifted";
    }
    if (c->phase == PHASE_GRANTED && (c->lease.renewed || c->promoted)) {
        return "I4: a grant starts nothing";
    }
    if (c->writable && !c->promoted) {
        return "I10: writable only after the promotion";
    }
    if (c->writable && standby_is_on(c)) {
        return "I15: nobody in a standby cluster is writable";
    }
    if (c->phase == PHASE_HELD && c->leader >= 0 && c->nodes[c->leader].rebuild_task != TASK_NONE) {
        return "I16: the holder is never told to rebuild";
    }
    return check_pending(c);
}

static const char *check_terms(const struct cluster *before, const struct cluster *after)
{
    if (after->term == before->term) {
        bool reopened = cluster_holder(before) == LEADER_NONE && before->phase != PHASE_NONE &&
                        cluster_holder(after) != LEADER_NONE;
        return reopened ? "I2: a term that has ended is never held again" : NULL;
    }
    if (after->term != lost_next_term(before)) {
        return "I2: a term follows the highest that anybody remembers";
    }
    if (after->phase != PHASE_GRANTED) {
        return "I2: a new term begins with its grant";
    }
    if (cluster_holder(before) != LEADER_NONE) {
        return "I6: a grant follows a release, or a revoke and its wait";
    }
    return NULL;
}

static const char *check_chain(const struct cluster *before, const struct cluster *after)
{
    if (after->decision_seq < before->decision_seq || after->last_seq < before->last_seq) {
        return "I3: the chain only grows";
    }
    bool decided = after->decision_seq != before->decision_seq;
    if (!decided && after->term != before->term) {
        return "I3: a term changes only by an effective decision";
    }
    return NULL;
}

const char *invariant_check_step(const struct cluster *before, const struct cluster *after)
{
    const char *broken = check_terms(before, after);
    broken = broken != NULL ? broken : check_chain(before, after);
    if (broken != NULL) {
        return broken;
    }
    if (after->node_count < before->node_count) {
        return "I13: members do not vanish";
    }
    for (uint32_t i = 0; i < before->node_count; i++) {
        bool same = strcmp(after->nodes[i].name, before->nodes[i].name) == 0;
        if (!same && !before->nodes[i].removed) {
            return "I13: a place is not given away";
        }
        if (same && after->nodes[i].incarnation < before->nodes[i].incarnation) {
            return "I13: incarnations never sink";
        }
    }
    return invariant_check(after);
}
