/* SPDX-License-Identifier: PostgreSQL */
/* The log and its network: delays, losses, duplicates and outages; each reader reads in order. */
#include "sim.h"

#include "../../proto/digest.h"
#include "../../proto/invariant.h"
#include "../../proto/subject.h"

#include <stdlib.h>
#include <string.h>

struct message {
    char subject[SUBJECT_SIZE];
    size_t size;
    uint8_t data[EVENT_BYTES_MAX];
};

struct sim_reader *sim_reader_of(struct sim *s, int reader)
{
    return reader < SIM_NODES_MAX ? &s->nodes[reader].reader
                                  : &s->monitors[reader - SIM_NODES_MAX].reader;
}

static bool reader_stands_still(const struct sim *s, int reader)
{
    if (reader >= SIM_NODES_MAX) {
        return s->monitors[reader - SIM_NODES_MAX].paused;
    }
    return sim_node_stands_still(&s->nodes[reader]);
}

static void tell_link(struct sim *s, int reader, bool up, bool caught_up)
{
    if (reader < SIM_NODES_MAX) {
        sim_node_link(s, reader, up, caught_up);
    } else {
        sim_monitor_link(s, reader - SIM_NODES_MAX, up, caught_up);
    }
}

static void deliver_later(struct sim *s, int reader);

static void catch_up(struct sim *s, int reader)
{
    struct sim_reader *r = sim_reader_of(s, reader);
    if (r->connected && !r->caught_up && r->cursor >= r->caught_up_at) {
        r->caught_up = true;
        tell_link(s, reader, true, true);
    }
}

static void deliver(struct sim *s, int reader, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_reader *r = sim_reader_of(s, reader);
    if (generation != r->generation) {
        return;
    }
    r->delivering = false;
    if (!r->connected || r->cursor >= s->record_count) {
        return;
    }
    if (reader_stands_still(s, reader) || s->now_us < r->stalled_us) {
        r->delivering = true;
        sim_after(s, 10 * SIM_MS, deliver, reader, generation, NULL);
        return;
    }
    size_t index = r->cursor++;
    if (reader < SIM_NODES_MAX) {
        sim_node_record(s, reader, &s->records[index]);
        check_i14_determinism(s, &s->nodes[reader].agent.cluster, index);
    } else {
        sim_monitor_record(s, reader - SIM_NODES_MAX, &s->records[index]);
        check_i14_determinism(s, &s->monitors[reader - SIM_NODES_MAX].cluster.state, index);
    }
    catch_up(s, reader);
    deliver_later(s, reader);
}

static void deliver_later(struct sim *s, int reader)
{
    struct sim_reader *r = sim_reader_of(s, reader);
    if (!r->connected || r->delivering || r->cursor >= s->record_count) {
        return;
    }
    r->delivering = true;
    bool behind = r->cursor + 1 < r->caught_up_at;
    uint64_t delay_us = behind ? 20 : sim_hop(s);
    sim_after(s, delay_us, deliver, reader, r->generation, NULL);
}

static void for_each_reader(struct sim *s, void (*call)(struct sim *, int))
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        call(s, (int)i);
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        call(s, SIM_NODES_MAX + (int)i);
    }
}

static struct sim_record *new_record(struct sim *s)
{
    if (s->record_count == s->record_capacity) {
        s->record_capacity = s->record_capacity == 0 ? 256 : s->record_capacity * 2;
        s->records = realloc(s->records, s->record_capacity * sizeof *s->records);
    }
    struct sim_record *record = &s->records[s->record_count++];
    memset(record, 0, sizeof *record);
    return record;
}

static void check_event(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome)
{
    check_i2_terms(s, before);
    check_i3_chain(s, before, e, outcome);
    check_i13_identity(s, before, e, outcome);
    sim_cover_event(e, outcome);
    if (!outcome.effective) {
        s->void_count++;
        return;
    }
    check_i4_renewal(s, before, e);
    check_i16_order(s, e);
    if (e->kind == EVENT_GRANT) {
        s->grant_count++;
        check_i6_wait(s, before, e);
        check_i10_ancestry(s, e);
    }
    if (s->truth.floor.timeline != before->floor.timeline) {
        check_i10_reference(s);
    }
    if (e->kind == EVENT_RELEASE) {
        check_i7_release(s, e);
    }
    check_i19_replay(s, before, e);
}

void sim_store(struct sim *s, const char *subject, const uint8_t *data, size_t size)
{
    struct sim_record *record = new_record(s);
    /* Other clusters' records take sequence numbers, too. */
    s->next_seq += 1 + sim_random(s, 3);
    record->seq = s->next_seq;
    memcpy(record->subject, subject, strlen(subject) + 1);
    record->data = malloc(size > 0 ? size : 1);
    memcpy(record->data, data, size);
    record->size = size;

    struct event e;
    if (strncmp(subject, "pgbaton._.", 10) != 0) {
        struct cluster before = s->truth;
        struct cluster_record stored = {subject, record->seq, data, size};
        struct outcome outcome = cluster_fold_record(&s->truth, &stored, &s->arena, &e);
        record->effective = outcome.effective;
        check_event(s, &before, &e, outcome);
        const char *broken = invariant_check(&s->truth);
        if (broken != NULL) {
            sim_break(s, broken, "after seq %llu", (unsigned long long)record->seq);
        }
    }
    cluster_digest(&s->truth, record->digest);
    sim_lie_perhaps(s);
    if (s->truth.phase_seq == record->seq) {
        sim_strike_perhaps(s);
    }
    for_each_reader(s, deliver_later);
}

static void arrive(struct sim *s, int target, uint64_t generation, void *argument)
{
    (void)target;
    (void)generation;
    const struct message *m = argument;
    if (!s->log_down) {
        sim_store(s, m->subject, m->data, m->size);
    }
}

static bool can_write(struct sim *s, int reader)
{
    const struct sim_reader *r = sim_reader_of(s, reader);
    bool partitioned = reader < SIM_NODES_MAX ? s->nodes[reader].partitioned
                                              : s->monitors[reader - SIM_NODES_MAX].partitioned;
    return r->connected && !partitioned && !s->log_down && s->now_us >= r->mute_us;
}

/* Now and then a message is held up for seconds, and may outlive its sender. */
static uint64_t way_us(struct sim *s, int reader)
{
    bool slow = s->now_us < sim_reader_of(s, reader)->slow_us;
    bool held_up = !s->faults_over && (slow || sim_random(s, 150) == 0);
    return held_up ? sim_span(s, 6 * SIM_S) : sim_hop(s);
}

void sim_append(struct sim *s, const struct event *e, int reader)
{
    struct message *m = calloc(1, sizeof *m);
    m->size = codec_encode(e, m->data, sizeof m->data);
    if (m->size == 0 || !subject_of_event(e, m->subject)) {
        sim_break(s, "codec", "an event of kind %s does not encode", event_kind_name(e->kind));
        free(m);
        return;
    }
    bool lost = !can_write(s, reader) || (!s->faults_over && sim_chance(s, 1));
    if (lost) {
        free(m);
        return;
    }
    if (!s->faults_over && sim_chance(s, 1)) {
        struct message *copy = malloc(sizeof *copy);
        *copy = *m;
        sim_after(s, sim_delay(s, 1 * SIM_MS, 3 * SIM_S), arrive, 0, 0, copy);
    }
    sim_after(s, way_us(s, reader), arrive, 0, 0, m);
}

static void connect_now(struct sim *s, int reader, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_reader *r = sim_reader_of(s, reader);
    if (generation != r->generation || r->connected) {
        return;
    }
    r->connected = true;
    r->connected_us = s->now_us;
    r->caught_up = false;
    r->delivering = false;
    r->caught_up_at = s->record_count;
    tell_link(s, reader, true, false);
    catch_up(s, reader);
    deliver_later(s, reader);
}

void sim_reader_connect(struct sim *s, int reader)
{
    struct sim_reader *r = sim_reader_of(s, reader);
    if (r->connected || s->log_down) {
        return;
    }
    r->generation++;
    sim_after(s, sim_delay(s, 1 * SIM_MS, 60 * SIM_MS), connect_now, reader, r->generation, NULL);
}

void sim_reader_disconnect(struct sim *s, int reader)
{
    struct sim_reader *r = sim_reader_of(s, reader);
    r->generation++;
    r->delivering = false;
    if (r->connected) {
        r->connected = false;
        r->caught_up = false;
        tell_link(s, reader, false, false);
    }
}

void sim_log_outage(struct sim *s, bool down)
{
    s->log_down = down;
    if (down) {
        for_each_reader(s, sim_reader_disconnect);
    } else {
        for (uint32_t i = 0; i < s->options.nodes; i++) {
            if (!s->nodes[i].partitioned && s->nodes[i].agent_runs) {
                sim_reader_connect(s, (int)i);
            }
        }
        for (uint32_t i = 0; i < s->options.monitors; i++) {
            if (!s->monitors[i].partitioned && s->monitors[i].runs) {
                sim_reader_connect(s, SIM_NODES_MAX + (int)i);
            }
        }
    }
}
