/* SPDX-License-Identifier: PostgreSQL */
/*
 * failsafe.pml - a leader lives on its peers' promises while the log is away (agent/promise.h).
 *
 * The lease itself is in lease.pml; here it is thinner, and what is exact are the promises and the
 * rule that only those are granted whom the last renewal names.
 *
 * Three nodes. Node 0 leads at the start and is the one that asks. Its renewals name node 1 always,
 * and node 2 as they like: whom an agent takes for dead is no matter of safety. The one monitor is
 * the most dangerous one: it revokes at any time, and grants whatever may be granted as soon as it
 * may. An agent that is cut off from the log is one that does not read on. Messages are late, or
 * lost. Agents restart at any time.
 *
 * Property: never two writable PostgreSQL.
 *
 * Each of these takes one rule away, and must be found out:
 *   REVIVE       promises extend a lease that has run out
 *   FORGET       a restart ends a promise
 *   UNREAD       an agent asks before it has read back a renewal of its own
 *   READONLY     it asks only whom the last renewal read back names
 *   UNNAMED      anybody is granted the next term
 *   SILENTLY     an answer is no promise
 *   REACH=n      no rule: node n is promoted; 3: a lease goes on by promises
 *
 * That who has promised may not renew, and that a promise outlasts the lease that it gives, shows
 * only in longer runs than are tried here: the simulator's mutations take these two away.
 */
#ifndef L
#define L 2
#endif
#ifndef SKEW
#define SKEW 0
#endif
#define W (L + 2*SKEW)
#define KEEP W
#ifndef MAXLOG
#define MAXLOG 5
#endif
#ifndef NAMED
#define NAMED 0                    /* node 2, by the renewal with which it begins */
#endif

#define RENEW    1
#define RELEASE  2
#define REVOKE   3
#define GRANT    4

#define GRANTED  1
#define HELD     2
#define REVOKED  3
#define RELEASED 4
#define OPEN(r)  (S[r] == GRANTED || S[r] == HELD)

/* ---- the log ---- */
byte rec[MAXLOG];                  /* kind + 8 * node + 32 * term */
byte rem[MAXLOG];                  /* a renewal: ticks of lease that its sender still gets by it */
bool nm[MAXLOG];                   /* it names node 2 */
bool cur[MAXLOG];                  /* of node 0: its agent has not restarted since */
#define KIND(p) (rec[p] & 7)
#define WHO(p)  ((rec[p] >> 3) & 3)
#define TERM(p) (rec[p] >> 5)

/* ---- its readers: three agents, and its end, which is what the monitor and the fold know ---- */
#define HD 3
#define LEN pos[HD]
#define ROOM (LEN < MAXLOG)
byte pos[4], T[4] = 1, H[4], S[4] = HELD;
bool free2 = NAMED;                /* node 2 may be granted: named, or the leader was released */
bool held = true;                  /* the present term was renewed */
byte wait = W, fast;               /* since the last renewal, by the monitor's clock */

/* ---- nodes ---- */
bool pri[3];
byte lease[3];
bool mk[3], mn[3];                 /* a renewal is on its way; it names node 2 */
bool mc;                           /* that of node 0 is of its agent's present incarnation */
byte mr[3];
byte still[3], quick[3], kept[3];  /* ticks of keeping still; what its clock gained; for which term */
byte lag, due;                     /* what node 0's clock lost, and for how long that counts */

/* ---- node 0, as it asks ---- */
bool own = true;                   /* it has read back a renewal of this incarnation */
bool rd = NAMED, un;               /* the last one read back names node 2; one sent since does */
byte newest = 15;                  /* the record of the last one sent; 15: none, or not stored yet */
byte ask[3];                       /* 0: nothing, 1: asked, 2: answered */
byte arem;                         /* ticks of lease that the answers give */
byte aterm;

/* ---- within a step only ---- */
byte kind, who, term, at, ix, any;

#define MINE(i) (H[i] == i && OPEN(i))
#define CHECK assert(pri[0] + pri[1] + pri[2] <= 1)
#ifdef REACH
#define REACHED(n) assert(n != REACH)
#else
#define REACHED(n) skip
#endif

inline fold(r)
{
  at = pos[r]; kind = KIND(at); who = WHO(at); term = TERM(at);
  if
  :: (kind == GRANT && term == T[r] + 1 && !OPEN(r)) -> T[r] = term; H[r] = who; S[r] = GRANTED
  :: (kind == REVOKE && term == T[r] && OPEN(r)) -> S[r] = REVOKED
  :: (kind == RELEASE && term == T[r] && who == H[r] && S[r] != RELEASED) -> S[r] = RELEASED
  :: (kind == RENEW && term == T[r] && who == H[r] && OPEN(r)) -> S[r] = HELD
  :: else -> kind = 0
  fi;
  pos[r]++
}
inline append(kk, ww, tt)
{
  rec[LEN] = kk + 8*(ww) + 32*(tt);
  fold(HD);
  if
  :: (kind == RENEW) -> held = true; free2 = nm[at]; wait = W; fast = 0
  :: (kind == RELEASE && held) -> free2 = true
  :: (kind == GRANT) -> held = false; wait = 0; fast = 0
  :: else
  fi;
  if /* no renewal of an earlier term has any effect from here on */
  :: (kk == GRANT || kk == RELEASE || kk == REVOKE) ->
       for (ix : 0 .. 2) { mk[ix] = 0; mr[ix] = 0; mn[ix] = 0 }
       mc = 0
  :: else
  fi
}

/* Reading what changes nothing is no step of its own. */
#define DULL(i) (pos[i] < LEN && \
  !(KIND(pos[i]) == GRANT && WHO(pos[i]) == i && (i == 0 || TERM(pos[i]) == T[HD])) && \
  !(KIND(pos[i]) == RENEW && WHO(pos[i]) == i && (cur[pos[i]] || rem[pos[i]] > 0)) && \
  !(KIND(pos[i]) == RELEASE && still[i] > 0) && \
  !(KIND(pos[i]) != RENEW && MINE(i) && (i == 0 || T[i] == T[HD])))
inline skim(i) { do :: DULL(i) -> fold(i) :: else -> break od }
/* A renewal that has nothing left to give is taken out of the log. */
inline squeeze()
{
  ix = 0;
  do
  :: (ix < LEN && KIND(ix) == RENEW && rem[ix] == 0 && (!cur[ix] || pos[0] > ix)) ->
       for (at : ix .. MAXLOG-2) {
         rec[at] = rec[at+1]; rem[at] = rem[at+1]; nm[at] = nm[at+1]; cur[at] = cur[at+1]
       }
       rec[MAXLOG-1] = 0; rem[MAXLOG-1] = 0; nm[MAXLOG-1] = 0; cur[MAXLOG-1] = 0;
       for (at : 0 .. 3) { if :: (pos[at] > ix) -> pos[at]-- :: else fi }
       if
       :: (newest != 15 && newest > ix) -> newest--
       :: (newest == ix) -> newest = 15
       :: else
       fi
  :: (ix < LEN && !(KIND(ix) == RENEW && rem[ix] == 0 && (!cur[ix] || pos[0] > ix))) -> ix++
  :: else -> break
  od
}
inline settle()
{
  any = lease[0] + mr[0] + arem;
  for (ix : 0 .. MAXLOG-1) { if :: (WHO(ix) == 0) -> any = any + rem[ix] :: else fi }
  if :: (any == 0) -> lag = 0; due = 0 :: else fi
}
#define TIDY settle(); squeeze(); skim(0); skim(1); skim(2); \
  kind = 0; who = 0; term = 0; at = 0; ix = 0; any = 0

/* ---- an agent ---- */
#define CLEARASK ask[1] = 0; ask[2] = 0; arem = 0; aterm = 0
inline read(i)
{
  fold(i);
  if
  :: (kind == RENEW && who == i) ->
       if :: (rem[at] > lease[i]) -> lease[i] = rem[at] :: else fi;
       rem[at] = 0;
       if
       :: cur[at] ->
            own = true; rd = nm[at]; cur[at] = false;
            if :: (at == newest) -> un = false; newest = 15 :: else fi
       :: else
       fi
  :: (kind == RELEASE && still[i] > 0 && term == kept[i]) -> still[i] = 0; quick[i] = 0; kept[i] = 0
  :: else
  fi
}
#define MAYRENEW(i) (still[i] == 0)
#define SEND(i, name) \
 :: d_step { ROOM && MINE(i) && T[i] == T[HD] && OPEN(HD) && !mk[i] && MAYRENEW(i) -> \
      printf("agent %d renews, and names 2: %d\n", i, name); \
      mk[i] = 1; mr[i] = L; mn[i] = name; \
      if :: (i == 0) -> un = un || name; newest = 15; mc = true :: else fi }
#define AGENT(i) \
 :: d_step { pos[i] < LEN -> printf("agent %d reads record %d\n", i, pos[i]); read(i); TIDY } \
 SEND(i, false) SEND(i, true) \
 :: d_step { mk[i] && ROOM -> \
      printf("event renewal of %d is stored\n", i); \
      rem[LEN] = mr[i]; nm[LEN] = mn[i]; \
      if :: (i == 0 && mc) -> newest = LEN; cur[LEN] = true :: else fi; \
      append(RENEW, i, T[HD]); mk[i] = 0; mr[i] = 0; mn[i] = 0; \
      if :: (i == 0) -> mc = 0 :: else fi; TIDY } \
 :: d_step { mk[i] -> printf("event renewal of %d is lost\n", i); mk[i] = 0; mr[i] = 0; mn[i] = 0; \
      if :: (i == 0) -> mc = 0 :: else fi; TIDY } \
 :: d_step { lease[i] > 0 && still[i] == 0 && MINE(i) && !pri[i] -> \
      printf("node %d is promoted\n", i); pri[i] = true; CHECK; REACHED(i) } \
 :: d_step { ROOM && H[i] == i && T[i] == T[HD] && S[HD] != RELEASED && S[i] != RELEASED -> \
      printf("node %d stops and releases\n", i); \
      pri[i] = false; lease[i] = 0; forget(i); append(RELEASE, i, T[i]); TIDY }
inline forget(i)
{
  mr[i] = 0;
  for (ix : 0 .. MAXLOG-1) { if :: (WHO(ix) == i) -> rem[ix] = 0 :: else fi }
  if :: (i == 0) -> CLEARASK :: else fi
}
inline rewind(i) { pos[i] = 0; T[i] = 1; H[i] = 0; S[i] = HELD }

/* The agent of node 0 restarts; its guard and its PostgreSQL go on. What it has sent may land. */
#define RESTART0 \
 :: d_step { (own || pos[0] > 0) && ROOM -> \
      printf("agent 0 restarts\n"); forget(0); rewind(0); own = false; rd = false; un = false; \
      newest = 15; mc = 0; for (ix : 0 .. MAXLOG-1) { cur[ix] = 0 }; TIDY }
#ifdef FORGET
#define STILL(i) still[i] = 0
#else
#define STILL(i) if :: (still[i] > 0) -> still[i] = KEEP :: else fi
#endif
#define REBOOT(i) \
 :: d_step { ROOM -> printf("node %d reboots\n", i); \
      pri[i] = false; lease[i] = 0; forget(i); rewind(i); STILL(i); quick[i] = 0; kept[i] = 0; \
      if :: (ask[i] == 1) -> CLEARASK :: else fi; TIDY }

/* ---- promises ---- */
#ifdef UNREAD
#define MAYASK true
#else
#define MAYASK own
#endif
#ifdef REVIVE
#define ALIVE true
#else
#define ALIVE (lease[0] > 0)
#endif
#ifdef READONLY
#define TOASK rd
#else
#define TOASK (rd || un)
#endif
#ifdef SILENTLY
#define PROMISE(j) skip
#else
#define PROMISE(j) still[j] = KEEP; quick[j] = 0; kept[j] = aterm
#endif
#define MAYANSWER(j) (!pri[j] && !MINE(j))
#define ASKS \
 :: d_step { ROOM && MINE(0) && ALIVE && MAYASK && ask[1] == 0 -> \
      printf("agent 0 asks 1, and 2: %d\n", TOASK); \
      ask[1] = 1; ask[2] = TOASK; arem = L; aterm = T[0] } \
 :: d_step { ask[1] > 0 -> printf("agent 0 asks no more\n"); CLEARASK; TIDY } \
 :: d_step { ask[1] == 2 && ask[2] != 1 && (ask[2] == 2 || !TOASK) && MINE(0) && \
      T[0] == aterm && ALIVE && arem > 0 -> \
      printf("agent 0 goes on by promises\n"); \
      if :: (arem > lease[0]) -> lease[0] = arem; REACHED(3) :: else fi; \
      CLEARASK; TIDY }
#define ANSWERS(j) \
 :: d_step { ask[j] == 1 && MAYANSWER(j) -> printf("agent %d promises\n", j); ask[j] = 2; PROMISE(j) }

/* ---- the monitor ---- */
#ifdef UNNAMED
#define FREE2 true
#else
#define FREE2 free2
#endif
#define GRANTS(j) \
 :: d_step { ROOM && (S[HD] == RELEASED || (S[HD] == REVOKED && wait == 0)) && (j != 2 || FREE2) -> \
      printf("monitor grants term %d to %d\n", T[HD] + 1, j); append(GRANT, j, T[HD] + 1); TIDY }
#define MONITOR \
 :: d_step { ROOM && OPEN(HD) -> printf("monitor revokes term %d\n", T[HD]); append(REVOKE, 0, T[HD]); TIDY } \
 GRANTS(0) GRANTS(1) GRANTS(2)

/* ---- time ---- */
#define DEC(y) if :: (y > 0) -> y-- :: else fi
inline ntick(i)
{
  DEC(lease[i]); DEC(mr[i]);
  if :: (lease[i] == 0) -> pri[i] = false :: else fi;
  for (ix : 0 .. MAXLOG-1) { if :: (WHO(ix) == i) -> DEC(rem[ix]) :: else fi }
  kind = 0
}
inline tick0(slow)
{
  if
  :: slow -> lag++; due = L
  :: else ->
       ntick(0);
       if :: (arem > 0) -> arem--; if :: (arem == 0) -> CLEARASK :: else fi :: else fi;
       if :: (due > 0) -> due--; if :: (due == 0) -> lag = 0 :: else fi :: else fi
  fi
}
inline down(y, f, twice)
{
  if :: twice -> y = y - 2; f++ :: else -> DEC(y) fi;
  if :: (y == 0) -> f = 0 :: else fi
}
#define TWICE(b, y, f) (b && f < SKEW && y >= 2)
/* a: the clock of node 0 loses a tick; b, c: those of the promisers, the monitor's gain one */
#define TICK(a, b, c) \
 :: d_step { (a == 0 || lag < SKEW) -> \
      printf("time passes (slow: %d, fast: %d %d)\n", a, b, c); \
      tick0(a); ntick(1); ntick(2); \
      down(still[1], quick[1], TWICE(b, still[1], quick[1])); \
      down(still[2], quick[2], TWICE(b, still[2], quick[2])); \
      if :: (still[1] == 0) -> kept[1] = 0 :: else fi; \
      if :: (still[2] == 0) -> kept[2] = 0 :: else fi; \
      down(wait, fast, TWICE(c, wait, fast)); TIDY }

init
{
  d_step { pri[0] = true; lease[0] = L };
  do
  AGENT(0)  AGENT(1)  AGENT(2)  RESTART0  REBOOT(1)  REBOOT(2)
  ASKS  ANSWERS(1)  ANSWERS(2)
  MONITOR
  TICK(0, 0, 0)
#if SKEW > 0
  TICK(1, 0, 0)  TICK(0, 1, 0)  TICK(1, 1, 0)
  TICK(0, 0, 1)  TICK(1, 0, 1)  TICK(0, 1, 1)  TICK(1, 1, 1)
#endif
  od
}
