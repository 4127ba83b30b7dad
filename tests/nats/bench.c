/* SPDX-License-Identifier: PostgreSQL */
#include "bench.h"

#include "../../proto/log_nats_break.h"

#include "difference.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Appended and not read back yet, of each cluster. */
#define WINDOW 200
#define RESEND_US 500000

uint64_t bench_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* How long this thread was ready to run while others ran, since its start; 0 if nobody counts. */
static uint64_t preempted_us(void)
{
    static int fd = -1;
    char text[96] = {0};
    unsigned long long ran_ns = 0;
    unsigned long long waited_ns = 0;
    if (fd < 0) {
        fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    }
    if (pread(fd, text, sizeof(text) - 1, 0) <= 0 ||
        sscanf(text, "%llu %llu", &ran_ns, &waited_ns) != 2) {
        return 0;
    }
    return waited_ns / 1000;
}

/* A call of the loop's: the time in which the machine ran something else is not its own. */
struct call {
    uint64_t begin_us;
    uint64_t preempted_us;
};

static struct call begin_call(void)
{
    const uint64_t before_us = preempted_us();
    return (struct call){bench_now_us(), before_us};
}

static void end_call(struct bench *b, const struct call *call)
{
    const uint64_t took_us = bench_now_us() - call->begin_us;
    const uint64_t others_us = preempted_us() - call->preempted_us;
    const uint64_t own_us = took_us > others_us ? took_us - others_us : 0;
    b->slowest_us = own_us > b->slowest_us ? own_us : b->slowest_us;
}

void bench_init(struct bench *b, int server_count)
{
    memset(b, 0, sizeof(*b));
    nats_servers_init(&b->servers, server_count);
    b->places = calloc(SEQ_MAX, sizeof(*b->places));
    assert_non_null(b->places);
}

void bench_finish(struct bench *b)
{
    while (b->reader_count > 0) {
        bench_close(b, b->readers[0]);
    }
    if (b->difference_count > 0) {
        print_message("%zu records differ between servers\n", b->difference_count);
    }
    nats_servers_finish(&b->servers);
    free(b->places);
}

struct log_nats_options bench_options(const struct bench *b, const char *cluster, bool monitor)
{
    return (struct log_nats_options){
            .servers = b->servers.urls,
            .name = "test",
            .cluster = cluster,
            .live = true,
            .create_stream = monitor,
            .replicas = b->servers.count,
            .missing_ms = LOG_MISSING_MS,
    };
}

struct reader *bench_open_with(struct bench *b, const struct log_nats_options *options)
{
    struct failure failure = {0};
    struct reader *reader = calloc(1, sizeof(*reader));
    assert_non_null(reader);
    assert_true(b->reader_count < READER_COUNT_MAX);
    reader->number = b->opened_count++;
    reader->cluster = options->cluster;
    reader->last_seq = options->start_seq == 0 ? 0 : options->start_seq - 1;
    assert_int_equal(log_nats_create(options, &reader->log, &failure), RESULT_OK);
    b->readers[b->reader_count++] = reader;
    return reader;
}

struct reader *bench_open(struct bench *b, const char *cluster, bool monitor)
{
    const struct log_nats_options options = bench_options(b, cluster, monitor);
    return bench_open_with(b, &options);
}

void bench_close(struct bench *b, struct reader *reader)
{
    const uint64_t since_us = bench_now_us();
    log_destroy(reader->log);
    assert_true(bench_now_us() - since_us < 700000);
    for (size_t i = 0; i < b->reader_count; i++) {
        if (b->readers[i] == reader) {
            b->readers[i] = b->readers[--b->reader_count];
            break;
        }
    }
    free(reader);
}

bool bench_parse(const uint8_t *data, size_t size, char *ret_cluster, uint32_t *ret_number)
{
    char text[32] = {0};
    if (size == 0 || size >= sizeof(text)) {
        return false;
    }
    memcpy(text, data, size);
    return sscanf(text, "%c %u", ret_cluster, ret_number) == 2 && *ret_cluster >= 'a' &&
           *ret_cluster < 'a' + CLUSTER_COUNT && *ret_number <= NUMBER_MAX;
}

uint32_t bench_content(char cluster, uint32_t number)
{
    return number * CLUSTER_COUNT + (uint32_t)(cluster - 'a');
}

static void note_place(struct bench *b, const struct reader *reader, uint64_t seq, uint32_t content)
{
    struct place *place = &b->places[seq];
    if (place->content == 0) {
        place->content = content;
        place->reader = reader->number;
        place->read_us = bench_now_us();
    } else if (place->content != content) {
        difference_judge(b, reader, seq, content);
    }
}

static void take_record(struct bench *b, struct reader *reader, const struct log_notice *record)
{
    char cluster = 0;
    uint32_t number = 0;
    assert_true(bench_parse(record->data, record->size, &cluster, &number));
    assert_true(record->seq > reader->last_seq && record->seq < SEQ_MAX);
    if (reader->cluster == NULL) {
        assert_int_equal(record->seq, reader->last_seq + 1);
    } else {
        assert_int_equal(cluster, reader->cluster[0]);
    }
    const size_t c = (size_t)(cluster - 'a');
    assert_int_equal(record->subject[8], cluster);
    assert_true(record->stored_us > 1000000);
    note_place(b, reader, record->seq, bench_content(cluster, number));
    if (reader->seen[c][number]) {
        fail_msg("reader %u was handed %c %u twice, now at seq %llu; %zu differences",
                 reader->number, cluster, number, (unsigned long long)record->seq,
                 b->difference_count);
    }
    reader->seen[c][number] = true;
    reader->numbers[c]++;
    reader->records++;
    reader->last_seq = record->seq;
}

static void take(struct bench *b, struct reader *reader, const struct log_notice *notice)
{
    assert_int_equal(reader->kinds[LOG_LOST], 0);
    reader->kinds[notice->kind]++;
    if (notice->kind == LOG_RECORD) {
        take_record(b, reader, notice);
    } else if (notice->kind == LOG_LIVE || notice->kind == LOG_ASKED) {
        (void)snprintf(reader->live, sizeof(reader->live), "%s", notice->subject);
    } else if (notice->kind == LOG_APPENDED) {
        reader->appended_seq = notice->seq;
        assert_true(notice->seq < SEQ_MAX);
        b->places[notice->seq].acknowledged = true;
    } else if (notice->kind == LOG_REFUSED) {
        (void)snprintf(reader->refused, sizeof(reader->refused), "%s", notice->text);
    } else {
        reader->last_state = notice->kind;
        reader->state_ms = bench_now_us() / 1000;
    }
    if (notice->kind == LOG_DOWN || notice->kind == LOG_LOST) {
        (void)snprintf(reader->text, sizeof(reader->text), "%s", notice->text);
    }
    if (notice->kind == LOG_LOST) {
        reader->lost_seq = notice->seq;
    }
}

static void take_all(struct bench *b, struct reader *reader)
{
    for (;;) {
        const struct call call = begin_call();
        const struct log_notice notice = log_take(reader->log);
        end_call(b, &call);
        if (notice.kind == LOG_NOTHING) {
            return;
        }
        take(b, reader, &notice);
    }
}

void bench_pump(struct bench *b, int timeout_ms)
{
    struct pollfd pollfds[READER_COUNT_MAX];
    struct reader *polled[READER_COUNT_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < b->reader_count; i++) {
        if (!b->readers[i]->asleep) {
            polled[count] = b->readers[i];
            pollfds[count++] = (struct pollfd){.fd = log_fd(b->readers[i]->log), .events = POLLIN};
        }
    }
    (void)poll(pollfds, count, timeout_ms);
    for (nfds_t i = 0; i < count; i++) {
        if (pollfds[i].revents != 0) {
            take_all(b, polled[i]);
        }
    }
}

void bench_pump_for(struct bench *b, int ms)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)ms * 1000;
    while (bench_now_us() < end_us) {
        bench_pump(b, 10);
    }
}

void bench_await_state(struct bench *b, const struct reader *reader, enum log_notice_kind kind,
                       int timeout_ms)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)timeout_ms * 1000;
    while (reader->last_state != kind) {
        if (bench_now_us() > end_us) {
            fail_msg("state %d awaited, state %d found: %s", (int)kind, (int)reader->last_state,
                     reader->text);
        }
        bench_pump(b, 20);
    }
}

void bench_await_text(struct bench *b, const struct reader *reader, const char *text,
                      int timeout_ms)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)timeout_ms * 1000;
    while (strstr(reader->text, text) == NULL) {
        if (bench_now_us() > end_us) {
            fail_msg("\"%s\" awaited, \"%s\" found", text, reader->text);
        }
        bench_pump(b, 20);
    }
}

void bench_forget(struct bench *b)
{
    memset(b->places, 0, SEQ_MAX * sizeof(*b->places));
}

void bench_await_records(struct bench *b, const struct reader *reader, size_t records,
                         int timeout_ms)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)timeout_ms * 1000;
    while (reader->records < records) {
        if (bench_now_us() > end_us) {
            fail_msg("%zu records awaited, %zu found, last seq %llu", records, reader->records,
                     (unsigned long long)reader->last_seq);
        }
        bench_pump(b, 20);
    }
    assert_int_equal(reader->records, records);
}

bool bench_append(struct bench *b, struct reader *writer, char cluster, uint32_t number)
{
    char subject[SUBJECT_SIZE];
    char data[32];
    (void)snprintf(subject, sizeof(subject), "pgbaton.%c.probe.node-%u", cluster, number % 3);
    (void)snprintf(data, sizeof(data), "%c %u", cluster, number);
    const struct call call = begin_call();
    const bool queued = log_append(writer->log, subject, (const uint8_t *)data, strlen(data), data);
    end_call(b, &call);
    return queued;
}

/* Where the appending of one cluster stands. */
struct progress {
    char cluster;
    uint32_t done;     /* all up to here are read back */
    uint32_t sent;     /* all up to here were appended */
    uint64_t since_us; /* done last moved, or all was appended again */
};

static void append_some(struct bench *b, struct reader *writer, struct progress *p, uint32_t last)
{
    const bool *seen = writer->seen[p->cluster - 'a'];
    const uint64_t now_us = bench_now_us();
    while (p->done < last && seen[p->done + 1]) {
        p->done++;
        p->since_us = now_us;
    }
    if (now_us - p->since_us > RESEND_US) {
        p->sent = p->done;
        p->since_us = now_us;
    }
    while (p->sent < last && p->sent < p->done + WINDOW) {
        const uint32_t next = p->sent + 1;
        if (!seen[next] && !bench_append(b, writer, p->cluster, next)) {
            return;
        }
        p->sent = next;
    }
}

void bench_append_all(struct bench *b, struct reader *writer, uint32_t first, uint32_t last,
                      int timeout_ms)
{
    const uint64_t end_us = bench_now_us() + (uint64_t)timeout_ms * 1000;
    struct progress progress[CLUSTER_COUNT];
    bool done = false;
    for (size_t c = 0; c < CLUSTER_COUNT; c++) {
        progress[c] =
                (struct progress){(char)('a' + (char)c), first - 1, first - 1, bench_now_us()};
    }
    while (!done) {
        done = true;
        for (size_t c = 0; c < CLUSTER_COUNT; c++) {
            append_some(b, writer, &progress[c], last);
            done = done && progress[c].done == last;
        }
        if (bench_now_us() > end_us) {
            fail_msg("appended up to %u and %u of %u: %s", progress[0].done, progress[1].done, last,
                     writer->text);
        }
        bench_pump(b, done ? 0 : 5);
    }
}

struct trio bench_open_trio(struct bench *b, int timeout_ms)
{
    struct trio t = {.writer = bench_open(b, NULL, true)};
    bench_await_state(b, t.writer, LOG_CAUGHT_UP, timeout_ms);
    t.whole = bench_open(b, NULL, false);
    t.a = bench_open(b, "a", false);
    bench_await_state(b, t.whole, LOG_CAUGHT_UP, timeout_ms);
    bench_await_state(b, t.a, LOG_CAUGHT_UP, timeout_ms);
    return t;
}

static int set_up(void **state, int server_count)
{
    static struct bench bench;
    bench_init(&bench, server_count);
    nats_servers_start_all(&bench.servers);
    *state = &bench;
    return 0;
}

int bench_set_up_one(void **state)
{
    return set_up(state, 1);
}

int bench_set_up_three(void **state)
{
    return set_up(state, 3);
}

int bench_tear_down(void **state)
{
    bench_finish(*state);
    return 0;
}
