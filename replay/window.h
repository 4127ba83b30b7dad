/* SPDX-License-Identifier: PostgreSQL */
/*
 * window.h - a state that trails behind the log, so that a decision can be judged by the state in
 * which its author took it.
 *
 * A decision names the sequence up to which its author had folded; records come in later. The
 * window keeps those that the trailing state has not folded yet. The marks of effective decisions
 * only grow, so it never has to go back.
 */
#ifndef PGBATON_REPLAY_WINDOW_H
#define PGBATON_REPLAY_WINDOW_H

#include "../proto/fold.h"
#include "../proto/log.h"

/* Records that may wait, hours of a cluster: a decision whose author was further behind cannot be
 * judged. */
#define WINDOW_COUNT_MAX 32768

struct window;

/* NULL when there is no memory. */
struct window *window_create(const char *cluster);
/* Accepts NULL. */
void window_destroy(struct window *window);
/* Begins anew with this state, which every record up to folded_seq is in, and those that wait and
 * are not in it. False when one that is not has been folded away; nothing is done then. */
MUST_USE bool window_begin(struct window *window, const struct cluster *state, uint64_t folded_seq);
/* The state after all that waits. */
void window_present(struct window *window, struct cluster *ret_state);
/* Makes to, which has nothing, what from is. False: no memory. */
MUST_USE bool window_copy(struct window *to, const struct window *from);
/* Takes a copy of the record. When the window is full its oldest is folded. False: no memory. */
MUST_USE bool window_push(struct window *window, const struct log_notice *record);
/* Folds up to seq, inclusive, and returns the state there; NULL when it is further already. */
const struct cluster *window_advance(struct window *window, uint64_t seq);

#endif
