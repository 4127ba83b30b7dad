/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/explain.h"
#include "../replay/episode.h"
#include "../replay/event_json.h"
#include "../replay/format.h"
#include "../replay/history.h"
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tail {
    const struct options *options;
    struct cluster_set *set;
    uint64_t from_seq; /* what stands before is folded and not shown */
    bool color;
    bool caught_up; /* from here on each line is shown at once */
    bool lost;      /* the log is another one: it is to be read anew */
};

static const char *color_of(enum severity severity)
{
    static const char *const colors[] = {
            [SEVERITY_DEBUG] = "\033[2m",
            [SEVERITY_INFO] = "",
            [SEVERITY_WARNING] = "\033[33m",
            [SEVERITY_ERROR] = "\033[1;31m",
    };
    _Static_assert(sizeof colors / sizeof colors[0] == SEVERITY_COUNT, "a colour per severity");
    return colors[severity];
}

/* With several clusters in sight each line says whose it is. */
static void format_writer(const struct tail *tail, const struct folded *folded, char *ret_text,
                          size_t size)
{
    const char *writer = folded->event.writer[0] != '\0' ? folded->event.writer : "-";
    if (tail->options->cluster == NULL && tail->set->count > 1) {
        snprintf(ret_text, size, "%s/%s", folded->cluster, writer);
    } else {
        snprintf(ret_text, size, "%s", writer);
    }
}

static void print_text(const struct tail *tail, const struct folded *folded)
{
    char time[FORMAT_TIME_SIZE];
    char writer[2 * NAME_SIZE];
    char text[LINE_TEXT_SIZE];
    enum severity severity = explain_severity(&folded->event, folded->outcome);
    const char *color = tail->color ? color_of(severity) : "";
    format_local(folded->wall_us, time);
    format_writer(tail, folded, writer, sizeof writer);
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    format_clean(text);
    printf("%s%s %6" PRIu64 " %-12s %-7s %s%s\n", color, time, folded->event.seq, writer,
           severity_name(severity), text, color[0] != '\0' ? "\033[0m" : "");
}

static void print_json(const struct folded *folded)
{
    json_t *object = event_json(folded);
    char text[LINE_TEXT_SIZE];
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    event_json_set_text(object, "explanation", text);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* The record as it is stored: "24 2026-03-01T12:01:00.023000Z pgbaton.demo.lock.node-1 57 0803...".
 */
static void print_raw(const struct log_notice *record)
{
    static const char digits[] = "0123456789abcdef";
    static char hex[2 * RECORD_BYTES_MAX + 1];
    const size_t size = record->size < RECORD_BYTES_MAX ? record->size : RECORD_BYTES_MAX;
    char time[FORMAT_TIME_SIZE];
    char subject[SUBJECT_SIZE];
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[record->data[i] >> 4];
        hex[2 * i + 1] = digits[record->data[i] & 15];
    }
    hex[2 * size] = '\0';
    format_iso(record->stored_us, time);
    (void)snprintf(subject, sizeof subject, "%s", record->subject);
    format_clean(subject);
    printf("%" PRIu64 " %s %s %zu %s\n", record->seq, time, subject, record->size,
           size > 0 ? hex : "-");
}

/* It wrote the event, or the event is about it. */
static bool speaks_of(const struct event *e, const char *node)
{
    const bool granted = e->kind == EVENT_GRANT && strcmp(e->body.grant.node, node) == 0;
    const bool told = e->kind == EVENT_DIRECTIVE && strcmp(e->body.directive.node, node) == 0;
    return granted || told || strcmp(e->writer, node) == 0;
}

static bool is_after(const struct tail *tail, const struct log_notice *record)
{
    const struct point since = tail->options->points[0];
    const bool by_seq = since.seq == UINT64_MAX || record->seq >= since.seq;
    const bool by_time = since.us == UINT64_MAX || record->stored_us >= since.us;
    return record->seq >= tail->from_seq && by_seq && by_time;
}

/* What the operator asks for. */
static bool is_wanted(const struct options *options, const struct folded *folded)
{
    const struct event *e = &folded->event;
    const bool effective = folded->outcome.effective;
    const bool of_kind = options->kinds == 0 || (options->kinds >> (uint32_t)e->kind & 1U) != 0;
    const bool of_node = options->node == NULL || speaks_of(e, options->node);
    const bool of_term =
            options->term == 0 || event_json_term(&folded->entry->state, e) == options->term;
    const bool matters = (int)explain_severity(e, folded->outcome) >= options->severity;
    return of_kind && of_node && of_term && matters && !(options->only_void && effective) &&
           !(options->only_effective && !effective);
}

/* A kind that is named is wanted whole, and so are events without effect. */
static bool is_told(const struct options *options, const struct folded *folded)
{
    return options->all || options->kinds != 0 || options->only_void || !story_is_routine(folded);
}

/* Nothing is asked for that only the fold knows. */
static bool is_anything_wanted(const struct options *options)
{
    return options->kinds == 0 && options->node == NULL && options->term == 0 &&
           options->severity == SEVERITY_DEBUG && !options->only_void && !options->only_effective;
}

static void show(const struct tail *tail, const struct log_notice *record)
{
    struct folded folded;
    const bool raw = tail->options->raw;
    bool ours = cluster_set_fold(tail->set, record, &folded);
    bool wanted =
            ours ? is_wanted(tail->options, &folded) : raw && is_anything_wanted(tail->options);
    if (!wanted || !is_after(tail, record)) {
        return;
    }
    if (raw) {
        print_raw(record);
    } else if (tail->options->json) {
        print_json(&folded);
    } else if (is_told(tail->options, &folded)) {
        print_text(tail, &folded);
    }
    if (tail->caught_up) {
        fflush(stdout);
    }
}

/* What was shown is not what the log holds now: what differs is shown again as it is now. */
static void note_lost(struct tail *tail, const struct log_notice *notice)
{
    fflush(stdout);
    fprintf(stderr,
            "pgbaton: the log has lost what was read from it: %s; what it holds now follows, from "
            "sequence %" PRIu64 " on\n",
            notice->text, notice->seq);
    tail->from_seq = notice->seq > tail->options->from_seq ? notice->seq : tail->options->from_seq;
    tail->lost = true;
}

/* Prints what comes until the end; EXIT_DONE, or EXIT_NONE after the failure was told. */
static int tail_read(struct tail *tail, struct reader *reader)
{
    struct failure failure = {0};
    for (;;) {
        struct log_notice notice;
        switch (reader_next(reader, UINT64_MAX, &notice, &failure)) {
        case READER_RECORD:
            if (history_is_beyond(&notice, tail->options->points[1])) {
                return EXIT_DONE;
            }
            show(tail, &notice);
            break;
        case READER_CAUGHT_UP:
            tail->caught_up = true;
            fflush(stdout);
            break;
        case READER_DOWN:
            fprintf(stderr, "pgbaton: the log is away: %s; waiting for it\n", notice.text);
            break;
        case READER_CUT:
            fprintf(stderr, "pgbaton: %s\n", notice.text);
            break;
        case READER_LOST:
            note_lost(tail, &notice);
            return EXIT_DONE;
        case READER_END:
            return EXIT_DONE;
        case READER_FAILED:
            return history_fail(&failure);
        case READER_NOTHING:
        case READER_LIVE:
        case READER_ANSWER_COUNT:
            break;
        }
        if (ferror(stdout)) {
            return EXIT_NONE;
        }
    }
}

/* One reading, from the log's beginning. */
static int tail_log(struct tail *tail)
{
    struct failure failure = {0};
    struct reader *reader = NULL;
    const struct options *options = tail->options;
    tail->lost = false;
    tail->caught_up = false;
    tail->set = cluster_set_create();
    if (tail->set == NULL) {
        return EXIT_NONE;
    }
    bool follow = options->follow && options->file == NULL;
    int code = history_open(options, HISTORY_WHOLE, follow, &reader, &failure) == RESULT_OK
                       ? tail_read(tail, reader)
                       : history_fail(&failure);
    reader_close(reader);
    cluster_set_destroy(tail->set);
    return code;
}

int tail_run(const struct options *options)
{
    if (options->raw && options->json) {
        fprintf(stderr, "tail: --raw and -o json are two forms: choose one\n"
                        "try: pgbaton tail --help\n");
        return EXIT_USAGE;
    }
    struct tail tail = {
            .options = options,
            .from_seq = options->from_seq,
            .color = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL,
    };
    int code = EXIT_NONE;
    do {
        code = tail_log(&tail);
    } while (tail.lost);
    return code;
}
