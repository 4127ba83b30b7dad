/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim_plan.h - what a run is made of, as data: the size and the settings of its world, and the
 * schedule of its faults.
 *
 * A seed draws a plan (swarm testing: each seed has its own mix); a plan and its seed are one
 * history, exactly. A plan can be listed, read back and shrunk: the world draws from streams of its
 * own, so that a fault that is taken away disturbs the rest as little as possible.
 */
#ifndef PGBATON_TESTS_SIM_PLAN_H
#define PGBATON_TESTS_SIM_PLAN_H

#include "../../proto/cluster.h"

#include <stdio.h>

#define SIM_NODES_MAX 5
#define SIM_MONITORS_MAX 3
#define SIM_STRIKES_MAX 512
#define SIM_MS 1000ULL
#define SIM_S 1000000ULL

/* Which of the fences around a primary whose lease is over are there (DESIGN section 4). */
enum sim_rings {
    SIM_RINGS_ALL = 0, /* the agent demotes, the guard kills, the fence refuses */
    SIM_RINGS_GUARD,   /* what the agent kills dies late; no fence */
    SIM_RINGS_FENCE,   /* what the agent kills dies late; the guard sleeps */
    SIM_RINGS_COUNT
};

struct sim_options {
    uint64_t seed;
    uint32_t nodes;
    uint32_t monitors;
    bool fast;       /* a network without delays and clocks as far apart as they may be */
    bool rough;      /* the cluster is made in noise */
    bool clock_stop; /* machines are frozen together with their clocks: no lease helps against it */
    bool newer;      /* a decision of a newer version comes: from then on everything is frozen */
    bool losses;     /* the log loses its end, and no node what it has persisted */
    uint32_t nofailover; /* bit i: node i has that tag */
    enum sim_rings rings;
    struct config config; /* that the monitors begin with */
    uint64_t write_rate;  /* bytes of WAL a primary writes in a ms */
    uint64_t settle_us;   /* within this time after the last fault the cluster must be well */
    uint64_t fault_us;    /* nothing strikes from then on */
};

/* What a strike waits for. */
enum sim_trigger {
    SIM_TRIGGER_TIME = 0,  /* `at` µs after the cluster was made */
    SIM_TRIGGER_ENDED,     /* the at-th end of a term since then: release or revoke */
    SIM_TRIGGER_GRANTED,   /* the at-th grant */
    SIM_TRIGGER_HELD,      /* the at-th first renewal */
    SIM_TRIGGER_WRITABLE,  /* the at-th first write */
    SIM_TRIGGER_DIRECTIVE, /* the at-th directive */
    SIM_TRIGGER_STEP,      /* the at-th step of a switchover */
    SIM_TRIGGER_SYNC,      /* the at-th change of the set that commits wait for */
    SIM_TRIGGER_COUNT
};

/* A target that is known only when it is struck: who holds the lease then. */
#define SIM_LEADER (-1)

/* One fault of the schedule. */
struct sim_strike {
    enum sim_trigger trigger;
    uint64_t at;
    uint64_t delay_us;  /* from the trigger on */
    uint32_t fault;     /* sim_fault_name() */
    int32_t target;     /* a node or a monitor, as the fault wants it */
    uint64_t span_us;   /* how long it lasts, when it lasts ... */
    uint32_t ttl_share; /* ... and so many thousandths of the lease more */
    uint64_t dice;      /* what else the fault draws comes from here */
};

struct sim_plan {
    struct sim_options options;
    uint32_t count;
    struct sim_strike strikes[SIM_STRIKES_MAX];
};

/* The plan of a seed. Faults strike for about this many simulated seconds; 0: as the seed draws. */
void sim_plan_draw(struct sim_plan *plan, uint64_t seed, uint64_t seconds);
/* One line for the options, and one for each strike; sim_plan_read() understands them. */
void sim_plan_print(const struct sim_plan *plan, FILE *file);
/* The next plan of a file; false when there is none, or when the text is no plan (*ret_wrong; what
 * is wrong is told on standard error). */
bool sim_plan_read(struct sim_plan *plan, FILE *file, bool *ret_wrong);

#endif
