/* SPDX-License-Identifier: PostgreSQL */
/* A commit whose wait for the standbys is cancelled: its client is never told that it is safe. */
#include "fenced.h"

/* How a client may commit. */
struct way {
    const char *before; /* in the same session */
    const char *commit;
    const char *rows; /* how many it leaves */
    bool extended;    /* by the extended protocol */
};

#define ROWS "select count(*) from t"
#define PREPARED "select count(*) from pg_prepared_xacts"

static const struct way ways[] = {
        {"", "insert into t values (1)", ROWS, false},
        {"", "insert into t values (1)", ROWS, true},
        {"set client_min_messages = error; begin; insert into t values (1)", "commit", ROWS, false},
        {"begin; insert into t values (1)", "commit", ROWS, true},
        {"begin; insert into t values (1)", "commit and chain", ROWS, false},
        {"", "do $$ begin insert into t values (1); commit; end $$", ROWS, false},
        {"set synchronous_commit = remote_write", "insert into t values (1)", ROWS, false},
        {"set synchronous_commit = remote_apply", "insert into t values (1); select 1", ROWS,
         false},
        {"begin; insert into t values (1)", "prepare transaction 't'", PREPARED, false},
        {"", "commit prepared 'u'", ROWS, false},
};

static void name_standby(PGconn *other, bool named)
{
    expect_ok(other, "set synchronous_commit = local");
    expect_ok(other, named ? "alter system set synchronous_standby_names = 'nobody'"
                           : "alter system reset synchronous_standby_names");
    expect_ok(other, "select pg_reload_conf()");
    const char *shown = named ? "select count(*) from pg_settings where name = "
                                "'pgbaton_fence.synchronous' and setting = 'on'"
                              : "select count(*) from pg_settings where name = "
                                "'pgbaton_fence.synchronous' and setting = 'off'";
    while (value_of(other, shown) == 0) {
        nap_ms(5);
    }
}

static void send(PGconn *conn, const struct way *way)
{
    int sent = way->extended ? PQsendQueryParams(conn, way->commit, 0, NULL, NULL, NULL, NULL, 0)
                             : PQsendQuery(conn, way->commit);
    assert_int_equal(sent, 1);
}

/* The last result, which is the first that is none. */
static PGresult *last_result(PGconn *conn)
{
    PGresult *last = NULL;
    for (PGresult *next = PQgetResult(conn); next != NULL; next = PQgetResult(conn)) {
        PQclear(last);
        last = next;
    }
    return last;
}

static bool is_unknown(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state != NULL && strcmp(state, "08007") == 0;
}

/* What was said before the commit may have been sent, too; nothing comes after the error but the
 * end of the connection. */
static void expect_unknown(PGconn *conn, const struct way *way)
{
    bool unknown = false;
    for (PGresult *next = PQgetResult(conn); next != NULL; next = PQgetResult(conn)) {
        bool fine = PQresultStatus(next) != PGRES_FATAL_ERROR;
        if (unknown && fine) {
            fail_msg("%s: %s after the error", way->commit, PQresStatus(PQresultStatus(next)));
        }
        unknown = unknown || is_unknown(next);
        PQclear(next);
    }
    if (!unknown) {
        fail_msg("%s: %s", way->commit, PQerrorMessage(conn));
    }
    assert_int_equal(PQstatus(conn), CONNECTION_BAD);
}

static void prepare(PGconn *other)
{
    expect_ok(other, "drop table if exists t; create table t (n int)");
    expect_ok(other, "begin; insert into t values (2); prepare transaction 'u'");
}

/* A session whose commit waits for a standby; before: how many rows there were. */
static PGconn *begin_to_wait(PGconn *other, const struct way *way, long *ret_before)
{
    PGconn *conn = open_session();
    prepare(other);
    *ret_before = value_of(other, way->rows);
    expect_ok(conn, way->before);
    name_standby(other, true);
    send(conn, way);
    wait_for_commit(other, conn);
    return conn;
}

static void clean(PGconn *other)
{
    name_standby(other, false);
    PGresult *left = PQexec(other, "select gid from pg_prepared_xacts");
    for (int i = 0; i < PQntuples(left); i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "rollback prepared '%s'", PQgetvalue(left, i, 0));
        expect_ok(other, sql);
    }
    PQclear(left);
}

/* The server goes on: only the session ends, and the transaction stands. */
static void test_cancelled_wait_is_not_acknowledged(void **state)
{
    (void)state;
    PGconn *other = open_session();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        long before = 0;
        PGconn *conn = begin_to_wait(other, &ways[i], &before);
        char cancel[64];
        snprintf(cancel, sizeof(cancel), "select pg_cancel_backend(%d)", PQbackendPID(conn));
        expect_ok(other, cancel);
        expect_unknown(conn, &ways[i]);
        assert_int_equal(value_of(other, ways[i].rows), before + 1);
        PQfinish(conn);
        clean(other);
    }
    PQfinish(other);
}

/* The controls: who waits for nobody, and who is let go because nobody is waited for any more. */
static void test_other_commits_are_acknowledged(void **state)
{
    (void)state;
    PGconn *other = open_session();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        long before = 0;
        PGconn *conn = begin_to_wait(other, &ways[i], &before);
        name_standby(other, false);
        PGresult *result = last_result(conn);
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
            fail_msg("%s: %s", ways[i].commit, PQresultErrorMessage(result));
        }
        PQclear(result);
        assert_int_equal(value_of(other, ways[i].rows), before + 1);
        expect_ok(conn, "rollback");
        name_standby(other, true);
        expect_ok(conn, "set synchronous_commit = local");
        expect_ok(conn, "insert into t values (3)");
        expect_ok(conn, "select count(*) from t");
        PQfinish(conn);
        clean(other);
    }
    PQfinish(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_cancelled_wait_is_not_acknowledged, start_guarded,
                                            stop),
            cmocka_unit_test_setup_teardown(test_other_commits_are_acknowledged, start_guarded,
                                            stop),
    };
    return cmocka_run_group_tests(tests, make_server, remove_server);
}
