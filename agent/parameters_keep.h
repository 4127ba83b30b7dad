/* SPDX-License-Identifier: PostgreSQL */
/*
 * parameters_keep.h - the node's PostgreSQL gets the parameters that the log sets for all nodes
 * (parameters.h), and the leader's says whether it would take those that are asked for.
 *
 * ACTION_PARAMETERS tells the shell the set; whatever is written into PostgreSQL's files from then
 * on has it: for a start, for a change of whom it follows, or, where nothing else is due, by
 * ACTION_RELOAD. That the running PostgreSQL has read them its probe shows
 * (settings_note.parameters_seq); until it does they are written again now and then.
 *
 * A standby never gets less of what it needs than its pg_control demands (pg_needs.h): that changes
 * with what its leader has, and with its own promotion, so the files are then written again, too.
 */
#ifndef PGBATON_AGENT_PARAMETERS_KEEP_H
#define PGBATON_AGENT_PARAMETERS_KEEP_H

#include "facts.h"

struct agent;

struct agent_parameters {
    bool told;           /* the shell has been told a set in this agent's life: that of told_seq */
    uint64_t told_seq;   /* 0: the empty one */
    bool due;            /* PostgreSQL's files are to be written, and read by it */
    uint64_t written_ms; /* when they were ordered to be, last, like the next two */
    bool as_primary;
    struct pg_needs needs;  /* of pg_control */
    struct pg_needs missed; /* for which PostgreSQL was started anew last; once is enough */
    uint64_t check_seq;     /* the request that was checked last, or is being */
};

/* Before anything is started: the shell knows the set that the log says. */
void parameters_tell(struct agent *a, struct action_list *actions);
/* An action of this step writes the files in any case. */
void parameters_note_written(struct agent *a, bool as_primary);
/* After everything else: what is due and was not written by the way is written. */
void parameters_write(struct agent *a, struct action_list *actions);
/* A standby runs with less than its primary, and so replays nothing any more, nor could it be
 * promoted: it is started anew, with what pg_control demands. */
bool parameters_must_restart(const struct agent *a);
void parameters_restart(struct agent *a, struct action_list *actions);
/* The leader lets its PostgreSQL check what is asked for. */
void parameters_check(struct agent *a, struct action_list *actions);
/* The answer to ACTION_CHECK: a done or failed event of TASK_CONFIG. */
void parameters_learn(struct agent *a, const struct fact *fact);
/* An order is effective: perhaps PostgreSQL is to read its files again. */
void parameters_learn_order(struct agent *a, const struct event *e, struct action_list *actions);

#endif
