/* SPDX-License-Identifier: PostgreSQL */
/*
 * reason.h - why something happened or is as it is: a part of the vocabulary.
 *
 * Names and texts are event.c's. Values are on the wire: new ones are added before _COUNT.
 */
#ifndef PGBATON_REASON_H
#define PGBATON_REASON_H

#include <stdbool.h>

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
    REASON_STALE_TERM,        /* the node has persisted a higher term than the grant's */
    REASON_NOT_ELIGIBLE,      /* the grantee's own look at itself differs from the grant's */
    REASON_REQUESTED,         /* an operator asked for it */
    REASON_SUPERSEDED,        /* a newer incarnation of this node has said hello */
    REASON_DISK_FULL,         /* the file system of its data or WAL has less than a segment left */
    REASON_DISK_READ_ONLY,    /* it refuses every write */
    REASON_DISK_SILENT,       /* what looks at it gets no answer in time */
    REASON_FAILOVER_LIMIT,    /* so many automatic failovers of late that the next must wait */
    REASON_TARGET_UNFIT,      /* the node that was asked for cannot take over; see its verdict */
    REASON_NOBODY_FIT,        /* no standby can take over */
    REASON_CHECKPOINT_FAILED, /* the leader's checkpoint failed, or took too long */
    REASON_STANDBY_STUCK, /* a standby that the leader's shutdown would wait for does not keep up */
    REASON_STOP_TIMEOUT,  /* the leader's PostgreSQL did not stop in time */
    REASON_END_UNREACHED, /* nobody came who has all that the old leader wrote */
    REASON_TERM_ENDED,    /* the term that it was asked for ended otherwise */
    REASON_OTHER_CHOSEN,  /* another node than the one that was asked for leads */
    REASON_WAL_MISSING,   /* the leader has removed WAL that the node needs to follow */
    REASON_REWIND_IN_VAIN,   /* a rewind ended well, and the node cannot follow all the same */
    REASON_MISSED,           /* no monitor was there when a scheduled switchover was due */
    REASON_CANCELLED,        /* an operator took it back */
    REASON_RESTORE_FAILED,   /* the command of bootstrap.restore, or the recovery after it */
    REASON_POST_INIT_FAILED, /* the command of bootstrap.post_init */
    REASON_LEADER_HEARD,     /* it is said to be stopped, and is heard */
    REASON_OVERTAKEN,        /* what was asked for has come about, or makes no sense any more */
    REASON_RESTART_TIMEOUT,  /* the leader's PostgreSQL could not be restarted in place in time */
    REASON_POLICY,           /* switch_policy lets nobody be promoted without being asked */
    REASON_NODE_HEARD,       /* it is to be removed, and is heard */
    REASON_STILL_NEEDED,     /* commits, an election or a request count on it */
    REASON_NODE_SILENT,      /* it is to be restarted, and is not heard */
    REASON_NOT_RUNNING,      /* ... and does not run as what it should be */
    REASON_RESTART_GOES_ON,  /* ... while another restart that was asked for goes on */
    REASON_PARAMETER_FORBIDDEN, /* pgbaton sets it itself, or it is a node's own */
    REASON_PARAMETER_INVALID,   /* the leader's PostgreSQL does not take it */
    REASON_PARAMETERS_FULL,     /* there is no room for so many parameters */
    REASON_NO_CHANGE,           /* it changes nothing */
    REASON_UNCHECKED,           /* nobody leads whose PostgreSQL could check it */
    REASON_LOG_LOST,            /* what is asked rests on what the log has lost */
    REASON_COUNT
};

/* True for a file system that takes no more writes. */
bool reason_is_disk(enum reason reason);

/* Stable lower-case names; "?" for a value out of range, so that they are total. */
const char *reason_name(enum reason reason); /* "data_directory_empty" */
const char *reason_text(enum reason reason); /* "data directory empty" */

#endif
