/* SPDX-License-Identifier: PostgreSQL */
/*
 * restart_asked.h - the restart that an operator asked for, and this node is licensed for
 * (proto/licence.h): guards and acts for decide.c's table.
 *
 *   standby   licence ripe ─▶ fast shutdown ─▶ all dead ─▶ started as ever ─▶ answers: done
 *   leader    licence ripe ─▶ checkpoint while it serves ─▶ renewal that names the restart ─▶ read
 *             back ─▶ fast shutdown ─▶ all dead ─▶ started as a primary ─▶ first write: done
 *
 * A standby's restart ends with its first start, whatever that comes to: after it PostgreSQL is
 * started as ever. A leader restarts in place (restart.h), under its lease, and gives the term up
 * when primary_start_timeout has passed. The licence is for one, and another incarnation of this
 * agent has none: it starts what it finds stopped as ever.
 */
#ifndef PGBATON_AGENT_RESTART_ASKED_H
#define PGBATON_AGENT_RESTART_ASKED_H

#include "facts.h"

struct agent;

enum restart_stage {
    RESTART_NONE = 0,
    RESTART_WAITS,      /* for its moment; a leader: for its checkpoint, too */
    RESTART_CHECKPOINT, /* a leader's checkpoint runs */
    RESTART_READY,      /* ... has ended */
    RESTART_NAMED,      /* a renewal names it; PostgreSQL runs until that is read back */
    RESTART_DOWN,       /* PostgreSQL was told to stop; until it is back */
};

struct agent_restart_asked {
    uint64_t seq;             /* of the licence that is being used; 0: none */
    enum restart_stage stage; /* NONE: none, and the rest is zeros, but for ended_seq */
    bool leads;               /* it was the leader's */
    uint64_t term;
    uint64_t begun_ms;
    uint64_t until_ms;  /* until then its moment may come, and from RESTART_DOWN on its end */
    uint64_t ended_seq; /* the last licence whose end was reported */
};

/* After each fact: takes the licence, and tells when what it was for has ended. */
void restart_asked_learn(struct agent *a);
/* The checkpoint that has just ended was this one's. False: it was another's. */
bool restart_asked_checkpoint_ended(struct agent *a, const struct fact *fact);
/* True while PostgreSQL is down for it, or was told to go down: pause.h starts it all the same. */
bool restart_asked_is_down(const struct agent *a);
/* True while PostgreSQL runs on: what answers is not back yet. */
bool restart_asked_runs_on(const struct agent *a);

bool restart_asked_must_stop(const struct agent *a);
bool restart_asked_must_announce(const struct agent *a);
bool restart_asked_must_checkpoint(const struct agent *a);

void restart_asked_stop(struct agent *a, struct action_list *actions);
void restart_asked_announce(struct agent *a, struct action_list *actions);
void restart_asked_checkpoint(struct agent *a, struct action_list *actions);

#endif
