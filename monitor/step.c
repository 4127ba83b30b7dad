/* SPDX-License-Identifier: PostgreSQL */
#include "step.h"

#include "../proto/switchover.h"
#include "rules.h"
#include "watch.h"

#include <assert.h>
#include <string.h>

static uint64_t min_ms(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void monitor_init(struct monitor *m, const char *name, uint64_t incarnation,
                  const struct decide_options *options)
{
    assert(name_is_valid(name));
    memset(m, 0, sizeof(*m));
    memcpy(m->name, name, strlen(name) + 1);
    m->incarnation = incarnation;
    m->options = *options;
}

void monitor_cluster_init(struct monitor_cluster *mc, const char *name, const struct memory *memory)
{
    const struct memory kept = memory != NULL ? *memory : (struct memory){0};
    memset(mc, 0, sizeof(*mc));
    cluster_init(&mc->state, name);
    mc->memory = kept;
}

/* ---- hearing ---- */

/* What is on its way was sent before the gap: it proves nothing about the time after it. */
static void lose_hearing(struct monitor *m)
{
    m->hearing_since_ms = 0;
    memset(m->pending, 0, sizeof(m->pending));
}

/* Every function that is told the time begins with this: a monitor that did not run did not hear.
 */
static void note_time(struct monitor *m, uint64_t now_ms)
{
    if (watch_age_ms(now_ms, m->called_ms) > HEARING_GAP_MS) {
        lose_hearing(m);
    }
    if (m->hearing_since_ms != 0 && watch_age_ms(now_ms, m->heard_ms) > HEARING_GAP_MS) {
        lose_hearing(m);
    }
    m->called_ms = now_ms;
}

void monitor_link(struct monitor *m, bool up, bool caught_up, uint64_t now_ms)
{
    note_time(m, now_ms);
    if (!up) {
        lose_hearing(m);
    }
    m->link_up = up;
    m->caught_up = up && caught_up;
}

static struct heartbeat_sent *find_pending(struct monitor *m, uint64_t counter)
{
    for (size_t i = 0; i < HEARTBEAT_PENDING_COUNT; i++) {
        if (m->pending[i].counter == counter) {
            return &m->pending[i];
        }
    }
    return NULL;
}

/* Before the log is caught up snapshots are read ahead of their place. */
static void note_read(struct monitor *m, uint64_t seq)
{
    if (m->caught_up && seq > m->read_seq) {
        m->read_seq = seq;
    }
}

void monitor_heard(struct monitor *m, const struct event *heartbeat, uint64_t now_ms)
{
    note_time(m, now_ms);
    note_read(m, heartbeat->seq);
    if (heartbeat->kind != EVENT_HEARTBEAT || strcmp(heartbeat->writer, m->name) != 0 ||
        heartbeat->incarnation != m->incarnation || heartbeat->counter == 0) {
        return;
    }
    struct heartbeat_sent *sent = find_pending(m, heartbeat->counter);
    if (sent == NULL) {
        return;
    }
    m->heard_ms = now_ms;
    m->heard_sent_ms = sent->sent_ms;
    m->heartbeat_seq = heartbeat->seq;
    if (m->hearing_since_ms == 0) {
        m->hearing_since_ms = now_ms; /* it may have been on its way while the log was away */
    }
    *sent = (struct heartbeat_sent){0};
}

static void stamp(struct monitor *m, uint64_t wall_us, struct event *e)
{
    e->version = SCHEMA_VERSION;
    memcpy(e->writer, m->name, sizeof(e->writer));
    e->incarnation = m->incarnation;
    e->counter = ++m->counter;
    e->wall_us = wall_us;
}

/* Takes a free place, or that of the oldest, which is given up. */
static void note_pending(struct monitor *m, uint64_t counter, uint64_t now_ms)
{
    struct heartbeat_sent *place = &m->pending[0];
    for (size_t i = 1; i < HEARTBEAT_PENDING_COUNT; i++) {
        if (m->pending[i].counter < place->counter) {
            place = &m->pending[i];
        }
    }
    *place = (struct heartbeat_sent){.counter = counter, .sent_ms = now_ms};
}

bool monitor_heartbeat(struct monitor *m, uint64_t now_ms, uint64_t wall_us,
                       struct event *ret_event, uint64_t *ret_next_ms)
{
    note_time(m, now_ms);
    const uint64_t due_ms = m->heartbeat_sent_ms + HEARTBEAT_PERIOD_MS;
    const bool due = m->heartbeat_sent_ms == 0 || m->heartbeat_wanted || now_ms >= due_ms;
    *ret_next_ms = due ? now_ms + HEARTBEAT_PERIOD_MS : due_ms;
    if (!due || !m->link_up) {
        return false;
    }
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->kind = EVENT_HEARTBEAT;
    memcpy(ret_event->cluster, "_", sizeof("_"));
    stamp(m, wall_us, ret_event);
    note_pending(m, ret_event->counter, now_ms);
    m->heartbeat_sent_ms = now_ms;
    m->heartbeat_wanted = false;
    return true;
}

/* ---- evidence ---- */

/* When a heartbeat must have been sent at the earliest to tell of the silence that goes on: after
 * it began; of a short one, in its second half. */
static uint64_t proof_ms(const struct monitor_cluster *mc)
{
    const struct cluster *c = &mc->state;
    const uint64_t silence_ms = rules_silence_ms(c);
    const bool is_short = c->phase == PHASE_HELD && silence_ms < cluster_wait_ms(c);
    return mc->watch.renewal_ms + (is_short ? silence_ms / 2 : 1);
}

static uint64_t hearing_ms(const struct monitor *m, const struct monitor_cluster *mc,
                           uint64_t now_ms)
{
    const bool may_be_held = cluster_holder(&mc->state) != LEADER_NONE;
    if (may_be_held && m->heard_sent_ms < proof_ms(mc)) {
        return 0;
    }
    return watch_age_ms(now_ms, m->hearing_since_ms);
}

/* Evidence of a request only while there is one. */
static uint64_t switchover_age_ms(const struct monitor_cluster *mc, uint64_t now_ms)
{
    const bool pending = mc->state.pending.request_seq != 0;
    return pending ? watch_age_ms(now_ms, mc->watch.moved_ms) : 0;
}

static uint32_t caught_up_mask(const struct monitor_cluster *mc, uint64_t now_ms)
{
    const bool pending = mc->state.pending.request_seq != 0;
    return pending ? watch_caught_up_mask(&mc->watch, &mc->state, now_ms) : 0;
}

struct evidence monitor_evidence(const struct monitor *m, const struct monitor_cluster *mc,
                                 uint64_t now_ms)
{
    struct evidence evidence = {
            .renewal_age_ms = watch_age_ms(now_ms, mc->watch.renewal_ms),
            .hearing_ms = hearing_ms(m, mc, now_ms),
            .phase_age_ms = watch_age_ms(now_ms, mc->watch.phase_ms),
            .heartbeat_seq = m->heartbeat_seq,
            .sync_age_ms = watch_age_ms(now_ms, mc->watch.streaming_ms),
            .alive_mask = watch_alive_mask(&mc->watch, &mc->state, now_ms),
            .backoff_mask = watch_backoff_mask(&mc->watch, &mc->state, now_ms),
            .failover_age_ms = watch_age_ms(now_ms, mc->watch.failover_ms),
            .switchover_age_ms = switchover_age_ms(mc, now_ms),
            .caught_up_mask = caught_up_mask(mc, now_ms),
            .verdict_age_ms = watch_age_ms(now_ms, mc->watch.verdict_ms),
            .wall_us = switchover_due_us(&mc->state) != 0 ? mc->watch.wall_us : 0,
    };
    for (uint32_t i = 0; i < mc->state.node_count; i++) {
        evidence.rebuild_age_ms[i] = watch_age_ms(now_ms, mc->watch.rebuild_ms[i]);
    }
    return evidence;
}

/* ---- the step ---- */

/* A decision that came back lets the next one be made, unless it was void for what it says: then it
 * would be made again at once, for ever. An anchor is void when there is nothing to tell any more.
 */
static void settle_in_flight(const struct monitor *m, struct watch *w, const struct event *e,
                             struct outcome outcome)
{
    const bool own = w->in_flight && e->counter == w->in_flight_counter &&
                     e->incarnation == m->incarnation && strcmp(e->writer, m->name) == 0;
    const bool stale = outcome.void_reason == VOID_STALE_PREDECESSOR;
    if (own && (outcome.effective || stale || e->kind == EVENT_ANCHOR)) {
        w->in_flight = false;
    }
}

/* arrive → decode → fold → observe */
static void take_record(struct monitor *m, struct monitor_cluster *mc,
                        const struct stimulus *stimulus, struct codec_arena *arena,
                        struct monitor_output *ret_output)
{
    const struct watch_before before = watch_before(&mc->state);
    const struct cluster_record record = {stimulus->subject, stimulus->seq, stimulus->data,
                                          stimulus->size};
    ret_output->outcome = cluster_fold_record(&mc->state, &record, arena, &ret_output->folded);
    const struct watch_arrival arrival = {
            .event = &ret_output->folded,
            .outcome = ret_output->outcome,
            .now_ms = stimulus->now_ms,
            .caught_up = m->caught_up,
    };
    watch_observe(&mc->watch, &before, &mc->state, &arrival);
    settle_in_flight(m, &mc->watch, &ret_output->folded, ret_output->outcome);
    note_read(m, stimulus->seq);
    if (ret_output->folded.kind != EVENT_SNAPSHOT) {
        codec_hash(stimulus->data, stimulus->size, mc->snapshots.last_hash);
    }
    snapshots_observe(&mc->snapshots, &ret_output->folded, ret_output->outcome);
}

static void take_live(struct monitor_cluster *mc, const struct stimulus *stimulus,
                      struct codec_arena *arena, struct monitor_output *ret_output)
{
    struct event *live = &ret_output->folded;
    if (codec_decode(stimulus->data, stimulus->size, arena, live) == CODEC_OK) {
        (void)watch_live(&mc->watch, &mc->state, stimulus->subject, live, stimulus->now_ms);
    }
}

static bool in_flight(const struct watch *w, uint64_t now_ms)
{
    return w->in_flight && now_ms < w->in_flight_ms + DECISION_TIMEOUT_MS;
}

static bool may_decide(const struct monitor *m, const struct monitor_cluster *mc, uint64_t now_ms)
{
    return m->link_up && m->caught_up && mc->state.frozen_seq == 0 &&
           !in_flight(&mc->watch, now_ms);
}

static void tell_memory(const struct monitor_cluster *mc, struct event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->kind = EVENT_ANCHOR;
    memcpy(ret_event->cluster, mc->state.name, sizeof(ret_event->cluster));
    ret_event->body.anchor = memory_tell(&mc->memory, &mc->state);
}

/* decide → append. Who has to tell what he remembers decides nothing before that. */
static void choose(struct monitor *m, struct monitor_cluster *mc, const struct stimulus *stimulus,
                   struct monitor_output *ret_output)
{
    const struct evidence evidence = monitor_evidence(m, mc, stimulus->now_ms);
    if (memory_is_untold(&mc->memory, &mc->state)) {
        tell_memory(mc, &ret_output->event);
    } else if (!decide(&mc->state, &evidence, &m->options, &ret_output->event)) {
        return;
    }
    stamp(m, stimulus->wall_us, &ret_output->event);
    mc->watch.in_flight = true;
    mc->watch.in_flight_counter = ret_output->event.counter;
    mc->watch.in_flight_ms = stimulus->now_ms;
    ret_output->append = true;
}

/* A silence shorter than the heartbeat's period can only be judged with a heartbeat of its own,
 * which is asked for in its middle. Returns when that moment comes, or UINT64_MAX. */
static uint64_t want_heartbeat(struct monitor *m, const struct monitor_cluster *mc, uint64_t now_ms)
{
    const struct cluster *c = &mc->state;
    if (cluster_holder(c) == LEADER_NONE || m->heartbeat_sent_ms >= proof_ms(mc)) {
        return UINT64_MAX;
    }
    const uint64_t wait_ms = c->lease.renewed ? rules_silence_ms(c) : rules_accept_ms(c);
    const uint64_t middle_ms = mc->watch.renewal_ms + wait_ms / 2;
    if (now_ms < middle_ms) {
        return middle_ms;
    }
    m->heartbeat_wanted = true;
    return UINT64_MAX;
}

static uint64_t next_ms(struct monitor *m, const struct monitor_cluster *mc, uint64_t now_ms)
{
    if (!m->link_up || !m->caught_up || mc->state.frozen_seq != 0) {
        return UINT64_MAX;
    }
    if (in_flight(&mc->watch, now_ms)) {
        return mc->watch.in_flight_ms + DECISION_TIMEOUT_MS;
    }
    const struct evidence evidence = monitor_evidence(m, mc, now_ms);
    const uint64_t wait_ms = decide_next_ms(&mc->state, &evidence);
    const uint64_t ripe_ms = wait_ms == UINT64_MAX ? UINT64_MAX : now_ms + wait_ms;
    const uint64_t watch_ms = watch_next_ms(&mc->watch, &mc->state, now_ms);
    return min_ms(min_ms(ripe_ms, watch_ms), want_heartbeat(m, mc, now_ms));
}

bool monitor_snapshot(struct monitor *m, struct monitor_cluster *mc, uint64_t now_ms,
                      uint64_t wall_us, struct snapshot_space *space, struct event *ret_event)
{
    const struct cluster *c = &mc->state;
    const struct snapshots_view view = {
            .name = m->name,
            .events_max = m->options.snapshot_events,
            .cluster_count = m->cluster_count,
            .read_seq = m->read_seq > c->last_seq ? m->read_seq : c->last_seq,
            .now_ms = now_ms,
    };
    if (!m->link_up || !m->caught_up || !snapshots_are_due(&mc->snapshots, c, &view)) {
        return false;
    }
    mc->snapshots.tried_ms = now_ms;
    snapshot_make(c, view.read_seq, space->bytes, ret_event);
    memcpy(ret_event->body.snapshot.last_hash, mc->snapshots.last_hash, HASH_SIZE);
    stamp(m, wall_us, ret_event);
    return true;
}

void monitor_step(struct monitor *m, struct monitor_cluster *mc, const struct stimulus *stimulus,
                  struct codec_arena *arena, struct monitor_output *ret_output)
{
    ret_output->append = false;
    note_time(m, stimulus->now_ms);
    mc->watch.wall_us = stimulus->wall_us;
    if (stimulus->kind == STIMULUS_RECORD) {
        take_record(m, mc, stimulus, arena, ret_output);
    } else if (stimulus->kind == STIMULUS_LIVE) {
        take_live(mc, stimulus, arena, ret_output);
    }
    watch_streaming(&mc->watch, &mc->state, m->caught_up, stimulus->now_ms);
    ret_output->remembers = m->caught_up && memory_learn(&mc->memory, &mc->state);
    if (may_decide(m, mc, stimulus->now_ms)) {
        choose(m, mc, stimulus, ret_output);
    }
    ret_output->next_ms = next_ms(m, mc, stimulus->now_ms);
}
