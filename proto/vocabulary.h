/* SPDX-License-Identifier: PostgreSQL */
/*
 * vocabulary.h - the words that events are made of: kinds, states, reasons, tasks, verdicts.
 *
 * Each enum has a string table in event.c: the names that `tail -o json`, describe and logs print.
 * Values are on the wire: new ones are added before _COUNT, none is ever given another meaning.
 */
#ifndef PGBATON_VOCABULARY_H
#define PGBATON_VOCABULARY_H

#include "limits.h"
#include "reason.h"

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
    EVENT_SYNC_SET,     /* decision: what commits wait for, and what an election needs */
    EVENT_HEARTBEAT,    /* monitor: proof that the log can be written and that it hears it */
    EVENT_REQUEST,      /* operator: asks for a switchover or a failover */
    EVENT_SWITCHOVER_STEP, /* decision: a requested switchover begins, goes on, or is given up */
    EVENT_ORDER,           /* decision: another request is carried out, or declined (order.h) */
    EVENT_SNAPSHOT,        /* monitor: the state, so that a reader need not fold all (snapshot.h) */
    EVENT_ANCHOR,          /* monitor: it remembers what the log has lost (lost.h) */
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
    TASK_SYNC,        /* done: PostgreSQL waits for a sync_set, and that many have the mark */
    TASK_RESTORE,     /* make the cluster from a backup, on a bootstrap grant */
    TASK_POST_INIT,   /* the operator's command in the new cluster, ahead of its first write */
    TASK_CLONE,       /* make the first node of a standby cluster from the remote primary */
    TASK_STREAM, /* done: the leader of a standby cluster streams from the remote, others from it */
    TASK_RESTART, /* the restart of PostgreSQL that the node was licensed for (licence.h) */
    TASK_CONFIG,  /* done: the leader's PostgreSQL takes the parameters that are asked for */
    TASK_COUNT
};

/* How a grant makes its holder a primary. */
enum grant_kind {
    GRANT_FAILOVER = 0, /* promote the standby */
    GRANT_BOOTSTRAP,    /* initdb or restore: the first node of a new cluster */
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
    VERDICT_DISK,           /* its disk takes no writes: reason_is_disk() */
    VERDICT_INCOMPLETE,     /* lacks a part of what a leader that stopped for a switchover wrote */
    VERDICT_NOT_SEALED,     /* has reported, and may still receive WAL of the old term */
    VERDICT_NO_QUORUM,      /* too few of the nodes that commits waited for have reported */
    VERDICT_BEHIND,         /* another node that commits waited for has more */
    VERDICT_UNPROVEN,       /* commits did not wait for it: it may lack acknowledged ones */
    VERDICT_PRIMARY_UNSEEN, /* a standby that somebody has made: its primary may be running */
    VERDICT_POLICY,         /* could lead, and switch_policy lets nobody be promoted unasked */
    VERDICT_LOG_LOST,       /* not before every member has said what it remembers (lost.h) */
    VERDICT_NOT_ASKED,      /* the last leader may live on promises that others give (promise.h) */
    VERDICT_COUNT
};

/* What an operator may ask for. */
enum request_kind {
    REQUEST_SWITCHOVER = 0, /* another leader, while this one serves: nothing is lost */
    REQUEST_FAILOVER,       /* a leader, while there is none */
    REQUEST_REBUILD,        /* a node other than the leader is to be copied from it again */
    REQUEST_CANCEL,         /* of a switchover, until its leader stops */
    REQUEST_PAUSE,          /* nothing is switched, restarted or rebuilt by itself */
    REQUEST_RESUME,         /* ... and again as ever */
    REQUEST_REMOVE,         /* a node that has left, or is dead, is a member no more */
    REQUEST_PROMOTE,        /* a standby cluster becomes one that accepts writes (standby.h) */
    REQUEST_RESTART,        /* a node's PostgreSQL is to be restarted (licence.h) */
    REQUEST_CONFIG,         /* PostgreSQL's parameters are changed, on all nodes */
    REQUEST_RELOAD,         /* PostgreSQL reads its configuration files again */
    REQUEST_RECOVER,        /* nobody else will say what a lost part of the log held (lost.h) */
    REQUEST_KIND_COUNT
};

/* What a monitor decides of a switchover (switchover.h). */
enum switch_step {
    SWITCH_NONE = 0, /* nothing yet */
    SWITCH_BEGIN,    /* the target is chosen; the leader runs a checkpoint while it serves */
    SWITCH_STOP,     /* the leader stops PostgreSQL in order and releases */
    SWITCH_ABORT,    /* the request is given up; a leader that was told to stop goes on */
    SWITCH_DUE,      /* the time that it was scheduled for has come: it counts from here on */
    SWITCH_STEP_COUNT
};

/* switch_policy: when a leader that is down is followed by another (policy.h). One that is up is
 * only ever followed by a node that has all of its WAL. */
enum switch_policy {
    SWITCH_MAXIMUM_AVAILABILITY = 0, /* at once */
    SWITCH_MAXIMUM_DATA_PROTECTION,  /* by a node that is proven to miss nothing */
    SWITCH_NOOP,                     /* by nobody; what would have been done is recorded */
    SWITCH_POLICY_COUNT
};

/* crash_policy: what follows when the leader's PostgreSQL has crashed and its data is whole. */
enum crash_policy {
    CRASH_FAILOVER = 0, /* a failover, when somebody may take over; else a restart in place */
    CRASH_RESTART,      /* a restart in place */
    CRASH_POLICY_COUNT
};

/* What a commit waits for. */
enum synchronous {
    SYNCHRONOUS_OFF = 0, /* nothing but the leader's own disk */
    SYNCHRONOUS_QUORUM,  /* synchronous_count standbys, as long as there are any */
    SYNCHRONOUS_STRICT,  /* synchronous_count standbys, whether or not there are */
    SYNCHRONOUS_MODE_COUNT
};

/* Where the synchronous set stands. */
enum sync_step {
    SYNC_NONE = 0, /* commits wait for nobody: a failover may lose some */
    SYNC_CHANGING, /* PostgreSQL is being told; an election satisfies the old set and the new */
    SYNC_STEADY,   /* what commits wait for is what an election needs */
    SYNC_STEP_COUNT
};

/* True for revoke, grant, directive, config, no_candidate, sync_set, switchover_step, order. */
bool event_is_decision(enum event_kind kind);
/* True for renew, release, refuse. */
bool event_is_lock(enum event_kind kind);
/* True for what only an agent writes: probe, lock and node events. */
bool event_is_agents(enum event_kind kind);

/* True for a request that an order ends (order.h). */
bool request_is_ordered(enum request_kind kind);
/* True when a node may lack acknowledged commits, as far as the log can tell (sync.h). */
bool verdict_is_of_proof(enum verdict verdict);

/* Stable lower-case names; "?" for a value out of range, so that they are total. */
const char *event_kind_name(enum event_kind kind);  /* "no_candidate" */
const char *node_state_name(enum node_state state); /* "rebuilding" */
const char *task_name(enum task task);              /* "basebackup" */
const char *grant_kind_name(enum grant_kind kind);  /* "bootstrap" */
const char *verdict_name(enum verdict verdict);     /* "not_reported" */
const char *verdict_text(enum verdict verdict);     /* "has not reported for this election" */
const char *switch_policy_name(enum switch_policy policy); /* "MaximumAvailability" */
const char *crash_policy_name(enum crash_policy policy);   /* "failover" */
const char *request_kind_name(enum request_kind kind);     /* "switchover" */
const char *switch_step_name(enum switch_step step);       /* "begin" */
const char *synchronous_name(enum synchronous mode);       /* "quorum" */
const char *sync_step_name(enum sync_step step);           /* "changing" */

#endif
