/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/log_bell.h"
#include "../../proto/log_nats_parse.h"
#include "../../proto/log_queue.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_MAX 256
#define BYTES_MAX (5 * RECORD_BYTES_MAX)

static bool is_readable(struct log_queue *queue)
{
    struct pollfd pollfd = {.fd = log_queue_fd(queue), .events = POLLIN};
    return poll(&pollfd, 1, 0) == 1;
}

static struct log_notice record(uint64_t seq, const uint8_t *data, size_t size)
{
    return (struct log_notice){
            .kind = LOG_RECORD,
            .seq = seq,
            .stored_us = seq * 10,
            .subject = "pgbaton.demo.probe.node-1",
            .data = data,
            .size = size,
    };
}

static void test_log_queue_hands_out_what_was_pushed(void **state)
{
    (void)state;
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, true);
    const struct log_notice in = record(7, (const uint8_t *)"abc", 3);
    const struct log_notice down = {.kind = LOG_DOWN, .text = "why"};
    assert_false(is_readable(queue));
    assert_int_equal(log_queue_take(queue).kind, LOG_NOTHING);
    assert_true(log_queue_push(queue, &in, LOG_MARGIN_RECORD));
    assert_true(log_queue_push(queue, &down, LOG_MARGIN_NONE));
    assert_true(is_readable(queue));
    const struct log_notice out = log_queue_take(queue);
    assert_int_equal(out.kind, LOG_RECORD);
    assert_int_equal(out.seq, 7);
    assert_int_equal(out.stored_us, 70);
    assert_string_equal(out.subject, in.subject);
    assert_null(out.text);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.data, "abc", 3);
    assert_true(is_readable(queue));
    const struct log_notice second = log_queue_take(queue);
    assert_int_equal(second.kind, LOG_DOWN);
    assert_string_equal(second.text, "why");
    assert_null(second.subject);
    assert_false(is_readable(queue));
    log_queue_destroy(queue);
}

static void test_log_queue_keeps_order_and_content_around_the_end(void **state)
{
    (void)state;
    uint8_t data[RECORD_BYTES_MAX];
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, true);
    uint64_t taken = 0;
    for (uint64_t seq = 1; seq <= 5000; seq++) {
        const size_t size = (size_t)(seq * 7919) % sizeof(data);
        memset(data, (int)(seq & 0xff), size);
        const struct log_notice in = record(seq, data, size);
        while (!log_queue_push(queue, &in, LOG_MARGIN_RECORD)) {
            const struct log_notice out = log_queue_take(queue);
            taken++;
            assert_int_equal(out.seq, taken);
            assert_int_equal(out.size, (taken * 7919) % sizeof(data));
            assert_true(out.size == 0 || out.data[out.size - 1] == (taken & 0xff));
        }
    }
    while (log_queue_take(queue).kind != LOG_NOTHING) {
        taken++;
    }
    assert_int_equal(taken, 5000);
    log_queue_destroy(queue);
}

static void test_log_queue_leaves_room_for_what_matters_more(void **state)
{
    (void)state;
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, false);
    const struct log_notice in = record(1, NULL, 0);
    size_t pushed[LOG_MARGIN_COUNT] = {0};
    for (int margin = LOG_MARGIN_DROPPABLE; margin >= LOG_MARGIN_NONE; margin--) {
        while (log_queue_push(queue, &in, (enum log_queue_margin)margin)) {
            pushed[margin]++;
        }
    }
    assert_int_equal(pushed[LOG_MARGIN_DROPPABLE], COUNT_MAX - COUNT_MAX / 8);
    assert_int_equal(pushed[LOG_MARGIN_RECORD], COUNT_MAX / 8 - COUNT_MAX / 64);
    assert_int_equal(pushed[LOG_MARGIN_NONE], COUNT_MAX / 64);
    log_queue_destroy(queue);
}

static void test_log_queue_refuses_beyond_its_bytes(void **state)
{
    (void)state;
    static uint8_t data[RECORD_BYTES_MAX];
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, false);
    const struct log_notice in = record(1, data, sizeof(data));
    size_t pushed = 0;
    while (log_queue_push(queue, &in, LOG_MARGIN_NONE)) {
        pushed++;
    }
    assert_int_equal(pushed, BYTES_MAX / sizeof(data) - 1);
    log_queue_destroy(queue);
}

static void test_log_queue_says_once_when_room_is_back(void **state)
{
    (void)state;
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, false);
    const struct log_notice in = record(1, NULL, 0);
    while (log_queue_push(queue, &in, LOG_MARGIN_RECORD)) {
    }
    assert_false(log_queue_was_starved(queue));
    assert_false(log_queue_has_room(queue, LOG_MARGIN_RECORD));
    assert_false(log_queue_was_starved(queue));
    while (!log_queue_was_starved(queue)) {
        assert_int_equal(log_queue_take(queue).kind, LOG_RECORD);
    }
    assert_true(log_queue_has_room(queue, LOG_MARGIN_RECORD));
    assert_false(log_queue_was_starved(queue));
    log_queue_destroy(queue);
}

static void test_log_queue_leaves_out_data_that_no_event_has(void **state)
{
    (void)state;
    static uint8_t data[RECORD_BYTES_MAX + 1];
    char subject[SUBJECT_SIZE + 10];
    struct log_queue *queue = log_queue_create(COUNT_MAX, BYTES_MAX, false);
    memset(subject, 'x', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '\0';
    struct log_notice in = record(3, data, sizeof(data));
    in.subject = subject;
    assert_true(log_queue_push(queue, &in, LOG_MARGIN_RECORD));
    const struct log_notice out = log_queue_take(queue);
    assert_int_equal(out.seq, 3);
    assert_int_equal(out.size, 0);
    assert_int_equal(strlen(out.subject), SUBJECT_SIZE - 1);
    log_queue_destroy(queue);
}

struct pair {
    struct log_queue *queue;
    struct log_bell bell;
};

#define PAIR_COUNT 100000

static void *push_all(void *closure)
{
    struct pair *pair = closure;
    for (uint64_t seq = 1; seq <= PAIR_COUNT; seq++) {
        const struct log_notice in = record(seq, (const uint8_t *)&seq, sizeof(seq));
        for (;;) {
            const uint64_t seen = log_bell_count(&pair->bell);
            if (log_queue_has_room(pair->queue, LOG_MARGIN_RECORD)) {
                break;
            }
            log_bell_wait(&pair->bell, seen, 10000);
        }
        if (!log_queue_push(pair->queue, &in, LOG_MARGIN_RECORD)) {
            return NULL;
        }
    }
    return pair;
}

static void test_log_queue_loses_nothing_between_threads(void **state)
{
    (void)state;
    struct pair pair = {.queue = log_queue_create(COUNT_MAX, BYTES_MAX, true)};
    pthread_t thread;
    void *pushed = NULL;
    log_bell_init(&pair.bell);
    assert_int_equal(pthread_create(&thread, NULL, push_all, &pair), 0);
    for (uint64_t seq = 1; seq <= PAIR_COUNT;) {
        struct pollfd pollfd = {.fd = log_queue_fd(pair.queue), .events = POLLIN};
        assert_int_equal(poll(&pollfd, 1, 10000), 1);
        const struct log_notice out = log_queue_take(pair.queue);
        assert_int_equal(out.seq, seq);
        assert_memory_equal(out.data, &seq, sizeof(seq));
        if (log_queue_was_starved(pair.queue)) {
            log_bell_ring(&pair.bell);
        }
        seq++;
    }
    assert_int_equal(pthread_join(thread, &pushed), 0);
    assert_non_null(pushed);
    log_bell_finish(&pair.bell);
    log_queue_destroy(pair.queue);
}

static void test_log_parse_delivery_reads_both_forms(void **state)
{
    (void)state;
    static const char *const wrong[] = {
            "",
            "$JS.ACK.PGBATON.c.1.2.3.4",
            "$JS.ACK.PGBATON.c.1.x.3.4.5",
            "$JS.ACK.PGBATON.c.1.99999999999999999999.3.4.5",
            "_INBOX.ACK.PGBATON.c.1.2.3.4.5",
            "$JS.ACK.a.b.c.d.e.f.g.h",
    };
    uint64_t seq = 0;
    uint64_t us = 0;
    assert_true(log_parse_delivery("$JS.ACK.PGBATON.c.1.42.7.1700000000123456789.5", &seq, &us));
    assert_int_equal(seq, 42);
    assert_int_equal(us, 1700000000123456);
    assert_true(log_parse_delivery("$JS.ACK._.Acc.PGBATON.c.1.43.7.2000.0.tok", &seq, &us));
    assert_int_equal(seq, 43);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(log_parse_delivery(wrong[i], &seq, &us));
    }
    assert_false(log_parse_delivery(NULL, &seq, &us));
}

static void test_log_parse_json_finds_numbers_and_strings(void **state)
{
    (void)state;
    const char *json = "{\"stream\":\"PGBATON\", \"seq\": 12,\"description\":\"no such\"}";
    char text[6];
    uint64_t number = 0;
    assert_true(log_parse_json_number(json, strlen(json), "seq", &number));
    assert_int_equal(number, 12);
    assert_false(log_parse_json_number(json, strlen(json), "stream", &number));
    assert_false(log_parse_json_number(json, 20, "seq", &number));
    assert_true(log_parse_json_string(json, strlen(json), "description", text, sizeof(text)));
    assert_string_equal(text, "no su");
    assert_false(log_parse_json_string(json, strlen(json), "seq", text, sizeof(text)));
    assert_false(log_parse_json_string(NULL, 0, "seq", text, sizeof(text)));
}

static void test_log_parse_time_reads_fractions(void **state)
{
    (void)state;
    assert_int_equal(log_parse_time_us("2026-03-01T12:00:00Z"), 1772366400000000);
    assert_int_equal(log_parse_time_us("2026-03-01T12:00:00.5Z"), 1772366400500000);
    assert_int_equal(log_parse_time_us("2026-03-01T12:00:00.123456789Z"), 1772366400123456);
    assert_int_equal(log_parse_time_us("2026-03-01"), 0);
    assert_int_equal(log_parse_time_us(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_log_queue_hands_out_what_was_pushed),
            cmocka_unit_test(test_log_queue_keeps_order_and_content_around_the_end),
            cmocka_unit_test(test_log_queue_leaves_room_for_what_matters_more),
            cmocka_unit_test(test_log_queue_refuses_beyond_its_bytes),
            cmocka_unit_test(test_log_queue_says_once_when_room_is_back),
            cmocka_unit_test(test_log_queue_leaves_out_data_that_no_event_has),
            cmocka_unit_test(test_log_queue_loses_nothing_between_threads),
            cmocka_unit_test(test_log_parse_delivery_reads_both_forms),
            cmocka_unit_test(test_log_parse_json_finds_numbers_and_strings),
            cmocka_unit_test(test_log_parse_time_reads_fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
