/* SPDX-License-Identifier: PostgreSQL */
#include "watch.h"

#include "act.h"
#include "restart.h"
#include "upstream.h"

#include <string.h>

/* A start that this agent ordered goes on: failing probes say nothing yet. */
static bool start_goes_on(const struct agent *a)
{
    return a->pg.busy == BUSY_STARTING && !a->pg.adopted;
}

/* Who streams from an earlier leader may never come to where that one's history ends. */
static bool has_its_leader(const struct agent *a)
{
    struct upstream wanted = upstream_of(a);
    return a->pg.upstream_known && strcmp(wanted.node, a->pg.upstream.node) == 0;
}

/* A recovery takes as long as there is WAL to replay: only one that stands still has failed. */
static void learn_recovery(struct agent *a, const struct probe_result *probe)
{
    bool moves = probe->startup_lsn != a->watch.startup_lsn;
    if (a->pg.busy == BUSY_STARTING && moves && has_its_leader(a)) {
        a->watch.moved_ms = a->now_ms;
        a->watch.startup_lsn = probe->startup_lsn;
        a->pg.busy_until_ms = a->now_ms + START_TIMEOUT_MS;
    }
    a->watch.startup_waits = probe->startup_waits;
}

/* Whether a failing probe counts, given what is being done to PostgreSQL. */
static bool failure_counts(const struct agent *a, enum probe_class class)
{
    if (start_goes_on(a) || a->pg.busy == BUSY_STOPPING || a->pg.busy == BUSY_KILLING) {
        return false;
    }
    if (a->pg.busy == BUSY_TASK && a->pg.task == TASK_PROMOTE) {
        return false;
    }
    return class != PROBE_STARTING || a->pg.busy != BUSY_STARTING;
}

static void learn_failure(struct agent *a, enum probe_class class)
{
    if (!failure_counts(a, class)) {
        return;
    }
    if (a->watch.failures == 0) {
        a->watch.failing_wall_us = a->wall_us;
    }
    a->watch.failures++;
    if (a->watch.failures >= agent_config(a).probe_failure_threshold) {
        agent_raise(a, class == PROBE_TIMEOUT ? REASON_PROBE_TIMEOUT : REASON_PROBE_FAILED,
                    a->watch.failing_wall_us);
    }
}

/* It accepts connections: a start that was ordered, or found, has ended well. */
static void learn_life(struct agent *a)
{
    a->watch.good_ms = a->now_ms;
    if (a->pg.busy == BUSY_STARTING) {
        a->pg.busy = BUSY_NONE;
    }
}

static void learn_history(struct agent *a, const struct probe_result *probe)
{
    bool newer = probe->position.timeline != a->data.history_timeline;
    if (probe->history.count > 0 || newer) {
        a->data.history = probe->history;
        a->data.history_timeline = probe->position.timeline;
    }
}

static void learn_motion(struct agent *a, const struct probe_result *probe)
{
    const struct probe_result *last = &a->watch.last;
    bool same = a->pg.role == ROLE_STANDBY && probe->replay_lsn == last->replay_lsn &&
                position_compare(probe->position, last->position) == 0;
    a->watch.moved_ms = same ? a->watch.moved_ms : a->now_ms;
}

/* Asked before its promotion ended, and answered after: no primary becomes a standby while it runs.
 */
static bool is_overtaken(const struct agent *a, const struct probe_result *probe)
{
    return a->pg.role == ROLE_PRIMARY && probe->in_recovery;
}

static void learn_good(struct agent *a, const struct probe_result *probe)
{
    learn_life(a);
    if (is_overtaken(a, probe)) {
        return;
    }
    learn_motion(a, probe);
    learn_history(a, probe);
    a->watch.failures = 0;
    a->watch.last = *probe;
    a->watch.last_ms = a->now_ms;
    a->pg.role = probe->in_recovery ? ROLE_STANDBY : ROLE_PRIMARY;
    a->pg.adopted = false;
    a->pg.start_failures = 0;
    if (a->pg.role == ROLE_PRIMARY && !restart_asked_runs_on(a)) {
        restart_end(a);
    }
    if (a->watch.election_term != 0 && a->watch.issued_ms >= a->watch.election_ms) {
        a->watch.fresh_term = a->watch.election_term;
        a->watch.election_term = 0;
    }
}

/* What the shell answers to a probe that another fact overtook is of no use. */
static bool is_expected(const struct agent *a)
{
    return a->watch.in_flight && a->pg.guard == GUARD_RUNNING;
}

void watch_learn(struct agent *a, const struct probe_result *probe)
{
    if (!is_expected(a)) {
        return;
    }
    a->watch.in_flight = false;
    a->watch.answers++;
    switch (probe->class) {
    case PROBE_OK:
        learn_good(a, probe);
        break;
    case PROBE_ALIVE:
        learn_life(a);
        break;
    case PROBE_STARTING:
        learn_recovery(a, probe);
        learn_failure(a, probe->class);
        break;
    case PROBE_ERROR:
    case PROBE_TIMEOUT:
    case PROBE_CLASS_COUNT:
        learn_failure(a, probe->class);
        break;
    }
}

void watch_want_fresh(struct agent *a, uint64_t term)
{
    a->watch.election_term = term;
    /* What was issued within this millisecond may be older than the end of the term. */
    a->watch.election_ms = a->now_ms + 1;
}

void watch_reset(struct agent *a)
{
    a->watch.in_flight = false;
    a->watch.failures = 0;
    a->watch.answers = 0;
    a->watch.due_ms = 0;
    /* What was fresh is gone with them; the election still wants to know what comes after them. */
    if (a->watch.fresh_term != 0 && a->watch.election_term == 0) {
        watch_want_fresh(a, a->watch.fresh_term);
    }
    a->watch.fresh_term = 0;
}

static bool is_worth_probing(const struct agent *a)
{
    return a->pg.guard_known && a->pg.guard == GUARD_RUNNING && a->pg.busy != BUSY_KILLING &&
           !a->superseded;
}

static uint64_t overdue_ms(const struct agent *a)
{
    return a->watch.issued_ms + agent_config(a).probe_timeout_ms + PROBE_GRACE_MS;
}

static bool is_urgent(const struct agent *a)
{
    return a->watch.election_term != 0 && a->watch.issued_ms < a->watch.election_ms &&
           a->pg.role == ROLE_STANDBY;
}

/* An election waits for this node's report, and that for its seal. */
static bool is_sealing(const struct agent *a)
{
    return upstream_must_seal(a) && a->pg.role == ROLE_STANDBY &&
           a->watch.last.sealed_term < a->cluster.term;
}

/* It was told whom to follow a moment ago, and no later look has shown that it does. */
static bool is_joining(const struct agent *a)
{
    const struct agent_watch *w = &a->watch;
    bool young = w->told_ms != 0 && a->now_ms < w->told_ms + JOIN_POLL_FOR_MS;
    bool joined = w->last.streaming && w->issued_ms > w->told_ms + JOIN_POLL_MS;
    return young && !joined && a->pg.role == ROLE_STANDBY && a->pg.upstream.node[0] != '\0';
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t period_ms(const struct agent *a)
{
    uint32_t period_ms = agent_config(a).probe_period_ms;
    if (is_sealing(a)) {
        return lesser(period_ms, SEAL_POLL_MS);
    }
    if (is_joining(a)) {
        return lesser(period_ms, JOIN_POLL_MS);
    }
    return a->pg.busy == BUSY_STARTING ? lesser(period_ms, START_POLL_MS) : period_ms;
}

void watch_keep(struct agent *a, struct action_list *actions)
{
    if (!is_worth_probing(a)) {
        return;
    }
    if (a->watch.in_flight && a->now_ms >= overdue_ms(a)) {
        struct probe_result lost = {.class = PROBE_TIMEOUT};
        watch_learn(a, &lost);
    }
    if (a->watch.in_flight || (!is_urgent(a) && a->now_ms < a->watch.due_ms)) {
        return;
    }
    if (is_urgent(a)) {
        a->watch.election_ms = a->now_ms;
    }
    a->watch.in_flight = true;
    a->watch.issued_ms = a->now_ms;
    a->watch.due_ms = a->now_ms + period_ms(a);
    act_add(actions, ACTION_PROBE)->as.timeout_ms = agent_config(a).probe_timeout_ms;
}

uint64_t agent_watch_next_ms(const struct agent *a)
{
    if (!is_worth_probing(a)) {
        return UINT64_MAX;
    }
    return a->watch.in_flight ? overdue_ms(a) : a->watch.due_ms;
}
