/* SPDX-License-Identifier: PostgreSQL */
/*
 * restart.h - a leader whose PostgreSQL has crashed, and which starts it again in place, under its
 * lease (proto/restart.h, proto/policy.h).
 *
 *   postmaster died ─▶ every process killed ─▶ data looked at ─▶ renewal that names the restart
 *       ─▶ read back ─▶ started as a primary ─▶ answers ─▶ first write
 *
 * Until it answers it has primary_start_timeout; a start that fails is tried again in that time.
 * Then, or when its data is not whole, the term is given up as after any other crash (I7). Nothing
 * of it begins without a lease that runs, and the guard's deadline stands over it all along (I15).
 */
#ifndef PGBATON_AGENT_RESTART_H
#define PGBATON_AGENT_RESTART_H

#include "facts.h"

struct agent;

/* A crash, or a restart that was asked for (restart_asked.h), that does not end the term. */
struct agent_restart {
    uint64_t term;             /* in which PostgreSQL is being restarted in place; 0: it is not */
    uint32_t number;           /* as the renewals name it */
    bool asked;                /* an operator asked for it: PostgreSQL runs until the log has it */
    uint64_t until_ms;         /* UINT64_MAX: PostgreSQL runs still */
    uint64_t detected_wall_us; /* of the crash */
    uint64_t failed_term;      /* the term in which one took too long */
    uint64_t seen_seq;  /* the last one in the log that took a token, of whatever term, ... */
    uint64_t seen_ms;   /* ... and since when it is known here */
    uint64_t begun_seq; /* the last one of the term in the log */
};

/* True when this node leads, and a crash of its PostgreSQL now should not end its term. */
bool restart_is_preferred(const struct agent *a);
/* True while it goes on. */
bool restart_goes_on(const struct agent *a);
/* True when the log has it, and PostgreSQL may be started. */
bool restart_is_recorded(const struct agent *a);
bool restart_must_begin(const struct agent *a);
void restart_begin(struct agent *a, struct action_list *actions);
/* An operator asks for it: the renewal that tells so goes out at once. */
void restart_announce(struct agent *a);
/* The postmaster has died, and its term is not given up for that. */
void restart_note_crash(struct agent *a, uint64_t wall_us);
/* A record was folded. */
void restart_learn(struct agent *a);
/* PostgreSQL answers as a primary. */
void restart_end(struct agent *a);
bool restart_is_late(const struct agent *a);
void restart_give_up(struct agent *a);
/* What a renewal says of it; zeros when it does not go on. */
struct restart restart_tell(const struct agent *a);

#endif
