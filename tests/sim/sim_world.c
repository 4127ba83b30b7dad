/* SPDX-License-Identifier: PostgreSQL */
/* One run: the world is made, faults strike by the plan, and the checkers look at it all. */
#include "sim.h"

#include "../../proto/sync.h"

#include "../../proto/digest.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The cluster must stay well for so long before the run ends. */
#define WELL_US (8 * SIM_S)
/* How often it is looked at. */
#define LOOK_US (100 * SIM_MS)
/* A person looks after so long. */
#define OPERATOR_US (60 * SIM_S)

static FILE *story;
static struct sim world;
static jmp_buf on_assertion;
static bool running;

/* A broken assertion of the core ends the run, not the program. */
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
    if (!running) {
        fprintf(stderr, "%s:%u: %s: assertion '%s' failed\n", file, line, function, assertion);
        abort();
    }
    world.broken = NULL;
    sim_break(&world, "assertion", "%s in %s()", assertion, function);
    longjmp(on_assertion, 1);
}

void sim_break(struct sim *s, const char *invariant, const char *format, ...)
{
    if (s->broken != NULL) {
        return;
    }
    s->broken = invariant;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->detail, sizeof s->detail, format, arguments);
    va_end(arguments);
}

bool sim_is_aloud(void)
{
    return story != NULL;
}

void sim_tell_line(struct sim *s, const char *format, ...)
{
    fprintf(story, "%10.3f  ", (double)s->now_us / 1e6);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(story, format, arguments);
    va_end(arguments);
    fputc('\n', story);
}

/* ---- clocks ---- */

uint64_t sim_clock_ms(const struct sim *s, const struct sim_clock *clock)
{
    int64_t now_us = (int64_t)s->now_us;
    int64_t drift_us = now_us / 1000000 * clock->ppm + now_us % 1000000 * clock->ppm / 1000000;
    return (uint64_t)((now_us + drift_us) / 1000 + clock->offset_ms);
}

uint64_t sim_clock_span_us(const struct sim_clock *clock, uint64_t ms)
{
    return (uint64_t)((int64_t)(ms * SIM_MS) - (int64_t)ms * clock->ppm / 1000);
}

uint64_t sim_wall_us(const struct sim *s, const struct sim_clock *clock)
{
    return 1700000000000000ULL + s->now_us + (uint64_t)clock->wall_offset_us;
}

void sim_clock_init(const struct sim *s, struct sim_clock *clock, struct sim_random *random)
{
    clock->offset_ms = (int64_t)sim_draw(random, 1000000);
    if (s->options.fast) {
        clock->ppm = sim_chance(random, 50) ? 1000 : -1000;
    } else {
        clock->ppm = (int64_t)sim_draw(random, 2001) - 1000;
    }
}

void sim_clock_lose(const struct sim *s, struct sim_clock *clock, uint64_t since_us)
{
    clock->offset_ms -= (int64_t)((s->now_us - since_us) / 1000);
}

/* ---- the schedule ---- */

void sim_trouble(struct sim *s, uint64_t until_us)
{
    s->trouble_us = until_us > s->trouble_us ? until_us : s->trouble_us;
    s->well_us = 0;
}

static bool is_over(const struct sim *s)
{
    return s->made_us != 0 && s->now_us >= s->made_us + s->options.fault_us;
}

static void strike(struct sim *s, int target, uint64_t generation, uint64_t index)
{
    (void)target;
    (void)generation;
    if (!is_over(s)) {
        s->counts.faults++;
        sim_strike(s, &s->plan->strikes[index]);
    }
}

static void schedule(struct sim *s, enum sim_trigger trigger)
{
    for (uint32_t i = 0; i < s->plan->count; i++) {
        const struct sim_strike *next = &s->plan->strikes[i];
        bool time = trigger == SIM_TRIGGER_TIME;
        if (next->trigger == trigger && (time || next->at == s->moved[trigger])) {
            sim_after(s, next->delay_us + (time ? next->at : 0), strike, 0, 0, i);
        }
    }
}

void sim_trigger(struct sim *s, enum sim_trigger trigger)
{
    /* Faults strike a cluster that has been made; what interrupts an initdb is an operator's case.
     */
    if (s->made_us != 0) {
        s->moved[trigger]++;
        schedule(s, trigger);
    }
}

/* ---- a run ---- */

static void init(struct sim *s, const struct sim_plan *plan)
{
    /* What was allocated is kept from run to run. */
    struct sim_memory memory = s->memory;
    memset(s, 0, sizeof *s);
    s->memory = memory;
    s->plan = plan;
    s->options = plan->options;
    s->nofailover = plan->options.nofailover;
    s->aloud = story != NULL;
    sim_seed(&s->random, plan->options.seed, 0);
    sim_seed(&s->liar, plan->options.seed, 1);
    sim_seed(&s->postman, plan->options.seed, 12);
    s->now_us = SIM_S;
    s->next_seq = 1;
    s->next_branch = 1;
    sim_remote_init(s);
    cluster_init(&s->truth, "demo");
    sim_state_copy(&s->states[SIM_STATES_MAX - 1], &s->truth); /* before the first record */
}

static void populate(struct sim *s)
{
    if (s->options.rough) {
        s->noisy_us = s->now_us + 10 * SIM_S;
        sim_trouble(s, s->noisy_us + SIM_NOISE_US);
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        sim_node_init(s, (int)i);
        sim_guard_start(s, (int)i);
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        sim_monitor_init(s, (int)i);
        sim_monitor_start(s, (int)i);
    }
}

static void finish(struct sim *s)
{
    sim_payload_forget();
    for (uint32_t i = 0; i < s->memory.message_count; i++) {
        s->memory.messages[i]->references = 0;
    }
}

static void note_made(struct sim *s)
{
    if (s->made_us == 0 && standby_serves(&s->truth)) {
        s->made_us = s->now_us;
        s->made_count = s->record_count;
        schedule(s, SIM_TRIGGER_TIME);
    }
}

/* Nothing is wrong, and what went wrong is over. */
static bool is_calm(const struct sim *s)
{
    return s->now_us >= s->trouble_us && s->options.newer == false;
}

/* Whether what was acknowledged is lost only a person can decide. */
static bool lacks_proof(const struct cluster *c)
{
    bool lacks = false;
    for (uint32_t i = 0; i < c->node_count; i++) {
        lacks = lacks || verdict_is_of_proof(c->nodes[i].verdict);
    }
    return lacks;
}

static bool is_withheld(const struct cluster *c)
{
    return c->withheld && c->config.switch_policy != SWITCH_MAXIMUM_AVAILABILITY;
}

static bool lacks_leave(const struct cluster *c)
{
    bool lacks = false;
    for (uint32_t i = 0; i < c->node_count; i++) {
        lacks = lacks || c->nodes[i].verdict == VERDICT_NOFAILOVER;
    }
    return lacks;
}

/* From now on everybody may lead: each agent reads its configuration when it starts. */
static void take_tags(struct sim *s)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if ((s->nofailover >> i & 1U) != 0 && s->nodes[i].agent_runs) {
            sim_agent_crash(s, (int)i);
            sim_guard_restart(s, (int)i, SIM_MS);
        }
    }
    s->nofailover = 0;
}

static void operate(struct sim *s)
{
    bool stands = s->waiting == WAITING_CANDIDATE || s->waiting == WAITING_POLICY ||
                  s->waiting == WAITING_PROOF;
    bool waits = stands && s->now_us > s->waiting_us + OPERATOR_US &&
                 s->now_us > s->trouble_us + OPERATOR_US;
    if (waits && (is_withheld(&s->truth) || lacks_proof(&s->truth))) {
        sim_give_up(s);
        sim_trouble(s, s->now_us + SIM_S);
    }
    if (waits && s->nofailover != 0 && lacks_leave(&s->truth)) {
        sim_cover_moment(SIM_MOMENT_BARRED);
        take_tags(s);
        sim_trouble(s, s->now_us + SIM_S);
    }
}

static void look(struct sim *s)
{
    s->look_us = s->now_us + LOOK_US;
    note_made(s);
    sim_operator_look(s);
    sim_remote_look(s);
    if (!is_calm(s)) {
        s->out_us = s->now_us;
        return;
    }
    check_i20_progress(s);
    check_i20_outage(s);
    check_switchover_progress(s);
    check_restart_progress(s);
    operate(s);
    bool well = sim_is_well(s);
    if (!well) {
        s->well_us = 0;
    } else if (s->well_us == 0) {
        s->well_us = s->now_us;
    }
    if (!well && s->now_us > s->trouble_us + s->options.settle_us) {
        sim_break(s, "I20: progress", "not well %llu s after the last fault",
                  (unsigned long long)(s->options.settle_us / SIM_S));
    }
}

static bool has_ended(const struct sim *s)
{
    if (s->options.newer) {
        return is_over(s);
    }
    return is_over(s) && is_calm(s) && !standby_is_on(&s->truth) && s->well_us != 0 &&
           s->now_us > s->well_us + WELL_US;
}

static void run(struct sim *s)
{
    populate(s);
    while (s->broken == NULL && sim_next(s, UINT64_MAX)) {
        check_i1_single_writer(s);
        check_standby_step(s);
        check_i9_senders(s);
        if (s->now_us >= s->look_us) {
            look(s);
            if (has_ended(s)) {
                return;
            }
        }
    }
}

struct sim_result sim_run(const struct sim_plan *plan, FILE *told)
{
    struct sim *s = &world;
    story = told;
    init(s, plan);
    running = true;
    if (setjmp(on_assertion) == 0) {
        run(s);
    }
    running = false;
    struct sim_result result = {.broken = s->broken, .broken_us = s->now_us};
    memcpy(result.detail, s->detail, sizeof result.detail);
    if (s->broken != NULL && s->aloud) {
        sim_say(s, "BROKEN %s: %s", s->broken, s->detail);
        sim_tell(s, story);
    }
    cluster_digest(&s->truth, result.digest);
    s->counts.time_us = s->now_us;
    s->counts.records = s->record_count;
    result.counts = s->counts;
    finish(s);
    return result;
}
