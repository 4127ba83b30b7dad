/* SPDX-License-Identifier: PostgreSQL */
/* Verdicts on made-up directories; test_rebuild.c looks at those of a real PostgreSQL. */
#include "../../agent/inspect.h"
#include "../../agent/pg_control.h"
#include "../../proto/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg_helper.h"

struct fixture {
    char base[64];
    char dir[80];
};

static void put(const struct fixture *f, const char *name, const char *text, size_t size)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(file_replace(path, text, size, NULL), RESULT_OK);
}

static void make(const struct fixture *f, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void drop(const struct fixture *f, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(file_remove_tree(path, NULL), RESULT_OK);
}

static void put_control(const struct fixture *f, enum pg_control_state state, uint64_t minimum)
{
    uint8_t data[296] = {0};
    uint64_t values[] = {42, 0x7000028};
    uint32_t words[] = {1300, (uint32_t)state, 3, 8192, 16777216};
    memcpy(data, &values[0], 8);
    memcpy(data + 8, &words[0], 4);
    memcpy(data + 16, &words[1], 4);
    memcpy(data + 32, &values[1], 8);
    memcpy(data + 48, &words[2], 4);
    memcpy(data + 136, &minimum, 8);
    memcpy(data + 144, &words[2], 4);
    memcpy(data + 224, &words[3], 4);
    memcpy(data + 228, &words[4], 4);
    uint32_t crc = crc32c(data, 288);
    memcpy(data + 288, &crc, 4);
    put(f, "global/pg_control", (const char *)data, sizeof data);
}

static const char *const directories[] = {
        "global",      "base",         "base/1",       "pg_wal",      "pg_xact",   "pg_stat",
        "pg_logical",  "pg_notify",    "pg_multixact", "pg_subtrans", "pg_serial", "pg_replslot",
        "pg_twophase", "pg_snapshots", "pg_tblspc",    "pg_dynshmem",
};

static int setup(void **state)
{
    static const char history[] = "1\t0/3000148\tno recovery target specified\n\n"
                                  "2\t0/5000000\tno recovery target specified\n";
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->base, sizeof f->base, "/tmp/pgbaton-inspect-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->dir, sizeof f->dir, "%s/data", f->base);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        make(f, directories[i]);
    }
    put(f, "PG_VERSION", "15\n", 3);
    put(f, "base/1/1259", "x", 1);
    put(f, "pg_wal/000000030000000000000007", "x", 1);
    put(f, "pg_wal/00000003.history", history, sizeof history - 1);
    put_control(f, PG_CONTROL_SHUT_DOWN, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(file_remove_tree(f->base, NULL), RESULT_OK);
    free(f);
    return 0;
}

static struct inspection look(const struct fixture *f)
{
    struct inspection inspection;
    inspect_data_directory(f->dir, &inspection);
    return inspection;
}

static void test_inspect_intact_primary(void **state)
{
    struct inspection i = look(*state);
    assert_int_equal(i.verdict, DATA_INTACT);
    assert_int_equal(i.system_id, 42);
    assert_int_equal(i.pg_version, 150000);
    assert_true(i.clean);
    assert_true(i.was_primary);
    assert_false(i.in_recovery || i.standby_signal);
    assert_false(i.incomplete);
    assert_int_equal(i.position.timeline, 3);
    assert_int_equal(i.position.lsn, 0x70000A0);
    assert_int_equal(i.history.count, 2);
    assert_int_equal(i.history.entries[1].switch_lsn, 0x5000000);
    assert_string_equal(i.text, "");
}

static void test_inspect_standby_and_signals(void **state)
{
    struct fixture *f = *state;
    char marker[128];
    put_control(f, PG_CONTROL_IN_ARCHIVE_RECOVERY, 0x8000000);
    put(f, "standby.signal", "", 0);
    put(f, "pg_wal/000000050000000000000008", "x", 1);
    snprintf(marker, sizeof marker, "%s.incomplete", f->dir);
    assert_int_equal(file_replace(marker, "x", 1, NULL), RESULT_OK);
    struct inspection i = look(f);
    assert_int_equal(i.verdict, DATA_INTACT);
    assert_false(i.clean);
    assert_false(i.was_primary);
    assert_true(i.in_recovery && i.standby_signal);
    assert_true(i.incomplete);
    assert_int_equal(i.position.lsn, 0x8000000);
    assert_int_equal(i.position.timeline, 5);
    assert_int_equal(i.history.count, 0);
    assert_string_equal(i.text, "the history of timeline 5 cannot be read");
}

static void test_inspect_damaged(void **state)
{
    struct fixture *f = *state;
    drop(f, "pg_wal");
    assert_int_equal(look(f).verdict, DATA_DAMAGED);
    assert_string_equal(look(f).text, "pg_wal is missing");
    make(f, "pg_wal");
    drop(f, "base/1/1259");
    assert_string_equal(look(f).text, "base/1 is empty");
    put(f, "base/1/1259", "x", 1);
    assert_int_equal(look(f).verdict, DATA_INTACT);
    put(f, "global/pg_control", "garbage", 7);
    assert_int_equal(look(f).verdict, DATA_DAMAGED);
    drop(f, "global/pg_control");
    assert_int_equal(look(f).verdict, DATA_DAMAGED);
    drop(f, "PG_VERSION");
    assert_int_equal(look(f).verdict, DATA_DAMAGED);
}

static void test_inspect_empty_in_all_its_forms(void **state)
{
    struct fixture *f = *state;
    drop(f, "base");
    drop(f, "global");
    drop(f, "PG_VERSION");
    assert_int_equal(look(f).verdict, DATA_EMPTY); /* the rest is no cluster */
    for (size_t i = 3; i < sizeof directories / sizeof directories[0]; i++) {
        drop(f, directories[i]);
    }
    assert_string_equal(strstr(look(f).text, "/data is empty"), "/data is empty");
    assert_int_equal(rmdir(f->dir), 0);
    assert_int_equal(look(f).verdict, DATA_EMPTY);
}

static void test_inspect_unreadable(void **state)
{
    struct fixture *f = *state;
    if (geteuid() == 0) {
        skip();
    }
    assert_int_equal(chmod(f->dir, 0), 0);
    assert_int_equal(look(f).verdict, DATA_UNREADABLE);
    assert_int_equal(chmod(f->dir, 0700), 0);
    char path[160];
    snprintf(path, sizeof path, "%s/global/pg_control", f->dir);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(look(f).verdict, DATA_UNREADABLE);
    assert_string_equal(look(f).text, "global/pg_control: Permission denied");
}

static void test_inspect_report_travels_through_a_pipe(void **state)
{
    struct fixture *f = *state;
    struct inspect_report report;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(inspect_run(f->dir, true, ends[1]), 0);
    assert_true(inspect_receive(ends[0], &report));
    assert_int_equal(report.inspection.system_id, 42);
    assert_int_equal(report.postmaster, 0);
    assert_int_equal(report.process_count, 0);
    close(ends[1]);
    assert_false(inspect_receive(ends[0], &report));
    assert_int_equal(report.inspection.verdict, DATA_SILENT);
    close(ends[0]);
}

static void test_history_keeps_the_newest(void **state)
{
    char text[2048] = "# a comment\n";
    struct history history;
    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "%u\t1/%X00\twhy\n", i, i);
    }
    assert_true(history_parse(text, 21, &history));
    assert_int_equal(history.count, HISTORY_COUNT_MAX);
    assert_int_equal(history.entries[HISTORY_COUNT_MAX - 1].timeline, 20);
    assert_int_equal(history.entries[0].timeline, 5);
    assert_int_equal(history.entries[0].switch_lsn, 0x100000500);
}

static void test_history_refuses_nonsense(void **state)
{
    struct history history;
    (void)state;
    assert_false(history_parse("", 2, &history));
    assert_false(history_parse("1\tnothing\n", 2, &history));
    assert_false(history_parse("2\t0/1\tx\n", 2, &history));          /* not below its own */
    assert_false(history_parse("2\t0/1\n1\t0/2\n", 3, &history));     /* timelines that fall */
    assert_false(history_parse("1\t0/200\n2\t0/100\n", 3, &history)); /* places that fall */
    assert_int_equal(history.count, 0);
}

#define with_fixture(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            with_fixture(test_inspect_intact_primary),
            with_fixture(test_inspect_standby_and_signals),
            with_fixture(test_inspect_damaged),
            with_fixture(test_inspect_empty_in_all_its_forms),
            with_fixture(test_inspect_unreadable),
            with_fixture(test_inspect_report_travels_through_a_pipe),
            cmocka_unit_test(test_history_keeps_the_newest),
            cmocka_unit_test(test_history_refuses_nonsense),
    };
    become_postgres();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
