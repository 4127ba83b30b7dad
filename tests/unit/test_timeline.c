/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    char wal[80];
    snprintf(directory, sizeof directory, "/tmp/pgbaton-timeline-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(wal, sizeof wal, "%s/pg_wal", directory);
    return mkdir(wal, 0700);
}

static void path_of(unsigned timeline, char path[128])
{
    snprintf(path, 128, "%s/pg_wal/%08X.history", directory, timeline);
}

static bool exists(unsigned timeline)
{
    char path[128];
    path_of(timeline, path);
    return access(path, F_OK) == 0;
}

static void write_history(unsigned timeline, const char *text)
{
    char path[128];
    path_of(timeline, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    for (unsigned timeline = 0; timeline < 64; timeline++) {
        path_of(timeline, path);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/pg_wal", directory);
    rmdir(path);
    return rmdir(directory);
}

static void test_timeline_next_number_needs_nothing(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(timeline_reserve(directory, 3, 4, &failure), RESULT_OK);
    assert_int_equal(timeline_reserve(directory, 3, 0, &failure), RESULT_OK);
    assert_false(exists(4));
}

static void test_timeline_reserves_the_numbers_between(void **state)
{
    (void)state;
    struct failure failure;
    write_history(5, "3\t0/5000\treal\n");
    assert_int_equal(timeline_reserve(directory, 3, 7, &failure), RESULT_OK);
    assert_true(exists(4) && exists(5) && exists(6));
    assert_false(exists(3) || exists(7));
}

static void test_timeline_tidy_removes_what_no_promotion_followed(void **state)
{
    (void)state;
    struct failure failure;
    write_history(5, "3\t0/5000\treal\n");
    assert_int_equal(timeline_reserve(directory, 3, 8, &failure), RESULT_OK);
    assert_int_equal(timeline_tidy(directory, &failure), RESULT_OK);
    assert_true(exists(4) && exists(5));
    assert_false(exists(6) || exists(7));
}

static void test_timeline_forgets_what_a_person_promoted(void **state)
{
    (void)state;
    struct failure failure;
    char path[160];
    snprintf(path, sizeof path, "%s/pg_wal/000000060000000000000005", directory);
    write_history(3, "2\t0/3000\treal\n");
    write_history(6, "3\t0/5000\tby hand\n");
    FILE *segment = fopen(path, "w");
    assert_true(segment != NULL && fclose(segment) == 0);
    assert_int_equal(timeline_forget_above(directory, 0, &failure), RESULT_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(timeline_forget_above(directory, 3, &failure), RESULT_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(exists(3));
    assert_false(exists(6));
}

static void test_timeline_absurd_distance_is_refused(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(timeline_reserve(directory, 1, 4000000000U, &failure), RESULT_INVALID);
    assert_int_equal(timeline_tidy("/nonexistent", &failure), RESULT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_timeline_next_number_needs_nothing, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_timeline_reserves_the_numbers_between, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_timeline_tidy_removes_what_no_promotion_followed,
                                            set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_timeline_forgets_what_a_person_promoted, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_timeline_absurd_distance_is_refused, set_up,
                                            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
