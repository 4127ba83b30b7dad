/* SPDX-License-Identifier: PostgreSQL */
/* What happens by itself, counted in the log and measured in true time. */
#include "sim.h"

#include <string.h>

/* Of two clocks, twice what each may be off. */
#define CLOCK_PPM 2000

static const char *name_of(const struct sim *s, const struct sim_takes *takes)
{
    if (takes == &s->restarts) {
        return "restarts in place";
    }
    return takes == &s->failovers ? "failovers" : "rebuilds";
}

/* From no one of them on are there more than the limit and what time has paid for since. */
static void take(struct sim *s, struct sim_takes *takes, uint32_t limit, uint32_t window_ms)
{
    uint64_t window_us = window_ms * SIM_MS;
    uint64_t each_us = window_ms / limit * SIM_MS; /* in whole ms, as is paid */
    takes->at_us[takes->count % SIM_TAKES_MAX] = s->now_us;
    takes->count++;
    uint64_t oldest = takes->count > SIM_TAKES_MAX ? takes->count - SIM_TAKES_MAX : 0;
    for (uint64_t i = oldest; i < takes->count; i++) {
        uint64_t past_us = s->now_us - takes->at_us[i % SIM_TAKES_MAX];
        uint64_t count = takes->count - i;
        if (count * each_us > window_us + past_us + past_us * CLOCK_PPM / 1000000) {
            sim_break(s, "I18: bounded action",
                      "%llu of %s in %llu ms, and %u are allowed in %u ms",
                      (unsigned long long)count, name_of(s, takes),
                      (unsigned long long)(past_us / SIM_MS), limit, window_ms);
        }
    }
}

/* Why the last term that was held ended: the first event that says so. */
static void note_end(struct sim *s, const struct event *e)
{
    if (s->ended_term == s->truth.term || s->held_term != s->truth.term) {
        return;
    }
    if (e->kind == EVENT_RELEASE) {
        s->ended_reason = e->body.release.reason;
    } else if (e->kind == EVENT_REFUSE) {
        s->ended_reason = e->body.refuse.reason;
    } else if (e->kind == EVENT_REVOKE) {
        s->ended_reason = REASON_LEASE_EXPIRED;
    } else {
        return;
    }
    s->ended_term = s->truth.term;
}

/* A grant that is refused, or not renewed, is no failover. */
static bool begins_to_hold(struct sim *s, const struct event *e)
{
    bool first = e->kind == EVENT_RENEW && s->held_term != s->truth.term;
    s->held_term = first ? s->truth.term : s->held_term;
    return first;
}

static bool is_ordered(enum reason reason)
{
    return reason == REASON_SHUTDOWN || reason == REASON_REQUESTED;
}

/* The grant ended a request for a leader. */
static bool is_asked_for(const struct cluster *c)
{
    return c->closed.seq == c->grant_seq && c->closed.kind == REQUEST_FAILOVER;
}

static bool is_lie(const struct event *e)
{
    return e->decision.rule[0] == '\0' || strcmp(e->decision.rule, "none") == 0;
}

/* Monitors that hear different nodes contradict each other, and take their time; a lie that became
 * true on its way takes none, and names a rule that does not exist. */
static void check_verdicts(struct sim *s, const struct event *e)
{
    uint64_t pause_us = VERDICT_PAUSE_MS * SIM_MS;
    if (!s->truth.no_candidate) {
        s->verdict_us = 0;
    } else if (e->kind == EVENT_NO_CANDIDATE && !is_lie(e)) {
        uint64_t past_us = s->now_us - s->verdict_us;
        if (s->verdict_us != 0 && past_us + past_us * CLOCK_PPM / 1000000 < pause_us) {
            sim_break(s, "I18: bounded action", "no_candidate is said again after %llu ms",
                      (unsigned long long)(past_us / SIM_MS));
        }
        s->verdict_us = s->now_us;
    }
}

void check_i18_limits(struct sim *s, const struct event *e)
{
    const struct config *config = &s->truth.config;
    note_end(s, e);
    check_verdicts(s, e);
    if (begins_to_hold(s, e) && s->truth.grant_kind == GRANT_FAILOVER &&
        !is_ordered(s->ended_reason) && !is_asked_for(&s->truth)) {
        take(s, &s->failovers, config->failover_limit, config->failover_window_ms);
    }
    if (s->truth.restart.tokens.seq != s->restart_seq) {
        s->restart_seq = s->truth.restart.tokens.seq;
        take(s, &s->restarts, config->restart_limit, config->restart_window_ms);
    }
    int node = e->kind == EVENT_DIRECTIVE ? sim_node_index(s, e->body.directive.node) : -1;
    if (node >= 0 && e->body.directive.reason != REASON_REQUESTED) {
        take(s, &s->rebuilds[node], config->rebuild_limit, config->rebuild_window_ms);
    }
}
