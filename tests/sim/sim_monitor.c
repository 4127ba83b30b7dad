/* SPDX-License-Identifier: PostgreSQL */
/* A monitor's process: its clock, its heartbeats, and the way of records to the monitor's step. */
#include "sim.h"

#include "../../proto/explain.h"

#include <stdio.h>
#include <string.h>

static uint64_t clock_ms(const struct sim *s, int monitor)
{
    const struct sim_monitor *m = &s->monitors[monitor];
    return sim_clock_ms(s, m->clock_offset_ms, m->clock_ppm);
}

static uint64_t wall_us(const struct sim *s, int monitor)
{
    return sim_wall_us(s) + (uint64_t)s->monitors[monitor].wall_offset_us;
}

static void timer(struct sim *s, int monitor, uint64_t generation, void *argument);

static void arm_timer(struct sim *s, int monitor, uint64_t next_ms)
{
    struct sim_monitor *m = &s->monitors[monitor];
    m->timer_generation++;
    uint64_t now_ms = clock_ms(s, monitor);
    uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    wait_ms = wait_ms > 500 ? 500 : wait_ms;
    sim_after(s, wait_ms * SIM_MS + 1 + sim_random(s, s->options.fast ? 50 : 2 * SIM_MS), timer,
              monitor, m->timer_generation, NULL);
}

static void step(struct sim *s, int monitor, struct stimulus *stimulus)
{
    struct sim_monitor *m = &s->monitors[monitor];
    static struct monitor_output output;
    stimulus->now_ms = clock_ms(s, monitor);
    stimulus->wall_us = wall_us(s, monitor);
    memset(&output, 0, sizeof output);
    monitor_step(&m->monitor, &m->cluster, stimulus, &s->arena, &output);
    if (stimulus->kind == STIMULUS_RECORD && monitor == 0 && s->options.verbose) {
        char line[512];
        explain_event(&m->cluster.state, &output.folded, output.outcome, line, sizeof line);
        sim_say(s, "    %llu %s%s", (unsigned long long)stimulus->seq,
                output.outcome.effective ? "" : "(void) ", line);
    }
    if (output.append) {
        sim_say(s, "%s decides %s by %s", m->name, event_kind_name(output.event.kind),
                output.event.decision.rule);
        check_i6_hearing(s, monitor, &output.event);
        sim_append(s, &output.event, SIM_NODES_MAX + monitor);
    }
    arm_timer(s, monitor, output.next_ms);
}

static void timer(struct sim *s, int monitor, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_monitor *m = &s->monitors[monitor];
    if (!m->runs || generation != m->timer_generation) {
        return;
    }
    if (m->paused) {
        sim_after(s, 10 * SIM_MS, timer, monitor, generation, NULL);
        return;
    }
    struct stimulus stimulus = {.kind = STIMULUS_TICK};
    step(s, monitor, &stimulus);
}

/* The heartbeat has a timer of its own, as in the shell. */
static void heartbeat(struct sim *s, int monitor, uint64_t start, void *argument)
{
    (void)argument;
    struct sim_monitor *m = &s->monitors[monitor];
    if (!m->runs || start != m->starts) {
        return;
    }
    if (m->paused) {
        sim_after(s, 10 * SIM_MS, heartbeat, monitor, start, NULL);
        return;
    }
    struct event e;
    uint64_t next_ms = 0;
    uint64_t now_ms = clock_ms(s, monitor);
    if (monitor_heartbeat(&m->monitor, now_ms, wall_us(s, monitor), &e, &next_ms)) {
        sim_append(s, &e, SIM_NODES_MAX + monitor);
    }
    uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 1;
    wait_ms = wait_ms > 100 ? 100 : wait_ms;
    sim_after(s, wait_ms * SIM_MS, heartbeat, monitor, start, NULL);
}

void sim_monitor_record(struct sim *s, int monitor, const struct sim_record *record)
{
    struct sim_monitor *m = &s->monitors[monitor];
    if (strncmp(record->subject, "pgbaton._.", 10) == 0) {
        struct event e;
        if (codec_decode(record->data, record->size, &s->arena, &e) == CODEC_OK) {
            e.seq = record->seq;
            monitor_heard(&m->monitor, &e, clock_ms(s, monitor));
        }
        return;
    }
    struct stimulus stimulus = {.kind = STIMULUS_RECORD,
                                .subject = record->subject,
                                .seq = record->seq,
                                .data = record->data,
                                .size = record->size};
    step(s, monitor, &stimulus);
}

void sim_monitor_live(struct sim *s, int monitor, const char *subject, const uint8_t *data,
                      size_t size)
{
    if (s->monitors[monitor].runs && !s->monitors[monitor].paused) {
        struct stimulus stimulus = {
                .kind = STIMULUS_LIVE, .subject = subject, .data = data, .size = size};
        step(s, monitor, &stimulus);
    }
}

void sim_monitor_link(struct sim *s, int monitor, bool up, bool caught_up)
{
    monitor_link(&s->monitors[monitor].monitor, up, caught_up, clock_ms(s, monitor));
}

void sim_monitor_start(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    struct decide_options options = {.config = config_default()};
    snprintf(m->name, sizeof m->name, "monitor-%d", monitor + 1);
    if (m->starts == 0) {
        m->clock_offset_ms = (int64_t)sim_random(s, 1000000);
        m->clock_ppm = sim_drift_ppm(s);
    }
    sim_say(s, "%s starts", m->name);
    m->starts++;
    m->runs = true;
    m->paused = false;
    m->reader.cursor = 0;
    monitor_init(&m->monitor, m->name, wall_us(s, monitor), &options);
    monitor_cluster_init(&m->cluster, "demo");
    if (!m->partitioned) {
        sim_reader_connect(s, SIM_NODES_MAX + monitor);
    }
    arm_timer(s, monitor, 0);
    sim_after(s, SIM_MS, heartbeat, monitor, m->starts, NULL);
}

void sim_monitor_crash(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    sim_reader_disconnect(s, SIM_NODES_MAX + monitor);
    m->runs = false;
    m->timer_generation++;
}

void sim_monitor_resume(struct sim *s, int monitor)
{
    s->monitors[monitor].paused = false;
}
