/* SPDX-License-Identifier: PostgreSQL */
/*
 * restart.h - a leader's PostgreSQL that has crashed, and is restarted in place under its lease
 * (policy.h): as the renewals tell it, and as the state keeps it.
 *
 * The first effective renewal that names a restart begins it: it takes a token (I18), and the
 * cluster is not writable. The agent starts PostgreSQL only when it has read that back. The first
 * write after it ends it; or the term ends.
 */
#ifndef PGBATON_RESTART_H
#define PGBATON_RESTART_H

#include "bucket.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* In a renewal, for as long as it goes on. */
struct restart {
    uint32_t number;           /* in this term, from 1; 0: there is none, and the rest is zeros */
    enum reason reason;        /* of the crash */
    uint64_t age_ms;           /* for so long its author has known the last one, of any term */
    uint64_t detected_wall_us; /* of the crash; for people */
};

/* The last one of the present term. */
struct restarting {
    uint32_t number; /* 0: there was none in this term */
    bool going;      /* until PostgreSQL writes again */
    enum reason reason;
    uint64_t seq; /* of the renewal that began it, and its writer's counter */
    uint64_t incarnation;
    uint64_t counter;
    uint64_t detected_wall_us;
    uint64_t begun_wall_us;
    uint64_t writable_wall_us; /* when it had ended; 0: not yet */
    struct bucket tokens;      /* of all terms */
};

#endif
