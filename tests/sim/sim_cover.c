/* SPDX-License-Identifier: PostgreSQL */
/* What the runs have reached: a world in which nothing happens proves nothing. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#define COUNTS_MAX 64

static uint64_t faults[COUNTS_MAX];
static uint64_t lies[COUNTS_MAX];
static uint64_t rules[COUNTS_MAX];
static uint64_t events[EVENT_KIND_COUNT];
static uint64_t voids[VOID_REASON_COUNT];
static uint64_t moments[SIM_MOMENT_COUNT];

void sim_cover_fault(size_t index)
{
    faults[index]++;
}

void sim_cover_lie(size_t index)
{
    lies[index]++;
}

void sim_cover_moment(enum sim_moment moment)
{
    moments[moment]++;
}

/* Heartbeats are not of a cluster: the fold never sees one, and they have no place in the list. */
static size_t place_of(enum event_kind kind)
{
    return kind < EVENT_HEARTBEAT ? (size_t)kind : (size_t)kind - 1;
}

static void cover_rule(const char *rule)
{
    for (size_t i = 0; decide_rule_name(i) != NULL; i++) {
        if (strcmp(decide_rule_name(i), rule) == 0) {
            rules[i]++;
        }
    }
}

void sim_cover_event(const struct event *e, struct outcome outcome)
{
    if (!outcome.effective) {
        voids[outcome.void_reason]++;
        return;
    }
    events[place_of(e->kind)]++;
    if (event_is_decision(e->kind)) {
        cover_rule(e->decision.rule);
    }
}

static const char *event_name(size_t index)
{
    size_t kind = index < EVENT_HEARTBEAT ? index : index + 1;
    return kind < EVENT_KIND_COUNT ? event_kind_name((enum event_kind)kind) : NULL;
}

static const char *moment_name(size_t index)
{
    static const char *const names[] = {
            [SIM_MOMENT_UNSETTLED] = "elected-unsettled",
            [SIM_MOMENT_PROMISED] = "promised",
            [SIM_MOMENT_SNAPSHOT] = "begun-with-snapshot",
            [SIM_MOMENT_BARRED] = "nobody-may-lead",
    };
    _Static_assert(sizeof names / sizeof names[0] == SIM_MOMENT_BLIND, "a name for each");
    return index < SIM_MOMENT_BLIND ? names[index] : NULL;
}

static const char *excuse_name(size_t index)
{
    return index == 0 ? "granted-blindly" : NULL;
}

static const char *void_name(size_t index)
{
    return index < VOID_REASON_COUNT ? void_reason_name((enum void_reason)index) : NULL;
}

/* Prints one list. True when everything in it was reached. */
static bool print(const char *what, const char *(*name)(size_t), const uint64_t *counts,
                  size_t first)
{
    bool all = true;
    for (size_t i = first; name(i) != NULL; i++) {
        printf("%-6s %-20s %10llu%s\n", what, name(i), (unsigned long long)counts[i],
               counts[i] == 0 ? "  never" : "");
        all = all && counts[i] != 0;
    }
    return all;
}

bool sim_cover_print(void)
{
    bool all = print("fault", sim_fault_name, faults, 0);
    all = print("lie", sim_lie_name, lies, 0) && all;
    all = print("event", event_name, events, EVENT_NONE + 1) && all;
    all = print("rule", decide_rule_name, rules, 0) && all;
    all = print("moment", moment_name, moments, 0) && all;
    (void)print("excuse", excuse_name, &moments[SIM_MOMENT_BLIND], 0);
    /* Some reasons have no way to come up here: a newer version, a full cluster. */
    (void)print("void", void_name, voids, VOID_NONE + 1);
    return all;
}
