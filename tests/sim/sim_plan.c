/* SPDX-License-Identifier: PostgreSQL */
/* What a seed makes of itself: swarm testing, where each seed has a mix of its own. */
#include "sim_plan.h"

#include "sim.h"

#include <string.h>

#define FAULTS_MAX 64
/* Strikes that wait for the leadership to move: for each of the first so many moves. */
#define MOVES_MAX 24
/* What is left to be done when the last fault is over takes so many windows of its limits at most.
 */
#define LIMIT_WINDOWS 4

/* What a plan is drawn with. */
struct brush {
    struct sim_plan *plan;
    struct sim_random random;
    uint32_t weights[FAULTS_MAX];
    uint32_t weight;
};

static uint64_t draw(struct brush *b, uint64_t below)
{
    return sim_draw(&b->random, below);
}

static bool chance(struct brush *b, uint32_t percent)
{
    return sim_chance(&b->random, percent);
}

static uint64_t between(struct brush *b, uint64_t low, uint64_t high)
{
    return low + draw(b, high - low + 1);
}

/* ---- the world ---- */

/* One of the values, as often as their shares of 100 say. */
static uint32_t pick(struct brush *b, const uint32_t (*shares)[2], size_t count)
{
    uint64_t drawn = draw(b, 100);
    size_t i = 0;
    while (i + 1 < count && drawn >= shares[i][1]) {
        drawn -= shares[i][1];
        i++;
    }
    return shares[i][0];
}

static void draw_options(struct brush *b, uint64_t seed)
{
    static const uint32_t nodes[][2] = {{2, 20}, {3, 50}, {4, 10}, {5, 20}};
    static const uint32_t monitors[][2] = {{1, 30}, {2, 45}, {3, 25}};
    static const uint32_t rings[][2] = {
            {SIM_RINGS_ALL, 70}, {SIM_RINGS_GUARD, 15}, {SIM_RINGS_FENCE, 15}};
    /* Of sim_config(): as most clusters are, and some that are quicker or slower. */
    static const uint32_t configs[][2] = {{0, 25}, {1, 15}, {2, 15}, {3, 10},
                                          {4, 15}, {5, 10}, {6, 10}};
    b->plan->options = (struct sim_options){
            .seed = seed,
            .nodes = pick(b, nodes, 4),
            .monitors = pick(b, monitors, 3),
            .fast = chance(b, 25),
            .rough = chance(b, 20),
            .clock_stop = chance(b, 5),
            .newer = chance(b, 3),
            .rings = (enum sim_rings)pick(b, rings, 3),
            .config = sim_config(pick(b, configs, 7)),
            .write_rate = 1ULL << draw(b, 11),
            .settle_us = 240 * SIM_S,
    };
}

/* From a stream of its own, too. */
static void draw_mode(struct sim_options *o)
{
    struct sim_random random;
    sim_seed(&random, o->seed, 5);
    if (o->config.synchronous != SYNCHRONOUS_OFF && sim_chance(&random, 50)) {
        o->config.failover_mode = FAILOVER_SEALED;
    }
}

/* From a stream of its own, too. */
static void draw_failsafe(struct sim_options *o)
{
    struct sim_random random;
    sim_seed(&random, o->seed, 11);
    o->config.failsafe = sim_chance(&random, 20) ? FAILSAFE_OFF : FAILSAFE_ON;
}

/* Few clusters reach their limits, and of those nothing is learnt but that they wait. From a stream
 * of its own: what else a seed draws was there before. */
static void draw_limits(struct sim_options *o)
{
    struct sim_random random;
    struct config *config = &o->config;
    sim_seed(&random, o->seed, 3);
    if (!sim_chance(&random, 25)) {
        return;
    }
    config->failover_limit = 1 + (uint32_t)sim_draw(&random, 4);
    config->failover_window_ms = 5000 + (uint32_t)sim_draw(&random, 55000);
    config->rebuild_limit = 1 + (uint32_t)sim_draw(&random, 4);
    config->rebuild_window_ms = 5000 + (uint32_t)sim_draw(&random, 55000);
    o->settle_us +=
            LIMIT_WINDOWS * (config->failover_window_ms + config->rebuild_window_ms) * SIM_MS;
}

/* From a stream of its own, too. */
static void draw_policies(struct sim_options *o)
{
    static const uint32_t timeouts_ms[] = {500, 2000, 10000, 30000};
    struct sim_random random;
    struct config *config = &o->config;
    sim_seed(&random, o->seed, 4);
    if (sim_chance(&random, 40)) {
        config->switch_policy =
                sim_chance(&random, 50) ? SWITCH_NOOP : SWITCH_MAXIMUM_DATA_PROTECTION;
    }
    config->crash_policy = sim_chance(&random, 35) ? CRASH_RESTART : CRASH_FAILOVER;
    config->primary_start_timeout_ms = timeouts_ms[sim_draw(&random, 4)];
    if (sim_chance(&random, 50)) {
        config->restart_limit = 1 + (uint32_t)sim_draw(&random, 4);
        config->restart_window_ms = 5000 + (uint32_t)sim_draw(&random, 55000);
    }
}

/* From a stream of its own, too. */
static void draw_standby(struct sim_options *o)
{
    struct sim_random random;
    sim_seed(&random, o->seed, 7);
    if (sim_chance(&random, 12)) {
        o->config.standby = (struct standby_cluster){.host = "remote", .port = 5432};
    }
}

/* Some never lead: often enough there is nobody to whom the leader could be switched. From a stream
 * of its own, too. */
static void draw_tags(struct sim_options *o)
{
    struct sim_random random;
    sim_seed(&random, o->seed, 8);
    uint32_t percent = sim_chance(&random, 50) ? 100 : 40;
    if (!sim_chance(&random, 15)) {
        return;
    }
    for (uint32_t i = 0; i < o->nodes; i++) {
        o->nofailover |= sim_chance(&random, percent) ? 1U << i : 0;
    }
    o->nofailover &= ~(1U << sim_draw(&random, o->nodes));
}

/* ---- the mix ---- */

static bool exists(const struct sim_options *o, const struct sim_fault *fault)
{
    bool class = fault->class == SIM_CLASS_USUAL ||
                 (fault->class == SIM_CLASS_CLOCK && o->clock_stop) ||
                 (fault->class == SIM_CLASS_DISK && !o->losses);
    return class && (fault->rings >> o->rings & 1U) != 0;
}

static void draw_mix(struct brush *b)
{
    bool all = chance(b, 30);
    for (size_t i = 0; sim_fault(i) != NULL; i++) {
        const struct sim_fault *fault = sim_fault(i);
        bool wanted = all || chance(b, 40);
        uint32_t factor = all ? 1 : (uint32_t)between(b, 1, 4);
        b->weights[i] = wanted && exists(&b->plan->options, fault) ? fault->weight * factor : 0;
        b->weight += b->weights[i];
    }
    if (b->weight == 0) {
        b->weights[0] = 1;
        b->weight = 1;
    }
}

static uint32_t draw_fault(struct brush *b)
{
    uint64_t drawn = draw(b, b->weight);
    uint32_t i = 0;
    while (drawn >= b->weights[i]) {
        drawn -= b->weights[i];
        i++;
    }
    return i;
}

/* ---- the schedule ---- */

/* Often close to the waits that safety rests on: the lease, and the gap after which a monitor is
 * deaf. */
static void draw_span(struct brush *b, uint64_t span_us, struct sim_strike *strike)
{
    if (span_us == 0 || chance(b, 60)) {
        strike->span_us = draw(b, span_us);
    } else if (chance(b, 60)) {
        strike->ttl_share = (uint32_t)between(b, 750, 1250);
    } else {
        strike->span_us = between(b, HEARING_GAP_MS * 750, HEARING_GAP_MS * 1250);
    }
}

static void add_fault(struct brush *b, struct sim_strike strike, uint32_t index)
{
    const struct sim_fault *fault = sim_fault(index);
    const struct sim_options *o = &b->plan->options;
    if (b->plan->count == SIM_STRIKES_MAX) {
        return;
    }
    strike.fault = index;
    if (fault->on_monitor) {
        strike.target = (int32_t)draw(b, o->monitors);
    } else {
        /* Half of the faults hit the leader: that is where it matters. */
        strike.target = chance(b, 50) ? SIM_LEADER : (int32_t)draw(b, o->nodes);
    }
    draw_span(b, fault->span_us, &strike);
    strike.dice = draw(b, UINT32_MAX);
    b->plan->strikes[b->plan->count++] = strike;
}

static void add(struct brush *b, enum sim_trigger trigger, uint64_t at, uint64_t delay_us)
{
    const struct sim_strike strike = {.trigger = trigger, .at = at, .delay_us = delay_us};
    add_fault(b, strike, draw_fault(b));
}

/* The end of the burst that begins at at_us. */
static uint64_t draw_burst(struct brush *b, uint64_t at_us, uint64_t length_us)
{
    static const uint64_t pauses_ms[] = {100, 400, 1000, 2000, 4000};
    uint64_t end_us = at_us + length_us;
    uint64_t pause_us = pauses_ms[draw(b, 5)] * SIM_MS;
    while (at_us < end_us) {
        add(b, SIM_TRIGGER_TIME, at_us, 0);
        at_us += 10 * SIM_MS + draw(b, 2 * pause_us);
    }
    return end_us;
}

/* Worst is what happens between two leaders. */
static void draw_moves(struct brush *b)
{
    static const struct {
        enum sim_trigger trigger;
        uint32_t percent;
        uint64_t delay_ms;
    } moves[] = {
            {SIM_TRIGGER_ENDED, 60, 1500},     {SIM_TRIGGER_GRANTED, 25, 300},
            {SIM_TRIGGER_HELD, 20, 300},       {SIM_TRIGGER_WRITABLE, 10, 1000},
            {SIM_TRIGGER_DIRECTIVE, 10, 3000}, {SIM_TRIGGER_STEP, 20, 300},
            {SIM_TRIGGER_SYNC, 15, 100},
    };
    bool often = chance(b, 70);
    for (uint64_t n = 1; n <= MOVES_MAX && often; n++) {
        for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
            for (int twice = 0; twice < 2 && chance(b, moves[i].percent); twice++) {
                add(b, moves[i].trigger, n, draw(b, moves[i].delay_ms * SIM_MS));
            }
        }
    }
}

/* Real clusters are quiet for most of the time. */
static uint64_t draw_bursts(struct brush *b)
{
    uint64_t at_us = between(b, 1 * SIM_S, 6 * SIM_S);
    uint64_t bursts = between(b, 1, 4);
    for (uint64_t i = 0; i < bursts; i++) {
        if (i > 0) {
            at_us += chance(b, 50) ? between(b, 10 * SIM_S, 60 * SIM_S)
                                   : between(b, 60 * SIM_S, 900 * SIM_S);
        }
        at_us = draw_burst(b, at_us, between(b, 5 * SIM_S, 40 * SIM_S));
    }
    return at_us;
}

static uint32_t fault_of(enum sim_class_of_fault class)
{
    uint32_t i = 0;
    while (sim_fault(i)->class != class) {
        i++;
    }
    return i;
}

/* Whether the log loses its end is drawn from a stream of its own, and so is when. */
static void draw_world_of_losses(struct sim_options *o)
{
    struct sim_random random;
    sim_seed(&random, o->seed, 9);
    o->losses = sim_chance(&random, 12) && !o->newer && o->config.standby.host[0] == '\0';
}

static void draw_losses(struct sim_plan *plan, uint64_t end_us)
{
    static const enum sim_trigger moves[] = {SIM_TRIGGER_ENDED, SIM_TRIGGER_GRANTED,
                                             SIM_TRIGGER_HELD,  SIM_TRIGGER_WRITABLE,
                                             SIM_TRIGGER_SYNC,  SIM_TRIGGER_TIME};
    struct sim_random random;
    sim_seed(&random, plan->options.seed, 10);
    uint64_t count = 1 + sim_draw(&random, 4);
    for (uint64_t i = 0; i < count && plan->options.losses; i++) {
        enum sim_trigger trigger = moves[sim_draw(&random, 6)];
        bool time = trigger == SIM_TRIGGER_TIME;
        uint32_t place = plan->count < SIM_STRIKES_MAX ? plan->count++ : SIM_STRIKES_MAX - 1;
        plan->strikes[place] = (struct sim_strike){
                .trigger = trigger,
                .at = time ? sim_draw(&random, end_us) : 1 + sim_draw(&random, 6),
                .delay_us = time ? 0 : sim_draw(&random, 2 * SIM_S),
                .fault = fault_of(SIM_CLASS_LOSS),
                .dice = sim_draw(&random, UINT32_MAX),
        };
    }
}

void sim_plan_draw(struct sim_plan *plan, uint64_t seed, uint64_t seconds)
{
    static struct brush brush;
    struct brush *b = &brush;
    memset(plan, 0, sizeof *plan);
    memset(b, 0, sizeof *b);
    b->plan = plan;
    sim_seed(&b->random, seed, 2);
    draw_options(b, seed);
    draw_limits(&plan->options);
    draw_policies(&plan->options);
    draw_mode(&plan->options);
    draw_failsafe(&plan->options);
    draw_standby(&plan->options);
    draw_tags(&plan->options);
    draw_world_of_losses(&plan->options);
    draw_mix(b);
    uint64_t end_us = seconds > 0 ? draw_burst(b, 2 * SIM_S, seconds * SIM_S) : draw_bursts(b);
    draw_moves(b);
    plan->options.fault_us = end_us + 10 * SIM_S;
    if (plan->options.newer) {
        struct sim_strike strike = {.at = draw(b, end_us)};
        plan->count -= plan->count == SIM_STRIKES_MAX ? 1 : 0;
        add_fault(b, strike, fault_of(SIM_CLASS_NEWER));
    }
    draw_losses(plan, end_us);
}
