/* SPDX-License-Identifier: PostgreSQL */
/*
 * reader.h - reading the log without an event loop: one record after another, from NATS or a file.
 *
 * For programs that have nothing else to do than to read. It waits in poll() on log_fd() and gives
 * up when a server does not answer in time; what to do then stands in the failure's hint.
 */
#ifndef PGBATON_REPLAY_READER_H
#define PGBATON_REPLAY_READER_H

#include "../proto/log.h"

struct reader;

struct reader_options {
    const char *file; /* a captured range; NULL: read from servers */
    const char *servers;
    const char *name;    /* of this client on the servers */
    const char *cluster; /* NULL: all */
    uint64_t start_seq;  /* servers only; 0: from the beginning */
    bool from_snapshot;  /* servers only: from the newest snapshots on (log.h) */
    bool follow;         /* servers only: go on after the history */
    bool want_live;      /* servers only: also hand out live positions */
    uint64_t timeout_ms; /* how long the servers may be silent before the history is read */
};

enum reader_answer {
    READER_NOTHING = 0, /* wait_ms have passed */
    READER_RECORD,      /* a stored record */
    READER_LIVE,        /* a live position */
    READER_CAUGHT_UP,   /* the history has been read; only when following */
    READER_DOWN,   /* following: the connection is lost, text says why; it comes back by itself */
    READER_CUT,    /* a file that ends inside a record, text says where; READER_END comes next */
    READER_END,    /* nothing comes any more */
    READER_LOST,   /* the log does not hold what was read, but for what stands before seq; text says
                      why, and the failure, with what to do. Nothing comes any more */
    READER_FAILED, /* the failure says why */
    READER_ANSWER_COUNT
};

MUST_USE enum result reader_open(const struct reader_options *options, struct reader **ret_reader,
                                 struct failure *reterr_failure);
/* Waits up to wait_ms (UINT64_MAX: for ever). *ret_notice is valid until the next call. */
enum reader_answer reader_next(struct reader *reader, uint64_t wait_ms,
                               struct log_notice *ret_notice, struct failure *reterr_failure);
/* Where and why a file ended before its end; NULL: it did not, so far. */
const char *reader_cut(const struct reader *reader);
/* The log, for log_publish(). */
struct log *reader_log(struct reader *reader);
/* Accepts NULL. */
void reader_close(struct reader *reader);
/* CLOCK_MONOTONIC in ms. */
uint64_t reader_now_ms(void);

#endif
