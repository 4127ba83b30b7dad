/* SPDX-License-Identifier: PostgreSQL */
/* Delta debugging: ever smaller pieces of the schedule are left out, then what is left is
 * shortened, as long as the same invariant still breaks. */
#include "sim.h"

#include <string.h>

#define RUNS_MAX 2000
/* Spans below this are not shortened any more. */
#define SHORT_US (10 * SIM_MS)

struct shrink {
    struct sim_plan *plan; /* the smallest that breaks */
    struct sim_plan next;  /* that is tried */
    const char *broken;
    uint32_t runs;
};

/* Takes the tried plan when it breaks the same. */
static bool take(struct shrink *k)
{
    if (k->runs >= RUNS_MAX) {
        return false;
    }
    k->runs++;
    struct sim_result result = sim_run(&k->next, NULL);
    if (result.broken == NULL || strcmp(result.broken, k->broken) != 0) {
        return false;
    }
    *k->plan = k->next;
    return true;
}

static bool take_without(struct shrink *k, uint32_t first, uint32_t count)
{
    k->next = *k->plan;
    uint32_t end = first + count < k->next.count ? first + count : k->next.count;
    memmove(&k->next.strikes[first], &k->next.strikes[end],
            (k->next.count - end) * sizeof k->next.strikes[0]);
    k->next.count -= end - first;
    return take(k);
}

/* Leaves out pieces of this size, wherever that can be done. */
static bool leave_out(struct shrink *k, uint32_t size)
{
    bool any = false;
    uint32_t first = 0;
    while (first < k->plan->count) {
        if (take_without(k, first, size)) {
            any = true;
        } else {
            first += size;
        }
    }
    return any;
}

static void fewer(struct shrink *k)
{
    uint32_t size = k->plan->count;
    while (size > 0) {
        bool any = leave_out(k, size);
        /* When single ones went, others may go that could not before. */
        size = any && size == 1 ? 1 : size / 2;
    }
}

static void shorter(struct shrink *k)
{
    for (uint32_t i = 0; i < k->plan->count; i++) {
        do {
            k->next = *k->plan;
            k->next.strikes[i].span_us /= 2;
            k->next.strikes[i].ttl_share /= 2;
        } while ((k->next.strikes[i].span_us > SHORT_US || k->next.strikes[i].ttl_share > 10) &&
                 take(k));
    }
}

/* Whether what happens at a move would do as well at a time is not tried: it reads better so. */
static void smaller(struct shrink *k)
{
    while (k->plan->options.monitors > 1) {
        k->next = *k->plan;
        k->next.options.monitors--;
        if (!take(k)) {
            break;
        }
    }
    while (k->plan->options.nodes > 2) {
        k->next = *k->plan;
        k->next.options.nodes--;
        if (!take(k)) {
            break;
        }
    }
}

uint32_t sim_shrink(struct sim_plan *plan, const char *broken)
{
    static struct shrink shrink;
    shrink = (struct shrink){.plan = plan, .broken = broken};
    fewer(&shrink);
    smaller(&shrink);
    shorter(&shrink);
    fewer(&shrink);
    return shrink.runs;
}
