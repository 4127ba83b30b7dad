/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim_check.h - the checkers, one file for each invariant of DESIGN section 4.
 *
 * Each looks at the true world, not at what a process believes, and ends the run with sim_break().
 * Included through sim.h.
 */
#ifndef PGBATON_TESTS_SIM_CHECK_H
#define PGBATON_TESTS_SIM_CHECK_H

#include "sim_types.h"

void check_i1_single_writer(struct sim *s);
void check_i2_terms(struct sim *s, const struct cluster *before);
void check_i2_vote(struct sim *s, int node, const struct vote *vote);
/* What an agent does stands on its disk already. */
void check_i2_act(struct sim *s, int node, const struct action *action);
void check_i3_chain(struct sim *s, const struct cluster *before, const struct event *e,
                    struct outcome outcome);
void check_i4_lease(struct sim *s, int node, uint64_t deadline_ms);
void check_i4_sent(struct sim *s, int node, const struct event *e);
void check_i4_read_back(struct sim *s, int node, const struct event *renewal, bool effective);
void check_i4_renewal(struct sim *s, const struct cluster *before, const struct event *e);
/* Of a node that can commit. */
void check_i5_fence(struct sim *s, int node);
void check_i6_wait(struct sim *s, const struct cluster *before, const struct event *e);
/* The first renewal of a term has effect. */
void check_i6_held(struct sim *s, const struct cluster *before);
/* When a monitor decides to revoke: it has had the log for as long as it waited. */
void check_i6_hearing(struct sim *s, int monitor, const struct event *revoke);
/* When the release is stored: until then it is nobody's. */
void check_i7_release(struct sim *s, const struct event *e);
/* When it is sent: the disk may be lost before it is stored. */
void check_i7_sent(struct sim *s, int node, const struct event *e);
void check_i8_acknowledged(struct sim *s, int node, uint64_t branch, uint64_t lsn);
void check_i8_step(struct sim *s);
/* When it is sent. */
void check_i8_sent(struct sim *s, int node, const struct event *e);
void check_i8_grant(struct sim *s, const struct event *e);
void check_i9_order(struct sim *s, int node, uint64_t seq);
/* After each entry of the queue. */
void check_i9_senders(struct sim *s);
void check_i9_step(struct sim *s, const struct cluster *before, const struct event *e);
void check_i10_ancestry(struct sim *s, const struct event *e);
void check_i10_reference(struct sim *s);
void check_i10_again(struct sim *s);
void check_i10_promote(struct sim *s, int node);
/* A lease is extended, and no read-back justifies it. */
void check_i11_lease(struct sim *s, int node, uint64_t deadline_ms);
void check_i13_identity(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome);
/* When an order is effective. */
/* An effective event of a log that is folded again. */
void check_i13_note(struct sim *s, int node, const struct event *e);
void check_i13_removal(struct sim *s, const struct cluster *before, const struct event *e);
void check_i14_determinism(struct sim *s, const struct cluster *state, size_t index);
/* The bytes of the true state are those of one state, and of no other. */
void check_i14_bytes(struct sim *s);
void check_i15_return(struct sim *s, int node);
/* A directive has effect: for whom it was meant. */
void check_i16_order(struct sim *s, const struct event *e);
void check_i16_destruction(struct sim *s, int node, enum task task);
/* What an agent does, and that a monitor decides. */
void check_i17_agent(struct sim *s, int node, const struct action *action);
void check_i17_monitor(struct sim *s, int monitor);
void check_i18_limits(struct sim *s, const struct event *e);
void check_i19_replay(struct sim *s, const struct cluster *before, const struct event *e);

/* After each event. */
void check_i20_step(struct sim *s, const struct cluster *before);
void check_i20_calm(struct sim *s, const struct event *e);
/* Now and then, while nothing is wrong: that nothing is waited for without end. */
void check_i20_progress(struct sim *s);
/* Now and then: with a standby that could lead somebody must write soon. */
void check_i20_outage(struct sim *s);

/* What a grant may lose, and whom switch_policy lets it name. */
void check_policy_grant(struct sim *s, const struct cluster *before, const struct event *e);
/* Of a standby cluster: after each entry of the queue; a lease that is put into the page; a grant.
 */
void check_standby_step(struct sim *s);
void check_standby_lease(struct sim *s, int node, uint64_t deadline_ms);
void check_standby_grant(struct sim *s, const struct cluster *before, const struct event *e);

void check_policy_held(struct sim *s, const struct event *e);
/* A renewal of a leader that restarts in place. */
void check_policy_sent(struct sim *s, int node, const struct event *e);

/* Restarts that operators ask for: after each event, when PostgreSQL is stopped, now and then. */
void check_restart_step(struct sim *s, const struct cluster *before);
void check_restart_stop(struct sim *s, int node);
void check_restart_progress(struct sim *s);
/* check_parameters.c: at a start, at a reload, and after each event. */
void check_parameters_start(struct sim *s, int node);
void check_parameters_reload(struct sim *s, int node, const struct upstream *upstream);
void check_parameters_step(struct sim *s);
/* What a simulated PostgreSQL says of these values: it takes all but "bad". */
bool check_parameters_takes(const char *bytes, uint32_t size);

void check_switchover_grant(struct sim *s, const struct cluster *before, const struct event *e);
void check_switchover_step(struct sim *s, const struct cluster *before);
void check_switchover_progress(struct sim *s);
/* True while nobody writes because the leader stops for a switchover, or starts again after one. */
bool check_switchover_excuses(const struct cluster *c);

#endif
