/* SPDX-License-Identifier: PostgreSQL */
/* Who may bear the name of a standby that commits wait for. */
#include "fenced.h"

static PGconn *replicate_as(const char *application, const char *options)
{
    char port[8];
    snprintf(port, sizeof(port), "%d", POSTGRES_PORT);
    const char *const keys[] = {"host",        "port",    "user", "application_name",
                                "replication", "options", NULL};
    const char *const values[] = {server.base, port, "admin", application, "true", options, NULL};
    return PQconnectdbParams(keys, values, 0);
}

static void expect_let_in(const char *application, const char *options)
{
    PGconn *conn = replicate_as(application, options);
    if (PQstatus(conn) != CONNECTION_OK) {
        fail_msg("%s: %s", application, PQerrorMessage(conn));
    }
    expect_ok(conn, "IDENTIFY_SYSTEM");
    PQfinish(conn);
}

static void expect_stranger(const char *application, const char *options)
{
    PGconn *conn = replicate_as(application, options);
    assert_int_equal(PQstatus(conn), CONNECTION_BAD);
    if (strstr(PQerrorMessage(conn), "a standby that commits wait for") == NULL) {
        fail_msg("%s: %s", application, PQerrorMessage(conn));
    }
    PQfinish(conn);
}

static int start_named(void **state)
{
    (void)state;
    start("synchronous_standby_names=ANY 1 (\"node-2\",\"node-3\")");
    PQfinish(open_session_as("pgbaton"));
    return 0;
}

static void test_voter_is_who_says_so(void **state)
{
    (void)state;
    expect_let_in("node-2", "-c pgbaton_fence.standby=node-2");
    expect_let_in("node-3", "-c pgbaton_fence.standby=node-3");
    expect_let_in("node-4", NULL);
    expect_let_in("pg_receivewal", NULL);
    expect_stranger("node-2", NULL);
    expect_stranger("NODE-3", NULL);
    expect_stranger("node-3", "-c pgbaton_fence.standby=node-2");
    expect_stranger("node-3", "-c work_mem=1MB");
}

/* Ordinary sessions are not concerned: nobody waits for them. */
static void test_voter_may_be_a_session(void **state)
{
    (void)state;
    PGconn *conn = connect_as("pgbaton");
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    expect_ok(conn, "set application_name = 'node-2'");
    assert_int_equal(value_of(conn, "select count(*) from pg_stat_replication"), 0);
    PQfinish(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_voter_is_who_says_so, start_named, stop),
            cmocka_unit_test_setup_teardown(test_voter_may_be_a_session, start_named, stop),
    };
    return cmocka_run_group_tests(tests, make_server, remove_server);
}
