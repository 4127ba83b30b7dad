/* SPDX-License-Identifier: PostgreSQL */
#include "gather.h"

#include "../proto/subject.h"
#include "../replay/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Puts a node's answer into the copy. The fold's knowledge of its duties stays. */
static void take_answer(struct view *view, const struct event *e)
{
    int32_t i = cluster_find_node(&view->state, e->writer);
    bool fits = i >= 0 && e->kind == EVENT_PROBE &&
                e->incarnation >= view->state.nodes[i].incarnation &&
                strcmp(e->cluster, view->state.name) == 0;
    if (!fits) {
        return;
    }
    const struct probe *probe = &e->body.probe;
    struct node *n = &view->state.nodes[i];
    view->heard[i] = true;
    n->departed = false;
    n->state = probe->state;
    n->reason = probe->reason;
    n->position = probe->position;
    n->replay_lsn = probe->replay_lsn;
    n->streaming = probe->streaming;
    n->failures = probe->failures;
    view->settings[i] = probe->settings;
    view->source_lsns[i] = probe->source_lsn;
    memcpy(view->source_hosts[i], probe->source_host, HOST_SIZE);
    format_clean(view->source_hosts[i]);
}

static bool all_answered(const struct view *view)
{
    for (uint32_t i = 0; i < view->state.node_count; i++) {
        if (!view->heard[i] && !view->state.nodes[i].departed) {
            return false;
        }
    }
    return true;
}

static void take_live(struct view *view, struct cluster_set *set, const struct log_notice *notice)
{
    struct event event;
    if (codec_decode(notice->data, notice->size, &set->arena, &event) == CODEC_OK) {
        take_answer(view, &event);
    }
}

/* Records that come meanwhile are left for the next time: the view is one moment of the log. */
static void await_answers(struct reader *reader, struct cluster_set *set, struct view *view)
{
    uint64_t begun_ms = reader_now_ms();
    uint64_t now_ms = begun_ms;
    struct failure failure;
    while (!all_answered(view) && now_ms < begun_ms + VIEW_ANSWER_MS) {
        struct log_notice notice;
        uint64_t left_ms = begun_ms + VIEW_ANSWER_MS - now_ms;
        enum reader_answer answer = reader_next(reader, left_ms, &notice, &failure);
        if (answer == READER_LIVE) {
            take_live(view, set, &notice);
        }
        if (answer == READER_END || answer == READER_LOST || answer == READER_FAILED) {
            return;
        }
        now_ms = reader_now_ms();
    }
    view->answer_ms = now_ms - begun_ms;
}

static void ask(struct reader *reader, struct cluster_set *set, struct view *view)
{
    char subject[SUBJECT_SIZE];
    subject_ask(view->state.name, subject);
    view->asked = true;
    if (log_publish(reader_log(reader), subject, (const uint8_t *)"", 0)) {
        await_answers(reader, set, view);
    }
    view->now_us = format_now_us();
}

static int view_read(const struct options *options, struct cluster_set *set, struct reader *reader,
                     struct view *view)
{
    struct failure failure = {0};
    if (history_read(reader, set, POINT_END, NULL, NULL, &failure) != RESULT_OK) {
        return history_fail(&failure);
    }
    const struct cluster_entry *entry = history_pick(set, options);
    if (entry == NULL) {
        return EXIT_NONE;
    }
    view_of(&entry->state, entry->last_us, view);
    if (options->file == NULL) {
        memset(view->heard, false, sizeof view->heard);
        ask(reader, set, view);
    }
    return EXIT_DONE;
}

int view_gather(const struct options *options, struct view *ret_view)
{
    struct failure failure = {0};
    struct reader *reader = NULL;
    memset(ret_view, 0, sizeof *ret_view);
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return EXIT_NONE;
    }
    int code = EXIT_NONE;
    if (history_open(options, HISTORY_NEWEST, options->file == NULL, &reader, &failure) ==
        RESULT_OK) {
        code = view_read(options, set, reader, ret_view);
    } else {
        history_fail(&failure);
    }
    reader_close(reader);
    cluster_set_destroy(set);
    return code;
}
