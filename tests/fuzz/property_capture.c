/* SPDX-License-Identifier: PostgreSQL */
/*
 * property_capture.c - what must hold for all captured files, tried with random ones:
 *   what was written is read, in order, and then the file is at its end;
 *   of a file to which anything was done, everything before that is read as it was, nothing that
 *   was changed is, and the reader says where it stopped.
 *
 * Usage: property_capture [iterations [seed]]
 */
#include "../../proto/log_file.h"
#include "../../proto/log_record.h"
#include "random_event.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS_MAX 12
#define PAYLOAD_MAX 300

struct record {
    uint64_t seq;
    uint64_t stored_us;
    size_t size;
    size_t end; /* where it ends in the file */
    char subject[SUBJECT_SIZE];
    uint8_t data[PAYLOAD_MAX];
};

struct capture {
    uint32_t count;
    struct record records[RECORDS_MAX];
    size_t size;
    uint8_t bytes[LOG_RECORD_MAGIC_BYTES + RECORDS_MAX * LOG_RECORD_BYTES_MAX];
};

/* How a file was read. */
struct outcome_of_reading {
    uint32_t count; /* records that are those that were written, from the first one on */
    bool other;     /* a record that is not */
    bool stopped;   /* it said where and why */
    bool refused;   /* it is no captured file */
    bool ended;
};

static char path[64] =
        "/dev/shm/property_capture.XXXXXX"; /* in memory, where there is such a place */

static void fail(const char *what, uint64_t iteration)
{
    (void)fprintf(stderr, "iteration %" PRIu64 ": %s\n", iteration, what);
    (void)unlink(path);
    exit(EXIT_FAILURE);
}

static void make_record(struct random *random, uint64_t seq, struct record *r)
{
    static const char *const kinds[] = {"probe", "lock", "node", "request"};
    r->seq = seq;
    r->stored_us = random_next(random);
    r->size = random_below(random, PAYLOAD_MAX + 1);
    (void)snprintf(r->subject, sizeof r->subject, "pgbaton.demo.%s.node-%" PRIu32,
                   kinds[random_below(random, 4)], random_below(random, 5));
    for (size_t i = 0; i < r->size; i++) {
        r->data[i] = (uint8_t)random_next(random);
    }
}

static struct log_notice notice_of(const struct record *r)
{
    return (struct log_notice){.kind = LOG_RECORD,
                               .seq = r->seq,
                               .stored_us = r->stored_us,
                               .subject = r->subject,
                               .data = r->data,
                               .size = r->size};
}

/* ---- the file ---- */

static void read_bytes(struct capture *c, uint64_t iteration)
{
    FILE *file = fopen(path, "rb");
    c->size = file != NULL ? fread(c->bytes, 1, sizeof c->bytes, file) : 0;
    if (file == NULL || fclose(file) != 0 || c->size == 0) {
        fail("the file that was written cannot be read", iteration);
    }
}

static void write_bytes(const uint8_t *bytes, size_t size, uint64_t iteration)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        fail("no room for a file", iteration);
    }
}

static void make_capture(struct random *random, struct capture *c, uint64_t iteration)
{
    struct log_file_writer *writer = NULL;
    struct failure failure;
    uint64_t seq = 0;
    size_t end = LOG_RECORD_MAGIC_BYTES;
    (void)unlink(path);
    if (log_file_writer_create(path, &writer, &failure) != RESULT_OK) {
        fail(failure.text, iteration);
    }
    c->count = 1 + random_below(random, RECORDS_MAX);
    for (uint32_t i = 0; i < c->count; i++) {
        static uint8_t bytes[LOG_RECORD_BYTES_MAX];
        seq += 1 + random_below(random, 3);
        make_record(random, seq, &c->records[i]);
        const struct log_notice notice = notice_of(&c->records[i]);
        if (log_file_write(writer, &notice, &failure) != RESULT_OK) {
            fail(failure.text, iteration);
        }
        end += log_record_encode(&notice, bytes);
        c->records[i].end = end;
    }
    if (log_file_writer_finish(writer, &failure) != RESULT_OK) {
        fail(failure.text, iteration);
    }
    read_bytes(c, iteration);
}

/* ---- reading ---- */

static bool is_record(const struct log_notice *n, const struct record *r)
{
    return n->seq == r->seq && n->stored_us == r->stored_us && n->size == r->size &&
           strcmp(n->subject, r->subject) == 0 && memcmp(n->data, r->data, r->size) == 0;
}

static struct outcome_of_reading read_capture(const struct capture *c)
{
    struct outcome_of_reading o = {0};
    struct failure failure;
    struct log *log = NULL;
    if (log_file_create(path, NULL, &log, &failure) != RESULT_OK) {
        o.refused = failure.text[0] != '\0';
        return o;
    }
    while (!o.ended && !o.other) {
        const struct log_notice n = log_take(log);
        if (n.kind == LOG_RECORD) {
            const bool same = o.count < c->count && is_record(&n, &c->records[o.count]);
            o.count += same ? 1 : 0;
            o.other = !same;
        }
        o.stopped = o.stopped || (n.kind == LOG_DOWN && strstr(n.text, "at offset ") != NULL);
        o.ended = n.kind == LOG_END;
    }
    log_destroy(log);
    return o;
}

/* ---- damage ---- */

/* Changes the bytes; returns the offset of the first that differs, or the old size. */
static size_t damage(struct random *random, const struct capture *c, uint8_t *bytes, size_t *size)
{
    const size_t at = random_below(random, (uint32_t)c->size);
    const size_t count = 1 + random_below(random, 8);
    memcpy(bytes, c->bytes, c->size);
    *size = c->size;
    switch (random_below(random, 4)) {
    case 0: /* cut */
        *size = at;
        break;
    case 1: /* other bytes */
        for (size_t i = at; i < c->size && i < at + count; i++) {
            bytes[i] ^= (uint8_t)(1 + random_below(random, 255));
        }
        break;
    case 2: /* bytes that are gone */
        *size -= c->size - at < count ? c->size - at : count;
        memmove(bytes + at, bytes + at + (c->size - *size), *size - at);
        break;
    default: /* a block of zeros, as a disk leaves it */
        memset(bytes + at, 0, c->size - at < 64 ? c->size - at : 64);
        break;
    }
    size_t same = 0;
    while (same < *size && same < c->size && bytes[same] == c->bytes[same]) {
        same++;
    }
    return same;
}

/* Records that end before the first byte that differs. */
static uint32_t whole_before(const struct capture *c, size_t offset)
{
    uint32_t count = 0;
    while (count < c->count && c->records[count].end <= offset) {
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    static struct capture c;
    static uint8_t bytes[sizeof c.bytes];
    const uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t stopped = 0;
    uint64_t refused = 0;
    struct random random;
    if (access("/dev/shm", W_OK) != 0) {
        (void)snprintf(path, sizeof path, "/tmp/property_capture.XXXXXX");
    }
    const int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        fail("no temporary file", 0);
    }
    random_init(&random, seed);
    for (uint64_t i = 0; i < iterations; i++) {
        if (i % 16 == 0) {
            make_capture(&random, &c, i);
        }
        write_bytes(c.bytes, c.size, i);
        struct outcome_of_reading o = read_capture(&c);
        if (o.count != c.count || o.other || o.stopped || !o.ended) {
            fail("what was written is not what is read", i);
        }
        size_t size = 0;
        const size_t offset = damage(&random, &c, bytes, &size);
        write_bytes(bytes, size, i);
        o = read_capture(&c);
        const uint32_t whole = whole_before(&c, offset);
        const bool clean =
                offset == size && whole < c.count + 1 &&
                offset == (whole > 0 ? c.records[whole - 1].end : LOG_RECORD_MAGIC_BYTES);
        if (o.other || (!o.refused && o.count != whole)) {
            fail("damage is read, or what stands before it is not", i);
        }
        if (!o.refused && !clean && !o.stopped) {
            fail("nobody says that the file is damaged", i);
        }
        if (o.refused && offset >= LOG_RECORD_MAGIC_BYTES) {
            fail("a file with a whole head is refused", i);
        }
        stopped += o.stopped ? 1 : 0;
        refused += o.refused ? 1 : 0;
    }
    (void)unlink(path);
    (void)printf("seed %" PRIu64 ": %" PRIu64 " files, read to their end; damaged ones: %" PRIu64
                 " read up to the damage, %" PRIu64 " refused\n",
                 seed, iterations, stopped, refused);
    return stopped > 0 && refused > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
