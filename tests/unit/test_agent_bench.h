/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_agent_bench.h - a bench on which one agent's core runs: plays facts, keeps its actions.
 *
 * By default each action is answered at once, as a healthy PostgreSQL, disk and log would; a test
 * switches an answer off to give it late, or another one.
 */
#ifndef PGBATON_TEST_AGENT_BENCH_H
#define PGBATON_TEST_AGENT_BENCH_H

#include "test_agent_log.h"

/* ---- facts ---- */

static inline void bench_guard(struct bench *b, enum guard_state guard, uint32_t killed)
{
    struct fact fact = {.kind = FACT_GUARD, .guard = guard, .killed_count = killed};
    bench_play(b, &fact);
}

static inline void bench_link(struct bench *b, bool up)
{
    struct fact fact = {.kind = FACT_LINK, .link_up = up, .caught_up = up};
    bench_play(b, &fact);
}

static inline void bench_inspected(struct bench *b, enum data_verdict verdict)
{
    struct fact fact = {.kind = FACT_INSPECTED, .inspection = b->inspection};
    fact.inspection.verdict = verdict;
    if (verdict == DATA_EMPTY) {
        memset(&fact.inspection, 0, sizeof fact.inspection);
        fact.inspection.verdict = verdict;
    }
    bench_play(b, &fact);
}

static inline void bench_probed(struct bench *b, enum probe_class class)
{
    struct fact fact = {.kind = FACT_PROBED, .probe = b->probe};
    fact.probe.class = class;
    bench_play(b, &fact);
}

static inline void bench_task_ended(struct bench *b, enum task task, bool ok)
{
    struct fact fact = {.kind = FACT_TASK_ENDED, .task = task, .ok = ok};
    fact.position = b->promoted;
    for (uint32_t i = 1; i < b->promoted.timeline && i < HISTORY_COUNT_MAX; i++) {
        fact.history.entries[i - 1] = (struct history_entry){i, b->promoted.lsn};
        fact.history.count = i;
    }
    bench_step(b, &fact);
}

static inline void bench_fact(struct bench *b, enum fact_kind kind)
{
    struct fact fact = {.kind = kind, .ok = true};
    bench_play(b, &fact);
}

/* A task changes what the data directory and the sessions show. */
static inline void bench_finish_task(struct bench *b, enum task task)
{
    bool makes = task == TASK_INITDB || task == TASK_RESTORE || task == TASK_CLONE;
    if (b->task_ok && (makes || task == TASK_BASEBACKUP || task == TASK_REWIND)) {
        b->inspection = (struct inspection){.verdict = DATA_INTACT,
                                            .system_id = SYSTEM_ID,
                                            .clean = makes,
                                            .was_primary = makes,
                                            .position = {1, 100},
                                            .pg_version = 150004};
    }
    if (b->task_ok && task == TASK_PROMOTE) {
        b->probe.in_recovery = false;
        b->probe.position = b->promoted;
    }
    bench_task_ended(b, task, b->task_ok);
}

static inline void bench_answer(struct bench *b, const struct action *action)
{
    struct fact fact = {.kind = FACT_TICK, .ok = true};
    if (action->kind == ACTION_APPEND) {
        if (!b->drops_appends) {
            bench_store(b, &action->as.event);
        }
        return;
    }
    if (action->kind == ACTION_TASK) {
        if (action->as.task.task == TASK_PROMOTE) {
            b->promoted.timeline = action->as.task.upstream.timeline;
        }
        bench_finish_task(b, action->as.task.task);
        return;
    }
    if (action->kind == ACTION_START) {
        b->probe.in_recovery = !action->as.start.as_primary;
        fact.kind = FACT_GUARD;
        fact.guard = GUARD_RUNNING;
    } else if (action->kind == ACTION_KILL || action->kind == ACTION_STOP) {
        fact.kind = FACT_GUARD;
        fact.guard = GUARD_ABSENT;
        fact.killed_count = action->kind == ACTION_KILL ? 7 : 0;
    } else if (action->kind == ACTION_PERSIST) {
        fact.kind = FACT_PERSISTED;
    } else if (action->kind == ACTION_INSPECT) {
        fact.kind = FACT_INSPECTED;
        fact.inspection = b->inspection;
    } else if (action->kind == ACTION_PROBE) {
        fact.kind = FACT_PROBED;
        fact.probe = b->probe;
    } else {
        return;
    }
    bench_step(b, &fact);
}

/* Answers what waits, in order, until nothing does. */
static inline void bench_pump(struct bench *b)
{
    for (uint32_t i = 0; i < b->pending_count; i++) {
        struct action action = b->pending[i];
        assert_true(i < PENDING_MAX - 32);
        if (b->answers[action.kind]) {
            bench_answer(b, &action);
        }
    }
    b->pending_count = 0;
}

/* Lets time pass, waking the agent only when it asked for it, and at the end. An agent that asks
 * for a moment that has passed is woken at once, and may not ask for it twice. */
static inline void bench_wait(struct bench *b, uint64_t ms)
{
    uint64_t end_ms = b->now_ms + ms;
    while (b->now_ms < end_ms) {
        bench_fact(b, FACT_TICK);
        if (b->next_ms <= b->now_ms) {
            bench_fact(b, FACT_TICK);
            assert_true(b->next_ms > b->now_ms);
        }
        b->now_ms = b->next_ms < end_ms ? b->next_ms : end_ms;
    }
    bench_fact(b, FACT_TICK);
}

#endif
