/* SPDX-License-Identifier: PostgreSQL */
/*
 * phases.h - how long each phase of a change of leadership took, and what was at risk: what the
 * timeline and the report say alike.
 */
#ifndef PGBATON_REPLAY_PHASES_H
#define PGBATON_REPLAY_PHASES_H

#include "episode.h"

struct phase_time {
    const char *name;  /* in JSON */
    const char *label; /* for people */
    uint64_t wall_us;  /* 0: unknown */
};

#define PHASE_TIME_COUNT 7

/* The moment from which the phases count: the fault's, or for the first term the grant's. */
uint64_t phases_start_us(const struct change *change);
void phases_list(const struct change *change, struct phase_time ret_list[PHASE_TIME_COUNT]);
/* Writers' clocks differ: what seems to be before the start counts as 0. */
uint64_t phases_ms_since(uint64_t start_us, uint64_t wall_us);
/* "nothing that was acknowledged"; empty for the first term. leader_time is change.leader_wall_us
 * as people are to read it. */
void phases_risk(const struct episode *episode, const char *leader_time, char *buffer, size_t size);

#endif
