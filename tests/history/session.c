/* SPDX-License-Identifier: PostgreSQL */
#include "session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After a target that could not be written to; after all of them in a row it is rest_ms. */
#define PAUSE_US 2000
/* From one session's connection to the next one's. */
#define TURN_US 20000
#define NEVER UINT64_MAX
/* SQLSTATE transaction_resolution_unknown and read_only_sql_transaction. */
#define TRANSACTION_UNKNOWN "08007"
#define READ_ONLY "25006"

static const char insert[] = "insert into history (client, n) values ($1, $2) returning "
                             "inet_server_port(), pg_walfile_name(pg_current_wal_insert_lsn()), "
                             "pg_current_wal_insert_lsn() - '0/0'";

uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void session_init(struct session *session, struct session_settings *settings)
{
    memset(session, 0, sizeof *session);
    session->settings = settings;
}

/* What a server says between two writes is read with the answer to the next. */
int session_socket(const struct session *session)
{
    bool polled = session->connection != NULL && session->state != SESSION_READY;
    return polled ? PQsocket(session->connection) : -1;
}

/* ---- connections ---- */

static uint64_t after_ms(uint32_t ms)
{
    return ms > 0 ? clock_us() + (uint64_t)ms * 1000 : NEVER;
}

static void pause_for(struct session *session, uint64_t pause_us)
{
    session->state = SESSION_PAUSED;
    session->events = 0;
    session->deadline_us = clock_us() + pause_us;
}

static void disconnect(struct session *session, uint64_t pause_us)
{
    PQfinish(session->connection);
    session->connection = NULL;
    pause_for(session, pause_us);
}

static void try_next(struct session *session)
{
    uint32_t count = session->settings->target_count;
    uint64_t rest_us = (uint64_t)session->settings->rest_ms * 1000;
    session->target = (session->target + 1) % count;
    session->refusals += 1;
    disconnect(session, session->refusals % count == 0 ? rest_us : PAUSE_US);
}

/* Most drivers drop warnings, as that of a wait for a standby that was cancelled. */
static void on_notice(void *argument, const PGresult *notice)
{
    (void)argument;
    (void)notice;
}

static void be_ready(struct session *session)
{
    session->state = SESSION_READY;
    session->deadline_us = session->write.invoke_us + (uint64_t)session->settings->every_ms * 1000;
}

/* True when there is one to the target. A server that ended it has said so by now. */
static bool take_kept(struct session *session)
{
    PGconn *kept = session->kept[session->target];
    session->kept[session->target] = NULL;
    struct pollfd fd = {.fd = PQsocket(kept), .events = POLLIN};
    if (kept == NULL || poll(&fd, 1, 0) != 0) {
        PQfinish(kept);
        return false;
    }
    session->connection = kept;
    return true;
}

/* One target at a time: a host that is silent costs connect_ms, not what libpq thinks. */
static void connect_begin(struct session *session)
{
    struct session_settings *settings = session->settings;
    const struct target *target = &settings->targets[session->target];
    const char *const keys[] = {"host", "port", "dbname", "user", "sslmode", "application_name",
                                NULL};
    const char *const values[] = {target->host, target->port,     "postgres", "postgres",
                                  "disable",    settings->client, NULL};
    uint64_t now = clock_us();
    if (take_kept(session)) {
        be_ready(session);
        return;
    }
    if (now < settings->connect_us) {
        pause_for(session, settings->connect_us - now);
        return;
    }
    settings->connect_us = now + TURN_US;
    session->connection = PQconnectStartParams(keys, values, 0);
    if (session->connection == NULL || PQstatus(session->connection) == CONNECTION_BAD) {
        try_next(session);
        return;
    }
    PQsetNoticeReceiver(session->connection, on_notice, NULL);
    session->state = SESSION_CONNECTING;
    session->events = POLLOUT;
    session->deadline_us = after_ms(settings->connect_ms);
}

static void connect_go_on(struct session *session)
{
    PostgresPollingStatusType status = PQconnectPoll(session->connection);
    if (status == PGRES_POLLING_OK) {
        PQsetnonblocking(session->connection, 1);
        be_ready(session);
    } else if (status == PGRES_POLLING_READING) {
        session->events = POLLIN;
    } else if (status == PGRES_POLLING_WRITING) {
        session->events = POLLOUT;
    } else {
        try_next(session);
    }
}

/* ---- writes ---- */

static void describe(struct write *write, const char *text)
{
    snprintf(write->detail, sizeof write->detail, "%s", text);
    write->detail[strcspn(write->detail, "\t\n")] = '\0';
}

static void end(struct session *session, enum outcome outcome)
{
    session->write.end_us = clock_us();
    session->write.outcome = outcome;
    be_ready(session);
}

static void end_and_leave(struct session *session, const char *detail)
{
    describe(&session->write, detail);
    end(session, OUTCOME_INFO);
    try_next(session);
}

static bool write_begin(struct session *session)
{
    struct session_settings *settings = session->settings;
    char number[24];
    const char *const values[] = {settings->client, number};
    session->write = (struct write){.n = settings->next_n,
                                    .node = settings->targets[session->target].node,
                                    .invoke_us = clock_us()};
    settings->next_n += 1;
    snprintf(number, sizeof number, "%" PRIu64, session->write.n);
    session->answered = false;
    session->refused = false;
    session->doubtful = false;
    session->only_reads = false;
    session->state = SESSION_WAITING;
    session->events = POLLIN;
    session->deadline_us = after_ms(settings->answer_ms);
    if (PQsendQueryParams(session->connection, insert, 2, NULL, values, NULL, NULL, 0) != 1) {
        end_and_leave(session, PQerrorMessage(session->connection));
        return true;
    }
    return false;
}

/* The server itself says who it is and on which timeline it writes. */
static void take_row(struct session *session, const PGresult *result)
{
    const struct session_settings *settings = session->settings;
    const char *port = PQgetvalue(result, 0, 0);
    char timeline[9];
    snprintf(timeline, sizeof timeline, "%s", PQgetvalue(result, 0, 1));
    session->write.timeline = (uint32_t)strtoul(timeline, NULL, 16);
    session->write.lsn = strtoull(PQgetvalue(result, 0, 2), NULL, 10);
    session->write.node = port;
    session->answered = true;
    for (uint32_t i = 0; i < settings->target_count; i++) {
        if (strcmp(settings->targets[i].port, port) == 0) {
            session->write.node = settings->targets[i].node;
            return;
        }
    }
    fprintf(stderr, "writer: a server on port %s is none of the nodes\n", port);
    exit(EXIT_FAILURE);
}

static void pass_by(struct session *session)
{
    session->kept[session->target] = session->connection;
    session->connection = NULL;
    try_next(session);
}

/* Everything has come: what is it worth? False when there was no write. */
static bool conclude(struct session *session)
{
    if (session->only_reads) {
        pass_by(session);
        return false;
    }
    if (session->doubtful) {
        end(session, OUTCOME_INFO);
        try_next(session);
    } else if (PQstatus(session->connection) != CONNECTION_OK) {
        end_and_leave(session, PQerrorMessage(session->connection));
    } else if (session->refused || !session->answered) {
        end(session, OUTCOME_FAIL);
        try_next(session);
    } else {
        session->refusals = 0;
        end(session, OUTCOME_OK);
    }
    return true;
}

static bool has_state(const PGresult *result, const char *state)
{
    const char *own = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return own != NULL && strcmp(own, state) == 0;
}

/* True when the write has ended. */
static bool read_answer(struct session *session)
{
    if (PQconsumeInput(session->connection) != 1) {
        end_and_leave(session, PQerrorMessage(session->connection));
        return true;
    }
    session->events = PQflush(session->connection) == 1 ? POLLIN | POLLOUT : POLLIN;
    while (PQisBusy(session->connection) == 0) {
        PGresult *result = PQgetResult(session->connection);
        if (result == NULL) {
            return conclude(session);
        }
        if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
            take_row(session, result);
        } else {
            session->refused = true;
            session->doubtful = session->doubtful || has_state(result, TRANSACTION_UNKNOWN);
            session->only_reads = has_state(result, READ_ONLY);
            describe(&session->write, PQresultErrorMessage(result));
        }
        PQclear(result);
    }
    return false;
}

/* ---- steps ---- */

static bool is_late(const struct session *session)
{
    return clock_us() >= session->deadline_us;
}

bool session_step(struct session *session, bool ready)
{
    if (session->state == SESSION_PAUSED && is_late(session)) {
        connect_begin(session);
    } else if (session->state == SESSION_CONNECTING && is_late(session)) {
        try_next(session);
    } else if (session->state == SESSION_CONNECTING && ready) {
        connect_go_on(session);
    }
    if (session->state == SESSION_READY && is_late(session)) {
        return write_begin(session);
    }
    if (session->state == SESSION_WAITING && ready && read_answer(session)) {
        return true;
    }
    if (session->state == SESSION_WAITING && is_late(session)) {
        end_and_leave(session, "no answer in time");
        return true;
    }
    return false;
}

bool session_finish(struct session *session)
{
    bool under_way = session->state == SESSION_WAITING;
    if (under_way) {
        describe(&session->write, "not waited for");
        end(session, OUTCOME_INFO);
    }
    disconnect(session, 0);
    for (uint32_t i = 0; i < TARGET_MAX; i++) {
        PQfinish(session->kept[i]);
    }
    return under_way;
}
