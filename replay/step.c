/* SPDX-License-Identifier: PostgreSQL */
/* step - through a log record by record, forwards and backwards. */
#include "../proto/severity.h"
#include "commands.h"
#include "format.h"
#include "history.h"
#include "step_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 10
#define INPUT_SIZE 128
#define MESSAGE_SIZE 512
#define HINT "n next  p back  i incident  f filter  d state  / search  g go to  ? help  q quit"

/* What is stepped over. */
enum filter {
    FILTER_ALL = 0,
    FILTER_NEWS, /* what tells nothing new is */
    FILTER_DECISIONS,
    FILTER_WARNINGS,
    FILTER_COUNT
};

struct step {
    struct walk *walk;
    size_t index;
    enum filter filter;
    bool whole;   /* the state, not what changed */
    bool helping; /* the keys are shown instead */
    size_t scroll;
    char search[INPUT_SIZE];
    char message[MESSAGE_SIZE];
};

static const char *const filter_names[] = {
        [FILTER_ALL] = "all records",
        [FILTER_NEWS] = "what tells something new",
        [FILTER_DECISIONS] = "decisions",
        [FILTER_WARNINGS] = "warnings and errors",
};
_Static_assert(sizeof filter_names / sizeof filter_names[0] == FILTER_COUNT, "each has its name");

static const char *const help[] = {
        "right, n, space      the next record",
        "left, p              the one before",
        "page down, page up   ten on, ten back",
        "home, end            the first, the last",
        "g                    go to a sequence (212), a time (22:30:05), or so long before the end "
        "(10m)",
        "i, I                 the next change of leadership, the one before",
        "/                    search in what is said, from here on; empty: the same again",
        "f                    what is stepped over: nothing, what tells nothing new, all but",
        "                     decisions, all but warnings and errors",
        "d                    what the record changed, or the whole state after it",
        "down, up             scroll that",
        "q                    quit",
};

/* ---- the page ---- */

static void draw_bar(const struct step *step)
{
    char text[256];
    (void)snprintf(text, sizeof text, " %s   record %zu of %zu   shown: %s",
                   walk_cluster(step->walk), step->index + 1, walk_count(step->walk),
                   filter_names[step->filter]);
    screen_line(0, SCREEN_BAR, text);
}

/* From that row on; returns the first free one. */
static uint32_t draw_lines(const struct step_lines *lines, size_t first, uint32_t row, uint32_t end)
{
    for (size_t i = first; i < lines->count && row < end; i++) {
        screen_line(row++, lines->list[i].look, lines->list[i].text);
    }
    return row;
}

static void draw_help(void)
{
    for (uint32_t i = 0; i < sizeof help / sizeof help[0]; i++) {
        screen_line(2 + i, SCREEN_PLAIN, help[i]);
    }
}

/* The last lines of what is scrolled stay in sight. */
static void limit_scroll(struct step *step, size_t count, uint32_t room)
{
    const size_t most = count > room ? count - room : 0;
    step->scroll = step->scroll < most ? step->scroll : most;
}

static void draw_record(struct step *step, uint32_t end)
{
    struct step_lines record = {0};
    struct step_lines state = {0};
    char title[128];
    step_view_record(step->walk, step->index, &record);
    step_view_state(step->walk, step->index, step->whole, &state);
    uint32_t row = draw_lines(&record, 0, 1, end) + 1;
    limit_scroll(step, state.count, end > row + 1 ? end - row - 1 : 0);
    (void)snprintf(title, sizeof title, "%s%s",
                   step->whole ? "The state after it" : "What it changes",
                   step->scroll > 0 ? " (scrolled)" : "");
    if (row < end) {
        screen_line(row, SCREEN_DIM, title);
    }
    (void)draw_lines(&state, step->scroll, row + 1, end);
    step_lines_free(&record);
    step_lines_free(&state);
}

static void draw(struct step *step, const char *prompt)
{
    const uint32_t last = screen_rows() - 1;
    screen_clear();
    draw_bar(step);
    if (step->helping) {
        draw_help();
    } else {
        draw_record(step, last);
    }
    const char *line = prompt != NULL ? prompt : step->message[0] != '\0' ? step->message : HINT;
    screen_line(last, prompt != NULL || step->message[0] != '\0' ? SCREEN_PLAIN : SCREEN_DIM, line);
    screen_show();
}

/* ---- input ---- */

static void say(struct step *step, const char *text)
{
    (void)snprintf(step->message, sizeof step->message, "%s", text);
}

static void edit(char *text, int key)
{
    const size_t length = strlen(text);
    const bool erases = key == '\b' || key == 0x7f;
    if (erases && length > 0) {
        text[length - 1] = '\0';
    } else if (key >= ' ' && key < 0x7f && length + 1 < INPUT_SIZE) {
        text[length] = (char)key;
        text[length + 1] = '\0';
    }
}

/* False: it was given up, or the terminal is gone, which the next key tells again. */
static bool ask(struct step *step, const char *question, char ret_text[INPUT_SIZE])
{
    char prompt[INPUT_SIZE + 64];
    ret_text[0] = '\0';
    for (;;) {
        (void)snprintf(prompt, sizeof prompt, "%s%s_", question, ret_text);
        draw(step, prompt);
        const int key = screen_key();
        if (key == KEY_ESCAPE || key == KEY_GONE) {
            return false;
        }
        if (key == '\r' || key == '\n') {
            return true;
        }
        edit(ret_text, key);
    }
}

/* ---- moving ---- */

static bool is_shown(const struct step *step, size_t index)
{
    const struct walk_item *item = walk_item(step->walk, index);
    switch (step->filter) {
    case FILTER_NEWS:
        return !item->routine;
    case FILTER_DECISIONS:
        return item->kind != EVENT_NONE && event_is_decision((enum event_kind)item->kind);
    case FILTER_WARNINGS:
        return item->severity >= SEVERITY_WARNING;
    case FILTER_ALL:
    case FILTER_COUNT:
        break;
    }
    return true;
}

static void move_to(struct step *step, size_t index)
{
    step->index = index;
    step->scroll = 0;
}

/* So many that are shown; as far as it goes. */
static void move_by(struct step *step, bool back, size_t count)
{
    const size_t end = walk_count(step->walk);
    size_t found = step->index;
    size_t at = step->index;
    while (count > 0 && (back ? at > 0 : at + 1 < end)) {
        at = back ? at - 1 : at + 1;
        if (is_shown(step, at)) {
            found = at;
            count--;
        }
    }
    if (found == step->index) {
        say(step, back ? "nothing before it is shown" : "nothing after it is shown");
    }
    move_to(step, found);
}

/* The first or last that is shown. */
static void move_to_end(struct step *step, bool first)
{
    const size_t end = walk_count(step->walk);
    move_to(step, first ? 0 : end - 1);
    if (!is_shown(step, step->index)) {
        move_by(step, !first, 1);
        step->message[0] = '\0';
    }
}

static void move_to_incident(struct step *step, bool back)
{
    const size_t end = walk_count(step->walk);
    for (size_t at = step->index; back ? at > 0 : at + 1 < end;) {
        at = back ? at - 1 : at + 1;
        if (walk_item(step->walk, at)->incident != 0) {
            move_to(step, at);
            return;
        }
    }
    say(step, back ? "no leader was replaced before it" : "no leader is replaced after it");
}

static void go(struct step *step)
{
    char text[INPUT_SIZE];
    struct point point;
    const struct walk_item *last = walk_item(step->walk, walk_count(step->walk) - 1);
    const uint64_t now_us = last->stored_us != 0 ? last->stored_us : last->wall_us;
    if (!ask(step, "go to: ", text)) {
        return;
    }
    if (!options_parse_point(text, now_us, &point)) {
        say(step,
            "a sequence, a time (22:30:05, 2026-03-01T22:30), or so long before the end (10m)");
        return;
    }
    move_to(step, walk_find(step->walk, point.seq, point.us));
}

static void search(struct step *step)
{
    const size_t count = walk_count(step->walk);
    char text[INPUT_SIZE];
    char record[STEP_TEXT_SIZE];
    if (!ask(step, "/", text)) {
        return;
    }
    if (text[0] != '\0') {
        memcpy(step->search, text, sizeof step->search);
    }
    for (size_t i = 1; i <= count && step->search[0] != '\0'; i++) {
        const size_t at = (step->index + i) % count;
        step_view_text(step->walk, at, record);
        if (strcasestr(record, step->search) != NULL) {
            say(step, at <= step->index ? "the search went on from the beginning" : "");
            move_to(step, at);
            return;
        }
    }
    (void)snprintf(step->message, sizeof step->message, "'%s' is said nowhere", step->search);
}

/* ---- keys ---- */

static void press_letter(struct step *step, int key)
{
    switch (key) {
    case 'n':
    case ' ':
        move_by(step, false, 1);
        break;
    case 'p':
        move_by(step, true, 1);
        break;
    case 'i':
    case 'I':
        move_to_incident(step, key == 'I');
        break;
    case 'g':
        go(step);
        break;
    case '/':
        search(step);
        break;
    case 'f':
        step->filter = (step->filter + 1) % FILTER_COUNT;
        break;
    case 'd':
        step->whole = !step->whole;
        step->scroll = 0;
        break;
    case '?':
        step->helping = true;
        break;
    default:
        break;
    }
}

static void press(struct step *step, int key)
{
    switch (key) {
    case KEY_RIGHT:
        move_by(step, false, 1);
        break;
    case KEY_LEFT:
        move_by(step, true, 1);
        break;
    case KEY_PAGE_DOWN:
        move_by(step, false, MANY);
        break;
    case KEY_PAGE_UP:
        move_by(step, true, MANY);
        break;
    case KEY_HOME:
    case KEY_END:
        move_to_end(step, key == KEY_HOME);
        break;
    case KEY_DOWN:
        step->scroll++;
        break;
    case KEY_UP:
        step->scroll -= step->scroll > 0 ? 1 : 0;
        break;
    default:
        press_letter(step, key);
        break;
    }
}

static void loop(struct step *step)
{
    for (;;) {
        draw(step, NULL);
        const int key = screen_key();
        if (key == 'q' || key == KEY_GONE) {
            return;
        }
        if (key == KEY_RESIZE) {
            continue;
        }
        step->message[0] = '\0';
        if (step->helping) {
            step->helping = false;
        } else {
            press(step, key);
        }
    }
}

/* ---- the command ---- */

/* Where it begins. False: there is no such incident. */
static bool begin(struct step *step, const struct options *options)
{
    const struct point at = options->points[0];
    if (at.seq != UINT64_MAX || at.us != UINT64_MAX) {
        step->index = walk_find(step->walk, at.seq, at.us);
    }
    for (size_t i = 0; options->incident != 0; i++) {
        if (i == walk_count(step->walk)) {
            fprintf(stderr,
                    "pgbaton-replay: the log has no incident %u\n"
                    "hint: pgbaton-replay incidents lists them\n",
                    (unsigned)options->incident);
            return false;
        }
        if (walk_item(step->walk, i)->incident == options->incident) {
            step->index = i;
            break;
        }
    }
    return true;
}

int step_run(const struct options *options)
{
    struct step step = {0};
    struct failure failure = {0};
    char problem[WALK_PROBLEM_SIZE];
    if (options->file == NULL) {
        fprintf(stderr, "step: name a captured file (pgbaton-replay capture FILE writes one)\n"
                        "try: pgbaton-replay step --help\n");
        return EXIT_USAGE;
    }
    if (walk_open(options->file, options->cluster, &step.walk, problem, &failure) != RESULT_OK) {
        return history_fail(&failure);
    }
    int code = begin(&step, options) ? EXIT_DONE : EXIT_NONE;
    if (problem[0] != '\0') {
        (void)snprintf(step.message, sizeof step.message, "%s; what stands before is shown",
                       problem);
    } else if (walk_note(step.walk) != NULL) {
        (void)snprintf(step.message, sizeof step.message, "the file says: %s",
                       walk_note(step.walk));
    }
    if (code == EXIT_DONE && screen_begin(&failure) != RESULT_OK) {
        code = history_fail(&failure);
    } else if (code == EXIT_DONE) {
        loop(&step);
    }
    walk_close(step.walk);
    screen_end();
    return code;
}
