/* SPDX-License-Identifier: PostgreSQL */
/*
 * pending.h - the operator's request that a cluster has not carried out yet, as a part of its
 * state.
 *
 * At most one. fold_request.c changes it; switchover.h says what comes next.
 *
 *           request, due       begin, of the leader that serves         stop
 *   nothing ─────────▶ asked ───────────────────────────────▶ begun ─────────▶ stopping
 *      ▲                 │ abort                        abort  │   abort or      │ release, clean
 *      ├─────────────────┴─────────────────────────────────────┴──────◀──────────┤
 *      └──────────────────────────── grant, abort ◀─────────────────────────── released
 *
 * A release that is not clean, or that nobody asked for, and a revoke, end a switchover, too. A
 * failover is asked for while nobody leads, and ends with the next grant, or is given up.
 */
#ifndef PGBATON_PENDING_H
#define PGBATON_PENDING_H

#include "event.h"

/* What became of the checkpoint that a switchover begins with. */
enum checkpoint_state {
    CHECKPOINT_AWAITED = 0,
    CHECKPOINT_DONE,
    CHECKPOINT_FAILED,
    CHECKPOINT_STATE_COUNT
};

struct pending {
    uint64_t request_seq; /* 0: nothing is asked for, and the rest is zeros */
    enum request_kind kind;
    bool accept_loss;
    char writer[NAME_SIZE]; /* who asked */
    uint64_t wall_us;       /* his clock; for people */
    uint64_t at_us;         /* it is scheduled for then; 0: for now */
    char node[NAME_SIZE];   /* who is to lead; empty until one is chosen */
    enum switch_step step;  /* NONE, DUE, BEGIN or STOP */
    uint64_t step_seq;      /* the decision that it began with */
    enum checkpoint_state checkpoint;
    struct position end; /* all that the old leader wrote, once it has released; zeros before */
    uint64_t moved_seq;  /* the event that moved it last */
};

/* What the leader's PostgreSQL says of the parameters that are asked for. */
enum check_state { CHECK_AWAITED = 0, CHECK_PASSED, CHECK_FAILED, CHECK_STATE_COUNT };

/* A request that one decision ends (order.h), until that is in. */
struct asked {
    uint64_t request_seq; /* 0: nothing is asked for, and the rest is zeros */
    enum request_kind kind;
    char writer[NAME_SIZE]; /* who asked */
    uint64_t wall_us;       /* his clock; for people */
    uint64_t term;          /* for which he asked */
    char node[NAME_SIZE];   /* empty: the cluster */
    bool leader_stopped;    /* REQUEST_RESUME */
    bool unchecked;         /* REQUEST_CONFIG, like the rest */
    enum check_state check;
    struct parameter_change change;
};

/* A restart that is ordered and has not ended (licence.h). */
struct licence {
    uint64_t seq;           /* the order; 0: there is none, and the rest is zeros */
    int32_t node;           /* whose PostgreSQL is restarted, by index */
    uint64_t wall_us;       /* for people */
    char writer[NAME_SIZE]; /* who asked for it */
};

/* Since when nothing happens by itself (pause.h). */
struct pause {
    uint64_t seq;           /* the order; 0: the cluster is not paused */
    uint64_t wall_us;       /* for people */
    char writer[NAME_SIZE]; /* who asked for it */
};

/* How the last one ended. */
struct closed {
    uint64_t seq; /* the event that it ended with; 0: there was none */
    uint64_t wall_us;
    uint64_t request_seq;
    enum request_kind kind;
    char node[NAME_SIZE];
    enum reason reason;   /* REASON_NONE: it was carried out */
    enum verdict verdict; /* of the node, with REASON_TARGET_UNFIT */
};

#endif
