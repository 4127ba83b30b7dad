/* SPDX-License-Identifier: PostgreSQL */
/*
 * rehearsal.h - one change of leadership, decided again on the same observations with other
 * settings.
 *
 * It begins with the state before the fault, changed by the settings, and is given what agents and
 * operators wrote from then on, each at the time at which the log stored it. The monitors' own
 * decisions of that time are left out: the fold and decide() take them again. It ends with the
 * grant. What the log holds from the real grant on belongs to another course of things: then nodes
 * that were heard and have not reported are taken to stand where they stood, and only time passes.
 *
 *   begin ──▶ feed each record up to the real grant ──▶ conclude
 *
 * What no log can say: what agents would have done under other settings (when a fault is noticed,
 * whether a leader that was cut off would have come back in time), and what clients would have
 * written. rehearsal.end and its neighbours say which of these matter.
 */
#ifndef PGBATON_REPLAY_REHEARSAL_H
#define PGBATON_REPLAY_REHEARSAL_H

#include "../proto/fold.h"
#include "whatif_settings.h"

enum rehearsal_end {
    REHEARSAL_OPEN = 0,
    REHEARSAL_GRANT,   /* decision is the grant */
    REHEARSAL_NOBODY,  /* decision says why nobody is granted the term */
    REHEARSAL_WAITS,   /* nothing is decided, however long it takes */
    REHEARSAL_KEPT,    /* the old leader was heard again before its lease was over */
    REHEARSAL_RESTART, /* its agent restarts PostgreSQL in place */
    REHEARSAL_END_COUNT
};

/* What is known of the moment at which it begins. */
struct rehearsal_start {
    uint64_t now_us;     /* of the last record that was folded, as stored, like all below */
    uint64_t renewal_us; /* of the last effective renewal; 0: unknown */
    struct bucket
            failovers;    /* what earlier failovers have left of failover_limit, by the settings */
    uint64_t failover_us; /* of the last grant that counts against failover_limit; 0: none */
    bool silent;          /* it really began with a silence: the old leader was not heard */
    uint64_t ended_seq;   /* the release or revoke with which it really began */
    uint32_t heard;       /* bit i: the real election heard node i */
};

struct rehearsal {
    const struct whatif_settings *settings;
    struct rehearsal_start start;
    struct cluster c;
    uint64_t now_us;
    uint64_t phase_us;   /* when its present phase began */
    uint64_t verdict_us; /* of its last no_candidate; 0: none */
    uint64_t counter;
    bool had_restarted;   /* by the settings of then a crash is answered in place: it was not */
    int64_t shift_us;     /* so much later than really its term ended */
    bool past_fault;      /* the real end of the term has been met */
    int32_t leader;       /* the old one */
    uint32_t assumed;     /* bit i: node i's report is not in the log */
    uint64_t over_us;     /* when its term ended; 0: not yet */
    uint64_t decision_us; /* of the decision below */
    enum rehearsal_end end;
    struct event decision;
};

/* Fails when the settings do not fit this cluster. */
MUST_USE enum result rehearsal_begin(struct rehearsal *r, const struct cluster *before,
                                     const struct whatif_settings *settings,
                                     const struct rehearsal_start *start,
                                     struct failure *reterr_failure);
/* The next record of the cluster, whatever it is. */
void rehearsal_feed(struct rehearsal *r, const struct event *e, uint64_t stored_us);
/* A record behind the real grant: it still tells whether the old leader was there. */
void rehearsal_hear(struct rehearsal *r, const struct event *e, uint64_t stored_us);
/* Nothing more is known. */
void rehearsal_conclude(struct rehearsal *r);

#endif
