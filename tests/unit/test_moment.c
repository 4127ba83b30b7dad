/* SPDX-License-Identifier: PostgreSQL */
#include "../../replay/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define S UINT64_C(1000000)
/* 2026-03-01T12:00:30Z, which is 13:00:30 in Berlin. */
#define NOW_S UINT64_C(1772366430)

static uint64_t parse(const char *text)
{
    uint64_t at_us = 1;
    assert_true(moment_parse(text, NOW_S * S, &at_us));
    assert_int_equal(at_us % S, 0);
    return at_us / S;
}

static void set_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static void test_moment_from_now_on(void **state)
{
    (void)state;
    assert_int_equal(parse("+10m"), NOW_S + 600);
    assert_int_equal(parse("+90s"), NOW_S + 90);
    assert_int_equal(parse("+2h"), NOW_S + 7200);
    assert_int_equal(parse("+1d"), NOW_S + 86400);
}

static void test_moment_of_the_local_clock(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(parse("13:01"), NOW_S + 30);
    assert_int_equal(parse("13:00:31"), NOW_S + 1);
    assert_int_equal(parse("13:00"), NOW_S - 30 + 86400);
    assert_int_equal(parse("00:00"), NOW_S - 30 + 11 * 3600);
}

static void test_moment_with_a_fraction(void **state)
{
    (void)state;
    uint64_t at_us = 0;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_true(moment_parse("2026-03-01T12:00:30.25Z", NOW_S * S, &at_us));
    assert_true(at_us == NOW_S * S + 250000);
    assert_true(moment_parse("2026-03-01 13:00:30.000001", NOW_S * S, &at_us));
    assert_true(at_us == NOW_S * S + 1);
    assert_true(moment_parse("13:00:31.5", NOW_S * S, &at_us));
    assert_true(at_us == NOW_S * S + 1500000);
    assert_false(moment_parse("13:01.5", NOW_S * S, &at_us));
    assert_false(moment_parse("13:00:31.", NOW_S * S, &at_us));
    assert_false(moment_parse("13:00:31.1234567", NOW_S * S, &at_us));
}

static void test_moment_of_iso_8601(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(parse("2026-03-01T13:00:30"), NOW_S);
    assert_int_equal(parse("2026-03-01 13:00"), NOW_S - 30);
    assert_int_equal(parse("2026-03-01T12:00:30Z"), NOW_S);
    assert_int_equal(parse("2026-03-01T17:30:30+05:30"), NOW_S);
    assert_int_equal(parse("2026-03-01T04:00:30-0800"), NOW_S);
    assert_int_equal(parse("2026-03-01T14:00:30+02"), NOW_S);
    assert_int_equal(parse("2026-07-01T14:00:00") - parse("2026-07-01T12:00:00Z"), 0);
}

static void test_moment_rejects_what_is_none(void **state)
{
    static const char *const wrong[] = {
            "",
            "now",
            "+",
            "+10",
            "+m",
            "+10w",
            "+10m5",
            "+-5m",
            "24:00",
            "12:60",
            "12:5",
            "1:30",
            "12:30x",
            "12:30:61",
            "2026-03-01",
            "-1",
            "2026-13-01T00:00",
            "2026-02-29T10:00",
            "2026-03-01T25:00Z",
            "2026-03-01T12:00:30+15:00",
            "2026-03-01T12:00:30Zz",
            "2026-03-01T12:00:30+5:",
            "1969-01-01T00:00:00Z",
            "2026-03-29T02:30",
            "+10000000d",
            "12: 5",
    };
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t at_us = 0;
        if (moment_parse(wrong[i], NOW_S * S, &at_us)) {
            fail_msg("'%s' is taken for a time", wrong[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_moment_from_now_on),
            cmocka_unit_test(test_moment_of_the_local_clock),
            cmocka_unit_test(test_moment_with_a_fraction),
            cmocka_unit_test(test_moment_of_iso_8601),
            cmocka_unit_test(test_moment_rejects_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
