/* SPDX-License-Identifier: PostgreSQL */
/*
 * log.h - the log as its readers and writers see it, over NATS JetStream, a file of this machine or
 * a captured file.
 *
 * One struct log is owned by one loop. Nothing here blocks, but for create and destroy: libnats
 * lives in threads of its own behind bounded queues (FACTS 11-13), and the loop learns from
 * log_fd() that log_take() has something. Records come exactly once, in the order of their sequence
 * numbers, with no hole that is not announced: history first, then LOG_CAUGHT_UP, then the live
 * tail from the stream's republish feed; after a reconnection or a hole the missing range is read
 * again first. Who wants to begin with snapshots (snapshot.h) gets these first, each of which comes
 * again in its place, and after them what none of them has; a record may come that is in its
 * cluster's snapshot, and is to be left out.
 *
 *   log_create ─▶ LOG_UP ─▶ LOG_RECORD … ─▶ LOG_CAUGHT_UP ─▶ LOG_RECORD, LOG_LIVE, LOG_ASKED …
 *                   ▲                                            │
 *                   └──────────────── LOG_DOWN ◀─────────────────┘   (log_nats only)
 *   a captured file: LOG_RECORD … ─▶ LOG_CAUGHT_UP ─▶ LOG_END
 *
 * What was handed out may be lost afterwards (FACTS 3), and its sequence numbers used again. Then
 * LOG_LOST is the last notice: whoever goes on reads the log anew from its beginning.
 */
#ifndef PGBATON_LOG_H
#define PGBATON_LOG_H

#include "limits.h"
#include "result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;

enum log_notice_kind {
    LOG_NOTHING = 0, /* the queue is empty */
    LOG_UP,          /* connected; the stream exists */
    LOG_DOWN,        /* not connected, the stream cannot be read, or another server leads it than
                        before; text says why */
    LOG_RECORD,      /* a stored record */
    LOG_CAUGHT_UP,   /* everything that was stored when the reading began has been handed out */
    LOG_LIVE,        /* a plain message on pgbaton-live.C.N */
    LOG_ASKED,       /* somebody asks for fresh positions (pgbaton-ask.C) */
    LOG_APPENDED, /* the server acknowledged an append: proves nothing (I3, I4); for latency figures
                   */
    LOG_REFUSED,  /* the server refused an append; text says why */
    LOG_TRIMMED,  /* the answer to log_trim(): the log begins at seq; text: why nothing was removed
                   */
    LOG_LED,      /* once a second, of a replicated stream: subject leads it, and text lists, with
                     commas, the other servers that have all of it; only when want_leader */
    LOG_GONE,     /* the record wanted_seq is older than what is kept */
    LOG_END,      /* a captured file is at its end */
    LOG_LOST, /* the log does not hold what was handed out: text says what was found. Nothing comes
                 any more, and nothing is sent; not of a captured file */
    LOG_NOTICE_COUNT
};

/* What log_take() hands out. The pointers stay valid until the next log_take() of the same log. */
struct log_notice {
    enum log_notice_kind kind;
    uint64_t seq;        /* LOG_RECORD, LOG_APPENDED; LOG_LOST: what stands before it, stands */
    uint64_t stored_us;  /* LOG_RECORD: the server's wall clock; for people; 0 when unknown */
    const char *subject; /* LOG_RECORD, LOG_LIVE, LOG_ASKED; LOG_LED: name of a server */
    const uint8_t *data; /* LOG_RECORD, LOG_LIVE */
    size_t size;
    const char *text; /* LOG_DOWN, LOG_REFUSED, LOG_LOST, LOG_TRIMMED, LOG_LED */
};

/* Settings of a log that is written, too. Strings are copied. */
struct log_nats_options {
    const char *servers; /* "nats://127.0.0.1:4222,nats://..." */
    const char *name;    /* of this client, as the server's monitoring shows it */
    const char *cluster; /* only this cluster's records; NULL: the whole stream */
    uint64_t start_seq;  /* first sequence to read; 0: from the beginning of what is kept */
    bool from_snapshot;  /* log_nats only: hand out the newest snapshot of each cluster first, and
                            then what is not in them; start_seq must be 0 */
    uint64_t wanted_seq; /* with it: hand out this record behind them, or LOG_GONE, when it is in
                            one; 0: none */
    bool live;           /* follow (else: history, LOG_CAUGHT_UP, LOG_END) */
    bool want_live;      /* hand out LOG_LIVE of cluster (of all when cluster is NULL) */
    bool want_asked;     /* hand out LOG_ASKED of cluster */
    bool want_leader;    /* log_nats only: hand out LOG_LED */
    bool create_stream;  /* create the stream if it is not there (monitors) */
    int replicas;        /* of a stream that is created: 1, 3 or 5 */
    bool memory_storage; /* of a stream that is created: else file */
    bool can_trim;       /* of a stream that is created: what is old may be removed (log_trim()) */
    uint64_t max_bytes;  /* of a stream that is created; 0: without limit */
    uint64_t missing_ms; /* what was read and is missing is awaited so long; 0: 10 s on a replicated
                            stream, not at all where a server alone has it */
};

/* Starts the threads and returns at once; what happens is told by notices. */
MUST_USE enum result log_nats_create(const struct log_nats_options *options, struct log **ret_log,
                                     struct failure *reterr_failure);
/* The log of one machine, on a file; servers is LOG_LOCAL_SCHEME and its absolute path. */
#define LOG_LOCAL_SCHEME "file:"
MUST_USE enum result log_local_create(const struct log_nats_options *options, struct log **ret_log,
                                      struct failure *reterr_failure);
bool log_is_local(const char *servers);
/* Either, by what servers begins with. */
MUST_USE enum result log_create(const struct log_nats_options *options, struct log **ret_log,
                                struct failure *reterr_failure);
/* Opens a captured file for reading (log_file.h has its format). cluster NULL: all. */
MUST_USE enum result log_file_create(const char *path, const char *cluster, struct log **ret_log,
                                     struct failure *reterr_failure);
/* Waits for the threads (up to 500 ms for NATS). Accepts NULL. */
void log_destroy(struct log *log);

/* Readable while log_take() has something. A captured file's is always readable. */
int log_fd(const struct log *log);
/* The next notice; LOG_NOTHING when there is none. */
struct log_notice log_take(struct log *log);

/* Queues an append. message_id lets the server drop a second copy (FACTS 7); NULL: none. False when
 * the queue is full or the log is read-only; nothing is queued then. What is queued while the log
 * is down and not yet sent is dropped after 2 s: who needs it appends again. */
MUST_USE bool log_append(struct log *log, const char *subject, const uint8_t *data, size_t size,
                         const char *message_id);
/* Queues a plain message (live position, ask). False when the queue is full. */
bool log_publish(struct log *log, const char *subject, const uint8_t *data, size_t size);

/* Removes old records of a log on NATS: none from keep_seq on, none that was stored at before_us or
 * later, and LOG_TRIM_COUNT at most; LOG_TRIMMED follows when there was something to remove. False
 * when the log keeps all, or the queue is full. */
#define LOG_TRIM_COUNT 100000
bool log_trim(struct log *log, uint64_t keep_seq, uint64_t before_us);

/* Asks the servers to elect another leader of the stream. False when there is no such thing, or the
 * queue is full. That it has happened is told as any change of the leader is. */
bool log_step_down(struct log *log);

/* For health pages and the watch on a stuck thread (FACTS 12): ms on CLOCK_MONOTONIC at which the
 * log's own thread last made progress. */
uint64_t log_progress_mono_ms(const struct log *log);

#endif
