/* SPDX-License-Identifier: PostgreSQL */
/*
 * bench.h - readers and writers on a real log, and what must be true of them at every notice.
 *
 * A payload is "<cluster> <number>"; each cluster's numbers count from 1. The first reader that
 * sees a sequence number says what stands there; every other must see the same, unless the servers
 * themselves differ there (difference.h). Of each number a reader sees one copy; sequences grow; a
 * reader of the whole stream sees each of them.
 */
#ifndef PGBATON_TEST_BENCH_H
#define PGBATON_TEST_BENCH_H

#include "../../proto/log.h"
#include "nats_server.h"

#define READER_COUNT_MAX 8
#define CLUSTER_COUNT 2
#define NUMBER_MAX 40000
#define SEQ_MAX (4 * NUMBER_MAX)

struct reader {
    struct log *log;
    uint32_t number;     /* in the order of opening, from 0 */
    const char *cluster; /* NULL: whole stream */
    bool asleep;         /* takes nothing */
    uint64_t last_seq;
    size_t records;
    size_t numbers[CLUSTER_COUNT]; /* records of each cluster */
    bool seen[CLUSTER_COUNT][NUMBER_MAX + 1];
    size_t kinds[LOG_NOTICE_COUNT];  /* notices of each kind */
    enum log_notice_kind last_state; /* LOG_UP, LOG_DOWN, LOG_CAUGHT_UP, LOG_END or LOG_LOST,
                                        whichever came last */
    uint64_t state_ms;               /* when */
    char text[FAILURE_TEXT_SIZE];    /* of the last LOG_DOWN or LOG_LOST */
    uint64_t lost_seq;               /* of LOG_LOST */
    char refused[FAILURE_TEXT_SIZE]; /* of the last LOG_REFUSED */
    char live[SUBJECT_SIZE];         /* subject of the last LOG_LIVE */
    uint64_t appended_seq;           /* of the last LOG_APPENDED */
};

/* What is known of one sequence number. A content is a cluster and a number; 0: none. */
struct place {
    uint32_t content;                /* that was read first */
    uint32_t reader;                 /* who read it */
    uint64_t read_us;                /* when */
    bool acknowledged;               /* an acknowledgement named this sequence number */
    uint32_t held[SERVER_COUNT_MAX]; /* by each server's files, when they were last looked at */
};

struct bench {
    struct nats_servers servers;
    struct reader *readers[READER_COUNT_MAX];
    size_t reader_count;
    uint32_t opened_count;   /* readers, ever */
    struct place *places;    /* by sequence number */
    size_t difference_count; /* records that were not what another reader had read there */
    uint64_t slowest_us; /* the longest call of log_append() or log_take(), less the time in which
                        the machine ran something else */
};

uint64_t bench_now_us(void);
/* False when it is no payload. */
bool bench_parse(const uint8_t *data, size_t size, char *ret_cluster, uint32_t *ret_number);
uint32_t bench_content(char cluster, uint32_t number);
void bench_init(struct bench *b, int server_count);
void bench_finish(struct bench *b);

/* A reader (and writer) of cluster, or of all; monitors create the stream. */
struct reader *bench_open(struct bench *b, const char *cluster, bool monitor);
struct reader *bench_open_with(struct bench *b, const struct log_nats_options *options);
/* The settings that bench_open() uses. */
struct log_nats_options bench_options(const struct bench *b, const char *cluster, bool monitor);
void bench_close(struct bench *b, struct reader *reader);

/* Who writes and reads all, who reads all, and who reads cluster a. */
struct trio {
    struct reader *writer;
    struct reader *whole;
    struct reader *a;
};
/* All have caught up. */
struct trio bench_open_trio(struct bench *b, int timeout_ms);

/* cmocka's set-up and tear-down: the state is a bench whose servers run. */
int bench_set_up_one(void **state);
int bench_set_up_three(void **state);
int bench_tear_down(void **state);

/* Takes what is there from all readers for up to timeout_ms, or until something came. */
void bench_pump(struct bench *b, int timeout_ms);
/* Pumps until the reader has had this state last; fails after timeout_ms. */
void bench_await_state(struct bench *b, const struct reader *reader, enum log_notice_kind kind,
                       int timeout_ms);
/* Pumps until the reader's last LOG_DOWN or LOG_LOST had this in its text. */
void bench_await_text(struct bench *b, const struct reader *reader, const char *text,
                      int timeout_ms);
/* The log was rolled back: what was read counts for nothing with readers that are opened now. */
void bench_forget(struct bench *b);
/* Pumps until the reader has this many records; fails after timeout_ms. */
void bench_await_records(struct bench *b, const struct reader *reader, size_t records,
                         int timeout_ms);
void bench_pump_for(struct bench *b, int ms);

/* Appends number of cluster ('a' or 'b'), with a message id. False when the queue is full. */
bool bench_append(struct bench *b, struct reader *writer, char cluster, uint32_t number);
/* Appends numbers first to last of both clusters, alternating, and pumps until the writer (which
 * reads the whole stream) has read each back; what is not read back in 500 ms is appended again. */
void bench_append_all(struct bench *b, struct reader *writer, uint32_t first, uint32_t last,
                      int timeout_ms);

#endif
