/* SPDX-License-Identifier: PostgreSQL */
/*
 * seal.pml - no acknowledged commit is lost, without any clock, for Spin 6.5: the sealed election and
 * the changes of the synchronous set (DESIGN section 4, SAFETY 4.6, I8, I9) as they are built.
 *
 * Property
 *   LOSS   whatever the old primary has told a client, or still tells one, is on the node that was
 *          granted the next term. It is never stopped, and runs on for ever.
 *
 * Modelled, and where it is built
 *   - the log's set: waits, count, voters, quorum, step, bound. A decision begins a change at any
 *     time, also over another one (union of the voters, all of them needed); giving up keeps no
 *     voter; the leader's word settles the newest one only; none after the term  proto/fold_sync.c
 *   - the leader's agent reads each set some time after it was logged, and writes it to the file
 *                                                                             agent/sync_keep.c
 *   - PostgreSQL: each WAL sender reads the file on its own, and so does the checkpointer, which says
 *     whether commits wait at all. Who is in the set shows in pg_stat_replication; the count that a
 *     WAL sender has shows nowhere, so that senders that may have a smaller one are forked anew.
 *     Then the mark, and `count` of the set confirm it                        agent/shell_sync.c
 *   - a standby writes down that it is sealed, loses its WAL receiver, and reports: one step, as
 *     nobody sees what lies between                      agent/upstream.c, agent/report.c,
 *                                                        agent/fence/seal.c
 *   - a revoke comes at any time; a grant needs `quorum` of the voters sealed, and the furthest of
 *     them, or one that has all that a released leader wrote                  proto/sync.c
 *   - -DNEWTERM: the first set of a term, which its grant names. The new leader has what the
 *     earlier term acknowledged; its PostgreSQL waits for nobody that there is when it is promoted,
 *     and then for that set. The earlier term's voters, itself among them, stay voters until the
 *     log knows where its timeline opened: nobody below that is granted anything from there on, and
 *     the new term's own commits are on the set that the grant names, if no other was begun
 *                                                       fold_sync_leads(), fold_sync_opened()
 *
 * Left out: replies that are late (they only delay an answer), timelines, a leader that returns. The
 * WAL has MAXLSN commits, the log CHANGES changes.
 *
 * What each switch takes away (run shows which must fail)
 *   DIRECT     the union: the log goes to the new set and its quorum at once
 *   UNASKED    PostgreSQL changes before the agent has read that the log does
 *   EARLY      q is that of the new set as soon as the change begins
 *   UNMARKED   the leader's word comes without the confirmation of the mark
 *   TOOSOON    the mark is taken before every WAL sender has read the set
 *   NOFORK     WAL senders with a smaller count are not forked anew
 *   FORGOTTEN  an agent that restarts, or gives up, takes the counts that it forgets for none
 *   UNDEFINED  the mark is taken before the checkpointer has read the set
 *   ANYWORD    the leader's word settles whatever stands, not the set that it was given for
 *   KEPT       giving up keeps voters and quorum
 *   AFTER      a set is begun and settled when the term has been revoked, too: that holds, for who
 *              is sealed confirms nothing
 *   TOLD       a standby reports before its seal is written down: its agent restarts, and follows
 *   RECEIVING  a standby reports before its WAL receiver is gone
 *   FEWER      one sealed voter less is enough
 *   LAGGING    any sealed voter is granted, not only the furthest
 *   STRANGER   sealed standbys count that are not voters
 *   OUTSIDER   no mutation: (NEWTERM) the new leader was none of the earlier term's voters
 *   OWNQUORUM  (NEWTERM) the earlier term's voters are forgotten with the first renewal
 *   FLOORLESS  (NEWTERM) who stands below the place where the timeline opened is granted the term
 *   OTHERSET   (NEWTERM) the earlier voters are forgotten, too, when another set was begun meanwhile
 *   UNBLOCKED  (NEWTERM) it is promoted before its checkpointer has read that commits wait
 *   OPENED     no mutation: fails when a grant follows by the set that the grant named, unsettled
 *   REACH      no mutation: fails when a grant under a settled new set follows the answers
 */
#ifndef MAXLSN
#define MAXLSN 2
#endif
#ifndef CHANGES
#define CHANGES 1
#endif
#ifndef FROM /* the set that is settled at first: waits, count; 0, 0: none */
#define FROM 1
#endif
#ifndef FROMCOUNT
#define FROMCOUNT 1
#endif
#define N 3
#define ALL 7

#define HAS(mask, v) ((mask) >> (v) & 1)
#define SIZE(mask) (HAS(mask, 0) + HAS(mask, 1) + HAS(mask, 2) + HAS(mask, 3))
#define QUORUM(mask, k) (SIZE(mask) - (k) + 1)

#define HELD 0
#define REVOKED 1
#define RELEASED 2
#define GRANTED 3

#ifdef FORGOTTEN
#define UNKNOWN N /* taken for: none is smaller */
#else
#define UNKNOWN 0
#endif

#define APPLY 0
#define RENEW 1
#define CONFIRM 2
#define SAID 3

/* the log */
byte phase = HELD;
byte seq;
byte waits[CHANGES + 1], count[CHANGES + 1];
byte voters, quorum;
bool changing, bound;

/* the leader's agent: the set that it has written, and how far it is with that */
byte given, stage = SAID, mark;
byte least; /* the count that a WAL sender may still wait for */
byte word; /* the set of which it has said that it is settled, under way; 0: none */

#ifdef NEWTERM
#define OLD 1 /* so much is of the earlier term, acknowledged */
#ifdef SMALL
#define FIRST 2
#else
#define FIRST 6
#endif
#ifdef OUTSIDER
#define EARLIER 1
#else
#define EARLIER 9
#endif
bool opened; /* the log knows where the new timeline opened */
#define FLOOR (opened -> OLD : 0)
#else
#define OLD 0
#define FLOOR 0
#endif
bool promoted = (OLD == 0);

/* its PostgreSQL */
byte wal, acked;
bool defined, dead;
byte in;     /* WAL senders that count themselves in */
byte num[N]; /* the count that each waits for */

/* the standbys */
byte flushed[N];
byte reported;
byte restarted; /* and follow again (TOLD) */
byte told[N]; /* what each has reported */
byte newest;  /* what the grantee has */

#define WAITING(v) (HAS(in, v) && SIZE(in & HAVE(acked + 1)) >= num[v])
#define HAVE(c) ((flushed[0] >= c) | (flushed[1] >= c) << 1 | (flushed[2] >= c) << 2)
#define CHECK assert(phase != GRANTED || acked <= newest)

#ifdef UNASKED
#define SET CHANGES
#else
#define SET given
#endif

#ifdef TOOSOON
#define READ true
#else
#define READ (in == waits[given])
#endif
#ifdef UNDEFINED
#define WAITS true
#else
#define WAITS defined
#endif
#ifdef NOFORK
#define MUSTFORK false
#else
#define MUSTFORK (count[given] > 1 && least < count[given])
#endif
#ifdef UNMARKED
#define CONFIRMED true
#else
#define CONFIRMED (SIZE(waits[given] & HAVE(mark)) >= count[given])
#endif

#ifdef AFTER
#define OPEN (phase != GRANTED)
#else
#define OPEN (phase == HELD)
#endif
#ifdef ANYWORD
#define MATCHES true
#else
#define MATCHES (word == seq)
#endif

#ifdef STRANGER
#define SEALED reported
#else
#define SEALED (reported & voters)
#endif
#ifdef FEWER
#define NEEDED (quorum - 1)
#else
#define NEEDED quorum
#endif
#define BEHIND(v, w) (HAS(SEALED, w) && told[v] < told[w])
#ifdef LAGGING
#define FURTHEST(v) true
#else
#define FURTHEST(v) (!BEHIND(v, 0) && !BEHIND(v, 1) && !BEHIND(v, 2))
#endif
#define PROVEN(v) (voters != 0 && SIZE(SEALED) >= NEEDED && FURTHEST(v))
#define COMPLETE(v) (phase == RELEASED && told[v] >= wal)
#ifdef FLOORLESS
#define HIGH(v) true
#else
#define HIGH(v) (told[v] >= FLOOR)
#endif
#ifdef OPENED
#define REACHED assert(!(acked == MAXLSN && opened && changing && phase == GRANTED && !dead))
#elif defined(REACH)
#define REACHED assert(!(acked == MAXLSN && seq == CHANGES && !changing && !dead))
#else
#define REACHED skip
#endif

inline begin(w, k)
{
    seq++;
    waits[seq] = w;
    count[seq] = k;
    changing = (k > 0);
    if
    :: k > 0 && voters != 0 ->
#ifdef DIRECT
        voters = w;
        quorum = QUORUM(w, k);
#else
        voters = voters | w;
#ifdef EARLY
        quorum = QUORUM(voters, k);
#else
        quorum = SIZE(voters);
#endif
#endif
    :: else ->
#ifndef KEPT
        voters = 0;
        quorum = 0
#endif
    fi
}

#define CHANGE(w, k) \
    :: d_step { seq < CHANGES && OPEN -> begin(w, k) }

/* The file is written. */
inline order()
{
    stage = (count[given] > 0 -> APPLY : SAID);
    mark = 0;
    if
    :: count[given] > 0 && count[given] < least -> least = count[given]
#ifdef FORGOTTEN
    :: count[given] == 0 -> least = UNKNOWN
#endif
    :: else
    fi
}

inline sender_reads(v)
{
    in = (in & (ALL - (1 << v))) | (waits[SET] & (1 << v));
    num[v] = count[SET]
}

inline renew(v)
{
    if
    :: HAS(waits[given], v) -> num[v] = count[given]
    :: else
    fi
}

#define PRIMARY(v) \
    :: d_step { HAS(in, v) != HAS(waits[SET], v) || num[v] != count[SET] -> sender_reads(v) }

/* Written down, receiver gone, reported: what lies between these shows to nobody else. */
#define STANDBY(v) \
    :: d_step { RECEIVES(v) && flushed[v] < wal -> flushed[v]++ } \
    :: d_step { (phase == REVOKED || phase == RELEASED) && !HAS(reported, v) -> \
           reported = reported | 1 << v; told[v] = flushed[v] } \
    :: d_step { FORGETS(v) -> restarted = restarted | 1 << v } \
    :: d_step { (phase == REVOKED || phase == RELEASED) && bound && HAS(reported, v) && HIGH(v) && \
                ((HAS(voters, v) && PROVEN(v)) || COMPLETE(v)) -> \
           phase = GRANTED; newest = flushed[v]; CHECK; REACHED }

#ifdef RECEIVING
#define RECEIVES(v) true
#else
#define RECEIVES(v) (!HAS(reported, v) || HAS(restarted, v))
#endif
#ifdef TOLD
#define FORGETS(v) (HAS(reported, v) && !HAS(restarted, v))
#else
#define FORGETS(v) false
#endif

active proctype world()
{
    d_step {
#ifdef NEWTERM
        /* set 0 is of nobody that there is */
        count[0] = 1;
        seq = 1;
        waits[1] = FIRST;
        count[1] = 1;
        bound = true;
        changing = true;
#ifdef OWNQUORUM
        voters = FIRST;
        quorum = QUORUM(FIRST, 1);
#else
        voters = EARLIER | FIRST;
        quorum = SIZE(voters);
#endif
#ifdef OUTSIDER
        flushed[0] = OLD;
#endif
#ifndef UNBLOCKED
        defined = true;
#endif
        wal = OLD;
        acked = OLD;
#else
        waits[0] = FROM;
        count[0] = FROMCOUNT;
        in = FROM;
        num[0] = HAS(FROM, 0) * FROMCOUNT;
        num[1] = HAS(FROM, 1) * FROMCOUNT;
        num[2] = HAS(FROM, 2) * FROMCOUNT;
        least = FROMCOUNT;
        voters = FROM;
        quorum = (FROM != 0 -> QUORUM(FROM, FROMCOUNT) : 0);
        bound = (FROM != 0);
        defined = (FROM != 0);
#endif
    }
end:
    do
    /* the monitors */
    CHANGE(0, 0)
    CHANGE(1, 1) CHANGE(2, 1) CHANGE(3, 1) CHANGE(3, 2)
#ifndef SMALL
    CHANGE(6, 1) CHANGE(6, 2) CHANGE(7, 1) CHANGE(7, 2) CHANGE(7, 3)
#endif
    :: d_step { phase == HELD -> phase = REVOKED }
    /* the leader's PostgreSQL has ended, proven, and nothing lies beyond its WAL */
    :: d_step { phase == HELD && !dead -> dead = true; phase = RELEASED }
    :: d_step { OPEN && word != 0 ->
           if
           :: MATCHES && changing ->
               changing = false;
               bound = true;
               voters = waits[seq];
               quorum = QUORUM(waits[seq], count[seq])
           :: else
           fi;
           word = 0 }
#ifdef NEWTERM
    :: d_step { !dead && !promoted -> promoted = true }
    :: d_step { OPEN && promoted && !opened ->
           opened = true;
           if
#ifdef OTHERSET
           :: changing ->
#else
           :: changing && seq == 1 ->
#endif
               voters = waits[1];
               quorum = QUORUM(waits[1], count[1])
           :: else
           fi }
#endif
    /* the leader's agent */
    :: d_step { !dead && promoted && given < seq -> given++; order() }
    :: d_step { !dead && least != UNKNOWN -> least = UNKNOWN; order() } /* restarts */
    :: d_step { !dead && stage == APPLY && READ && WAITS && MUSTFORK -> stage = RENEW }
    :: d_step { !dead && stage == APPLY && READ && WAITS && !MUSTFORK ->
           stage = CONFIRM;
           mark = wal }
    :: d_step { stage == RENEW -> renew(0); renew(1); renew(2); least = count[given]; stage = APPLY }
    :: d_step { !dead && stage == CONFIRM && CONFIRMED ->
           stage = SAID; least = count[given]; word = given }
    /* its PostgreSQL */
    :: d_step { !dead && promoted && wal < MAXLSN -> wal++ }
    :: d_step { !dead && promoted && acked < wal && (!defined || WAITING(0) || WAITING(1) || WAITING(2)) ->
           acked++; CHECK }
    :: d_step { defined != (count[SET] > 0) -> defined = (count[SET] > 0) }
#ifdef SMALL
    PRIMARY(0) PRIMARY(1)
    STANDBY(0) STANDBY(1)
#else
    PRIMARY(0) PRIMARY(1) PRIMARY(2)
    STANDBY(0) STANDBY(1) STANDBY(2)
#endif
    od
}
