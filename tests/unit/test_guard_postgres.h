/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_guard_postgres.h - the part of test_guard.c that runs a real PostgreSQL; skipped without
 * initdb.
 */
#ifndef PGBATON_TEST_GUARD_POSTGRES_H
#define PGBATON_TEST_GUARD_POSTGRES_H

#include "pg_helper.h"

static void run_initdb(const struct world *w, const char *bin)
{
    char initdb[160];
    char dir[128];
    char options[4][32] = {"-D", "-A", "trust", "-N"};
    int status = -1;
    snprintf(initdb, sizeof initdb, "%s/initdb", bin);
    snprintf(dir, sizeof dir, "%s", w->dir);
    char *argv[] = {initdb, options[0], dir, options[1], options[2], options[3], NULL};
    pid_t pid = spawn(w->log, argv);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A session that runs this. */
static pid_t start_session(const struct world *w, const char *bin, const char *sql)
{
    char psql[160];
    char host[64];
    char text[160];
    char options[6][16] = {"-X", "-q", "-d", "postgres", "-h", "-c"};
    snprintf(psql, sizeof psql, "%s/psql", bin);
    snprintf(host, sizeof host, "%s", w->base);
    snprintf(text, sizeof text, "%s", sql);
    char *argv[] = {psql,       options[0], options[1], options[2], options[3],
                    options[4], host,       options[5], text,       NULL};
    return spawn(w->log, argv);
}

/* Waits until the statement succeeds. */
static void await_sql(const struct world *w, const char *bin, const char *sql)
{
    uint64_t end = boot_ms() + WAIT_MS;
    int status = -1;
    while (status != 0 && boot_ms() < end) {
        pid_t pid = start_session(w, bin, sql);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        nap_ms(status == 0 ? 0 : 50);
    }
    assert_int_equal(status, 0);
}

static void start_postgres(struct world *w, const char *bin)
{
    struct message m = {.op = OP_START, .a = 7};
    snprintf(m.argv[0], sizeof m.argv[0], "%s", w->log);
    snprintf(m.argv[1], sizeof m.argv[1], "%s/postgres", bin);
    snprintf(m.argv[2], sizeof m.argv[2], "-D");
    snprintf(m.argv[3], sizeof m.argv[3], "%s", w->dir);
    snprintf(m.argv[4], sizeof m.argv[4], "-h");
    snprintf(m.argv[5], sizeof m.argv[5], "%s", "");
    snprintf(m.argv[6], sizeof m.argv[6], "-k");
    snprintf(m.argv[7], sizeof m.argv[7], "%s", w->base);
    world_send(w, &m);
    world_expect(w, GUARD_REPORT_STARTED, REPLY_MS);
    await_sql(w, bin, "select 1");
}

/* kill -9 of the postmaster, the data directory gone, busy backends: all are dead within a second,
 * and the sessions end. */
static void test_guard_kills_busy_postgres(void **state)
{
    struct world *w = *state;
    /* The lock, which a session may take again and again, tells that a loop has been run through
     * once: from then on the busy ones need neither postmaster nor data directory. */
    static const char busy[] = "DO $$ BEGIN LOOP PERFORM pg_try_advisory_lock_shared(1); END LOOP; "
                               "END $$";
    static const char committing[] = "DO $$ BEGIN LOOP PERFORM txid_current(), "
                                     "pg_try_advisory_lock_shared(1); COMMIT; END LOOP; END $$";
    static const char all_loop[] =
            "select 1 / (count(*) = 4)::int from pg_locks where locktype = 'advisory'";
    char bin[64];
    pid_t sessions[4];
    if (!find_postgres(bin, sizeof bin)) {
        skip();
    }
    remove_tree(w->dir);
    run_initdb(w, bin);
    start_postgres(w, bin);
    for (int i = 0; i < 4; i++) {
        sessions[i] = start_session(w, bin, i < 2 ? busy : committing);
    }
    await_sql(w, bin, all_loop);
    world_await(w, 10);
    uint32_t alive = world_count(w, 0);
    assert_in_range(alive, 10, 30); /* postmaster, 4 sessions, and at least 5 of its own */
    pid_t postmaster = 0;
    world_order(w, GUARD_SIGNAL, SIGHUP);
    postmaster = world_settle(w);
    kill(postmaster, SIGKILL);
    world_expect(w, GUARD_REPORT_EXITED, REPLY_MS);
    remove_tree(w->dir);
    uint64_t before = boot_ms();
    world_order(w, GUARD_KILL, 0);
    struct guard_report report = world_expect(w, GUARD_REPORT_GONE, REPLY_MS);
    uint64_t took = boot_ms() - before;
    print_message("killed %u of %u processes in %u ms\n", report.killed_count, alive,
                  (unsigned)took);
    assert_in_range(took, 0, 1000);
    assert_in_range(report.killed_count, 2, alive); /* the busy ones do not notice its death */
    assert_int_equal(world_count(w, 0), 0);
    for (int i = 0; i < 4; i++) {
        int status = 0;
        assert_int_equal(waitpid(sessions[i], &status, 0), sessions[i]);
        assert_int_not_equal(status, 0);
    }
}

#endif
