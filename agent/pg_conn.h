/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_conn.h - one session with a PostgreSQL server, asynchronous: the only module that sees libpq.
 *
 * It knows no loop: its owner (shell_session.c) watches pg_conn_fd() for pg_conn_wants(), calls
 * pg_conn_work() when that is ready or the deadline has passed, and takes the answer. A session is
 * kept between questions; it is closed, and opened anew by the next question, whenever an answer
 * was late, an error, or a broken connection, so that no session is ever in an unknown state. Host
 * names are resolved by libpq when a session is opened, which may block: local sockets and
 * addresses do not.
 *
 *   CLOSED ──ask──▶ CONNECTING ──▶ ASKING ──answer──▶ IDLE ──ask──▶ ASKING
 *      ▲                │             │                 │
 *      └──── error, late, broken ─────┴─────────────────┘
 */
#ifndef PGBATON_AGENT_PG_CONN_H
#define PGBATON_AGENT_PG_CONN_H

#include "../proto/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest question (the slots of 16 nodes take about 3 KiB), with the NUL. */
#define PG_CONN_SQL_SIZE 8192

/* Where to and as whom; the strings must outlive the connection. */
struct pg_target {
    const char *host; /* a directory of a Unix socket, a name or an address */
    uint16_t port;
    const char *user;
    const char *passfile;    /* NULL or empty: libpq's default */
    const char *application; /* application_name */
    const char *database;    /* NULL: postgres */
};

/* How a question ended. */
enum pg_verdict {
    PG_ANSWERED = 0, /* with rows, or with none if it has none */
    PG_REJECTED,     /* the server answered with an error; sqlstate and text */
    PG_UNREACHABLE,  /* nobody listens there */
    PG_BROKEN,       /* the connection ended before the answer */
    PG_LATE,         /* no answer by the deadline; it may still be carried out */
    PG_VERDICT_COUNT
};

struct pg_conn;

struct pg_answer {
    enum pg_verdict verdict;
    char sqlstate[6];           /* PG_REJECTED; else empty */
    char text[TEXT_SIZE];       /* the server's or libpq's message, one line; empty when ANSWERED */
    int row_count;              /* of the last statement that returns rows */
    const struct pg_conn *conn; /* for pg_answer_text() */
};

/* NULL when there is no memory. Does not connect. */
struct pg_conn *pg_conn_create(const struct pg_target *target);
/* Accepts NULL. */
void pg_conn_destroy(struct pg_conn *conn);
/* Drops the session and the question under way, without an answer. */
void pg_conn_close(struct pg_conn *conn);
/* Begins a question: one or more statements, of which the last that returns rows is the answer.
 * Several statements are one transaction unless they say otherwise. now_ms and deadline_ms are on
 * the same clock of the caller. False when one is under way or sql is too long. */
bool pg_conn_ask(struct pg_conn *conn, const char *sql, uint64_t deadline_ms);
/* The socket, -1 when there is none; it may change with every call of this module. */
int pg_conn_fd(const struct pg_conn *conn);
bool pg_conn_wants_read(const struct pg_conn *conn);
bool pg_conn_wants_write(const struct pg_conn *conn);
/* When pg_conn_work() is due even if the socket stays silent; UINT64_MAX: never. 0: at once. */
uint64_t pg_conn_due_ms(const struct pg_conn *conn);
/* True while a question is under way. */
bool pg_conn_is_asking(const struct pg_conn *conn);
/* True while a session is open and no question is under way. */
bool pg_conn_is_idle(const struct pg_conn *conn);
/* Goes on as far as it can without waiting. True when the question has ended: *ret_answer is then
 * valid until the next call for this connection, but for pg_answer_text(). */
bool pg_conn_work(struct pg_conn *conn, uint64_t now_ms, struct pg_answer *ret_answer);
/* A value of the answer as text; NULL for SQL's NULL and for what is out of range. */
const char *pg_answer_text(const struct pg_answer *answer, int row, int column);

#endif
