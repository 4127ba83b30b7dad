/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/log_file.h"
#include "commands.h"
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TELL_PERIOD_MS 1000

struct capture {
    struct log_file_writer *writer;
    uint64_t to_seq;
    uint64_t count;
    uint64_t last_seq;
    uint64_t told_ms; /* when progress was told last */
};

static void tell_progress(struct capture *capture)
{
    uint64_t now_ms = reader_now_ms();
    if (now_ms - capture->told_ms >= TELL_PERIOD_MS) {
        capture->told_ms = now_ms;
        fprintf(stderr, "captured %" PRIu64 " records, at sequence %" PRIu64 "\n", capture->count,
                capture->last_seq);
    }
}

/* RESULT_OK with *ret_more false at the end of the range. */
static enum result capture_next(struct reader *reader, struct capture *capture, bool *ret_more,
                                struct failure *reterr_failure)
{
    struct log_notice notice;
    enum reader_answer answer = reader_next(reader, UINT64_MAX, &notice, reterr_failure);
    if (answer == READER_FAILED || answer == READER_LOST) {
        return reterr_failure->code;
    }
    *ret_more = answer != READER_END && answer != READER_CAUGHT_UP;
    if (answer != READER_RECORD) {
        return RESULT_OK;
    }
    if (notice.seq > capture->to_seq) {
        *ret_more = false;
        return RESULT_OK;
    }
    capture->count++;
    capture->last_seq = notice.seq;
    tell_progress(capture);
    return log_file_write(capture->writer, &notice, reterr_failure);
}

static enum result capture_all(struct reader *reader, struct capture *capture,
                               struct failure *reterr_failure)
{
    bool more = true;
    enum result result = RESULT_OK;
    while (more && result == RESULT_OK) {
        result = capture_next(reader, capture, &more, reterr_failure);
    }
    return result;
}

/* The file is closed in any case; it counts only if all went well. */
static enum result capture_to_file(const struct options *options, struct reader *reader,
                                   struct capture *capture, struct failure *reterr_failure)
{
    enum result result = log_file_writer_create(options->file, &capture->writer, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    result = capture_all(reader, capture, reterr_failure);
    struct failure late = {0};
    enum result finished = log_file_writer_finish(capture->writer, &late);
    if (result == RESULT_OK && finished != RESULT_OK) {
        *reterr_failure = late;
        result = finished;
    }
    if (result != RESULT_OK && strcmp(options->file, "-") != 0) {
        (void)unlink(options->file);
    }
    return result;
}

int capture_run(const struct options *options)
{
    if (options->file == NULL) {
        fprintf(stderr, "capture: name the file to write\ntry: pgbaton-replay capture --help\n");
        return EXIT_USAGE;
    }
    const struct reader_options source = {
            .servers = options->servers,
            .name = "pgbaton-replay",
            .cluster = options->cluster,
            .start_seq = options->from_seq,
            .timeout_ms = options->timeout_ms,
    };
    struct capture capture = {.to_seq = options->to_seq, .told_ms = reader_now_ms()};
    struct failure failure = {0};
    struct reader *reader = NULL;
    enum result result = reader_open(&source, &reader, &failure);
    if (result == RESULT_OK) {
        result = capture_to_file(options, reader, &capture, &failure);
    }
    reader_close(reader);
    if (result != RESULT_OK) {
        return history_fail(&failure);
    }
    fprintf(stderr, "captured %" PRIu64 " records up to sequence %" PRIu64 " into %s\n",
            capture.count, capture.last_seq, options->file);
    return EXIT_DONE;
}
