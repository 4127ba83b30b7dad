/* SPDX-License-Identifier: PostgreSQL */
#include "restart_asked.h"

#include "../proto/licence.h"
#include "act.h"
#include "lead.h"
#include "restart.h"

#include <stdio.h>
#include <string.h>

/* ---- the licence ---- */

/* A hello that is read back has ended the licence of every earlier incarnation. */
static uint64_t licence_seq(const struct agent *a)
{
    bool mine = a->me >= 0 && a->ready && licence_is_of(&a->cluster, a->me);
    uint64_t seq = a->cluster.licence.seq;
    return mine && seq != a->asked_for.ended_seq ? seq : 0;
}

static void take(struct agent *a, uint64_t seq)
{
    a->asked_for = (struct agent_restart_asked){
            .seq = seq,
            .stage = RESTART_WAITS,
            .leads = cluster_holder(&a->cluster) == a->me,
            .term = a->cluster.term,
            .begun_ms = a->now_ms,
            .until_ms = a->now_ms + RESTART_WAIT_MS,
            .ended_seq = a->asked_for.ended_seq,
    };
}

static void forget(struct agent *a)
{
    uint64_t ended_seq = a->asked_for.ended_seq;
    a->asked_for = (struct agent_restart_asked){.ended_seq = ended_seq};
}

/* Nothing was done for it yet that must be ended. */
static void leave(struct agent *a)
{
    if (a->asked_for.stage == RESTART_NAMED) {
        restart_end(a);
    }
    forget(a);
}

/* ---- its end ---- */

static void report(struct agent *a, enum reason reason, const char *text)
{
    struct agent_restart_asked *r = &a->asked_for;
    struct event e =
            act_task_event(a, reason == REASON_NONE ? EVENT_DONE : EVENT_FAILED, TASK_RESTART);
    uint64_t took_ms = a->now_ms - r->begun_ms;
    e.body.task.term = r->term;
    e.body.task.directive_seq = r->seq;
    e.body.task.duration_ms = took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
    e.body.task.reason = reason;
    (void)snprintf(e.body.task.text, sizeof e.body.task.text, "%.*s",
                   (int)sizeof e.body.task.text - 1, text);
    outbox_put(&a->outbox, &e);
    r->ended_seq = r->seq;
    leave(a);
}

static bool is_recorded(const struct agent *a)
{
    return a->restart.asked && restart_is_recorded(a);
}

/* Its moment has not come, or has passed: it is not for this term any more, a switchover was
 * faster, or nobody could spare it. */
static void judge_waiting(struct agent *a)
{
    bool lapsed = a->caught_up && licence_seq(a) != a->asked_for.seq;
    if (lapsed) {
        leave(a);
        return;
    }
    bool broken = a->asked_for.stage == RESTART_CHECKPOINT &&
                  (a->pg.busy != BUSY_TASK || a->pg.task != TASK_CHECKPOINT);
    if (broken) {
        a->asked_for.stage = RESTART_WAITS;
    }
    bool overtaken = a->asked_for.stage == RESTART_NAMED && !is_recorded(a) &&
                     !licence_is_ripe(&a->cluster, a->me);
    if (overtaken) {
        restart_end(a);
        a->asked_for.stage = RESTART_READY;
    }
    bool late = a->now_ms >= a->asked_for.until_ms && !is_recorded(a);
    if (late && a->asked_for.stage != RESTART_CHECKPOINT) {
        report(a, REASON_STILL_NEEDED, "its moment did not come in time");
    }
}

static bool term_goes_on(const struct agent *a)
{
    return a->cluster.term == a->asked_for.term && cluster_holder(&a->cluster) == a->me &&
           a->ending.term == 0 && a->wanted.given_up_term < a->asked_for.term;
}

/* Why the last start failed, in PostgreSQL's words. */
static const char *last_words(const struct agent *a, const char *otherwise)
{
    bool said = a->pg.start_failures > 0 && a->pg.start_text[0] != '\0';
    return said ? a->pg.start_text : otherwise;
}

static void judge_leader(struct agent *a)
{
    if (!term_goes_on(a)) {
        enum reason reason = a->ending.term != 0 ? a->ending.reason : REASON_TERM_ENDED;
        report(a, reason, last_words(a, "the term was given up"));
    } else if (!restart_goes_on(a) && a->lead.stage >= LEAD_WRITABLE) {
        report(a, REASON_NONE, "");
    }
}

static void judge_standby(struct agent *a)
{
    bool back = agent_is_running(a) && a->pg.busy == BUSY_NONE && a->pg.role != ROLE_UNKNOWN;
    if (back) {
        report(a, REASON_NONE, "");
    } else if (a->pg.start_failures > 0) {
        report(a, a->pg.start_reason, last_words(a, "its log says why"));
    } else if (a->now_ms >= a->asked_for.until_ms) {
        report(a, REASON_START_FAILED, "it is not back in time");
    }
}

void restart_asked_learn(struct agent *a)
{
    uint64_t seq = licence_seq(a);
    if (a->asked_for.stage == RESTART_NONE && seq != 0 && a->caught_up) {
        take(a, seq);
    }
    if (a->asked_for.stage == RESTART_DOWN && a->asked_for.leads) {
        judge_leader(a);
    } else if (a->asked_for.stage == RESTART_DOWN) {
        judge_standby(a);
    } else if (a->asked_for.stage != RESTART_NONE) {
        judge_waiting(a);
    }
}

bool restart_asked_checkpoint_ended(struct agent *a, const struct fact *fact)
{
    if (a->asked_for.stage != RESTART_CHECKPOINT) {
        return false;
    }
    if (fact->ok) {
        a->asked_for.stage = RESTART_READY;
        a->asked_for.until_ms = a->now_ms + RESTART_WAIT_MS;
    } else {
        report(a, REASON_CHECKPOINT_FAILED, fact->text);
    }
    return true;
}

bool restart_asked_is_down(const struct agent *a)
{
    return a->asked_for.stage == RESTART_DOWN;
}

bool restart_asked_runs_on(const struct agent *a)
{
    return a->restart.asked && (a->asked_for.stage == RESTART_NAMED || a->pg.busy == BUSY_STOPPING);
}

/* ---- acts ---- */

static bool is_at(const struct agent *a, enum restart_stage stage, enum agent_role role)
{
    return a->asked_for.stage == stage && licence_seq(a) == a->asked_for.seq &&
           agent_is_running(a) && a->pg.role == role;
}

static bool leads_at(const struct agent *a, enum restart_stage stage)
{
    return a->asked_for.leads && is_at(a, stage, ROLE_PRIMARY) && lead_is_asked(a) &&
           agent_holds(a) && lease_runs(a) && a->lease.stage == LEASE_KEPT;
}

static bool is_ripe(const struct agent *a)
{
    return licence_is_ripe(&a->cluster, a->me);
}

bool restart_asked_must_checkpoint(const struct agent *a)
{
    return leads_at(a, RESTART_WAITS) && a->lead.stage >= LEAD_WRITABLE && is_ripe(a);
}

void restart_asked_checkpoint(struct agent *a, struct action_list *actions)
{
    static const struct upstream nowhere;
    a->asked_for.stage = RESTART_CHECKPOINT;
    act_say(actions, SEVERITY_INFO, "a restart is asked for: running a checkpoint term=%llu",
            (unsigned long long)a->cluster.term);
    act_task(a, TASK_CHECKPOINT, &nowhere, actions);
}

bool restart_asked_must_announce(const struct agent *a)
{
    return leads_at(a, RESTART_READY) && is_ripe(a);
}

void restart_asked_announce(struct agent *a, struct action_list *actions)
{
    (void)actions;
    a->asked_for.stage = RESTART_NAMED;
    restart_announce(a);
}

/* What is in the log of a leader is done: it accepts no writes until it says that it does. */
bool restart_asked_must_stop(const struct agent *a)
{
    if (!a->asked_for.leads) {
        return is_at(a, RESTART_WAITS, ROLE_STANDBY) && is_ripe(a);
    }
    return leads_at(a, RESTART_NAMED) && is_recorded(a);
}

void restart_asked_stop(struct agent *a, struct action_list *actions)
{
    struct agent_restart_asked *r = &a->asked_for;
    r->stage = RESTART_DOWN;
    r->until_ms = a->now_ms + STOP_TIMEOUT_MS + START_TIMEOUT_MS;
    if (r->leads) {
        a->restart.until_ms = a->now_ms + agent_config(a).primary_start_timeout_ms;
    }
    act_say(actions, SEVERITY_INFO, "restarting PostgreSQL as %s asks: stopping it term=%llu",
            a->cluster.licence.writer, (unsigned long long)a->cluster.term);
    act_stop(a, STOP_FAST, STOP_TIMEOUT_MS, actions);
}
