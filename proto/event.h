/* SPDX-License-Identifier: PostgreSQL */
/*
 * event.h - what is said in the log: one plain struct per event, without pointers (but for one).
 *
 * The codec turns these into protobuf and back (event.proto has the same names). Everything that is
 * stored is one of these; DESIGN section 3 says who may write which on which subject. The enums
 * and their names are in vocabulary.h.
 */
#ifndef PGBATON_EVENT_H
#define PGBATON_EVENT_H

#include "config.h"
#include "node_probe.h"
#include "position.h"
#include "request.h"
#include "restart.h"
#include "sync_state.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct renew {
    uint64_t term;
    uint32_t ttl_ms;          /* the lease_ttl under which it was sent */
    uint64_t seen_seq;        /* the holder had folded up to here */
    enum node_state state;    /* what it is at this moment */
    struct position position; /* zeros: it has nothing new to say of it */
    uint32_t probe_age_ms;    /* how old the evidence from its PostgreSQL is, and the position */
    bool lifted;              /* read back, it lets the lease run without an end (pause.h) */
    bool failsafe; /* while the log is away the lease may go on by promises of all `electable`, and
                      nobody else may be granted the next term then (promise.h) */
    struct name_list electable;
    struct restart restart;
};

struct release {
    uint64_t term;
    enum reason reason;
    struct position position;  /* the end of its WAL, when known */
    bool clean;                /* stopped in order: nothing lies beyond position */
    uint32_t killed_count;     /* processes that the guard had to kill */
    uint64_t detected_wall_us; /* when the fault was seen; for people */
    uint64_t fenced_wall_us;   /* when the last process was proven dead; for people */
};

struct refuse {
    uint64_t term;
    enum reason reason;
};

/* What its author remembers of the log, on its own disk (lost.h). */
struct anchor {
    bool lost;          /* the last decision that it remembers is not in the log */
    uint64_t grant_seq; /* the last effective grant; 0 for none */
    uint64_t term;
    uint64_t held_term;    /* the highest whose first renewal it has read; 0 for none */
    uint32_t ttl_ms;       /* the longest lease that could run then; 0: it remembers no decision */
    uint32_t member_count; /* of the cluster then; 0: unknown */
    uint32_t timeline;     /* the highest that might exist then; 0: unknown */
    uint64_t seen_seq;     /* a monitor's, like the next: it had folded up to here */
    uint64_t system_id;    /* of the PostgreSQL cluster; 0: unknown */
};

struct hello {
    struct probe probe;
    char host[HOST_SIZE]; /* where its PostgreSQL listens */
    uint16_t port;
    uint16_t agent_port;       /* where its agent can be asked for a promise; 0: nowhere */
    uint32_t pg_version;       /* 150004; 0 when unknown */
    int32_t failover_priority; /* higher is preferred among equals; 0 by default */
    bool nofailover;
    bool nosync;        /* commits never wait for it */
    bool noloadbalance; /* for those who distribute reads */
    struct anchor anchor;
};

struct task_report { /* progress, done, failed */
    enum task task;
    uint64_t term;            /* the term it was done for */
    uint64_t directive_seq;   /* the directive or grant that asked for it; 0 when none */
    uint32_t percent;         /* progress only, like the next three */
    uint64_t done_bytes;      /* copied so far */
    uint64_t total_bytes;     /* to be copied, as the tool has it now; 0: unknown */
    uint64_t bytes_per_s;     /* since the progress before */
    uint32_t duration_ms;     /* done and failed */
    enum reason reason;       /* failed only */
    struct position position; /* done: where the node stands; a promotion's opening position */
    struct history history;   /* done of TASK_PROMOTE: the new timeline's own history */
    char text[TEXT_SIZE];     /* for people: the last line of stderr, bytes copied */
};

struct goodbye {
    enum reason reason;
};

/* What the author knew from its own clock and ears when it decided: everything that is not in the
 * fold. decide(state, evidence) is a pure function, so replay can decide again (DESIGN section 1).
 */
struct evidence {
    uint64_t renewal_age_ms;  /* since it received the last effective renewal of the term; if there
                                 is none, since it received the grant */
    uint64_t hearing_ms;      /* for so long it has read all its heartbeats back */
    uint64_t phase_age_ms;    /* since it received what began the present phase */
    uint64_t heartbeat_seq;   /* its newest heartbeat that it read back */
    uint32_t alive_mask;      /* bit i: node i was heard within the failure threshold */
    uint32_t backoff_mask;    /* bit i: node i's last task failed too short a while ago */
    uint64_t failover_age_ms; /* since it received the last failover that counts; 0: none */
    uint64_t rebuild_age_ms[NODE_COUNT_MAX]; /* since node i's last directive; 0: none */
    uint64_t switchover_age_ms; /* since it received what moved the pending request last */
    uint32_t caught_up_mask;    /* bit i: by the leader's live rows and its own live position node i
                                   lacks, and has to replay, SWITCHOVER_LAG_BYTES at most; the
                                   leader's own bit: so do all that stream from it */
    uint64_t verdict_age_ms;    /* since it received the last no_candidate; 0: none */
    uint64_t sync_age_ms;       /* since it saw the set of streaming standbys change last */
    uint64_t wall_us;           /* while a switchover is scheduled: its wall clock; else 0 */
};

struct candidate {
    char node[NAME_SIZE];
    enum verdict verdict;
    enum reason reason; /* the node's own, when it has one */
    struct position position;
};

struct candidate_list {
    uint32_t count;
    struct candidate items[NODE_COUNT_MAX];
};

struct revoke {
    uint64_t term;
    uint64_t renewal_seq; /* the last effective renewal that the author had received; 0 for none */
};

struct grant {
    uint64_t term;
    enum grant_kind kind;
    char node[NAME_SIZE];
    uint64_t incarnation;     /* of the grantee */
    struct position position; /* of the grantee, on which it was chosen */
    uint32_t timeline;    /* GRANT_FAILOVER: the one that its promotion opens, above every one that
                             may exist; 0 otherwise */
    uint64_t renewal_seq; /* the old term's last effective renewal; 0 for none */
    struct name_list waits; /* what the new leader's commits wait for from the first one on: ANY
                               wait_count of these; none: nobody */
    uint32_t wait_count;
    uint64_t loss_bytes;             /* leader_position minus the grantee's; 0 or more */
    struct position leader_position; /* the last known one of the last holder */
    bool loss_known;                 /* nothing of its WAL lies beyond leader_position, or nothing
                                        of it is missing: no more than loss_bytes can be lost */
    uint64_t leader_wall_us; /* when it stood there, by its own clock: what it wrote after that may
                                be lost, too, unless loss_known; 0: not known */
    struct candidate_list candidates;
};

struct directive { /* rebuild; the other directives follow from the state */
    char node[NAME_SIZE];
    uint64_t incarnation; /* of the node; another one must not obey */
    uint64_t term;        /* of the leader to rebuild from */
    enum task task;       /* TASK_BASEBACKUP or TASK_REWIND */
    enum reason reason;   /* why, and why nothing less will do */
    char text[TEXT_SIZE]; /* of the copy that failed before, if one did; for people */
};

struct no_candidate {
    uint64_t term;        /* the last one; the next cannot be granted */
    enum reason reason;   /* REASON_FAILOVER_LIMIT: somebody could lead, and must wait;
                             REASON_POLICY: and may not; NONE */
    uint64_t wait_ms;     /* with that reason: the next grant is allowed so much later */
    char node[NAME_SIZE]; /* REASON_POLICY: who would have been promoted; else empty */
    uint64_t loss_bytes;  /* and what that may have lost, as a grant says it */
    struct candidate_list candidates;
};

/* The state of the cluster, encoded (snapshot.h). */
struct snapshot {
    uint64_t folded_seq;          /* every record of the cluster up to here is in it */
    uint32_t fold_version;        /* of the author */
    uint8_t digest[HASH_SIZE];    /* of the bytes */
    uint8_t last_hash[HASH_SIZE]; /* SHA-256 of the last record that is in it: a log that has lost
                                     its end holds another there, or none; zeros: not known */
    uint32_t size;
    const uint8_t *bytes; /* the only pointer in an event: a state is larger than all else that is
                             said. It is the author's; of a decoded event, the arena's */
};

/* The head of every decision. */
struct decision {
    uint64_t prev_seq; /* the last effective decision that the author knew; 0 for the first */
    uint8_t prev_hash[HASH_SIZE]; /* its hash; zeros for the first */
    uint64_t folded_seq;          /* the author had folded this cluster's events up to here */
    uint8_t digest[HASH_SIZE];    /* of the state there */
    uint32_t fold_version;        /* by this version of the fold (digest.h); 0: unknown */
    char rule[RULE_SIZE];         /* the rule that fired */
    struct evidence evidence;
};

struct event {
    /* From the log, not from the payload. */
    uint64_t seq;            /* 0 while it is not stored */
    uint8_t hash[HASH_SIZE]; /* SHA-256 of the payload; set by the codec for decisions only */

    /* The envelope. */
    uint32_t version;        /* schema version of the writer */
    char cluster[NAME_SIZE]; /* "_" for a monitor's heartbeat */
    char writer[NAME_SIZE];  /* node, monitor or operator */
    uint64_t incarnation;    /* of the writer: grows with each of its starts */
    uint64_t counter;        /* of the writer's events in this incarnation, from 1 */
    uint64_t wall_us;        /* for people; never for decisions */
    uint64_t cause_seq;      /* what triggered it; 0 for a timer or a fact of the writer's own */

    enum event_kind kind;
    struct decision decision; /* decisions only */
    union {
        struct probe probe;
        struct renew renew;
        struct release release;
        struct refuse refuse;
        struct hello hello;
        struct anchor anchor;    /* a monitor's */
        struct task_report task; /* progress, done, failed */
        struct goodbye goodbye;
        struct revoke revoke;
        struct grant grant;
        struct directive directive;
        struct config config;
        struct no_candidate no_candidate;
        struct request request;
        struct switchover_step switchover_step;
        struct order order;
        struct sync_set sync_set;
        struct snapshot snapshot;
    } body;
};

/* True when name is 1 to 40 bytes of [a-z0-9-] and does not begin with '-'. */
bool name_is_valid(const char *name);

#endif
