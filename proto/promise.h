/* SPDX-License-Identifier: PostgreSQL */
/*
 * promise.h - what agents say to each other directly, while the log is away (DESIGN section 4,
 * "When NATS is away"; I11).
 *
 * A leader that does not read its renewals back asks every node that could be granted the next
 * term: promise neither to renew nor to promote for a while. When all have promised, its lease goes
 * on, counted from the moment the question was sent.
 *
 *   leader ── PROMISE_ASKED(term, number, ttl) ──▶ each node that its renewals name as electable
 *   leader ◀── PROMISE_ANSWERED(same, reason) ──── keeps still for ttl + LEASE_ALLOWANCE_MS(ttl)
 *
 * Such a message is no event: it is never stored and never folded. It may be lost, late or doubled.
 */
#ifndef PGBATON_PROMISE_H
#define PGBATON_PROMISE_H

#include "limits.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

enum promise_kind { PROMISE_ASKED = 0, PROMISE_ANSWERED, PROMISE_KIND_COUNT };

struct promise_message {
    enum promise_kind kind;
    char cluster[NAME_SIZE];
    char from[NAME_SIZE];
    char to[NAME_SIZE];
    uint64_t term;        /* of the leader that asks */
    uint64_t incarnation; /* of the leader's agent; an answer repeats it, and the number */
    uint64_t number;      /* of the question in that incarnation, from 1 */
    uint32_t ttl_ms;      /* the lease that it asks for */
    uint64_t counter;     /* ASKED: of the asker's last renewal read back effective */
    uint32_t age_ms;      /* ASKED: how long ago that one was sent */
    enum reason reason;   /* ANSWERED: REASON_NONE: promised; else why not */
};

#endif
