/* SPDX-License-Identifier: PostgreSQL */
/*
 * anchor.h - how far the log had come, as this node remembers it on its own disk (DESIGN section 4,
 * "When the log is lost"; I12).
 *
 * The vote holds the last effective decision that was read. An agent that starts looks for it while
 * it folds the log; when it is not there at the end, the log has lost it, and the agent says so in
 * its hello (../proto/lost.h). A decision older than the snapshot that it begins with it gets
 * apart; one that retention has removed is not lost, if the log's decisions have come as far. Only
 * what a hello of this incarnation stands behind takes its place: else an agent that is killed
 * between the two would forget the loss.
 */
#ifndef PGBATON_AGENT_ANCHOR_H
#define PGBATON_AGENT_ANCHOR_H

#include "step.h"

/* The highest grant is persisted before anything is done on it; none lower ever is (I2). */
void anchor_vote(struct agent *a);
/* After each record. */
void anchor_learn(struct agent *a);
/* True for a record that is in the snapshot with which the agent has begun: it is not to be folded.
 */
bool anchor_look(struct agent *a, const struct cluster_record *record, struct codec_arena *arena);
/* The log keeps no records as old as seq. */
void anchor_gone(struct agent *a, uint64_t seq);
/* True when the vote on the disk names the last effective decision that was read. */
bool anchor_stands(const struct agent *a);
/* True when the log, read to its end, does not hold the decision that this node remembers. */
bool anchor_is_lost(const struct agent *a);
/* What a hello says of it. */
void anchor_tell(const struct agent *a, struct hello *ret_hello);
/* Its own hello has been read back: what it remembered is told. */
void anchor_told(struct agent *a);
/* Another's hello, or a monitor's anchor, has made a loss known: who has not told what it remembers
 * since does so now. */
void anchor_learn_loss(struct agent *a, const struct event *e);

#endif
