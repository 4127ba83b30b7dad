/* SPDX-License-Identifier: PostgreSQL */
/* The appending side of the log of one machine. */
#include "log_local.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SEQ_BYTES 12 /* a record's size and sequence number */

static uint64_t wall_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t size_of(int file)
{
    struct stat status;
    return fstat(file, &status) == 0 ? (uint64_t)status.st_size : 0;
}

bool log_local_begin_file(const struct log_local *log)
{
    if (size_of(log->file) >= LOG_RECORD_MAGIC_BYTES) {
        return true;
    }
    if (!log->options.create_stream || flock(log->file, LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    bool whole = size_of(log->file) >= LOG_RECORD_MAGIC_BYTES;
    if (!whole) {
        whole = pwrite(log->file, LOG_RECORD_MAGIC, LOG_RECORD_MAGIC_BYTES, 0) ==
                LOG_RECORD_MAGIC_BYTES;
    }
    (void)flock(log->file, LOCK_UN);
    return whole;
}

/* Under the lock: goes on to the file's end, and cuts off what a dead appender has left there of a
 * record. */
static bool find_tail(struct log_local *log)
{
    uint8_t head[SEQ_BYTES];
    const uint64_t size = size_of(log->file);
    while (log->tail_offset + SEQ_BYTES <= size) {
        if (pread(log->file, head, SEQ_BYTES, (off_t)log->tail_offset) != SEQ_BYTES) {
            return false;
        }
        const size_t length = log_record_size(head);
        if (length == 0) {
            log_local_down(log,
                           "%s is damaged at offset %" PRIu64 ": keep a copy, and cut it there "
                           "(truncate --size)",
                           log->path, log->tail_offset);
            return false;
        }
        if (log->tail_offset + length > size) {
            break;
        }
        log->tail_offset += length;
        log->tail_seq = log_record_seq(head);
    }
    return log->tail_offset == size || ftruncate(log->file, (off_t)log->tail_offset) == 0;
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    }
    return hash;
}

/* Appended before, and not long ago. */
static bool is_known(const struct log_local *log, const char *message_id)
{
    const uint64_t hash = message_id == NULL ? 0 : hash_of(message_id);
    for (size_t i = 0; i < LOCAL_ID_COUNT && hash != 0; i++) {
        if (log->ids[i] == hash) {
            return true;
        }
    }
    return false;
}

static void remember(struct log_local *log, const char *message_id)
{
    if (message_id != NULL) {
        log->ids[log->id_next] = hash_of(message_id);
        log->id_next = (log->id_next + 1) % LOCAL_ID_COUNT;
    }
}

static void tell_appended(struct log_local *log, uint64_t seq)
{
    const struct log_notice notice = {.kind = LOG_APPENDED, .seq = seq};
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_DROPPABLE);
}

static void refuse(struct log_local *log, const char *text)
{
    const struct log_notice notice = {.kind = LOG_REFUSED, .text = text};
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_DROPPABLE);
}

/* Under the lock, at the tail. */
static bool write_record(struct log_local *log, struct log_notice record)
{
    uint8_t bytes[LOG_RECORD_BYTES_MAX];
    record.seq = log->tail_seq + 1;
    record.stored_us = wall_us();
    const size_t size = log_record_encode(&record, bytes);
    if (size == 0) {
        refuse(log, "the record is too large");
        return false;
    }
    errno = 0;
    if (pwrite(log->file, bytes, size, (off_t)log->tail_offset) != (ssize_t)size) {
        char text[FAILURE_TEXT_SIZE];
        char buffer[128];
        (void)snprintf(text, sizeof(text), "write %s: %s", log->path,
                       strerror_r(errno != 0 ? errno : ENOSPC, buffer, sizeof(buffer)));
        /* Who appends next cuts it off if this cannot. */
        (void)!ftruncate(log->file, (off_t)log->tail_offset);
        refuse(log, text);
        return false;
    }
    log->tail_offset += size;
    log->tail_seq = record.seq;
    tell_appended(log, record.seq);
    return true;
}

static bool is_too_old(struct log_local *log)
{
    uint64_t queued_ms = 0;
    return log_queue_peek(log->outbound, &queued_ms) != LOG_NOTHING &&
           log_mono_ms() > queued_ms + LOCAL_APPEND_AGE_MS;
}

/* Under the lock. True when something was written. */
static bool write_all(struct log_local *log)
{
    bool wrote = false;
    while (log_queue_peek(log->outbound, NULL) != LOG_NOTHING) {
        const struct log_notice record = log_queue_take(log->outbound);
        if (is_known(log, record.text)) {
            tell_appended(log, 0);
        } else if (write_record(log, record)) {
            remember(log, record.text);
            wrote = true;
        }
    }
    return wrote;
}

void log_local_flush(struct log_local *log)
{
    while (is_too_old(log)) {
        (void)log_queue_take(log->outbound);
    }
    if (log->file < 0 || log->broken || log_queue_peek(log->outbound, NULL) == LOG_NOTHING ||
        flock(log->file, LOCK_EX | LOCK_NB) != 0) {
        return;
    }
    const bool wrote = find_tail(log) && write_all(log);
    (void)flock(log->file, LOCK_UN);
    if (wrote) {
        (void)log_local_send(log, NULL, 0);
    }
}

/* A reader that is gone leaves its socket behind. */
static void send_to(const struct log_local *log, const char *name, const uint8_t *data, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int length =
            snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", log->readers, name);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
        return;
    }
    if (sendto(log->socket, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
               sizeof(address)) < 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(address.sun_path);
    }
}

bool log_local_send(const struct log_local *log, const uint8_t *data, size_t size)
{
    DIR *directory = log->socket < 0 ? NULL : opendir(log->readers);
    if (directory == NULL) {
        return false;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            send_to(log, entry->d_name, data, size);
        }
    }
    (void)closedir(directory);
    return true;
}
