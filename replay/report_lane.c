/* SPDX-License-Identifier: PostgreSQL */
#include "report_track.h"

#include <string.h>

/* Of one lane; when they are there, each two become one, and the larger lag stays. */
#define LAG_SAMPLE_MAX 4096

/* ---- which lane ---- */

int32_t lanes_find(const struct track *track, const char *name)
{
    for (uint32_t i = 0; i < track->lane_count; i++) {
        if (strcmp(track->lanes[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return LEADER_NONE;
}

/* Usually a node has the same place in the state as among the lanes; a snapshot may differ. */
static struct lane *lane_of(struct track *track, uint32_t i)
{
    const char *name = track->entry->state.nodes[i].name;
    if (i < track->lane_count && strcmp(track->lanes[i].name, name) == 0) {
        return &track->lanes[i];
    }
    int32_t found = lanes_find(track, name);
    if (found != LEADER_NONE) {
        return &track->lanes[found];
    }
    if (track->lane_count == NODE_COUNT_MAX) {
        track->full = true;
        return NULL;
    }
    struct lane *lane = &track->lanes[track->lane_count++];
    memcpy(lane->name, name, sizeof lane->name);
    return lane;
}

static struct lane *lane_named(struct track *track, const char *name)
{
    int32_t found = lanes_find(track, name);
    return found != LEADER_NONE ? &track->lanes[found] : NULL;
}

/* ---- spans ---- */

static bool goes_on(const struct span *last, const struct span *now)
{
    return last != NULL && strcmp(last->role, now->role) == 0 &&
           strcmp(last->status, now->status) == 0 && last->reason == now->reason &&
           last->term == now->term && last->leader == now->leader;
}

static bool put_span(struct rows *rows, const struct span *now)
{
    struct span *last = rows_last(rows, sizeof *last);
    if (goes_on(last, now)) {
        last->failures = now->failures > last->failures ? now->failures : last->failures;
        return true;
    }
    if (last != NULL) {
        last->to_us = now->from_us;
    }
    struct span *span = rows_add(rows, sizeof *span);
    if (span == NULL) {
        return false;
    }
    *span = *now;
    return true;
}

static struct span span_now(const struct track *track)
{
    return (struct span){
            .from_us = track->now_us,
            .to_us = UINT64_MAX,
            .seq = track->entry->state.last_seq,
            .role = "",
            .status = "",
            .leader = LEADER_NONE,
    };
}

static bool explains_itself(const struct node *n)
{
    return n->state == NODE_FAILED || n->state == NODE_EMPTY || n->state == NODE_STOPPED;
}

static bool put_lag(const struct track *track, struct lane *lane, uint64_t bytes);

/* Nothing is known of the lag of who is no standby. */
static bool end_lag(const struct track *track, struct lane *lane)
{
    const struct lag_sample *last = rows_last(&lane->lags, sizeof *last);
    return last == NULL || last->bytes == LAG_UNKNOWN || put_lag(track, lane, LAG_UNKNOWN);
}

static bool put_role(const struct track *track, struct lane *lane, int32_t i)
{
    const struct cluster *c = &track->entry->state;
    struct span span = span_now(track);
    const bool leads = c->leader == i && cluster_holder(c) == i;
    span.role = explain_node_role(c, i, true);
    span.status = explain_node_status(c, i, true);
    span.term = leads ? c->term : 0;
    span.reason = explains_itself(&c->nodes[i]) ? c->nodes[i].reason : REASON_NONE;
    return put_span(&lane->roles, &span) &&
           (c->nodes[i].state == NODE_STANDBY || end_lag(track, lane));
}

/* A lease that is revoked was not renewed: nothing was heard of its holder since it last was. */
static uint64_t silent_since(const struct track *track, const struct lane *lane)
{
    const struct lease_span *lease = rows_last(&lane->leases, sizeof *lease);
    const struct span *health = rows_last(&lane->healths, sizeof *health);
    const struct cluster *c = &track->entry->state;
    const bool revoked = c->phase == PHASE_REVOKED && c->phase_seq == c->last_seq;
    return revoked && lease != NULL && health != NULL && lease->renewed_us > health->from_us
                   ? lease->renewed_us
                   : track->now_us;
}

static bool put_health(const struct track *track, struct lane *lane, int32_t i)
{
    const struct node *n = &track->entry->state.nodes[i];
    struct span span = span_now(track);
    span.from_us = lane->revoked ? silent_since(track, lane) : span.from_us;
    span.status = n->departed || n->state == NODE_UNKNOWN ? ""
                  : n->state == NODE_FAILED               ? "failed"
                  : n->failures > 0                       ? "probes fail"
                  : lane->silent || lane->revoked         ? "silent"
                                                          : "ok";
    span.reason = strcmp(span.status, "ok") != 0 ? n->reason : REASON_NONE;
    span.failures = n->failures;
    return put_span(&lane->healths, &span);
}

static bool put_cluster(struct track *track)
{
    const struct cluster *c = &track->entry->state;
    struct span span = span_now(track);
    const int32_t holder = cluster_holder(c);
    span.status = explain_status(c);
    span.term = c->term;
    span.leader = holder >= 0 ? lanes_find(track, c->nodes[holder].name) : LEADER_NONE;
    return put_span(&track->spans, &span);
}

/* ---- leases ---- */

static bool renew(struct track *track, struct lane *lane, const struct event *e)
{
    struct lease_span *last = rows_last(&lane->leases, sizeof *last);
    const uint64_t now_us = track->now_us;
    const bool same = last != NULL && last->term == e->body.renew.term && last->end == LEASE_RUNS;
    if (same && last->to_us < now_us) {
        last->end = LEASE_LAPSED;
    }
    if (!same || last->end == LEASE_LAPSED) {
        last = rows_add(&lane->leases, sizeof *last);
        if (last == NULL) {
            return false;
        }
        last->from_us = now_us;
        last->renewed_us = now_us;
        last->term = e->body.renew.term;
    }
    const uint64_t gap_us = now_us - last->renewed_us;
    last->gap_us = gap_us > last->gap_us ? gap_us : last->gap_us;
    last->renewed_us = now_us;
    last->renewal_count++;
    last->to_us = track->entry->state.lease.lifted ? UINT64_MAX
                                                   : now_us + UINT64_C(1000) * e->body.renew.ttl_ms;
    return true;
}

static void end_lease(struct track *track, struct lane *lane, enum lease_end end)
{
    struct lease_span *last = rows_last(&lane->leases, sizeof *last);
    if (last == NULL || last->end != LEASE_RUNS) {
        return;
    }
    last->end = end;
    if (end == LEASE_RELEASED || last->to_us == UINT64_MAX) {
        last->to_us = track->now_us < last->to_us ? track->now_us : last->to_us;
    }
}

static bool follow_lease(struct track *track, const struct event *e)
{
    const struct cluster *c = &track->entry->state;
    struct lane *lane = lane_named(track, e->writer);
    if (e->kind == EVENT_REVOKE && c->leader >= 0) {
        lane = lane_named(track, c->nodes[c->leader].name);
    }
    if (lane == NULL) {
        return true;
    }
    if (e->kind == EVENT_RENEW) {
        return renew(track, lane, e);
    }
    if (e->kind == EVENT_RELEASE || e->kind == EVENT_REFUSE) {
        end_lease(track, lane, LEASE_RELEASED);
    } else if (e->kind == EVENT_REVOKE) {
        end_lease(track, lane, LEASE_REVOKED);
    }
    return true;
}

/* ---- lag ---- */

static void halve(struct rows *rows)
{
    struct lag_sample *samples = rows->items;
    for (size_t i = 0; i + 1 < rows->count; i += 2) {
        const bool second =
                samples[i + 1].bytes == LAG_UNKNOWN ||
                (samples[i].bytes != LAG_UNKNOWN && samples[i + 1].bytes > samples[i].bytes);
        samples[i / 2] = samples[second ? i + 1 : i];
    }
    rows->count /= 2;
}

static bool put_lag(const struct track *track, struct lane *lane, uint64_t bytes)
{
    struct rows *rows = &lane->lags;
    struct lag_sample *samples = rows->items;
    const size_t count = rows->count;
    if (count >= 2 && samples[count - 1].bytes == bytes && samples[count - 2].bytes == bytes) {
        samples[count - 1].at_us = track->now_us;
        return true;
    }
    if (count >= LAG_SAMPLE_MAX) {
        halve(rows);
    }
    struct lag_sample *sample = rows_add(rows, sizeof *sample);
    if (sample == NULL) {
        return false;
    }
    *sample = (struct lag_sample){track->now_us, bytes};
    return true;
}

/* What the leader's PostgreSQL says of those that stream from it. */
static bool follow_replicas(struct track *track, const struct probe *probe)
{
    for (uint32_t i = 0; i < probe->replica_count && i < NODE_COUNT_MAX; i++) {
        const uint64_t lsn = probe->replicas[i].flush_lsn;
        struct lane *lane = lane_named(track, probe->replicas[i].name);
        const uint64_t bytes = probe->position.lsn > lsn ? probe->position.lsn - lsn : 0;
        if (lane != NULL && lsn != 0 && !put_lag(track, lane, bytes)) {
            return false;
        }
    }
    return true;
}

/* A position in the log is one of the moment only when its node has just said it. */
static bool follow_lag(struct track *track, const struct event *e)
{
    const struct cluster *c = &track->entry->state;
    const bool is_hello = e->kind == EVENT_HELLO;
    if (!is_hello && e->kind != EVENT_PROBE) {
        return true;
    }
    const struct probe *probe = is_hello ? &e->body.hello.probe : &e->body.probe;
    struct lane *lane = lane_named(track, e->writer);
    const int32_t i = cluster_find_node(c, e->writer);
    if (lane == NULL || i < 0) {
        return true;
    }
    if (probe->state == NODE_PRIMARY) {
        return follow_replicas(track, probe);
    }
    const bool known = c->lease.position.lsn != 0 && probe->position.lsn != 0;
    return !known || probe->state != NODE_STANDBY || put_lag(track, lane, cluster_lag_bytes(c, i));
}

/* ---- all of it ---- */

/* What was folded before was the middle of a log. */
static void begin(struct track *track)
{
    track->spans.count = 0;
    for (uint32_t i = 0; i < track->lane_count; i++) {
        track->lanes[i].roles.count = 0;
        track->lanes[i].healths.count = 0;
        track->lanes[i].leases.count = 0;
        track->lanes[i].lags.count = 0;
        track->lanes[i].silent = false;
        track->lanes[i].revoked = false;
    }
}

static void hear(struct track *track, const struct event *e)
{
    const struct cluster *c = &track->entry->state;
    struct lane *writer = event_is_agents(e->kind) ? lane_named(track, e->writer) : NULL;
    if (writer != NULL) {
        writer->silent = false;
        writer->revoked = false;
    }
    const uint32_t alive = e->decision.evidence.alive_mask;
    if (!event_is_decision(e->kind) || alive == 0) {
        return;
    }
    for (uint32_t i = 0; i < track->entry->state.node_count; i++) {
        struct lane *lane = lane_of(track, i);
        if (lane != NULL) {
            lane->silent = (alive >> i & 1U) == 0;
        }
    }
    struct lane *leader = c->leader >= 0 ? lane_of(track, (uint32_t)c->leader) : NULL;
    if (leader != NULL && c->phase == PHASE_REVOKED) {
        leader->revoked = true; /* a monitor calls it alive for a while yet */
    }
}

bool lanes_add(struct track *track, const struct folded *folded)
{
    const struct event *e = &folded->event;
    if (folded->begun) {
        begin(track);
    }
    if (!folded->outcome.effective) {
        return true;
    }
    for (uint32_t i = 0; i < track->entry->state.node_count; i++) {
        (void)lane_of(track, i);
    }
    hear(track, e);
    for (uint32_t i = 0; i < track->entry->state.node_count; i++) {
        struct lane *lane = lane_of(track, i);
        if (lane != NULL &&
            (!put_role(track, lane, (int32_t)i) || !put_health(track, lane, (int32_t)i))) {
            return false;
        }
    }
    return put_cluster(track) && follow_lease(track, e) && follow_lag(track, e);
}
