/* SPDX-License-Identifier: PostgreSQL */
/* In some worlds monitors write snapshots, and whoever starts begins with the newest one; in some
 * of those retention has removed what is older than the one before it. */
#include "sim.h"

#include "../../proto/snapshot.h"
#include "../../proto/subject.h"

#include <string.h>

/* Far fewer than in life: runs are short. */
#define EVENTS 60

uint32_t sim_snapshot_events(const struct sim *s)
{
    return s->options.seed % 3 == 0 ? EVENTS : 0;
}

static bool removes(const struct sim *s)
{
    return s->options.seed % 2 == 0;
}

/* What it was taken of is in the log: it may have been taken of an end that is lost. */
static bool stands(struct sim *s, const struct sim_record *snapshot)
{
    static struct event e;
    static struct cluster c;
    const struct sim_payload *p = &snapshot->payload;
    if (codec_decode(p->data, p->size, &s->arena, &e) != CODEC_OK ||
        e.body.snapshot.folded_seq >= snapshot->seq || snapshot_read(&e, &c) != VOID_NONE) {
        return false;
    }
    for (size_t i = s->record_count; i > 0; i--) {
        const struct sim_record *r = s->memory.records[i - 1];
        if (r->seq == c.last_seq) {
            return !r->heartbeat &&
                   snapshot_follows(&e.body.snapshot, r->payload.data, r->payload.size);
        }
    }
    return false;
}

/* Of the newest snapshot among the first `count` records; 0: there is none. */
static size_t find(struct sim *s, size_t count)
{
    for (; count > 0; count--) {
        const struct sim_record *r = s->memory.records[count - 1];
        if (subject_is_snapshot(r->payload.subject) && stands(s, r)) {
            return count;
        }
    }
    return 0;
}

/* The number of the records that it has; nothing else of it is of interest. */
static uint64_t folded_seq(struct sim *s, const struct sim_record *snapshot)
{
    static struct event e;
    const struct sim_payload *p = &snapshot->payload;
    bool good = codec_decode(p->data, p->size, &s->arena, &e) == CODEC_OK;
    return good ? e.body.snapshot.folded_seq : 0;
}

static void tell(struct sim *s, int reader, const struct sim_record *record)
{
    sim_payload_know(&record->payload);
    if (reader < SIM_NODES_MAX) {
        sim_node_record(s, reader, record);
    } else {
        sim_monitor_record(s, reader - SIM_NODES_MAX, record);
    }
    sim_payload_forget();
}

/* What an agent remembers may be older than the snapshot. */
static void tell_wanted(struct sim *s, int node, uint64_t begin_seq, uint64_t kept_seq)
{
    uint64_t seq = s->nodes[node].agent.vote.anchor_seq;
    if (seq == 0 || seq > begin_seq) {
        return;
    }
    if (seq <= kept_seq) {
        struct fact fact = {.kind = FACT_GONE, .seq = seq};
        sim_node_fact(s, node, &fact);
        return;
    }
    for (size_t i = 0; i < s->record_count; i++) {
        if (s->memory.records[i]->seq == seq && !s->memory.records[i]->heartbeat) {
            tell(s, node, s->memory.records[i]);
        }
    }
}

void sim_snapshot_begin(struct sim *s, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    size_t count = sim_snapshot_events(s) != 0 ? find(s, r->caught_up_at) : 0;
    r->begun = true;
    if (count == 0) {
        return;
    }
    const struct sim_record *snapshot = s->memory.records[count - 1];
    size_t before = find(s, count - 1);
    uint64_t begin_seq = folded_seq(s, snapshot);
    uint64_t kept_seq = removes(s) && before > 0 ? folded_seq(s, s->memory.records[before - 1]) : 0;
    r->snapshot_count = count;
    sim_cover_moment(SIM_MOMENT_SNAPSHOT);
    tell(s, reader, snapshot);
    if (reader < SIM_NODES_MAX) {
        tell_wanted(s, reader, begin_seq, kept_seq);
    }
    while (r->cursor < s->record_count && s->memory.records[r->cursor]->seq <= begin_seq) {
        r->cursor++;
    }
}
