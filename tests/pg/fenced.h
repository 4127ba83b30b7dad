/* SPDX-License-Identifier: PostgreSQL */
/*
 * fenced.h - a real PostgreSQL with the commit fence, alone: the test holds the guard's page, and
 * nobody kills at the deadline. For one test program.
 */
#ifndef PGBATON_TEST_FENCED_H
#define PGBATON_TEST_FENCED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../agent/guard_page.h"
#include "postgres.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/mman.h>

#define DEADLINE_MS 30000
#define FAR_MS 3600000

static struct postgres server;
static struct guard_page *page;
static char preload[256]; /* "shared_preload_libraries=FILE" */

static inline void nap_ms(int ms)
{
    poll(NULL, 0, ms);
}

static inline void lease_runs(void)
{
    atomic_store(&page->lease_deadline_ms, guard_page_now_ms() + FAR_MS);
}

static inline void lease_is_over(void)
{
    atomic_store(&page->lease_deadline_ms, guard_page_now_ms() - 1);
}

/* ---- sessions ---- */

static inline void on_notice(void *argument, const char *text)
{
    (void)argument;
    (void)text;
}

static inline PGconn *connect_as(const char *application)
{
    char port[8];
    snprintf(port, sizeof(port), "%d", POSTGRES_PORT);
    const char *const keys[] = {"host", "port", "user", "dbname", "application_name", NULL};
    const char *const values[] = {server.base, port, "admin", "postgres", application, NULL};
    return PQconnectdbParams(keys, values, 0);
}

/* As soon as the server answers. */
static inline PGconn *open_session_as(const char *application)
{
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    PGconn *conn = connect_as(application);
    while (PQstatus(conn) != CONNECTION_OK && guard_page_now_ms() < give_up_ms) {
        PQfinish(conn);
        nap_ms(20);
        conn = connect_as(application);
    }
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQsetNoticeProcessor(conn, on_notice, NULL);
    return conn;
}

static inline PGconn *open_session(void)
{
    return open_session_as("test");
}

/* Afterwards the postmaster knows how its backend ended: if that was a crash, who connects next
 * meets the server's next life. */
static inline void end_session(PGconn *conn, pid_t backend)
{
    uint64_t give_up_ms = guard_page_now_ms() + DEADLINE_MS;
    PQfinish(conn);
    assert_int_not_equal(backend, 0);
    while (kill(backend, 0) == 0 && guard_page_now_ms() < give_up_ms) {
        nap_ms(2);
    }
}

static inline void expect_ok(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (sql[0] != '\0' && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    PQclear(result);
}

static inline long value_of(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    long value = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

/* Until its commit waits for a standby. */
static inline void wait_for_commit(PGconn *other, PGconn *conn)
{
    char waiting[128];
    snprintf(waiting, sizeof(waiting),
             "select count(*) from pg_stat_activity where pid = %d and wait_event = 'SyncRep'",
             PQbackendPID(conn));
    while (value_of(other, waiting) == 0) {
        nap_ms(5);
    }
}

/* ---- the server ---- */

static inline void make_page(void)
{
    int fd = memfd_create("test", 0);
    char path[40];
    char number[16];
    assert_int_equal(ftruncate(fd, sizeof(*page)), 0);
    page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    atomic_store(&page->version, GUARD_PAGE_VERSION);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    snprintf(number, sizeof(number), "%d", open(path, O_RDONLY));
    setenv(GUARD_PAGE_ENVIRONMENT, number, 1);
}

static inline void start(const char *setting)
{
    lease_runs();
    postgres_start_with(&server, (const char *[]){preload, "max_prepared_transactions=5",
                                                  "restart_after_crash=on", setting, NULL});
}

static inline int start_guarded(void **state)
{
    (void)state;
    start(NULL);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    char path[128];
    postgres_stop(&server, SIGQUIT);
    snprintf(path, sizeof(path), "%s/postgresql.auto.conf", server.data);
    assert_int_equal(truncate(path, 0), 0); /* what a failed test had set is not the next one's */
    return 0;
}

static inline int make_server(void **state)
{
    (void)state;
    const char *library = getenv("PGBATON_FENCE");
    assert_non_null(library);
    snprintf(preload, sizeof(preload), "shared_preload_libraries=%s", library);
    make_page();
    return postgres_create(&server) ? 0 : -1;
}

static inline int remove_server(void **state)
{
    (void)state;
    postgres_destroy(&server);
    return 0;
}

#endif
