/* SPDX-License-Identifier: PostgreSQL */
/* change.h - the part of a cluster's state that tells how leadership passed from one to another. */
#ifndef PGBATON_CHANGE_H
#define PGBATON_CHANGE_H

#include "event.h"

/* The last change of leadership, for describe and the timeline. Times are wall clocks of the
 * writers. */
struct change {
    uint64_t seq; /* of the grant */
    uint64_t term;
    char from[NAME_SIZE]; /* the old leader; empty for the first term */
    char to[NAME_SIZE];
    enum reason reason; /* why the old term ended */
    enum grant_kind kind;
    uint64_t ended_seq;        /* of the release, refusal or revoke */
    uint64_t detected_wall_us; /* release.detected_wall_us, or the revoke's own time */
    uint64_t fenced_wall_us;   /* release.fenced_wall_us; 0 after a revoke */
    uint64_t ended_wall_us;
    uint64_t granted_wall_us;
    uint64_t leased_wall_us;       /* first effective renewal */
    uint64_t promoted_wall_us;     /* done(promote) */
    uint64_t writable_wall_us;     /* done(first_write): its own, which waits for nobody */
    uint64_t acknowledged_wall_us; /* the first done(sync): commits are acknowledged; 0: not yet, or
                                      they wait for nobody */
    uint64_t writable_seq;
    uint64_t loss_bytes; /* as the grant says it */
    bool loss_known;
    bool standby;            /* to lead a standby cluster: nothing is promoted, nor lost */
    bool proven;             /* no acknowledged commit can be missing */
    uint64_t leader_wall_us; /* of the old leader's last known position, by its clock */
};

/* How a term ended, kept until the next grant turns it into a struct change. */
struct ending {
    uint64_t seq;
    enum reason reason;
    uint64_t detected_wall_us;
    uint64_t fenced_wall_us;
    uint64_t wall_us;
    struct position end; /* where the old leader's WAL ends, when it stopped in order and said so;
                            zeros: not known */
};

#endif
