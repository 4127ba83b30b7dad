/* SPDX-License-Identifier: PostgreSQL */
/* What monitors decide. The fold re-checks each decision: it trusts the evidence, never the
 * conclusion. */
#include "election.h"
#include "fold_impl.h"
#include "lost.h"
#include "pause.h"
#include "standby.h"
#include "switchover.h"
#include "sync.h"

#include <string.h>

enum void_reason fold_revoke(struct cluster *c, const struct event *e)
{
    const struct revoke *r = &e->body.revoke;
    if (r->term != c->term) {
        return r->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    if (cluster_holder(c) == LEADER_NONE) {
        return VOID_NOT_HELD;
    }
    if (pause_keeps_lease(c)) {
        return VOID_PAUSED;
    }
    if (r->renewal_seq != cluster_last_renewal_seq(c)) {
        return VOID_RENEWED_SINCE;
    }
    const struct evidence *ev = &e->decision.evidence;
    uint64_t wait_ms = sync_silence_ms(c, ev->alive_mask);
    if (ev->renewal_age_ms < wait_ms || ev->hearing_ms < wait_ms) {
        return VOID_NO_WAIT;
    }
    struct position end = cluster_kept_end(c);
    pending_term_ended(c, NULL, e);
    cluster_enter_phase(c, PHASE_REVOKED, e);
    c->lease.lifted = false;
    cluster_end_directives(c);
    cluster_clear_election(c);
    c->ending = (struct ending){
            .seq = e->seq,
            .reason = REASON_LEASE_EXPIRED,
            .detected_wall_us = e->wall_us,
            .wall_us = e->wall_us,
            .end = end,
    };
    return VOID_NONE;
}

/* I12: nothing is granted by who has not heard the log for as long as a lease may run that is not
 * in it. I6: after a release at once; after a revoke only when the last lease has run out for
 * certain, or when the grantee is proven to have all that anybody will ever be told is committed.
 */
static bool has_waited(const struct cluster *c, const struct event *e)
{
    if (e->decision.evidence.hearing_ms < lost_holdoff_ms(c)) {
        return false;
    }
    if (c->phase != PHASE_REVOKED || !c->lease.renewed) {
        return true;
    }
    int32_t i = cluster_find_node(c, e->body.grant.node);
    return e->body.grant.renewal_seq == c->lease.renewal_seq &&
           (e->decision.evidence.renewal_age_ms >= cluster_wait_ms(c) ||
            (i >= 0 && sync_spares_wait(c, i)));
}

/* A grant says at least what may be lost, as far as the log knows it. */
static bool is_honest(const struct cluster *c, int32_t i, const struct grant *g)
{
    bool known = cluster_loss_is_known(c, i);
    return g->kind != GRANT_FAILOVER || standby_is_on(c) ||
           (g->loss_bytes >= cluster_lag_bytes(c, i) && (known || !g->loss_known));
}

static enum void_reason check_grant(const struct cluster *c, const struct event *e)
{
    const struct grant *g = &e->body.grant;
    if (cluster_holder(c) != LEADER_NONE) {
        return VOID_HELD;
    }
    if (g->term != lost_next_term(c)) {
        return VOID_WRONG_TERM;
    }
    if (!has_waited(c, e)) {
        return VOID_NO_WAIT;
    }
    if (pause_bars_election(c) && strcmp(c->pending.node, g->node) != 0) {
        return VOID_PAUSED;
    }
    if (g->kind != GRANT_FAILOVER && c->system_id != 0) {
        return VOID_ALREADY_BOOTSTRAPPED;
    }
    bool opens = g->kind == GRANT_FAILOVER && !standby_is_on(c);
    if (opens ? g->timeline <= c->timeline_max : g->timeline != 0) {
        return VOID_WRONG_TIMELINE;
    }
    int32_t i = cluster_find_node(c, g->node);
    if (i < 0 || c->nodes[i].incarnation != g->incarnation) {
        return VOID_NOT_ELIGIBLE;
    }
    const struct evidence *ev = &e->decision.evidence;
    if (g->kind == GRANT_FAILOVER && ev->failover_age_ms < cluster_failover_ripe_ms(c)) {
        return VOID_LIMIT_REACHED;
    }
    enum verdict verdict = election_verdict(c, i, g->kind);
    bool again = verdict == VERDICT_REFUSED && election_forgives(ev);
    bool right = verdict == VERDICT_ELIGIBLE || again || switchover_forgives(c, i, verdict);
    if (!right) {
        return VOID_NOT_ELIGIBLE;
    }
    return is_honest(c, i, g) ? fold_sync_check_grant(c, g) : VOID_IMPOSSIBLE;
}

/* An operator has accepted that this one may miss something. */
static bool as_asked(const struct cluster *c, const struct grant *g)
{
    return c->pending.accept_loss && strcmp(c->pending.node, g->node) == 0;
}

/* What describe and the timeline tell of this change of leadership, as far as it is known now. */
static void begin_change(struct cluster *c, const struct event *e)
{
    const struct grant *g = &e->body.grant;
    struct change change = {
            .seq = e->seq,
            .term = g->term,
            .reason = c->ending.reason,
            .kind = g->kind,
            .ended_seq = c->ending.seq,
            .detected_wall_us = c->ending.detected_wall_us,
            .fenced_wall_us = c->ending.fenced_wall_us,
            .ended_wall_us = c->ending.wall_us,
            .granted_wall_us = e->wall_us,
            .loss_bytes = g->loss_bytes,
            .loss_known = g->loss_known,
            .standby = standby_is_on(c),
            .proven = sync_binds(c) && !as_asked(c, g),
            .leader_wall_us = g->leader_wall_us,
    };
    if (c->leader != LEADER_NONE) {
        memcpy(change.from, c->nodes[c->leader].name, NAME_SIZE);
    }
    memcpy(change.to, g->node, NAME_SIZE);
    c->change = change;
}

/* What this failover costs (I18), if it comes to one: the first renewal takes it, unless an
 * operator has asked for it. */
static void take_failover(struct cluster *c, const struct event *e)
{
    bool fallen = e->body.grant.kind == GRANT_FAILOVER && cluster_has_fallen(c);
    c->failovers_granted = (struct bucket){0, 0};
    if (fallen) {
        c->failovers_granted = c->failovers;
        bucket_take(&c->failovers_granted, cluster_failover_size(c),
                    e->decision.evidence.failover_age_ms, e->seq);
    }
}

enum void_reason fold_grant(struct cluster *c, const struct event *e)
{
    const struct grant *g = &e->body.grant;
    enum void_reason reason = check_grant(c, e);
    if (reason != VOID_NONE) {
        return reason;
    }
    take_failover(c, e);
    begin_change(c, e);
    pending_granted(c, e);
    cluster_enter_phase(c, PHASE_GRANTED, e);
    c->term = g->term;
    c->leader = cluster_find_node(c, g->node);
    c->leader_incarnation = g->incarnation;
    c->grant_kind = g->kind;
    c->grant_timeline = g->timeline;
    c->grant_seq = e->seq;
    memcpy(c->grant_hash, e->hash, HASH_SIZE);
    c->promoted = false;
    c->writable = false;
    c->restart = (struct restarting){.tokens = c->restart.tokens};
    cluster_clear_election(c);
    c->lease.renewed = false;
    c->lease.lifted = false;
    c->lease.ttl_ms_max = 0;
    fold_sync_granted(c, g);
    cluster_end_directives(c);
    rebuild_forget_request(&c->nodes[c->leader]);
    for (uint32_t i = 0; i < c->node_count; i++) {
        c->nodes[i].verdict = VERDICT_ELIGIBLE;
    }
    return VOID_NONE;
}

static bool config_equals(const struct config *a, const struct config *b)
{
    return a->probe_period_ms == b->probe_period_ms && a->probe_timeout_ms == b->probe_timeout_ms &&
           a->probe_failure_threshold == b->probe_failure_threshold &&
           a->lease_ttl_ms == b->lease_ttl_ms && a->switch_policy == b->switch_policy &&
           a->synchronous == b->synchronous && a->synchronous_count == b->synchronous_count &&
           a->maximum_lag_on_failover == b->maximum_lag_on_failover &&
           a->failover_limit == b->failover_limit &&
           a->failover_window_ms == b->failover_window_ms && a->rebuild_limit == b->rebuild_limit &&
           a->rebuild_window_ms == b->rebuild_window_ms && a->crash_policy == b->crash_policy &&
           a->primary_start_timeout_ms == b->primary_start_timeout_ms &&
           a->restart_limit == b->restart_limit && a->restart_window_ms == b->restart_window_ms &&
           a->failover_mode == b->failover_mode && a->failsafe == b->failsafe &&
           config_same_remote(&a->standby, &b->standby) &&
           config_same_logical(&a->logical_slots, &b->logical_slots) &&
           config_same_slots(&a->permanent_slots, &b->permanent_slots);
}

/* The leader must have read of it before its silence counts by it. */
static void note_mode(struct cluster *c, const struct event *e)
{
    bool was = c->sealed_seq != 0;
    if ((c->config.failover_mode == FAILOVER_SEALED) != was) {
        c->sealed_seq = was ? 0 : e->seq;
    }
}

enum void_reason fold_config(struct cluster *c, const struct event *e)
{
    struct config config = e->body.config;
    char text[CONFIG_TEXT_SIZE];
    config_fill(&config);
    if (!config_check(&config, text)) {
        return VOID_BAD_CONFIG;
    }
    /* No cluster becomes a standby cluster, and only an order makes one a cluster like any other.
     */
    bool standby = config.standby.host[0] != '\0';
    if (c->configured && standby != standby_is_on(c)) {
        return VOID_BAD_CONFIG;
    }
    if (c->configured && config_equals(&c->config, &config)) {
        return VOID_NO_CHANGE;
    }
    c->config = config;
    note_mode(c, e);
    fold_sync_configured(c, e);
    c->configured = true;
    return VOID_NONE;
}

/* That the limit is reached is said once, and only when it is so. */
static enum void_reason check_limit(const struct cluster *c, const struct event *e)
{
    const struct no_candidate *n = &e->body.no_candidate;
    if (n->reason != REASON_FAILOVER_LIMIT) {
        return n->wait_ms == 0 ? VOID_NONE : VOID_IMPOSSIBLE;
    }
    uint64_t age_ms = e->decision.evidence.failover_age_ms;
    uint64_t ripe_ms = cluster_failover_ripe_ms(c);
    if (age_ms >= ripe_ms || n->wait_ms != ripe_ms - age_ms) {
        return VOID_IMPOSSIBLE;
    }
    return c->limited ? VOID_NO_CHANGE : VOID_NONE;
}

/* That somebody could lead, and may not, is said of one who could and may not. */
static enum void_reason check_withheld(const struct cluster *c, const struct no_candidate *n)
{
    if (n->reason == REASON_NONE || n->reason == REASON_FAILOVER_LIMIT) {
        return n->node[0] == '\0' && n->loss_bytes == 0 ? VOID_NONE : VOID_IMPOSSIBLE;
    }
    int32_t i = cluster_find_node(c, n->node);
    bool so = n->reason == REASON_POLICY && i >= 0 &&
              election_verdict(c, i, GRANT_FAILOVER) == VERDICT_POLICY;
    return so ? VOID_NONE : VOID_IMPOSSIBLE;
}

enum void_reason fold_no_candidate(struct cluster *c, const struct event *e)
{
    const struct no_candidate *n = &e->body.no_candidate;
    if (n->term != c->term) {
        return n->term < c->term ? VOID_STALE_TERM : VOID_FUTURE_TERM;
    }
    if (cluster_holder(c) != LEADER_NONE) {
        return VOID_HELD;
    }
    enum void_reason reason = check_limit(c, e);
    if (reason == VOID_NONE) {
        reason = check_withheld(c, n);
    }
    if (reason != VOID_NONE) {
        return reason;
    }
    cluster_clear_election(c);
    c->limited = n->reason == REASON_FAILOVER_LIMIT;
    c->withheld = n->reason == REASON_POLICY;
    c->no_candidate = !c->limited;
    c->limited_until_us = c->limited ? e->wall_us + n->wait_ms * 1000 : 0;
    for (uint32_t k = 0; k < n->candidates.count; k++) {
        int32_t i = cluster_find_node(c, n->candidates.items[k].node);
        if (i >= 0) {
            c->nodes[i].verdict = n->candidates.items[k].verdict;
        }
    }
    return VOID_NONE;
}
