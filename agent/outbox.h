/* SPDX-License-Identifier: PostgreSQL */
/*
 * outbox.h - events of this agent that must be read back from the log before they count as said.
 *
 * An event stays here, and is appended again unchanged (same incarnation, same counter) every
 * RESEND_MS, until its record comes back, effective or void. The fold voids what is not above the
 * writer's last counter of its class, so only the oldest event of a class (lock, probe, task) is
 * under way at a time: a lost event is never overtaken. A newer probe replaces an older one.
 * Renewals do not come here: the next one replaces a lost one.
 */
#ifndef PGBATON_AGENT_OUTBOX_H
#define PGBATON_AGENT_OUTBOX_H

#include "facts.h"

#define OUTBOX_COUNT_MAX 8

struct outbox_item {
    struct event event;
    uint64_t sent_ms; /* when it was last handed to the log; 0: not yet */
};

struct outbox {
    uint32_t count;
    struct outbox_item items[OUTBOX_COUNT_MAX]; /* oldest first */
};

/* Forgets everything (a new incarnation says hello first). */
void outbox_clear(struct outbox *box);
/* Takes event, complete with its counter. A probe replaces the probe that waits. When the box is
 * full the oldest event that is not a lock event makes room: reports are repeated by what follows
 * them. */
void outbox_put(struct outbox *box, const struct event *event);
/* The event that was just read from the log, if it is one of ours, is said. True when it was. */
bool outbox_read_back(struct outbox *box, const struct event *event);
/* True when an event of this kind waits. */
bool outbox_holds(const struct outbox *box, enum event_kind kind);
/* True when an event of the task class (hello, done, failed, goodbye) waits. */
bool outbox_task_waits(const struct outbox *box);
/* Appends what is due, at most room actions of it. */
void outbox_send(struct outbox *box, uint64_t now_ms, uint32_t room, struct action_list *actions);
/* When outbox_send() next has something to do; UINT64_MAX: never. */
uint64_t outbox_next_ms(const struct outbox *box);

#endif
