/* SPDX-License-Identifier: PostgreSQL */
#include "rebuild.h"

#include "../proto/explain.h"
#include "../replay/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30

/* The event with which the request ended: its copy's, or one that made it pointless. */
static enum rebuild_stage judge_end(struct rebuild_watch *watch, const struct folded *folded,
                                    const char *node, char *text, size_t size)
{
    const struct event *e = &folded->event;
    if (e->kind == EVENT_DONE) {
        watch->copied = true;
        return REBUILD_GOES_ON;
    }
    if (e->kind == EVENT_FAILED) {
        bool copy = e->body.task.task == TASK_BASEBACKUP;
        (void)snprintf(text, size, "%s of %s failed: %s%s", task_name(e->body.task.task), node,
                       e->body.task.text[0] != '\0' ? e->body.task.text
                                                    : reason_text(e->body.task.reason),
                       copy ? "; its old data directory is as it was" : "");
    } else if (e->kind == EVENT_GRANT) {
        (void)snprintf(text, size, "%s leads now: it is not rebuilt", node);
    } else {
        (void)snprintf(text, size, "%s was stopped: it is not rebuilt", node);
    }
    return REBUILD_FAILED;
}

enum rebuild_stage rebuild_look(struct rebuild_watch *watch, const struct folded *folded,
                                const char *node, char *text, size_t size)
{
    const struct cluster *c = &folded->entry->state;
    int32_t i = cluster_find_node(c, node);
    if (i < 0 || c->nodes[i].asked_seq == watch->request_seq) {
        return REBUILD_GOES_ON;
    }
    const struct node *n = &c->nodes[i];
    if (!watch->copied) {
        return judge_end(watch, folded, node, text, size);
    }
    bool streams = n->state == NODE_STANDBY && n->streaming && n->reason == REASON_NONE &&
                   n->state_seq > n->rebuild_seq;
    return streams ? REBUILD_STREAMS : REBUILD_GOES_ON;
}

void rebuild_hide(struct rebuild_watch *watch)
{
    if (watch->drawn) {
        printf("\r\033[K");
        watch->drawn = false;
    }
}

static void draw(struct rebuild_watch *watch, const struct node *n, const char *text)
{
    char bar[BAR_WIDTH + 1];
    size_t full = (size_t)n->rebuild_percent * BAR_WIDTH / 100;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full < BAR_WIDTH ? full : BAR_WIDTH);
    bar[BAR_WIDTH] = '\0';
    printf("\r\033[K[%s] %s", bar, text);
    watch->drawn = true;
}

void rebuild_show(struct rebuild_watch *watch, const struct folded *folded, const char *node)
{
    const struct cluster *c = &folded->entry->state;
    int32_t i = cluster_find_node(c, node);
    bool of_node = folded->event.kind == EVENT_PROGRESS && folded->outcome.effective &&
                   strcmp(folded->event.writer, node) == 0;
    char text[256];
    if (i < 0 || !of_node || explain_rebuild(&c->nodes[i], text, sizeof text) == 0) {
        return;
    }
    format_clean(text);
    if (isatty(STDOUT_FILENO) != 0) {
        draw(watch, &c->nodes[i], text);
    } else {
        printf("%s: %s\n", node, text);
    }
    fflush(stdout);
}
