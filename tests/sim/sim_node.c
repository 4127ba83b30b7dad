/* SPDX-License-Identifier: PostgreSQL */
/* A node: its agent's process, its clock, and the way of facts to the agent's step. */
#include "sim.h"

#include "../../proto/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_node_stands_still(const struct sim_node *n)
{
    return n->agent_paused || n->host_frozen;
}

uint64_t sim_node_clock_ms(const struct sim *s, int node)
{
    return sim_clock_ms(s, s->nodes[node].clock_offset_ms, s->nodes[node].clock_ppm);
}

void sim_node_init(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    snprintf(n->name, sizeof n->name, "node-%d", node + 1);
    n->host_up = true;
    n->clock_offset_ms = (int64_t)sim_random(s, 1000000);
    n->clock_ppm = sim_drift_ppm(s);
    n->queue = calloc(SIM_QUEUED_FACTS_MAX, sizeof *n->queue);
    sim_pg_init(s, node);
}

static uint64_t wall_us(const struct sim *s, int node)
{
    return sim_wall_us(s) + (uint64_t)s->nodes[node].wall_offset_us;
}

static void timer(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)argument;
    if (generation == s->nodes[node].timer_generation) {
        struct fact fact = {.kind = FACT_TICK};
        sim_node_fact(s, node, &fact);
    }
}

static void arm_timer(struct sim *s, int node, uint64_t next_ms)
{
    struct sim_node *n = &s->nodes[node];
    n->timer_generation++;
    if (next_ms == UINT64_MAX) {
        return;
    }
    uint64_t now_ms = sim_node_clock_ms(s, node);
    uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    sim_after(s, wait_ms * SIM_MS + 1 + sim_random(s, 3 * SIM_MS), timer, node, n->timer_generation,
              NULL);
}

/* One step of the real agent, and its actions in their order. */
static void step(struct sim *s, int node, struct fact *fact)
{
    struct sim_node *n = &s->nodes[node];
    struct action_list *actions = calloc(1, sizeof *actions);
    fact->now_ms = sim_node_clock_ms(s, node);
    fact->wall_us = wall_us(s, node);
    agent_step(&n->agent, fact, &s->arena, actions);
    uint64_t run = n->agent_run;
    arm_timer(s, node, actions->next_ms);
    for (uint32_t i = 0; i < actions->count && n->agent_runs && run == n->agent_run; i++) {
        sim_act(s, node, &actions->items[i]);
    }
    free(actions);
}

void sim_node_fact(struct sim *s, int node, struct fact *fact)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->agent_runs || !n->host_up) {
        return;
    }
    if (!sim_node_stands_still(n)) {
        step(s, node, fact);
    } else if (fact->kind != FACT_TICK && n->queued < SIM_QUEUED_FACTS_MAX) {
        n->queue[n->queued++] = *fact;
    }
}

void sim_node_resume(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    uint32_t count = n->queued;
    struct fact *facts = calloc(count + 1U, sizeof *facts);
    memcpy(facts, n->queue, count * sizeof *facts);
    n->queued = 0;
    for (uint32_t i = 0; i < count; i++) {
        sim_node_fact(s, node, &facts[i]);
    }
    free(facts);
    /* What it reads first when it wakes up, the clock or the log, is chance. */
    uint64_t late_us = sim_chance(s, 50) ? sim_random(s, 30 * SIM_MS) : 0;
    sim_after(s, late_us, timer, node, n->timer_generation, NULL);
}

void sim_node_link(struct sim *s, int node, bool up, bool caught_up)
{
    struct fact fact = {.kind = FACT_LINK, .link_up = up, .caught_up = caught_up};
    sim_node_fact(s, node, &fact);
}

void sim_node_record(struct sim *s, int node, const struct sim_record *record)
{
    struct sim_node *n = &s->nodes[node];
    if (strncmp(record->subject, "pgbaton._.", 10) == 0) {
        return;
    }
    struct fact fact = {.kind = FACT_RECORD,
                        .subject = record->subject,
                        .seq = record->seq,
                        .data = record->data,
                        .size = record->size};
    struct event e;
    if (codec_decode(record->data, record->size, &s->arena, &e) == CODEC_OK &&
        e.kind == EVENT_RENEW && strcmp(e.writer, n->name) == 0) {
        e.seq = record->seq;
        check_i4_read_back(s, node, &e, record->effective);
    }
    sim_node_fact(s, node, &fact);
}

void sim_node_live(struct sim *s, int node, const char *subject, const uint8_t *data, size_t size)
{
    if (sim_node_stands_still(&s->nodes[node])) {
        return;
    }
    struct fact fact = {.kind = FACT_LIVE, .subject = subject, .data = data, .size = size};
    sim_node_fact(s, node, &fact);
}

static enum guard_state guard_state(const struct sim_pg *pg)
{
    if (pg->postmaster) {
        return GUARD_RUNNING;
    }
    return pg->orphans ? GUARD_ORPHANED : GUARD_ABSENT;
}

void sim_agent_start(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    struct agent_self self;
    memset(&self, 0, sizeof self);
    snprintf(self.cluster, sizeof self.cluster, "demo");
    snprintf(self.node, sizeof self.node, "%s", n->name);
    snprintf(self.host, sizeof self.host, "127.0.0.1");
    self.port = (uint16_t)(5441 + node);
    sim_say(s, "%s: agent starts", n->name);
    n->agent_runs = true;
    n->agent_paused = false;
    n->agent_run++;
    n->queued = 0;
    n->reader.cursor = 0;
    agent_init(&n->agent, &self, &n->vote, wall_us(s, node));
    struct fact fact = {
            .kind = FACT_GUARD, .guard = guard_state(&n->pg), .deadline_ms = n->guard.deadline_ms};
    sim_node_fact(s, node, &fact);
    if (!n->partitioned) {
        sim_reader_connect(s, node);
    }
}

void sim_agent_crash(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    sim_reader_disconnect(s, node);
    n->agent_runs = false;
    n->agent_run++;
    n->timer_generation++;
    n->queued = 0;
}
