/* SPDX-License-Identifier: PostgreSQL */
/* The readers of the log: each gets every record, in order, and its own view of the link. */
#include "sim.h"

static bool is_node(int reader)
{
    return reader < SIM_NODES_MAX;
}

bool sim_reader_stands_still(const struct sim *s, int reader)
{
    return is_node(reader) ? sim_node_stands_still(&s->nodes[reader])
                           : s->monitors[reader - SIM_NODES_MAX].paused;
}

static bool runs(const struct sim *s, int reader)
{
    return is_node(reader) ? s->nodes[reader].agent_runs : s->monitors[reader - SIM_NODES_MAX].runs;
}

static void tell_link(struct sim *s, int reader, bool up, bool caught_up)
{
    if (is_node(reader)) {
        sim_node_link(s, reader, up, caught_up);
    } else {
        sim_monitor_link(s, reader - SIM_NODES_MAX, up, caught_up);
    }
}

static void catch_up(struct sim *s, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    if (r->connected && !r->caught_up && r->cursor >= r->caught_up_at) {
        r->caught_up = true;
        tell_link(s, reader, true, true);
    }
}

static void hand_out(struct sim *s, int reader, size_t index)
{
    const struct sim_record *record = s->memory.records[index];
    sim_payload_know(&record->payload);
    if (is_node(reader)) {
        sim_node_record(s, reader, record);
        check_i14_determinism(s, &s->nodes[reader].agent.cluster, index);
    } else {
        int monitor = reader - SIM_NODES_MAX;
        sim_monitor_record(s, monitor, record);
        check_i14_determinism(s, &s->monitors[monitor].cluster.state, index);
    }
    sim_payload_forget();
}

static void deliver(struct sim *s, int reader, uint64_t generation, uint64_t value)
{
    (void)value;
    struct sim_reader *r = &s->readers[reader];
    if (generation != r->generation) {
        return;
    }
    r->delivering = false;
    if (!r->connected || r->lost || r->cursor >= s->record_count) {
        return;
    }
    if (sim_reader_stands_still(s, reader)) {
        return; /* sim_reader_wake() follows */
    }
    if (s->now_us < r->deaf_us) {
        r->delivering = true;
        sim_after(s, r->deaf_us - s->now_us, deliver, reader, generation, 0);
        return;
    }
    if (!r->begun) {
        sim_snapshot_begin(s, reader);
    } else {
        hand_out(s, reader, r->cursor++);
    }
    sim_reader_wake(s, reader);
}

void sim_reader_wake(struct sim *s, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    if (!r->connected || r->lost || r->delivering || sim_reader_stands_still(s, reader)) {
        return;
    }
    /* Monitors' heartbeats are of no cluster: agents do not read them. */
    while (is_node(reader) && r->cursor < s->record_count &&
           s->memory.records[r->cursor]->heartbeat) {
        r->cursor++;
    }
    catch_up(s, reader);
    if (r->cursor >= s->record_count) {
        return;
    }
    r->delivering = true;
    bool behind = r->cursor + 1 < r->caught_up_at;
    sim_after(s, behind ? 20 : sim_hop(s, r), deliver, reader, r->generation, 0);
}

static void connect_now(struct sim *s, int reader, uint64_t generation, uint64_t value)
{
    (void)value;
    struct sim_reader *r = &s->readers[reader];
    if (generation != r->generation || r->connected) {
        return;
    }
    r->connected = true;
    r->connected_us = s->now_us;
    r->caught_up = false;
    r->delivering = false;
    r->caught_up_at = s->record_count;
    tell_link(s, reader, true, false);
    sim_reader_wake(s, reader);
}

void sim_reader_init(struct sim *s, int reader)
{
    sim_seed(&s->readers[reader].random, s->options.seed, 100 + (uint64_t)reader);
}

void sim_reader_connect(struct sim *s, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    if (r->connected || s->log_down || r->partitioned || !runs(s, reader)) {
        return;
    }
    r->generation++;
    sim_after(s, sim_delay(s, &r->random, 1 * SIM_MS, 60 * SIM_MS), connect_now, reader,
              r->generation, 0);
}

void sim_reader_disconnect(struct sim *s, int reader)
{
    struct sim_reader *r = &s->readers[reader];
    r->generation++;
    r->delivering = false;
    if (r->connected) {
        r->connected = false;
        r->caught_up = false;
        tell_link(s, reader, false, false);
    }
}

void sim_reader_rewind(struct sim *s, int reader)
{
    s->readers[reader].cursor = 0;
    s->readers[reader].begun = false;
    s->readers[reader].snapshot_count = 0;
    s->readers[reader].lost = false;
}
