/* SPDX-License-Identifier: PostgreSQL */
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reader {
    struct log *log;
    bool is_file;
    bool caught_up;
    bool up;
    uint64_t timeout_ms;
    uint64_t progress_ms; /* when the log last said anything useful */
    char servers[256];    /* for the failure */
    char trouble[256];    /* the last reason of LOG_DOWN */
};

uint64_t reader_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum result open_log(const struct reader_options *options, struct log **ret_log,
                            struct failure *reterr_failure)
{
    if (options->file != NULL) {
        return log_file_create(options->file, options->cluster, ret_log, reterr_failure);
    }
    const struct log_nats_options nats = {
            .servers = options->servers,
            .name = options->name,
            .cluster = options->cluster,
            .start_seq = options->start_seq,
            .from_snapshot = options->from_snapshot,
            .live = options->follow,
            .want_live = options->want_live,
    };
    return log_create(&nats, ret_log, reterr_failure);
}

enum result reader_open(const struct reader_options *options, struct reader **ret_reader,
                        struct failure *reterr_failure)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    enum result result = open_log(options, &reader->log, reterr_failure);
    if (result != RESULT_OK) {
        free(reader);
        return result;
    }
    reader->is_file = options->file != NULL;
    reader->timeout_ms = options->timeout_ms;
    reader->progress_ms = reader_now_ms();
    if (options->servers != NULL) {
        snprintf(reader->servers, sizeof reader->servers, "%s", options->servers);
    }
    *ret_reader = reader;
    return RESULT_OK;
}

void reader_close(struct reader *reader)
{
    if (reader != NULL) {
        log_destroy(reader->log);
        free(reader);
    }
}

const char *reader_cut(const struct reader *reader)
{
    return reader->is_file && reader->trouble[0] != '\0' ? reader->trouble : NULL;
}

struct log *reader_log(struct reader *reader)
{
    return reader->log;
}

static enum reader_answer fail_silent(struct reader *reader, struct failure *reterr_failure)
{
    const char *trouble = reader->trouble[0] != '\0' ? reader->trouble : "no answer";
    failure_set(reterr_failure, RESULT_UNAVAILABLE, "%s at %s: %s within %" PRIu64 " ms",
                reader->up ? "the log cannot be read" : "cannot reach the log", reader->servers,
                trouble, reader->timeout_ms);
    failure_hint(reterr_failure,
                 "%s (it creates the log), or name "
                 "other servers with --nats or PGBATON_NATS; --timeout waits longer",
                 log_is_local(reader->servers) ? "start a monitor"
                                               : "start nats-server there and a monitor");
    return READER_FAILED;
}

static void note_up(struct reader *reader)
{
    reader->up = true;
    reader->progress_ms = reader_now_ms();
}

static enum reader_answer note_down(struct reader *reader, const struct log_notice *notice)
{
    const char *text = notice->text != NULL ? notice->text : "connection lost";
    snprintf(reader->trouble, sizeof reader->trouble, "%s", text);
    if (reader->is_file) {
        return READER_CUT;
    }
    return reader->caught_up ? READER_DOWN : READER_NOTHING;
}

static void fail_lost(const struct log_notice *notice, struct failure *reterr_failure)
{
    failure_set(reterr_failure, RESULT_FAILED, "the log has lost what was read from it: %s",
                notice->text != NULL ? notice->text : "no reason known");
    failure_hint(reterr_failure, "run it again: it reads the log that there is now");
}

static enum reader_answer note_caught_up(struct reader *reader)
{
    reader->caught_up = true;
    return READER_CAUGHT_UP;
}

/* READER_NOTHING for a notice that is of no interest to the caller. */
static enum reader_answer take_notice(struct reader *reader, const struct log_notice *notice)
{
    switch (notice->kind) {
    case LOG_RECORD:
        reader->progress_ms = reader_now_ms();
        return READER_RECORD;
    case LOG_LIVE:
        return READER_LIVE;
    case LOG_CAUGHT_UP:
        return note_caught_up(reader);
    case LOG_END:
        return READER_END;
    case LOG_DOWN:
        return note_down(reader, notice);
    case LOG_LOST:
        return READER_LOST;
    case LOG_UP:
        note_up(reader);
        break;
    case LOG_NOTHING:
    case LOG_ASKED:
    case LOG_APPENDED:
    case LOG_LED:
    case LOG_GONE:
    case LOG_TRIMMED:
    case LOG_REFUSED:
    case LOG_NOTICE_COUNT:
        break;
    }
    return READER_NOTHING;
}

/* Until when to sleep: the caller's wish, or the end of the patience with silent servers. */
static uint64_t wake_ms(const struct reader *reader, uint64_t until_ms)
{
    if (reader->is_file || reader->caught_up) {
        return until_ms;
    }
    uint64_t patience_ms = reader->progress_ms + reader->timeout_ms;
    return patience_ms < until_ms ? patience_ms : until_ms;
}

static void sleep_until(const struct reader *reader, uint64_t at_ms)
{
    uint64_t now_ms = reader_now_ms();
    uint64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    struct pollfd descriptor = {.fd = log_fd(reader->log), .events = POLLIN};
    (void)poll(&descriptor, 1, left_ms > 60000 ? 60000 : (int)left_ms);
}

static bool is_out_of_patience(const struct reader *reader)
{
    return !reader->is_file && !reader->caught_up &&
           reader_now_ms() >= reader->progress_ms + reader->timeout_ms;
}

enum reader_answer reader_next(struct reader *reader, uint64_t wait_ms,
                               struct log_notice *ret_notice, struct failure *reterr_failure)
{
    uint64_t now_ms = reader_now_ms();
    uint64_t until_ms = wait_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + wait_ms;
    for (;;) {
        *ret_notice = log_take(reader->log);
        if (ret_notice->kind != LOG_NOTHING) {
            enum reader_answer answer = take_notice(reader, ret_notice);
            if (answer == READER_LOST) {
                fail_lost(ret_notice, reterr_failure);
            }
            if (answer != READER_NOTHING) {
                return answer;
            }
            continue;
        }
        if (is_out_of_patience(reader)) {
            return fail_silent(reader, reterr_failure);
        }
        if (reader_now_ms() >= until_ms) {
            return READER_NOTHING;
        }
        sleep_until(reader, wake_ms(reader, until_ms));
    }
}
