/* SPDX-License-Identifier: PostgreSQL */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

static bool kind_of(const char *word, enum request_kind *ret_kind)
{
    for (unsigned i = 0; i < REQUEST_KIND_COUNT; i++) {
        if (strcmp(word, request_kind_name((enum request_kind)i)) == 0) {
            *ret_kind = (enum request_kind)i;
            return true;
        }
    }
    return false;
}

/* "work_mem=8MB" sets, "work_mem" takes back. */
static void take_value(struct request *request, const char *word)
{
    char name[PARAMETER_NAME_SIZE] = "";
    size_t length = strcspn(word, "=");
    if (strcmp(word, "unchecked") == 0) {
        request->unchecked = true;
    } else if (length > 0 && length < sizeof name) {
        memcpy(name, word, length);
        (void)parameters_put(&request->change, name,
                             word[length] == '=' ? word + length + 1 : NULL);
    }
}

bool scene_ask(struct scene *s, const char *const words[4])
{
    struct scene_node asker = {.name = "root-db1", .incarnation = s->now_ms};
    struct event e = scene_event(s, &asker, EVENT_REQUEST);
    struct request *request = &e.body.request;
    if (!kind_of(words[0], &request->kind) || strlen(words[1]) >= NAME_SIZE) {
        return false;
    }
    request->term = s->reference.term;
    request->seen_seq = s->reference.last_seq;
    request->accept_loss = strcmp(words[2], "accept-loss") == 0;
    if (request->kind == REQUEST_CANCEL) {
        request->cancels_seq = s->reference.pending.request_seq;
    }
    request->task = strcmp(words[2], "rewind") == 0 ? TASK_REWIND : TASK_NONE;
    request->leader_stopped = strcmp(words[2], "leader-stopped") == 0;
    if (strcmp(words[2], "in") == 0) {
        request->at_us = e.wall_us + strtoull(words[3], NULL, 10) * 1000;
    }
    for (int i = 2; i < 4 && request->kind == REQUEST_CONFIG; i++) {
        take_value(request, words[i]);
    }
    if (strcmp(words[1], "any") != 0) {
        memcpy(request->node, words[1], strlen(words[1]) + 1);
    }
    scene_append(s, &e);
    return true;
}
