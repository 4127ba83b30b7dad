/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_log_nats_break.c - the stream loses what was read from it, and uses the numbers again.
 */
#include "../../proto/log_nats.h"
#include "bench.h"
#include "nats_store.h"

#include <nats/nats.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 120000

static void append_read(struct bench *b, const struct trio *t, uint32_t first, uint32_t last)
{
    bench_append_all(b, t->writer, first, last, WAIT_MS);
    bench_await_records(b, t->whole, (size_t)2 * last, WAIT_MS);
    bench_await_records(b, t->a, last, WAIT_MS);
}

static void await_all(struct bench *b, const struct trio *t, enum log_notice_kind kind)
{
    bench_await_state(b, t->writer, kind, WAIT_MS);
    bench_await_state(b, t->whole, kind, WAIT_MS);
    bench_await_state(b, t->a, kind, WAIT_MS);
}

static size_t count_lost(const struct trio *t)
{
    return t->writer->kinds[LOG_LOST] + t->whole->kinds[LOG_LOST] + t->a->kinds[LOG_LOST];
}

static void stop_and_save(struct bench *b, const char *name)
{
    nats_server_stop(&b->servers, 0);
    nats_store_save(&b->servers, 0, name);
}

static void restore_and_start(struct bench *b, const char *name)
{
    nats_store_restore(&b->servers, 0, name);
    nats_server_start(&b->servers, 0);
}

/* Numbers 1 to 50 stand in the copy "old", and were read; so were 51 to last. The server does not
 * run any more. */
static struct trio read_more_than_saved(struct bench *b, uint32_t last)
{
    const struct trio t = bench_open_trio(b, WAIT_MS);
    append_read(b, &t, 1, 50);
    stop_and_save(b, "old");
    nats_server_start(&b->servers, 0);
    append_read(b, &t, 51, last);
    stop_and_save(b, "new");
    return t;
}

/* The old copy is what there is, and another writer uses its next numbers: for 1001 to last. */
static struct reader *write_others(struct bench *b, uint32_t last)
{
    bench_forget(b);
    restore_and_start(b, "old");
    struct reader *other = bench_open(b, NULL, true);
    bench_append_all(b, other, 1001, last, WAIT_MS);
    return other;
}

/* All say so, once, and are silent from then on; who begins now reads what there is. */
static void assert_lost(struct bench *b, const struct trio *t, uint64_t first_seq,
                        uint64_t last_seq)
{
    await_all(b, t, LOG_LOST);
    assert_int_equal(t->writer->lost_seq, first_seq);
    assert_int_equal(t->whole->lost_seq, first_seq);
    /* It has read no more than its cluster's. */
    assert_in_range(t->a->lost_seq, first_seq, last_seq);
    print_message("%s\n%s\n", t->whole->text, t->a->text);
}

static void test_break_shows_numbers_that_are_used_again(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 60);
    struct reader *other = write_others(b, 1100);
    assert_lost(b, &t, 101, 102);
    assert_non_null(strstr(t.whole->text, "another record at 101"));
    bench_append_all(b, other, 1101, 1200, WAIT_MS);
    bench_pump_for(b, 500);
    assert_int_equal(t.whole->records, 120);
    assert_int_equal(t.a->records, 60);
    assert_int_equal(other->records, 500);
    assert_int_equal(other->kinds[LOG_LOST], 0);
}

/* More was lost than is remembered. */
static void test_break_shows_when_all_that_is_remembered_is_lost(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 500);
    (void)write_others(b, 2000);
    assert_lost(b, &t, 1, 1);
    assert_non_null(strstr(t.whole->text, "another record at 937 than was read there, perhaps "));
    assert_int_equal(t.whole->records, 1000);
}

/* The very bytes in the very place are another record when they were stored at another time. */
static void test_break_shows_the_same_bytes_stored_again(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_append_all(b, writer, 1, 50, WAIT_MS);
    stop_and_save(b, "old");
    nats_server_start(&b->servers, 0);
    assert_true(bench_append(b, writer, 'a', 51));
    bench_await_records(b, writer, 101, WAIT_MS);
    /* At this contact it learns when the last one was stored: the feed does not say. */
    nats_server_stop(&b->servers, 0);
    bench_await_state(b, writer, LOG_DOWN, WAIT_MS);
    nats_server_start(&b->servers, 0);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    nats_server_stop(&b->servers, 0);
    restore_and_start(b, "old");
    struct reader *other = bench_open(b, NULL, true);
    bench_await_state(b, other, LOG_CAUGHT_UP, WAIT_MS);
    assert_true(bench_append(b, other, 'a', 51));
    bench_await_records(b, other, 101, WAIT_MS);
    bench_await_state(b, writer, LOG_LOST, WAIT_MS);
    assert_int_equal(writer->lost_seq, 101);
}

static void test_break_shows_a_log_that_stays_shorter(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 60);
    const uint64_t since_us = bench_now_us();
    restore_and_start(b, "old");
    bench_await_text(b, t.whole, "ends at 100 and was read up to 120", WAIT_MS);
    assert_int_equal(t.whole->last_state, LOG_DOWN);
    assert_lost(b, &t, 101, 102);
    assert_true(bench_now_us() - since_us >= UINT64_C(1000) * LOG_MISSING_MS);
    assert_non_null(strstr(t.whole->text, "ends at 100"));
}

/* A leader that is behind for a moment has lost nothing. */
static void test_break_waits_for_what_may_still_come(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 60);
    restore_and_start(b, "old");
    bench_await_text(b, t.writer, "ends at 100", WAIT_MS);
    bench_await_text(b, t.whole, "ends at 100", WAIT_MS);
    bench_await_text(b, t.a, "ends at 100", WAIT_MS);
    nats_server_stop(&b->servers, 0);
    restore_and_start(b, "new");
    await_all(b, &t, LOG_CAUGHT_UP);
    append_read(b, &t, 61, 80);
    assert_int_equal(count_lost(&t), 0);
}

static void test_break_shows_an_emptied_store(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 60);
    bench_forget(b);
    nats_store_empty(&b->servers, 0);
    nats_server_start(&b->servers, 0);
    struct reader *other = bench_open(b, NULL, true);
    bench_append_all(b, other, 1001, 1100, WAIT_MS);
    assert_lost(b, &t, 1, 1);
    assert_int_equal(other->records, 200);
}

/* What a program that has read the stream asks of a person, or of its own new start. */
static void test_break_shows_a_stream_that_was_removed(void **state)
{
    struct bench *b = *state;
    const struct trio t = read_more_than_saved(b, 60);
    nats_store_remove(&b->servers, 0);
    nats_server_start(&b->servers, 0);
    bench_await_text(b, t.whole, "does not exist", WAIT_MS);
    assert_int_equal(t.whole->kinds[LOG_LOST], 0);
    await_all(b, &t, LOG_LOST);
    assert_non_null(strstr(t.whole->text, "does not exist"));
}

static struct log_nats_options small_options(const struct bench *b)
{
    struct log_nats_options options = bench_options(b, NULL, true);
    options.max_bytes = 8192;
    return options;
}

/* What retention has removed is no loss, and neither is a stream of which nothing was read. */
static void test_break_is_not_retention(void **state)
{
    struct bench *b = *state;
    const struct log_nats_options options = small_options(b);
    struct reader *writer = bench_open_with(b, &options);
    bench_append_all(b, writer, 1, 100, WAIT_MS);
    struct reader *late = bench_open(b, "b", false);
    bench_await_state(b, late, LOG_CAUGHT_UP, WAIT_MS);
    assert_in_range(late->records, 1, 99);
    for (uint32_t number = 101; number <= 1000; number += 100) {
        nats_server_stop(&b->servers, 0);
        bench_await_state(b, writer, LOG_DOWN, WAIT_MS);
        nats_server_start(&b->servers, 0);
        bench_append_all(b, writer, number, number + 99, WAIT_MS);
    }
    assert_int_equal(writer->records, 2000);
    assert_int_equal(writer->kinds[LOG_LOST] + late->kinds[LOG_LOST], 0);
}

static void await_down(struct bench *b, const struct reader *reader, size_t before)
{
    const uint64_t end_us = bench_now_us() + UINT64_C(1000) * WAIT_MS;
    while (reader->kinds[LOG_DOWN] == before) {
        assert_true(bench_now_us() < end_us);
        bench_pump(b, 20);
    }
}

/* While nothing happens nobody says that the leader changed. On a busy machine a stream may well
 * fall silent. */
static void assert_quiet(struct bench *b, const struct trio *t)
{
    t->writer->text[0] = t->whole->text[0] = t->a->text[0] = '\0';
    bench_pump_for(b, 3 * LOG_PROBE_PERIOD_MS);
    assert_null(strstr(t->writer->text, "leader changed"));
    assert_null(strstr(t->whole->text, "leader changed"));
    assert_null(strstr(t->a->text, "leader changed"));
}

/* It is a break in the hearing, and nothing else. */
static void test_break_is_no_change_of_the_leader(void **state)
{
    struct bench *b = *state;
    struct reader *second = bench_open(b, NULL, true);
    const struct trio t = bench_open_trio(b, WAIT_MS);
    bench_await_state(b, second, LOG_CAUGHT_UP, WAIT_MS);
    append_read(b, &t, 1, 100);
    for (uint32_t round = 1; round <= 3; round++) {
        assert_quiet(b, &t);
        const size_t downs[] = {t.writer->kinds[LOG_DOWN], t.whole->kinds[LOG_DOWN],
                                t.a->kinds[LOG_DOWN]};
        nats_servers_step_down(&b->servers);
        await_down(b, t.writer, downs[0]);
        await_down(b, t.whole, downs[1]);
        await_down(b, t.a, downs[2]);
        print_message("%s\n", t.a->text);
        await_all(b, &t, LOG_CAUGHT_UP);
        append_read(b, &t, 100 * round + 1, 100 * round + 100);
    }
    bench_await_records(b, second, 800, WAIT_MS);
    assert_int_equal(count_lost(&t) + second->kinds[LOG_LOST], 0);
}

/* Two of three have lost what all had: they agree on other records. */
static void test_break_shows_what_a_majority_has_lost(void **state)
{
    struct bench *b = *state;
    const struct trio t = bench_open_trio(b, WAIT_MS);
    append_read(b, &t, 1, 50);
    for (int i = 0; i < 3; i++) {
        nats_server_stop(&b->servers, i);
        nats_store_save(&b->servers, i, "old");
    }
    nats_servers_start_all(&b->servers);
    append_read(b, &t, 51, 60);
    for (int i = 0; i < 3; i++) {
        nats_server_stop(&b->servers, i);
    }
    bench_forget(b);
    for (int i = 0; i < 2; i++) {
        nats_store_restore(&b->servers, i, "old");
        nats_server_start(&b->servers, i);
    }
    struct reader *other = bench_open(b, NULL, true);
    bench_append_all(b, other, 1001, 1100, WAIT_MS);
    assert_lost(b, &t, 101, 120);
    assert_int_equal(other->kinds[LOG_LOST], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_break_shows_numbers_that_are_used_again,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_when_all_that_is_remembered_is_lost,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_the_same_bytes_stored_again,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_a_log_that_stays_shorter,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_waits_for_what_may_still_come,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_an_emptied_store, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_a_stream_that_was_removed,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_is_not_retention, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_is_no_change_of_the_leader,
                                            bench_set_up_three, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_break_shows_what_a_majority_has_lost,
                                            bench_set_up_three, bench_tear_down),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(3000);
    return failed;
}
