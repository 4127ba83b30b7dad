/* SPDX-License-Identifier: PostgreSQL */
/*
 * test_log_nats_snapshot.c - readers that begin with snapshots, on one nats-server.
 */
#include "../../proto/codec.h"
#include "../../proto/snapshot.h"
#include "../../proto/subject.h"
#include "bench.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define WAIT_MS 30000

static struct cluster state_of;

static void wait_for(const struct log *log)
{
    struct pollfd descriptor = {.fd = log_fd(log), .events = POLLIN};
    (void)poll(&descriptor, 1, 5);
}

static void append(struct log *log, const struct event *e)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    const size_t size = codec_encode(e, bytes, sizeof(bytes));
    assert_true(size > 0 && subject_of_event(e, subject));
    assert_true(log_append(log, subject, bytes, size, NULL));
}

/* Takes until this notice; returns it. */
static struct log_notice await(struct log *log, enum log_notice_kind kind)
{
    for (int i = 0; i < WAIT_MS / 2; i++) {
        const struct log_notice notice = log_take(log);
        if (notice.kind == kind) {
            return notice;
        }
        if (notice.kind == LOG_NOTHING) {
            wait_for(log);
        }
    }
    fail_msg("no notice of kind %d", (int)kind);
    return (struct log_notice){0};
}

static struct event event_of(const char *cluster, enum event_kind kind, uint64_t counter)
{
    struct event e = {.version = SCHEMA_VERSION, .kind = kind, .incarnation = 1};
    (void)snprintf(e.cluster, sizeof(e.cluster), "%s", cluster);
    (void)snprintf(e.writer, sizeof(e.writer), "node-1");
    e.counter = counter;
    return e;
}

static void append_snapshot(struct log *log, const char *cluster, uint64_t folded_seq)
{
    static uint8_t space[STATE_BYTES_MAX];
    struct event e;
    cluster_init(&state_of, cluster);
    state_of.last_seq = folded_seq;
    state_of.decision_seq = 1;
    snapshot_make(&state_of, folded_seq, space, &e);
    (void)snprintf(e.writer, sizeof(e.writer), "monitor-1");
    e.incarnation = 1;
    e.counter = 1;
    append(log, &e);
}

static uint64_t wall_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void append_broken_snapshot(struct log *log, const char *cluster, uint64_t folded_seq)
{
    static uint8_t space[STATE_BYTES_MAX];
    struct event e;
    cluster_init(&state_of, cluster);
    state_of.last_seq = folded_seq;
    snapshot_make(&state_of, folded_seq, space, &e);
    (void)snprintf(e.writer, sizeof(e.writer), "monitor-1");
    e.body.snapshot.digest[0] ^= 1;
    append(log, &e);
    (void)await(log, LOG_RECORD);
}

/* Records 1 to count are goodbyes of that cluster. */
static void append_goodbyes(struct log *log, const char *cluster, uint64_t count)
{
    for (uint64_t i = 1; i <= count; i++) {
        const struct event e = event_of(cluster, EVENT_GOODBYE, i);
        append(log, &e);
        (void)await(log, LOG_RECORD);
    }
}

static struct log *open_log(struct bench *b, const char *cluster, uint64_t wanted_seq)
{
    struct log_nats_options options = bench_options(b, cluster, cluster == NULL);
    struct failure failure;
    struct log *log = NULL;
    options.from_snapshot = true;
    options.wanted_seq = wanted_seq;
    assert_int_equal(log_create(&options, &log, &failure), RESULT_OK);
    return log;
}

static struct log *open_writer(struct bench *b)
{
    struct log *log = open_log(b, NULL, 0);
    (void)await(log, LOG_CAUGHT_UP);
    return log;
}

/* The sequence numbers that a reader gets until it has caught up. */
static size_t read_all(struct log *log, uint64_t seqs[], size_t max)
{
    size_t count = 0;
    for (int i = 0; i < WAIT_MS; i++) {
        const struct log_notice notice = log_take(log);
        if (notice.kind == LOG_CAUGHT_UP) {
            return count;
        }
        if (notice.kind == LOG_RECORD || notice.kind == LOG_GONE) {
            assert_true(count < max);
            seqs[count++] = notice.seq;
        } else if (notice.kind == LOG_NOTHING) {
            wait_for(log);
        }
    }
    fail_msg("it does not catch up");
    return 0;
}

static void test_log_begins_with_the_newest_snapshot(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[32];
    struct log *writer = open_writer(b);
    append_goodbyes(writer, "a", 10);
    append_snapshot(writer, "a", 3);
    (void)await(writer, LOG_RECORD);
    append_snapshot(writer, "a", 8);
    (void)await(writer, LOG_RECORD);
    struct log *reader = open_log(b, "a", 0);
    assert_int_equal(read_all(reader, seqs, 32), 5);
    assert_int_equal(seqs[0], 12);
    assert_int_equal(seqs[1], 9);
    assert_int_equal(seqs[4], 12);
    log_destroy(reader);
    log_destroy(writer);
}

static void test_log_of_all_begins_with_every_cluster(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[64];
    struct log *writer = open_writer(b);
    append_goodbyes(writer, "a", 10);
    append_goodbyes(writer, "b-1", 10);
    append_snapshot(writer, "a", 9);
    (void)await(writer, LOG_RECORD);
    append_snapshot(writer, "b-1", 19);
    (void)await(writer, LOG_RECORD);
    struct log *reader = open_log(b, NULL, 0);
    assert_int_equal(read_all(reader, seqs, 64), 2 + 13);
    assert_true(seqs[0] + seqs[1] == 21 + 22);
    assert_int_equal(seqs[2], 10);
    log_destroy(reader);
    /* One that has none is read from the beginning. */
    append_goodbyes(writer, "c", 1);
    reader = open_log(b, NULL, 0);
    assert_int_equal(read_all(reader, seqs, 64), 2 + 23);
    assert_int_equal(seqs[2], 1);
    log_destroy(reader);
    log_destroy(writer);
}

static void test_log_ignores_a_snapshot_that_it_cannot_read(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[32];
    struct log *writer = open_writer(b);
    append_goodbyes(writer, "a", 5);
    append_broken_snapshot(writer, "a", 5);
    struct log *reader = open_log(b, "a", 0);
    assert_int_equal(read_all(reader, seqs, 32), 6);
    assert_int_equal(seqs[0], 1);
    log_destroy(reader);
    log_destroy(writer);
}

/* The newest one is of no use: damaged, or a late copy of one whose successors are gone. */
static void test_log_takes_the_best_of_the_others(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[64];
    struct log_nats_options options = bench_options(b, NULL, true);
    struct failure failure;
    struct log *writer = NULL;
    options.can_trim = true;
    assert_int_equal(log_create(&options, &writer, &failure), RESULT_OK);
    (void)await(writer, LOG_CAUGHT_UP);
    append_goodbyes(writer, "a", 20);
    for (uint64_t folded_seq = 11; folded_seq <= 17; folded_seq += 3) {
        append_snapshot(writer, "a", folded_seq);
        (void)await(writer, LOG_RECORD);
    }
    append_snapshot(writer, "a", 14);
    (void)await(writer, LOG_RECORD);
    append_broken_snapshot(writer, "a", 18);
    struct log *reader = open_log(b, "a", 0);
    assert_int_equal(read_all(reader, seqs, 64), 1 + 8);
    assert_int_equal(seqs[0], 23);
    assert_int_equal(seqs[1], 18);
    log_destroy(reader);
    /* A record that follows the copy's state is gone: it does not stand any more. */
    assert_true(log_trim(writer, 17, wall_us()));
    (void)await(writer, LOG_TRIMMED);
    append_snapshot(writer, "a", 14);
    (void)await(writer, LOG_RECORD);
    reader = open_log(b, "a", 0);
    assert_int_equal(read_all(reader, seqs, 64), 1 + 9);
    assert_int_equal(seqs[0], 23);
    assert_int_equal(seqs[1], 18);
    log_destroy(reader);
    log_destroy(writer);
}

static void test_log_hands_out_the_record_that_is_wanted(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[32];
    struct log *writer = open_writer(b);
    append_goodbyes(writer, "a", 10);
    append_snapshot(writer, "a", 8);
    (void)await(writer, LOG_RECORD);
    struct log *reader = open_log(b, "a", 4);
    assert_int_equal(read_all(reader, seqs, 32), 5);
    assert_int_equal(seqs[0], 11);
    assert_int_equal(seqs[1], 4);
    assert_int_equal(seqs[2], 9);
    log_destroy(reader);
    reader = open_log(b, "a", 9); /* it comes anyhow */
    assert_int_equal(read_all(reader, seqs, 32), 4);
    log_destroy(reader);
    log_destroy(writer);
}

/* 20 old records and 10 new ones, and when the new ones began; a snapshot has the first 15. */
static struct log *write_old_and_new(struct bench *b, bool can_trim, uint64_t *ret_between_us)
{
    struct log_nats_options options = bench_options(b, NULL, true);
    struct failure failure;
    struct log *log = NULL;
    options.can_trim = can_trim;
    assert_int_equal(log_create(&options, &log, &failure), RESULT_OK);
    (void)await(log, LOG_CAUGHT_UP);
    append_goodbyes(log, "a", 20);
    (void)poll(NULL, 0, 50);
    *ret_between_us = wall_us();
    (void)poll(NULL, 0, 50);
    append_goodbyes(log, "a", 10);
    append_snapshot(log, "a", 15);
    (void)await(log, LOG_RECORD);
    return log;
}

static void test_log_is_trimmed_by_number_and_by_age(void **state)
{
    struct bench *b = *state;
    uint64_t seqs[64];
    uint64_t between_us = 0;
    struct log *writer = write_old_and_new(b, true, &between_us);
    struct log *idle = open_log(b, "a", 0);
    assert_int_equal(read_all(idle, seqs, 64), 1 + 16);
    assert_true(log_trim(writer, 11, between_us));
    struct log_notice notice = await(writer, LOG_TRIMMED);
    assert_null(notice.text);
    assert_int_equal(notice.seq, 11);
    assert_true(log_trim(writer, 25, between_us));
    notice = await(writer, LOG_TRIMMED);
    assert_int_equal(notice.seq, 21);
    /* Whoever has read it misses nothing; whoever comes begins with the snapshot. */
    append_goodbyes(writer, "a", 1);
    assert_int_equal(await(idle, LOG_RECORD).seq, 32);
    log_destroy(idle);
    log_destroy(writer);
}

static void test_log_that_keeps_all_says_so(void **state)
{
    struct bench *b = *state;
    uint64_t between_us = 0;
    struct log *writer = write_old_and_new(b, false, &between_us);
    assert_true(log_trim(writer, 11, between_us));
    assert_non_null(await(writer, LOG_TRIMMED).text);
    log_destroy(writer);
}

/* What is kept begins in the middle of the cluster, and nothing tells what was before. */
static void test_log_without_its_beginning_is_not_read(void **state)
{
    struct bench *b = *state;
    struct log_nats_options options = bench_options(b, NULL, true);
    struct failure failure;
    struct log *writer = NULL;
    options.can_trim = true;
    assert_int_equal(log_create(&options, &writer, &failure), RESULT_OK);
    (void)await(writer, LOG_CAUGHT_UP);
    append_goodbyes(writer, "a", 10);
    struct event e = event_of("a", EVENT_REVOKE, 11);
    e.decision.prev_seq = 4;
    (void)snprintf(e.decision.rule, sizeof(e.decision.rule), "test");
    append(writer, &e);
    (void)await(writer, LOG_RECORD);
    assert_true(log_trim(writer, 6, wall_us()));
    (void)await(writer, LOG_TRIMMED);
    struct log *reader = open_log(b, "a", 0);
    assert_non_null(strstr(await(reader, LOG_DOWN).text, "behind the beginning of cluster a"));
    /* A monitor that knows it writes one. */
    append_snapshot(writer, "a", 11);
    (void)await(writer, LOG_RECORD);
    (void)await(reader, LOG_CAUGHT_UP);
    log_destroy(reader);
    log_destroy(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_begins_with_the_newest_snapshot,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_of_all_begins_with_every_cluster,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_ignores_a_snapshot_that_it_cannot_read,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_takes_the_best_of_the_others, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_hands_out_the_record_that_is_wanted,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_is_trimmed_by_number_and_by_age,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_that_keeps_all_says_so, bench_set_up_one,
                                            bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_without_its_beginning_is_not_read,
                                            bench_set_up_one, bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
