/* SPDX-License-Identifier: PostgreSQL */
#include "decide.h"

#include "../proto/fold.h"
#include "../proto/lost.h"
#include "../proto/order.h"
#include "../proto/switchover.h"
#include "rules.h"
#include "rules_sync.h"

#include <string.h>

static const struct rule *find_rule(const struct question *q)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if ((RULES[i].phases & phase_bit(q->c->phase)) != 0 && RULES[i].guard(q)) {
            return &RULES[i];
        }
    }
    return NULL;
}

bool decide(const struct cluster *c, const struct evidence *evidence,
            const struct decide_options *options, struct event *ret_event)
{
    const struct question q = {.c = c, .evidence = evidence, .options = options};
    const struct rule *rule = find_rule(&q);
    if (rule == NULL) {
        return false;
    }
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->version = SCHEMA_VERSION;
    memcpy(ret_event->cluster, c->name, sizeof(ret_event->cluster));
    rule->write(&q, ret_event);
    cluster_fill_decision(c, &ret_event->decision);
    const size_t length = strnlen(rule->name, RULE_SIZE - 1);
    memcpy(ret_event->decision.rule, rule->name, length);
    ret_event->decision.evidence = *evidence;
    return true;
}

const char *decide_rule_name(size_t index)
{
    return index < RULE_COUNT ? RULES[index].name : NULL;
}

/* The clocks of the evidence against which the guards of a phase measure, and up to where. */

typedef uint64_t (*wait_function)(const struct cluster *c);

struct ripening {
    uint32_t phases;
    size_t age_offset; /* of a uint64_t in struct evidence */
    wait_function wait_ms;
};

enum {
    GRANTED = 1 << PHASE_GRANTED,
    HELD = 1 << PHASE_HELD,
    REVOKED = 1 << PHASE_REVOKED,
    LEADERLESS = 1 << PHASE_NONE | 1 << PHASE_RELEASED | REVOKED,
    ANY = LEADERLESS | GRANTED | HELD,
};

/* clang-format off */
static const struct ripening RIPENINGS[] = {
    {HELD,       offsetof(struct evidence, renewal_age_ms), cluster_wait_ms},
    {HELD,       offsetof(struct evidence, hearing_ms),     cluster_wait_ms},
    {HELD,       offsetof(struct evidence, renewal_age_ms), rules_silence_ms},
    {HELD,       offsetof(struct evidence, hearing_ms),     rules_silence_ms},
    {GRANTED,    offsetof(struct evidence, phase_age_ms),   rules_accept_ms},
    {GRANTED,    offsetof(struct evidence, hearing_ms),     rules_accept_ms},
    {LEADERLESS, offsetof(struct evidence, phase_age_ms),   rules_election_ms},
    {LEADERLESS, offsetof(struct evidence, hearing_ms),     rules_alive_ms},
    {LEADERLESS, offsetof(struct evidence, hearing_ms),     lost_holdoff_ms},
    {LEADERLESS, offsetof(struct evidence, phase_age_ms),   rules_refusal_ms},
    {REVOKED,    offsetof(struct evidence, renewal_age_ms), rules_lapse_ms},
    {LEADERLESS, offsetof(struct evidence, failover_age_ms), cluster_failover_ripe_ms},
    {ANY,        offsetof(struct evidence, switchover_age_ms), switchover_limit_ms},
    {LEADERLESS, offsetof(struct evidence, verdict_age_ms), rules_verdict_ms},
    {HELD,       offsetof(struct evidence, hearing_ms),     order_hearing_ms},
};
/* clang-format on */

static uint64_t remaining_ms(uint64_t age_ms, uint64_t wait_ms)
{
    return age_ms < wait_ms ? wait_ms - age_ms : UINT64_MAX;
}

static uint64_t ripens_in_ms(const struct ripening *r, const struct cluster *c,
                             const struct evidence *evidence)
{
    uint64_t age_ms;
    memcpy(&age_ms, (const char *)evidence + r->age_offset, sizeof(age_ms));
    return remaining_ms(age_ms, r->wait_ms(c));
}

/* When the next node may be told to rebuild again. */
static uint64_t rebuild_in_ms(const struct cluster *c, const struct evidence *evidence)
{
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const uint64_t ripe_ms = cluster_rebuild_ripe_ms(c, (int32_t)i);
        const uint64_t ms = remaining_ms(evidence->rebuild_age_ms[i], ripe_ms);
        next_ms = ms < next_ms ? ms : next_ms;
    }
    return next_ms;
}

/* How long a difference must last depends on what differs. */
static uint64_t sync_remaining_ms(const struct cluster *c, const struct evidence *evidence)
{
    return c->phase == PHASE_HELD
                   ? remaining_ms(evidence->sync_age_ms, rules_sync_ms(c, evidence->alive_mask))
                   : UINT64_MAX;
}

/* A wall clock that is set meanwhile is looked at with the next event. */
static uint64_t due_in_ms(const struct cluster *c, const struct evidence *evidence)
{
    const uint64_t due_us = switchover_due_us(c);
    return remaining_ms(evidence->wall_us / 1000, (due_us + 999) / 1000);
}

uint64_t decide_next_ms(const struct cluster *c, const struct evidence *evidence)
{
    uint64_t next_ms = c->phase == PHASE_HELD ? rebuild_in_ms(c, evidence) : UINT64_MAX;
    const uint64_t sync_ms = sync_remaining_ms(c, evidence);
    const uint64_t due_ms = due_in_ms(c, evidence);
    next_ms = sync_ms < next_ms ? sync_ms : next_ms;
    next_ms = due_ms < next_ms ? due_ms : next_ms;
    for (size_t i = 0; i < sizeof(RIPENINGS) / sizeof(RIPENINGS[0]); i++) {
        const struct ripening *r = &RIPENINGS[i];
        if ((r->phases & phase_bit(c->phase)) == 0) {
            continue;
        }
        const uint64_t ms = ripens_in_ms(r, c, evidence);
        next_ms = ms < next_ms ? ms : next_ms;
    }
    return next_ms;
}
