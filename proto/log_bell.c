/* SPDX-License-Identifier: PostgreSQL */
#include "log_bell.h"

#include <errno.h>
#include <time.h>

void log_bell_init(struct log_bell *bell)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&bell->rung, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&bell->mutex, NULL);
    bell->ring_count = 0;
}

void log_bell_finish(struct log_bell *bell)
{
    (void)pthread_cond_destroy(&bell->rung);
    (void)pthread_mutex_destroy(&bell->mutex);
}

void log_bell_ring(struct log_bell *bell)
{
    (void)pthread_mutex_lock(&bell->mutex);
    bell->ring_count++;
    (void)pthread_mutex_unlock(&bell->mutex);
    (void)pthread_cond_broadcast(&bell->rung);
}

uint64_t log_bell_count(struct log_bell *bell)
{
    (void)pthread_mutex_lock(&bell->mutex);
    const uint64_t count = bell->ring_count;
    (void)pthread_mutex_unlock(&bell->mutex);
    return count;
}

static struct timespec deadline_after(uint64_t timeout_ms)
{
    struct timespec at = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(timeout_ms / 1000);
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void log_bell_wait(struct log_bell *bell, uint64_t seen_count, uint64_t timeout_ms)
{
    const struct timespec deadline = deadline_after(timeout_ms);
    int error = 0;
    (void)pthread_mutex_lock(&bell->mutex);
    while (bell->ring_count == seen_count && error != ETIMEDOUT) {
        error = pthread_cond_timedwait(&bell->rung, &bell->mutex, &deadline);
    }
    (void)pthread_mutex_unlock(&bell->mutex);
}
