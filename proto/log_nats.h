/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats.h - the inside of a log on NATS; private to log_nats*.c, the only files that see nats.h.
 *
 * Three kinds of threads meet here, and each has its part:
 *   the loop     log_nats.c: puts into `outbound`, takes from `inbound`, rings the bell.
 *   our own      log_nats_thread.c (connects, sends), log_nats_read.c (history, live tail,
 *                holes). Only it calls libnats.
 *   libnats'     log_nats_link.c: callbacks that put a message or a fact where our thread finds it.
 *
 * Our thread moves between stages:
 *
 *   OFFLINE ──connected──▶ WAITING ──stream is there──▶ HISTORY ──target read──▶ LIVE (or ENDED)
 *      ▲                    ▲  ▲                           │                       │
 *      │                    │  └──────── it stalls ────────┘                       │
 *      │                    └──── a hole, or the stream does not answer ───────────┘
 *      └── the connection is lost (from every stage)
 *
 * WAITING is each contact's comparison, too (log_nats_break.h): LOST is its other end, for good.
 *
 * One connection is one struct log_link. It is never repaired: a new one is made, and what the old
 * one had not delivered is read again from the history.
 */
#ifndef PGBATON_LOG_NATS_H
#define PGBATON_LOG_NATS_H

#include "log_bell.h"
#include "log_impl.h"
#include "log_nats_break.h"
#include "log_nats_leader.h"
#include "log_queue.h"
#include "subject.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

/* Servers that the list in the settings may name. */
#define LOG_SERVER_COUNT_MAX 16
/* Messages of the live tail that wait for our thread; beyond, they are dropped and read again. */
#define LOG_FEED_COUNT 8192
/* One attempt to connect, in ms; the pause before the next. */
#define LOG_CONNECT_MS 800
#define LOG_RECONNECT_MS 50
/* Requests to JetStream that our thread waits for, in ms. */
#define LOG_REQUEST_MS 500
/* Pause between two looks for the stream, in ms. */
#define LOG_STREAM_POLL_MS 100
/* History without a message for so long is begun anew, in ms. */
#define LOG_HISTORY_STALL_MS 1000
/* So many records, or fewer, are got one by one rather than through a consumer; at most so many
 * before our thread looks at its other work. */
#define LOG_GET_COUNT 512
#define LOG_GET_ROUND 8
/* Records that a consumer brings before it is asked whether it still lives with the leader. */
#define LOG_CHUNK_COUNT 256
/* The stream is asked for what follows the last record so often, in ms, and has so long to answer.
 */
#define LOG_PROBE_PERIOD_MS 1000
#define LOG_PROBE_TIMEOUT_MS 1500
/* Appends that cannot be sent are dropped after this, in ms; plain messages are dropped at once. */
#define LOG_APPEND_AGE_MS 2000
/* Longest sleep of our thread, in ms: it shows progress at least so often. */
#define LOG_SLEEP_MS 200
/* What one round of our thread handles at most of each kind. */
#define LOG_ROUND_COUNT 256
/* log_destroy() waits this long, in ms. */
#define LOG_DESTROY_MS 500

enum log_stage {
    LOG_STAGE_OFFLINE = 0, /* no connection */
    LOG_STAGE_WAITING,     /* connected; the stream is not known to be readable */
    LOG_STAGE_HISTORY,     /* reads stored records up to the target */
    LOG_STAGE_LIVE,        /* follows the feed */
    LOG_STAGE_ENDED,       /* history was all that was wanted */
    LOG_STAGE_LOST,        /* the stream does not hold what was read */
    LOG_STAGE_COUNT
};

/* Why the log is down; told once each. */
enum log_trouble {
    LOG_TROUBLE_NONE = 0,
    LOG_TROUBLE_OFFLINE,  /* no server can be reached */
    LOG_TROUBLE_SILENT,   /* the stream does not answer (no leader, server frozen) */
    LOG_TROUBLE_MISSING,  /* there is no such stream, or it cannot be created */
    LOG_TROUBLE_NO_FEED,  /* the stream has no republish feed */
    LOG_TROUBLE_SHORTER,  /* it lacks what was read already */
    LOG_TROUBLE_LEADER,   /* another server leads it */
    LOG_TROUBLE_EXPIRED,  /* records were removed before they were read */
    LOG_TROUBLE_HEADLESS, /* it begins in the middle, and no snapshot helps */
    LOG_TROUBLE_COUNT
};

/* What the stream answers to "which record follows?". */
enum log_answer_kind {
    LOG_ANSWER_NONE = 0, /* not answered yet */
    LOG_ANSWER_NOTHING,  /* no record follows */
    LOG_ANSWER_RECORD,   /* seq follows */
    LOG_ANSWER_ERROR,    /* it could not say */
    LOG_ANSWER_COUNT
};

struct log_answer {
    uint64_t probe; /* number of the question */
    enum log_answer_kind kind;
    uint64_t seq;
};

/* Messages of the live tail between libnats' thread and ours. */
struct log_feed {
    pthread_mutex_t mutex;
    size_t head;
    size_t count;
    bool lost; /* at least one did not fit; nothing is taken in until our thread has noticed */
    natsMsg *messages[LOG_FEED_COUNT];
};

struct log_nats;

/* One connection. Freed when our thread and every callback of libnats have let go of it. */
struct log_link {
    struct log_nats *log;
    atomic_int holders;
    atomic_bool closed;
    natsConnection *connection;
    jsCtx *js;
    natsSubscription *subscriptions[6]; /* replies, feed, feed of "_", live, ask, advisory */
    size_t subscription_count;
    natsSubscription *history;       /* a consumer's, in LOG_STAGE_HISTORY; NULL: records are got */
    natsMsg *chunk[LOG_CHUNK_COUNT]; /* what it brought and was not handed out */
    size_t chunk_count;
    size_t chunk_next;        /* the next to be handed out */
    bool chunk_vouched;       /* it is the leader's */
    char inbox[SUBJECT_SIZE]; /* replies come to <inbox>.ack and <inbox>.<probe> */
    struct log_feed feed;
    pthread_mutex_t answer_mutex; /* of what follows */
    struct log_answer answer;
    struct log_leader_report report;
};

struct log_nats {
    struct log base;
    struct log_nats_options options;           /* strings are the copies below */
    char *strings[3];                          /* servers, name, cluster */
    const char *servers[LOG_SERVER_COUNT_MAX]; /* into strings[0] */
    size_t server_count;
    char filter[SUBJECT_SIZE]; /* of the stream's subjects that are read */

    pthread_t thread;
    atomic_int holders; /* the loop, our thread, every link */
    atomic_bool stop;
    atomic_ullong progress_mono_ms;
    struct log_bell bell;       /* wakes our thread */
    struct log_bell finished;   /* rung once, at the thread's end */
    bool lost;                  /* the loop's: it has taken LOG_LOST */
    struct log_queue *inbound;  /* to the loop */
    struct log_queue *outbound; /* from the loop: LOG_RECORD is appended, LOG_LIVE published;
                                   stored_us is when it was queued, in ms */

    /* What follows belongs to our thread alone. */
    enum log_stage stage;
    struct log_link *link;
    size_t server;          /* index of the next to try */
    uint64_t retry_mono_ms; /* the stage's next try */
    uint64_t sleep_ms;      /* until when nothing but a ring matters */
    enum log_trouble trouble;
    bool up;                           /* LOG_UP stands */
    bool caught_up;                    /* LOG_CAUGHT_UP was handed out since */
    uint64_t first_seq;                /* of what the stream kept at the last look */
    bool begun;                        /* what from_snapshot wants was handed out */
    uint32_t list_count;               /* the clusters were asked for in vain so often, in a row */
    bool read_any;                     /* known_seq comes from this stream, not from the settings */
    int64_t created_ns;                /* of the stream that is read; 0: none yet */
    char leader[LOG_SERVER_NAME_SIZE]; /* of the stream, at the last look; empty: no cluster */

    struct log_marks marks;   /* of what was read last */
    bool compares_all;        /* at the next look, all marks since the last such; else the newest */
    uint64_t missing_mono_ms; /* since when the stream lacks it; 0: it does not */
    uint64_t known_seq;       /* every wanted record up to here was handed out */
    uint64_t target_seq;      /* history is read up to here */
    bool needs_consumer;      /* a record could not be got by its number */
    uint32_t misplaced_count; /* consumers in a row that did not live with the leader */
    uint64_t asked_seq;       /* known_seq when the leader was asked last */
    uint32_t got_count;       /* records got one by one since the last look */
    uint64_t history_mono_ms; /* it last brought something */
    uint64_t probe;           /* number of the last question */
    bool probe_pending;
    uint64_t probe_mono_ms;   /* when it was asked, or answered */
    uint64_t vouched_seq;     /* the stream says: the next wanted one after known_seq */
    uint64_t suspect_mono_ms; /* the feed has until then to bring it; 0: not awaited */
    uint32_t denied_count;    /* answers in a row that did not vouch for the feed's next */
    uint64_t reread_seq;      /* known_seq when history was last begun because of a hole */
    uint32_t vain_count;      /* such readings in a row that brought nothing */
};

/* log_nats.c */
void log_nats_release(struct log_nats *log);

/* log_nats_thread.c: the thread's function, and what the stages use. */
void *log_nats_run(void *log);
/* Shows progress; returns the time. */
uint64_t log_nats_tick(struct log_nats *log);
/* Hands out a notice that must not be lost; waits for room. */
void log_nats_tell(struct log_nats *log, enum log_notice_kind kind, const char *text);
/* LOG_DOWN, unless this trouble was told already. */
void log_nats_down(struct log_nats *log, enum log_trouble trouble, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* LOG_LOST, from seq on: ends the connection, and all else. */
void log_nats_lose(struct log_nats *log, uint64_t seq, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* What libnats, or the server through it, said last to our thread; else the status's own text. */
const char *log_nats_error(natsStatus status);
/* Looks at the stream again after pause_ms. */
void log_nats_wait(struct log_nats *log, uint64_t pause_ms);
/* Hands out any notice that must not be lost; waits for room. */
void log_nats_push(struct log_nats *log, const struct log_notice *notice);

/* log_nats_link.c */
/* Connects and subscribes; NULL on failure, with the text. */
struct log_link *log_link_create(struct log_nats *log, const char *server, struct failure *f);
/* Closes the connection and lets go of it. */
void log_link_close(struct log_link *link);
/* Forgets what the history's consumer has brought, and the consumer. */
void log_link_drop_history(struct log_link *link);
/* The oldest message of the feed, left where it is; NULL when there is none. */
natsMsg *log_feed_head(struct log_feed *feed, size_t *ret_count);
void log_feed_drop(struct log_feed *feed);
/* True once after messages were lost, when all that came before are taken. */
bool log_feed_has_lost(struct log_feed *feed);

/* log_nats_stream.c */
/* Looks for the stream, creates it when that is wanted. True when it can be read; else
 * log_nats_down() was called, or the next look is due at once. */
bool log_nats_find_stream(struct log_nats *log);

/* log_nats_snapshot.c: hands out what from_snapshot wants, and sets from where on the history is
 * read. False when that is not known yet: log_nats_down() was called. */
bool log_nats_begin_with_snapshots(struct log_nats *log);

/* log_nats_trim.c: what log_trim() has queued. */
void log_nats_trim(struct log_nats *log, const struct log_notice *order);

/* log_nats_read.c: one round of a stage; false when there was nothing to do. */
bool log_nats_begin_history(struct log_nats *log);
/* LOG_UP, unless it stands: the stream has a leader that answers. */
void log_nats_up(struct log_nats *log);
bool log_nats_step_history(struct log_nats *log);
bool log_nats_step_live(struct log_nats *log);

#endif
