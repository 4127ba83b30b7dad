/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/log_file.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORD_COUNT 100

struct files {
    char directory[64];
    char path[96];
};

static int set_up(void **state)
{
    struct files *files = calloc(1, sizeof(*files));
    assert_non_null(files);
    (void)snprintf(files->directory, sizeof(files->directory), "/tmp/pgbaton-log-XXXXXX");
    assert_non_null(mkdtemp(files->directory));
    (void)snprintf(files->path, sizeof(files->path), "%s/capture", files->directory);
    *state = files;
    return 0;
}

static int tear_down(void **state)
{
    struct files *files = *state;
    (void)unlink(files->path);
    (void)rmdir(files->directory);
    free(files);
    return 0;
}

/* Record i: even ones of cluster a, odd ones of cluster b; i bytes of payload. */
static void write_capture(const char *path)
{
    struct failure failure = {0};
    struct log_file_writer *writer = NULL;
    uint8_t data[RECORD_COUNT];
    assert_int_equal(log_file_writer_create(path, &writer, &failure), RESULT_OK);
    for (uint64_t i = 0; i < RECORD_COUNT; i++) {
        memset(data, (int)i, sizeof(data));
        const struct log_notice record = {
                .kind = LOG_RECORD,
                .seq = 10 + 2 * i,
                .stored_us = 1000 + i,
                .subject = i % 2 == 0 ? "pgbaton.a.decision" : "pgbaton.b.probe.node-1",
                .data = data,
                .size = i,
        };
        assert_int_equal(log_file_write(writer, &record, &failure), RESULT_OK);
    }
    assert_int_equal(log_file_writer_finish(writer, &failure), RESULT_OK);
}

static void overwrite(const char *path, long offset, uint8_t byte)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(&byte, 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void test_log_file_reads_what_was_written(void **state)
{
    struct files *files = *state;
    struct failure failure = {0};
    struct log *log = NULL;
    write_capture(files->path);
    assert_int_equal(log_file_create(files->path, NULL, &log, &failure), RESULT_OK);
    struct pollfd pollfd = {.fd = log_fd(log), .events = POLLIN};
    for (uint64_t i = 0; i < RECORD_COUNT; i++) {
        assert_int_equal(poll(&pollfd, 1, 0), 1);
        const struct log_notice record = log_take(log);
        assert_int_equal(record.kind, LOG_RECORD);
        assert_int_equal(record.seq, 10 + 2 * i);
        assert_int_equal(record.stored_us, 1000 + i);
        assert_int_equal(record.size, i);
        assert_string_equal(record.subject,
                            i % 2 == 0 ? "pgbaton.a.decision" : "pgbaton.b.probe.node-1");
        assert_true(i == 0 || record.data[i - 1] == i);
    }
    assert_int_equal(log_take(log).kind, LOG_CAUGHT_UP);
    assert_int_equal(log_take(log).kind, LOG_END);
    assert_int_equal(log_take(log).kind, LOG_NOTHING);
    assert_int_equal(poll(&pollfd, 1, 0), 1);
    assert_false(log_append(log, "pgbaton.a.decision", NULL, 0, NULL));
    assert_false(log_publish(log, "pgbaton-ask.a", NULL, 0));
    log_destroy(log);
}

static void test_log_file_reads_one_cluster_only(void **state)
{
    struct files *files = *state;
    struct failure failure = {0};
    struct log *log = NULL;
    write_capture(files->path);
    assert_int_equal(log_file_create(files->path, "b", &log, &failure), RESULT_OK);
    for (uint64_t i = 1; i < RECORD_COUNT; i += 2) {
        assert_int_equal(log_take(log).seq, 10 + 2 * i);
    }
    assert_int_equal(log_take(log).kind, LOG_CAUGHT_UP);
    log_destroy(log);
}

/* Reads to the end; returns the records, and the text of LOG_DOWN. */
static size_t read_broken(const char *path, char *ret_text, size_t size)
{
    struct failure failure = {0};
    struct log *log = NULL;
    size_t count = 0;
    assert_int_equal(log_file_create(path, NULL, &log, &failure), RESULT_OK);
    struct log_notice notice = log_take(log);
    for (; notice.kind == LOG_RECORD; notice = log_take(log)) {
        count++;
    }
    assert_int_equal(notice.kind, LOG_DOWN);
    (void)snprintf(ret_text, size, "%s", notice.text);
    assert_int_equal(log_take(log).kind, LOG_END);
    assert_int_equal(log_take(log).kind, LOG_NOTHING);
    log_destroy(log);
    return count;
}

static void test_log_file_says_where_it_is_cut(void **state)
{
    struct files *files = *state;
    char text[FAILURE_TEXT_SIZE];
    write_capture(files->path);
    /* The first record takes 4 + 18 + 18 + 0 + 4 bytes, the second 4 + 18 + 22 + 1 + 4. */
    for (long size = 8 + 44 + 1; size < 8 + 44 + 49; size++) {
        assert_int_equal(truncate(files->path, 8 + 44 + 49), 0);
        assert_int_equal(truncate(files->path, size), 0);
        assert_int_equal(read_broken(files->path, text, sizeof(text)), 1);
        assert_non_null(strstr(text, "cut at offset 52, after sequence 10"));
    }
}

static void test_log_file_says_where_it_is_damaged(void **state)
{
    struct files *files = *state;
    char text[FAILURE_TEXT_SIZE];
    for (long at = 0; at < 49; at++) {
        (void)unlink(files->path);
        write_capture(files->path);
        overwrite(files->path, 8 + 44 + at, 0xa5);
        assert_int_equal(read_broken(files->path, text, sizeof(text)), 1);
        assert_non_null(strstr(text, "at offset 52, after sequence 10"));
    }
}

static void test_log_file_knows_zlib_s_crc(void **state)
{
    struct files *files = *state;
    uint8_t bytes[64];
    static const uint8_t expected[] = {
            'P', 'G', 'B', 'A', 'T', 'O', 'N', '1', 28, 0, 0, 0, 1,   0,   0,   0,   0,   0,
            0,   0,   0,   0,   0,   0,   0,   0,   0,  0, 5, 0, 'h', 'e', 'l', 'l', 'o', 'x',
    };
    struct failure failure = {0};
    struct log_file_writer *writer = NULL;
    const struct log_notice record = {.kind = LOG_RECORD,
                                      .seq = 1,
                                      .subject = "hello",
                                      .data = (const uint8_t *)"x",
                                      .size = 1};
    assert_int_equal(log_file_writer_create(files->path, &writer, &failure), RESULT_OK);
    assert_int_equal(log_file_write(writer, &record, &failure), RESULT_OK);
    assert_int_equal(log_file_writer_finish(writer, &failure), RESULT_OK);
    FILE *file = fopen(files->path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof(bytes), file), sizeof(expected) + 4);
    assert_int_equal(fclose(file), 0);
    assert_memory_equal(bytes, expected, sizeof(expected));
    const uint32_t crc = (uint32_t)bytes[36] | (uint32_t)bytes[37] << 8 |
                         (uint32_t)bytes[38] << 16 | (uint32_t)bytes[39] << 24;
    assert_int_equal(crc, 0x60615075);
}

static void test_log_file_refuses_what_is_none(void **state)
{
    struct files *files = *state;
    struct failure failure = {0};
    struct log *log = NULL;
    struct log_file_writer *writer = NULL;
    assert_int_equal(log_file_create(files->path, NULL, &log, &failure), RESULT_NOT_FOUND);
    write_capture(files->path);
    assert_int_equal(log_file_writer_create(files->path, &writer, &failure), RESULT_REFUSED);
    assert_int_equal(failure.code, RESULT_REFUSED);
    overwrite(files->path, 7, '2');
    assert_int_equal(log_file_create(files->path, NULL, &log, &failure), RESULT_INVALID);
    assert_non_null(strstr(failure.text, "offset 0"));
    assert_int_equal(truncate(files->path, 3), 0);
    assert_int_equal(log_file_create(files->path, NULL, &log, &failure), RESULT_INVALID);
    assert_null(log);
}

static void test_log_file_has_a_note(void **state)
{
    struct files *files = *state;
    struct failure failure = {0};
    struct log_file_writer *writer = NULL;
    struct log *log = NULL;
    const uint8_t data[] = {1, 2, 3};
    const struct log_notice record = {.kind = LOG_RECORD,
                                      .seq = 7,
                                      .subject = "pgbaton.a.decision",
                                      .data = data,
                                      .size = sizeof(data)};
    assert_int_equal(log_file_writer_create(files->path, &writer, &failure), RESULT_OK);
    assert_int_equal(log_file_write_note(writer, "it is a copy", &failure), RESULT_OK);
    assert_int_equal(log_file_write(writer, &record, &failure), RESULT_OK);
    assert_int_equal(log_file_writer_finish(writer, &failure), RESULT_OK);
    assert_int_equal(log_file_create(files->path, "a", &log, &failure), RESULT_OK);
    assert_string_equal(log_file_note(log), "it is a copy");
    const struct log_notice notice = log_take(log);
    assert_int_equal(notice.kind, LOG_RECORD);
    assert_int_equal(notice.seq, 7);
    assert_int_equal(log_take(log).kind, LOG_CAUGHT_UP);
    log_destroy(log);
    (void)unlink(files->path);
    write_capture(files->path);
    assert_int_equal(log_file_create(files->path, NULL, &log, &failure), RESULT_OK);
    assert_null(log_file_note(log));
    log_destroy(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_log_file_has_a_note, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_reads_what_was_written, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_reads_one_cluster_only, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_says_where_it_is_cut, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_says_where_it_is_damaged, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_knows_zlib_s_crc, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_log_file_refuses_what_is_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
