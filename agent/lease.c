/* SPDX-License-Identifier: PostgreSQL */
#include "lease.h"

#include "act.h"
#include "lead.h"
#include "report.h"

#include <string.h>

static void set_deadline(struct agent *a, uint64_t deadline_ms, struct action_list *actions)
{
    a->lease.deadline_ms = deadline_ms;
    act_add(actions, ACTION_LEASE)->as.deadline_ms = deadline_ms;
}

void lease_take_out(struct agent *a, struct action_list *actions)
{
    set_deadline(a, 0, actions);
}

static struct lease_sent *find_sent(struct agent_lease *lease, uint64_t counter)
{
    for (uint32_t i = 0; i < LEASE_SENT_MAX; i++) {
        if (lease->sent[i].counter == counter) {
            return &lease->sent[i];
        }
    }
    return NULL;
}

void lease_read_back(struct agent *a, const struct event *renewal, struct action_list *actions)
{
    struct lease_sent *sent = find_sent(&a->lease, renewal->counter);
    if (sent == NULL || renewal->counter == 0) {
        return;
    }
    uint64_t deadline_ms = sent->sent_ms + sent->ttl_ms;
    memset(sent, 0, sizeof *sent);
    bool over = a->lease.deadline_ms != 0 && a->now_ms >= a->lease.deadline_ms;
    if (over && agent_may_be_primary(a)) {
        return; /* only a lease that still runs is extended under a running primary */
    }
    bool mine = agent_holds(a) && renewal->body.renew.term == a->cluster.term;
    if (mine && deadline_ms > a->now_ms && deadline_ms > a->lease.deadline_ms) {
        set_deadline(a, deadline_ms, actions);
    }
}

bool lease_runs(const struct agent *a)
{
    return a->lease.deadline_ms > a->now_ms + LEASE_KILL_MS;
}

/* Twice within what a lease has before its kill, or each probe_period, whichever comes sooner. */
static uint32_t renew_period_ms(const struct agent *a)
{
    uint32_t ttl_ms = cluster_ttl_ms(&a->cluster);
    uint32_t half_ms = ttl_ms > LEASE_KILL_MS ? (ttl_ms - LEASE_KILL_MS) / 2 : 1;
    uint32_t period_ms = agent_config(a).probe_period_ms;
    return period_ms < half_ms ? period_ms : half_ms;
}

/* A good probe not older than what takes threshold failures to notice. */
static bool probe_is_recent(const struct agent *a)
{
    struct config config = agent_config(a);
    uint64_t age_ms = a->now_ms - a->watch.good_ms;
    return a->watch.good_ms != 0 &&
           age_ms <= config_lease_ttl_ms(config.probe_period_ms, config.probe_timeout_ms,
                                         config.probe_failure_threshold);
}

/* Bounded by its own deadline, and PostgreSQL cannot answer, or not as a primary, while it goes on.
 */
static bool work_goes_on(const struct agent *a)
{
    const struct agent_pg *pg = &a->pg;
    bool begins = pg->busy == BUSY_STARTING && !pg->adopted;
    bool task = pg->busy == BUSY_TASK && (pg->task == TASK_INITDB || pg->task == TASK_PROMOTE);
    return (begins || task || pg->busy == BUSY_STOPPING) && a->now_ms < pg->busy_until_ms;
}

/* A healthy agent must not shield a dead server. */
static bool has_evidence(const struct agent *a)
{
    if (work_goes_on(a)) {
        return true;
    }
    return a->pg.guard == GUARD_ABSENT ? a->data.known : probe_is_recent(a);
}

static bool may_renew(const struct agent *a)
{
    return agent_holds(a) && !agent_is_closed(a) && a->link_up && a->caught_up && !a->superseded &&
           a->fault.reason == REASON_NONE && a->pg.busy != BUSY_KILLING &&
           lead_refusal(a) == REASON_NONE && has_evidence(a);
}

static uint32_t probe_age_ms(const struct agent *a)
{
    uint64_t age_ms = a->now_ms - a->watch.good_ms;
    return a->watch.good_ms == 0 || age_ms > UINT32_MAX ? 0 : (uint32_t)age_ms;
}

static void renew(struct agent *a, struct action_list *actions)
{
    struct probe own = report_build(a);
    struct event e = act_event(a, EVENT_RENEW);
    e.body.renew = (struct renew){
            .term = a->cluster.term,
            .ttl_ms = cluster_ttl_ms(&a->cluster),
            .seen_seq = a->cluster.last_seq,
            .state = own.state,
            .position = own.position,
            .probe_age_ms = probe_age_ms(a),
    };
    a->lease.sent[a->lease.next_sent] = (struct lease_sent){
            .counter = e.counter, .sent_ms = a->now_ms, .ttl_ms = e.body.renew.ttl_ms};
    a->lease.next_sent = (a->lease.next_sent + 1) % LEASE_SENT_MAX;
    a->lease.renew_ms = a->now_ms + renew_period_ms(a);
    act_append(actions, &e);
}

/* A new term begins with nothing: what was sent for an earlier one gives nothing. */
static void follow_term(struct agent *a)
{
    if (a->lease.term != a->cluster.term) {
        a->lease.term = a->cluster.term;
        a->lease.renew_ms = 0;
        memset(a->lease.sent, 0, sizeof a->lease.sent);
    }
}

static void watch_deadline(struct agent *a, struct action_list *actions)
{
    if (a->lease.deadline_ms == 0) {
        return;
    }
    bool primary = agent_may_be_primary(a);
    if (primary && !lease_runs(a) && a->fault.reason == REASON_NONE && a->pg.busy != BUSY_KILLING) {
        agent_raise(a, REASON_LEASE_EXPIRED, a->wall_us);
        act_say(actions, SEVERITY_ERROR,
                "demoting self because the lease could not be renewed in time: killing PostgreSQL "
                "term=%llu",
                (unsigned long long)a->cluster.term);
    }
    if (!primary && a->now_ms >= a->lease.deadline_ms) {
        lease_take_out(a, actions);
    }
}

void lease_keep(struct agent *a, struct action_list *actions)
{
    follow_term(a);
    watch_deadline(a, actions);
    if (a->now_ms >= a->lease.renew_ms && may_renew(a)) {
        renew(a, actions);
    }
}

uint64_t lease_next_ms(const struct agent *a)
{
    uint64_t next_ms = may_renew(a) ? a->lease.renew_ms : UINT64_MAX;
    if (a->lease.deadline_ms == 0) {
        return next_ms;
    }
    uint64_t end_ms = a->lease.deadline_ms;
    if (agent_may_be_primary(a) && end_ms > LEASE_KILL_MS) {
        end_ms -= LEASE_KILL_MS;
    }
    bool handled = a->fault.reason != REASON_NONE || a->pg.busy == BUSY_KILLING;
    return !handled && end_ms < next_ms ? end_ms : next_ms;
}
