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
    if (strcmp(words[1], "any") != 0) {
        memcpy(request->node, words[1], strlen(words[1]) + 1);
    }
    scene_append(s, &e);
    return true;
}
