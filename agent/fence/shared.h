/* SPDX-License-Identifier: PostgreSQL */
/* shared.h - what the library's processes share: one piece of PostgreSQL's shared memory, made anew
 * with each life of it. Include after postgres.h. */
#ifndef PGBATON_FENCE_SHARED_H
#define PGBATON_FENCE_SHARED_H

#include "port/atomics.h"

struct fence_shared {
    pg_atomic_uint32 seal_seen; /* the term whose seal the startup process has read; 0: none */
    pg_atomic_uint32 gate_open; /* 0 or 1 */
    pg_atomic_uint64
            gate_end; /* the position that the standbys must have; 0: nobody has come yet */
};

/* NULL until it is there: in the postmaster's first steps, and where there is no postmaster. */
extern struct fence_shared *fence_shared;

/* Asks for it, and has it made. */
void shared_install(void);

#endif
