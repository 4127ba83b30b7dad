/* SPDX-License-Identifier: PostgreSQL */
/* The commit fence in a real PostgreSQL, at the end of the lease. */
#include "fenced.h"

#include <dirent.h>

#define SESSION_COUNT 8
#define FREEZE_COUNT 25

/* ---- what is refused ---- */

/* Refused with 25006, and the text says why. */
static void expect_refused(PGconn *conn, const char *sql, const char *why)
{
    PGresult *result = PQexec(conn, sql);
    assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    assert_string_equal(state != NULL ? state : "", "25006");
    if (strstr(PQresultErrorMessage(result), why) == NULL) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    PQclear(result);
}

static void test_fence_refuses_before_the_record(void **state)
{
    PGconn *conn = open_session();
    (void)state;
    expect_ok(conn, "create table t (n int)");
    expect_ok(conn, "insert into t values (1)");
    expect_ok(conn, "begin; insert into t values (2); prepare transaction 'early'");
    expect_ok(conn, "begin");
    expect_ok(conn, "insert into t values (3)");
    lease_is_over();
    expect_refused(conn, "commit", "the lease of this primary has ended");
    expect_refused(conn, "insert into t values (4)", "This transaction was not committed");
    expect_refused(conn, "select 1", "target_session_attrs=read-write");
    expect_refused(conn, "commit prepared 'early'", "has ended");
    expect_ok(conn, "begin");
    expect_ok(conn, "insert into t values (5)");
    expect_refused(conn, "prepare transaction 'late'", "has ended");
    expect_refused(conn, "create table late (n int)", "has ended");
    expect_refused(conn, "vacuum t", "has ended");
    expect_refused(conn, "do $$ begin insert into t values (6); commit; end $$", "has ended");
    expect_ok(conn, "begin");
    expect_ok(conn, "rollback");
    atomic_store(&page->lease_deadline_ms, 0);
    expect_refused(conn, "insert into t values (7)", "holds no lease");
    lease_runs();
    assert_int_equal(value_of(conn, "select count(*) from t"), 1);
    assert_int_equal(value_of(conn, "select count(*) from pg_prepared_xacts"), 1);
    expect_ok(conn, "commit prepared 'early'");
    assert_int_equal(value_of(conn, "select count(*) from t"), 2);
    expect_ok(conn, "drop table t");
    PQfinish(conn);
}

static void test_fence_refuses_in_parallel_workers(void **state)
{
    PGconn *conn = open_session();
    (void)state;
    expect_ok(conn, "create table p as select generate_series(1, 20000) as n");
    expect_ok(conn, "set force_parallel_mode = on");
    assert_int_equal(value_of(conn, "select count(*) from p"), 20000);
    lease_is_over();
    expect_refused(conn, "select count(*) from p", "has ended");
    lease_runs();
    assert_int_equal(value_of(conn, "select count(*) from p"), 20000);
    PQfinish(conn);
}

/* ---- what is not answered ---- */

static bool wait_for_result(PGconn *conn)
{
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    while (PQisBusy(conn) && guard_page_now_ms() < give_up_ms) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        poll(&fd, 1, 100);
        if (PQconsumeInput(conn) == 0) {
            return false;
        }
    }
    return !PQisBusy(conn);
}

/* The record of a commit that waits for a standby is written; the lease ends during the wait, and
 * the wait is called off, which would have told the client COMMIT. */
static void test_fence_withholds_what_the_deadline_overtook(void **state)
{
    (void)state;
    PGconn *conn = open_session();
    PGconn *other = open_session();
    const char *const commits[] = {"insert into w values (1)", "prepare transaction 'w'",
                                   "commit prepared 'w'"};
    for (int i = 0; i < 3; i++) {
        bool open = i == 1;
        expect_ok(other, "create table if not exists w (n int)");
        expect_ok(other, i == 2 ? "begin; insert into w values (3); prepare transaction 'w'" : "");
        expect_ok(conn, open ? "begin; insert into w values (2)" : "");
        expect_ok(other, "alter system set synchronous_standby_names = 'nobody'");
        expect_ok(other, "select pg_reload_conf()");
        nap_ms(100);
        assert_int_equal(PQsendQuery(conn, commits[i]), 1);
        wait_for_commit(other, conn);
        int backend = PQbackendPID(conn);
        lease_is_over();
        assert_int_equal(kill(backend, SIGINT), 0);
        (void)wait_for_result(conn);
        PGresult *result = PQgetResult(conn);
        assert_int_not_equal(PQresultStatus(result), PGRES_COMMAND_OK);
        PQclear(result);
        assert_int_equal(PQconsumeInput(conn), 0); /* the connection is gone */
        end_session(conn, backend);
        PQfinish(other);
        lease_runs();
        other = open_session_as("pgbaton");
        expect_ok(other, "set synchronous_commit = local");
        expect_ok(other, "alter system reset synchronous_standby_names");
        expect_ok(other, "select pg_reload_conf()");
        conn = open_session();
        /* It did happen: the client was right to be left in doubt. */
        assert_int_equal(value_of(other, "select count(*) from w") +
                                 value_of(other, "select count(*) from pg_prepared_xacts"),
                         1);
        expect_ok(other, i == 1 ? "rollback prepared 'w'" : "");
        expect_ok(other, "drop table w");
    }
    PQfinish(conn);
    PQfinish(other);
}

/* The commit is done in time, and its answer waits in the buffer for what follows it. */
static void test_fence_withholds_an_answer_that_was_not_sent_in_time(void **state)
{
    (void)state;
    PGconn *conn = open_session();
    pid_t backend = PQbackendPID(conn);
    expect_ok(conn, "create table b (n int)");
    assert_int_equal(PQsendQuery(conn, "begin; insert into b values (1); commit; "
                                       "select pg_sleep(1)"),
                     1);
    nap_ms(300);
    lease_is_over();
    (void)wait_for_result(conn);
    PGresult *result = PQgetResult(conn);
    assert_int_not_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    end_session(conn, backend);
    lease_runs();
    conn = open_session();
    assert_int_equal(value_of(conn, "select count(*) from b"), 1);
    expect_ok(conn, "drop table b");
    PQfinish(conn);
}

/* ---- frozen in full career ---- */

struct writer {
    PGconn *conn;
    pid_t backend;
    unsigned acks;
    bool ended;
};

static void write_next(struct writer *w)
{
    w->ended = PQsendQuery(w->conn, "insert into f values (default)") == 0;
}

/* An answer is whole when ReadyForQuery has come, which PQgetResult() tells by NULL. */
static void take_answer(struct writer *w)
{
    bool acked = false;
    if (PQconsumeInput(w->conn) == 0) {
        w->ended = true;
    }
    while (!w->ended && !PQisBusy(w->conn)) {
        PGresult *result = PQgetResult(w->conn);
        if (result == NULL) {
            w->acks += acked;
            write_next(w);
            return;
        }
        acked = PQresultStatus(result) == PGRES_COMMAND_OK;
        w->ended = PQresultStatus(result) == PGRES_FATAL_ERROR;
        PQclear(result);
    }
}

static void write_for_ms(struct writer *writers, uint64_t ms)
{
    uint64_t end_ms = guard_page_now_ms() + ms;
    while (guard_page_now_ms() < end_ms) {
        struct pollfd fds[SESSION_COUNT];
        for (int i = 0; i < SESSION_COUNT; i++) {
            fds[i] = (struct pollfd){.fd = writers[i].ended ? -1 : PQsocket(writers[i].conn),
                                     .events = POLLIN};
        }
        poll(fds, SESSION_COUNT, 10);
        for (int i = 0; i < SESSION_COUNT; i++) {
            if (fds[i].revents != 0) {
                take_answer(&writers[i]);
            }
        }
    }
}

static unsigned sum_acks(const struct writer *writers)
{
    unsigned sum = 0;
    for (int i = 0; i < SESSION_COUNT; i++) {
        sum += writers[i].acks;
    }
    return sum;
}

static char state_of(pid_t pid)
{
    char path[32];
    char text[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        (void)!fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
    }
    const char *end = strrchr(text, ')');
    return end != NULL ? end[2] : 'X';
}

static void freeze(const struct writer *writers)
{
    for (int i = 0; i < SESSION_COUNT; i++) {
        kill(writers[i].backend, SIGSTOP);
        while (state_of(writers[i].backend) != 'T') {
            nap_ms(1);
        }
    }
}

/* The sessions are stopped wherever they are, in the middle of a commit or of its answer; the lease
 * ends; they go on: none of them acknowledges anything. */
static void test_fence_holds_when_everything_was_frozen(void **state)
{
    unsigned total = 0;
    (void)state;
    PGconn *setup = open_session();
    expect_ok(setup, "create unlogged table f (n bigserial)");
    PQfinish(setup);
    for (int round = 0; round < FREEZE_COUNT; round++) {
        struct writer writers[SESSION_COUNT] = {0};
        lease_runs();
        for (int i = 0; i < SESSION_COUNT; i++) {
            writers[i].conn = open_session();
            writers[i].backend = PQbackendPID(writers[i].conn);
            expect_ok(writers[i].conn, "set synchronous_commit = off");
            write_next(&writers[i]);
        }
        write_for_ms(writers, 60 + (uint64_t)round * 3);
        freeze(writers);
        write_for_ms(writers, 30); /* what was sent before has come */
        unsigned before = sum_acks(writers);
        lease_is_over();
        for (int i = 0; i < SESSION_COUNT; i++) {
            kill(writers[i].backend, SIGCONT);
        }
        write_for_ms(writers, 100);
        assert_int_equal(sum_acks(writers), before);
        total += before;
        for (int i = 0; i < SESSION_COUNT; i++) {
            end_session(writers[i].conn, writers[i].backend);
        }
    }
    print_message("%u acknowledged before, none after\n", total);
    assert_in_range(total, 100, 100000000);
    lease_runs();
}

/* ---- who dies with whom ---- */

/* A session that computes does not look whether its postmaster lives. */
static void test_fence_sessions_die_with_the_postmaster(void **state)
{
    (void)state;
    PGconn *conn = open_session();
    pid_t backend = PQbackendPID(conn);
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    assert_int_equal(PQsendQuery(conn, "do $$ begin loop perform 1; end loop; end $$"), 1);
    nap_ms(100);
    kill(backend, SIGSTOP);
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
    while (state_of(backend) != 'X' && state_of(backend) != 'Z' &&
           guard_page_now_ms() < give_up_ms) {
        nap_ms(5);
    }
    assert_true(state_of(backend) == 'X' || state_of(backend) == 'Z');
    PQfinish(conn);
}

/* ---- without a guard ---- */

static int start_unguarded(void **state)
{
    (void)state;
    char *page_fd = strdup(getenv(GUARD_PAGE_ENVIRONMENT));
    unsetenv(GUARD_PAGE_ENVIRONMENT);
    start(NULL);
    setenv(GUARD_PAGE_ENVIRONMENT, page_fd, 1);
    free(page_fd);
    return 0;
}

static int start_for_maintenance(void **state)
{
    (void)state;
    char *page_fd = strdup(getenv(GUARD_PAGE_ENVIRONMENT));
    unsetenv(GUARD_PAGE_ENVIRONMENT);
    start("pgbaton_fence.maintenance=on");
    setenv(GUARD_PAGE_ENVIRONMENT, page_fd, 1);
    free(page_fd);
    return 0;
}

/* Even the transaction that opens a session is refused: it could read what is stale. */
static void test_fence_refuses_without_a_guard(void **state)
{
    (void)state;
    char port[8];
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    snprintf(port, sizeof(port), "%d", POSTGRES_PORT);
    const char *const keys[] = {"host", "port", "user", "dbname", NULL};
    const char *const values[] = {server.base, port, "admin", "postgres", NULL};
    bool said = false;
    while (!said && guard_page_now_ms() < give_up_ms) {
        PGconn *conn = PQconnectdbParams(keys, values, 0);
        assert_int_not_equal(PQstatus(conn), CONNECTION_OK);
        said = strstr(PQerrorMessage(conn), "without pgbaton's guard") != NULL;
        PQfinish(conn);
        nap_ms(20);
    }
    assert_true(said);
}

static void test_fence_is_open_for_maintenance(void **state)
{
    (void)state;
    PGconn *conn = open_session();
    lease_is_over();
    expect_ok(conn, "create table m (n int)");
    expect_ok(conn, "drop table m");
    PQfinish(conn);
}

/* Single-user mode is what pg_rewind and initdb use. */
static void test_fence_lets_single_user_mode_alone(void **state)
{
    (void)state;
    lease_is_over();
    assert_true(postgres_run(
            &server, "postgres",
            (const char *[]){"--single", "-D", server.data, "-c", preload, "template1", NULL}));
}

/* ---- standbys ---- */

static void put_signal(bool there)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/standby.signal", server.data);
    FILE *file = there ? fopen(path, "w") : NULL;
    assert_true(there ? file != NULL && fclose(file) == 0 : unlink(path) == 0);
}

static int start_standby(void **state)
{
    (void)state;
    put_signal(true);
    start("max_connections=100"); /* as it was when it was made */
    return 0;
}

/* A standby answers without a lease; promoted by a stranger, it does not. */
static void test_fence_lets_standbys_answer_until_they_are_promoted(void **state)
{
    (void)state;
    PGconn *conn = open_session();
    atomic_store(&page->lease_deadline_ms, 0);
    assert_int_equal(value_of(conn, "select count(*) from pg_class where relname = 'pg_class'"), 1);
    expect_ok(conn, "begin; select pg_promote(false); rollback");
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    bool refused = false;
    while (!refused && guard_page_now_ms() < give_up_ms) {
        PGresult *result = PQexec(conn, "select pg_is_in_recovery()");
        refused = PQresultStatus(result) == PGRES_FATAL_ERROR;
        PQclear(result);
        nap_ms(20);
    }
    assert_true(refused);
    expect_refused(conn, "create table s (n int)", "holds no lease");
    PQfinish(conn);
}

/* ---- what a primary shows when it begins ---- */

static int start_waiting(void **state)
{
    start(NULL);
    PGconn *conn = open_session();
    expect_ok(conn, "alter system set synchronous_standby_names = 'nobody'");
    PQfinish(conn);
    postgres_stop(&server, SIGQUIT);
    return start_guarded(state);
}

/* Nobody has what this one wrote: it is shown to no client, until commits wait for nobody. */
static void test_fence_shows_nothing_that_may_be_lost(void **state)
{
    (void)state;
    PGconn *agent = open_session_as("pgbaton");
    PGconn *early = connect_as("test");
    assert_int_equal(PQstatus(early), CONNECTION_BAD);
    assert_non_null(strstr(PQerrorMessage(early), "may yet be lost"));
    PQfinish(early);
    expect_ok(agent, "set synchronous_commit = local");
    expect_ok(agent, "alter system reset synchronous_standby_names");
    expect_ok(agent, "select pg_reload_conf()");
    PQfinish(open_session());
    PQfinish(agent);
}

#define guarded(name) cmocka_unit_test_setup_teardown(name, start_guarded, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
            guarded(test_fence_refuses_before_the_record),
            guarded(test_fence_refuses_in_parallel_workers),
            guarded(test_fence_withholds_what_the_deadline_overtook),
            guarded(test_fence_withholds_an_answer_that_was_not_sent_in_time),
            guarded(test_fence_holds_when_everything_was_frozen),
            guarded(test_fence_sessions_die_with_the_postmaster),
            cmocka_unit_test_setup_teardown(test_fence_refuses_without_a_guard, start_unguarded,
                                            stop),
            cmocka_unit_test_setup_teardown(test_fence_is_open_for_maintenance,
                                            start_for_maintenance, stop),
            cmocka_unit_test(test_fence_lets_single_user_mode_alone),
            cmocka_unit_test_setup_teardown(test_fence_lets_standbys_answer_until_they_are_promoted,
                                            start_standby, stop),
            cmocka_unit_test_setup_teardown(test_fence_shows_nothing_that_may_be_lost,
                                            start_waiting, stop),
    };
    return cmocka_run_group_tests(tests, make_server, remove_server);
}
