/* SPDX-License-Identifier: PostgreSQL */
#include "licence.h"

#include "sync.h"

static bool in_mask(uint32_t mask, int32_t i)
{
    return (mask >> (uint32_t)i & 1U) != 0;
}

bool licence_is_of(const struct cluster *c, int32_t i)
{
    return c->licence.seq != 0 && c->licence.node == i;
}

/* A switchover counts on its target and on its leader. */
static bool is_switching(const struct cluster *c)
{
    return c->pending.step == SWITCH_BEGIN || c->pending.step == SWITCH_STOP;
}

bool licence_is_ripe(const struct cluster *c, int32_t i)
{
    if (!licence_is_of(c, i) || is_switching(c)) {
        return false;
    }
    bool leaves = !in_mask(sync_capable(c, c->leader), i);
    return i == c->leader || !sync_needs(c, i) || !leaves;
}

enum void_reason licence_check(const struct cluster *c, const struct request *r)
{
    int32_t i = r->node[0] != '\0' ? cluster_find_node(c, r->node) : -1;
    if (r->leader_stopped) {
        return VOID_IMPOSSIBLE;
    }
    if (r->term != c->term) {
        return r->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    if (c->phase != PHASE_HELD || !c->promoted) {
        return VOID_NOT_HELD;
    }
    return i >= 0 && !c->nodes[i].departed ? VOID_NONE : VOID_BAD_TARGET;
}

static bool runs(const struct cluster *c, int32_t i)
{
    enum node_state state = c->nodes[i].state;
    return i == c->leader ? state == NODE_PRIMARY && c->writable : state == NODE_STANDBY;
}

/* Of a node that is not heard any more nothing can be awaited. */
static bool another_restarts(const struct cluster *c, uint32_t alive_mask)
{
    return c->licence.seq != 0 && in_mask(alive_mask, c->licence.node);
}

enum reason licence_objection(const struct cluster *c, const struct evidence *evidence)
{
    int32_t i = cluster_find_node(c, c->asked.node);
    bool led = c->phase == PHASE_HELD && c->promoted && c->asked.term == c->term;
    if (!led || i < 0 || c->nodes[i].departed) {
        return REASON_OVERTAKEN;
    }
    if (!in_mask(evidence->alive_mask, i)) {
        return REASON_NODE_SILENT;
    }
    if (another_restarts(c, evidence->alive_mask)) {
        return REASON_RESTART_GOES_ON;
    }
    const struct node *n = &c->nodes[i];
    if (is_switching(c) || n->rebuild_task != TASK_NONE || n->asked_seq != 0) {
        return REASON_STILL_NEEDED;
    }
    return runs(c, i) ? REASON_NONE : REASON_NOT_RUNNING;
}
