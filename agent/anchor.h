/* SPDX-License-Identifier: PostgreSQL */
/*
 * anchor.h - how far the log had come, as this node remembers it on its own disk (DESIGN section 4,
 * "When the log is lost"; I12).
 *
 * The vote holds the last effective decision that was read. An agent that starts looks for it while
 * it folds the log from its beginning; when it is not there at the end, the log has lost it, and
 * the agent says so in its hello (../proto/lost.h). Only what a hello of this incarnation stands
 * behind takes its place: else an agent that is killed between the two would forget the loss.
 */
#ifndef PGBATON_AGENT_ANCHOR_H
#define PGBATON_AGENT_ANCHOR_H

#include "step.h"

/* After each record. */
void anchor_learn(struct agent *a);
/* True when the vote on the disk names the last effective decision that was read. */
bool anchor_stands(const struct agent *a);
/* True when the log, read to its end, does not hold the decision that this node remembers. */
bool anchor_is_lost(const struct agent *a);
/* What a hello says of it. */
void anchor_tell(const struct agent *a, struct hello *ret_hello);
/* Its own hello has been read back: what it remembered is told. */
void anchor_told(struct agent *a);
/* Another's hello has made a loss known: who has not told what it remembers since does so now. */
void anchor_learn_hello(struct agent *a, const struct event *e);

#endif
