/* SPDX-License-Identifier: PostgreSQL */
/* The queue of everything that is to happen, and the timers of the processes. */
#include "sim.h"

#include <stdlib.h>

struct sim_entry {
    uint64_t time_us;
    uint64_t order;
    sim_callback callback;
    uint64_t generation;
    uint64_t value;
    int target;
};

/* Children of a place in the heap: a wide one is shallow. */
#define WAYS 4

static bool entry_before(const struct sim_entry *a, const struct sim_entry *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->order < b->order;
}

static void make_room(struct sim *s)
{
    if (s->heap_count == s->memory.heap_capacity) {
        s->memory.heap_capacity = s->memory.heap_capacity == 0 ? 1024 : s->memory.heap_capacity * 2;
        s->memory.heap = realloc(s->memory.heap, s->memory.heap_capacity * sizeof *s->memory.heap);
    }
}

void sim_after(struct sim *s, uint64_t delay_us, sim_callback callback, int target,
               uint64_t generation, uint64_t value)
{
    make_room(s);
    const struct sim_entry entry = {s->now_us + delay_us, s->order++, callback,
                                    generation,           value,      target};
    size_t i = s->heap_count++;
    while (i > 0 && entry_before(&entry, &s->memory.heap[(i - 1) / WAYS])) {
        s->memory.heap[i] = s->memory.heap[(i - 1) / WAYS];
        i = (i - 1) / WAYS;
    }
    s->memory.heap[i] = entry;
}

static size_t least_child(const struct sim *s, size_t i)
{
    size_t first = WAYS * i + 1;
    size_t least = first;
    for (size_t child = first + 1; child < first + WAYS && child < s->heap_count; child++) {
        least = entry_before(&s->memory.heap[child], &s->memory.heap[least]) ? child : least;
    }
    return least;
}

static struct sim_entry take_first(struct sim *s)
{
    const struct sim_entry first = s->memory.heap[0];
    const struct sim_entry last = s->memory.heap[--s->heap_count];
    size_t i = 0;
    while (WAYS * i + 1 < s->heap_count) {
        size_t child = least_child(s, i);
        if (!entry_before(&s->memory.heap[child], &last)) {
            break;
        }
        s->memory.heap[i] = s->memory.heap[child];
        i = child;
    }
    s->memory.heap[i] = last;
    return first;
}

bool sim_next(struct sim *s, uint64_t end_us)
{
    if (s->heap_count == 0 || s->memory.heap[0].time_us > end_us) {
        return false;
    }
    const struct sim_entry entry = take_first(s);
    s->now_us = entry.time_us;
    s->counts.steps++;
    entry.callback(s, entry.target, entry.generation, entry.value);
    return true;
}

void sim_timer_init(struct sim_timer *timer)
{
    *timer = (struct sim_timer){.due_us = UINT64_MAX, .queued_us = UINT64_MAX};
}

/* A timer is moved with each step of its process: the entry that is there already stays, and finds
 * when it comes up that it was too early. */
void sim_timer_arm(struct sim *s, struct sim_timer *timer, uint64_t due_us, sim_callback callback,
                   int target)
{
    timer->due_us = due_us;
    if (due_us < timer->queued_us) {
        timer->generation++;
        timer->queued_us = due_us;
        uint64_t delay_us = due_us > s->now_us ? due_us - s->now_us : 0;
        sim_after(s, delay_us, callback, target, timer->generation, 0);
    }
}

bool sim_timer_rings(struct sim *s, struct sim_timer *timer, uint64_t generation,
                     sim_callback callback, int target)
{
    if (generation != timer->generation || timer->queued_us == UINT64_MAX) {
        s->counts.steps--; /* nothing has happened */
        return false;
    }
    timer->queued_us = UINT64_MAX;
    if (timer->due_us > s->now_us) {
        s->counts.steps--;
        if (timer->due_us != UINT64_MAX) {
            sim_timer_arm(s, timer, timer->due_us, callback, target);
        }
        return false;
    }
    timer->due_us = UINT64_MAX;
    return true;
}
