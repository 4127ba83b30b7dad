/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct bucket_size five_in_ten = {.limit = 5, .window_ms = 600000};

static void test_bucket_gives_a_burst_and_then_one_by_one(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(bucket_ripe_ms(&bucket, five_in_ten), 0);
        bucket_take(&bucket, five_in_ten, 0, seq);
        assert_int_equal(bucket.seq, seq);
    }
    for (uint64_t seq = 6; seq <= 20; seq++) {
        assert_int_equal(bucket_ripe_ms(&bucket, five_in_ten), 120000);
        bucket_take(&bucket, five_in_ten, 120000, seq);
    }
}

static void test_bucket_is_full_again_after_its_window(void **state)
{
    (void)state;
    struct bucket bucket = {.debt_ms = 600000, .seq = 5};
    bucket_take(&bucket, five_in_ten, 600000, 6);
    assert_int_equal(bucket.debt_ms, 120000);
    bucket_take(&bucket, five_in_ten, UINT64_MAX, 7);
    assert_int_equal(bucket.debt_ms, 120000);
}

static void test_bucket_counts_what_was_paid_in_part(void **state)
{
    (void)state;
    struct bucket bucket = {.debt_ms = 600000, .seq = 5};
    bucket_take(&bucket, five_in_ten, 150000, 6);
    assert_int_equal(bucket.debt_ms, 570000);
    assert_int_equal(bucket_ripe_ms(&bucket, five_in_ten), 90000);
}

static void test_bucket_of_one_waits_a_whole_window(void **state)
{
    (void)state;
    const struct bucket_size one = {.limit = 1, .window_ms = 1000};
    struct bucket bucket = {0};
    assert_int_equal(bucket_ripe_ms(&bucket, one), 0);
    bucket_take(&bucket, one, 0, 1);
    assert_int_equal(bucket_ripe_ms(&bucket, one), 1000);
}

static void test_bucket_is_never_without_bound(void **state)
{
    (void)state;
    const struct bucket_size many = {.limit = 100000, .window_ms = 1000};
    struct bucket bucket = {0};
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        assert_int_equal(bucket_ripe_ms(&bucket, many), 0);
        bucket_take(&bucket, many, 0, seq);
    }
    assert_int_equal(bucket_ripe_ms(&bucket, many), 1);
}

/* After the window has become shorter, too, it only takes longer. */
static void test_bucket_outlives_a_change_of_its_size(void **state)
{
    (void)state;
    const struct bucket_size short_one = {.limit = 2, .window_ms = 1000};
    struct bucket bucket = {.debt_ms = 600000, .seq = 5};
    assert_int_equal(bucket_ripe_ms(&bucket, short_one), 599500);
    bucket_take(&bucket, short_one, 599500, 6);
    assert_int_equal(bucket.debt_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_bucket_gives_a_burst_and_then_one_by_one),
            cmocka_unit_test(test_bucket_is_full_again_after_its_window),
            cmocka_unit_test(test_bucket_counts_what_was_paid_in_part),
            cmocka_unit_test(test_bucket_of_one_waits_a_whole_window),
            cmocka_unit_test(test_bucket_is_never_without_bound),
            cmocka_unit_test(test_bucket_outlives_a_change_of_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
