/* SPDX-License-Identifier: PostgreSQL */
/*
 * lease.h - the leader's lease as its holder keeps it (DESIGN section 4, I4).
 *
 * A renewal is appended each probe_period while this node holds the term and has fresh evidence
 * from its PostgreSQL. The clock value from before the send is remembered; when that very renewal
 * (present incarnation, counter) is read back effective, the lease runs until that value + the ttl
 * it named. Neither the grant nor an acknowledgement starts anything. The deadline never moves
 * backward except to "none" and from LEASE_LIFTED_MS, and one that has passed is taken out before a
 * new one begins. What stands in the guard's page when an agent starts is its lease: an earlier
 * incarnation got it. While the log is away promises of peers extend a lease (promise.h).
 *
 * While the cluster is paused renewals say that they lift the lease: read back effective, they put
 * LEASE_LIFTED_MS into the page. A renewal that does not say so is sent only after an end (now +
 * ttl) stands in the page again (proto/pause.h).
 *
 * A renewal that is not read back in half a period is followed by another. A leader that cannot
 * renew demotes ahead of its deadline, step by step (config_demote_ms):
 *
 *   LEASE_KEPT ──▶ LEASE_FAST ──▶ LEASE_IMMEDIATE ──▶ SIGKILL, deadline
 */
#ifndef PGBATON_AGENT_LEASE_H
#define PGBATON_AGENT_LEASE_H

#include "facts.h"

struct agent;

/* Renewals that may be under way at once; older ones are forgotten and give nothing. */
#define LEASE_SENT_MAX 32

struct lease_sent {
    uint64_t counter; /* 0: empty place */
    uint64_t sent_ms; /* CLOCK_BOOTTIME before the send */
    uint32_t ttl_ms;  /* as the renewal named it */
    bool lifted;      /* it lifts the lease */
};

/* How far the demotion of a leader that could not renew has gone. */
enum lease_stage {
    LEASE_KEPT = 0,
    LEASE_FAST,      /* a fast shutdown was ordered */
    LEASE_IMMEDIATE, /* an immediate one */
};

struct agent_lease {
    uint64_t term;        /* of the renewals below */
    uint64_t deadline_ms; /* what the guard's page holds by this agent's orders; 0: none */
    uint64_t renew_ms;    /* when the next renewal is due; 0: at once */
    enum lease_stage stage;
    uint64_t demote_ms;    /* the deadline ahead of which it demotes */
    uint64_t last_counter; /* of the newest renewal sent */
    uint32_t next_sent;    /* place in sent that is used next */
    struct lease_sent sent[LEASE_SENT_MAX];
};

/* A renewal of ours was read back effective: extends or begins the lease, if its time still runs.
 */
void lease_read_back(struct agent *a, const struct event *renewal, struct action_list *actions);
/* Promises have answered a question (promise.h): extends a lease that still runs. */
void lease_extend(struct agent *a, uint64_t deadline_ms, struct action_list *actions);
/* How often a renewal is sent. */
uint32_t lease_renew_period_ms(const struct agent *a);
/* Takes the lease out of the guard's page, if it is there. */
void lease_take_out(struct agent *a, struct action_list *actions);
/* Renews when due; raises REASON_LEASE_EXPIRED when what may be a primary nears its deadline. */
void lease_keep(struct agent *a, struct action_list *actions);
/* True when the lease runs long enough to begin something under it: its demotion is not due. */
bool lease_runs(const struct agent *a);
/* True when a running primary must begin to demote, or go one step further. */
bool lease_must_demote(const struct agent *a);
void lease_demote(struct agent *a, struct action_list *actions);
/* True when the demotion has ended and the term must be given up. */
bool lease_has_demoted(const struct agent *a);
/* When lease_keep() next has something to do; UINT64_MAX: never. */
uint64_t lease_next_ms(const struct agent *a);

#endif
