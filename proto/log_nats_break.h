/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_break.h - whether the stream still holds what was read from it (DESIGN 4, I12).
 *
 * JetStream acknowledges before it syncs, and a server that comes back may lead although its store
 * is behind: records that were read are gone, their sequence numbers are used again, and neither
 * the stream's name nor its `created` says so (FACTS 3). So a reader keeps marks of the records
 * that passed it last, and at each contact compares them with what the stream's leader has there,
 * before it reads on: all since the last contact that the ring holds, so that what two leaders have
 * sent in turn shows too.
 *
 * Private to log_nats*.c, and for our thread alone.
 */
#ifndef PGBATON_LOG_NATS_BREAK_H
#define PGBATON_LOG_NATS_BREAK_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records that are remembered. */
#define LOG_MARK_COUNT 64
/* What was read and is missing (not another record: nothing) is awaited so long on a replicated
 * stream, in ms: a new leader may have to apply what its feed has not said. */
#define LOG_MISSING_MS 10000

/* One record, handed out or passed over. */
struct log_mark {
    uint64_t seq;
    uint64_t hash;      /* of subject and data */
    uint64_t stored_us; /* the server's clock; 0: the feed did not say */
};

/* The last ones, oldest first at next - count. */
struct log_marks {
    struct log_mark ring[LOG_MARK_COUNT];
    size_t count;
    size_t next;
    uint64_t compared_seq; /* up to here they were compared with the stream */
};

struct log_nats;

struct log_mark log_mark_make(uint64_t seq, uint64_t stored_us, const char *subject,
                              natsMsg *message);
void log_marks_add(struct log_marks *marks, const struct log_mark *mark);
/* True when another record with this number is remembered; what is forgotten counts for nothing. */
bool log_marks_contradict(const struct log_marks *marks, const struct log_mark *mark);

/* Compares the stream that info describes with what was read, if anything was. True when all of it
 * stands. Else log_nats_down() was called, or log_nats_lose(). */
bool log_nats_compare(struct log_nats *log, const jsStreamInfo *info);
/* The stream does not exist: a loss, in time, for who has read it. */
void log_nats_miss_stream(struct log_nats *log);

#endif
