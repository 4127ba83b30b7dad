/* SPDX-License-Identifier: PostgreSQL */
/* state - the cluster as it was. diff - what of that differs between two points. */
#include "commands.h"
#include "describe.h"
#include "difference.h"
#include "format.h"
#include "past.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- state ---- */

static void print_moment(const struct view *view)
{
    char time[FORMAT_TIME_SIZE];
    char zone[FORMAT_TIME_SIZE];
    format_local(view->now_us, time);
    format_zone(view->now_us, zone);
    printf("As of sequence %" PRIu64 ", %s %s\n", view->state.last_seq, time, zone);
}

int state_run(const struct options *options)
{
    static struct view view;
    const int code = past_view(options, options->points[0], &view);
    if (code == EXIT_DONE && options->json) {
        describe_print_json(&view);
    } else if (code == EXIT_DONE) {
        print_moment(&view);
        describe_text(&view);
    }
    return code;
}

/* ---- diff ---- */

static void print_differences(const struct view *a, const struct view *b, json_t *list)
{
    size_t i = 0;
    json_t *difference = NULL;
    print_moment(a);
    print_moment(b);
    if (json_array_size(list) == 0) {
        puts("Nothing that describe shows differs.");
    }
    json_array_foreach(list, i, difference)
    {
        char *text = difference_text(difference);
        printf("%-32s %s\n", json_string_value(json_object_get(difference, "path")),
               text != NULL ? text : "?");
        free(text);
    }
}

static void print_diff(const struct view *a, const struct view *b, bool json)
{
    json_t *list = difference_list(a, b);
    if (json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_differences(a, b, list);
    }
    json_decref(list);
}

int diff_run(const struct options *options)
{
    static struct view a;
    static struct view b;
    const struct point first = options->points[0];
    if (first.seq == UINT64_MAX && first.us == UINT64_MAX) {
        fprintf(stderr, "diff: name two points of the log, or one and its end is the other\n"
                        "try: pgbaton-replay diff --help\n");
        return EXIT_USAGE;
    }
    int code = past_view(options, first, &a);
    code = code == EXIT_DONE ? past_view(options, options->points[1], &b) : code;
    if (code == EXIT_DONE) {
        print_diff(&a, &b, options->json);
    }
    return code;
}
