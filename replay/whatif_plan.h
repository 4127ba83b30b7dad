/* SPDX-License-Identifier: PostgreSQL */
/*
 * whatif_plan.h - the changes of leadership of a log, and their rehearsals: what was, and what
 * would have been.
 */
#ifndef PGBATON_REPLAY_WHATIF_PLAN_H
#define PGBATON_REPLAY_WHATIF_PLAN_H

#include "rehearsal.h"
#include "stories.h"

/* One change, in times at which the log stored its records. */
struct planned {
    struct incident incident;
    bool was_asked_for; /* by an operator: nothing to rehearse */
    bool silent;        /* it began with a silence, not with a release */
    uint64_t start_seq; /* the rehearsal begins behind this record; 0: the log does not reach there
                         */
    uint64_t renewal_us;
    struct bucket failovers;
    uint64_t failover_us;
    uint64_t ended_us;
    uint64_t granted_us;
    uint64_t writable_us; /* 0: it came to no write */
    uint32_t heard;
    struct rehearsal *rehearsal; /* NULL: none */
};

struct plan {
    const struct whatif_settings *settings;
    struct cluster_set *stories; /* what the incidents point into */
    struct planned *items;
    uint32_t count;
};

/* Reads the log, three times, and rehearses what is chosen. Returns EXIT_DONE, or EXIT_NONE after
 * having told on stderr what is wrong. */
int plan_make(const struct options *options, const struct whatif_settings *settings,
              struct plan *ret_plan);
void plan_free(struct plan *plan);
/* From when the time of both courses counts: the fault as it was noticed, or the last sign of the
 * old leader. */
uint64_t planned_base_us(const struct planned *planned);

#endif
