/* SPDX-License-Identifier: PostgreSQL */
/*
 * event.h - what is said in the log: one plain struct per event, no pointers.
 *
 * The codec turns these into protobuf and back (event.proto has the same names). Everything that is
 * stored is one of these; DESIGN section 3 says who may write which on which subject. Enums have a
 * string table in event.c: the names that `tail -o json`, describe and the logs print.
 */
#ifndef PGBATON_EVENT_H
#define PGBATON_EVENT_H

#include "limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kinds of events. Decisions are those for which event_is_decision() is true. */
enum event_kind {
    EVENT_NONE = 0,     /* nothing; never stored */
    EVENT_PROBE,        /* agent: a probe result that changed, or a fresh one for an election */
    EVENT_RENEW,        /* agent: the holder renews its lease */
    EVENT_RELEASE,      /* agent: every process of its PostgreSQL is dead; the term is given up */
    EVENT_REFUSE,       /* agent: it cannot take the grant */
    EVENT_HELLO,        /* agent: a new incarnation, what it has and where it is */
    EVENT_PROGRESS,     /* agent: how far a task is */
    EVENT_DONE,         /* agent: a task ended well */
    EVENT_FAILED,       /* agent: a task ended badly */
    EVENT_GOODBYE,      /* agent: stops in order */
    EVENT_REVOKE,       /* decision: the term's lease may no longer be renewed */
    EVENT_GRANT,        /* decision: a new term and its holder */
    EVENT_DIRECTIVE,    /* decision: a node is told to rebuild */
    EVENT_CONFIG,       /* decision: the cluster's configuration */
    EVENT_NO_CANDIDATE, /* decision: nobody is eligible, with each node's reason */
    EVENT_HEARTBEAT,    /* monitor: proof that the log can be written and that it hears it */
    EVENT_KIND_COUNT
};

/* What an agent says its PostgreSQL is. */
enum node_state {
    NODE_UNKNOWN = 0, /* not inspected yet */
    NODE_EMPTY,       /* no data directory, or an empty one */
    NODE_STOPPED,     /* a complete data directory, no process */
    NODE_STARTING,    /* start ordered, no answer yet */
    NODE_STANDBY,     /* answers, in recovery */
    NODE_PROMOTING,   /* promotion ordered, still in recovery */
    NODE_PRIMARY,     /* answers, not in recovery */
    NODE_STOPPING,    /* stop ordered, processes may be left */
    NODE_REBUILDING,  /* a base backup or a rewind runs */
    NODE_FAILED,      /* cannot run as it is; the reason says why */
    NODE_STATE_COUNT
};

/* Why something happened or is as it is; shared by all events. */
enum reason {
    REASON_NONE = 0,
    REASON_DATA_DIRECTORY_EMPTY,      /* it is gone or holds nothing */
    REASON_DATA_DIRECTORY_DAMAGED,    /* files that every cluster has are missing */
    REASON_DATA_DIRECTORY_UNREADABLE, /* permissions or I/O errors */
    REASON_POSTMASTER_DIED,           /* the postmaster's process ended unasked */
    REASON_PROBE_TIMEOUT,   /* alive, and gave no answer in time, threshold times in a row */
    REASON_PROBE_FAILED,    /* alive, and answered with errors, threshold times in a row */
    REASON_LEASE_EXPIRED,   /* the holder could not prove its lease any more */
    REASON_DEPOSED,         /* the log says that somebody else leads, or nobody */
    REASON_SHUTDOWN,        /* the agent was asked to stop */
    REASON_FOREIGN_SYSTEM,  /* system_identifier of another PostgreSQL system */
    REASON_UNCLEAN_PRIMARY, /* was a primary and did not stop cleanly: needs a rewind */
    REASON_DIVERGED,        /* its position is not on the cluster's history */
    REASON_START_FAILED,    /* PostgreSQL did not start */
    REASON_PROMOTE_FAILED,  /* PostgreSQL did not promote in time */
    REASON_INITDB_FAILED,
    REASON_BASEBACKUP_FAILED,
    REASON_REWIND_FAILED,
    REASON_STALE_TERM,   /* the node has persisted a higher term than the grant's */
    REASON_NOT_ELIGIBLE, /* the grantee's own look at itself differs from the grant's */
    REASON_REQUESTED,    /* an operator asked for it */
    REASON_SUPERSEDED,   /* a newer incarnation of this node has said hello */
    REASON_COUNT
};

/* What an agent may be doing for long; named in progress, done and failed. */
enum task {
    TASK_NONE = 0,
    TASK_INITDB,      /* create the cluster, on a bootstrap grant */
    TASK_BASEBACKUP,  /* copy the leader into a new directory */
    TASK_REWIND,      /* pg_rewind against the leader */
    TASK_START,       /* start PostgreSQL */
    TASK_STOP,        /* stop PostgreSQL */
    TASK_PROMOTE,     /* done: the node is not in recovery any more */
    TASK_FIRST_WRITE, /* done: the new leader's first write is committed */
    TASK_CHECKPOINT,  /* after a promotion, so that a rewind sees the new timeline */
    TASK_COUNT
};

/* How a grant makes its holder a primary. */
enum grant_kind {
    GRANT_FAILOVER = 0, /* promote the standby */
    GRANT_BOOTSTRAP,    /* initdb: the first node of a new cluster */
    GRANT_ADOPT,        /* start an existing data directory as the cluster's primary */
    GRANT_KIND_COUNT
};

/* What an election says of one node (election.h). */
enum verdict {
    VERDICT_ELIGIBLE = 0,   /* may be granted the next term */
    VERDICT_CHOSEN,         /* is granted the next term */
    VERDICT_UNREACHABLE,    /* not heard */
    VERDICT_NOT_REPORTED,   /* heard, gave no fresh position for this election yet */
    VERDICT_NO_DATA,        /* data directory empty */
    VERDICT_REBUILDING,     /* being rebuilt, or told to */
    VERDICT_NOT_RUNNING,    /* its PostgreSQL is not a running standby */
    VERDICT_FAILED,         /* its PostgreSQL cannot run; see the node's reason */
    VERDICT_FOREIGN_SYSTEM, /* another system_identifier */
    VERDICT_DIVERGED,       /* not on the cluster's history */
    VERDICT_BELOW_FLOOR,    /* behind the place where the last term opened */
    VERDICT_LAG,            /* further behind than maximum_lag_on_failover */
    VERDICT_NOFAILOVER,     /* tagged nofailover */
    VERDICT_REFUSED,        /* refused the last grant and has not changed since */
    VERDICT_COUNT
};

/* switch_policy; the others than MaximumAvailability come with their issue. */
enum switch_policy { SWITCH_MAXIMUM_AVAILABILITY = 0, SWITCH_POLICY_COUNT };

/* A place in the WAL. lsn is PostgreSQL's XLogRecPtr; 0 means unknown. */
struct position {
    uint32_t timeline;
    uint64_t lsn;
};

/* "timeline `timeline` ended at `switch_lsn`, where the next one began", oldest first
 * (PostgreSQL's .history files say the same). */
struct history_entry {
    uint32_t timeline;
    uint64_t switch_lsn;
};

struct history {
    uint32_t count;
    struct history_entry entries[HISTORY_COUNT_MAX];
};

/* One row of pg_stat_replication, as the leader sees it. */
struct replica_row {
    char name[NAME_SIZE]; /* application_name */
    bool streaming;       /* state = 'streaming' */
    uint64_t flush_lsn;
};

/* A node's own look at its PostgreSQL; the body of probe, and a part of hello. */
struct probe {
    enum node_state state;
    enum reason reason; /* why, when state is FAILED, EMPTY or STOPPED */
    struct position
            position;    /* primary: flushed; standby: max(received, replayed); else pg_control */
    uint64_t replay_lsn; /* standbys; 0 otherwise */
    uint64_t system_id;  /* 0 when there is no data directory */
    bool streaming;      /* the WAL receiver streams */
    bool clean;          /* the data directory was shut down cleanly, or runs */
    bool was_primary;    /* pg_control says that it last ran as a primary */
    uint32_t failures;   /* probes failed in a row */
    uint64_t election_term; /* the term whose end this report answers; 0 outside elections */
    struct history history; /* timelines this node knows; only sent when it changed */
    uint32_t replica_count;
    struct replica_row replicas[NODE_COUNT_MAX]; /* primaries only */
};

struct renew {
    uint64_t term;
    uint32_t ttl_ms;       /* the lease_ttl under which it was sent */
    uint64_t seen_seq;     /* the holder had folded up to here */
    enum node_state state; /* what it is at this moment */
    struct position position;
    uint32_t probe_age_ms; /* how old the evidence from its PostgreSQL is */
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

struct hello {
    struct probe probe;
    char host[HOST_SIZE]; /* where its PostgreSQL listens */
    uint16_t port;
    uint32_t pg_version;       /* 150004; 0 when unknown */
    int32_t failover_priority; /* higher is preferred among equals; 0 by default */
    bool nofailover;
    uint64_t anchor_seq; /* the last effective grant that it has persisted; 0 for none */
    uint64_t anchor_term;
};

struct task_report { /* progress, done, failed */
    enum task task;
    uint64_t term;            /* the term it was done for */
    uint64_t directive_seq;   /* the directive or grant that asked for it; 0 when none */
    uint32_t percent;         /* progress only */
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
    uint64_t renewal_age_ms; /* since it received the last effective renewal of the term; if there
                                is none, since it received the grant */
    uint64_t hearing_ms;     /* for so long it has read all its heartbeats back */
    uint64_t phase_age_ms;   /* since it received what began the present phase */
    uint64_t heartbeat_seq;  /* its newest heartbeat that it read back */
    uint32_t alive_mask;     /* bit i: node i was heard within the failure threshold */
    uint32_t backoff_mask;   /* bit i: node i's last task failed too short a while ago */
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
    uint32_t timeline;        /* GRANT_FAILOVER: the one that its promotion opens, above every one that
                                 may exist; 0 otherwise */
    uint64_t renewal_seq;     /* the old term's last effective renewal; 0 for none */
    uint64_t loss_bytes; /* last known position of the old leader minus the grantee's; 0 or more */
    struct candidate_list candidates;
};

struct directive { /* rebuild; the other directives follow from the state */
    char node[NAME_SIZE];
    uint64_t incarnation; /* of the node; another one must not obey */
    uint64_t term;        /* of the leader to rebuild from */
    enum task task;       /* TASK_BASEBACKUP or TASK_REWIND */
};

struct config {
    uint32_t probe_period_ms;
    uint32_t probe_timeout_ms;
    uint32_t probe_failure_threshold;
    uint32_t lease_ttl_ms;
    enum switch_policy switch_policy;
    uint64_t maximum_lag_on_failover; /* bytes; UINT64_MAX: no bound */
};

struct no_candidate {
    uint64_t term; /* the last one; the next cannot be granted */
    struct candidate_list candidates;
};

/* The head of every decision. */
struct decision {
    uint64_t prev_seq; /* the last effective decision that the author knew; 0 for the first */
    uint8_t prev_hash[HASH_SIZE]; /* its hash; zeros for the first */
    uint64_t folded_seq;          /* the author had folded this cluster's events up to here */
    uint8_t digest[HASH_SIZE];    /* of the state there */
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
        struct task_report task; /* progress, done, failed */
        struct goodbye goodbye;
        struct revoke revoke;
        struct grant grant;
        struct directive directive;
        struct config config;
        struct no_candidate no_candidate;
    } body;
};

/* True for revoke, grant, directive, config, no_candidate. */
bool event_is_decision(enum event_kind kind);
/* True for renew, release, refuse. */
bool event_is_lock(enum event_kind kind);
/* True for what only an agent writes: probe, lock and node events. */
bool event_is_agents(enum event_kind kind);

/* Stable lower-case names; "?" for a value out of range, so that they are total. */
const char *event_kind_name(enum event_kind kind);  /* "no_candidate" */
const char *node_state_name(enum node_state state); /* "rebuilding" */
const char *reason_name(enum reason reason);        /* "data_directory_empty" */
const char *reason_text(enum reason reason);        /* "data directory empty" */
const char *task_name(enum task task);              /* "basebackup" */
const char *grant_kind_name(enum grant_kind kind);  /* "bootstrap" */
const char *verdict_name(enum verdict verdict);     /* "not_reported" */
const char *verdict_text(enum verdict verdict);     /* "has not reported for this election" */
const char *switch_policy_name(enum switch_policy policy); /* "MaximumAvailability" */

/* True when name is 1 to 40 bytes of [a-z0-9-] and does not begin with '-'. */
bool name_is_valid(const char *name);

/* Below, equal, above: compares timelines first, then lsn. Only for positions of one history. */
int position_compare(struct position a, struct position b);

#endif
