/* SPDX-License-Identifier: PostgreSQL */
#include "log_nats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a: against accidents, not against forgery (the chain of decisions is). */
#define HASH_BASIS UINT64_C(14695981039346656037)
#define HASH_PRIME UINT64_C(1099511628211)

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)bytes[i]) * HASH_PRIME;
    }
    return hash;
}

struct log_mark log_mark_make(uint64_t seq, uint64_t stored_us, const char *subject,
                              natsMsg *message)
{
    const uint64_t hash = hash_bytes(HASH_BASIS, subject, strlen(subject) + 1);
    return (struct log_mark){
            .seq = seq,
            .stored_us = stored_us,
            .hash = hash_bytes(hash, natsMsg_GetData(message),
                               (size_t)natsMsg_GetDataLength(message)),
    };
}

void log_marks_add(struct log_marks *marks, const struct log_mark *mark)
{
    marks->ring[marks->next] = *mark;
    marks->next = (marks->next + 1) % LOG_MARK_COUNT;
    marks->count += marks->count < LOG_MARK_COUNT ? 1 : 0;
}

/* age 0: the newest. */
static size_t index_of(const struct log_marks *marks, size_t age)
{
    return (marks->next + LOG_MARK_COUNT - 1 - age) % LOG_MARK_COUNT;
}

static const struct log_mark *mark_at(const struct log_marks *marks, size_t age)
{
    return &marks->ring[index_of(marks, age)];
}

static bool is_same(const struct log_mark *left, const struct log_mark *right)
{
    const bool timed = left->stored_us != 0 && right->stored_us != 0;
    return left->hash == right->hash && (!timed || left->stored_us == right->stored_us);
}

bool log_marks_contradict(const struct log_marks *marks, const struct log_mark *mark)
{
    for (size_t age = 0; age < marks->count && mark_at(marks, age)->seq >= mark->seq; age++) {
        if (mark_at(marks, age)->seq == mark->seq) {
            return !is_same(mark_at(marks, age), mark);
        }
    }
    return false;
}

/* ---- the comparison ---- */

struct comparison {
    uint64_t absent_seq; /* the oldest mark whose place is empty; 0: none */
    uint64_t other_seq;  /* the oldest mark in whose place another record stands; 0: none */
    bool bounded;        /* one before these stands */
    natsStatus status;   /* not NATS_OK: the stream did not answer */
};

/* Records that retention has removed are no loss: by age, by size, or a monitor's (log_trim()). A
 * stream that removes none, or is empty although it removes by size or by a monitor, was emptied.
 */
static bool may_be_removed(const jsStreamInfo *info, uint64_t seq)
{
    const jsStreamConfig *config = info->Config;
    const bool by_size =
            config->MaxBytes > 0 || config->MaxMsgs > 0 || config->MaxMsgsPerSubject > 0;
    const bool leaves_some = by_size || !config->DenyPurge;
    return seq < info->State.FirstSeq &&
           (config->MaxAge > 0 || (leaves_some && info->State.Msgs > 0));
}

/* Learns when a record was stored that the feed has brought. */
static void compare_mark(struct log_nats *log, uint64_t last_seq, struct log_mark *mark,
                         struct comparison *comparison)
{
    natsMsg *message = NULL;
    jsErrCode code = 0;
    natsStatus status = NATS_NOT_FOUND;
    if (mark->seq <= last_seq) {
        status = js_GetMsg(&message, log->link->js, STREAM_NAME, mark->seq, NULL, &code);
    }
    (void)log_nats_tick(log);
    if (status == NATS_NOT_FOUND) {
        comparison->absent_seq = mark->seq;
    } else if (status != NATS_OK) {
        comparison->status = status;
    } else {
        const struct log_mark found =
                log_mark_make(mark->seq, (uint64_t)natsMsg_GetTime(message) / 1000,
                              natsMsg_GetSubject(message), message);
        if (is_same(mark, &found)) {
            mark->stored_us = found.stored_us;
        } else {
            comparison->other_seq = mark->seq;
        }
        natsMsg_Destroy(message);
    }
}

/* From the newest mark back to one that stands and stood at the last contact; with a loss, on to
 * where it begins. A hole in the feed is no contact: the newest mark is enough then, for nobody
 * else can have sent the others. */
static struct comparison compare_marks(struct log_nats *log, const jsStreamInfo *info)
{
    struct comparison c = {.status = NATS_OK};
    struct log_marks *marks = &log->marks;
    for (size_t age = 0; age < marks->count && c.status == NATS_OK; age++) {
        struct log_mark *mark = &marks->ring[index_of(marks, age)];
        if (may_be_removed(info, mark->seq) || atomic_load(&log->stop)) {
            break;
        }
        compare_mark(log, info->State.LastSeq, mark, &c);
        const bool stands = c.other_seq != mark->seq && c.absent_seq != mark->seq;
        const bool broken = c.other_seq != 0 || c.absent_seq != 0;
        if (stands && (broken || !log->compares_all || mark->seq <= marks->compared_seq)) {
            c.bounded = true;
            break;
        }
    }
    return c;
}

/* ---- what becomes of it ---- */

/* A server alone answers when it has read its whole store: nothing is to come. */
static uint64_t patience_ms(const struct log_nats *log)
{
    const uint64_t usual_ms = log->leader[0] != '\0' ? LOG_MISSING_MS : 0;
    return log->options.missing_ms != 0 ? log->options.missing_ms : usual_ms;
}

/* What was read is not there, and nothing else is: it may still come. */
static void miss(struct log_nats *log, enum log_trouble trouble, uint64_t seq, const char *text)
{
    const uint64_t now_ms = log_mono_ms();
    log->missing_mono_ms = log->missing_mono_ms == 0 ? now_ms : log->missing_mono_ms;
    if (now_ms < log->missing_mono_ms + patience_ms(log)) {
        log_nats_down(log, trouble, "%s", text);
    } else {
        log_nats_lose(log, seq, "%s", text);
    }
}

void log_nats_miss_stream(struct log_nats *log)
{
    static const char text[] = "stream " STREAM_NAME " does not exist";
    if (log->marks.count == 0) {
        log_nats_down(log, LOG_TROUBLE_MISSING, "%s", text);
    } else {
        miss(log, LOG_TROUBLE_MISSING, 1, text);
    }
}

static void miss_records(struct log_nats *log, const jsStreamInfo *info, const struct comparison *c)
{
    char text[FAILURE_TEXT_SIZE];
    const uint64_t last_seq = info->State.LastSeq;
    const uint64_t seq = c->absent_seq;
    if (last_seq < log->known_seq) {
        (void)snprintf(text, sizeof(text),
                       "the log ends at %" PRIu64 " and was read up to %" PRIu64 " already",
                       last_seq, log->known_seq);
    } else {
        (void)snprintf(text, sizeof(text),
                       "the log has no record %" PRIu64 ", which was read already", seq);
    }
    miss(log, LOG_TROUBLE_SHORTER, c->bounded ? seq : 1, text);
}

bool log_nats_compare(struct log_nats *log, const jsStreamInfo *info)
{
    if (log->marks.count == 0) {
        return true;
    }
    /* The replicas of one stream may show different times of its creation (seen with nats-server
     * 2.9.10, when it was created while they elected): what it holds decides. */
    const bool anew = info->Created != log->created_ns;
    log->compares_all = log->compares_all || anew;
    const struct comparison c = compare_marks(log, info);
    if (c.other_seq != 0) {
        log_nats_lose(log, c.bounded ? c.other_seq : 1,
                      "the log has another record at %" PRIu64
                      " than was read there%s; it was read "
                      "up to %" PRIu64,
                      c.other_seq, c.bounded ? "" : ", perhaps before", log->known_seq);
    } else if (c.status != NATS_OK) {
        log_nats_down(log, LOG_TROUBLE_SILENT, "compare stream " STREAM_NAME ": %s",
                      log_nats_error(c.status));
    } else if (c.absent_seq != 0 && anew && !c.bounded) {
        log_nats_lose(log, 1,
                      "stream " STREAM_NAME " was created anew, and was read up to %" PRIu64,
                      log->known_seq);
    } else if (c.absent_seq != 0) {
        miss_records(log, info, &c);
    } else {
        log->missing_mono_ms = 0;
        log->marks.compared_seq =
                log->compares_all ? mark_at(&log->marks, 0)->seq : log->marks.compared_seq;
        log->compares_all = false;
        return true;
    }
    return false;
}
