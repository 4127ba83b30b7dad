/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_result_failure_is_prefixed_by_each_layer(void **state)
{
    struct failure f = {.hint = "of an earlier failure"};

    (void)state;
    assert_int_equal(failure_set(&f, RESULT_TIMEOUT, "exit status %d", 1), RESULT_TIMEOUT);
    assert_int_equal(failure_prefix(&f, "pg_ctl"), RESULT_TIMEOUT);
    assert_int_equal(failure_prefix(&f, "promote %s", "node-2"), RESULT_TIMEOUT);
    assert_string_equal(f.text, "promote node-2: pg_ctl: exit status 1");
    assert_string_equal(f.hint, "");
    assert_int_equal(failure_hint(&f, "see %s", "its log"), RESULT_TIMEOUT);
    assert_string_equal(f.hint, "see its log");
}

static void test_result_errno_is_appended(void **state)
{
    struct failure f = {.hint = "of an earlier failure"};

    (void)state;
    assert_int_equal(failure_errno(&f, ENOENT, "open %s", "a.yaml"), RESULT_FAILED);
    assert_string_equal(f.text, "open a.yaml: No such file or directory");
    assert_string_equal(f.hint, "");
}

static void test_result_long_texts_are_cut(void **state)
{
    struct failure f = {.code = RESULT_OK};
    char longer[FAILURE_TEXT_SIZE * 2];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)failure_set(&f, RESULT_FAILED, "%s", longer);
    assert_int_equal(strlen(f.text), FAILURE_TEXT_SIZE - 1);
    (void)failure_prefix(&f, "ab");
    assert_int_equal(strlen(f.text), FAILURE_TEXT_SIZE - 1);
    assert_memory_equal(f.text, "ab: xxx", 7);
    (void)failure_prefix(&f, "%s", longer);
    assert_int_equal(strlen(f.text), FAILURE_TEXT_SIZE - 1);
    (void)failure_errno(&f, ENOENT, "%s", longer);
    assert_int_equal(strlen(f.text), FAILURE_TEXT_SIZE - 1);
    (void)failure_hint(&f, "%s", longer);
    assert_int_equal(strlen(f.hint), FAILURE_HINT_SIZE - 1);
}

static void test_result_accepts_nobody_who_listens(void **state)
{
    (void)state;
    assert_int_equal(failure_set(NULL, RESULT_REFUSED, "no"), RESULT_REFUSED);
    assert_int_equal(failure_prefix(NULL, "no"), RESULT_FAILED);
    assert_int_equal(failure_hint(NULL, "no"), RESULT_FAILED);
    assert_int_equal(failure_errno(NULL, EIO, "no"), RESULT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_result_failure_is_prefixed_by_each_layer),
            cmocka_unit_test(test_result_errno_is_appended),
            cmocka_unit_test(test_result_long_texts_are_cut),
            cmocka_unit_test(test_result_accepts_nobody_who_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
