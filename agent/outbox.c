/* SPDX-License-Identifier: PostgreSQL */
#include "outbox.h"

#include <string.h>

/* The fold keeps one mark for each of these (cluster.h, struct node). */
enum event_class { CLASS_LOCK, CLASS_PROBE, CLASS_TASK, CLASS_COUNT };

static enum event_class class_of(enum event_kind kind)
{
    if (event_is_lock(kind)) {
        return CLASS_LOCK;
    }
    return kind == EVENT_PROBE ? CLASS_PROBE : CLASS_TASK;
}

static void remove_item(struct outbox *box, uint32_t i)
{
    box->count--;
    memmove(&box->items[i], &box->items[i + 1], (box->count - i) * sizeof box->items[0]);
}

static void remove_kind(struct outbox *box, enum event_kind kind)
{
    for (uint32_t i = box->count; i > 0; i--) {
        if (box->items[i - 1].event.kind == kind) {
            remove_item(box, i - 1);
        }
    }
}

static void make_room(struct outbox *box)
{
    uint32_t victim = 0;
    for (uint32_t i = box->count; i > 0; i--) {
        if (class_of(box->items[i - 1].event.kind) != CLASS_LOCK) {
            victim = i - 1;
        }
    }
    remove_item(box, victim);
}

/* True when an older event of the same class waits: this one must not overtake it. */
static bool is_behind(const struct outbox *box, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (class_of(box->items[k].event.kind) == class_of(box->items[i].event.kind)) {
            return true;
        }
    }
    return false;
}

static uint64_t due_ms(const struct outbox_item *item)
{
    return item->sent_ms == 0 ? 0 : item->sent_ms + RESEND_MS;
}

void outbox_clear(struct outbox *box)
{
    memset(box, 0, sizeof *box);
}

void outbox_put(struct outbox *box, const struct event *event)
{
    if (event->kind == EVENT_PROBE) {
        remove_kind(box, EVENT_PROBE);
    }
    if (box->count == OUTBOX_COUNT_MAX) {
        make_room(box);
    }
    struct outbox_item *item = &box->items[box->count];
    item->event = *event;
    item->sent_ms = 0;
    box->count++;
}

bool outbox_read_back(struct outbox *box, const struct event *event)
{
    for (uint32_t i = 0; i < box->count; i++) {
        const struct event *mine = &box->items[i].event;
        if (mine->counter == event->counter && mine->incarnation == event->incarnation &&
            strcmp(mine->writer, event->writer) == 0) {
            remove_item(box, i);
            return true;
        }
    }
    return false;
}

bool outbox_holds(const struct outbox *box, enum event_kind kind)
{
    for (uint32_t i = 0; i < box->count; i++) {
        if (box->items[i].event.kind == kind) {
            return true;
        }
    }
    return false;
}

bool outbox_task_waits(const struct outbox *box)
{
    for (uint32_t i = 0; i < box->count; i++) {
        if (class_of(box->items[i].event.kind) == CLASS_TASK) {
            return true;
        }
    }
    return false;
}

void outbox_send(struct outbox *box, uint64_t now_ms, uint32_t room, struct action_list *actions)
{
    for (uint32_t i = 0; i < box->count && room > 0; i++) {
        struct outbox_item *item = &box->items[i];
        if (is_behind(box, i) || now_ms < due_ms(item)) {
            continue;
        }
        struct action *action = &actions->items[actions->count++];
        action->kind = ACTION_APPEND;
        action->as.event = item->event;
        item->sent_ms = now_ms;
        room--;
    }
}

uint64_t outbox_next_ms(const struct outbox *box)
{
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < box->count; i++) {
        uint64_t ms = due_ms(&box->items[i]);
        if (!is_behind(box, i) && ms < next_ms) {
            next_ms = ms;
        }
    }
    return next_ms;
}
