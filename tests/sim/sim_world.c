/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_entry {
    uint64_t time_us;
    uint64_t order;
    sim_callback callback;
    int target;
    uint64_t generation;
    void *argument;
};

uint64_t sim_random(struct sim *s, uint64_t below)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    uint64_t value = s->random * 2685821657736338717ULL;
    return below == 0 ? 0 : (value >> 11) % below;
}

bool sim_chance(struct sim *s, uint32_t percent)
{
    return sim_random(s, 100) < percent;
}

uint64_t sim_delay(struct sim *s, uint64_t low_us, uint64_t high_us)
{
    uint64_t delay_us = low_us + sim_random(s, high_us - low_us + 1);
    bool slow = !s->faults_over && sim_random(s, 200) == 0;
    return slow ? delay_us * (1 + sim_random(s, 50)) : delay_us;
}

uint64_t sim_hop(struct sim *s)
{
    return s->options.fast ? sim_delay(s, 10, 50) : sim_delay(s, 100, 2 * SIM_MS);
}

int64_t sim_drift_ppm(struct sim *s)
{
    if (s->options.fast) {
        return sim_chance(s, 50) ? 1000 : -1000;
    }
    return (int64_t)sim_random(s, 2001) - 1000;
}

uint64_t sim_span(struct sim *s, uint64_t max_us)
{
    if (sim_chance(s, 60)) {
        return sim_random(s, max_us);
    }
    /* Around the end of the lease, and around the gap after which a monitor is deaf. */
    uint64_t ttl_ms =
            s->truth.lease.renewed ? s->truth.lease.ttl_ms_max : cluster_ttl_ms(&s->truth);
    uint64_t around_ms = sim_chance(s, 60) ? ttl_ms : HEARING_GAP_MS;
    return (around_ms * SIM_MS) * 3 / 4 + sim_random(s, around_ms * SIM_MS / 2);
}

static bool entry_before(const struct sim_entry *a, const struct sim_entry *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->order < b->order;
}

static void entry_swap(struct sim_entry *a, struct sim_entry *b)
{
    struct sim_entry kept = *a;
    *a = *b;
    *b = kept;
}

void sim_after(struct sim *s, uint64_t delay_us, sim_callback callback, int target,
               uint64_t generation, void *argument)
{
    if (s->heap_count == s->heap_capacity) {
        s->heap_capacity = s->heap_capacity == 0 ? 1024 : s->heap_capacity * 2;
        s->heap = realloc(s->heap, s->heap_capacity * sizeof *s->heap);
    }
    size_t i = s->heap_count++;
    s->heap[i] = (struct sim_entry){s->now_us + delay_us, s->order++, callback, target,
                                    generation,           argument};
    while (i > 0 && entry_before(&s->heap[i], &s->heap[(i - 1) / 2])) {
        entry_swap(&s->heap[i], &s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct sim_entry take_first(struct sim *s)
{
    struct sim_entry first = s->heap[0];
    s->heap[0] = s->heap[--s->heap_count];
    size_t i = 0;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->heap_count; child++) {
            least = entry_before(&s->heap[child], &s->heap[least]) ? child : least;
        }
        if (least == i) {
            return first;
        }
        entry_swap(&s->heap[i], &s->heap[least]);
        i = least;
    }
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

void sim_say(struct sim *s, const char *format, ...)
{
    if (!s->options.verbose) {
        return;
    }
    printf("%10.3f ms  ", (double)s->now_us / 1000.0);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

uint64_t sim_clock_ms(const struct sim *s, int64_t offset_ms, int64_t ppm)
{
    int64_t now_us = (int64_t)s->now_us;
    int64_t drift_us = now_us / 1000000 * ppm + now_us % 1000000 * ppm / 1000000;
    return (uint64_t)((now_us + drift_us) / 1000 + offset_ms);
}

uint64_t sim_wall_us(const struct sim *s)
{
    return 1700000000000000ULL + s->now_us;
}

static void tick(struct sim *s, int target, uint64_t generation, void *argument)
{
    (void)target;
    (void)generation;
    (void)argument;
    sim_pg_tick(s);
    sim_after(s, 20 * SIM_MS, tick, 0, 0, NULL);
}

static void strike(struct sim *s, int target, uint64_t generation, void *argument)
{
    (void)target;
    (void)generation;
    (void)argument;
    if (s->faults_over) {
        return;
    }
    /* Faults strike a cluster that has been made; what interrupts an initdb is an operator's case.
     */
    if (!s->truth.writable && s->fault_count == 0) {
        sim_after(s, 100 * SIM_MS, strike, 0, 0, NULL);
        return;
    }
    sim_fault(s);
    sim_after(s, 200 * SIM_MS + sim_random(s, 4 * SIM_S), strike, 0, 0, NULL);
}

static void strike_once(struct sim *s, int target, uint64_t generation, void *argument)
{
    (void)target;
    (void)generation;
    (void)argument;
    if (!s->faults_over) {
        sim_fault(s);
    }
}

void sim_strike_perhaps(struct sim *s)
{
    /* Worst is what happens between two leaders. */
    bool leaderless = cluster_holder(&s->truth) == LEADER_NONE;
    if (!s->faults_over && s->fault_count > 0 && sim_chance(s, leaderless ? 40 : 15)) {
        uint64_t soon_us = leaderless ? 1500 * SIM_MS : 300 * SIM_MS;
        sim_after(s, sim_random(s, soon_us), strike_once, 0, 0, NULL);
        sim_after(s, sim_random(s, soon_us), strike_once, 0, 0, NULL);
    }
}

static void mend(struct sim *s, int target, uint64_t generation, void *argument)
{
    (void)target;
    (void)generation;
    (void)argument;
    s->faults_over = true;
    sim_say(s, "everything is mended; the cluster must come back by itself");
    sim_mend_all(s);
}

static void init(struct sim *s, const struct sim_options *options)
{
    memset(s, 0, sizeof *s);
    s->options = *options;
    s->random = options->seed * 0x9E3779B97F4A7C15ULL + 0xD1B54A32D192ED03ULL;
    s->now_us = SIM_S;
    s->next_seq = 1;
    s->next_branch = 1;
    cluster_init(&s->truth, "demo");
    for (uint32_t i = 0; i < options->nodes; i++) {
        sim_node_init(s, (int)i);
        sim_agent_start(s, (int)i);
    }
    for (uint32_t i = 0; i < options->monitors; i++) {
        sim_monitor_start(s, (int)i);
    }
    sim_after(s, 0, tick, 0, 0, NULL);
    sim_after(s, 6 * SIM_S + sim_random(s, 4 * SIM_S), strike, 0, 0, NULL);
    sim_after(s, options->fault_us, mend, 0, 0, NULL);
}

static void finish(struct sim *s)
{
    for (size_t i = 0; i < s->heap_count; i++) {
        free(s->heap[i].argument);
    }
    for (size_t i = 0; i < s->record_count; i++) {
        free(s->records[i].data);
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        free(s->nodes[i].queue);
    }
    free(s->heap);
    free(s->records);
}

/* Runs until an invariant breaks, the cluster is well after the faults, or the time is over. */
static bool run(struct sim *s)
{
    uint64_t end_us = s->now_us + s->options.fault_us + s->options.settle_us;
    uint64_t well_since_us = 0;
    while (s->broken == NULL && s->heap_count > 0) {
        struct sim_entry entry = take_first(s);
        if (entry.time_us > end_us) {
            free(entry.argument);
            break;
        }
        s->now_us = entry.time_us;
        entry.callback(s, entry.target, entry.generation, entry.argument);
        free(entry.argument);
        check_i1_single_writer(s);
        if (!s->faults_over || !sim_is_well(s)) {
            well_since_us = s->now_us;
        }
        if (s->now_us - well_since_us > 8 * SIM_S) {
            return s->broken == NULL;
        }
    }
    if (s->broken == NULL) {
        sim_break(s, "I20: progress", "not well %llu s after the last fault",
                  (unsigned long long)(s->options.settle_us / SIM_S));
    }
    return false;
}

struct sim_result sim_run(const struct sim_options *options)
{
    static struct sim s;
    init(&s, options);
    struct sim_result result = {.ok = run(&s)};
    if (!result.ok) {
        printf("seed %llu broke %s at %.3f s: %s\n", (unsigned long long)options->seed,
               s.broken != NULL ? s.broken : "?", (double)s.now_us / 1e6, s.detail);
        sim_tell(&s);
    }
    if (s.record_count > 0) {
        memcpy(result.digest, s.records[s.record_count - 1].digest, HASH_SIZE);
    }
    result.events = s.record_count;
    result.grants = s.grant_count;
    result.faults = s.fault_count;
    result.voids = s.void_count;
    finish(&s);
    return result;
}
