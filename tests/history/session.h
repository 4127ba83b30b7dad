/* SPDX-License-Identifier: PostgreSQL */
/*
 * session.h - one session of the writer: it connects to a node, writes one row after the other as
 * fast as it can or in a pace, and classifies what came of each. It waits for nothing: the caller
 * polls.
 *
 *   PAUSED ──▶ CONNECTING ──▶ READY ──▶ WAITING ──▶ READY   (each write ends once, with an outcome)
 *     ▲            │            │           │
 *     └────────────┴────────────┴───────────┘ lost, refused, too slow: the next target
 *
 * A connection to a node that only reads is kept for the next time, and what it refused for that is
 * no outcome: a new session costs a server a process, and a client in search of a primary would
 * have it do little else.
 */
#ifndef PGBATON_TESTS_HISTORY_SESSION_H
#define PGBATON_TESTS_HISTORY_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define TARGET_MAX 16
#define NAME_BYTES 64
#define DETAIL_BYTES 80

/* A node as a client knows it. The port is what the server tells, and so different for each. */
struct target {
    char node[NAME_BYTES];
    char host[NAME_BYTES];
    char port[8];
};

enum outcome {
    OUTCOME_OK,   /* acknowledged: ReadyForQuery came; CommandComplete alone proves nothing */
    OUTCOME_FAIL, /* refused with an error before the commit */
    OUTCOME_INFO, /* not known: no answer, or one that does not say */
    OUTCOME_COUNT
};

/* One write, when it has ended. */
struct write {
    uint64_t n;         /* unique for the client */
    const char *node;   /* who answered; when nobody did: whom it was sent to */
    uint32_t timeline;  /* on which it was written; 0: not told */
    uint64_t lsn;       /* where the node's WAL stood after the insert, before the commit */
    uint64_t invoke_us; /* CLOCK_MONOTONIC before it was sent */
    uint64_t end_us;    /* and after the answer was read */
    enum outcome outcome;
    char detail[DETAIL_BYTES]; /* why, unless it is OK; without tabs and line ends */
};

/* What all sessions of a writer have in common. */
struct session_settings {
    const char *client; /* the name that is part of each row */
    struct target targets[TARGET_MAX];
    uint32_t target_count;
    uint32_t connect_ms; /* then the next target is tried */
    uint32_t answer_ms;  /* then the write's outcome is not known; 0: waits for ever */
    uint32_t every_ms;   /* from the beginning of a write to the next at least; 0: no pause */
    uint32_t rest_ms;    /* when no target could be written to, before the first is tried again */
    uint64_t next_n;
    uint64_t connect_us; /* no session connects before that: they take turns */
};

enum session_state { SESSION_PAUSED = 0, SESSION_CONNECTING, SESSION_READY, SESSION_WAITING };

struct session {
    struct session_settings *settings;
    enum session_state state;
    PGconn *connection;
    PGconn *kept[TARGET_MAX]; /* to targets that only read; NULL: none */
    uint32_t target;
    uint32_t refusals;    /* targets in a row that could not be written to */
    uint64_t deadline_us; /* of the state, but READY's is when it may begin; UINT64_MAX: none */
    short events;         /* what poll() should wait for */
    bool answered;        /* the row of the present write has come */
    bool refused;         /* an error has come, perhaps after the row: the commit failed */
    bool doubtful;        /* the error says that the commit may have happened */
    bool only_reads;      /* the error says that the target is a standby */
    struct write write;   /* the present or, when session_step() says so, the ended one */
};

uint64_t clock_us(void);
void session_init(struct session *session, struct session_settings *settings);
/* The socket to poll for session->events; -1 when there is none now. */
int session_socket(const struct session *session);
/* Goes on as far as it can without waiting; ready: poll() reported something, or the deadline has
 * passed. True when session->write has ended: record it, and call again. */
bool session_step(struct session *session, bool ready);
/* Ends the connection; true when a write was under way: its outcome is not known. */
bool session_finish(struct session *session);

#endif
