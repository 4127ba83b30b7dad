/* SPDX-License-Identifier: PostgreSQL */
/*
 * stall.h - tells whether a tool, and what it has started, still does anything.
 *
 * A percentage says too little: one per cent of a large base backup takes minutes, and checkpoints,
 * recovery and syncing show none. So the kernel's counters are compared: what the processes of the
 * caller's group have read and written, and how often the tool itself has slept and woken. (Not
 * those of its children: pg_basebackup's WAL receiver wakes by the clock.)
 *
 * Called by the child that runs the tool in its own group; reads /proc only.
 */
#ifndef PGBATON_AGENT_STALL_H
#define PGBATON_AGENT_STALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Zeroed: nothing was seen yet. */
struct stall {
    uint64_t seen;     /* the counters, summed */
    uint64_t since_ms; /* CLOCK_BOOTTIME when they last changed; 0: never looked */
};

/* Looks; true when nothing has changed for limit_ms. */
bool stall_look(struct stall *stall, pid_t tool, uint32_t limit_ms);

#endif
