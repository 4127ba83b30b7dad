/* SPDX-License-Identifier: PostgreSQL */
/*
 * waiting.h - what a cluster that is not writable waits for (I20).
 *
 * Pure, from the state alone: a state that is not writable has either a next step, which somebody
 * takes by a deadline of his own, or names here what it waits for. describe shows it, and the
 * simulator demands that nothing is waited for without end.
 */
#ifndef PGBATON_WAITING_H
#define PGBATON_WAITING_H

#include "cluster.h"

enum waiting {
    WAITING_NONE = 0,    /* it is writable, or a standby cluster that is led */
    WAITING_UPGRADE,     /* of this program: a decision of a newer version stands in the log */
    WAITING_FIRST_NODE,  /* an agent must say hello */
    WAITING_CONFIG,      /* a monitor must write the configuration */
    WAITING_FIRST_GRANT, /* a monitor must choose the first leader */
    WAITING_RENEWAL,     /* the grantee must renew; else it loses the term */
    WAITING_INITDB,      /* the leader makes the cluster */
    WAITING_START,       /* the leader starts what it has */
    WAITING_PROMOTION,   /* the leader's PostgreSQL must leave recovery */
    WAITING_FIRST_WRITE, /* and write */
    WAITING_REPORTS,     /* standbys must tell where they stand */
    WAITING_LEASE_END,   /* the revoked term's last lease must have run out */
    WAITING_GRANT,       /* a monitor must grant the next term */
    WAITING_CANDIDATE,   /* nobody can lead: each node's verdict says why */
    WAITING_LIMIT,       /* somebody could: so many failovers were allowed of late, and no more */
    WAITING_STOP,        /* the leader stops for a switchover */
    WAITING_RESUME,      /* nobody leads, and the cluster is paused */
    WAITING_LEASE_BACK,  /* the pause is over: the leader must say that its lease ends again */
    WAITING_RESTART,     /* the leader restarts PostgreSQL in place */
    WAITING_POLICY,      /* somebody could lead: switch_policy lets nobody be promoted unasked */
    WAITING_PROOF,       /* somebody could lead, and is not proven to miss nothing */
    WAITING_STREAM,      /* a standby cluster: its leader is to stream from the remote */
    WAITING_LOST,        /* the log has lost a part of itself: members must say what they know */
    WAITING_COUNT
};

enum waiting cluster_waiting(const struct cluster *c);
/* "first_write" */
const char *waiting_name(enum waiting waiting);
/* One sentence for people: what it waits for, and what would heal it; empty when it runs. Returns
 * the length. */
size_t waiting_explain(const struct cluster *c, char *buffer, size_t size);
/* The same of a loss of the log (lost.h) while somebody leads; empty when none is known. */
size_t waiting_explain_lost(const struct cluster *c, char *buffer, size_t size);

#endif
