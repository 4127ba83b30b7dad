/* SPDX-License-Identifier: PostgreSQL */
/*
 * lease.pml - the lease as it is built (DESIGN sections 3 and 4), for Spin 6.5.
 *
 * Property: never two leases run at once. A node may commit as a primary for the whole of its lease,
 * so that is the single writer (I1), for any PostgreSQL beneath it.
 *
 * Modelled
 *   - the log: effective events only, in one order. A void event changes no reader's state, so it
 *     equals a lost one. Checked as it is appended, as every reader's fold does;
 *   - readers: two agents and NM monitors. Each folds at its own pace, from the beginning again after
 *     a restart;
 *   - lock events on their way: two per node, delayed without bound, reordered, lost, outliving the
 *     agent that sent them;
 *   - the agent: sends renew and release; its lease counts from the send and starts when it reads
 *     that very renewal back; before a release is sent PostgreSQL is dead, the lease is out of the
 *     guard's page and the term is persisted as given up;
 *   - the guard: the lease is in its page, ends by the clock, and outlives the agent;
 *   - the monitor: revokes after a silence, naming the last renewal that it received; grants after a
 *     release at once, after a revoke when it received the last renewal long enough ago;
 *   - restarts of agents and monitors, reboots of nodes, and pauses of anything at any point: every
 *     step is optional, and time passes regardless.
 *
 * Clocks at their worst: a lease of lease_ttl lasts LEASE ticks of true time on the slowest clock, a
 * wait of lease_ttl + allowance lasts WAIT ticks on the fastest. The allowance is there so that
 * WAIT >= LEASE; -DWAIT=1 is a wait without it.
 *
 * Left out: refuse (the release of a grant that was never renewed), decisions under way (one that
 * lands late carries an older wait and is compared as it lands), hello (it voids more than ORDER does).
 *
 * What each switch takes away (run shows which must fail)
 *   NOORDER    a lock event not above its writer's last effective one is void
 *   NOPERSIST  a term given up stays given up after a restart
 *   NOSINCE    a revoke, and a grant after it, is void when a renewal stands that its author had not
 *              received
 *   NOWAIT     a grant after a revoke waits since the last effective renewal
 *   NOCHAIN    a decision is void unless it follows the last effective one
 *   NOCHECK    the fold checks term and phase of a decision
 *   NOVOID     renewals after a revoke are void
 *   ACK        (the lease starts with the server's acknowledgement)
 *   FROMREAD   (the lease counts from the read-back instead of the send)
 *   FROMGRANT  (reading one's own grant starts the lease)
 *   ANYBACK    (an earlier incarnation's renewal, read back, starts a lease)
 *   EARLY      (release is sent while the lease is still in the page)
 *   REACH=n    no mutation: fails when a lease of term n starts, so the search is not vacuous
 */
#ifndef LEASE
#define LEASE 2
#endif
#ifndef WAIT
#define WAIT LEASE
#endif
#ifndef MAXLOG
#define MAXLOG 6
#endif
#ifndef NM
#define NM 1
#endif

#define RENEW    1 /* kinds of event */
#define RELEASE  2
#define REVOKE   3 /* from here on: decisions */
#define GRANT    4

#define NONE     0 /* phases of the fold */
#define GRANTED  1
#define HELD     2
#define REVOKED  3
#define RELEASED 4

#ifdef ANYBACK
#define OLD      7 /* instead of the send time of an earlier incarnation's renewal */
#else
#define OLD      0
#endif

/* The log: kind + 8 * writer or grantee; and how many ticks of lease a renewal still gives its writer. */
byte rec[MAXLOG], gives[MAXLOG];
#define KIND(p) (rec[p] & 7)
#define WHO(p)  (rec[p] >> 3)

/* Readers: agents 0 and 1, monitors, and the head, which has always folded everything. */
#define MON(m)  (2 + m)
#define HEAD    (2 + NM)
#define READERS (3 + NM)
byte pos[READERS], term[READERS], holder[READERS], phase[READERS];
byte decided[READERS];  /* decisions folded: the predecessor */
byte renewed[READERS];  /* renewals of the term folded: the last one received */
#define LEN     pos[HEAD]
#define ROOM    (LEN < MAXLOG)
#define OPEN(r) (phase[r] == GRANTED || phase[r] == HELD)

byte lease[2];               /* in the guard's page: ticks left */
byte given_up[2];            /* the highest term given up */
byte sent[4], sent_gives[4]; /* on their way: kind, ticks; two per node, the older first */
byte wait[NM];               /* ticks until the last renewal received is WAIT old */
byte i0, i1;                 /* within one step only */

inline fold(r)
{
  if
  :: KIND(pos[r]) == RENEW ->
       renewed[r]++; if :: OPEN(r) -> phase[r] = HELD :: else fi
  :: KIND(pos[r]) == RELEASE -> phase[r] = RELEASED
  :: KIND(pos[r]) == REVOKE -> phase[r] = REVOKED; decided[r]++
  :: KIND(pos[r]) == GRANT ->
       phase[r] = GRANTED; decided[r]++; renewed[r] = 0; term[r]++; holder[r] = WHO(pos[r])
  fi;
  pos[r]++
}

inline append(kind, who)
{
  rec[LEN] = kind + 8*(who);
  fold(HEAD);
  /* What is on its way and names this term, or an older one, is void for ever. */
  if
  :: kind == GRANT || kind == RELEASE -> i0 = 0; do :: i0 < 4 -> drop(i0); i0++ :: else -> break od
  :: else
  fi;
  i0 = 0
}

/* ---- what an agent takes for its lease ---- */
#define LEADS(i) (holder[i] == i && OPEN(i) && given_up[i] < term[i])
#ifdef REACH
#define REACHED(i) assert(term[i] < REACH)
#else
#define REACHED(i) skip
#endif
#ifdef FROMREAD
#define TICKS(y) LEASE
#else
#define TICKS(y) y
#endif
#ifdef ANYBACK
#define COUNTS(y) (y > 0)
#define WORTH(y) (y == OLD -> LEASE : TICKS(y))
#else
#define COUNTS(y) (y > 0 && y != OLD)
#define WORTH(y) TICKS(y)
#endif
inline begin(i, y)
{
  if
  :: COUNTS(y) && WORTH(y) > lease[i] -> lease[i] = WORTH(y); REACHED(i);
       assert(lease[0] == 0 || lease[1] == 0)
  :: else
  fi
}

/* ---- lock events on their way ---- */
inline drop(at) { sent[at] = 0; sent_gives[at] = 0 }
inline advance(i, j) /* event j is gone; a newer one moves up */
{
  if :: j == 0 -> sent[2*i] = sent[2*i+1]; sent_gives[2*i] = sent_gives[2*i+1] :: else fi;
  drop(2*i+1)
}
inline post(i, kind, ticks)
{
  if
  :: sent[2*i] == 0 -> sent[2*i] = kind; sent_gives[2*i] = ticks
  :: else -> sent[2*i+1] = kind; sent_gives[2*i+1] = ticks
  fi
}
#ifdef NOVOID
#define RENEWABLE(r) (OPEN(r) || phase[r] == REVOKED)
#else
#define RENEWABLE(r) OPEN(r)
#endif
inline land(i, j)
{
#ifdef ACK
  if :: sent[2*i+j] == RENEW && LEADS(i) -> begin(i, sent_gives[2*i+j]) :: else fi;
#endif
  if
  :: sent[2*i+j] == RENEW && holder[HEAD] == i && RENEWABLE(HEAD) ->
       gives[LEN] = sent_gives[2*i+j];
       append(RENEW, i);
#ifdef NOORDER
       advance(i, j)
#else
       advance(i, j); if :: j == 1 -> advance(i, 0) :: else fi
#endif
  :: sent[2*i+j] == RELEASE && holder[HEAD] == i && phase[HEAD] != RELEASED -> append(RELEASE, i)
  :: else -> advance(i, j)
  fi
}

/* ---- agents ---- */
inline read_back(i)
{
  i0 = pos[i];
  fold(i);
  if
  :: KIND(i0) == RENEW && WHO(i0) == i ->
       if :: given_up[i] < term[i] -> begin(i, gives[i0]) :: else fi;
       gives[i0] = 0
  :: else
  fi;
#ifdef FROMGRANT
  if :: KIND(i0) == GRANT && WHO(i0) == i -> begin(i, LEASE) :: else fi;
#endif
  i0 = 0
}
inline give_up(i)
{
#ifndef EARLY
  lease[i] = 0;
#endif
  given_up[i] = term[i];
  post(i, RELEASE, 0)
}
inline rewind(r) { pos[r] = 0; term[r] = 0; holder[r] = 0; phase[r] = NONE; decided[r] = 0; renewed[r] = 0 }
inline age(y) { if :: y > 0 && y != OLD -> y-- :: else fi }
inline forget(i) /* a new incarnation remembers no send time */
{
  i0 = 0;
  do
  :: i0 < LEN -> if :: KIND(i0) == RENEW && WHO(i0) == i -> gives[i0] = OLD :: else fi; i0++
  :: else -> break
  od;
  if :: sent[2*i] == RENEW -> sent_gives[2*i] = OLD :: else fi;
  if :: sent[2*i+1] == RENEW -> sent_gives[2*i+1] = OLD :: else fi;
#ifdef NOPERSIST
  given_up[i] = 0;
#endif
  i0 = 0
}
#define AGENT(i) \
 :: d_step { pos[i] < LEN -> printf("agent %d reads event %d\n", i, pos[i]); read_back(i) } \
 :: d_step { ROOM && LEADS(i) && sent[2*i+1] == 0 && term[i] == term[HEAD] && RENEWABLE(HEAD) -> \
      printf("agent %d sends renew\n", i); post(i, RENEW, LEASE) } \
 :: d_step { ROOM && LEADS(i) && sent[2*i+1] == 0 && term[i] == term[HEAD] -> \
      printf("agent %d kills PostgreSQL and sends release\n", i); give_up(i) } \
 :: d_step { ROOM && pos[i] > 0 -> printf("agent %d restarts\n", i); rewind(i); forget(i) } \
 :: d_step { ROOM && pos[i] > 0 && lease[i] > 0 -> \
      printf("node %d reboots\n", i); lease[i] = 0; rewind(i); forget(i) }
#define EVENT(i, j) \
 :: d_step { sent[2*i+j] != 0 && ROOM -> \
      printf("event %d of agent %d (1 renew, 2 release: %d) lands\n", j, i, sent[2*i+j]); land(i, j) } \
 :: d_step { sent[2*i+j] != 0 -> printf("event %d of agent %d is lost\n", j, i); advance(i, j) }

/* ---- monitors: a decision that would be void is not sent ---- */
#ifdef NOCHAIN
#define FOLLOWS(m) true
#else
#define FOLLOWS(m) (decided[MON(m)] == decided[HEAD])
#endif
#ifdef NOCHECK
#define MAYREVOKE(m) true
#define MAYGRANT(m) true
#else
#define MAYREVOKE(m) (term[MON(m)] == term[HEAD] && OPEN(HEAD))
#define MAYGRANT(m) (term[MON(m)] == term[HEAD] && !OPEN(HEAD))
#endif
#ifdef NOSINCE
#define RECEIVED(m) true
#else
#define RECEIVED(m) (renewed[MON(m)] == renewed[HEAD])
#endif
#ifdef NOWAIT
#define WAITED(m) true
#else
#define WAITED(m) (wait[m] == 0)
#endif
inline receive(m)
{
  i0 = KIND(pos[MON(m)]);
  fold(MON(m));
  if
  :: i0 == RENEW -> wait[m] = WAIT
  :: i0 == GRANT || i0 == RELEASE -> wait[m] = 0
  :: else
  fi;
  i0 = 0
}
#define ENDED(m) (phase[MON(m)] == NONE || phase[MON(m)] == RELEASED || \
  (phase[MON(m)] == REVOKED && WAITED(m) && RECEIVED(m)))
/* by symmetry the first term goes to node 0 */
#define GRANTS(m, j) \
 :: d_step { ROOM && FOLLOWS(m) && MAYGRANT(m) && ENDED(m) && (j == 0 || term[MON(m)] > 0) -> \
      printf("monitor %d grants term %d to node %d\n", m, term[MON(m)] + 1, j); append(GRANT, j) }
#define MONITOR(m) \
 :: d_step { pos[MON(m)] < LEN -> printf("monitor %d reads event %d\n", m, pos[MON(m)]); receive(m) } \
 :: d_step { ROOM && FOLLOWS(m) && MAYREVOKE(m) && OPEN(MON(m)) && wait[m] == 0 && RECEIVED(m) -> \
      printf("monitor %d revokes term %d\n", m, term[MON(m)]); append(REVOKE, 0) } \
 GRANTS(m, 0) GRANTS(m, 1) \
 :: d_step { ROOM && pos[MON(m)] > 0 -> printf("monitor %d restarts\n", m); rewind(MON(m)); wait[m] = 0 }

/* ---- time ---- */
inline tick()
{
  i0 = 0;
  do :: i0 < LEN -> age(gives[i0]); i0++ :: else -> break od;
  i0 = 0;
  do :: i0 < 4 -> age(sent_gives[i0]); i0++ :: else -> break od;
  i0 = 0;
  do :: i0 < 2 -> age(lease[i0]); i0++ :: else -> break od;
  i0 = 0;
  do :: i0 < NM -> age(wait[i0]); i0++ :: else -> break od;
  i0 = 0
}

active proctype world()
{
  do
  AGENT(0) AGENT(1)
  EVENT(0, 0) EVENT(0, 1) EVENT(1, 0) EVENT(1, 1)
  MONITOR(0)
#if NM > 1
  MONITOR(1)
#endif
  :: d_step { printf("time passes\n"); tick() }
  od
}
