/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_log_nats_faults.c - the log while nats-servers die, freeze and come back.
 */
#include "bench.h"

#include <nats/nats.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A stream of three replicas was seen without a leader for 40 s after its leader had died. */
#define WAIT_MS 120000
/* No call of the loop's may take longer. libnats holds its caller for 500 ms and more (FACTS 11);
 * the lock of a queue some tens of ms, when the machine puts its holder aside. */
#define CALL_US_MAX 250000
/* Readers that stand still, and numbers of each cluster that are more than their queues hold. */
#define STUCK_COUNT 5
#define STUCK_NUMBERS (LOG_QUEUE_COUNT / 2 + 1000)

/* Leaves records in flight: a fault meets a busy log. */
static void append_unread(struct bench *b, struct reader *writer, uint32_t first, uint32_t last)
{
    for (uint32_t number = first; number <= last; number++) {
        assert_true(bench_append(b, writer, 'a', number));
        assert_true(bench_append(b, writer, 'b', number));
    }
    bench_pump(b, 1);
}

static void assert_all_read(struct bench *b, const struct trio *t, size_t numbers)
{
    bench_await_records(b, t->writer, 2 * numbers, WAIT_MS);
    bench_await_records(b, t->whole, 2 * numbers, WAIT_MS);
    bench_await_records(b, t->a, numbers, WAIT_MS);
    assert_in_range(b->slowest_us, 0, CALL_US_MAX);
}

static void test_log_heals_after_the_server_was_killed(void **state)
{
    struct bench *b = *state;
    const struct trio t = bench_open_trio(b, WAIT_MS);
    for (uint32_t round = 0; round < 3; round++) {
        bench_append_all(b, t.writer, 1000 * round + 1, 1000 * round + 800, WAIT_MS);
        append_unread(b, t.writer, 1000 * round + 801, 1000 * round + 1000);
        nats_server_kill(&b->servers, 0);
        bench_await_state(b, t.writer, LOG_DOWN, WAIT_MS);
        bench_pump_for(b, 200);
        nats_server_start(&b->servers, 0);
        bench_append_all(b, t.writer, 1000 * round + 801, 1000 * round + 1000, WAIT_MS);
    }
    assert_all_read(b, &t, 3000);
    /* A kill may come between the two. */
    assert_true(t.a->kinds[LOG_UP] >= t.a->kinds[LOG_CAUGHT_UP]);
    bench_await_state(b, t.a, LOG_CAUGHT_UP, WAIT_MS);
    /* A second LOG_DOWN tells of another trouble. */
    assert_true(t.a->kinds[LOG_UP] <= t.a->kinds[LOG_DOWN] + 1);
}

static void test_log_tells_that_the_server_is_frozen(void **state)
{
    struct bench *b = *state;
    const struct trio t = bench_open_trio(b, WAIT_MS);
    bench_append_all(b, t.writer, 1, 500, WAIT_MS);
    nats_server_signal(&b->servers, 0, SIGSTOP);
    const uint64_t since_ms = bench_now_us() / 1000;
    uint64_t stuck_ms = 0;
    for (uint32_t number = 501; bench_now_us() / 1000 < since_ms + 8000; number++) {
        (void)bench_append(b, t.writer, 'a', number);
        bench_pump(b, 5);
        const uint64_t silent_ms = bench_now_us() / 1000 - log_progress_mono_ms(t.writer->log);
        stuck_ms = silent_ms > stuck_ms ? silent_ms : stuck_ms;
    }
    assert_int_equal(t.writer->last_state, LOG_DOWN);
    print_message(
            "frozen: down after %llu ms, longest without progress %llu ms, slowest call %llu us\n",
            (unsigned long long)(t.writer->state_ms - since_ms), (unsigned long long)stuck_ms,
            (unsigned long long)b->slowest_us);
    assert_true(t.writer->state_ms - since_ms < 5000);
    assert_true(stuck_ms < 3000);
    nats_server_signal(&b->servers, 0, SIGCONT);
    bench_append_all(b, t.writer, 1, 3000, WAIT_MS);
    assert_all_read(b, &t, 3000);
}

/* A server that freezes while it is connected to may hold our thread (FACTS 12), never the loop. */
static void test_log_destroys_quickly_while_the_server_is_frozen(void **state)
{
    struct bench *b = *state;
    const struct trio t = bench_open_trio(b, WAIT_MS);
    bench_append_all(b, t.writer, 1, 100, WAIT_MS);
    nats_server_signal(&b->servers, 0, SIGSTOP);
    assert_true(bench_append(b, t.writer, 'a', 101));
    bench_close(b, t.a);
    bench_pump_for(b, 1500);
    bench_close(b, t.whole);
    bench_close(b, t.writer);
    nats_server_signal(&b->servers, 0, SIGCONT);
}

static int find_leader(struct bench *b)
{
    int leader = -1;
    for (int tries = 0; leader < 0 && tries < 50; tries++) {
        leader = nats_servers_stream_leader(&b->servers);
        bench_pump_for(b, 100);
    }
    assert_true(leader >= 0);
    return leader;
}

/* The history lies on three replicas. The one that has just come back may be behind, or hold
 * records that were never agreed on; whichever leads, its history has each record once. */
static void assert_history_is_whole(struct bench *b, size_t records)
{
    struct log_nats_options options = bench_options(b, NULL, false);
    options.live = false;
    for (int i = 0; i < 4; i++) {
        struct reader *reader = bench_open_with(b, &options);
        bench_await_state(b, reader, LOG_END, WAIT_MS);
        assert_int_equal(reader->records, records);
        bench_close(b, reader);
    }
}

/* One of the readers may be connected to the server that dies, the others are not. */
static void test_log_heals_after_the_stream_s_leader_was_killed(void **state)
{
    struct bench *b = *state;
    const struct trio t = bench_open_trio(b, WAIT_MS);
    for (uint32_t round = 0; round < 2; round++) {
        const uint32_t base = 1100 * round;
        bench_append_all(b, t.writer, base + 1, base + 800, WAIT_MS);
        const int leader = find_leader(b);
        append_unread(b, t.writer, base + 801, base + 1000);
        nats_server_kill(&b->servers, leader);
        const size_t before = t.writer->records;
        const uint64_t since_us = bench_now_us();
        /* Some more than before the kill: then something is left to do even if nothing was lost. */
        bench_append_all(b, t.writer, base + 801, base + 1100, WAIT_MS);
        assert_true(t.writer->records > before);
        print_message("stream leader killed: all appended and read back after %llu ms\n",
                      (unsigned long long)((bench_now_us() - since_us) / 1000));
        nats_server_start(&b->servers, leader);
        assert_history_is_whole(b, 2 * (base + 1100));
    }
    assert_all_read(b, &t, 2200);
}

/* Readers that are in the middle of the history, because nobody takes what they have read. */
static void open_stuck(struct bench *b, struct reader *ret_readers[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_readers[i] = bench_open(b, NULL, false);
        ret_readers[i]->asleep = true;
    }
}

/* Until each stuck reader's consumer lives on the server that leads, and no other is left; or
 * until another leads, which says nothing. */
static void await_consumers_on(struct bench *b, int leader)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)WAIT_MS * 1000;
    size_t on_it = 0;
    size_t count = nats_servers_consumers(&b->servers, leader, &on_it);
    while (count != STUCK_COUNT || on_it != STUCK_COUNT) {
        if (bench_now_us() > end_us) {
            fail_msg("%zu of %zu consumers live on server %d, which leads", on_it, count, leader);
        }
        const int leads = nats_servers_stream_leader(&b->servers);
        if (leads >= 0 && leads != leader) {
            print_message("server %d leads now, not %d\n", leads, leader);
            return;
        }
        bench_pump_for(b, 200);
        count = nats_servers_consumers(&b->servers, leader, &on_it);
    }
}

/* Replicas may differ (difference.h): a consumer, which the server places by chance, is read only
 * when it lives with the stream's leader. */
static void test_log_reads_history_where_the_leader_is(void **state)
{
    struct bench *b = *state;
    struct reader *readers[STUCK_COUNT];
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    bench_append_all(b, writer, 1, STUCK_NUMBERS, WAIT_MS);
    const int leader = find_leader(b);
    open_stuck(b, readers, STUCK_COUNT);
    await_consumers_on(b, leader);
    for (size_t i = 0; i < STUCK_COUNT; i++) {
        readers[i]->asleep = false;
    }
    for (size_t i = 0; i < STUCK_COUNT; i++) {
        bench_await_records(b, readers[i], (size_t)2 * STUCK_NUMBERS, WAIT_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_heals_after_the_server_was_killed,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_tells_that_the_server_is_frozen,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_destroys_quickly_while_the_server_is_frozen,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_reads_history_where_the_leader_is,
                                            bench_set_up_three, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_heals_after_the_stream_s_leader_was_killed,
                                            bench_set_up_three, bench_tear_down),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(3000);
    return failed;
}
