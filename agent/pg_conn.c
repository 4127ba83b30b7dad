/* SPDX-License-Identifier: PostgreSQL */
#include "pg_conn.h"

#include <assert.h>
#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum conn_state { CONN_CLOSED = 0, CONN_CONNECTING, CONN_ASKING, CONN_IDLE };

struct pg_conn {
    struct pg_target target;
    enum conn_state state;
    PGconn *pq;
    PGresult *rows; /* of the last statement with rows */
    bool wants_write;
    bool asking;
    bool failed; /* a statement of this question was rejected; reject holds why */
    struct pg_answer reject;
    uint64_t deadline_ms; /* of the question */
    char sql[PG_CONN_SQL_SIZE];
};

/* Settings of every session: no waiting for a standby, nothing in the server's log, no foreign
 * schema in the way, and a server that notices when its client has gone. */
static const char session_options[] =
        "-c synchronous_commit=local -c search_path=pg_catalog -c "
        "default_transaction_read_only=off "
        "-c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 "
        "-c client_connection_check_interval=1s -c log_statement=none "
        "-c log_min_duration_statement=-1 -c lc_messages=C";

struct pg_conn *pg_conn_create(const struct pg_target *target)
{
    struct pg_conn *conn = calloc(1, sizeof(*conn));
    if (conn != NULL) {
        conn->target = *target;
    }
    return conn;
}

static void drop_rows(struct pg_conn *conn)
{
    PQclear(conn->rows);
    conn->rows = NULL;
}

static void drop_session(struct pg_conn *conn)
{
    PQfinish(conn->pq);
    conn->pq = NULL;
    conn->state = CONN_CLOSED;
    conn->wants_write = false;
}

void pg_conn_close(struct pg_conn *conn)
{
    drop_session(conn);
    drop_rows(conn);
    conn->asking = false;
}

void pg_conn_destroy(struct pg_conn *conn)
{
    if (conn != NULL) {
        pg_conn_close(conn);
        free(conn);
    }
}

static void begin_connecting(struct pg_conn *conn)
{
    const struct pg_target *target = &conn->target;
    bool has_passfile = target->passfile != NULL && target->passfile[0] != '\0';
    char port[8];
    snprintf(port, sizeof(port), "%u", (unsigned)target->port);
    const char *const keywords[] = {"host",
                                    "port",
                                    "user",
                                    "dbname",
                                    "application_name",
                                    "options",
                                    "client_encoding",
                                    has_passfile ? "passfile" : NULL,
                                    NULL};
    const char *database = target->database != NULL ? target->database : "postgres";
    const char *const values[] = {
            target->host,    port,   target->user,     database, target->application,
            session_options, "UTF8", target->passfile, NULL};
    conn->pq = PQconnectStartParams(keywords, values, 0);
    if (conn->pq != NULL) {
        /* With the SQLSTATE in the text: libpq has no other way to tell it of a failed connection.
         */
        PQsetErrorVerbosity(conn->pq, PQERRORS_VERBOSE);
    }
    conn->state = CONN_CONNECTING;
    conn->wants_write = true;
}

bool pg_conn_ask(struct pg_conn *conn, const char *sql, uint64_t deadline_ms)
{
    size_t length = strlen(sql);
    if (conn->asking || length >= sizeof(conn->sql)) {
        return false;
    }
    memcpy(conn->sql, sql, length + 1);
    drop_rows(conn);
    conn->asking = true;
    conn->failed = false;
    conn->deadline_ms = deadline_ms;
    if (conn->state == CONN_CLOSED) {
        begin_connecting(conn);
    }
    return true;
}

int pg_conn_fd(const struct pg_conn *conn)
{
    return conn->pq != NULL ? PQsocket(conn->pq) : -1;
}

bool pg_conn_wants_read(const struct pg_conn *conn)
{
    return pg_conn_fd(conn) >= 0 && !(conn->state == CONN_CONNECTING && conn->wants_write);
}

bool pg_conn_wants_write(const struct pg_conn *conn)
{
    return pg_conn_fd(conn) >= 0 && conn->wants_write;
}

uint64_t pg_conn_due_ms(const struct pg_conn *conn)
{
    if (!conn->asking) {
        return UINT64_MAX;
    }
    bool begins = conn->state == CONN_IDLE || pg_conn_fd(conn) < 0;
    return begins ? 0 : conn->deadline_ms;
}

bool pg_conn_is_asking(const struct pg_conn *conn)
{
    return conn->asking;
}

bool pg_conn_is_idle(const struct pg_conn *conn)
{
    return conn->state == CONN_IDLE && !conn->asking;
}

/* Copies the last line of libpq's message that says something, without control bytes. */
static void copy_message(char ret_text[TEXT_SIZE], const char *message)
{
    size_t length = strcspn(message, "\n");
    if (length >= TEXT_SIZE) {
        length = TEXT_SIZE - 1;
    }
    for (size_t i = 0; i < length; i++) {
        ret_text[i] = iscntrl((unsigned char)message[i]) ? ' ' : message[i];
    }
    ret_text[length] = '\0';
}

/* The SQLSTATE in a verbose message: "...: FATAL:  57P03: the database system is starting up". */
static void find_sqlstate(char ret_sqlstate[6], const char *message)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    ret_sqlstate[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        if (strspn(at + 3, alphabet) == 5 && at[8] == ':') {
            memcpy(ret_sqlstate, at + 3, 5);
            ret_sqlstate[5] = '\0';
            return;
        }
    }
}

/* Ends the question; the session stays only after an answer. */
static bool end_question(struct pg_conn *conn, enum pg_verdict verdict, const char *message,
                         struct pg_answer *ret_answer)
{
    memset(ret_answer, 0, sizeof(*ret_answer));
    ret_answer->verdict = verdict;
    ret_answer->conn = conn;
    conn->asking = false;
    if (verdict == PG_ANSWERED) {
        ret_answer->row_count = PQntuples(conn->rows);
        conn->state = CONN_IDLE;
        return true;
    }
    copy_message(ret_answer->text, message);
    if (verdict == PG_REJECTED) {
        find_sqlstate(ret_answer->sqlstate, message);
    }
    drop_session(conn);
    drop_rows(conn);
    return true;
}

static bool fail_connecting(struct pg_conn *conn, struct pg_answer *ret_answer)
{
    char sqlstate[6];
    const char *message = conn->pq != NULL ? PQerrorMessage(conn->pq) : "out of memory";
    find_sqlstate(sqlstate, message);
    return end_question(conn, sqlstate[0] != '\0' ? PG_REJECTED : PG_UNREACHABLE, message,
                        ret_answer);
}

/* True when the question has ended, which here means that it failed. */
static bool send_question(struct pg_conn *conn, struct pg_answer *ret_answer)
{
    if (PQsetnonblocking(conn->pq, 1) != 0 || PQsendQuery(conn->pq, conn->sql) != 1) {
        return end_question(conn, PG_BROKEN, PQerrorMessage(conn->pq), ret_answer);
    }
    conn->state = CONN_ASKING;
    return false;
}

static bool work_connecting(struct pg_conn *conn, struct pg_answer *ret_answer)
{
    if (conn->pq == NULL || PQstatus(conn->pq) == CONNECTION_BAD) {
        return fail_connecting(conn, ret_answer);
    }
    switch (PQconnectPoll(conn->pq)) {
    case PGRES_POLLING_READING:
        conn->wants_write = false;
        return false;
    case PGRES_POLLING_WRITING:
    case PGRES_POLLING_ACTIVE:
        conn->wants_write = true;
        return false;
    case PGRES_POLLING_OK:
        return send_question(conn, ret_answer);
    case PGRES_POLLING_FAILED:
        break;
    }
    return fail_connecting(conn, ret_answer);
}

static void take_result(struct pg_conn *conn, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK) {
        drop_rows(conn);
        conn->rows = result;
        return;
    }
    if (status == PGRES_FATAL_ERROR && !conn->failed) {
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        conn->failed = true;
        memset(&conn->reject, 0, sizeof(conn->reject));
        copy_message(conn->reject.text, PQresultErrorMessage(result));
        conn->reject.verdict = sqlstate != NULL ? PG_REJECTED : PG_BROKEN;
        snprintf(conn->reject.sqlstate, sizeof(conn->reject.sqlstate), "%s",
                 sqlstate != NULL ? sqlstate : "");
    }
    PQclear(result);
}

static bool end_rejected(struct pg_conn *conn, struct pg_answer *ret_answer)
{
    end_question(conn, conn->reject.verdict, "", ret_answer);
    memcpy(ret_answer->text, conn->reject.text, sizeof(ret_answer->text));
    memcpy(ret_answer->sqlstate, conn->reject.sqlstate, sizeof(ret_answer->sqlstate));
    return true;
}

static bool work_asking(struct pg_conn *conn, struct pg_answer *ret_answer)
{
    int flushed = PQflush(conn->pq);
    if (flushed < 0 || PQconsumeInput(conn->pq) == 0) {
        return conn->failed ? end_rejected(conn, ret_answer)
                            : end_question(conn, PG_BROKEN, PQerrorMessage(conn->pq), ret_answer);
    }
    conn->wants_write = flushed == 1;
    while (PQisBusy(conn->pq) == 0) {
        PGresult *result = PQgetResult(conn->pq);
        if (result != NULL) {
            take_result(conn, result);
            continue;
        }
        /* No more results: ReadyForQuery has arrived, what was committed is committed. */
        return conn->failed ? end_rejected(conn, ret_answer)
                            : end_question(conn, PG_ANSWERED, "", ret_answer);
    }
    return false;
}

/* A session at rest becomes readable when the server ends it, or to say something by the way. */
static void work_idle(struct pg_conn *conn)
{
    if (PQconsumeInput(conn->pq) == 0 || PQstatus(conn->pq) == CONNECTION_BAD) {
        drop_session(conn);
    }
}

bool pg_conn_work(struct pg_conn *conn, uint64_t now_ms, struct pg_answer *ret_answer)
{
    bool ended = false;
    if (conn->state == CONN_IDLE) {
        work_idle(conn);
    }
    if (!conn->asking) {
        return false;
    }
    if (conn->state == CONN_CLOSED) {
        begin_connecting(conn);
    } else if (conn->state == CONN_IDLE) {
        ended = send_question(conn, ret_answer);
    }
    if (!ended && conn->state == CONN_CONNECTING) {
        ended = work_connecting(conn, ret_answer);
    }
    if (!ended && conn->state == CONN_ASKING) {
        ended = work_asking(conn, ret_answer);
    }
    if (!ended && now_ms >= conn->deadline_ms) {
        ended = end_question(conn, PG_LATE, "no answer in time", ret_answer);
    }
    return ended;
}

const char *pg_answer_text(const struct pg_answer *answer, int row, int column)
{
    const PGresult *rows = answer->conn != NULL ? answer->conn->rows : NULL;
    if (rows == NULL || row < 0 || row >= PQntuples(rows) || column < 0 ||
        column >= PQnfields(rows) || PQgetisnull(rows, row, column)) {
        return NULL;
    }
    return PQgetvalue(rows, row, column);
}
