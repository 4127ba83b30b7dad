/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_bell.h - how the other threads wake the log's own thread.
 *
 * Whoever puts something where that thread looks rings afterwards. The thread reads the count,
 * looks everywhere, and waits for a further ring only if it found nothing: no ring is ever lost.
 */
#ifndef PGBATON_LOG_BELL_H
#define PGBATON_LOG_BELL_H

#include <pthread.h>
#include <stdint.h>

struct log_bell {
    pthread_mutex_t mutex;
    pthread_cond_t rung; /* on CLOCK_MONOTONIC */
    uint64_t ring_count;
};

void log_bell_init(struct log_bell *bell);
void log_bell_finish(struct log_bell *bell);
/* Wakes the waiting thread, now or at its next wait. Never blocks for long. */
void log_bell_ring(struct log_bell *bell);
/* Rings so far. */
uint64_t log_bell_count(struct log_bell *bell);
/* Returns when there were more rings than seen_count, or after timeout_ms. */
void log_bell_wait(struct log_bell *bell, uint64_t seen_count, uint64_t timeout_ms);

#endif
