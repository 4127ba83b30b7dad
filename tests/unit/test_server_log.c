/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/server_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char text[256];

static const char *last_words(const char *log)
{
    char path[] = "/tmp/pgbaton-server-log.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, log, strlen(log)), strlen(log));
    close(fd);
    server_log_last_words(path, text, sizeof text);
    unlink(path);
    return text;
}

static void test_server_log_names_what_was_fatal(void **state)
{
    (void)state;
    assert_string_equal(last_words("09:00 UTC [7] FATAL:  the one before\n"
                                   "10:00 UTC [9] LOG:  invalid value\n"
                                   "10:00 UTC [9] FATAL:  no\tsuch\x01 file\n"
                                   "10:00 UTC [9] LOG:  database system is shut down\n"),
                        "FATAL:  no such  file");
}

static void test_server_log_has_a_last_line(void **state)
{
    (void)state;
    assert_string_equal(last_words("one\ntwo\n\n"), "two");
    assert_string_equal(last_words("cut"), "cut");
    assert_string_equal(last_words(""), "");
    server_log_last_words("/nowhere/postgres.log", text, sizeof text);
    assert_string_equal(text, "");
}

static void test_server_log_reads_the_end_of_a_long_one(void **state)
{
    (void)state;
    static char log[20000];
    memset(log, 'x', sizeof log - 1);
    memcpy(log, "FATAL: long ago\n", 16);
    memcpy(log + sizeof log - 13, "\nPANIC: now\n", 12);
    assert_string_equal(last_words(log), "PANIC: now");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_server_log_names_what_was_fatal),
            cmocka_unit_test(test_server_log_has_a_last_line),
            cmocka_unit_test(test_server_log_reads_the_end_of_a_long_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
