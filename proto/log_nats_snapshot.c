/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_snapshot.c - where a reader begins that need not fold all: at the newest snapshot of
 * each cluster (snapshot.h), and before all that is in none of them.
 *
 * Everything is asked of the stream's leader. When the newest snapshot of a cluster cannot be used
 * (another version wrote it, it is damaged, or a late copy of one whose successors are gone), the
 * best of all others is. A cluster without any is read from the beginning of what is kept, if that
 * holds its own beginning; else nothing is read: who folded the rest would not know what it is
 * worth.
 */
#include "log_nats.h"

#include "codec.h"
#include "log_nats_parse.h"
#include "snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list of the stream's subjects may take so long, in ms. When it does not come after so many
 * tries, all of the stream is read instead. */
#define LIST_MS 3000
#define LIST_TRIES 3

/* What is found before anything of it is handed out. */
struct finding {
    struct codec_arena arena;
    struct cluster state;
    struct event event;
    uint64_t begin_seq; /* all that is needed follows it */
    natsMsg **snapshots;
    size_t count;
    size_t capacity;
    natsMsg *wanted;
    bool wanted_gone;
    char headless[NAME_SIZE]; /* a cluster that cannot be read; empty: none */
};

static void forget(struct finding *f)
{
    for (size_t i = 0; i < f->count; i++) {
        natsMsg_Destroy(f->snapshots[i]);
    }
    natsMsg_Destroy(f->wanted);
    free(f->snapshots);
    free(f);
}

static void keep(struct finding *f, natsMsg *snapshot)
{
    if (f->count == f->capacity) {
        f->capacity = f->capacity == 0 ? 16 : f->capacity * 2;
        f->snapshots = realloc(f->snapshots, f->capacity * sizeof(f->snapshots[0]));
        assert(f->snapshots != NULL);
    }
    f->snapshots[f->count++] = snapshot;
}

static void begin_at(struct finding *f, uint64_t seq)
{
    f->begin_seq = seq < f->begin_seq ? seq : f->begin_seq;
}

/* ---- asking ---- */

static natsStatus request(struct log_nats *log, const char *subject, const char *question,
                          natsMsg **ret_reply)
{
    (void)log_nats_tick(log);
    const natsStatus status = natsConnection_RequestString(ret_reply, log->link->connection,
                                                           subject, question, LIST_MS);
    (void)log_nats_tick(log);
    return status;
}

/* ---- one cluster ---- */

static bool decode(struct finding *f, natsMsg *message)
{
    const bool good =
            codec_decode((const uint8_t *)natsMsg_GetData(message),
                         (size_t)natsMsg_GetDataLength(message), &f->arena, &f->event) == CODEC_OK;
    f->event.seq = natsMsg_GetSequence(message);
    return good && subject_fits_event(natsMsg_GetSubject(message), &f->event);
}

/* Whoever begins with it misses nothing of what followed. */
static bool is_usable(const struct log_nats *log, struct finding *f, natsMsg *message)
{
    const struct snapshot *s = &f->event.body.snapshot;
    return decode(f, message) && f->event.kind == EVENT_SNAPSHOT && s->folded_seq < f->event.seq &&
           s->folded_seq + 1 >= log->first_seq && snapshot_read(&f->event, &f->state) == VOID_NONE;
}

/* One of a state that the log has lost may have come in after the loss. */
static natsStatus look_at_last(struct log_nats *log, const struct finding *f, bool *ret_stands)
{
    natsMsg *message = NULL;
    jsErrCode code = 0;
    *ret_stands = f->state.last_seq < log->first_seq;
    if (*ret_stands) {
        return NATS_OK;
    }
    const natsStatus status =
            js_GetMsg(&message, log->link->js, STREAM_NAME, f->state.last_seq, NULL, &code);
    *ret_stands = status == NATS_OK && snapshot_follows(&f->event.body.snapshot,
                                                        (const uint8_t *)natsMsg_GetData(message),
                                                        (size_t)natsMsg_GetDataLength(message));
    natsMsg_Destroy(message);
    return status == NATS_NOT_FOUND ? NATS_OK : status;
}

/* It is left decoded. */
static natsStatus look_at(struct log_nats *log, struct finding *f, natsMsg *message,
                          bool *ret_stands)
{
    *ret_stands = is_usable(log, f, message);
    return *ret_stands ? look_at_last(log, f, ret_stands) : NATS_OK;
}

/* The next record of a subject from there on; *ret_seq is 0 when there is none. */
static natsStatus find_next(struct log_nats *log, const char *subject, uint64_t from_seq,
                            uint64_t *ret_seq)
{
    char question[SUBJECT_SIZE + 64];
    natsMsg *reply = NULL;
    uint64_t code = 0;
    *ret_seq = 0;
    (void)snprintf(question, sizeof(question), "{\"seq\":%" PRIu64 ",\"next_by_subj\":\"%s\"}",
                   from_seq, subject);
    const natsStatus status = request(log, "$JS.API.STREAM.MSG.GET." STREAM_NAME, question, &reply);
    if (status != NATS_OK) {
        return status;
    }
    const char *json = natsMsg_GetData(reply);
    const size_t size = (size_t)natsMsg_GetDataLength(reply);
    const bool refused = log_parse_json_number(json, size, "err_code", &code);
    const bool found = !refused && log_parse_json_number(json, size, "seq", ret_seq);
    natsMsg_Destroy(reply);
    return found || (refused && code == JSNoMessageFoundErr) ? NATS_OK : NATS_ERR;
}

/* The first decision of a cluster whose beginning is kept has no predecessor; one that has made
 * none yet is young. */
static natsStatus look_at_beginning(struct log_nats *log, struct finding *f, const char *cluster,
                                    bool *ret_whole)
{
    char subject[SUBJECT_SIZE];
    uint64_t seq = 0;
    natsMsg *message = NULL;
    jsErrCode error = 0;
    (void)snprintf(subject, sizeof(subject), SUBJECT_ROOT ".%s.decision", cluster);
    natsStatus status = find_next(log, subject, 1, &seq);
    *ret_whole = status == NATS_OK && seq == 0;
    if (seq == 0) {
        return status;
    }
    status = js_GetMsg(&message, log->link->js, STREAM_NAME, seq, NULL, &error);
    *ret_whole = status == NATS_OK && decode(f, message) && f->event.decision.prev_seq == 0;
    natsMsg_Destroy(message);
    return status;
}

static natsStatus find_beginning(struct log_nats *log, struct finding *f, const char *cluster)
{
    bool whole = log->first_seq <= 1;
    natsStatus status = NATS_OK;
    if (!whole) {
        status = look_at_beginning(log, f, cluster, &whole);
    }
    if (status == NATS_OK && !whole) {
        (void)snprintf(f->headless, sizeof(f->headless), "%s", cluster);
    }
    begin_at(f, 0);
    return status;
}

static void take(struct finding *f, natsMsg *message, uint64_t folded_seq)
{
    begin_at(f, folded_seq);
    keep(f, message);
}

/* The newest state that any of them has. */
static natsStatus find_earlier(struct log_nats *log, struct finding *f, const char *cluster,
                               const char *subject)
{
    natsMsg *best = NULL;
    uint64_t best_seq = 0;
    uint64_t seq = 0;
    natsStatus status = find_next(log, subject, log->first_seq, &seq);
    while (status == NATS_OK && seq != 0 && !atomic_load(&log->stop)) {
        natsMsg *message = NULL;
        jsErrCode code = 0;
        bool stands = false;
        status = js_GetMsg(&message, log->link->js, STREAM_NAME, seq, NULL, &code);
        status = status == NATS_OK ? look_at(log, f, message, &stands) : status;
        if (stands && (best == NULL || f->event.body.snapshot.folded_seq > best_seq)) {
            natsMsg *worse = best;
            best_seq = f->event.body.snapshot.folded_seq;
            best = message;
            message = worse;
        }
        natsMsg_Destroy(message);
        status = status == NATS_OK ? find_next(log, subject, seq + 1, &seq) : status;
    }
    if (status == NATS_OK && best != NULL) {
        take(f, best, best_seq);
        return NATS_OK;
    }
    natsMsg_Destroy(best);
    return status == NATS_OK ? find_beginning(log, f, cluster) : status;
}

static natsStatus find_snapshot(struct log_nats *log, struct finding *f, const char *cluster)
{
    char subject[SUBJECT_SIZE];
    natsMsg *message = NULL;
    jsErrCode code = 0;
    subject_snapshot(cluster, subject);
    bool stands = false;
    natsStatus status = js_GetLastMsg(&message, log->link->js, STREAM_NAME, subject, NULL, &code);
    (void)log_nats_tick(log);
    if (status == NATS_NOT_FOUND) {
        return find_beginning(log, f, cluster);
    }
    status = status == NATS_OK ? look_at(log, f, message, &stands) : status;
    if (status == NATS_OK && stands) {
        take(f, message, f->event.body.snapshot.folded_seq);
        return NATS_OK;
    }
    natsMsg_Destroy(message);
    return status == NATS_OK ? find_earlier(log, f, cluster, subject) : status;
}

/* ---- all that is wanted ---- */

static natsStatus find_wanted(struct log_nats *log, struct finding *f)
{
    const uint64_t seq = log->options.wanted_seq;
    jsErrCode code = 0;
    if (seq == 0 || f->count == 0 || seq > f->begin_seq) {
        return NATS_OK;
    }
    f->wanted_gone = seq < log->first_seq;
    const natsStatus status =
            f->wanted_gone ? NATS_OK
                           : js_GetMsg(&f->wanted, log->link->js, STREAM_NAME, seq, NULL, &code);
    return status == NATS_NOT_FOUND ? NATS_OK : status;
}

/* False when the list is not complete. */
static bool is_complete(const char *json, size_t size)
{
    uint64_t total = 0;
    uint64_t limit = 0;
    const bool paged = log_parse_json_number(json, size, "total", &total) &&
                       log_parse_json_number(json, size, "limit", &limit);
    return !paged || total <= limit;
}

/* The subjects of the stream name its clusters. */
static natsStatus find_all(struct log_nats *log, struct finding *f)
{
    char cluster[NAME_SIZE];
    char before[NAME_SIZE] = "";
    natsMsg *reply = NULL;
    size_t at = 0;
    natsStatus status = request(log, "$JS.API.STREAM.INFO." STREAM_NAME,
                                "{\"subjects_filter\":\"" SUBJECT_ROOT ".>\"}", &reply);
    if (status != NATS_OK) {
        return status;
    }
    const char *json = natsMsg_GetData(reply);
    const size_t size = (size_t)natsMsg_GetDataLength(reply);
    status = is_complete(json, size) ? NATS_OK : NATS_TIMEOUT;
    while (status == NATS_OK && !atomic_load(&log->stop) &&
           log_parse_json_cluster(json, size, &at, cluster, sizeof(cluster))) {
        /* The server sorts its keys. */
        if (strcmp(cluster, before) != 0 && name_is_valid(cluster)) {
            status = find_snapshot(log, f, cluster);
            memcpy(before, cluster, sizeof(before));
        }
    }
    natsMsg_Destroy(reply);
    return status;
}

static natsStatus find(struct log_nats *log, struct finding *f)
{
    const natsStatus status = log->options.cluster == NULL
                                      ? find_all(log, f)
                                      : find_snapshot(log, f, log->options.cluster);
    return status == NATS_OK ? find_wanted(log, f) : status;
}

static void push(struct log_nats *log, natsMsg *message)
{
    const struct log_notice notice = {
            .kind = LOG_RECORD,
            .seq = natsMsg_GetSequence(message),
            .stored_us = (uint64_t)natsMsg_GetTime(message) / 1000,
            .subject = natsMsg_GetSubject(message),
            .data = (const uint8_t *)natsMsg_GetData(message),
            .size = (size_t)natsMsg_GetDataLength(message),
    };
    log_nats_push(log, &notice);
}

/* The newest snapshot is a mark: when it is lost, all that was taken from it may be. */
static void add_mark(struct log_nats *log, const struct finding *f)
{
    natsMsg *newest = NULL;
    for (size_t i = 0; i < f->count; i++) {
        natsMsg *message = f->snapshots[i];
        if (newest == NULL || natsMsg_GetSequence(message) > natsMsg_GetSequence(newest)) {
            newest = message;
        }
    }
    if (newest != NULL) {
        const struct log_mark mark =
                log_mark_make(natsMsg_GetSequence(newest), (uint64_t)natsMsg_GetTime(newest) / 1000,
                              natsMsg_GetSubject(newest), newest);
        log_marks_add(&log->marks, &mark);
    }
}

static void hand_out(struct log_nats *log, struct finding *f)
{
    log_nats_up(log);
    for (size_t i = 0; i < f->count; i++) {
        push(log, f->snapshots[i]);
    }
    if (f->wanted != NULL) {
        push(log, f->wanted);
    } else if (f->wanted_gone) {
        const struct log_notice notice = {.kind = LOG_GONE, .seq = log->options.wanted_seq};
        log_nats_push(log, &notice);
    }
    add_mark(log, f);
    log->known_seq = f->begin_seq == UINT64_MAX ? 0 : f->begin_seq;
    log->begun = true;
}

static void tell_headless(struct log_nats *log, const struct finding *f)
{
    log_nats_down(log, LOG_TROUBLE_HEADLESS,
                  "the log begins at %" PRIu64 ", behind the beginning of cluster %s, and holds no "
                  "snapshot of it that this version reads: run the version that wrote it, whose "
                  "monitors write one",
                  log->first_seq, f->headless);
}

bool log_nats_begin_with_snapshots(struct log_nats *log)
{
    if (!log->options.from_snapshot || log->begun) {
        return true;
    }
    if (log->list_count >= LIST_TRIES && log->first_seq <= 1) {
        log->begun = true;
        return true;
    }
    struct finding *f = calloc(1, sizeof(*f));
    assert(f != NULL);
    f->begin_seq = UINT64_MAX;
    const natsStatus status = find(log, f);
    const bool good = status == NATS_OK && f->headless[0] == '\0';
    log->list_count = status == NATS_TIMEOUT ? log->list_count + 1 : 0;
    if (good) {
        hand_out(log, f);
    } else {
        log_nats_wait(log, LOG_STREAM_POLL_MS);
    }
    if (status != NATS_OK) {
        log_nats_down(log, LOG_TROUBLE_SILENT, "look for snapshots: %s", log_nats_error(status));
    } else if (!good) {
        tell_headless(log, f);
    }
    forget(f);
    return good;
}
