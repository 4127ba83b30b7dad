/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* "a=1;b=2" of packed texts. */
static const char *joined(const char *bytes, uint32_t size)
{
    static char text[PARAMETERS_BYTES_MAX + 1];
    struct parameter item;
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t at = 0; parameters_next(bytes, size, &at, &item);) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? ";" : "",
                                 item.text);
    }
    return text;
}

static struct parameter_change make(const char *const words[][2])
{
    struct parameter_change change = {0};
    for (size_t i = 0; words[i][0] != NULL; i++) {
        assert_true(parameters_put(&change, words[i][0], words[i][1]));
    }
    return change;
}

static void test_parameters_change_is_sorted_and_names_each_once(void **state)
{
    static const char *const words[][2] = {{"work_mem", "1"}, {"a.b", ""},    {"work_mem", NULL},
                                           {"port_x", "=2"},  {"a.b", "x y"}, {NULL, NULL}};
    struct parameter_change change = make(words);
    (void)state;
    assert_string_equal(joined(change.bytes, change.size), "a.b=x y;port_x==2;work_mem");
    assert_true(parameters_change_is_valid(&change));
}

static void test_parameters_put_refuses_and_leaves_what_was_there(void **state)
{
    static const char *const names[] = {"", "1a", "A", "a b", "a-b", ".a", "a\n"};
    struct parameter_change change = {0};
    char large[PARAMETER_CHANGE_BYTES];
    (void)state;
    assert_true(parameters_put(&change, "a", "1"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(parameters_put(&change, names[i], "1"));
    }
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\0';
    assert_false(parameters_put(&change, "b", large));
    assert_false(parameters_put(&change, large, "1"));
    assert_false(parameters_put(&change, "b", "1\n2"));
    assert_string_equal(joined(change.bytes, change.size), "a=1");
}

static void test_parameters_change_has_a_limit_of_names(void **state)
{
    struct parameter_change change = {0};
    char name[16];
    (void)state;
    for (int i = 0; i < PARAMETER_CHANGE_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_true(parameters_put(&change, name, "1"));
    }
    assert_false(parameters_put(&change, "m", NULL));
    assert_true(parameters_put(&change, "n3", NULL));
}

static void test_parameters_apply_merges(void **state)
{
    static const char *const first[][2] = {{"b", "1"}, {"d", "2"}, {"z", "3"}, {NULL, NULL}};
    static const char *const second[][2] = {{"a", "0"}, {"b", NULL}, {"c", NULL},
                                            {"d", "9"}, {"zz", "4"}, {NULL, NULL}};
    struct parameters p = {.seq = 7};
    struct parameter_change change = make(first);
    (void)state;
    assert_int_equal(parameters_objection(&p, &change), REASON_NONE);
    parameters_apply(&p, &change);
    change = make(second);
    assert_int_equal(parameters_objection(&p, &change), REASON_NONE);
    parameters_apply(&p, &change);
    assert_string_equal(joined(p.bytes, p.size), "a=0;d=9;z=3;zz=4");
    assert_string_equal(parameters_find(&p, "d"), "9");
    assert_null(parameters_find(&p, "b"));
    assert_int_equal(p.seq, 7);
}

static void test_parameters_objection_has_a_name(void **state)
{
    static const char *const nothing[][2] = {{"a", NULL}, {NULL, NULL}};
    static const char *const own[][2] = {{"a", "1"}, {"primary_conninfo", "x"}, {NULL, NULL}};
    static const char *const back[][2] = {{"primary_conninfo", NULL}, {NULL, NULL}};
    struct parameters p = {0};
    struct parameter_change change = make(nothing);
    char value[PARAMETER_CHANGE_BYTES / 2];
    char name[16];
    (void)state;
    assert_int_equal(parameters_objection(&p, &change), REASON_NO_CHANGE);
    change = make(own);
    assert_int_equal(parameters_objection(&p, &change), REASON_PARAMETER_FORBIDDEN);
    change = make(back);
    assert_int_equal(parameters_objection(&p, &change), REASON_NO_CHANGE);
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    int i = 0;
    do {
        memset(&change, 0, sizeof change);
        snprintf(name, sizeof name, "n%d", i++);
        assert_true(parameters_put(&change, name, value));
        if (parameters_objection(&p, &change) != REASON_NONE) {
            break;
        }
        parameters_apply(&p, &change);
    } while (i < 100);
    assert_int_equal(parameters_objection(&p, &change), REASON_PARAMETERS_FULL);
    assert_int_equal(i, 1 + (int)(PARAMETERS_BYTES_MAX / (sizeof value + 3)));
}

static void test_parameters_may_set(void **state)
{
    (void)state;
    assert_true(parameters_may_set("work_mem", "1"));
    assert_true(parameters_may_set("wal_level", "logical"));
    assert_false(parameters_may_set("wal_level", "minimal"));
    assert_false(parameters_may_set("max_wal_senders", "0"));
    assert_false(parameters_may_set("data_directory", "/x"));
    assert_false(parameters_may_set("recovery_target_lsn", "0/1"));
    assert_false(parameters_may_set("pgbaton_fence.maintenance", "on"));
    assert_false(parameters_may_set("pgbaton.parameters", "1"));
    assert_true(parameters_is_own("Synchronous_Standby_Names"));
}

static void test_parameters_change_is_judged_whatever_its_bytes(void **state)
{
    struct parameter_change change = {.size = 4, .bytes = "b\0a"};
    (void)state;
    assert_false(parameters_change_is_valid(&change)); /* not sorted */
    change = (struct parameter_change){.size = 2, .bytes = "ab"};
    assert_false(parameters_change_is_valid(&change)); /* no end */
    change = (struct parameter_change){.size = 2, .bytes = ""};
    assert_false(parameters_change_is_valid(&change)); /* no names */
    change = (struct parameter_change){.size = PARAMETER_CHANGE_BYTES + 1};
    assert_false(parameters_change_is_valid(&change));
    change = (struct parameter_change){.size = 5, .bytes = "a b="};
    assert_false(parameters_change_is_valid(&change));
    change = (struct parameter_change){0};
    assert_true(parameters_change_is_valid(&change));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_parameters_change_is_sorted_and_names_each_once),
            cmocka_unit_test(test_parameters_put_refuses_and_leaves_what_was_there),
            cmocka_unit_test(test_parameters_change_has_a_limit_of_names),
            cmocka_unit_test(test_parameters_apply_merges),
            cmocka_unit_test(test_parameters_objection_has_a_name),
            cmocka_unit_test(test_parameters_may_set),
            cmocka_unit_test(test_parameters_change_is_judged_whatever_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
