/* SPDX-License-Identifier: PostgreSQL */
/*
 * request.h - what operators ask for, and how a monitor carries it out: two bodies of struct event.
 *
 * A request is no decision: it says what somebody wants, and the fold keeps it until it is carried
 * out, given up, or overtaken (pending.h, switchover.h).
 */
#ifndef PGBATON_REQUEST_H
#define PGBATON_REQUEST_H

#include "parameters.h"
#include "vocabulary.h"

/* What an operator asks for. */
struct request {
    enum request_kind kind;
    uint64_t term;        /* it is asked for this term, and lapses when that ends otherwise */
    uint64_t seen_seq;    /* its author had folded up to here: no request may have ended since */
    char node[NAME_SIZE]; /* who is to lead; empty: any standby (REQUEST_SWITCHOVER only). Or who is
                             to be rebuilt */
    bool accept_loss;     /* REQUEST_FAILOVER: the node may lack what others have, or had */
    enum task task;       /* REQUEST_REBUILD: how; TASK_NONE: as the monitor sees fit */
    uint64_t at_us;       /* REQUEST_SWITCHOVER: when, by the monitors' wall clocks; 0: now */
    uint64_t cancels_seq; /* REQUEST_CANCEL: the request that is taken back */
    bool leader_stopped;  /* REQUEST_RESUME: its author vouches that the leader's PostgreSQL is
                             stopped, and will not run on under its old lease */
    struct parameter_change change; /* REQUEST_CONFIG */
    bool unchecked; /* REQUEST_CONFIG: the leader's PostgreSQL is not asked whether it takes it */
};

/* The one decision that carries out, or declines, a request of any other kind (order.h). */
struct order {
    enum request_kind kind;
    uint64_t request_seq;
    char node[NAME_SIZE]; /* the request's */
    enum reason reason;   /* NONE: it is carried out; else why not */
};

struct switchover_step {
    enum switch_step step;
    uint64_t request_seq; /* of the request that it carries out */
    uint64_t term;
    char node[NAME_SIZE]; /* the target; empty in an abort when none was chosen */
    enum reason reason;   /* abort only */
    enum verdict verdict; /* abort with REASON_TARGET_UNFIT: of the target */
};

#endif
