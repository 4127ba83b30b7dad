/* SPDX-License-Identifier: PostgreSQL */
#include "cut.h"

#include "../proto/snapshot.h"
#include "../proto/subject.h"
#include "out_file.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The items that are kept. */
struct range {
    size_t first;
    size_t end;
    uint64_t snapshot_seq; /* of the snapshot ahead of them; 0: none */
};

static size_t bytes_of(const struct walk *walk, const struct range *range)
{
    size_t bytes = 0;
    for (size_t i = range->first; i < range->end; i++) {
        bytes += walk_item(walk, i)->size;
    }
    return bytes;
}

/* Up to which record its author had folded; UINT64_MAX for what is no effective decision. */
static uint64_t folded_seq_of(struct walk *walk, size_t index)
{
    const struct walk_item *item = walk_item(walk, index);
    const bool decision = item->effective && event_is_decision((enum event_kind)item->kind);
    return decision ? walk_go(walk, index)->event.decision.folded_seq : UINT64_MAX;
}

/* A snapshot may stand ahead of this item: there is a number for it, the state has a decision, and
 * no later decision was taken in an earlier state. */
static bool may_begin(struct walk *walk, size_t index, uint64_t folded_seq_min)
{
    const uint64_t before = walk_item(walk, index - 1)->seq;
    return walk_item(walk, index)->seq - before >= 2 && before <= folded_seq_min &&
           walk_go(walk, index)->entry->state.decision_seq != 0 &&
           walk_before(walk)->decision_seq != 0;
}

/* False: nowhere. */
static bool find_begin(struct walk *walk, struct range *range, uint64_t from_seq)
{
    uint64_t folded_seq_min = UINT64_MAX;
    for (size_t i = range->end; i > 1; i--) {
        const size_t index = i - 1;
        const uint64_t folded_seq = folded_seq_of(walk, index);
        folded_seq_min = folded_seq < folded_seq_min ? folded_seq : folded_seq_min;
        if (walk_item(walk, index)->seq <= from_seq && may_begin(walk, index, folded_seq_min)) {
            range->first = index;
            range->snapshot_seq = walk_item(walk, index)->seq - 1;
            return true;
        }
    }
    return false;
}

static enum result choose(struct walk *walk, const struct cut *cut, struct range *ret_range,
                          struct failure *reterr_failure)
{
    const size_t last = walk_find(walk, cut->to_seq, UINT64_MAX);
    *ret_range = (struct range){.end = last + 1};
    const bool begins = walk_item(walk, 0)->kind != EVENT_SNAPSHOT;
    if (begins && bytes_of(walk, ret_range) <= cut->bytes_wanted) {
        return RESULT_OK;
    }
    if (find_begin(walk, ret_range, cut->from_seq) || begins) {
        return RESULT_OK;
    }
    return failure_set(reterr_failure, RESULT_INVALID,
                       "the log can be begun nowhere before the incident: it begins too late");
}

/* ---- writing ---- */

static enum result write_snapshot(struct walk *walk, const struct range *range,
                                  struct log_file_writer *writer, struct failure *reterr_failure)
{
    static uint8_t state[STATE_BYTES_MAX];
    static uint8_t bytes[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    struct event e;
    (void)walk_go(walk, range->first);
    snapshot_make(walk_before(walk), range->snapshot_seq - 1, state, &e);
    (void)snprintf(e.writer, sizeof e.writer, "cut");
    e.incarnation = 1;
    e.counter = 1;
    e.wall_us = walk_item(walk, range->first)->wall_us;
    subject_snapshot(e.cluster, subject);
    const struct log_notice record = {
            .kind = LOG_RECORD,
            .seq = range->snapshot_seq,
            .stored_us = walk_item(walk, range->first)->stored_us,
            .subject = subject,
            .data = bytes,
            .size = codec_encode(&e, bytes, sizeof bytes),
    };
    return log_file_write(writer, &record, reterr_failure);
}

static enum result write_range(struct walk *walk, const struct range *range,
                               struct log_file_writer *writer, struct failure *reterr_failure)
{
    enum result result = RESULT_OK;
    if (range->snapshot_seq != 0) {
        result = write_snapshot(walk, range, writer, reterr_failure);
    }
    for (size_t i = range->first; i < range->end && result == RESULT_OK; i++) {
        const struct log_notice record = walk_record(walk, i);
        result = log_file_write(writer, &record, reterr_failure);
    }
    return result;
}

enum result cut_file(const char *from, const char *to, const struct cut *cut,
                     uint64_t *ret_snapshot_seq, struct failure *reterr_failure)
{
    struct walk *walk = NULL;
    struct range range;
    struct out_file out = {0};
    char problem[WALK_PROBLEM_SIZE];
    enum result result = walk_open(from, cut->cluster, &walk, problem, reterr_failure);
    if (result == RESULT_OK) {
        result = choose(walk, cut, &range, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = out_file_begin(&out, to, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = write_range(walk, &range, out.writer, reterr_failure);
        *ret_snapshot_seq = range.snapshot_seq;
    }
    if (result == RESULT_OK) {
        result = out_file_finish(&out, reterr_failure);
    }
    out_file_abandon(&out);
    walk_close(walk);
    return result;
}
