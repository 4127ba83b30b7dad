/* SPDX-License-Identifier: PostgreSQL */
/*
 * lost.h - what the state knows of a log that has lost a part of itself (DESIGN section 4, "When
 * the log is lost"; I12).
 *
 * A log can come back shorter, with its sequence numbers used again, or empty. What it said may
 * have been acted on: terms were granted, leases run, commits wait for other nodes than it now
 * says. Each agent remembers on its own disk how far the log had come (its anchor) and tells it in
 * its hello. One whose anchor is not in the log any more makes the loss known, and so does a
 * monitor that remembers more than the log has; then every member must have said what it remembers
 * before anybody is granted a term:
 *
 *     hello, whose anchor is lost; a monitor's anchor          the last member's hello
 *     whole ───────────────────────────▶ members report ─────────────────────────▶ whole
 *                                              │  an operator's failover, or recover
 *                                              └────────────────────────────────▶ whole
 *
 * The next term is above the highest that any member remembers. Who leads by what is left of the
 * log goes on, unless one of them remembers a higher term: then it gives its own up. What commits
 * wait for is applied anew by the leader, and until it has confirmed that, an election needs all
 * members.
 *
 * Apart from losses that are known, the hold-off: nobody is granted a term by a monitor that has
 * not heard the log without a break for as long as a lease may run that only the lost part knows
 * of.
 */
#ifndef PGBATON_LOST_H
#define PGBATON_LOST_H

#include "cluster.h"

/* Terms are counted up to here; a hello that remembers a higher one is impossible. */
#define TERM_MAX (UINT64_MAX / 4)

/* True from the hello that showed a loss until every member has said hello again. */
bool lost_is_known(const struct cluster *c);
/* True when node i has said hello since the loss became known; and when it has said what it
 * remembers: a member whose disk is new, or was emptied, cannot tell what it did. */
bool lost_has_answered(const struct cluster *c, int32_t i);
bool lost_has_reported(const struct cluster *c, int32_t i);
/* True when it is waited for what node i remembers. */
bool lost_is_awaited(const struct cluster *c, int32_t i);
/* Members that must have reported, and those that have. */
uint32_t lost_expected_count(const struct cluster *c);
uint32_t lost_reported_count(const struct cluster *c);
/* True when a member remembers a higher term than the log has: whoever holds the log's term has
 * lost it, and gives it up. */
bool lost_outgrows(const struct cluster *c);
/* True from a loss until somebody renews a term after it: another than the log's last holder may
 * have written since, of which no member that is left need know. */
bool lost_may_hide_a_holder(const struct cluster *c);
/* True when what is remembered, of this system, shows that the log has lost it. */
bool lost_shows(const struct cluster *c, const struct anchor *a, uint64_t system_id);
/* The next term. */
uint64_t lost_next_term(const struct cluster *c);
/* The longest that a lease may be which runs now, known to the log or not, in ms. */
uint32_t lost_longest_ttl_ms(const struct cluster *c);
/* The highest timeline that may exist: a grant names one before anybody opens it. */
uint32_t lost_highest_timeline(const struct cluster *c);
/* For so long a monitor must have heard the log without a break before it grants a term, in ms; 0
 * for the very first one of a cluster of which nobody remembers anything. */
uint64_t lost_holdoff_ms(const struct cluster *c);

#endif
