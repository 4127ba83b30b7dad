/* SPDX-License-Identifier: PostgreSQL */
#include "log_file.h"

#include "log_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAGIC "PGBATON1"
#define MAGIC_BYTES 8
#define SIZE_BYTES 4
#define HEAD_BYTES 18 /* seq, stored_us, subject length */
#define CRC_BYTES 4
#define BODY_BYTES_MIN (HEAD_BYTES + CRC_BYTES)
#define BODY_BYTES_MAX (HEAD_BYTES + SUBJECT_SIZE + EVENT_BYTES_MAX + CRC_BYTES)

/* CRC-32 of ISO 3309, as zlib's, over four bits at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    static const uint32_t table[16] = {
            0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
            0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
            0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc = table[(crc ^ data[i]) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (data[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return crc ^ 0xffffffff;
}

static void put_number(uint8_t *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

static enum result open_failure(struct failure *f, int error, const char *verb, const char *path)
{
    char buffer[128];
    const enum result code = error == ENOENT   ? RESULT_NOT_FOUND
                             : error == EEXIST ? RESULT_REFUSED
                                               : RESULT_FAILED;
    return failure_set(f, code, "%s %s: %s", verb, path, strerror_r(error, buffer, sizeof(buffer)));
}

/* Writing */

struct log_file_writer {
    FILE *file;
    char *path;
};

static FILE *create_file(const char *path)
{
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                            : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    FILE *file = fdopen(fd, "wb");
    if (file == NULL) {
        (void)close(fd);
    }
    return file;
}

enum result log_file_writer_create(const char *path, struct log_file_writer **ret_writer,
                                   struct failure *reterr_failure)
{
    FILE *file = create_file(path);
    if (file == NULL) {
        return open_failure(reterr_failure, errno, "create", path);
    }
    struct log_file_writer *writer = calloc(1, sizeof(*writer));
    assert(writer != NULL);
    writer->file = file;
    writer->path = strdup(path);
    assert(writer->path != NULL);
    if (fwrite(MAGIC, 1, MAGIC_BYTES, file) != MAGIC_BYTES) {
        (void)failure_errno(reterr_failure, errno, "write %s", path);
        (void)fclose(file);
        free(writer->path);
        free(writer);
        return RESULT_FAILED;
    }
    *ret_writer = writer;
    return RESULT_OK;
}

enum result log_file_write(struct log_file_writer *writer, const struct log_notice *record,
                           struct failure *reterr_failure)
{
    uint8_t bytes[SIZE_BYTES + BODY_BYTES_MAX];
    const size_t subject_size = strlen(record->subject);
    if (subject_size >= SUBJECT_SIZE || record->size > EVENT_BYTES_MAX) {
        return failure_set(reterr_failure, RESULT_INVALID, "record %" PRIu64 " is too large",
                           record->seq);
    }
    const size_t body = HEAD_BYTES + subject_size + record->size + CRC_BYTES;
    const size_t crc_at = SIZE_BYTES + body - CRC_BYTES;
    put_number(bytes, body, SIZE_BYTES);
    put_number(bytes + 4, record->seq, 8);
    put_number(bytes + 12, record->stored_us, 8);
    put_number(bytes + 20, subject_size, 2);
    memcpy(bytes + 22, record->subject, subject_size);
    if (record->size > 0) {
        memcpy(bytes + 22 + subject_size, record->data, record->size);
    }
    put_number(bytes + crc_at, crc32_of(bytes, crc_at), CRC_BYTES);
    if (fwrite(bytes, 1, SIZE_BYTES + body, writer->file) != SIZE_BYTES + body) {
        return failure_errno(reterr_failure, errno, "write %s", writer->path);
    }
    return RESULT_OK;
}

/* Pipes and terminals cannot be synced; nothing is kept there. */
static bool sync_file(FILE *file)
{
    return fflush(file) == 0 && (fsync(fileno(file)) == 0 || errno == EINVAL || errno == EROFS);
}

enum result log_file_writer_finish(struct log_file_writer *writer, struct failure *reterr_failure)
{
    if (writer == NULL) {
        return RESULT_OK;
    }
    enum result result = RESULT_OK;
    if (!sync_file(writer->file)) {
        result = failure_errno(reterr_failure, errno, "sync %s", writer->path);
    }
    if (fclose(writer->file) != 0 && result == RESULT_OK) {
        result = failure_errno(reterr_failure, errno, "close %s", writer->path);
    }
    free(writer->path);
    free(writer);
    return result;
}

/* Reading */

enum file_stage {
    FILE_READING = 0,
    FILE_ENDING, /* all is handed out but LOG_END */
    FILE_ENDED,
};

struct log_file {
    struct log base;
    FILE *file;
    char *path;
    char *cluster; /* NULL: all */
    int fd;        /* an eventfd that is always readable */
    enum file_stage stage;
    uint64_t offset; /* of the next record */
    uint64_t last_seq;
    char text[FAILURE_TEXT_SIZE];
    char subject[SUBJECT_SIZE];
    uint8_t bytes[SIZE_BYTES + BODY_BYTES_MAX];
};

static struct log_file *file_of(const struct log *log)
{
    return (struct log_file *)(uintptr_t)log;
}

static void file_destroy(struct log *base)
{
    struct log_file *log = file_of(base);
    (void)fclose(log->file);
    if (log->fd >= 0) {
        (void)close(log->fd);
    }
    free(log->path);
    free(log->cluster);
    free(log);
}

static int file_fd(const struct log *base)
{
    return file_of(base)->fd;
}

/* Reading stops here: the notice that says so. */
static struct log_notice stop(struct log_file *log, const char *what)
{
    log->stage = FILE_ENDING;
    (void)snprintf(log->text, sizeof(log->text),
                   "%s: %s at offset %" PRIu64 ", after sequence %" PRIu64, log->path, what,
                   log->offset, log->last_seq);
    return (struct log_notice){.kind = LOG_DOWN, .text = log->text};
}

enum found {
    FOUND_RECORD,
    FOUND_END,
    FOUND_CUT,
    FOUND_DAMAGE,
};

/* Reads the next record's bytes to log->bytes. */
static enum found read_record(struct log_file *log, size_t *ret_body)
{
    const size_t got = fread(log->bytes, 1, SIZE_BYTES, log->file);
    if (got == 0 && feof(log->file) != 0) {
        return FOUND_END;
    }
    if (got < SIZE_BYTES) {
        return FOUND_CUT;
    }
    const size_t body = (size_t)get_number(log->bytes, SIZE_BYTES);
    if (body < BODY_BYTES_MIN || body > BODY_BYTES_MAX) {
        return FOUND_DAMAGE;
    }
    if (fread(log->bytes + SIZE_BYTES, 1, body, log->file) < body) {
        return FOUND_CUT;
    }
    const size_t crc_at = SIZE_BYTES + body - CRC_BYTES;
    const size_t subject_size = (size_t)get_number(log->bytes + 20, 2);
    *ret_body = body;
    if (get_number(log->bytes + crc_at, CRC_BYTES) != crc32_of(log->bytes, crc_at) ||
        subject_size >= SUBJECT_SIZE || subject_size > body - BODY_BYTES_MIN ||
        get_number(log->bytes + 4, 8) <= log->last_seq) {
        return FOUND_DAMAGE;
    }
    return FOUND_RECORD;
}

/* The record in log->bytes as a notice. */
static struct log_notice take_record(struct log_file *log, size_t body)
{
    const size_t subject_size = (size_t)get_number(log->bytes + 20, 2);
    memcpy(log->subject, log->bytes + 22, subject_size);
    log->subject[subject_size] = '\0';
    log->offset += SIZE_BYTES + body;
    log->last_seq = get_number(log->bytes + 4, 8);
    return (struct log_notice){
            .kind = LOG_RECORD,
            .seq = log->last_seq,
            .stored_us = get_number(log->bytes + 12, 8),
            .subject = log->subject,
            .data = log->bytes + 22 + subject_size,
            .size = body - BODY_BYTES_MIN - subject_size,
    };
}

static struct log_notice read_next(struct log_file *log)
{
    size_t body = 0;
    for (;;) {
        const enum found found = read_record(log, &body);
        if (found == FOUND_END) {
            log->stage = FILE_ENDING;
            return (struct log_notice){.kind = LOG_CAUGHT_UP};
        }
        if (found != FOUND_RECORD) {
            return stop(log, found == FOUND_CUT ? "the file is cut" : "the file is damaged");
        }
        const struct log_notice record = take_record(log, body);
        if (log_subject_is_of(record.subject, log->cluster)) {
            return record;
        }
    }
}

static struct log_notice file_take(struct log *base)
{
    struct log_file *log = file_of(base);
    if (log->stage == FILE_READING) {
        return read_next(log);
    }
    const bool ending = log->stage == FILE_ENDING;
    log->stage = FILE_ENDED;
    return (struct log_notice){.kind = ending ? LOG_END : LOG_NOTHING};
}

static bool file_append(struct log *base, const struct log_notice *message, const char *message_id)
{
    (void)base;
    (void)message;
    (void)message_id;
    return false;
}

static bool file_publish(struct log *base, const struct log_notice *message)
{
    (void)base;
    (void)message;
    return false;
}

/* Nothing of its own runs, so nothing can be stuck. */
static uint64_t file_progress_mono_ms(const struct log *base)
{
    (void)base;
    return log_mono_ms();
}

static const struct log_operations file_operations = {
        .destroy = file_destroy,
        .fd = file_fd,
        .take = file_take,
        .append = file_append,
        .publish = file_publish,
        .progress_mono_ms = file_progress_mono_ms,
};

static struct log_file *allocate(FILE *file, const char *path, const char *cluster)
{
    struct log_file *log = calloc(1, sizeof(*log));
    assert(log != NULL);
    log->base.operations = &file_operations;
    log->file = file;
    log->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    log->path = strdup(path);
    log->cluster = cluster == NULL ? NULL : strdup(cluster);
    log->offset = MAGIC_BYTES;
    assert(log->path != NULL && (cluster == NULL || log->cluster != NULL));
    return log;
}

enum result log_file_create(const char *path, const char *cluster, struct log **ret_log,
                            struct failure *reterr_failure)
{
    char magic[MAGIC_BYTES] = {0};
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return open_failure(reterr_failure, errno, "open", path);
    }
    if (fread(magic, 1, MAGIC_BYTES, file) != MAGIC_BYTES ||
        memcmp(magic, MAGIC, MAGIC_BYTES) != 0) {
        (void)fclose(file);
        return failure_set(reterr_failure, RESULT_INVALID,
                           "%s: not a captured log (offset 0 does not hold " MAGIC ")", path);
    }
    struct log_file *log = allocate(file, path, cluster);
    if (log->fd < 0) {
        const int error = errno;
        file_destroy(&log->base);
        return failure_errno(reterr_failure, error, "eventfd");
    }
    *ret_log = &log->base;
    return RESULT_OK;
}
