/* SPDX-License-Identifier: PostgreSQL */
#include "restart_watch.h"

#include "../proto/sync.h"

#include <stdio.h>
#include <string.h>

static bool in_mask(uint32_t mask, int32_t i)
{
    return (mask >> (uint32_t)i & 1U) != 0;
}

static bool is_waited_for_again(const struct cluster *c, int32_t i)
{
    bool waits = c->config.synchronous != SYNCHRONOUS_OFF && in_mask(sync_capable(c, c->leader), i);
    return !waits || (in_mask(c->sync.waits, i) && c->sync.step == SYNC_STEADY);
}

static bool is_back(const struct cluster *c, int32_t i)
{
    const struct node *n = &c->nodes[i];
    if (cluster_holder(c) == i) {
        return c->writable;
    }
    return n->state == NODE_STANDBY && n->streaming && n->reason == REASON_NONE &&
           is_waited_for_again(c, i);
}

static bool is_report(const struct restart_watch *watch, const struct event *e, const char *node)
{
    bool ends = e->kind == EVENT_DONE || e->kind == EVENT_FAILED;
    return ends && strcmp(e->writer, node) == 0 && e->body.task.task == TASK_RESTART &&
           e->body.task.directive_seq == watch->order_seq;
}

enum restart_end restart_look(struct restart_watch *watch, const struct folded *folded,
                              const char *node, char *text, size_t size)
{
    const struct cluster *c = &folded->entry->state;
    const struct event *e = &folded->event;
    int32_t i = cluster_find_node(c, node);
    if (watch->order_seq == 0) {
        watch->order_seq = c->answered.seq;
        watch->incarnation = i >= 0 ? c->nodes[i].incarnation : 0;
    }
    if (is_report(watch, e, node) && e->kind == EVENT_FAILED) {
        (void)snprintf(text, size, "the restart of %s failed: %s%s%s", node,
                       reason_text(e->body.task.reason), e->body.task.text[0] != '\0' ? ": " : "",
                       e->body.task.text);
        return RESTART_HAS_FAILED;
    }
    watch->restarted = watch->restarted || is_report(watch, e, node);
    bool lost = i < 0 || c->nodes[i].departed || c->nodes[i].incarnation != watch->incarnation;
    if (lost && !watch->restarted) {
        (void)snprintf(text, size,
                       "the agent of %s was stopped or started anew, and has not told how its "
                       "restart ended: see pgbaton describe",
                       node);
        return RESTART_HAS_FAILED;
    }
    return watch->restarted && !lost && is_back(c, i) ? RESTART_IS_BACK : RESTART_IS_GOING;
}
