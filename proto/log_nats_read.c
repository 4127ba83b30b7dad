/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_read.c - from the stream to the loop: history, the live tail, and no hole between them.
 *
 * known_seq is the promise: every wanted record up to it was handed out. It grows in three ways: by
 * a record of the history; by the feed's next sequence number; by a feed record behind a gap after
 * the stream itself has said that this record is the next wanted one (records of other clusters
 * fill the gap). The feed's own header names only the last sequence of the same subject, which
 * shows a hole when records behind it were handed out already; so it is not used. A stream leader
 * that dies between storing and republishing leaves such holes.
 */
#include "log_nats.h"
#include "log_nats_parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Pause before the next consumer is tried when one does not live with the leader, in ms; after so
 * many in a row all records are got one by one. */
#define LOG_CONSUMER_PAUSE_MS 5
#define LOG_CONSUMER_TRIES 40
/* A record that the stream has and the feed has not brought is awaited so long, in ms. */
#define LOG_SUSPECT_MS 100
/* Answers that do not vouch for the feed's next record before history is read. */
#define DENIED_COUNT_MAX 3
/* Readings of the history in a row that bring nothing before a record of the feed is disbelieved.
 */
#define VAIN_COUNT_MAX 10

/* A stored record, wherever it came from. */
struct stored {
    uint64_t seq;
    uint64_t stored_us;
    bool timed; /* stored_us is the server's */
    const char *subject;
};

static struct log_mark mark_of(const struct stored *record, natsMsg *message)
{
    return log_mark_make(record->seq, record->timed ? record->stored_us : 0, record->subject,
                         message);
}

/* The record is dealt with. */
static void advance(struct log_nats *log, const struct stored *record, natsMsg *message)
{
    const struct log_mark mark = mark_of(record, message);
    log_marks_add(&log->marks, &mark);
    log->known_seq = record->seq;
}

static void hand_out(struct log_nats *log, const struct stored *record, natsMsg *message)
{
    const struct log_notice notice = {
            .kind = LOG_RECORD,
            .seq = record->seq,
            .stored_us = record->stored_us,
            .subject = record->subject,
            .data = (const uint8_t *)natsMsg_GetData(message),
            .size = (size_t)natsMsg_GetDataLength(message),
    };
    assert(record->seq > log->known_seq);
    const bool pushed = log_queue_push(log->inbound, &notice, LOG_MARGIN_RECORD);
    /* The caller saw the room, and what other threads push leaves it. */
    assert(pushed);
    advance(log, record, message);
}

/* History */

static void end_history(struct log_nats *log)
{
    struct log_link *link = log->link;
    if (link->history != NULL) {
        (void)natsSubscription_Unsubscribe(link->history);
        log_link_drop_history(link);
    }
}

/* Everything wanted up to the target is handed out. */
static bool finish_history(struct log_nats *log)
{
    end_history(log);
    log->read_any = true;
    log->probe_mono_ms = log_mono_ms();
    log->suspect_mono_ms = 0;
    log->denied_count = 0;
    log->needs_consumer = false;
    log->stage = log->options.live ? LOG_STAGE_LIVE : LOG_STAGE_ENDED;
    if (!log->caught_up) {
        log->caught_up = true;
        log_nats_tell(log, LOG_CAUGHT_UP, NULL);
        if (!log->options.live) {
            log_nats_tell(log, LOG_END, NULL);
        }
    }
    return true;
}

/* The last sequence of the wanted subjects, 0 when there is none. */
static natsStatus find_target(struct log_nats *log, uint64_t *ret_seq)
{
    natsMsg *last = NULL;
    jsErrCode code = 0;
    natsStatus status = js_GetLastMsg(&last, log->link->js, STREAM_NAME, log->filter, NULL, &code);
    *ret_seq = status == NATS_OK ? natsMsg_GetSequence(last) : 0;
    natsMsg_Destroy(last);
    return status == NATS_NOT_FOUND ? NATS_OK : status;
}

/* A consumer reads what its own server has stored, and it lives on any replica, by chance. A
 * replica may be behind the leader, or have come back with records that were never agreed on: it
 * keeps them in place of the leader's, for good, and has the same again behind them (seen with
 * nats-server 2.9.10 after kill -9). So only a consumer that lives with the leader is read. */
static natsStatus subscribe_history(struct log_nats *log, bool *ret_placed)
{
    jsSubOptions options;
    jsErrCode code = 0;
    (void)jsSubOptions_Init(&options);
    options.Stream = STREAM_NAME;
    options.Ordered = true;
    options.Config.DeliverPolicy = js_DeliverByStartSequence;
    options.Config.OptStartSeq = log->known_seq + 1;
    natsStatus status = js_SubscribeSync(&log->link->history, log->link->js, log->filter, NULL,
                                         &options, &code);
    /* The server's flow control bounds what waits in libnats. */
    if (status == NATS_OK) {
        status = natsSubscription_SetPendingLimits(log->link->history, -1, -1);
    }
    if (status == NATS_OK) {
        status = log_nats_compare_leaders(log, log->link->history, ret_placed);
    }
    return status;
}

static bool fail_history(struct log_nats *log, natsStatus status)
{
    end_history(log);
    log_nats_wait(log, LOG_STREAM_POLL_MS);
    log_nats_down(log, LOG_TROUBLE_SILENT, "read stream " STREAM_NAME ": %s",
                  log_nats_error(status));
    return true;
}

void log_nats_up(struct log_nats *log)
{
    log->trouble = LOG_TROUBLE_NONE;
    if (!log->up) {
        log->up = true;
        log->caught_up = false;
        log_nats_tell(log, LOG_UP, NULL);
    }
}

/* A few records are got one by one: that needs the stream's leader only. A consumer, which is
 * faster for many, needs the leader of all of JetStream too, which may have died with the stream's.
 */
bool log_nats_begin_history(struct log_nats *log)
{
    if (!log_nats_begin_with_snapshots(log)) {
        return true;
    }
    natsStatus status = find_target(log, &log->target_seq);
    if (status == NATS_OK && log->target_seq <= log->known_seq) {
        log_nats_up(log);
        return finish_history(log);
    }
    const bool few = log->target_seq - log->known_seq <= LOG_GET_COUNT ||
                     log->misplaced_count >= LOG_CONSUMER_TRIES;
    bool placed = true;
    if (status == NATS_OK && (!few || log->needs_consumer)) {
        status = subscribe_history(log, &placed);
    }
    if (status != NATS_OK) {
        return fail_history(log, status);
    }
    log_nats_up(log);
    log->misplaced_count = placed ? 0 : log->misplaced_count + 1;
    if (!placed) {
        end_history(log);
        log_nats_wait(log, LOG_CONSUMER_PAUSE_MS);
        return true;
    }
    log->stage = LOG_STAGE_HISTORY;
    log->got_count = 0;
    log->history_mono_ms = log_mono_ms();
    return true;
}

/* Reads history from known_seq on. When that brought nothing the last time, the stream's leader may
 * be behind what its feed has said: it gets time. What it never confirms is not the stream's. */
static bool reread(struct log_nats *log)
{
    size_t count = 0;
    const bool vain = log->read_any && log->known_seq == log->reread_seq;
    end_history(log);
    log->vain_count = vain ? log->vain_count + 1 : 0;
    log->reread_seq = log->known_seq;
    if (log->vain_count > VAIN_COUNT_MAX && log_feed_head(&log->link->feed, &count) != NULL) {
        log_feed_drop(&log->link->feed);
    }
    log_nats_wait(log, vain ? LOG_STREAM_POLL_MS : 0);
    return true;
}

/* Gets the next record of the stream, wanted or not. */
static natsStatus get_next(struct log_nats *log)
{
    natsMsg *message = NULL;
    jsErrCode code = 0;
    const natsStatus status =
            js_GetMsg(&message, log->link->js, STREAM_NAME, log->known_seq + 1, NULL, &code);
    if (status != NATS_OK) {
        return status;
    }
    const struct stored record = {
            .seq = natsMsg_GetSequence(message),
            .stored_us = (uint64_t)natsMsg_GetTime(message) / 1000,
            .timed = true,
            .subject = natsMsg_GetSubject(message),
    };
    if (log_subject_is_of(record.subject, log->options.cluster)) {
        hand_out(log, &record, message);
    } else {
        advance(log, &record, message);
    }
    natsMsg_Destroy(message);
    return NATS_OK;
}

/* What was got is the leader's of the last look, unless another leads since. */
static bool finish_gets(struct log_nats *log)
{
    bool same = false;
    const natsStatus status = log_nats_compare_leaders(log, NULL, &same);
    if (status != NATS_OK) {
        return fail_history(log, status);
    }
    if (!same) {
        log_nats_wait(log, 0);
        return true;
    }
    return finish_history(log);
}

static bool step_gets(struct log_nats *log)
{
    for (size_t i = 0; i < LOG_GET_ROUND && log->known_seq < log->target_seq; i++) {
        /* No more than the marks reach back, so that a change of the leader meanwhile shows. */
        if (log->got_count >= LOG_MARK_COUNT) {
            log_nats_wait(log, 0);
            return true;
        }
        if (!log_queue_has_room(log->inbound, LOG_MARGIN_RECORD)) {
            return false;
        }
        const natsStatus status = get_next(log);
        /* Removed; or a new leader has not got so far. A consumer skips the one, waits for the
         * other. */
        if (status == NATS_NOT_FOUND) {
            log->needs_consumer = true;
            return reread(log);
        }
        if (status != NATS_OK) {
            return fail_history(log, status);
        }
        log->got_count++;
    }
    return log->known_seq < log->target_seq || finish_gets(log);
}

/* What came from the leader's server is the leader's, unless the leader has changed since. */
static bool vouch_chunk(struct log_nats *log)
{
    bool same = false;
    const natsStatus status = log_nats_compare_leaders(log, log->link->history, &same);
    if (status != NATS_OK && status != NATS_NOT_FOUND) {
        return fail_history(log, status);
    }
    log->link->chunk_vouched = same;
    return same || reread(log);
}

/* False when the message is no record of the consumer's. */
static bool read_delivery(natsMsg *message, struct stored *ret_record)
{
    ret_record->subject = natsMsg_GetSubject(message);
    ret_record->timed = true;
    return log_parse_delivery(natsMsg_GetReply(message), &ret_record->seq, &ret_record->stored_us);
}

static bool hand_out_chunk(struct log_nats *log)
{
    struct log_link *link = log->link;
    struct stored record = {0};
    for (; link->chunk_next < link->chunk_count; link->chunk_next++) {
        if (!log_queue_has_room(log->inbound, LOG_MARGIN_RECORD)) {
            return false;
        }
        natsMsg *message = link->chunk[link->chunk_next];
        if (read_delivery(message, &record) && record.seq > log->known_seq) {
            hand_out(log, &record, message);
        }
        natsMsg_Destroy(message);
    }
    link->chunk_next = 0;
    link->chunk_count = 0;
    link->chunk_vouched = false;
    log->history_mono_ms = log_mono_ms();
    /* That the consumer has nothing more pending would prove nothing. */
    return log->known_seq < log->target_seq || finish_history(log);
}

static bool fill_chunk(struct log_nats *log)
{
    struct log_link *link = log->link;
    for (;;) {
        natsMsg *message = NULL;
        struct stored record = {0};
        const natsStatus status = natsSubscription_NextMsg(&message, link->history, 0);
        if (status == NATS_TIMEOUT) {
            /* Only here our thread cannot be woken by what it waits for. */
            log->sleep_ms = 1;
            return log_mono_ms() > log->history_mono_ms + LOG_HISTORY_STALL_MS && reread(log);
        }
        if (status != NATS_OK) {
            return reread(log);
        }
        if (!read_delivery(message, &record)) {
            natsMsg_Destroy(message);
            continue;
        }
        log->history_mono_ms = log_mono_ms();
        link->chunk[link->chunk_count++] = message;
        if (link->chunk_count == LOG_CHUNK_COUNT || record.seq >= log->target_seq) {
            return vouch_chunk(log);
        }
    }
}

bool log_nats_step_history(struct log_nats *log)
{
    if (log->link->history == NULL) {
        return step_gets(log);
    }
    return log->link->chunk_vouched ? hand_out_chunk(log) : fill_chunk(log);
}

/* The live tail */

/* The last value of a header: the server appends its own behind what a writer may have set. */
static const char *last_header(natsMsg *message, const char *key, char *ret_value, size_t size)
{
    const char **values = NULL;
    int count = 0;
    if (natsMsgHeader_Values(message, key, &values, &count) != NATS_OK || count <= 0) {
        return NULL;
    }
    (void)snprintf(ret_value, size, "%s", values[count - 1]);
    free((void *)(uintptr_t)values);
    return ret_value;
}

static uint64_t wall_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* False when the message is none of the feed's. The subject lies in ret_subject. */
static bool read_feed(natsMsg *message, char ret_subject[SUBJECT_SIZE], struct stored *ret_record)
{
    char seq[32];
    char time[64];
    if (last_header(message, "Nats-Sequence", seq, sizeof(seq)) == NULL ||
        last_header(message, "Nats-Subject", ret_subject, SUBJECT_SIZE) == NULL ||
        !log_parse_number(seq, &ret_record->seq)) {
        return false;
    }
    const uint64_t stored_us =
            log_parse_time_us(last_header(message, "Nats-Time-Stamp", time, sizeof(time)));
    ret_record->timed = stored_us > 0;
    ret_record->stored_us = ret_record->timed ? stored_us : wall_us();
    ret_record->subject = ret_subject;
    return true;
}

static void ask_next(struct log_nats *log)
{
    char question[SUBJECT_SIZE + 64];
    char reply[SUBJECT_SIZE + 24];
    log->probe++;
    (void)snprintf(question, sizeof(question), "{\"seq\":%" PRIu64 ",\"next_by_subj\":\"%s\"}",
                   log->known_seq + 1, log->filter);
    (void)snprintf(reply, sizeof(reply), "%s.%" PRIu64, log->link->inbox, log->probe);
    /* A failure shows as an answer that does not come. */
    (void)natsConnection_PublishRequest(log->link->connection,
                                        "$JS.API.STREAM.MSG.GET." STREAM_NAME, reply, question,
                                        (int)strlen(question));
    log->probe_pending = true;
    log->probe_mono_ms = log_mono_ms();
}

enum head {
    HEAD_NONE = 0, /* the feed is empty, or must wait */
    HEAD_TAKEN,    /* one message of it is dealt with */
    HEAD_HOLE,     /* history must be read before it */
    HEAD_OTHER,    /* it is not what was read with its number: the stream must be asked */
    HEAD_COUNT
};

/* The feed's next record stands behind a gap in the sequence numbers. */
static enum head take_behind_gap(struct log_nats *log, size_t count)
{
    const bool whole = log->options.cluster == NULL;
    const bool answered = log->vouched_seq > log->known_seq;
    if (whole || answered || count > LOG_ROUND_COUNT || log->denied_count >= DENIED_COUNT_MAX) {
        return HEAD_HOLE;
    }
    if (!log->probe_pending) {
        ask_next(log);
    }
    return HEAD_NONE;
}

static enum head take_record(struct log_nats *log, const struct stored *record, natsMsg *message,
                             size_t count)
{
    const bool wanted = log_subject_is_of(record->subject, log->options.cluster);
    const bool follows = record->seq == log->known_seq + 1;
    if (record->seq <= log->known_seq) {
        const struct log_mark mark = mark_of(record, message);
        return log_marks_contradict(&log->marks, &mark) ? HEAD_OTHER : HEAD_TAKEN;
    }
    if (!wanted && !follows) {
        return HEAD_TAKEN;
    }
    if (!follows && record->seq != log->vouched_seq) {
        return take_behind_gap(log, count);
    }
    if (wanted) {
        hand_out(log, record, message);
    } else {
        advance(log, record, message);
    }
    log->denied_count = 0;
    return HEAD_TAKEN;
}

static enum head take_head(struct log_nats *log)
{
    char subject[SUBJECT_SIZE];
    struct stored record = {0};
    size_t count = 0;
    natsMsg *message = log_feed_head(&log->link->feed, &count);
    if (message == NULL || !log_queue_has_room(log->inbound, LOG_MARGIN_RECORD)) {
        return HEAD_NONE;
    }
    enum head head = HEAD_TAKEN;
    if (read_feed(message, subject, &record)) {
        head = take_record(log, &record, message, count);
    }
    if (head == HEAD_TAKEN || head == HEAD_OTHER) {
        log_feed_drop(&log->link->feed);
    }
    return head;
}

/* Believes the stream's answer; true when there is a new one. */
static bool take_answer(struct log_nats *log)
{
    struct log_link *link = log->link;
    (void)pthread_mutex_lock(&link->answer_mutex);
    const struct log_answer answer = link->answer;
    (void)pthread_mutex_unlock(&link->answer_mutex);
    if (!log->probe_pending || answer.probe != log->probe || answer.kind == LOG_ANSWER_ERROR) {
        return false;
    }
    log->probe_pending = false;
    log->probe_mono_ms = log_mono_ms();
    if (answer.kind == LOG_ANSWER_NOTHING) {
        log->denied_count++;
    } else if (answer.seq > log->known_seq) {
        log->vouched_seq = answer.seq;
        log->suspect_mono_ms = log->probe_mono_ms + LOG_SUSPECT_MS;
    }
    return true;
}

/* True when the stream has had a record for a while and the feed has nothing. */
static bool feed_is_suspect(struct log_nats *log, uint64_t now_ms)
{
    size_t count = 0;
    if (log->suspect_mono_ms == 0) {
        return false;
    }
    if (log->vouched_seq <= log->known_seq || log_feed_head(&log->link->feed, &count) != NULL) {
        log->suspect_mono_ms = 0;
        return false;
    }
    return now_ms >= log->suspect_mono_ms;
}

/* Asks now and then what follows, so that a hole at the end of the feed shows too. True when the
 * stream is silent. */
static bool stream_is_silent(struct log_nats *log, uint64_t now_ms)
{
    const uint64_t waited_ms = now_ms - log->probe_mono_ms;
    if (!log->probe_pending && waited_ms >= LOG_PROBE_PERIOD_MS) {
        log->denied_count = 0;
        ask_next(log);
        log_nats_ask_leader(log);
        return false;
    }
    return log->probe_pending && waited_ms >= LOG_PROBE_TIMEOUT_MS;
}

bool log_nats_step_live(struct log_nats *log)
{
    bool moved = take_answer(log);
    enum head head = HEAD_TAKEN;
    for (size_t i = 0; i < LOG_ROUND_COUNT && head == HEAD_TAKEN; i++) {
        head = take_head(log);
        moved = moved || head == HEAD_TAKEN;
    }
    const uint64_t now_ms = log_mono_ms();
    log_nats_tell_leader(log);
    if (head == HEAD_OTHER || log_nats_leader_is_doubtful(log)) {
        log->compares_all = true;
        log_nats_wait(log, 0);
        return true;
    }
    if (head == HEAD_HOLE || log_feed_has_lost(&log->link->feed) || feed_is_suspect(log, now_ms)) {
        return reread(log);
    }
    if (stream_is_silent(log, now_ms)) {
        log->probe_pending = false;
        log_nats_down(log, LOG_TROUBLE_SILENT, "stream " STREAM_NAME " does not answer");
        log_nats_wait(log, 0);
        return true;
    }
    if (log->suspect_mono_ms > 0) {
        log->sleep_ms = LOG_SUSPECT_MS / 4;
    }
    return moved;
}
