/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton config history: each change of PostgreSQL's parameters that the log holds. */
#include "../replay/event_json.h"
#include "../replay/format.h"
#include "../replay/history.h"
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct past {
    const char *cluster;
    bool json;
    uint32_t count;
    json_t *list;
    struct parameters before;
};

static void add_difference(struct past *past, const char *name, const struct parameters *now,
                           json_t *changes)
{
    const char *from = parameters_find(&past->before, name);
    const char *to = parameters_find(now, name);
    bool same = from != NULL && to != NULL && strcmp(from, to) == 0;
    if (same) {
        return;
    }
    json_t *change = json_object();
    event_json_set_text(change, "name", name);
    json_object_set_new(change, "from", json_null());
    json_object_set_new(change, "to", json_null());
    if (from != NULL) {
        event_json_set_text(change, "from", from);
    }
    if (to != NULL) {
        event_json_set_text(change, "to", to);
    }
    json_array_append_new(changes, change);
}

static json_t *differences(struct past *past, const struct parameters *now)
{
    struct parameter item;
    json_t *changes = json_array();
    for (uint32_t at = 0; parameters_next(now->bytes, now->size, &at, &item);) {
        add_difference(past, item.name, now, changes);
    }
    const struct parameters *before = &past->before;
    for (uint32_t at = 0; parameters_next(before->bytes, before->size, &at, &item);) {
        if (parameters_find(now, item.name) == NULL) {
            add_difference(past, item.name, now, changes);
        }
    }
    return changes;
}

static const char *text_or(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "not set";
}

static void print_changes(const struct parameters *p, const json_t *changes)
{
    char time[FORMAT_TIME_SIZE];
    size_t count = json_array_size(changes);
    format_local(p->wall_us, time);
    for (size_t i = 0; i < count; i++) {
        const json_t *change = json_array_get(changes, i);
        printf("%.19s %6" PRIu64 " %s  %s: %s -> %s\n", time, p->seq, p->writer,
               json_string_value(json_object_get(change, "name")),
               text_or(json_object_get(change, "from")), text_or(json_object_get(change, "to")));
    }
}

static void keep(struct past *past, const struct parameters *p, json_t *changes)
{
    json_t *object = json_object();
    event_json_set_u64(object, "seq", p->seq);
    event_json_set_u64(object, "request_seq", p->request_seq);
    event_json_set_time(object, "at", p->wall_us);
    event_json_set_text(object, "by", p->writer);
    json_object_set_new(object, "changes", changes);
    json_array_append_new(past->list, object);
}

static bool on_record(void *context, const struct log_notice *record, const struct folded *folded)
{
    struct past *past = context;
    const struct parameters *now = &folded->entry->state.parameters;
    (void)record;
    if (strcmp(folded->cluster, past->cluster) != 0 || now->seq == past->before.seq) {
        return true;
    }
    json_t *changes = differences(past, now);
    past->count++;
    past->before = *now;
    if (past->json) {
        keep(past, now, changes);
        return true;
    }
    print_changes(now, changes);
    json_decref(changes);
    return true;
}

static int read_with(const struct options *options, history_visit_fn visit, struct past *past,
                     struct cluster_set *set)
{
    struct failure failure = {0};
    struct reader *reader = NULL;
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, &failure);
    if (result == RESULT_OK) {
        result = history_read(reader, set, POINT_END, visit, past, &failure);
    }
    reader_close(reader);
    return result == RESULT_OK ? EXIT_DONE : history_fail(&failure);
}

/* First whose history, then the history. */
static int find_cluster(const struct options *options, char ret_name[NAME_SIZE])
{
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return EXIT_NONE;
    }
    int code = read_with(options, NULL, NULL, set);
    const struct cluster_entry *entry = code == EXIT_DONE ? history_pick(set, options) : NULL;
    if (entry != NULL) {
        memcpy(ret_name, entry->state.name, NAME_SIZE);
    }
    cluster_set_destroy(set);
    return entry != NULL ? EXIT_DONE : EXIT_NONE;
}

int config_history_run(const struct options *options)
{
    char name[NAME_SIZE];
    if (find_cluster(options, name) != EXIT_DONE) {
        return EXIT_NONE;
    }
    struct past past = {.cluster = name, .json = options->json, .list = json_array()};
    struct cluster_set *set = cluster_set_create();
    int code = set != NULL ? read_with(options, on_record, &past, set) : EXIT_NONE;
    if (code == EXIT_DONE && options->json) {
        json_dumpf(past.list, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (code == EXIT_DONE && past.count == 0) {
        printf("The log holds no change of parameters in %s.\n", name);
    }
    json_decref(past.list);
    cluster_set_destroy(set);
    return code;
}
