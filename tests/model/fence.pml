/* SPDX-License-Identifier: PostgreSQL */
/*
 * fence.pml - one commit of a leader around the end of its lease, for Spin 6.5: the rings of fencing
 * (DESIGN section 4) as they are built.
 *
 * Properties
 *   LATE   no answer leaves this node after another one has been granted the term;
 *   LIE    a client that is told "refused" or "done" is told the truth.
 *
 * Modelled
 *   - a session: looks before it writes the commit record (PRE_COMMIT), writes it, looks again
 *     (COMMIT), puts the answer into its buffer, looks once more and hands it to the kernel in one
 *     step. It may stand still for any time between any two of these: a slow disk, a busy host, a
 *     frozen machine;
 *   - the page: the deadline that agent, guard and fence share, moved forward by a renewal that was
 *     sent before and is read back;
 *   - the agent: kills ahead of the deadline; may stand still, or be dead;
 *   - the guard: kills at the deadline, late by LATE ticks when it runs; may stand still;
 *   - the will: the kernel's timer, which kills the session at the deadline + WILL ticks whether or
 *     not anything runs; a process that is killed does nothing more when it is thawed;
 *   - the other node: is granted the term WAIT ticks after the last effective renewal was sent, by
 *     the slowest of its clocks, and at once after a release.
 *
 * Time passes only when a tick is chosen, and at every moment: each step is optional.
 *
 * Which rings there are: -DAGENT, -DGUARD, -DWILL, -DFENCE. Without FENCE, agent and guard hold only if
 * they act in time: -DINTIME says that what runs is never late and never stands still.
 *
 * What each switch takes away (run shows which must fail)
 *   NOPRE      the look before the record
 *   NOPOST     the looks after it
 *   NOFLUSH    the last of them, before the answer is sent
 *   TORN       (the last look and the sending are two steps)
 *   TELL       (a look after the record refuses instead of ending the session without an answer)
 *   FROMREAD   (the deadline counts from the read-back)
 *   NOALLOW    the wait has no allowance over the lease
 *   EARLY      (release is sent before the session is dead)
 *   REACH      no mutation: fails when an answer is sent, so that the search is not vacuous
 */
#ifndef LEASE
#define LEASE 2 /* ticks */
#endif
#ifdef NOALLOW
#define WAIT LEASE
#else
#define WAIT (LEASE + 1) /* one tick of allowance: what is at most late by less than one tick is in time */
#endif
#define RENEWALS 2

#define RUNS 0 /* the session */
#define PRE 1
#define WRITTEN 2
#define POST 3
#define BUFFERED 4
#define SENDING 5
#define OVER 6

byte step = RUNS;
bool dead;             /* the session has been killed */
bool told_done, told_refused, written;
byte deadline = LEASE; /* ticks until it, in the page */
byte since = 0;        /* ticks since the last effective renewal was sent */
byte on_way = 0;       /* a renewal under way: 1 + ticks since it was sent; 0: none */
bool effective;        /* it stands in the log and is not read back */
byte renewals;
bool released, granted;
bool agent_runs = true, guard_runs = true;

#define CLOSED (deadline == 0)

inline answer()
{
  assert(!granted);
  assert(written);
#ifdef REACH
  assert(false);
#endif
  told_done = true; step = OVER
}

inline end_session() { dead = true; step = OVER }

#ifdef INTIME
#define MAYSTOP false
#else
#define MAYSTOP true
#endif

/* What runs and is in time lets no tick pass before it has acted. */
#if defined(INTIME) && defined(AGENT)
#define AGENT_DUE (agent_runs && deadline <= 1 && !dead && step != OVER)
#else
#define AGENT_DUE false
#endif
#if defined(INTIME) && defined(GUARD)
#define GUARD_DUE (guard_runs && deadline == 0 && !dead && step != OVER)
#else
#define GUARD_DUE false
#endif
#ifdef WILL
#define WILL_DUE (deadline == 0 && !dead && step != OVER)
#else
#define WILL_DUE false
#endif

active proctype world()
{
  do
  /* ---- the session ---- */
  :: atomic { !dead && step == RUNS ->
#if defined(FENCE) && !defined(NOPRE)
      if :: CLOSED -> told_refused = true; assert(!written); step = OVER :: else -> step = PRE fi
#else
      step = PRE
#endif
    }
  :: atomic { !dead && step == PRE -> written = true; step = WRITTEN }
  :: atomic { !dead && step == WRITTEN ->
#if defined(FENCE) && !defined(NOPOST)
#ifdef TELL
      if :: CLOSED -> told_refused = true; assert(!written); step = OVER :: else -> step = POST fi
#else
      if :: CLOSED -> end_session() :: else -> step = POST fi
#endif
#else
      step = POST
#endif
    }
  :: atomic { !dead && step == POST -> step = BUFFERED }
  :: atomic { !dead && step == BUFFERED ->
#if defined(FENCE) && !defined(NOPOST) && !defined(NOFLUSH)
#ifdef TORN
      if :: CLOSED -> end_session() :: else -> step = SENDING fi
#else
      if :: CLOSED -> end_session() :: else -> answer() fi
#endif
#else
      answer()
#endif
    }
  :: atomic { !dead && step == SENDING -> answer() }

  /* ---- renewals: sent, effective in the log, read back ---- */
  :: atomic { agent_runs && on_way == 0 && renewals < RENEWALS && !released && deadline > 0 ->
      on_way = 1; renewals++ }
  :: atomic { on_way > 0 && !effective && !released && !granted -> effective = true; since = on_way - 1 }
  :: atomic { on_way > 0 && !effective -> on_way = 0 } /* lost */
  :: atomic { agent_runs && effective ->
      if
#ifdef FROMREAD
      :: deadline > 0 -> deadline = LEASE
#else
      :: deadline > 0 && on_way - 1 < LEASE && LEASE - (on_way - 1) > deadline -> deadline = LEASE - (on_way - 1)
#endif
      :: else
      fi;
      on_way = 0; effective = false }

  /* ---- who kills ---- */
#ifdef AGENT
  :: atomic { agent_runs && deadline <= 1 && !dead -> end_session() }
#endif
#ifdef GUARD
  :: atomic { guard_runs && CLOSED && !dead -> end_session() }
#endif
#ifdef WILL
  :: atomic { CLOSED && !dead -> end_session() }
#endif
  :: atomic { MAYSTOP && agent_runs -> agent_runs = false }
  :: atomic { MAYSTOP && !agent_runs -> agent_runs = true }
  :: atomic { MAYSTOP && guard_runs -> guard_runs = false }
  :: atomic { MAYSTOP && !guard_runs -> guard_runs = true }

  /* ---- the term is given up, and given to another ---- */
#ifdef EARLY
  :: atomic { agent_runs && !released -> released = true; granted = true }
#else
  :: atomic { agent_runs && !released && dead -> deadline = 0; released = true; granted = true }
#endif
  :: atomic { !granted && since >= WAIT -> granted = true }

  /* ---- time ---- */
  :: atomic { !AGENT_DUE && !GUARD_DUE && !WILL_DUE && (since < WAIT || granted) ->
      if :: deadline > 0 -> deadline-- :: else fi;
      if :: since < WAIT -> since++ :: else fi;
      if :: on_way > 0 && on_way <= LEASE + 1 -> on_way++ :: else fi }
  od
}
