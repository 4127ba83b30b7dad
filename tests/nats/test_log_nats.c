/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_log_nats.c - the log on one healthy nats-server.
 */
#include "../../proto/subject.h"
#include "bench.h"

#include <nats/nats.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 30000

static void test_log_reads_back_exactly_once_in_order(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    struct reader *whole = bench_open(b, NULL, false);
    struct reader *a = bench_open(b, "a", false);
    bench_await_state(b, a, LOG_CAUGHT_UP, WAIT_MS);
    bench_append_all(b, writer, 1, 2000, WAIT_MS);
    struct reader *whole_during = bench_open(b, NULL, false);
    struct reader *b_during = bench_open(b, "b", false);
    bench_append_all(b, writer, 2001, 5000, WAIT_MS);
    struct log_nats_options options = bench_options(b, NULL, false);
    options.live = false;
    struct reader *whole_after = bench_open_with(b, &options);
    options.cluster = "b";
    struct reader *b_after = bench_open_with(b, &options);
    bench_await_state(b, whole_after, LOG_END, WAIT_MS);
    bench_await_state(b, b_after, LOG_END, WAIT_MS);
    bench_await_records(b, whole, 10000, WAIT_MS);
    bench_await_records(b, a, 5000, WAIT_MS);
    bench_await_records(b, whole_during, 10000, WAIT_MS);
    bench_await_records(b, b_during, 5000, WAIT_MS);
    assert_int_equal(whole_after->records, 10000);
    assert_int_equal(b_after->records, 5000);
    assert_int_equal(writer->kinds[LOG_CAUGHT_UP], 1);
    assert_int_equal(writer->kinds[LOG_UP], 1);
    assert_int_equal(whole_after->kinds[LOG_CAUGHT_UP], 1);
    assert_int_equal(a->kinds[LOG_DOWN] + whole->kinds[LOG_DOWN], 0);
}

static void test_log_starts_at_the_sequence_asked_for(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_append_all(b, writer, 1, 50, WAIT_MS);
    struct log_nats_options options = bench_options(b, NULL, false);
    options.start_seq = 91;
    struct reader *tail = bench_open_with(b, &options);
    bench_await_state(b, tail, LOG_CAUGHT_UP, WAIT_MS);
    assert_int_equal(tail->records, 10);
}

static void test_log_stores_a_message_id_once(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    for (int i = 0; i < 5; i++) {
        assert_true(bench_append(b, writer, 'a', 1));
        assert_true(bench_append(b, writer, 'b', 1));
    }
    while (writer->kinds[LOG_APPENDED] < 10) {
        bench_pump(b, 20);
    }
    bench_pump_for(b, 50);
    assert_int_equal(writer->records, 2);
    assert_int_equal(writer->appended_seq, 2);
}

static void test_log_waits_for_the_stream(void **state)
{
    struct bench *b = *state;
    struct reader *reader = bench_open(b, "a", false);
    bench_await_state(b, reader, LOG_DOWN, WAIT_MS);
    assert_non_null(strstr(reader->text, "does not exist"));
    assert_true(bench_append(b, reader, 'a', 1));
    bench_pump_for(b, 2300);
    assert_int_equal(reader->kinds[LOG_REFUSED], 1);
    /* Two monitors at once. */
    struct reader *writer = bench_open(b, NULL, true);
    struct reader *second = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, second, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, reader, LOG_CAUGHT_UP, WAIT_MS);
    assert_int_equal(reader->kinds[LOG_DOWN], 1);
    assert_int_equal(reader->kinds[LOG_UP], 1);
    bench_append_all(b, writer, 2, 10, WAIT_MS);
    bench_await_records(b, reader, 9, WAIT_MS);
}

static void test_log_keeps_everything_for_a_slow_reader(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    struct reader *whole = bench_open(b, NULL, false);
    struct reader *a = bench_open(b, "a", false);
    bench_await_state(b, whole, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, a, LOG_CAUGHT_UP, WAIT_MS);
    whole->asleep = true;
    a->asleep = true;
    const uint64_t since_us = bench_now_us();
    bench_append_all(b, writer, 1, 10000, WAIT_MS);
    struct reader *late = bench_open(b, NULL, false);
    late->asleep = true;
    while (bench_now_us() < since_us + 3000000) {
        bench_pump(b, 10);
    }
    bench_append_all(b, writer, 10001, 12000, WAIT_MS);
    whole->asleep = false;
    a->asleep = false;
    late->asleep = false;
    bench_await_records(b, whole, 24000, WAIT_MS);
    bench_await_records(b, a, 12000, WAIT_MS);
    bench_await_records(b, late, 24000, WAIT_MS);
    assert_int_equal(whole->kinds[LOG_DOWN] + a->kinds[LOG_DOWN] + late->kinds[LOG_DOWN], 0);
}

static void test_log_passes_plain_messages_on(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    struct log_nats_options options = bench_options(b, "a", false);
    options.want_live = true;
    options.want_asked = true;
    struct reader *a = bench_open_with(b, &options);
    options.cluster = NULL;
    options.want_asked = false;
    struct reader *all = bench_open_with(b, &options);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, a, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, all, LOG_CAUGHT_UP, WAIT_MS);
    assert_true(log_publish(writer->log, SUBJECT_LIVE ".a.node-1", (const uint8_t *)"x", 1));
    assert_true(log_publish(writer->log, SUBJECT_LIVE ".b.node-1", (const uint8_t *)"x", 1));
    assert_true(log_publish(writer->log, SUBJECT_ASK ".b", NULL, 0));
    assert_true(log_publish(writer->log, SUBJECT_ASK ".a", NULL, 0));
    while (a->kinds[LOG_ASKED] < 1 || all->kinds[LOG_LIVE] < 2) {
        bench_pump(b, 20);
    }
    bench_pump_for(b, 50);
    assert_int_equal(a->kinds[LOG_LIVE], 1);
    assert_int_equal(a->kinds[LOG_ASKED], 1);
    assert_string_equal(a->live, SUBJECT_ASK ".a");
    assert_int_equal(all->kinds[LOG_LIVE], 2);
    assert_int_equal(all->kinds[LOG_ASKED], 0);
    assert_int_equal(writer->kinds[LOG_LIVE] + writer->records, 0);
}

static void test_log_fills_the_holes_of_the_feed(void **state)
{
    struct bench *b = *state;
    char url[128];
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    (void)snprintf(url, sizeof(url), "nats://holes:x@127.0.0.1:%u", b->servers.servers[0].port);
    struct log_nats_options options = bench_options(b, NULL, false);
    options.servers = url;
    struct reader *whole = bench_open_with(b, &options);
    options.cluster = "a";
    struct reader *a = bench_open_with(b, &options);
    bench_await_state(b, whole, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, a, LOG_CAUGHT_UP, WAIT_MS);
    bench_append_all(b, writer, 1, 1000, WAIT_MS);
    /* The last one, 1000, is on the subject that the feed lacks. */
    bench_await_records(b, whole, 2000, WAIT_MS);
    bench_await_records(b, a, 1000, WAIT_MS);
    for (uint32_t number = 1001; number <= 1060; number++) {
        bench_append_all(b, writer, number, number, WAIT_MS);
    }
    bench_await_records(b, whole, 2120, WAIT_MS);
    bench_await_records(b, a, 1060, WAIT_MS);
    assert_int_equal(whole->kinds[LOG_DOWN] + a->kinds[LOG_DOWN], 0);
    assert_int_equal(whole->kinds[LOG_CAUGHT_UP], 1);
}

/* Publishes what the feed never carried: a record that is not stored. */
static void forge_feed(const struct bench *b, const char *seq)
{
    natsConnection *connection = NULL;
    natsMsg *message = NULL;
    assert_int_equal(natsConnection_ConnectTo(&connection, b->servers.urls), NATS_OK);
    assert_int_equal(natsMsg_Create(&message, SUBJECT_FEED ".a.decision", NULL, "a 9999", 6),
                     NATS_OK);
    assert_int_equal(natsMsgHeader_Set(message, "Nats-Sequence", seq), NATS_OK);
    assert_int_equal(natsMsgHeader_Set(message, "Nats-Subject", SUBJECT_ROOT ".a.decision"),
                     NATS_OK);
    assert_int_equal(natsConnection_PublishMsg(connection, message), NATS_OK);
    assert_int_equal(natsConnection_Flush(connection), NATS_OK);
    natsMsg_Destroy(message);
    natsConnection_Destroy(connection);
}

static void test_log_does_not_believe_a_record_that_is_not_stored(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    struct reader *a = bench_open(b, "a", false);
    bench_append_all(b, writer, 1, 10, WAIT_MS);
    forge_feed(b, "5000");
    bench_append_all(b, writer, 11, 20, WAIT_MS);
    /* Where others were read: the stream is asked, and says that they stand. */
    forge_feed(b, "37");
    bench_append_all(b, writer, 21, 25, WAIT_MS);
    bench_pump_for(b, 1500);
    bench_append_all(b, writer, 26, 30, WAIT_MS);
    bench_await_records(b, writer, 60, WAIT_MS);
    bench_await_records(b, a, 30, WAIT_MS);
    assert_false(a->seen[0][9999]);
    assert_int_equal(writer->kinds[LOG_DOWN] + a->kinds[LOG_DOWN], 0);
    assert_int_equal(writer->kinds[LOG_LOST] + a->kinds[LOG_LOST], 0);
}

/* Creates a stream as an operator might. */
static void create_stream_without_feed(const struct bench *b)
{
    const char *subjects[] = {SUBJECT_ROOT ".>"};
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsStreamConfig config;
    assert_int_equal(natsConnection_ConnectTo(&connection, b->servers.urls), NATS_OK);
    assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
    assert_int_equal(jsStreamConfig_Init(&config), NATS_OK);
    config.Name = STREAM_NAME;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

static void test_log_refuses_a_stream_without_feed(void **state)
{
    struct bench *b = *state;
    create_stream_without_feed(b);
    struct reader *reader = bench_open(b, NULL, true);
    bench_await_state(b, reader, LOG_DOWN, WAIT_MS);
    assert_non_null(strstr(reader->text, "republish"));
    bench_pump_for(b, 500);
    assert_int_equal(reader->kinds[LOG_UP], 0);
}

static void delete_stream(const struct bench *b)
{
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    assert_int_equal(natsConnection_ConnectTo(&connection, b->servers.urls), NATS_OK);
    assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
    assert_int_equal(js_DeleteStream(js, STREAM_NAME, NULL, NULL), NATS_OK);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

/* Of whom nothing was read yet is as good as another; who has read something stays with that. */
static void test_log_reads_no_second_stream(void **state)
{
    struct bench *b = *state;
    struct reader *first = bench_open(b, NULL, true);
    struct reader *reader = bench_open(b, "a", false);
    bench_await_state(b, first, LOG_CAUGHT_UP, WAIT_MS);
    bench_await_state(b, reader, LOG_CAUGHT_UP, WAIT_MS);
    delete_stream(b);
    bench_await_state(b, reader, LOG_DOWN, WAIT_MS);
    bench_append_all(b, first, 1, 10, WAIT_MS);
    bench_await_records(b, reader, 10, WAIT_MS);
    bench_await_state(b, reader, LOG_CAUGHT_UP, WAIT_MS);

    delete_stream(b);
    bench_await_state(b, first, LOG_DOWN, WAIT_MS);
    bench_await_state(b, reader, LOG_DOWN, WAIT_MS);
    const struct log_nats_options options = bench_options(b, NULL, true);
    struct log *other = NULL;
    struct failure f;
    assert_int_equal(log_nats_create(&options, &other, &f), RESULT_OK);
    bench_await_state(b, reader, LOG_LOST, WAIT_MS);
    bench_await_state(b, first, LOG_LOST, WAIT_MS);
    assert_non_null(strstr(reader->text, "created anew"));
    assert_non_null(strstr(first->text, "created anew"));
    log_destroy(other);
}

static void test_log_destroys_quickly_without_a_server(void **state)
{
    struct bench *b = *state;
    nats_server_kill(&b->servers, 0);
    struct reader *reader = bench_open(b, NULL, true);
    bench_await_state(b, reader, LOG_DOWN, WAIT_MS);
    bench_close(b, reader);
    for (int i = 0; i < 5; i++) {
        bench_close(b, bench_open(b, "a", false));
    }
}

static int compare(const void *left, const void *right)
{
    const uint64_t l = *(const uint64_t *)left;
    const uint64_t r = *(const uint64_t *)right;
    return l < r ? -1 : l > r;
}

#define LATENCY_COUNT 3000

static void measure_latency(struct bench *b, struct reader *reader, bool foreign)
{
    static uint64_t latencies_us[LATENCY_COUNT];
    const uint32_t first = (uint32_t)reader->numbers[0] + 1;
    for (uint32_t i = 0; i < LATENCY_COUNT; i++) {
        const uint64_t since_us = bench_now_us();
        assert_true(!foreign || bench_append(b, reader, 'b', first + i));
        assert_true(bench_append(b, reader, 'a', first + i));
        while (!reader->seen[0][first + i]) {
            bench_pump(b, 1000);
        }
        latencies_us[i] = bench_now_us() - since_us;
    }
    qsort(latencies_us, LATENCY_COUNT, sizeof(latencies_us[0]), compare);
    print_message("latency_us p50=%llu p99=%llu max=%llu%s\n",
                  (unsigned long long)latencies_us[LATENCY_COUNT / 2],
                  (unsigned long long)latencies_us[LATENCY_COUNT * 99 / 100],
                  (unsigned long long)latencies_us[LATENCY_COUNT - 1],
                  foreign ? " (behind another cluster's record)" : "");
}

static void test_log_is_fast(void **state)
{
    struct bench *b = *state;
    struct reader *writer = bench_open(b, NULL, true);
    bench_await_state(b, writer, LOG_CAUGHT_UP, WAIT_MS);
    bench_close(b, writer);
    struct reader *a = bench_open(b, "a", false);
    bench_await_state(b, a, LOG_CAUGHT_UP, WAIT_MS);
    measure_latency(b, a, false);
    measure_latency(b, a, true);
    print_message("slowest call %llu us\n", (unsigned long long)b->slowest_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_reads_back_exactly_once_in_order,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_starts_at_the_sequence_asked_for,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_stores_a_message_id_once, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_waits_for_the_stream, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_keeps_everything_for_a_slow_reader,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_passes_plain_messages_on, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_fills_the_holes_of_the_feed, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_does_not_believe_a_record_that_is_not_stored,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_refuses_a_stream_without_feed,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_reads_no_second_stream, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_destroys_quickly_without_a_server,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_is_fast, bench_set_up_one, bench_tear_down),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(3000);
    return failed;
}
