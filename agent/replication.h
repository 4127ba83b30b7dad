/* SPDX-License-Identifier: PostgreSQL */
/*
 * replication.h - how PostgreSQL is to replicate: whom it follows, whom its commits wait for, and
 * the slots that it keeps. Parts of what the core orders (facts.h).
 */
#ifndef PGBATON_AGENT_REPLICATION_H
#define PGBATON_AGENT_REPLICATION_H

#include "../proto/event.h"

/* No node has such a name. */
#define REMOTE_NODE "the remote cluster"

/* Where a standby streams from, or a task copies from; and what else PostgreSQL's replication is to
 * be: whom its commits wait for when it is a primary. */
struct upstream {
    char node[NAME_SIZE]; /* empty: nowhere; REMOTE_NODE: the cluster that this one is a standby of
                           */
    char host[REMOTE_HOST_SIZE]; /* several of a remote, of which the writable one is meant */
    uint16_t port;
    char slot[SLOT_IDENTIFIER_SIZE]; /* of a remote: the one that exists there; empty: none */
    uint32_t timeline;   /* the leader's: a rewind waits until its pg_control shows it (FACTS 19);
                               of a promotion: the one that it must open, 0: as PostgreSQL picks */
    uint64_t seal_term;  /* nowhere, because this node has turned away from this term's leader;
                            0: otherwise */
    uint32_t wait_count; /* ANY so many of waits; 0: nobody is waited for. More than there are
                            waits, none at all too: what is committed waits for a new order */
    struct name_list waits;
};

struct slot {
    char node[NAME_SIZE];
    uint64_t lsn; /* on a standby: advance the slot to here (its node has it); 0: leave */
};

struct permanent_order {
    struct permanent_slots slots;
    struct permanent_slots dropped; /* no longer wanted */
    struct logical_slots logical;
    char host[HOST_SIZE]; /* on a standby: the leader, to whose slots its own are moved; or empty */
    uint16_t port;
};

#endif
