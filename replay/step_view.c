/* SPDX-License-Identifier: PostgreSQL */
#include "step_view.h"

#include "../proto/explain.h"
#include "describe.h"
#include "difference.h"
#include "episode.h"
#include "event_json.h"
#include "format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

static void add_piece(struct step_lines *lines, enum screen_look look, size_t indent,
                      const char *text, size_t size)
{
    if (lines->count == lines->capacity) {
        const size_t capacity = lines->capacity == 0 ? 64 : lines->capacity * 2;
        struct step_line *list = realloc(lines->list, capacity * sizeof *list);
        if (list == NULL) {
            return;
        }
        lines->list = list;
        lines->capacity = capacity;
    }
    char *copy = NULL;
    if (asprintf(&copy, "%*s%.*s", (int)indent, "", (int)size, text) < 0) {
        return;
    }
    format_clean(copy);
    lines->list[lines->count++] = (struct step_line){look, copy};
}

/* Where a text of that size is broken: behind the last space that fits, or where it is full. */
static size_t break_at(const char *text, size_t size, size_t wide)
{
    size_t at = wide;
    if (size <= wide) {
        return size;
    }
    while (at > wide / 2 && text[at] != ' ') {
        at--;
    }
    if (text[at] == ' ') {
        return at;
    }
    for (at = wide; at > 1 && (text[at] & 0xc0) == 0x80; at--) {
    }
    return at;
}

void step_lines_add(struct step_lines *lines, enum screen_look look, size_t indent,
                    const char *text)
{
    const size_t columns = screen_columns();
    size_t left = strlen(text);
    size_t used = 0;
    do {
        const size_t wide = columns > used + 20 ? columns - used : 20;
        const size_t size = break_at(text, left, wide);
        add_piece(lines, look, used, text, size);
        text += size;
        left -= size;
        while (*text == ' ') {
            text++;
            left--;
        }
        used = indent;
    } while (left > 0);
}

__attribute__((format(printf, 4, 5))) static void
add(struct step_lines *lines, enum screen_look look, size_t indent, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        step_lines_add(lines, look, indent, text);
        free(text);
    }
}

void step_lines_free(struct step_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->list[i].text);
    }
    free(lines->list);
    *lines = (struct step_lines){0};
}

/* ---- the record ---- */

static enum screen_look look_of(uint8_t severity)
{
    static const enum screen_look looks[] = {
            [SEVERITY_DEBUG] = SCREEN_PLAIN,
            [SEVERITY_INFO] = SCREEN_BOLD,
            [SEVERITY_WARNING] = SCREEN_WARNING,
            [SEVERITY_ERROR] = SCREEN_ERROR,
    };
    _Static_assert(sizeof looks / sizeof looks[0] == SEVERITY_COUNT, "each severity has a look");
    return looks[severity];
}

static const char *kind_of(const struct walk_item *item)
{
    return item->kind == EVENT_NONE ? "unreadable" : event_kind_name((enum event_kind)item->kind);
}

/* "5 ms", between two clocks */
static void format_between(uint64_t from_us, uint64_t to_us, char ret_text[FORMAT_TIME_SIZE])
{
    const bool back = to_us < from_us;
    const uint64_t us = back ? from_us - to_us : to_us - from_us;
    (void)snprintf(ret_text, FORMAT_TIME_SIZE, "%s%" PRIu64 ".%03u s", back ? "-" : "",
                   us / 1000000, (unsigned)(us % 1000000 / 1000));
}

static void add_cause(struct walk *walk, const struct folded *folded, struct step_lines *lines)
{
    const uint64_t seq = folded->event.cause_seq;
    char between[FORMAT_TIME_SIZE];
    if (folded->event.kind == EVENT_NONE) {
        return;
    }
    if (seq == 0) {
        add(lines, SCREEN_PLAIN, 2, "cause:     none: a timer, or a fact of the writer's own");
        return;
    }
    const struct walk_item *cause = walk_item(walk, walk_find(walk, seq, UINT64_MAX));
    if (cause->seq != seq) {
        add(lines, SCREEN_PLAIN, 2, "cause:     %" PRIu64 ", which is not in this file", seq);
        return;
    }
    format_between(cause->wall_us, folded->wall_us, between);
    add(lines, SCREEN_PLAIN, 2, "cause:     %" PRIu64 ", %s, %s before", seq, kind_of(cause),
        between);
}

static void add_outcome(const struct folded *folded, struct step_lines *lines)
{
    const enum void_reason reason = folded->outcome.void_reason;
    if (folded->outcome.effective) {
        add(lines, SCREEN_PLAIN, 2, "outcome:   effective");
    } else {
        add(lines, SCREEN_WARNING, 2, "outcome:   void, %s: %s", void_reason_name(reason),
            void_reason_text(reason));
    }
}

static bool is_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* What the author had from its own clock and ears, without what is zero. */
static void add_evidence(const struct folded *folded, struct step_lines *lines)
{
    json_t *object = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    char text[1024] = "";
    event_json_add_body(object, &folded->entry->state, &folded->event);
    json_object_foreach(json_object_get(object, "evidence"), key, value)
    {
        const size_t used = strlen(text);
        char *shown = is_nothing(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        if (shown != NULL) {
            (void)snprintf(text + used, sizeof text - used, "%s%s %s", used > 0 ? ", " : "", key,
                           shown);
        }
        free(shown);
    }
    add(lines, SCREEN_PLAIN, 11, "evidence:  %s", text[0] != '\0' ? text : "none");
    json_decref(object);
}

static void add_decision(const struct folded *folded, struct step_lines *lines)
{
    const struct decision *decision = &folded->event.decision;
    if (!event_is_decision(folded->event.kind)) {
        return;
    }
    add(lines, SCREEN_PLAIN, 11,
        "rule:      %s, in the state after %" PRIu64 "; the decision before it is %" PRIu64,
        decision->rule, decision->folded_seq, decision->prev_seq);
    add_evidence(folded, lines);
}

void step_view_record(struct walk *walk, size_t index, struct step_lines *lines)
{
    const struct folded *folded = walk_go(walk, index);
    const struct walk_item *item = walk_item(walk, index);
    char time[FORMAT_TIME_SIZE];
    char text[LINE_TEXT_SIZE];
    format_local(item->wall_us, time);
    add(lines, SCREEN_PLAIN, 2, "%s  %" PRIu64 "  %s  %s  %s", time, item->seq,
        folded->event.writer[0] != '\0' ? folded->event.writer : "-",
        severity_name((enum severity)item->severity), kind_of(item));
    if (item->incident != 0) {
        add(lines, SCREEN_WARNING, 2, "incident %u begins here", (unsigned)item->incident);
    }
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    add(lines, look_of(item->severity), 2, "%s", text);
    add_cause(walk, folded, lines);
    add_outcome(folded, lines);
    add_decision(folded, lines);
}

void step_view_text(struct walk *walk, size_t index, char ret_text[STEP_TEXT_SIZE])
{
    const struct folded *folded = walk_go(walk, index);
    char text[LINE_TEXT_SIZE];
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    (void)snprintf(ret_text, STEP_TEXT_SIZE, "%s %s %s %s", folded->event.writer,
                   kind_of(walk_item(walk, index)),
                   event_is_decision(folded->event.kind) ? folded->event.decision.rule : "", text);
}

/* ---- the state ---- */

/* describe prints to standard output. */
static char *describe_to_text(const struct view *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    FILE *standard = stdout;
    if (file == NULL) {
        return NULL;
    }
    stdout = file;
    describe_text(view);
    stdout = standard;
    (void)fclose(file);
    return text;
}

static void add_whole(const struct view *view, struct step_lines *lines)
{
    char *text = describe_to_text(view);
    char *rest = text;
    while (rest != NULL && *rest != '\0') {
        char *line = strsep(&rest, "\n");
        add_piece(lines, SCREEN_PLAIN, 0, line, strlen(line));
    }
    free(text);
}

static void add_differences(const struct view *before, const struct view *after,
                            struct step_lines *lines)
{
    json_t *list = difference_list(before, after);
    size_t i = 0;
    json_t *difference = NULL;
    json_array_foreach(list, i, difference)
    {
        char *text = difference_text(difference);
        add(lines, SCREEN_PLAIN, 4, "%-32s %s",
            json_string_value(json_object_get(difference, "path")), text != NULL ? text : "?");
        free(text);
    }
    if (json_array_size(list) == 0) {
        add(lines, SCREEN_DIM, 0, "nothing that describe shows");
    }
    json_decref(list);
}

/* Both at the same time, so that only the record makes a difference. */
void step_view_state(struct walk *walk, size_t index, bool whole, struct step_lines *lines)
{
    static struct view before;
    static struct view after;
    const struct folded *folded = walk_go(walk, index);
    view_of(walk_before(walk), folded->wall_us, &before);
    view_of(&folded->entry->state, folded->wall_us, &after);
    if (whole) {
        add_whole(&after, lines);
    } else {
        add_differences(&before, &after, lines);
    }
}
