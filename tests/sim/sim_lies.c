/* SPDX-License-Identifier: PostgreSQL */
/* A monitor that lies: each decision would be right but for one thing, so that nothing but the
 * fold's check of that thing can stop it. Also the one honest decision that no rule makes. */
#include "sim.h"

#include "../../proto/election.h"
#include "../../proto/fold.h"
#include "../../proto/switchover.h"
#include "../../proto/sync.h"

#include <stdio.h>
#include <string.h>

#define LIAR "monitor-9"
#define LONG_MS 1000000
#define TRIES 4
#define NO_LIMITS                                                                                  \
    100000, 600000, 100000, 600000, CRASH_FAILOVER, 30000, 100000, 600000, {.count = 0},           \
            {.count = 0}, {.port = 0}, FAILSAFE_ON

static uint64_t since_ms(const struct sim *s, const struct sim_takes *takes)
{
    uint64_t last_us = takes->at_us[(takes->count + SIM_TAKES_MAX - 1) % SIM_TAKES_MAX];
    return takes->count == 0 ? 0 : (s->now_us - last_us) / SIM_MS;
}

/* What is limited is as old as it is: a lie that is stored once more, when nothing else speaks
 * against it, is then too modest. */
static void tell_ages(const struct sim *s, struct evidence *evidence)
{
    evidence->failover_age_ms = since_ms(s, &s->failovers);
    for (uint32_t i = 0; i < s->truth.node_count; i++) {
        int node = sim_node_index(s, s->truth.nodes[i].name);
        evidence->rebuild_age_ms[i] = node < 0 ? 0 : since_ms(s, &s->rebuilds[node]);
    }
}

/* The head of a decision that follows the truth, by one who has waited and heard enough. */
static void begin(struct sim *s, enum event_kind kind, struct event *e)
{
    memset(e, 0, sizeof *e);
    e->version = SCHEMA_VERSION;
    e->kind = kind;
    snprintf(e->cluster, sizeof e->cluster, "demo");
    snprintf(e->writer, sizeof e->writer, LIAR);
    e->incarnation = 1;
    e->counter = ++s->lie_count;
    e->wall_us = 1700000000000000ULL + s->now_us;
    cluster_fill_decision(&s->truth, &e->decision);
    snprintf(e->decision.rule, sizeof e->decision.rule, "none");
    e->decision.evidence = (struct evidence){
            .renewal_age_ms = LONG_MS,
            .hearing_ms = LONG_MS,
            .phase_age_ms = LONG_MS,
            .alive_mask = UINT32_MAX,
    };
    tell_ages(s, &e->decision.evidence);
}

/* Without limits of what happens by itself: sim_plan.c draws them. */
static const struct config configs[] = {
        {1000, 1000, 2, 3000, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_OFF, 1, FAILOVER_LEASE,
         UINT64_MAX, NO_LIMITS},
        {1000, 1000, 4, 5000, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_QUORUM, 1, FAILOVER_LEASE,
         UINT64_MAX, NO_LIMITS},
        {400, 400, 2, 1200, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_QUORUM, 1, FAILOVER_LEASE,
         UINT64_MAX, NO_LIMITS},
        {500, 1000, 3, 2500, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_OFF, 1, FAILOVER_LEASE,
         1000000, NO_LIMITS},
        {2000, 1000, 3, 7000, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_QUORUM, 2, FAILOVER_LEASE,
         UINT64_MAX, NO_LIMITS},
        {5000, 2000, 2, 12000, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_OFF, 1, FAILOVER_LEASE,
         10000000, NO_LIMITS},
        {1000, 1000, 2, 3000, SWITCH_MAXIMUM_AVAILABILITY, SYNCHRONOUS_STRICT, 1, FAILOVER_LEASE,
         UINT64_MAX, NO_LIMITS},
};

/* Each of them, and then each of them with failover_mode sealed, where that may be. */
struct config sim_config(uint64_t choice)
{
    const uint64_t count = sizeof configs / sizeof configs[0];
    struct config config = configs[choice % count];
    bool sealed = config.synchronous != SYNCHRONOUS_OFF && choice / count % 2 != 0;
    config.failover_mode = sealed ? FAILOVER_SEALED : FAILOVER_LEASE;
    config.failsafe = choice / count % 4 == 3 ? FAILSAFE_OFF : FAILSAFE_ON;
    return config;
}

static bool config_event(struct sim *s, uint64_t choice, struct event *e)
{
    begin(s, EVENT_CONFIG, e);
    e->body.config = sim_config(choice);
    e->body.config.failover_limit = s->truth.config.failover_limit;
    e->body.config.failover_window_ms = s->truth.config.failover_window_ms;
    e->body.config.rebuild_limit = s->truth.config.rebuild_limit;
    e->body.config.rebuild_window_ms = s->truth.config.rebuild_window_ms;
    e->body.config.standby = s->truth.config.standby;
    e->body.config.switch_policy = s->truth.config.switch_policy;
    e->body.config.crash_policy = s->truth.config.crash_policy;
    e->body.config.primary_start_timeout_ms = s->truth.config.primary_start_timeout_ms;
    e->body.config.restart_limit = s->truth.config.restart_limit;
    e->body.config.restart_window_ms = s->truth.config.restart_window_ms;
    return s->truth.configured && (s->truth.config.lease_ttl_ms != e->body.config.lease_ttl_ms ||
                                   s->truth.config.failover_mode != e->body.config.failover_mode ||
                                   s->truth.config.failsafe != e->body.config.failsafe);
}

static bool honest_config(struct sim *s, struct event *e)
{
    return config_event(s, sim_draw(&s->liar, 100), e);
}

static bool honest_revoke(struct sim *s, struct event *e)
{
    begin(s, EVENT_REVOKE, e);
    e->body.revoke.term = s->truth.term;
    e->body.revoke.renewal_seq = s->truth.lease.renewed ? s->truth.lease.renewal_seq : 0;
    return cluster_holder(&s->truth) != LEADER_NONE;
}

static bool any_grant(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    begin(s, EVENT_GRANT, e);
    struct grant *g = &e->body.grant;
    int32_t i = election_choose(c, GRANT_FAILOVER, &(struct evidence){.alive_mask = UINT32_MAX},
                                &g->candidates);
    if (i == LEADER_NONE || (c->phase != PHASE_RELEASED && c->phase != PHASE_REVOKED)) {
        return false;
    }
    g->term = c->term + 1;
    g->kind = GRANT_FAILOVER;
    memcpy(g->node, c->nodes[i].name, sizeof g->node);
    g->incarnation = c->nodes[i].incarnation;
    g->position = c->nodes[i].position;
    g->timeline = c->timeline_max + 1;
    g->renewal_seq = c->lease.renewed ? c->lease.renewal_seq : 0;
    g->loss_bytes = cluster_lag_bytes(c, i);
    g->loss_known = cluster_loss_is_known(c, i);
    return true;
}

static bool honest_grant(struct sim *s, struct event *e)
{
    return any_grant(s, e) &&
           e->decision.evidence.failover_age_ms >= cluster_failover_ripe_ms(&s->truth);
}

static bool any_directive(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    begin(s, EVENT_DIRECTIVE, e);
    int32_t i = (int32_t)sim_draw(&s->liar, c->node_count);
    if (c->phase != PHASE_HELD || !c->writable || i == c->leader ||
        c->nodes[i].rebuild_task != TASK_NONE) {
        return false;
    }
    memcpy(e->body.directive.node, c->nodes[i].name, NAME_SIZE);
    e->body.directive.incarnation = c->nodes[i].incarnation;
    e->body.directive.term = c->term;
    e->body.directive.task = TASK_BASEBACKUP;
    e->body.directive.reason = sim_chance(&s->liar, 20) ? REASON_REQUESTED : REASON_NONE;
    return true;
}

static bool honest_directive(struct sim *s, struct event *e)
{
    bool ok = any_directive(s, e);
    int32_t i = ok ? cluster_find_node(&s->truth, e->body.directive.node) : 0;
    if (e->body.directive.reason == REASON_REQUESTED) {
        return ok && s->truth.nodes[i].asked_seq != 0;
    }
    return ok && e->decision.evidence.rebuild_age_ms[i] >= cluster_rebuild_ripe_ms(&s->truth, i);
}

/* ---- the head ---- */

static bool lie_old_predecessor(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->decision.prev_seq--;
    return ok;
}

static bool lie_wrong_hash(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->decision.prev_hash[7] ^= 1;
    return ok;
}

static bool lie_wrong_digest(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->decision.digest[7] ^= 1;
    return ok;
}

static bool lie_not_yet_folded(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->decision.folded_seq++;
    return ok;
}

static bool lie_folded_too_little(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->decision.folded_seq = s->truth.decision_seq - 1;
    return ok;
}

static bool lie_other_cluster(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    snprintf(e->cluster, sizeof e->cluster, "other");
    return ok;
}

static bool lie_bad_config(struct sim *s, struct event *e)
{
    bool ok = honest_config(s, e);
    e->body.config.lease_ttl_ms = 1;
    return ok;
}

/* ---- revokes ---- */

static bool lie_revoke_unwaited(struct sim *s, struct event *e)
{
    bool ok = honest_revoke(s, e);
    e->decision.evidence.renewal_age_ms = sync_silence_ms(&s->truth, UINT32_MAX) - 1;
    return ok && s->truth.lease.renewed;
}

static bool lie_revoke_unheard(struct sim *s, struct event *e)
{
    bool ok = honest_revoke(s, e);
    e->decision.evidence.hearing_ms = sync_silence_ms(&s->truth, UINT32_MAX) - 1;
    return ok && s->truth.lease.renewed;
}

static bool lie_revoke_renewed(struct sim *s, struct event *e)
{
    bool ok = honest_revoke(s, e);
    e->body.revoke.renewal_seq--;
    return ok && s->truth.lease.renewed;
}

static bool lie_revoke_old_term(struct sim *s, struct event *e)
{
    bool ok = honest_revoke(s, e);
    e->body.revoke.term--;
    return ok;
}

/* ---- grants ---- */

static bool lie_grant_held(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    begin(s, EVENT_GRANT, e);
    int32_t i = (int32_t)sim_draw(&s->liar, c->node_count);
    e->body.grant = (struct grant){.term = c->term + 1,
                                   .incarnation = c->nodes[i].incarnation,
                                   .position = c->nodes[i].position,
                                   .timeline = c->timeline_max + 1,
                                   .renewal_seq = c->lease.renewal_seq};
    memcpy(e->body.grant.node, c->nodes[i].name, NAME_SIZE);
    return cluster_holder(c) != LEADER_NONE;
}

static bool lie_grant_unwaited(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->decision.evidence.renewal_age_ms = cluster_wait_ms(&s->truth) - 1;
    return ok && s->truth.phase == PHASE_REVOKED && s->truth.lease.renewed &&
           !sync_elects_early(&s->truth);
}

static bool lie_grant_renewed(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->body.grant.renewal_seq--;
    return ok && s->truth.phase == PHASE_REVOKED && s->truth.lease.renewed;
}

static bool lie_grant_term(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->body.grant.term += sim_chance(&s->liar, 50) ? 1000 : (uint64_t)-1;
    return ok;
}

static bool lie_grant_timeline(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->body.grant.timeline--;
    return ok;
}

static bool lie_grant_adopt(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->body.grant.kind = sim_chance(&s->liar, 50) ? GRANT_ADOPT : GRANT_BOOTSTRAP;
    e->body.grant.timeline = 0;
    return ok && s->truth.system_id != 0;
}

static bool lie_grant_incarnation(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    e->body.grant.incarnation--;
    return ok;
}

static bool lie_grant_ineligible(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    bool ok = honest_grant(s, e);
    int32_t i = (int32_t)sim_draw(&s->liar, c->node_count);
    memcpy(e->body.grant.node, c->nodes[i].name, NAME_SIZE);
    e->body.grant.incarnation = c->nodes[i].incarnation;
    enum verdict verdict = election_verdict(c, i, GRANT_FAILOVER);
    bool may = verdict == VERDICT_ELIGIBLE || verdict == VERDICT_REFUSED ||
               switchover_forgives(c, i, verdict);
    return ok && !may;
}

static bool lie_grant_limited(struct sim *s, struct event *e)
{
    uint64_t ripe_ms = cluster_failover_ripe_ms(&s->truth);
    bool ok = any_grant(s, e);
    e->decision.evidence.failover_age_ms = ripe_ms - 1;
    return ok && ripe_ms != 0;
}

static bool lie_grant_loss(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e);
    ok = ok && e->body.grant.loss_bytes != 0;
    e->body.grant.loss_bytes--;
    return ok;
}

static bool lie_grant_known(struct sim *s, struct event *e)
{
    bool ok = honest_grant(s, e) && !e->body.grant.loss_known;
    e->body.grant.loss_known = true;
    return ok;
}

/* ---- directives ---- */

static bool lie_rebuild_leader(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    bool ok = honest_directive(s, e);
    if (ok) {
        memcpy(e->body.directive.node, c->nodes[c->leader].name, NAME_SIZE);
        e->body.directive.incarnation = c->nodes[c->leader].incarnation;
    }
    return ok;
}

static bool lie_rebuild_incarnation(struct sim *s, struct event *e)
{
    bool ok = honest_directive(s, e);
    e->body.directive.incarnation--;
    return ok;
}

static bool lie_rebuild_term(struct sim *s, struct event *e)
{
    bool ok = honest_directive(s, e);
    e->body.directive.term--;
    return ok;
}

static bool lie_rebuild_task(struct sim *s, struct event *e)
{
    bool ok = honest_directive(s, e);
    e->body.directive.task = TASK_INITDB;
    return ok;
}

static bool lie_rebuild_limited(struct sim *s, struct event *e)
{
    bool ok = any_directive(s, e);
    int32_t i = ok ? cluster_find_node(&s->truth, e->body.directive.node) : 0;
    uint64_t ripe_ms = cluster_rebuild_ripe_ms(&s->truth, i);
    e->decision.evidence.rebuild_age_ms[i] = ripe_ms - 1;
    return ok && ripe_ms != 0;
}

static bool lie_limit(struct sim *s, struct event *e)
{
    begin(s, EVENT_NO_CANDIDATE, e);
    e->body.no_candidate.term = s->truth.term;
    e->body.no_candidate.reason = REASON_FAILOVER_LIMIT;
    uint64_t ripe_ms = cluster_failover_ripe_ms(&s->truth);
    uint64_t age_ms = e->decision.evidence.failover_age_ms;
    e->body.no_candidate.wait_ms = (ripe_ms > age_ms ? ripe_ms - age_ms : 0) + 1;
    return cluster_holder(&s->truth) == LEADER_NONE;
}

static bool lie_no_candidate(struct sim *s, struct event *e)
{
    begin(s, EVENT_NO_CANDIDATE, e);
    e->body.no_candidate.term = s->truth.term;
    return cluster_holder(&s->truth) != LEADER_NONE;
}

static bool lie_withheld(struct sim *s, struct event *e)
{
    const struct cluster *c = &s->truth;
    int32_t i = (int32_t)sim_draw(&s->liar, c->node_count);
    begin(s, EVENT_NO_CANDIDATE, e);
    e->body.no_candidate.term = c->term;
    e->body.no_candidate.reason = REASON_POLICY;
    memcpy(e->body.no_candidate.node, c->nodes[i].name, NAME_SIZE);
    return cluster_holder(c) == LEADER_NONE &&
           election_verdict(c, i, GRANT_FAILOVER) != VERDICT_POLICY;
}

struct lie {
    const char *name;
    bool (*tell)(struct sim *s, struct event *e);
};

static const struct lie lies[] = {
        {"old-predecessor", lie_old_predecessor},
        {"wrong-hash", lie_wrong_hash},
        {"wrong-digest", lie_wrong_digest},
        {"not-yet-folded", lie_not_yet_folded},
        {"folded-too-little", lie_folded_too_little},
        {"other-cluster", lie_other_cluster},
        {"bad-config", lie_bad_config},
        {"revoke-unwaited", lie_revoke_unwaited},
        {"revoke-unheard", lie_revoke_unheard},
        {"revoke-renewed", lie_revoke_renewed},
        {"revoke-old-term", lie_revoke_old_term},
        {"grant-held", lie_grant_held},
        {"grant-unwaited", lie_grant_unwaited},
        {"grant-renewed", lie_grant_renewed},
        {"grant-term", lie_grant_term},
        {"grant-timeline", lie_grant_timeline},
        {"grant-adopt", lie_grant_adopt},
        {"grant-incarnation", lie_grant_incarnation},
        {"grant-ineligible", lie_grant_ineligible},
        {"grant-limited", lie_grant_limited},
        {"grant-loss", lie_grant_loss},
        {"grant-known", lie_grant_known},
        {"rebuild-leader", lie_rebuild_leader},
        {"rebuild-incarnation", lie_rebuild_incarnation},
        {"rebuild-term", lie_rebuild_term},
        {"rebuild-task", lie_rebuild_task},
        {"rebuild-limited", lie_rebuild_limited},
        {"no-candidate", lie_no_candidate},
        {"limit", lie_limit},
        {"withheld", lie_withheld},
};

const char *sim_lie_name(size_t index)
{
    return index < sizeof lies / sizeof lies[0] ? lies[index].name : NULL;
}

static bool store(struct sim *s, const struct event *e)
{
    static struct sim_payload payload;
    uint8_t data[EVENT_BYTES_MAX];
    size_t size = codec_encode(e, data, sizeof data);
    size_t index = s->record_count;
    sim_payload_bytes(&payload, "pgbaton.demo.decision", data, size);
    sim_store(s, &payload);
    return s->memory.records[index]->effective;
}

static void lie(struct sim *s, int target, uint64_t generation, uint64_t value)
{
    (void)target;
    (void)generation;
    (void)value;
    struct event e;
    bool possible = !s->log_down && s->truth.node_count > 0 && s->truth.frozen_seq == 0;
    /* Most lies fit only some states. */
    for (uint32_t i = 0; i < TRIES && possible; i++) {
        size_t index = sim_draw(&s->liar, sizeof lies / sizeof lies[0]);
        if (lies[index].tell(s, &e)) {
            sim_cover_lie(index);
            if (store(s, &e)) {
                sim_break(s, "I3: chain", "a forged decision is effective: %s", lies[index].name);
            }
            return;
        }
    }
}

void sim_lie_perhaps(struct sim *s)
{
    bool leaderless = s->truth.phase == PHASE_REVOKED || s->truth.phase == PHASE_RELEASED;
    if (s->now_us < s->lying_us && sim_chance(&s->liar, leaderless ? 25 : 10)) {
        sim_after(s, sim_draw(&s->liar, 2 * SIM_MS), lie, 0, 0, 0);
    }
}

/* Folded up to its predecessor only: no rule is asked to decide it again. */
static void speak(struct sim *s, struct event *e)
{
    if (!s->log_down) {
        e->decision.folded_seq = s->truth.decision_seq;
        (void)store(s, e);
    }
}

void sim_reconfigure(struct sim *s, uint64_t dice)
{
    struct event e;
    if (s->truth.last_seq > s->truth.decision_seq && config_event(s, dice, &e)) {
        speak(s, &e);
    }
}

void sim_give_up(struct sim *s)
{
    struct event e;
    begin(s, EVENT_CONFIG, &e);
    e.body.config = s->truth.config;
    e.body.config.synchronous = SYNCHRONOUS_OFF;
    e.body.config.switch_policy = SWITCH_MAXIMUM_AVAILABILITY;
    e.body.config.failover_mode = FAILOVER_LEASE;
    speak(s, &e);
}

void sim_speak_newer(struct sim *s)
{
    static struct sim_payload payload;
    uint8_t data[EVENT_BYTES_MAX];
    struct event e;
    begin(s, EVENT_CONFIG, &e);
    e.body.config = s->truth.config;
    size_t size = codec_encode(&e, data, sizeof data);
    data[1] = SCHEMA_VERSION + 1; /* the first field is the version */
    sim_payload_bytes(&payload, "pgbaton.demo.decision", data, size);
    if (!s->log_down) {
        sim_store(s, &payload);
    }
}
