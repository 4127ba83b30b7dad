/* SPDX-License-Identifier: PostgreSQL */
/* A monitor's process: its clock, its heartbeats, and the way of records to the monitor's step. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static uint64_t clock_ms(const struct sim *s, int monitor)
{
    return sim_clock_ms(s, &s->monitors[monitor].clock);
}

static void on_timer(struct sim *s, int monitor, uint64_t generation, uint64_t value);

/* As the shell ends each turn: the heart beats when it must, and the timer is set for what is next.
 */
static void finish_turn(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    uint64_t now_ms = clock_ms(s, monitor);
    struct event e;
    if (monitor_heartbeat(&m->monitor, now_ms, sim_wall_us(s, &m->clock), &e, &m->heartbeat_ms)) {
        sim_append(s, &e, SIM_NODES_MAX + monitor);
    }
    uint64_t next_ms = m->heartbeat_ms < m->step_ms ? m->heartbeat_ms : m->step_ms;
    uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    uint64_t late_us = 1 + sim_draw(&m->random, s->options.fast ? 50 : 2 * SIM_MS);
    uint64_t due_us = s->now_us + sim_clock_span_us(&m->clock, wait_ms) + late_us;
    sim_timer_arm(s, &m->timer, due_us, on_timer, monitor);
}

static void write_snapshot(struct sim *s, int monitor)
{
    static struct snapshot_space space;
    struct sim_monitor *m = &s->monitors[monitor];
    struct event e;
    if (sim_snapshot_events(s) != 0 &&
        monitor_snapshot(&m->monitor, &m->cluster, clock_ms(s, monitor), sim_wall_us(s, &m->clock),
                         &space, &e)) {
        sim_append(s, &e, SIM_NODES_MAX + monitor);
    }
}

/* What a monitor remembers is on its disk; in some worlds it has none. */
static bool remembers(const struct sim *s)
{
    return s->options.seed % 4 != 0;
}

static void step(struct sim *s, int monitor, struct stimulus *stimulus)
{
    static struct monitor_output output;
    struct sim_monitor *m = &s->monitors[monitor];
    stimulus->now_ms = clock_ms(s, monitor);
    stimulus->wall_us = sim_wall_us(s, &m->clock);
    monitor_step(&m->monitor, &m->cluster, stimulus, &s->arena, &output);
    m->step_ms = output.next_ms;
    if (m->monitor.caught_up && remembers(s) && m->cluster.state.term > m->read_term) {
        m->read_term = m->cluster.state.term;
    }
    write_snapshot(s, monitor);
    if (output.append) {
        sim_say(s, "%s decides %s by %s", m->name, event_kind_name(output.event.kind),
                output.event.decision.rule);
        check_i6_hearing(s, monitor, &output.event);
        check_i17_monitor(s, monitor);
        sim_append(s, &output.event, SIM_NODES_MAX + monitor);
    }
}

static void tick(struct sim *s, int monitor)
{
    struct stimulus stimulus = {.kind = STIMULUS_TICK};
    step(s, monitor, &stimulus);
}

static void on_timer(struct sim *s, int monitor, uint64_t generation, uint64_t value)
{
    (void)value;
    struct sim_monitor *m = &s->monitors[monitor];
    if (!sim_timer_rings(s, &m->timer, generation, on_timer, monitor)) {
        return;
    }
    if (m->runs && !m->paused) {
        if (clock_ms(s, monitor) >= m->step_ms) {
            tick(s, monitor);
        }
        finish_turn(s, monitor);
    }
}

static void heard(struct sim *s, int monitor, const struct sim_record *record)
{
    struct sim_monitor *m = &s->monitors[monitor];
    if (record->payload.is_event) {
        const struct event *e = &record->payload.event;
        monitor_heard(&m->monitor, e, clock_ms(s, monitor));
        if (strcmp(e->writer, m->name) == 0) {
            tick(s, monitor);
        }
    }
}

void sim_monitor_record(struct sim *s, int monitor, const struct sim_record *record)
{
    const struct sim_payload *p = &record->payload;
    if (record->heartbeat) {
        heard(s, monitor, record);
    } else {
        struct stimulus stimulus = {.kind = STIMULUS_RECORD,
                                    .subject = p->subject,
                                    .seq = record->seq,
                                    .data = p->data,
                                    .size = p->size};
        step(s, monitor, &stimulus);
    }
    finish_turn(s, monitor);
}

void sim_monitor_live(struct sim *s, int monitor, const struct sim_payload *live)
{
    if (s->monitors[monitor].runs && !s->monitors[monitor].paused) {
        struct stimulus stimulus = {.kind = STIMULUS_LIVE,
                                    .subject = live->subject,
                                    .data = live->data,
                                    .size = live->size};
        step(s, monitor, &stimulus);
        finish_turn(s, monitor);
    }
}

static void asked(struct sim *s, int node, uint64_t generation, uint64_t value)
{
    (void)generation;
    (void)value;
    if (s->readers[node].connected && s->now_us >= s->readers[node].deaf_us &&
        !sim_node_stands_still(&s->nodes[node])) {
        struct fact fact = {.kind = FACT_ASKED};
        sim_node_fact(s, node, &fact);
    }
}

/* Who is there is asked at once: an election may be waiting. */
static void ask(struct sim *s, int monitor)
{
    struct sim_reader *r = &s->readers[SIM_NODES_MAX + monitor];
    for (uint32_t i = 0; i < s->options.nodes && s->now_us >= r->mute_us; i++) {
        sim_after(s, sim_hop(s, r), asked, (int)i, 0, 0);
    }
}

void sim_monitor_link(struct sim *s, int monitor, bool up, bool caught_up)
{
    struct sim_monitor *m = &s->monitors[monitor];
    if (!m->runs || m->paused) {
        m->link_lost = m->link_lost || !up; /* it learns that when it wakes up */
        return;
    }
    monitor_link(&m->monitor, up, caught_up, clock_ms(s, monitor));
    if (caught_up) {
        ask(s, monitor);
    }
    tick(s, monitor);
    finish_turn(s, monitor);
}

void sim_monitor_init(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    snprintf(m->name, sizeof m->name, "monitor-%d", monitor + 1);
    sim_seed(&m->random, s->options.seed, 300 + (uint64_t)monitor);
    sim_clock_init(s, &m->clock, &m->random);
    sim_timer_init(&m->timer);
    sim_reader_init(s, SIM_NODES_MAX + monitor);
}

void sim_monitor_start(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    struct decide_options options = {.config = s->options.config,
                                     .snapshot_events = sim_snapshot_events(s)};
    sim_say(s, "%s starts", m->name);
    m->starts++;
    m->runs = true;
    m->paused = false;
    m->link_lost = false;
    m->step_ms = UINT64_MAX;
    sim_reader_rewind(s, SIM_NODES_MAX + monitor);
    monitor_init(&m->monitor, m->name, sim_wall_us(s, &m->clock), &options);
    monitor_cluster_init(&m->cluster, "demo", remembers(s) ? &m->cluster.memory : NULL);
    sim_reader_connect(s, SIM_NODES_MAX + monitor);
    finish_turn(s, monitor);
}

void sim_monitor_crash(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    m->runs = false;
    sim_reader_disconnect(s, SIM_NODES_MAX + monitor);
    sim_timer_arm(s, &m->timer, UINT64_MAX, on_timer, monitor);
}

void sim_monitor_resume(struct sim *s, int monitor)
{
    struct sim_monitor *m = &s->monitors[monitor];
    const struct sim_reader *r = &s->readers[SIM_NODES_MAX + monitor];
    m->paused = false;
    if (m->runs) {
        if (m->link_lost) {
            m->link_lost = false;
            sim_monitor_link(s, monitor, false, false);
        }
        if (r->connected) {
            sim_monitor_link(s, monitor, true, r->caught_up);
        }
        sim_reader_wake(s, SIM_NODES_MAX + monitor);
        uint64_t late_us = sim_chance(&m->random, 50) ? sim_draw(&m->random, 30 * SIM_MS) : 0;
        sim_timer_arm(s, &m->timer, s->now_us + late_us, on_timer, monitor);
    }
}
