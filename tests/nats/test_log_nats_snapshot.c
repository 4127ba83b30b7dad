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
    static uint8_t space[STATE_BYTES_MAX];
    struct event e;
    cluster_init(&state_of, "a");
    state_of.last_seq = 5;
    snapshot_make(&state_of, 5, space, &e);
    (void)snprintf(e.writer, sizeof(e.writer), "monitor-1");
    e.body.snapshot.digest[0] ^= 1;
    append(writer, &e);
    (void)await(writer, LOG_RECORD);
    struct log *reader = open_log(b, "a", 0);
    assert_int_equal(read_all(reader, seqs, 32), 6);
    assert_int_equal(seqs[0], 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_begins_with_the_newest_snapshot,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_of_all_begins_with_every_cluster,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_ignores_a_snapshot_that_it_cannot_read,
                                            bench_set_up_one, bench_tear_down),
            cmocka_unit_test_setup_teardown(test_log_hands_out_the_record_that_is_wanted,
                                            bench_set_up_one, bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
