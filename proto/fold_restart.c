/* SPDX-License-Identifier: PostgreSQL */
/* Restarts of PostgreSQL: a leader's in place, by itself or licensed, and the licences. */
#include "fold_impl.h"
#include "licence.h"
#include "standby.h"

#include <string.h>

/* ---- in place ---- */

/* What an operator asks for needs his licence, and stands back for a switchover; what happens by
 * itself is limited (I18). */
static enum void_reason check_why(const struct cluster *c, const struct restart *r)
{
    if (r->reason != REASON_REQUESTED) {
        return r->age_ms < cluster_restart_ripe_ms(c) ? VOID_LIMIT_REACHED : VOID_NONE;
    }
    return licence_is_ripe(c, c->leader) ? VOID_NONE : VOID_NO_REQUEST;
}

enum void_reason fold_check_restart(const struct cluster *c, const struct restart *r)
{
    if (r->number <= c->restart.number) {
        return VOID_NONE; /* none, or one that goes on */
    }
    bool possible = r->number == c->restart.number + 1 && c->promoted && !standby_is_on(c) &&
                    r->reason != REASON_NONE;
    if (!possible) {
        return VOID_IMPOSSIBLE;
    }
    return c->pending.step == SWITCH_STOP ? VOID_NOT_HELD : check_why(c, r);
}

/* It accepts no writes until it says that it does. */
void fold_begin_restart(struct cluster *c, const struct restart *r, const struct event *e)
{
    struct bucket tokens = c->restart.tokens;
    if (r->reason != REASON_REQUESTED) {
        bucket_take(&tokens, cluster_restart_size(c), r->age_ms, e->seq);
    }
    c->restart = (struct restarting){
            .number = r->number,
            .going = true,
            .reason = r->reason,
            .seq = e->seq,
            .incarnation = e->incarnation,
            .counter = e->counter,
            .detected_wall_us = r->detected_wall_us,
            .begun_wall_us = e->wall_us,
            .tokens = tokens,
    };
    c->writable = false;
    pending_leader_crashed(c, e);
}

/* ---- licences ---- */

void licence_give(struct cluster *c, const struct event *e)
{
    int32_t i = cluster_find_node(c, c->asked.node);
    c->licence = (struct licence){.seq = e->seq, .node = i, .wall_us = e->wall_us};
    memcpy(c->licence.writer, c->asked.writer, sizeof c->licence.writer);
}

void licence_end(struct cluster *c)
{
    memset(&c->licence, 0, sizeof c->licence);
}

void licence_lapse(struct cluster *c, int32_t i)
{
    if (licence_is_of(c, i)) {
        licence_end(c);
    }
}

void licence_used(struct cluster *c, int32_t i, const struct task_report *t)
{
    if (t->task == TASK_RESTART && licence_is_of(c, i) && t->directive_seq == c->licence.seq) {
        licence_end(c);
    }
}
