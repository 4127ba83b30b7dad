/* SPDX-License-Identifier: PostgreSQL */
/* The log, and the way to it: delays, losses, duplicates and outages. */
#include "sim.h"

#include "../../proto/invariant.h"

#include <stdlib.h>
#include <string.h>

/* ---- messages ---- */

static uint32_t new_slot(struct sim *s)
{
    struct sim_memory *m = &s->memory;
    m->messages = realloc(m->messages, (m->message_count + 1) * sizeof *m->messages);
    m->messages[m->message_count] = calloc(1, sizeof(struct sim_message));
    return m->message_count++;
}

static uint32_t free_slot(struct sim *s)
{
    for (uint32_t i = 0; i < s->memory.message_count; i++) {
        if (s->memory.messages[i]->references == 0) {
            return i;
        }
    }
    return new_slot(s);
}

bool sim_message_take(struct sim *s, const struct event *e, uint32_t *ret_slot)
{
    *ret_slot = free_slot(s);
    struct sim_message *m = s->memory.messages[*ret_slot];
    if (!sim_payload_event(&m->payload, e)) {
        sim_break(s, "codec", "an event of kind %s does not encode", event_kind_name(e->kind));
        return false;
    }
    m->references = 1;
    return true;
}

void sim_message_drop(struct sim *s, uint32_t slot)
{
    s->memory.messages[slot]->references--;
}

/* ---- storing ---- */

static struct sim_record *new_record(struct sim *s)
{
    struct sim_memory *m = &s->memory;
    if (s->record_count == m->record_capacity) {
        size_t old = m->record_capacity;
        m->record_capacity = old == 0 ? 1024 : old * 2;
        m->records = realloc(m->records, m->record_capacity * sizeof(struct sim_record *));
        for (size_t i = old; i < m->record_capacity; i++) {
            m->records[i] = calloc(1, sizeof(struct sim_record));
        }
    }
    return m->records[s->record_count++];
}

/* What strikes may wait for. */
static void trigger(struct sim *s, const struct cluster *before, const struct event *e)
{
    static const enum sim_trigger triggers[PHASE_COUNT] = {
            [PHASE_NONE] = SIM_TRIGGER_COUNT,    [PHASE_GRANTED] = SIM_TRIGGER_GRANTED,
            [PHASE_HELD] = SIM_TRIGGER_HELD,     [PHASE_RELEASED] = SIM_TRIGGER_ENDED,
            [PHASE_REVOKED] = SIM_TRIGGER_ENDED,
    };
    if (s->truth.phase_seq != before->phase_seq) {
        sim_trigger(s, triggers[s->truth.phase]);
    }
    if (s->truth.writable && !before->writable) {
        sim_trigger(s, SIM_TRIGGER_WRITABLE);
    }
    if (e->kind == EVENT_DIRECTIVE) {
        sim_trigger(s, SIM_TRIGGER_DIRECTIVE);
    }
    if (e->kind == EVENT_SYNC_SET) {
        sim_trigger(s, SIM_TRIGGER_SYNC);
    }
    if (e->kind == EVENT_SWITCHOVER_STEP) {
        sim_trigger(s, SIM_TRIGGER_STEP);
    }
}

/* Who has read of a higher term than the log has grants nothing before that is known. */
static void check_memory(struct sim *s, const struct cluster *before, const struct event *e)
{
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        const struct sim_monitor *m = &s->monitors[i];
        bool more = m->read_term > before->term && m->read_term > before->lost.term;
        if (strcmp(m->name, e->writer) == 0 && more) {
            sim_break(s, "I12: memory", "%s grants term %llu and has read of %llu", m->name,
                      (unsigned long long)e->body.grant.term, (unsigned long long)m->read_term);
        }
    }
}

/* What the log has lost, and whoever has read it keeps to himself for longer than a lease runs,
 * since he is cut off or stands still, nobody can act upon: two faults at once. */
static void check_what_is_known(struct sim *s, const struct cluster *before, const struct event *e)
{
    check_memory(s, before, e);
    if (s->unsaid) {
        s->blind_term = e->body.grant.term;
        s->acked_branch = 0;
        s->acked_lsn = 0;
        sim_cover_moment(SIM_MOMENT_BLIND);
        return;
    }
    check_i8_grant(s, e);
    check_i10_ancestry(s, e);
    check_policy_grant(s, before, e);
}

static void check_event(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome)
{
    check_i2_terms(s, before);
    check_i3_chain(s, before, e, outcome);
    check_i13_identity(s, before, e, outcome);
    sim_cover_event(e, outcome);
    /* A log that has lost its end may take in one of the state that it had. */
    if (e->kind == EVENT_SNAPSHOT && !outcome.effective && s->losses == 0) {
        sim_break(s, "I14: determinism", "a snapshot has another state: %s",
                  void_reason_name(outcome.void_reason));
    }
    if (!outcome.effective) {
        s->counts.voids++;
        return;
    }
    check_i4_renewal(s, before, e);
    check_i8_step(s);
    check_i9_step(s, before, e);
    check_i16_order(s, e);
    if (e->kind == EVENT_GRANT) {
        s->counts.grants++;
        check_i6_wait(s, before, e);
        check_standby_grant(s, before, e);
        check_switchover_grant(s, before, e);
        check_what_is_known(s, before, e);
    }
    if (s->truth.lost.shown_seq != before->lost.shown_seq ||
        s->truth.lost.held_term != before->lost.held_term) {
        s->unsaid = false;
    }
    if (s->truth.floor.timeline != before->floor.timeline) {
        check_i10_reference(s);
    }
    if (e->kind == EVENT_RELEASE) {
        check_i7_release(s, e);
    }
    if (e->kind == EVENT_ORDER) {
        check_i13_removal(s, before, e);
    }
    check_i6_held(s, before);
    check_policy_held(s, e);
    check_i18_limits(s, e);
    check_i19_replay(s, before, e);
    check_i20_step(s, before);
    check_switchover_step(s, before);
    check_restart_step(s, before);
    check_parameters_step(s);
    check_i20_calm(s, e);
    trigger(s, before, e);
}

struct outcome sim_fold(struct sim *s, const struct sim_record *record, struct cluster *c,
                        struct event *ret_event)
{
    const struct sim_payload *p = &record->payload;
    const struct cluster_record stored = {p->subject, record->seq, p->data, p->size};
    sim_payload_know(p);
    struct outcome outcome = cluster_fold_record(c, &stored, &s->arena, ret_event);
    sim_payload_forget();
    return outcome;
}

/* The one true fold, with the state before it at hand. */
static void fold(struct sim *s, struct sim_record *record)
{
    size_t index = s->record_count - 1;
    struct cluster *before = &s->states[(index + SIM_STATES_MAX - 1) % SIM_STATES_MAX];
    struct event e;
    struct outcome outcome = sim_fold(s, record, &s->truth, &e);
    record->effective = outcome.effective;
    sim_story_record(s, &e, outcome);
    check_event(s, before, &e, outcome);
    check_i14_bytes(s);
    const char *broken = invariant_check(&s->truth);
    if (broken != NULL) {
        sim_break(s, broken, "after seq %llu", (unsigned long long)record->seq);
    }
}

static void wake_all(struct sim *s, bool heartbeat)
{
    for (uint32_t i = 0; i < s->options.nodes && !heartbeat; i++) {
        sim_reader_wake(s, (int)i);
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        sim_reader_wake(s, SIM_NODES_MAX + (int)i);
    }
}

void sim_store(struct sim *s, const struct sim_payload *payload)
{
    struct sim_record *record = new_record(s);
    size_t index = s->record_count - 1;
    /* Other clusters' records take sequence numbers, too. */
    s->next_seq += 1 + sim_draw(&s->random, 3);
    record->seq = s->next_seq;
    sim_payload_copy(&record->payload, payload);
    record->heartbeat = strncmp(payload->subject, "pgbaton._.", 10) == 0;
    record->payload.event.seq = record->seq;
    if (!record->heartbeat) {
        fold(s, record);
    }
    sim_state_copy(&s->states[index % SIM_STATES_MAX], &s->truth);
    if (index % SIM_HASHED_EACH == 0) {
        record->state_hash = sim_state_hash(&s->truth);
    }
    if (!record->heartbeat) {
        sim_lie_perhaps(s);
    }
    wake_all(s, record->heartbeat);
}

/* ---- the way to the log ---- */

static void arrive(struct sim *s, int target, uint64_t losses, uint64_t slot)
{
    (void)target;
    if (!s->log_down && losses == s->losses) {
        sim_store(s, &s->memory.messages[slot]->payload);
    }
    sim_message_drop(s, (uint32_t)slot);
}

static bool is_lost(struct sim *s, struct sim_reader *r, const struct event *e)
{
    if (!r->connected || r->partitioned || s->log_down || s->now_us < r->mute_us) {
        return true;
    }
    if (s->now_us < r->refused_us && event_is_decision(e->kind)) {
        return true;
    }
    bool dropped = s->now_us < r->lossy_us && sim_chance(&r->random, 40);
    return dropped || sim_bad_luck(s, &r->random, 100);
}

/* Now and then a message is held up for seconds, and may outlive its sender. */
static uint64_t way_us(struct sim *s, struct sim_reader *r, const struct event *e)
{
    if (s->now_us < r->late_us || sim_bad_luck(s, &r->random, 150)) {
        return sim_draw(&r->random, 6 * SIM_S);
    }
    if (s->now_us < s->racing_us && event_is_decision(e->kind)) {
        return sim_draw(&r->random, 1500 * SIM_MS);
    }
    return sim_hop(s, r);
}

void sim_append(struct sim *s, const struct event *e, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    uint32_t slot = 0;
    if (is_lost(s, r, e) || !sim_message_take(s, e, &slot)) {
        return;
    }
    bool doubled = s->now_us < r->doubled_us && sim_chance(&r->random, 40);
    if (doubled || sim_bad_luck(s, &r->random, 100)) {
        s->memory.messages[slot]->references++;
        sim_after(s, sim_delay(s, &r->random, 1 * SIM_MS, 3 * SIM_S), arrive, 0, s->losses, slot);
    }
    sim_after(s, way_us(s, r, e), arrive, 0, s->losses, slot);
}

void sim_log_outage(struct sim *s, bool down)
{
    s->log_down = down;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        (down ? sim_reader_disconnect : sim_reader_connect)(s, (int)i);
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        (down ? sim_reader_disconnect : sim_reader_connect)(s, SIM_NODES_MAX + (int)i);
    }
}
