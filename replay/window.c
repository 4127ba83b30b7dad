/* SPDX-License-Identifier: PostgreSQL */
#include "window.h"

#include <stdlib.h>
#include <string.h>

struct item {
    struct item *next;
    uint64_t seq;
    size_t size;
    char subject[SUBJECT_SIZE];
    uint8_t data[];
};

struct window {
    struct cluster state;
    struct codec_arena arena;
    struct item *first;
    struct item **end;
    uint32_t count;
};

struct window *window_create(const char *cluster)
{
    struct window *window = calloc(1, sizeof *window);
    if (window != NULL) {
        cluster_init(&window->state, cluster);
        window->end = &window->first;
    }
    return window;
}

static struct item *take_first(struct window *window)
{
    struct item *item = window->first;
    window->first = item->next;
    if (window->first == NULL) {
        window->end = &window->first;
    }
    window->count--;
    return item;
}

void window_destroy(struct window *window)
{
    if (window == NULL) {
        return;
    }
    while (window->first != NULL) {
        free(take_first(window));
    }
    free(window);
}

static void fold_first(struct window *window)
{
    struct item *item = take_first(window);
    struct event event;
    struct cluster_record record = {item->subject, item->seq, item->data, item->size};
    (void)cluster_fold_record(&window->state, &record, &window->arena, &event);
    free(item);
}

bool window_push(struct window *window, const struct log_notice *record)
{
    struct item *item = malloc(sizeof *item + record->size);
    size_t length = strlen(record->subject);
    if (item == NULL || length >= sizeof item->subject) {
        free(item);
        return false;
    }
    item->next = NULL;
    item->seq = record->seq;
    item->size = record->size;
    memcpy(item->subject, record->subject, length + 1);
    memcpy(item->data, record->data, record->size);
    if (window->count == WINDOW_COUNT_MAX) {
        fold_first(window);
    }
    *window->end = item;
    window->end = &item->next;
    window->count++;
    return true;
}

bool window_begin(struct window *window, const struct cluster *state, uint64_t folded_seq)
{
    if (window->state.last_seq > folded_seq) {
        return false;
    }
    while (window->first != NULL && window->first->seq <= state->last_seq) {
        free(take_first(window));
    }
    window->state = *state;
    return true;
}

void window_present(struct window *window, struct cluster *ret_state)
{
    struct event event;
    *ret_state = window->state;
    for (const struct item *item = window->first; item != NULL; item = item->next) {
        struct cluster_record record = {item->subject, item->seq, item->data, item->size};
        (void)cluster_fold_record(ret_state, &record, &window->arena, &event);
    }
}

bool window_copy(struct window *to, const struct window *from)
{
    to->state = from->state;
    for (const struct item *item = from->first; item != NULL; item = item->next) {
        const struct log_notice record = {
                .seq = item->seq, .subject = item->subject, .data = item->data, .size = item->size};
        if (!window_push(to, &record)) {
            return false;
        }
    }
    return true;
}

const struct cluster *window_advance(struct window *window, uint64_t seq)
{
    while (window->first != NULL && window->first->seq <= seq) {
        fold_first(window);
    }
    return window->state.last_seq <= seq ? &window->state : NULL;
}
