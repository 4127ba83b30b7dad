/* SPDX-License-Identifier: PostgreSQL */
/*
 * rules.h - the ordered table of rules behind decide(), and the waits that its guards demand.
 *
 * Read by decide.c only. A guard and a writer see nothing but the question: the state, the evidence
 * and the options. They never do I/O, never allocate and read no clock. decide.h has the table in
 * words.
 */
#ifndef PGBATON_MONITOR_RULES_H
#define PGBATON_MONITOR_RULES_H

#include "decide.h"

/* What a rule is asked. */
struct question {
    const struct cluster *c;
    const struct evidence *evidence;
    const struct decide_options *options;
};

/* One row of the table. The guard says whether the rule fires; the writer then fills the event's
 * kind, body and cause_seq, for a question for which its guard holds. */
struct rule {
    const char *name;
    uint32_t phases; /* bit p: the rule may fire in phase p */
    bool (*guard)(const struct question *q);
    void (*write)(const struct question *q, struct event *ret_event);
};

/* In the order in which they are tried. */
extern const struct rule RULES[];
extern const size_t RULE_COUNT;

/* Bit of a phase in a rule's mask. */
static inline uint32_t phase_bit(enum phase phase)
{
    return UINT32_C(1) << (uint32_t)phase;
}

/* True when the cluster has no leader and no leader ever showed a system: the next grant makes it.
 */
bool rules_is_first(const struct cluster *c);

/* The waits, in ms, that the guards compare the evidence's ages with. */

/* A node that was not heard for so long does not count as alive: period × threshold + timeout. */
uint64_t rules_alive_ms(const struct cluster *c);
/* From the last renewal on, until a leader is revoked, if all nodes are heard. */
uint64_t rules_silence_ms(const struct cluster *c);
/* From the grant on, until a grantee that has not renewed loses the term. One that has promised to
 * keep still gets that much longer. */
uint64_t rules_accept_ms(const struct cluster *c);
/* From the end of the last term on, until an election goes on without those who have not reported.
 */
uint64_t rules_election_ms(const struct cluster *c);
/* From the end of the last term on, until a node that refused it may be asked again; 0: nobody did.
 */
uint64_t rules_refusal_ms(const struct cluster *c);
/* From the last no_candidate on, until what it says may be contradicted; 0: none stands. */
uint64_t rules_verdict_ms(const struct cluster *c);
/* From the last renewal on, until its lease has run out; 0 unless the term is revoked after one. */
uint64_t rules_lapse_ms(const struct cluster *c);

#endif
