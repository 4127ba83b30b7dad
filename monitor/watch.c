/* SPDX-License-Identifier: PostgreSQL */
#include "watch.h"

#include "../proto/subject.h"
#include "../proto/sync.h"
#include "rules.h"

#include <string.h>

uint64_t watch_age_ms(uint64_t now_ms, uint64_t then_ms)
{
    return then_ms != 0 && now_ms > then_ms ? now_ms - then_ms : 0;
}

struct watch_before watch_before(const struct cluster *c)
{
    return (struct watch_before){
            .phase_seq = c->phase_seq,
            .renewal_seq = c->lease.renewal_seq,
            .moved_seq = c->pending.moved_seq,
            .node_count = c->node_count,
            .begun = c->last_seq != 0,
    };
}

static bool phase_has_begun(const struct watch_before *before, const struct cluster *after)
{
    const bool first_node = before->node_count == 0 && after->node_count != 0;
    return before->phase_seq != after->phase_seq || (after->phase == PHASE_NONE && first_node);
}

/* The grant counts as received, too: until the first renewal its age is the age of the silence. */
static bool lease_was_touched(const struct watch_before *before, const struct cluster *after,
                              const struct event *e)
{
    return before->renewal_seq != after->lease.renewal_seq ||
           (after->phase == PHASE_GRANTED && after->grant_seq == e->seq);
}

static bool is_failed_copy(const struct event *e)
{
    const enum task task = e->body.task.task;
    return e->kind == EVENT_FAILED && (task == TASK_BASEBACKUP || task == TASK_REWIND);
}

/* Everything a node writes proves that it lives, but for what its earlier incarnation wrote, and
 * for its farewell. */
static void observe_writer(struct watch *w, const struct cluster *c,
                           const struct watch_arrival *arrival)
{
    const struct event *e = arrival->event;
    const int32_t i = event_is_agents(e->kind) ? cluster_find_node(c, e->writer) : -1;
    if (i < 0 || e->incarnation != c->nodes[i].incarnation) {
        return;
    }
    if (arrival->caught_up) {
        w->live_ms[i] = e->kind == EVENT_GOODBYE ? 0 : arrival->now_ms;
    }
    if (arrival->outcome.effective && is_failed_copy(e)) {
        w->failed_ms[i] = arrival->now_ms;
    }
}

/* What was taken from the buckets of I18. */
static void observe_limits(struct watch *w, const struct cluster *c,
                           const struct watch_arrival *arrival)
{
    const uint64_t seq = arrival->event->seq;
    if (!arrival->outcome.effective) {
        return;
    }
    if (c->failovers.seq == seq) {
        w->failover_ms = arrival->now_ms;
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].rebuilds.seq == seq) {
            w->rebuild_ms[i] = arrival->now_ms;
        }
    }
}

/* A state that was taken over has been received now, with all that it tells of. */
static void observe_snapshot(struct watch *w, const struct cluster *c, uint64_t now_ms)
{
    w->verdict_ms = c->no_candidate ? now_ms : 0;
    w->failover_ms = c->failovers.seq != 0 ? now_ms : 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        w->rebuild_ms[i] = c->nodes[i].rebuilds.seq != 0 ? now_ms : 0;
        w->failed_ms[i] = c->nodes[i].rebuild_failures != 0 ? now_ms : 0;
    }
}

void watch_observe(struct watch *w, const struct watch_before *before, const struct cluster *after,
                   const struct watch_arrival *arrival)
{
    if (phase_has_begun(before, after)) {
        w->phase_ms = arrival->now_ms;
    }
    if (lease_was_touched(before, after, arrival->event)) {
        w->renewal_ms = arrival->now_ms;
    }
    if (before->moved_seq != after->pending.moved_seq) {
        w->moved_ms = arrival->now_ms;
    }
    if (arrival->outcome.effective && arrival->event->kind == EVENT_NO_CANDIDATE) {
        w->verdict_ms = arrival->now_ms;
    }
    if (arrival->event->kind == EVENT_SNAPSHOT && !before->begun) {
        observe_snapshot(w, after, arrival->now_ms);
    }
    observe_writer(w, after, arrival);
    observe_limits(w, after, arrival);
}

bool watch_live(struct watch *w, const struct cluster *c, const char *subject,
                const struct event *live, uint64_t now_ms)
{
    const int32_t i = cluster_find_node(c, live->writer);
    if (live->kind != EVENT_PROBE || strcmp(live->cluster, c->name) != 0 || i < 0 ||
        live->incarnation != c->nodes[i].incarnation) {
        return false;
    }
    char own_subject[SUBJECT_SIZE];
    subject_live(c->name, live->writer, own_subject);
    if (strcmp(subject, own_subject) != 0) {
        return false;
    }
    w->live_ms[i] = now_ms;
    w->shown_ms[i] = now_ms;
    w->live[i] = live->body.probe;
    return true;
}

/* When node i stops counting as alive; 0 when it was never heard. */
static uint64_t alive_until_ms(const struct watch *w, const struct cluster *c, uint32_t i)
{
    return w->live_ms[i] == 0 ? 0 : w->live_ms[i] + rules_alive_ms(c) + 1;
}

/* When node i may be told to copy again; 0 when none failed. */
static uint64_t backoff_until_ms(const struct watch *w, const struct cluster *c, uint32_t i)
{
    const uint32_t failures = c->nodes[i].rebuild_failures;
    if (w->failed_ms[i] == 0 || failures == 0) {
        return 0;
    }
    uint64_t pause_ms = REBUILD_BACKOFF_MS;
    for (uint32_t k = 1; k < failures && pause_ms < REBUILD_BACKOFF_MS_MAX; k++) {
        pause_ms *= 2;
    }
    return w->failed_ms[i] +
           (pause_ms < REBUILD_BACKOFF_MS_MAX ? pause_ms : REBUILD_BACKOFF_MS_MAX);
}

typedef uint64_t (*until_function)(const struct watch *w, const struct cluster *c, uint32_t i);

static uint32_t mask_of(const struct watch *w, const struct cluster *c, until_function until_ms,
                        uint64_t now_ms)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (until_ms(w, c, i) > now_ms) {
            mask |= UINT32_C(1) << i;
        }
    }
    return mask;
}

uint32_t watch_alive_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms)
{
    return mask_of(w, c, alive_until_ms, now_ms);
}

static bool is_shown(const struct watch *w, const struct cluster *c, uint32_t i, uint64_t now_ms)
{
    const uint64_t period_ms = c->configured ? c->config.probe_period_ms : 0;
    const bool since = c->pending.step != SWITCH_BEGIN || w->shown_ms[i] >= w->moved_ms;
    return w->shown_ms[i] != 0 && since && w->shown_ms[i] + period_ms + period_ms / 2 >= now_ms;
}

static const struct replica_row *find_row(const struct probe *leader, const char *node)
{
    for (uint32_t i = 0; i < leader->replica_count; i++) {
        if (strcmp(leader->replicas[i].name, node) == 0) {
            return &leader->replicas[i];
        }
    }
    return NULL;
}

static bool is_close(uint64_t ahead_lsn, uint64_t behind_lsn)
{
    return ahead_lsn <= behind_lsn || ahead_lsn - behind_lsn <= SWITCHOVER_LAG_BYTES;
}

static bool is_caught_up(const struct probe *leader, const struct probe *own, const char *node)
{
    const struct replica_row *row = find_row(leader, node);
    return row != NULL && row->streaming && is_close(leader->position.lsn, row->flush_lsn) &&
           own->state == NODE_STANDBY && is_close(own->position.lsn, own->replay_lsn);
}

/* What a shutdown of the leader waits for: whoever streams from it, members and others. */
static bool all_are_close(const struct watch *w, const struct cluster *c, int32_t leader,
                          uint64_t now_ms)
{
    const struct probe *seen = &w->live[leader];
    for (uint32_t i = 0; i < seen->replica_count; i++) {
        const struct replica_row *row = &seen->replicas[i];
        const int32_t node = cluster_find_node(c, row->name);
        const bool silent = node >= 0 && !is_shown(w, c, (uint32_t)node, now_ms);
        if (row->streaming && (silent || !is_close(seen->position.lsn, row->flush_lsn))) {
            return false;
        }
    }
    return true;
}

uint32_t watch_caught_up_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms)
{
    const int32_t leader = cluster_holder(c);
    uint32_t mask = 0;
    if (leader == LEADER_NONE || !is_shown(w, c, (uint32_t)leader, now_ms) ||
        w->live[leader].state != NODE_PRIMARY) {
        return 0;
    }
    mask |= all_are_close(w, c, leader, now_ms) ? UINT32_C(1) << (uint32_t)leader : 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (is_shown(w, c, i, now_ms) &&
            is_caught_up(&w->live[leader], &w->live[i], c->nodes[i].name)) {
            mask |= UINT32_C(1) << i;
        }
    }
    return mask;
}

uint32_t watch_backoff_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms)
{
    return mask_of(w, c, backoff_until_ms, now_ms);
}

void watch_streaming(struct watch *w, const struct cluster *c, bool caught_up, uint64_t now_ms)
{
    uint32_t streaming = sync_streaming(c, watch_alive_mask(w, c, now_ms));
    /* Who lost a leader comes back after it is restarted in place, or another one is promoted. */
    bool anew = !caught_up || c->restart.going || !c->promoted;
    if (streaming != w->streaming || w->streaming_ms == 0 || anew) {
        w->streaming = streaming;
        w->streaming_ms = now_ms;
    }
}

static uint64_t sooner_after(uint64_t now_ms, uint64_t until_ms, uint64_t next_ms)
{
    return until_ms > now_ms && until_ms < next_ms ? until_ms : next_ms;
}

uint64_t watch_next_ms(const struct watch *w, const struct cluster *c, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < c->node_count; i++) {
        next_ms = sooner_after(now_ms, alive_until_ms(w, c, i), next_ms);
        next_ms = sooner_after(now_ms, backoff_until_ms(w, c, i), next_ms);
    }
    return next_ms;
}
