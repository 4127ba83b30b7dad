/* SPDX-License-Identifier: PostgreSQL */
/*
 * watch.h - when things were received, on the monitor's own clock: from the fold's course to
 * evidence.
 *
 * Used by step.c only. Pure: the time is an argument. What is read from history was received when
 * it is read, which makes every silence look shorter than it was and never longer; and it makes no
 * node alive.
 */
#ifndef PGBATON_MONITOR_WATCH_H
#define PGBATON_MONITOR_WATCH_H

#include "step.h"

/* What of a state tells, against the state after it, that an event moved something. */
struct watch_before {
    uint64_t phase_seq;
    uint64_t renewal_seq;
    uint64_t moved_seq;
    uint32_t node_count;
    bool begun; /* something was folded */
};

/* A record that was folded, and when. */
struct watch_arrival {
    const struct event *event;
    struct outcome outcome;
    uint64_t now_ms;
    bool caught_up; /* false: it is history */
};

struct watch_before watch_before(const struct cluster *c);
/* Notes what a folded record tells: phase, renewal, failed tasks, what counts against a limit, and
 * who is heard. */
void watch_observe(struct watch *w, const struct watch_before *before, const struct cluster *after,
                   const struct watch_arrival *arrival);
/* Notes a live position (an encoded probe event on its writer's live subject). False when it is not
 * one of a known node's present incarnation; nothing is noted then. */
bool watch_live(struct watch *w, const struct cluster *c, const char *subject,
                const struct event *live, uint64_t now_ms);
/* Bit i: node i was heard within the failure threshold. */
uint32_t watch_alive_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms);
/* Bit i: by what the leader and node i showed last, within one probe_period and a half, and once
 * a switchover has begun only since it moved last, node i streams, and lacks and has to replay
 * SWITCHOVER_LAG_BYTES at most. What it lacks is what the leader itself sees: two looks at
 * different moments would not compare. The leader's own bit: all that stream from it lack as
 * little, and are heard. */
uint32_t watch_caught_up_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms);
/* Bit i: node i's last copy failed, and its pause has not passed: REBUILD_BACKOFF_MS, doubled with
 * each failure in a row up to REBUILD_BACKOFF_MS_MAX. */
uint32_t watch_backoff_mask(const struct watch *w, const struct cluster *c, uint64_t now_ms);
/* Looks who streams now; what has changed has changed now, and so has all that history tells: else
 * a renewal that is read late would look as if its leader had lived on without its standbys. */
void watch_streaming(struct watch *w, const struct cluster *c, bool caught_up, uint64_t now_ms);
/* When one of the masks changes by the passing of time (absolute, above now_ms); UINT64_MAX: never.
 */
uint64_t watch_next_ms(const struct watch *w, const struct cluster *c, uint64_t now_ms);

/* now - then; 0 when then is 0 (never) or not in the past. */
uint64_t watch_age_ms(uint64_t now_ms, uint64_t then_ms);

#endif
