/* SPDX-License-Identifier: PostgreSQL */
/*
 * promise.h - failsafe: a leader lives on its peers' promises while the log is away (I11).
 *
 * Each renewal names the nodes that could follow its sender: `electable`. The fold grants the next
 * term to nobody else while the sender may still lead (cluster_is_asked). So when renewals are not
 * read back, the leader asks all that any renewal names which may be the last in the log: the last
 * one read back, and those sent since. When every one of them has promised neither to renew nor to
 * promote for ttl + LEASE_ALLOWANCE_MS, the lease goes on from the moment of the question. It ends
 * in time when one of them does not answer.
 *
 *   renewal late ──ACTION_PROMISE──▶ peers: FACT_PROMISE ──▶ keep still, vote persisted, answer
 *        ▲                                                         │
 *        └─────── lease from the question on ◀──FACT_PROMISE── all have promised
 *
 * The rules that the model shows to be needed (tests/model/failsafe.pml): a promise forbids to
 * renew, too; it lasts longer than the lease that it gives; only a lease that runs is extended; a
 * restart shortens no promise; only an agent that has read back a renewal of its present
 * incarnation asks; a node that is not named is not granted.
 */
#ifndef PGBATON_AGENT_PROMISE_H
#define PGBATON_AGENT_PROMISE_H

#include "facts.h"

struct agent;

/* A renewal that is not read back so long after it was due is late. */
#define PROMISE_PATIENCE_MS 150
/* That promises were given is forgotten on the disk when none was asked for so long. */
#define PROMISE_REMEMBERED_MS 60000

struct agent_promise {
    /* As the leader. Bit i: node i of the cluster. */
    uint64_t term;       /* of what follows */
    uint32_t named;      /* by the last renewal that was sent */
    uint32_t unread;     /* by any that was sent since the one that was read back last */
    uint32_t read;       /* by that one */
    bool is_read;        /* there is such a one, of the present incarnation */
    bool unbound;        /* one of those lets anybody be granted: nothing is asked */
    uint64_t counter;    /* of the one that was read back */
    uint64_t proof_ms;   /* when it was sent; or the question that promises have answered since */
    uint64_t sent_ms;    /* when it was sent */
    uint64_t read_ms;    /* when it was read back */
    uint64_t hearing_ms; /* since when renewals were read back without a long pause */
    uint64_t number;     /* of the newest question in this incarnation; 0: none */
    uint64_t asked_ms;   /* when it was sent */
    uint32_t ttl_ms;     /* that it names */
    uint32_t asked;      /* whom it was put to */
    uint32_t given;      /* who has promised */
    bool lives_on;       /* by promises, as was said */

    /* As a peer. */
    bool voteless;       /* it may have promised: its vote is lost */
    uint32_t earlier_ms; /* the longest lease an earlier incarnation may have promised for */
    uint64_t still_ms;   /* until then it neither renews nor promotes; 0: it may */
    uint64_t still_term; /* of the leader that it was promised to last */
    bool is_owed;        /* `owed` is to be answered when the vote is on the disk */
    struct promise_message owed;
};

/* Called first in each step. */
void promise_begin(struct agent *a);
/* Names the nodes that could follow in a renewal that is about to be sent. */
void promise_name(struct agent *a, struct renew *renewal);
/* True when a renewal is due because somebody could follow whom the last one does not name. */
bool promise_must_name(const struct agent *a);
/* A renewal of ours was read back effective, sent at sent_ms. */
void promise_read_back(struct agent *a, const struct event *renewal, uint64_t sent_ms);
/* A question or an answer of another agent. */
void promise_learn(struct agent *a, const struct promise_message *message,
                   struct action_list *actions);
/* A term was released: nobody lives on what was promised to its holder. */
void promise_learn_release(struct agent *a, const struct event *release);
/* Asks when due, if the lease may go on; answers what is owed. */
void promise_keep(struct agent *a, bool may_go_on, struct action_list *actions);
/* When the next question is due; UINT64_MAX: none will be. */
uint64_t promise_due_ms(const struct agent *a);
/* What is left of the time in which this node keeps still, in ms; 0: nothing. */
uint32_t promise_left_ms(const struct agent *a);

#endif
