/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define SEGMENT 16777216U

static void test_startup_parses_where_it_is(void **state)
{
    (void)state;
    uint64_t lsn = (UINT64_C(2) << 32) + UINT64_C(0xA1) * SEGMENT;
    struct startup startup =
            startup_parse("postgres: demo: startup waiting for 0000000100000002000000A1", SEGMENT);
    assert_int_equal(startup.lsn, lsn);
    assert_true(startup.waits);
    startup = startup_parse("postgres: demo: startup recovering 0000000100000002000000A1", SEGMENT);
    assert_int_equal(startup.lsn, lsn);
    assert_false(startup.waits);
}

static void test_startup_says_nothing_of_others(void **state)
{
    (void)state;
    assert_int_equal(startup_parse("postgres: demo: startup ", SEGMENT).lsn, 0);
    assert_int_equal(startup_parse("postgres: startup waiting for 00000002.history", SEGMENT).lsn,
                     0);
    assert_int_equal(startup_parse("postgres: demo: walreceiver streaming 2/A1000000", SEGMENT).lsn,
                     0);
    assert_int_equal(startup_look(getpid(), SEGMENT).lsn, 0);
    assert_int_equal(startup_look(0, SEGMENT).lsn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_startup_parses_where_it_is),
            cmocka_unit_test(test_startup_says_nothing_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
