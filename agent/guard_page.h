/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_page.h - the one page that guard, agent and commit fence share: until when a primary may
 * commit.
 *
 * The agent writes it, the guard kills by it, the fence in each PostgreSQL process refuses by it.
 * It is memory (memfd_create) that outlives the agent and, in PostgreSQL, the guard. The fence maps
 * it read-only, through a descriptor that cannot write. libc only; no lock: each field is one
 * atomic.
 *
 * The deadline moves forward only, but for 0, which takes the lease out. Set the deadline before
 * `primary`, and both before what they allow.
 */
#ifndef PGBATON_AGENT_GUARD_PAGE_H
#define PGBATON_AGENT_GUARD_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Grows with each change of the page: a fence of another build refuses to work with it. */
#define GUARD_PAGE_VERSION 1
/* Names the descriptor of the page to the postmaster; the fence takes it out of the environment. */
#define GUARD_PAGE_ENVIRONMENT "PGBATON_PAGE"

struct guard_page {
    _Atomic uint32_t version;           /* GUARD_PAGE_VERSION, set by the guard */
    _Atomic uint32_t primary;           /* 1: what runs may be a primary: it is killed at the
                                           deadline. 0: in recovery: no deadline concerns it */
    _Atomic uint64_t lease_deadline_ms; /* CLOCK_BOOTTIME; 0: no lease, no primary may commit */
    _Atomic uint64_t agent_turn_ms;     /* CLOCK_BOOTTIME, when the agent's loop turned last; 0:
                                           it has not begun */
};

/* CLOCK_BOOTTIME goes on while the machine sleeps, and no operator sets it. */
static inline uint64_t guard_page_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* True from the deadline on (I5). */
static inline bool guard_page_lease_is_over(const struct guard_page *page)
{
    return guard_page_now_ms() >= atomic_load(&page->lease_deadline_ms);
}

#endif
