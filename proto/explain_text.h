/* SPDX-License-Identifier: PostgreSQL */
/*
 * explain_text.h - a bounded writer of sentences, and the phrases that explain's files share.
 *
 * Only explain*.c and waiting.c include this. What does not fit is cut; the buffer
 * always ends with a NUL when its size is not 0.
 */
#ifndef PGBATON_EXPLAIN_TEXT_H
#define PGBATON_EXPLAIN_TEXT_H

#include "cluster.h"
#include "switchover.h"

struct text {
    char *buffer;
    size_t size;
    size_t length; /* without the NUL; below size unless size is 0 */
};

/* Begins an empty text in the caller's buffer. */
struct text text_begin(char *buffer, size_t size);
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "231 ms" below ten seconds, "12.3 s" below two minutes, "5 min" above. */
void text_add_duration(struct text *t, uint64_t ms);
/* "03:14:15 UTC": a wall clock's time of day. */
void text_add_time(struct text *t, uint64_t wall_us);
/* "2026-03-01 03:14:15 UTC". */
void text_add_moment(struct text *t, uint64_t wall_us);
/* "0/70001A8 on timeline 7"; "an unknown position" when lsn is 0. */
void text_add_position(struct text *t, struct position p);
/* "64 bytes", "12 kB", "3 MB", "2 GB" (1024-based, rounded down). */
void text_add_bytes(struct text *t, uint64_t bytes);
/* The node that the term was granted to; "nobody" when there is none. */
const char *text_leader(const struct cluster *c);
/* "base backup" of TASK_BASEBACKUP: what people call it. */
const char *text_task(enum task task);

/* explain_policy.c: "may lose 64 bytes and what the old leader wrote after 03:14:15 UTC", "nothing
 * is lost"; "would have promoted node-2"; and the sentence of a renewal that begins a restart. */
void text_add_loss(const struct change *loss, struct text *t);
void text_add_withheld(const struct no_candidate *n, struct text *t);
void explain_begun_restart(const struct cluster *c, const struct event *e, struct text *t);

/* explain_sync.c: "node-2, node-3"; and the sentences of a sync_set and of what confirms it. */
void text_add_names(const struct name_list *list, struct text *t);
void explain_sync_set(const struct cluster *c, const struct event *e, struct text *t);
void explain_synced(const struct cluster *c, const struct event *e, struct text *t);
/* What an election needs from a new leader's promotion on, when that is the set of its grant. */
void explain_sync_opened(const struct cluster *c, struct text *t);

/* explain_rebuild.c */
void explain_progress(const struct cluster *c, const struct event *e, struct text *t);
void explain_directive(const struct cluster *c, const struct event *e, struct text *t);

/* explain_request.c: the sentences of its two kinds of events, and what to add to those that end a
 * request on the way. */
void explain_request(const struct cluster *c, const struct event *e, struct text *t);
void explain_switchover_step(const struct cluster *c, const struct event *e, struct text *t);
void text_add_closed(const struct cluster *c, const struct event *e, struct text *t);

/* "work_mem = 8MB, archive_command is taken back" */
void text_add_change(const struct parameter_change *change, struct text *t);

/* explain_order.c: the sentences of a request that one decision ends, and of that. */
void explain_asked(const struct event *e, struct text *t);
/* Of a check that passed. */
void explain_checked(const struct cluster *c, const struct event *e, struct text *t);
void explain_order(const struct cluster *c, const struct event *e, struct text *t);

#endif
