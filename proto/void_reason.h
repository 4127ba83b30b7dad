/* SPDX-License-Identifier: PostgreSQL */
/*
 * void_reason.h - why the fold ignores an event. Names and sentences are cluster.c's.
 *
 * Values count in the digest: new ones are added before _COUNT.
 */
#ifndef PGBATON_VOID_REASON_H
#define PGBATON_VOID_REASON_H

/* Why the fold ignores an event. */
enum void_reason {
    VOID_NONE = 0,      /* it is effective */
    VOID_MALFORMED,     /* its bytes do not decode */
    VOID_NEWER_VERSION, /* a schema version above ours; on the decision subject the state freezes */
    VOID_WRONG_SUBJECT, /* not where its kind and writer belong */
    VOID_FOREIGN_CLUSTER,   /* names another cluster */
    VOID_UNKNOWN_NODE,      /* its writer never said hello */
    VOID_TOO_MANY_NODES,    /* the cluster is full */
    VOID_STALE_INCARNATION, /* its writer has a newer incarnation (I13) */
    VOID_NO_HELLO,          /* an incarnation that has not said hello */
    VOID_DUPLICATE,   /* its counter is not above its writer's last of that kind (rule ORDER) */
    VOID_STALE_TERM,  /* speaks of an earlier term */
    VOID_FUTURE_TERM, /* speaks of a term that was never granted */
    VOID_NOT_LEADER,  /* a lock event of a node that is not the leader */
    VOID_NOT_HELD,    /* the term is released or revoked */
    VOID_STALE_PREDECESSOR, /* a decision that does not follow the last effective one (I3) */
    VOID_WRONG_HASH,        /* names the right sequence and another content */
    VOID_BAD_DIGEST,        /* its author folded to another state (I14) */
    VOID_RENEWED_SINCE,     /* a revoke whose author had not seen the newest renewal */
    VOID_NO_WAIT,           /* a revoke or grant without the wait that I6 demands */
    VOID_HELD,              /* a grant while somebody holds the term */
    VOID_WRONG_TERM,        /* a grant whose term is not the next one */
    VOID_WRONG_TIMELINE,    /* a grant or a promotion to a timeline that may exist already (I10) */
    VOID_NOT_ELIGIBLE,      /* a grant to a node that may not have it (I10) */
    VOID_ALREADY_BOOTSTRAPPED, /* a bootstrap where a system exists */
    VOID_BAD_TARGET, /* a directive for an unknown node or incarnation, or for the holder (I16) */
    VOID_BAD_CONFIG, /* values out of range */
    VOID_LIMIT_REACHED,    /* a failover or a rebuild beyond its limit (I18) */
    VOID_NO_CHANGE,        /* a decision that states what already is */
    VOID_IMPOSSIBLE,       /* values that no honest writer sends (a ttl of 0, say) */
    VOID_REQUEST_PENDING,  /* a request while another one is not carried out */
    VOID_REQUEST_OUTDATED, /* another request ended since its author looked; also a second copy */
    VOID_NO_REQUEST,       /* a step of a switchover that nobody asks for */
    VOID_WRONG_STEP,       /* a step that state and evidence do not call for */
    VOID_PAUSED,           /* by itself, while the cluster is paused or the lease is lifted */
    VOID_NOT_PAUSED,       /* lifts the lease, and the cluster is not paused */
    VOID_REASON_COUNT
};

#endif
