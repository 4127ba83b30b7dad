/* SPDX-License-Identifier: PostgreSQL */
#include "log_file.h"

#include "log_impl.h"
#include "log_record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    if (fwrite(LOG_RECORD_MAGIC, 1, LOG_RECORD_MAGIC_BYTES, file) != LOG_RECORD_MAGIC_BYTES) {
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
    uint8_t bytes[LOG_RECORD_BYTES_MAX];
    const size_t size = log_record_encode(record, bytes);
    if (size == 0) {
        return failure_set(reterr_failure, RESULT_INVALID, "record %" PRIu64 " is too large",
                           record->seq);
    }
    if (fwrite(bytes, 1, size, writer->file) != size) {
        return failure_errno(reterr_failure, errno, "write %s", writer->path);
    }
    return RESULT_OK;
}

enum result log_file_write_note(struct log_file_writer *writer, const char *text,
                                struct failure *reterr_failure)
{
    const struct log_notice note = {
            .kind = LOG_RECORD,
            .subject = LOG_FILE_NOTE_SUBJECT,
            .data = (const uint8_t *)text,
            .size = strnlen(text, LOG_FILE_NOTE_BYTES_MAX),
    };
    return log_file_write(writer, &note, reterr_failure);
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
    size_t ahead_size; /* of the first record, whose bytes were read to see whether it is a note */
    char note[LOG_FILE_NOTE_BYTES_MAX + 1]; /* empty: none */
    char text[FAILURE_TEXT_SIZE];
    char subject[SUBJECT_SIZE];
    uint8_t bytes[LOG_RECORD_BYTES_MAX];
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

/* Reads the next record's bytes to log->bytes; false at the end of the file. */
static bool read_bytes(struct log_file *log, size_t *ret_size)
{
    const size_t head = LOG_RECORD_SIZE_BYTES;
    if (log->ahead_size != 0) {
        *ret_size = log->ahead_size;
        log->ahead_size = 0;
        return true;
    }
    *ret_size = fread(log->bytes, 1, head, log->file);
    const size_t size = *ret_size == head ? log_record_size(log->bytes) : 0;
    if (size != 0) {
        *ret_size += fread(log->bytes + head, 1, size - head, log->file);
    }
    return *ret_size != 0 || feof(log->file) == 0;
}

static struct log_notice read_next(struct log_file *log)
{
    size_t size = 0;
    struct log_notice record;
    while (read_bytes(log, &size)) {
        enum log_record_found found = log_record_decode(log->bytes, size, log->subject, &record);
        if (found == LOG_RECORD_WHOLE && record.seq <= log->last_seq) {
            found = LOG_RECORD_DAMAGED;
        }
        if (found != LOG_RECORD_WHOLE) {
            return stop(log, found == LOG_RECORD_CUT ? "the file is cut" : "the file is damaged");
        }
        log->offset += size;
        log->last_seq = record.seq;
        if (log_subject_is_of(record.subject, log->cluster)) {
            return record;
        }
    }
    log->stage = FILE_ENDING;
    return (struct log_notice){.kind = LOG_CAUGHT_UP};
}

/* What is no note stays to be read. */
static void read_note(struct log_file *log)
{
    size_t size = 0;
    struct log_notice note;
    if (!read_bytes(log, &size)) {
        return;
    }
    if (log_record_decode(log->bytes, size, log->subject, &note) != LOG_RECORD_WHOLE ||
        note.seq != 0 || strcmp(note.subject, LOG_FILE_NOTE_SUBJECT) != 0) {
        log->ahead_size = size;
        return;
    }
    const size_t length = note.size < LOG_FILE_NOTE_BYTES_MAX ? note.size : LOG_FILE_NOTE_BYTES_MAX;
    memcpy(log->note, note.data, length);
    log->offset += size;
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
    log->offset = LOG_RECORD_MAGIC_BYTES;
    assert(log->path != NULL && (cluster == NULL || log->cluster != NULL));
    return log;
}

enum result log_file_create(const char *path, const char *cluster, struct log **ret_log,
                            struct failure *reterr_failure)
{
    char magic[LOG_RECORD_MAGIC_BYTES] = {0};
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return open_failure(reterr_failure, errno, "open", path);
    }
    if (fread(magic, 1, LOG_RECORD_MAGIC_BYTES, file) != LOG_RECORD_MAGIC_BYTES ||
        memcmp(magic, LOG_RECORD_MAGIC, LOG_RECORD_MAGIC_BYTES) != 0) {
        (void)fclose(file);
        return failure_set(reterr_failure, RESULT_INVALID,
                           "%s: not a captured log (offset 0 does not hold " LOG_RECORD_MAGIC ")",
                           path);
    }
    struct log_file *log = allocate(file, path, cluster);
    if (log->fd < 0) {
        const int error = errno;
        file_destroy(&log->base);
        return failure_errno(reterr_failure, error, "eventfd");
    }
    read_note(log);
    *ret_log = &log->base;
    return RESULT_OK;
}

const char *log_file_note(const struct log *log)
{
    const bool noted = log->operations == &file_operations && file_of(log)->note[0] != '\0';
    return noted ? file_of(log)->note : NULL;
}
