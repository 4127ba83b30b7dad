/* SPDX-License-Identifier: PostgreSQL */
/* The asynchronous session and the probe, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../agent/pg_conn.h"
#include "../../agent/probe.h"
#include "../../agent/promote.h"
#include "../../agent/timeline.h"
#include "postgres.h"

#include <poll.h>
#include <time.h>

static struct postgres server;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What the agent's loop does: waits for the socket or the time, and works, until there is an
 * answer. */
static struct pg_answer wait_for_answer(struct pg_conn *conn)
{
    struct pg_answer answer = {0};
    uint64_t give_up_ms = now_ms() + 20000;
    while (!pg_conn_work(conn, now_ms(), &answer)) {
        struct pollfd fd = {.fd = pg_conn_fd(conn)};
        fd.events = (short)((pg_conn_wants_read(conn) ? POLLIN : 0) |
                            (pg_conn_wants_write(conn) ? POLLOUT : 0));
        poll(&fd, 1, pg_conn_due_ms(conn) == 0 ? 0 : 10);
        assert_true(now_ms() < give_up_ms);
    }
    return answer;
}

static struct pg_answer ask(struct pg_conn *conn, const char *sql, uint32_t timeout_ms)
{
    assert_true(pg_conn_ask(conn, sql, now_ms() + timeout_ms));
    return wait_for_answer(conn);
}

static struct pg_conn *open_as(const char *user)
{
    const struct pg_target target = {
            .host = server.base, .port = POSTGRES_PORT, .user = user, .application = "test"};
    struct pg_conn *conn = pg_conn_create(&target);
    assert_non_null(conn);
    return conn;
}

static struct probe_result probe(struct pg_conn *conn, uint32_t known_timeline, bool before)
{
    char sql[PG_CONN_SQL_SIZE];
    struct probe_result result;
    probe_question(known_timeline, true, sql, sizeof(sql));
    struct pg_answer answer = ask(conn, sql, 5000);
    probe_understand(&answer, before, &result);
    return result;
}

static void wait_until_started(struct pg_conn *conn)
{
    for (int i = 0; i < 1000; i++) {
        struct probe_result result = probe(conn, 0, false);
        if (result.class == PROBE_OK) {
            return;
        }
        assert_int_equal(result.class, PROBE_STARTING);
        poll(NULL, 0, 20);
    }
    fail_msg("PostgreSQL did not start");
}

static void test_conn_answers_with_last_rows(void **state)
{
    struct pg_conn *conn = open_as("admin");
    (void)state;
    struct pg_answer answer =
            ask(conn, "select 1; select 2, null, 'x' union all select 3, '', 'y'", 5000);
    assert_int_equal(answer.verdict, PG_ANSWERED);
    assert_int_equal(answer.row_count, 2);
    assert_string_equal(pg_answer_text(&answer, 0, 0), "2");
    assert_null(pg_answer_text(&answer, 0, 1));
    assert_string_equal(pg_answer_text(&answer, 1, 2), "y");
    assert_null(pg_answer_text(&answer, 2, 0));
    assert_true(pg_conn_is_idle(conn));
    pg_conn_destroy(conn);
}

static void test_conn_keeps_its_session_until_an_error(void **state)
{
    struct pg_conn *conn = open_as("admin");
    char first[16];
    (void)state;
    struct pg_answer answer = ask(conn, "select pg_backend_pid()", 5000);
    snprintf(first, sizeof(first), "%s", pg_answer_text(&answer, 0, 0));
    answer = ask(conn, "select pg_backend_pid()", 5000);
    assert_string_equal(pg_answer_text(&answer, 0, 0), first);
    answer = ask(conn, "begin; select 1/0", 5000);
    assert_int_equal(answer.verdict, PG_REJECTED);
    assert_string_equal(answer.sqlstate, "22012");
    assert_non_null(strstr(answer.text, "division by zero"));
    answer = ask(conn, "select pg_backend_pid()", 5000);
    assert_int_equal(answer.verdict, PG_ANSWERED);
    assert_string_not_equal(pg_answer_text(&answer, 0, 0), first);
    pg_conn_destroy(conn);
}

static void test_conn_is_late_at_its_deadline(void **state)
{
    struct pg_conn *conn = open_as("admin");
    (void)state;
    uint64_t begin_ms = now_ms();
    struct pg_answer answer = ask(conn, "select pg_sleep(20)", 200);
    assert_int_equal(answer.verdict, PG_LATE);
    assert_in_range(now_ms() - begin_ms, 200, 2000);
    assert_int_equal(pg_conn_fd(conn), -1);
    answer = ask(conn, "select 1", 5000);
    assert_int_equal(answer.verdict, PG_ANSWERED);
    pg_conn_destroy(conn);
}

static void test_conn_tells_a_broken_session(void **state)
{
    struct pg_conn *conn = open_as("admin");
    (void)state;
    struct pg_answer answer = ask(conn, "select pg_terminate_backend(pg_backend_pid())", 5000);
    assert_int_equal(answer.verdict, PG_REJECTED);
    assert_string_equal(answer.sqlstate, "57P01");
    pg_conn_destroy(conn);
}

static void test_conn_tells_sqlstate_of_refused_session(void **state)
{
    struct pg_conn *conn = open_as("nobody");
    struct probe_result result;
    (void)state;
    struct pg_answer answer = ask(conn, "select 1", 5000);
    assert_int_equal(answer.verdict, PG_REJECTED);
    assert_string_equal(answer.sqlstate, "28000");
    probe_understand(&answer, true, &result);
    assert_int_equal(result.class, PROBE_ALIVE);
    pg_conn_destroy(conn);
}

static void test_conn_refuses_a_second_question(void **state)
{
    struct pg_conn *conn = open_as("admin");
    (void)state;
    assert_true(pg_conn_ask(conn, "select 1", now_ms() + 5000));
    assert_false(pg_conn_ask(conn, "select 2", now_ms() + 5000));
    struct pg_answer answer = wait_for_answer(conn);
    assert_string_equal(pg_answer_text(&answer, 0, 0), "1");
    pg_conn_destroy(conn);
}

static void test_probe_of_primary_is_a_commit(void **state)
{
    struct pg_conn *conn = open_as("admin");
    (void)state;
    struct probe_result first = probe(conn, 0, true);
    struct probe_result second = probe(conn, 0, true);
    assert_int_equal(second.class, PROBE_OK);
    assert_false(second.in_recovery);
    assert_int_equal(second.position.timeline, 1);
    assert_true(second.system_id != 0);
    assert_int_equal(second.replica_count, 0);
    assert_int_equal(second.history.count, 0);
    assert_true(second.position.lsn > first.position.lsn); /* the write is in the WAL, flushed */
    pg_conn_destroy(conn);
}

/* Orders the promotion to that timeline and polls until it has happened. */
static void promote(struct pg_conn *conn, uint32_t timeline, struct position *ret_opening,
                    struct history *ret_history)
{
    struct failure failure = {0};
    assert_int_equal(timeline_reserve(server.data, 1, timeline, &failure), RESULT_OK);
    struct pg_answer answer = ask(conn, "select pg_promote(false)", 5000);
    assert_string_equal(answer.text, "");
    for (int i = 0; i < 1000; i++) {
        answer = ask(conn, promote_poll_question, 5000);
        assert_int_equal(answer.verdict, PG_ANSWERED);
        const char *text = pg_answer_text(&answer, 0, 0);
        if (text != NULL) {
            assert_true(promote_understand(text, ret_opening, ret_history));
            return;
        }
        poll(NULL, 0, 10);
    }
    fail_msg("PostgreSQL did not promote");
}

static void test_probe_of_standby_and_of_new_timeline(void **state)
{
    struct pg_conn *conn = open_as("admin");
    char signal_file[128];
    (void)state;
    struct probe_result before = probe(conn, 0, true);
    postgres_stop(&server, SIGINT);
    struct pg_answer answer = ask(conn, "select 1", 1000); /* the kept session has ended */
    assert_int_not_equal(answer.verdict, PG_ANSWERED);
    answer = ask(conn, "select 1", 1000);
    assert_int_equal(answer.verdict, PG_UNREACHABLE);

    snprintf(signal_file, sizeof(signal_file), "%s/standby.signal", server.data);
    FILE *file = fopen(signal_file, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    postgres_start(&server);
    wait_until_started(conn);
    struct probe_result standby = probe(conn, 0, true);
    assert_true(standby.in_recovery);
    assert_false(standby.streaming);
    assert_int_equal(standby.position.timeline, 1);
    assert_true(standby.position.lsn >= before.position.lsn);
    assert_true(standby.replay_lsn > 0);

    struct position opening;
    struct history history;
    promote(conn, 4, &opening, &history);
    assert_int_equal(opening.timeline, 4);
    assert_true(opening.lsn >= before.position.lsn);
    assert_int_equal(history.count, 1);
    struct probe_result primary = probe(conn, 1, true);
    assert_int_equal(primary.class, PROBE_OK);
    assert_false(primary.in_recovery);
    assert_int_equal(primary.position.timeline, 4);
    assert_int_equal(primary.history.count, 1);
    assert_int_equal(primary.history.entries[0].timeline, 1);
    assert_true(primary.history.entries[0].switch_lsn == opening.lsn);
    assert_int_equal(probe(conn, 4, true).history.count, 0); /* known: not read again */
    pg_conn_destroy(conn);
}

static void test_probe_parses_exactly(void **state)
{
    uint64_t lsn = 0;
    (void)state;
    assert_true(probe_parse_lsn("0/70001A8", &lsn));
    assert_true(lsn == 0x70001A8);
    assert_true(probe_parse_lsn("FFFFFFFF/FFFFFFFE", &lsn));
    assert_true(lsn == UINT64_MAX - 1);
    assert_false(probe_parse_lsn("0/70001A8x", &lsn));
    assert_false(probe_parse_lsn("0", &lsn));
    assert_false(probe_parse_lsn(NULL, &lsn));
    assert_int_equal(probe_parse_timeline("0000000A"), 10);
    assert_int_equal(probe_parse_timeline("A"), 0);
    assert_int_equal(probe_parse_timeline("0000000g"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_probe_parses_exactly),
            cmocka_unit_test(test_conn_answers_with_last_rows),
            cmocka_unit_test(test_conn_keeps_its_session_until_an_error),
            cmocka_unit_test(test_conn_is_late_at_its_deadline),
            cmocka_unit_test(test_conn_tells_a_broken_session),
            cmocka_unit_test(test_conn_tells_sqlstate_of_refused_session),
            cmocka_unit_test(test_conn_refuses_a_second_question),
            cmocka_unit_test(test_probe_of_primary_is_a_commit),
            cmocka_unit_test(test_probe_of_standby_and_of_new_timeline),
    };
    if (!postgres_create(&server)) {
        fputs("no PostgreSQL, or no user to run it\n", stderr);
        postgres_destroy(&server);
        return SKIPPED;
    }
    postgres_start(&server);
    struct pg_conn *conn = open_as("admin");
    wait_until_started(conn);
    pg_conn_destroy(conn);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    postgres_destroy(&server);
    return failed;
}
