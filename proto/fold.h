/* SPDX-License-Identifier: PostgreSQL */
/*
 * fold.h - the one function that changes a cluster's state: state = fold(events).
 *
 * Pure and total: no clock, no I/O, no allocation; any event in any state is an outcome with a
 * name. The monitor, the agents, replay and the command all call this for every record of the log,
 * in the order of the sequence numbers, each exactly once. Who begins with a snapshot folds that
 * first, and leaves out what is in it.
 */
#ifndef PGBATON_FOLD_H
#define PGBATON_FOLD_H

#include "cluster.h"
#include "codec.h"

/* What the fold made of an event. */
struct outcome {
    bool effective;
    enum void_reason void_reason; /* VOID_NONE when effective */
};

/* Folds e, whose seq must be above c->last_seq (an assertion: the log interface promises it),
 * unless it is a snapshot (snapshot.h). */
struct outcome cluster_fold(struct cluster *c, const struct event *e);
/* Folds a record that the codec could not turn into an event, so that it is counted and explained.
 * on_decision_subject: it stands where decisions stand (a CODEC_NEWER there freezes the state). */
struct outcome cluster_fold_unreadable(struct cluster *c, uint64_t seq, enum codec_result result,
                                       bool on_decision_subject);
/* A record as the log hands it out (log.h). */
struct cluster_record {
    const char *subject;
    uint64_t seq;
    const uint8_t *data;
    size_t size;
};

/* From a record to its outcome: decodes, checks the subject, folds. The one path that every reader
 * uses. *ret_event is zeroed, but for its seq, when the record does not decode. */
struct outcome cluster_fold_record(struct cluster *c, const struct cluster_record *record,
                                   struct codec_arena *arena, struct event *ret_event);
/* Fills the head of a decision that follows c: predecessor, folded_seq, digest. */
void cluster_fill_decision(const struct cluster *c, struct decision *ret_decision);

#endif
