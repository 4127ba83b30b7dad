/* SPDX-License-Identifier: PostgreSQL */
/* Faults of the log, of the network to it, and of monitors. */
#include "sim_faults.h"

#include <stdio.h>
#include <string.h>

/* What is held up arrives this much later. */
#define LATEST_US (6 * SIM_S)

static int monitor_reader(const struct sim_hit *hit)
{
    return SIM_NODES_MAX + hit->target;
}

static void later(struct sim *s, uint64_t *until_us, const struct sim_hit *hit)
{
    uint64_t end_us = s->now_us + hit->span_us;
    *until_us = end_us > *until_us ? end_us : *until_us;
    sim_trouble(s, *until_us + LATEST_US);
}

/* ---- links ---- */

static void heals(struct sim *s, int reader, uint64_t generation, uint64_t value)
{
    (void)generation;
    (void)value;
    s->readers[reader].partitioned = false;
    sim_reader_connect(s, reader);
}

static void partition(struct sim *s, int reader, uint64_t span_us)
{
    if (!s->readers[reader].partitioned) {
        s->readers[reader].partitioned = true;
        sim_reader_disconnect(s, reader);
        sim_after(s, span_us, heals, reader, 0, 0);
    }
}

void fault_partition(struct sim *s, struct sim_hit *hit)
{
    partition(s, hit->target, hit->span_us);
}

void fault_monitor_partition(struct sim *s, struct sim_hit *hit)
{
    partition(s, monitor_reader(hit), hit->span_us);
}

/* One-way partitions: it speaks and does not hear, or hears and does not speak, and its link looks
 * well. */
void fault_deaf(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].deaf_us, hit);
}

void fault_monitor_deaf(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].deaf_us, hit);
}

void fault_mute(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].mute_us, hit);
}

void fault_monitor_mute(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].mute_us, hit);
}

void fault_late(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].late_us, hit);
}

void fault_monitor_late(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].late_us, hit);
}

void fault_lossy(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].lossy_us, hit);
}

void fault_monitor_lossy(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].lossy_us, hit);
}

void fault_doubled(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].doubled_us, hit);
}

void fault_monitor_doubled(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].doubled_us, hit);
}

void fault_slow_network(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[hit->target].slow_us, hit);
}

void fault_refused(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->readers[monitor_reader(hit)].refused_us, hit);
}

void fault_race(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->racing_us, hit);
}

void fault_noise(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->noisy_us, hit);
    sim_trouble(s, s->noisy_us + SIM_NOISE_US);
}

void fault_liar(struct sim *s, struct sim_hit *hit)
{
    later(s, &s->lying_us, hit);
}

/* ---- the log ---- */

static void log_returns(struct sim *s, int target, uint64_t generation, uint64_t value)
{
    (void)target;
    (void)generation;
    (void)value;
    if (s->log_down) {
        sim_log_outage(s, false);
    }
}

void fault_log_outage(struct sim *s, struct sim_hit *hit)
{
    if (!s->log_down) {
        sim_log_outage(s, true);
        sim_after(s, hit->span_us, log_returns, 0, 0, 0);
    }
}

void fault_garbage(struct sim *s, struct sim_hit *hit)
{
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)sim_draw(&hit->dice, 256);
    }
    static const char *const subjects[] = {"pgbaton.demo.decision", "pgbaton.demo.lock.node-1",
                                           "pgbaton.demo.probe.node-2"};
    /* Wire type 7 does not exist: never an event, and never taken for one of a newer version. */
    static struct sim_payload payload;
    bytes[0] = 0x07;
    sim_payload_bytes(&payload, subjects[sim_draw(&hit->dice, 3)], bytes,
                      (size_t)sim_draw(&hit->dice, sizeof bytes) + 1);
    sim_store(s, &payload);
}

static void store_old(struct sim *s, struct sim_random *dice)
{
    if (s->record_count > 0) {
        uint64_t count = s->record_count;
        uint64_t newest = count < 60 ? count : 60;
        uint64_t back = sim_draw(dice, sim_chance(dice, 60) ? newest : count);
        sim_store(s, &s->memory.records[count - 1 - back]->payload);
    }
}

void fault_old_record(struct sim *s, struct sim_hit *hit)
{
    store_old(s, &hit->dice);
}

static void replay(struct sim *s, int target, uint64_t generation, uint64_t dice)
{
    (void)target;
    (void)generation;
    struct sim_random random;
    sim_seed(&random, dice, 0);
    store_old(s, &random);
}

/* Somebody appends a whole piece of the log again. */
void fault_old_records(struct sim *s, struct sim_hit *hit)
{
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t dice = sim_draw(&hit->dice, UINT32_MAX);
        sim_after(s, i * sim_draw(&hit->dice, 40 * SIM_MS), replay, 0, 0, dice);
    }
}

/* Another agent of this name says hello, with an empty directory of its own, and is stopped. */
void fault_twin(struct sim *s, struct sim_hit *hit)
{
    int32_t i = cluster_find_node(&s->truth, s->nodes[hit->target].name);
    if (i < 0 || s->log_down) {
        return;
    }
    struct event e;
    memset(&e, 0, sizeof e);
    e.version = SCHEMA_VERSION;
    e.kind = EVENT_HELLO;
    snprintf(e.cluster, sizeof e.cluster, "demo");
    memcpy(e.writer, s->nodes[hit->target].name, sizeof e.writer);
    e.incarnation = s->truth.nodes[i].incarnation + 1 + sim_draw(&hit->dice, SIM_S);
    e.counter = 1;
    e.wall_us = sim_wall_us(s, &s->nodes[hit->target].clock);
    e.body.hello.probe.state = NODE_EMPTY;
    e.body.hello.probe.reason = REASON_DATA_DIRECTORY_EMPTY;
    snprintf(e.body.hello.host, sizeof e.body.hello.host, "127.0.0.1");
    static struct sim_payload payload;
    if (sim_payload_event(&payload, &e)) {
        sim_store(s, &payload);
    }
}

void fault_config(struct sim *s, struct sim_hit *hit)
{
    sim_reconfigure(s, sim_draw(&hit->dice, UINT32_MAX));
}

void fault_newer(struct sim *s, struct sim_hit *hit)
{
    (void)hit;
    sim_speak_newer(s);
}

/* ---- monitors ---- */

static void monitor_back(struct sim *s, int monitor, uint64_t generation, uint64_t value)
{
    (void)generation;
    (void)value;
    if (!s->monitors[monitor].runs) {
        sim_monitor_start(s, monitor);
    }
}

void fault_monitor_kill(struct sim *s, struct sim_hit *hit)
{
    if (s->monitors[hit->target].runs) {
        sim_monitor_crash(s, hit->target);
        sim_after(s, hit->span_us, monitor_back, hit->target, 0, 0);
    }
}

static void monitor_resumes(struct sim *s, int monitor, uint64_t start, uint64_t since_us)
{
    struct sim_monitor *m = &s->monitors[monitor];
    if (!m->paused || m->starts != start) {
        return;
    }
    if (m->clock_stopped) {
        sim_clock_lose(s, &m->clock, since_us);
    }
    m->clock_stopped = false;
    sim_monitor_resume(s, monitor);
}

static void pause_monitor(struct sim *s, struct sim_hit *hit, bool with_clock)
{
    struct sim_monitor *m = &s->monitors[hit->target];
    if (m->runs && !m->paused) {
        m->paused = true;
        m->clock_stopped = with_clock;
        sim_after(s, hit->span_us, monitor_resumes, hit->target, m->starts, s->now_us);
    }
}

void fault_monitor_pause(struct sim *s, struct sim_hit *hit)
{
    pause_monitor(s, hit, false);
}

void fault_monitor_clock_stop(struct sim *s, struct sim_hit *hit)
{
    pause_monitor(s, hit, true);
}
