/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/log_line.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char output[16384];
static int saved_stderr;
static int reading_end;

/* Standard error goes into a pipe until capture_end(). */
static void capture_begin(void)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    reading_end = ends[0];
}

static void capture_end(void)
{
    ssize_t size;
    size_t used = 0;

    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
    while ((size = read(reading_end, output + used, sizeof(output) - 1 - used)) > 0) {
        used += (size_t)size;
    }
    (void)close(reading_end);
    output[used] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    return unsetenv("JOURNAL_STREAM");
}

/* True when text begins with "2026-03-01 12:00:00.123 ", whatever the digits. */
static bool has_time(const char *text)
{
    static const char form[] = "dddd-dd-dd dd:dd:dd.ddd ";

    for (size_t i = 0; form[i] != '\0'; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        if (form[i] == 'd' ? !is_digit : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}

static void test_log_line_has_time_level_and_text(void **state)
{
    (void)state;
    log_line_init(SEVERITY_INFO);
    capture_begin();
    log_line(SEVERITY_INFO, "no action. I am %s, the leader with the lock term=%d", "node-2", 8);
    capture_end();
    assert_true(has_time(output));
    assert_string_equal(output + strlen("dddd-dd-dd dd:dd:dd.ddd "),
                        "INFO no action. I am node-2, the leader with the lock term=8\n");
}

static void test_log_line_drops_what_is_below(void **state)
{
    (void)state;
    log_line_init(SEVERITY_WARNING);
    capture_begin();
    log_line(SEVERITY_DEBUG, "debug");
    log_line(SEVERITY_INFO, "info");
    log_line(SEVERITY_COUNT, "none");
    capture_end();
    assert_string_equal(output, "");
    capture_begin();
    log_line(SEVERITY_WARNING, "first");
    log_line(SEVERITY_ERROR, "second");
    capture_end();
    assert_non_null(strstr(output, " WARNING first\n"));
    assert_non_null(strstr(output, " ERROR second\n"));
}

static void test_log_line_has_priority_under_journal(void **state)
{
    (void)state;
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    log_line_init(SEVERITY_DEBUG);
    capture_begin();
    log_line(SEVERITY_ERROR, "e");
    log_line(SEVERITY_WARNING, "w");
    log_line(SEVERITY_INFO, "i");
    log_line(SEVERITY_DEBUG, "d");
    capture_end();
    assert_string_equal(output, "<3>e\n<4>w\n<6>i\n<7>d\n");
}

static void test_log_line_is_one_line(void **state)
{
    (void)state;
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    log_line_init(SEVERITY_INFO);
    capture_begin();
    log_line(SEVERITY_INFO, "%s", "one\ntwo\x1b[0m\x7f\xc3\xa4");
    capture_end();
    assert_string_equal(output, "<6>one\\x0atwo\\x1b[0m\\x7f\xc3\xa4\n");
}

static void test_log_line_cuts_long_lines(void **state)
{
    static char text[9000];
    size_t length;

    (void)state;
    log_line_init(SEVERITY_INFO);
    for (int byte = '\n'; byte <= 'x'; byte += 'x' - '\n') {
        memset(text, byte, sizeof(text) - 1);
        capture_begin();
        log_line(SEVERITY_INFO, "%s", text);
        capture_end();
        length = strlen(output);
        assert_in_range(length, 4000, 4096);
        assert_ptr_equal(strchr(output, '\n'), output + length - 1);
    }
}

static void test_log_line_keeps_errno(void **state)
{
    (void)state;
    log_line_init(SEVERITY_INFO);
    capture_begin();
    errno = ENOTDIR;
    log_line(SEVERITY_INFO, "text");
    assert_int_equal(errno, ENOTDIR);
    capture_end();
}

static void test_log_line_parse_severity(void **state)
{
    enum severity severity = SEVERITY_COUNT;

    (void)state;
    assert_true(log_line_parse_severity("error", &severity));
    assert_int_equal(severity, SEVERITY_ERROR);
    assert_true(log_line_parse_severity("warning", &severity));
    assert_int_equal(severity, SEVERITY_WARNING);
    assert_true(log_line_parse_severity("info", &severity));
    assert_int_equal(severity, SEVERITY_INFO);
    assert_true(log_line_parse_severity("debug", &severity));
    assert_int_equal(severity, SEVERITY_DEBUG);
    assert_false(log_line_parse_severity("verbose", &severity));
    assert_false(log_line_parse_severity("", &severity));
    assert_int_equal(severity, SEVERITY_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_log_line_has_time_level_and_text, set_up),
            cmocka_unit_test_setup(test_log_line_drops_what_is_below, set_up),
            cmocka_unit_test_setup(test_log_line_has_priority_under_journal, set_up),
            cmocka_unit_test_setup(test_log_line_is_one_line, set_up),
            cmocka_unit_test_setup(test_log_line_cuts_long_lines, set_up),
            cmocka_unit_test_setup(test_log_line_keeps_errno, set_up),
            cmocka_unit_test_setup(test_log_line_parse_severity, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
