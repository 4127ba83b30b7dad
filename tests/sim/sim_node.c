/* SPDX-License-Identifier: PostgreSQL */
/* A node: its agent's process, its clock, and the way of facts to the agent's step. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_node_stands_still(const struct sim_node *n)
{
    return n->agent_paused || n->host_frozen || n->persisting;
}

uint64_t sim_node_clock_ms(const struct sim *s, int node)
{
    return sim_clock_ms(s, &s->nodes[node].clock);
}

bool sim_node_is_excused(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return n->excused_ms != 0 && (n->clock_stopped || sim_node_clock_ms(s, node) < n->excused_ms);
}

int sim_node_index(const struct sim *s, const char *name)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (strcmp(s->nodes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void sim_node_init(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    snprintf(n->name, sizeof n->name, "node-%d", node + 1);
    sim_seed(&n->random, s->options.seed, 200 + (uint64_t)node);
    n->host_up = true;
    sim_clock_init(s, &n->clock, &n->random);
    sim_timer_init(&n->timer);
    sim_reader_init(s, node);
    sim_guard_init(s, node);
    sim_pg_init(s, node);
    if (s->memory.queues[node] == NULL) {
        s->memory.queues[node] = calloc(SIM_QUEUED_FACTS_MAX, sizeof(struct fact));
    }
}

/* ---- steps ---- */

static void on_timer(struct sim *s, int node, uint64_t generation, uint64_t value)
{
    (void)value;
    if (sim_timer_rings(s, &s->nodes[node].timer, generation, on_timer, node)) {
        static struct fact fact = {.kind = FACT_TICK};
        sim_node_fact(s, node, &fact);
    }
}

static void arm_timer(struct sim *s, int node, uint64_t next_ms)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t due_us = UINT64_MAX;
    if (next_ms != UINT64_MAX) {
        uint64_t now_ms = sim_node_clock_ms(s, node);
        uint64_t wait_ms = next_ms > now_ms ? next_ms - now_ms : 0;
        due_us = s->now_us + sim_clock_span_us(&n->clock, wait_ms) + 1 +
                 sim_draw(&n->random, 3 * SIM_MS);
    }
    sim_timer_arm(s, &n->timer, due_us, on_timer, node);
}

/* One step of the real agent, and its actions in their order. */
static void step(struct sim *s, int node, struct fact *fact)
{
    static struct action_list actions;
    struct sim_node *n = &s->nodes[node];
    fact->now_ms = sim_node_clock_ms(s, node);
    fact->wall_us = sim_wall_us(s, &n->clock);
    agent_step(&n->agent, fact, &s->arena, &actions);
    uint64_t run = n->agent_run;
    arm_timer(s, node, actions.next_ms);
    n->stepping = true;
    for (uint32_t i = 0; i < actions.count && n->agent_runs && run == n->agent_run; i++) {
        sim_act(s, node, &actions.items[i]);
    }
    n->stepping = false;
}

static bool is_able(const struct sim_node *n)
{
    return n->agent_runs && n->host_up && !n->stepping && !sim_node_stands_still(n);
}

static struct fact take_queued(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    struct fact *queue = s->memory.queues[node];
    struct fact first = queue[0];
    n->queued--;
    memmove(&queue[0], &queue[1], n->queued * sizeof queue[0]);
    return first;
}

static void drain(struct sim *s, int node)
{
    while (s->nodes[node].queued > 0 && is_able(&s->nodes[node])) {
        struct fact fact = take_queued(s, node);
        step(s, node, &fact);
    }
}

void sim_node_fact(struct sim *s, int node, struct fact *fact)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->agent_runs || !n->host_up) {
        return;
    }
    if (is_able(n)) {
        step(s, node, fact);
        drain(s, node);
    } else if (fact->kind != FACT_TICK && n->queued < SIM_QUEUED_FACTS_MAX) {
        s->memory.queues[node][n->queued++] = *fact;
    }
}

void sim_node_fact_first(struct sim *s, int node, struct fact *fact)
{
    struct sim_node *n = &s->nodes[node];
    struct fact *queue = s->memory.queues[node];
    if (is_able(n) || n->queued == SIM_QUEUED_FACTS_MAX) {
        sim_node_fact(s, node, fact);
        return;
    }
    memmove(&queue[1], &queue[0], n->queued * sizeof queue[0]);
    queue[0] = *fact;
    n->queued++;
}

void sim_node_resume(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->agent_runs || sim_node_stands_still(n)) {
        return;
    }
    if (!n->guard.runs) {
        sim_guard_missed(s, node);
        return;
    }
    drain(s, node);
    sim_reader_wake(s, node);
    /* What it reads first when it wakes up, the clock or the log, is chance. */
    uint64_t late_us = sim_chance(&n->random, 50) ? sim_draw(&n->random, 30 * SIM_MS) : 0;
    sim_timer_arm(s, &n->timer, s->now_us + late_us, on_timer, node);
}

/* ---- what it is told ---- */

void sim_node_link(struct sim *s, int node, bool up, bool caught_up)
{
    struct fact fact = {.kind = FACT_LINK, .link_up = up, .caught_up = caught_up};
    sim_node_fact(s, node, &fact);
}

void sim_node_record(struct sim *s, int node, const struct sim_record *record)
{
    const struct sim_payload *p = &record->payload;
    /* A fact is large, and most of it empty: what comes often is not made anew each time. */
    static struct fact fact = {.kind = FACT_RECORD};
    fact.subject = p->subject;
    fact.seq = record->seq;
    fact.data = p->data;
    fact.size = p->size;
    bool own = p->is_event && p->event.kind == EVENT_RENEW &&
               strcmp(p->event.writer, s->nodes[node].name) == 0;
    if (own) {
        check_i4_read_back(s, node, &p->event, record->effective);
    }
    sim_node_fact(s, node, &fact);
}

void sim_node_live(struct sim *s, int node, const struct sim_payload *live)
{
    if (!sim_node_stands_still(&s->nodes[node])) {
        static struct fact fact = {.kind = FACT_LIVE};
        fact.subject = live->subject;
        fact.data = live->data;
        fact.size = live->size;
        sim_node_fact(s, node, &fact);
    }
}

/* ---- the agent's process ---- */

void sim_agent_start(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    struct agent_self self;
    memset(&self, 0, sizeof self);
    snprintf(self.cluster, sizeof self.cluster, "demo");
    snprintf(self.node, sizeof self.node, "%s", n->name);
    snprintf(self.host, sizeof self.host, "127.0.0.1");
    self.port = (uint16_t)(5441 + node);
    self.agent_port = 8009;
    self.fence = true;
    self.nofailover = (s->nofailover >> node & 1U) != 0;
    sim_say(s, "%s: agent starts", n->name);
    n->agent_runs = true;
    n->agent_paused = false;
    n->persisting = false;
    n->agent_run++;
    n->parameters_told = false;
    n->queued = 0;
    sim_reader_rewind(s, node);
    agent_init(&n->agent, &self, &n->vote, sim_wall_us(s, &n->clock));
    if (n->pg.postmaster && n->pg.stranger) {
        sim_guard_stop_stranger(s, node);
    } else if (n->pg.postmaster) {
        sim_guard_report(s, node, GUARD_RUNNING, 0);
    } else {
        sim_pg_kill(s, node); /* what is left, if anything is: the report is the proof */
    }
    sim_reader_connect(s, node);
}

void sim_agent_crash(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    sim_reader_disconnect(s, node);
    n->agent_runs = false;
    n->agent_paused = false;
    n->persisting = false;
    n->agent_run++;
    n->parameters_told = false;
    n->queued = 0;
    sim_timer_arm(s, &n->timer, UINT64_MAX, on_timer, node);
}
