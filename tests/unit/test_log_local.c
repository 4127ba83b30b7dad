/* SPDX-License-Identifier: PostgreSQL */
/* The log of one machine: several readers and writers on one file. */
#include "../../proto/log.h"
#include "../../proto/log_record.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 30000
#define WRITER_COUNT 4
#define EACH_COUNT 500

struct place {
    char directory[64];
    char path[80];
    char url[96];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    (void)snprintf(p->directory, sizeof(p->directory), "/tmp/pgbaton-local-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    (void)snprintf(p->path, sizeof(p->path), "%s/log", p->directory);
    (void)snprintf(p->url, sizeof(p->url), LOG_LOCAL_SCHEME "%s", p->path);
    *state = p;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    assert_int_equal(nftw(p->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(p);
    return 0;
}

static struct log_nats_options options_of(const struct place *p, const char *cluster, bool monitor)
{
    return (struct log_nats_options){.servers = p->url,
                                     .cluster = cluster,
                                     .live = true,
                                     .want_live = true,
                                     .want_asked = true,
                                     .create_stream = monitor};
}

static struct log *open_log(const struct place *p, const char *cluster, bool monitor)
{
    struct failure f = {0};
    struct log *log = NULL;
    const struct log_nats_options options = options_of(p, cluster, monitor);
    assert_int_equal(log_create(&options, &log, &f), RESULT_OK);
    return log;
}

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The next notice; sleeps on log_fd() only, so that a missing ring shows. */
static struct log_notice take(struct log *log)
{
    const uint64_t deadline_ms = now_ms() + WAIT_MS;
    for (;;) {
        const struct log_notice notice = log_take(log);
        if (notice.kind != LOG_NOTHING) {
            return notice;
        }
        struct pollfd poll_fd = {.fd = log_fd(log), .events = POLLIN};
        assert_true(now_ms() < deadline_ms);
        (void)poll(&poll_fd, 1, WAIT_MS);
    }
}

/* The next of this kind; others are passed over. */
static struct log_notice take_kind(struct log *log, enum log_notice_kind kind)
{
    for (;;) {
        const struct log_notice notice = take(log);
        if (notice.kind == kind) {
            return notice;
        }
        assert_int_not_equal(notice.kind, LOG_REFUSED);
    }
}

/* A monitor's, which makes the file. */
static struct log *open_monitor(const struct place *p)
{
    struct log *log = open_log(p, NULL, true);
    (void)take_kind(log, LOG_CAUGHT_UP);
    return log;
}

static void append(struct log *log, const char *subject, const char *text, const char *id)
{
    assert_true(log_append(log, subject, (const uint8_t *)text, strlen(text), id));
}

static void assert_record(struct log *log, uint64_t seq, const char *subject, const char *text)
{
    const struct log_notice record = take_kind(log, LOG_RECORD);
    assert_int_equal(record.seq, seq);
    assert_string_equal(record.subject, subject);
    assert_int_equal(record.size, strlen(text));
    assert_memory_equal(record.data, text, record.size);
}

static void test_log_local_is_read_by_all(void **state)
{
    const struct place *p = *state;
    struct log *agent = open_log(p, "a", false);
    assert_non_null(strstr(take(agent).text, "open the log"));
    struct log *monitor = open_monitor(p);
    assert_int_equal(take(agent).kind, LOG_UP);
    assert_int_equal(take(agent).kind, LOG_CAUGHT_UP);
    append(agent, "pgbaton.a.node.n", "one", "id-1");
    append(agent, "pgbaton.a.node.n", "one", "id-1");
    append(monitor, "pgbaton.b.decision", "two", NULL);
    append(monitor, "pgbaton.a.decision", "three", NULL);
    assert_record(agent, 1, "pgbaton.a.node.n", "one");
    assert_record(agent, 3, "pgbaton.a.decision", "three");
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(take_kind(monitor, LOG_RECORD).seq, seq);
    }
    struct log *late = open_log(p, "a", false);
    assert_int_equal(take(late).kind, LOG_UP);
    assert_record(late, 1, "pgbaton.a.node.n", "one");
    assert_record(late, 3, "pgbaton.a.decision", "three");
    assert_int_equal(take(late).kind, LOG_CAUGHT_UP);
    append(monitor, "pgbaton.b.decision", "four", NULL);
    assert_int_equal(log_take(late).kind, LOG_NOTHING);
    log_destroy(late);
    log_destroy(agent);
    log_destroy(monitor);
}

static void test_log_local_passes_plain_messages_on(void **state)
{
    const struct place *p = *state;
    struct log *monitor = open_monitor(p);
    struct log *a = open_log(p, "a", false);
    struct log *b = open_log(p, "ab", false);
    (void)take_kind(a, LOG_CAUGHT_UP);
    (void)take_kind(b, LOG_CAUGHT_UP);
    assert_true(log_publish(monitor, "pgbaton-ask.ab", NULL, 0));
    assert_int_equal(take(b).kind, LOG_ASKED);
    assert_true(log_publish(b, "pgbaton-live.ab.n", (const uint8_t *)"here", 4));
    const struct log_notice live = take_kind(monitor, LOG_LIVE);
    assert_string_equal(live.subject, "pgbaton-live.ab.n");
    assert_memory_equal(live.data, "here", 4);
    assert_int_equal(take(b).kind, LOG_LIVE);
    assert_int_equal(log_take(a).kind, LOG_NOTHING);
    log_destroy(a);
    log_destroy(b);
    log_destroy(monitor);
}

/* Each appends its numbers; one of them is killed at any moment. */
static void write_numbers(const struct place *p, int writer)
{
    struct log *log = open_log(p, "a", false);
    (void)take_kind(log, LOG_CAUGHT_UP);
    for (int i = 1; i <= EACH_COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%d %d", writer, i);
        append(log, "pgbaton.a.node.n", text, text);
        while (take(log).kind != LOG_APPENDED) {
        }
    }
    log_destroy(log);
    _exit(0);
}

static void test_log_local_many_write(void **state)
{
    const struct place *p = *state;
    pid_t pids[WRITER_COUNT];
    int last[WRITER_COUNT] = {0};
    struct log *monitor = open_monitor(p);
    for (int i = 0; i < WRITER_COUNT; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            write_numbers(p, i);
        }
    }
    for (uint64_t seq = 1; last[1] < EACH_COUNT || last[2] < EACH_COUNT || last[3] < EACH_COUNT;
         seq++) {
        int writer = 0;
        int number = 0;
        char text[32] = "";
        const struct log_notice record = take_kind(monitor, LOG_RECORD);
        assert_int_equal(record.seq, seq);
        memcpy(text, record.data, record.size);
        assert_int_equal(sscanf(text, "%d %d", &writer, &number), 2);
        assert_int_equal(number, last[writer] + 1);
        last[writer] = number;
        if (seq == EACH_COUNT / 2) {
            assert_int_equal(kill(pids[0], SIGKILL), 0);
        }
    }
    for (int i = 0; i < WRITER_COUNT; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(i == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    log_destroy(monitor);
}

/* What an appender left that died in its write is cut off by the next one. */
static void test_log_local_cuts_a_torn_record(void **state)
{
    const struct place *p = *state;
    struct log *log = open_monitor(p);
    append(log, "pgbaton.a.node.n", "one", NULL);
    assert_record(log, 1, "pgbaton.a.node.n", "one");
    uint8_t bytes[LOG_RECORD_BYTES_MAX];
    uint8_t data[99] = {0};
    const struct log_notice torn = {
            .seq = 2, .subject = "pgbaton.a.x", .data = data, .size = sizeof(data)};
    const size_t size = log_record_encode(&torn, bytes);
    const int fd = open(p->path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bytes, size - 20), (ssize_t)(size - 20));
    (void)close(fd);
    append(log, "pgbaton.a.node.n", "two", NULL);
    assert_record(log, 2, "pgbaton.a.node.n", "two");
    log_destroy(log);
}

/* Who holds the lock delays the others, and no call of theirs. */
static void test_log_local_waits_for_the_lock(void **state)
{
    const struct place *p = *state;
    struct log *log = open_monitor(p);
    const int fd = open(p->path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    append(log, "pgbaton.a.node.n", "one", NULL);
    assert_int_equal(log_take(log).kind, LOG_NOTHING);
    (void)close(fd);
    assert_record(log, 1, "pgbaton.a.node.n", "one");
    log_destroy(log);
}

static void test_log_local_notices_another_file(void **state)
{
    const struct place *p = *state;
    struct log *log = open_monitor(p);
    append(log, "pgbaton.a.node.n", "one", NULL);
    assert_record(log, 1, "pgbaton.a.node.n", "one");
    assert_int_equal(truncate(p->path, LOG_RECORD_MAGIC_BYTES), 0);
    assert_non_null(strstr(take_kind(log, LOG_LOST).text, "another one"));
    log_destroy(log);
}

/* A busy log has no quiet second in which to look. */
static void test_log_local_notices_another_file_while_it_is_busy(void **state)
{
    const struct place *p = *state;
    char aside[sizeof(p->path) + 8];
    struct log *log = open_monitor(p);
    struct log *writer = open_monitor(p);
    enum log_notice_kind kind = LOG_NOTHING;
    (void)snprintf(aside, sizeof(aside), "%s.aside", p->path);
    assert_int_equal(rename(p->path, aside), 0);
    for (int i = 0; i < 500 && kind != LOG_LOST; i++) {
        (void)!log_append(writer, "pgbaton.a.node.n", (const uint8_t *)"x", 1, NULL);
        (void)poll(NULL, 0, 20);
        kind = log_take(log).kind;
    }
    (void)unlink(aside);
    assert_int_equal(kind, LOG_LOST);
    log_destroy(writer);
    log_destroy(log);
}

static void test_log_local_refuses_wrong_paths(void **state)
{
    static const char *const urls[] = {
            "file:log", "file:",
            "file:/tmp/"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct failure f = {0};
        struct log *log = NULL;
        const struct log_nats_options options = {.servers = urls[i]};
        assert_int_equal(log_create(&options, &log, &f), RESULT_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_local_is_read_by_all, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_local_passes_plain_messages_on, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_log_local_many_write, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_local_cuts_a_torn_record, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_local_waits_for_the_lock, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_local_notices_another_file, set_up, tear_down),
            cmocka_unit_test(test_log_local_refuses_wrong_paths),
            cmocka_unit_test_setup_teardown(test_log_local_notices_another_file_while_it_is_busy,
                                            set_up, tear_down),
            cmocka_unit_test(test_log_local_refuses_wrong_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
