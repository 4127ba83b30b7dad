/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_queue.h - a bounded first-in first-out queue of notices between two threads.
 *
 * Any thread may push, one thread takes. The notices are copied into a ring of bytes that is
 * allocated once; a push without room is refused, never waited for. With an eventfd the taker's
 * loop can poll: it is readable while the queue holds something.
 *
 * A push names the share of the queue that it leaves to more important ones. Records wait for room
 * (log_queue_has_room() first); messages that may be lost are pushed with a large share left free.
 */
#ifndef PGBATON_LOG_QUEUE_H
#define PGBATON_LOG_QUEUE_H

#include "log.h"

/* Notices' worth of room that a push must leave free, by what is pushed. */
enum log_queue_margin {
    LOG_MARGIN_NONE = 0,  /* LOG_UP, LOG_DOWN and the like; everything that an agent appends */
    LOG_MARGIN_RECORD,    /* records leave room for the notices above */
    LOG_MARGIN_DROPPABLE, /* plain messages and acknowledgements leave room for records */
    LOG_MARGIN_COUNT
};

struct log_queue;

/* count_max: notices; bytes_max: their contents, at least 4 of the largest. Aborts without memory.
 */
struct log_queue *log_queue_create(size_t count_max, size_t bytes_max, bool with_fd);
/* Accepts NULL. */
void log_queue_destroy(struct log_queue *queue);

/* Copies the notice in; subject and text may be NULL (taken as such). False without room: nothing
 * is pushed. Data above RECORD_BYTES_MAX is left out (size 0), a subject above SUBJECT_SIZE or a
 * text above FAILURE_TEXT_SIZE is cut: no event of ours has such. */
bool log_queue_push(struct log_queue *queue, const struct log_notice *notice,
                    enum log_queue_margin margin);
/* True when one more notice of any size can be pushed at this margin. If not, the queue remembers
 * that somebody waits: see log_queue_was_starved(). */
bool log_queue_has_room(struct log_queue *queue, enum log_queue_margin margin);
/* True once after room was asked for in vain and half of the queue is free again: the taker then
 * wakes the one who waits. */
bool log_queue_was_starved(struct log_queue *queue);

/* The oldest notice, LOG_NOTHING when empty. Its pointers are valid until the next call. */
struct log_notice log_queue_take(struct log_queue *queue);
/* The oldest notice's kind and stored_us, without taking it; LOG_NOTHING when empty. NULL: not
 * wanted. */
enum log_notice_kind log_queue_peek(struct log_queue *queue, uint64_t *ret_stored_us);
/* The eventfd, -1 when there is none. */
int log_queue_fd(const struct log_queue *queue);

#endif
