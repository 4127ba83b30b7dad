/* SPDX-License-Identifier: PostgreSQL */
#include "step.h"

#include "act.h"
#include "decide.h"
#include "learn.h"
#include "report.h"
#include "watch.h"

#include <assert.h>
#include <string.h>

void agent_init(struct agent *a, const struct agent_self *self, const struct vote *vote,
                uint64_t now_wall_us)
{
    memset(a, 0, sizeof *a);
    a->self = *self;
    a->me = -1;
    cluster_init(&a->cluster, self->cluster);
    a->vote = *vote;
    a->wanted = *vote;
    a->start_term = vote->term;
    a->post_init_owed = self->post_init_owed;
    a->promise.earlier_ms = vote->promised_ttl_ms;
    a->promise.voteless = vote->incarnation == 0;
    uint64_t next = vote->incarnation + 1;
    agent_begin_incarnation(a, next > now_wall_us ? next : now_wall_us);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_ms(const struct agent *a)
{
    uint64_t ms = earliest(lease_next_ms(a), agent_decide_next_ms(a));
    ms = earliest(ms, agent_watch_next_ms(a));
    ms = earliest(ms, report_next_ms(a));
    if (a->link_up && a->caught_up) {
        ms = earliest(ms, outbox_next_ms(&a->outbox));
    }
    if (a->persist_ms > a->now_ms) {
        ms = earliest(ms, a->persist_ms);
    }
    return ms;
}

static void say(struct agent *a, struct action_list *actions)
{
    report_keep(a, actions);
    if (a->link_up && a->caught_up) {
        outbox_send(&a->outbox, a->now_ms, act_room(actions) - 1, actions);
    }
    act_persist(a, actions);
}

void agent_step(struct agent *a, const struct fact *fact, struct codec_arena *arena,
                struct action_list *ret_actions)
{
    ret_actions->count = 0;
    a->now_ms = fact->now_ms;
    a->wall_us = fact->wall_us;
    promise_begin(a);
    learn_fact(a, fact, arena, ret_actions);
    restart_asked_learn(a);
    lease_keep(a, ret_actions);
    parameters_tell(a, ret_actions);
    decide_act(a, ret_actions);
    sync_keep(a, ret_actions);
    parameters_write(a, ret_actions);
    parameters_check(a, ret_actions);
    watch_keep(a, ret_actions);
    say(a, ret_actions);
    ret_actions->next_ms = next_ms(a);
}

uint64_t agent_lease_deadline_ms(const struct agent *a)
{
    return a->lease.deadline_ms;
}
