/* SPDX-License-Identifier: PostgreSQL */
/* The reading side of the log of one machine, and its place behind log.h. */
#include "log_local.h"

#include "subject.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE_COUNT 1024
#define QUEUE_BYTES (512 * 1024)
/* The next look, in ms: at a file that is not there yet; for the lock, or the rest of a record; at
 * whether the file is still the same. */
#define ABSENT_MS 100
#define BUSY_MS 2
#define IDLE_MS 1000

static struct log_local *local_of(const struct log *log)
{
    return (struct log_local *)(uintptr_t)log;
}

static void tell(struct log_local *log, enum log_notice_kind kind, const char *text)
{
    const struct log_notice notice = {.kind = kind, .text = text};
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_NONE);
}

void log_local_down(struct log_local *log, const char *format, ...)
{
    char text[FAILURE_TEXT_SIZE];
    va_list arguments;
    if (log->down_told) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log->down_told = true;
    tell(log, LOG_DOWN, text);
}

/* ---- opening ---- */

static void down_errno(struct log_local *log, const char *verb, const char *path)
{
    char buffer[128];
    log_local_down(log, "%s %s: %s", verb, path, strerror_r(errno, buffer, sizeof(buffer)));
}

/* Our socket, where the others find it. */
static bool bind_socket(struct log_local *log)
{
    static atomic_uint count;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (log->options.create_stream && mkdir(log->readers, 0770) == 0) {
        (void)chmod(log->readers, 02770);
    }
    const int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%d.%u",
                                log->readers, (int)getpid(), atomic_fetch_add(&count, 1));
    assert(length > 0 && (size_t)length < sizeof(address.sun_path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)unlink(address.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        down_errno(log, "make a socket in", log->readers);
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    (void)chmod(address.sun_path, 0660);
    memcpy(log->socket_path, address.sun_path, sizeof(log->socket_path));
    log->socket = fd;
    struct epoll_event interest = {.events = EPOLLIN};
    (void)epoll_ctl(log->epoll, EPOLL_CTL_ADD, fd, &interest);
    return true;
}

static bool open_file(struct log_local *log)
{
    const bool creates = log->options.create_stream;
    log->file = open(log->path, O_RDWR | O_CLOEXEC | (creates ? O_CREAT : 0), 0660);
    if (log->file < 0) {
        down_errno(log, "open the log", log->path);
        return false;
    }
    if (creates) {
        (void)fchmod(log->file, 0660); /* whatever the umask; not ours to change: as it is */
    }
    if (!log_local_begin_file(log) || !bind_socket(log)) {
        log_local_down(log, "the log %s is not made yet", log->path);
        (void)close(log->file);
        log->file = -1;
        return false;
    }
    log->offset = LOG_RECORD_MAGIC_BYTES;
    log->tail_offset = LOG_RECORD_MAGIC_BYTES;
    log->down_told = false;
    tell(log, LOG_UP, NULL);
    return true;
}

/* ---- reading ---- */

static void lose(struct log_local *log)
{
    char text[FAILURE_TEXT_SIZE];
    const struct log_notice notice = {.kind = LOG_LOST, .seq = 1, .text = text};
    (void)snprintf(text, sizeof(text), "the file %s is another one, or shorter", log->path);
    log->broken = true;
    log->lost = true;
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_NONE);
}

/* What was read must still be there. */
static void check_file(struct log_local *log)
{
    struct stat opened;
    struct stat named;
    const bool same = fstat(log->file, &opened) == 0 && stat(log->path, &named) == 0 &&
                      opened.st_ino == named.st_ino && opened.st_dev == named.st_dev &&
                      (uint64_t)opened.st_size >= log->offset;
    if (!same) {
        lose(log);
    }
}

/* The next record that is wanted. A record that is not whole is being written, or was left by an
 * appender that died: the next one cuts it off. */
static bool read_record(struct log_local *log, struct log_notice *ret_record)
{
    struct log_notice record;
    for (;;) {
        const ssize_t got = pread(log->file, log->bytes, sizeof(log->bytes), (off_t)log->offset);
        const enum log_record_found found =
                log_record_decode(log->bytes, got < 0 ? 0 : (size_t)got, log->subject, &record);
        if (found == LOG_RECORD_DAMAGED ||
            (found == LOG_RECORD_WHOLE && record.seq <= log->last_seq)) {
            log_local_down(log, "%s is damaged at offset %" PRIu64 ", after sequence %" PRIu64,
                           log->path, log->offset, log->last_seq);
            log->broken = true;
        }
        if (found != LOG_RECORD_WHOLE || log->broken) {
            return false;
        }
        log->offset += log_record_size(log->bytes);
        log->last_seq = record.seq;
        if (log_subject_is_of(record.subject, log->cluster) &&
            record.seq >= log->options.start_seq) {
            *ret_record = record;
            return true;
        }
    }
}

/* "<root>.<cluster>", or more behind a further dot; any cluster when ours is NULL. */
static bool is_plain(const struct log_local *log, const char *subject, const char *root)
{
    const size_t size = strlen(root);
    if (strncmp(subject, root, size) != 0 || subject[size] != '.') {
        return false;
    }
    const char *rest = subject + size + 1;
    const size_t length = log->cluster == NULL ? strcspn(rest, ".") : strlen(log->cluster);
    return (log->cluster == NULL || strncmp(rest, log->cluster, length) == 0) &&
           (rest[length] == '\0' || rest[length] == '.');
}

static enum log_notice_kind kind_of(const struct log_local *log, const char *subject)
{
    if (log->options.want_live && is_plain(log, subject, SUBJECT_LIVE)) {
        return LOG_LIVE;
    }
    return log->options.want_asked && is_plain(log, subject, SUBJECT_ASK) ? LOG_ASKED : LOG_NOTHING;
}

/* The next plain message that is wanted; LOG_NOTHING when there is none. */
static struct log_notice read_datagram(struct log_local *log, bool *ret_woken)
{
    for (;;) {
        const ssize_t got = recv(log->socket, log->datagram, sizeof(log->datagram), MSG_DONTWAIT);
        if (got < 0) {
            return (struct log_notice){.kind = LOG_NOTHING};
        }
        const char *subject = (const char *)log->datagram;
        const size_t size = strnlen(subject, (size_t)got);
        if (size == (size_t)got || size >= SUBJECT_SIZE) {
            *ret_woken = *ret_woken || got == 0;
            continue;
        }
        const enum log_notice_kind kind = kind_of(log, subject);
        if (kind != LOG_NOTHING) {
            return (struct log_notice){.kind = kind,
                                       .subject = subject,
                                       .data = log->datagram + size + 1,
                                       .size = (size_t)got - size - 1};
        }
    }
}

static void end_history(struct log_local *log)
{
    log->caught_up = true;
    tell(log, LOG_CAUGHT_UP, NULL);
    if (!log->options.live) {
        log->ended = true;
        tell(log, LOG_END, NULL);
    }
}

/* One step, when there is nothing to tell; true when another may follow at once. */
static bool take_step(struct log_local *log, struct log_notice *ret_notice)
{
    bool woken = false;
    if (log->ended || log->broken) {
        return false;
    }
    if (log->file < 0) {
        return open_file(log);
    }
    log_local_flush(log);
    if (read_record(log, ret_notice)) {
        return true;
    }
    if (!log->caught_up && !log->broken) {
        end_history(log);
        return true;
    }
    *ret_notice = read_datagram(log, &woken);
    return woken;
}

static bool has_entry(struct log_queue *queue)
{
    return log_queue_peek(queue, NULL) != LOG_NOTHING;
}

/* Until when nothing happens by itself. */
static void sleep_until(struct log_local *log)
{
    uint64_t count = 0;
    (void)!read(log->more, &count, sizeof(count));
    const long open_ms = has_entry(log->outbound) ? BUSY_MS : IDLE_MS;
    const long ms = log->file < 0 ? ABSENT_MS : open_ms;
    const struct itimerspec next = {
            .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
    (void)timerfd_settime(log->timer, 0, &next, NULL);
}

static void ring(const struct log_local *log)
{
    const uint64_t one = 1;
    (void)!write(log->more, &one, sizeof(one));
}

static struct log_notice local_take(struct log *base)
{
    struct log_local *log = local_of(base);
    struct log_notice notice = {0};
    uint64_t expired = 0;
    (void)!read(log->timer, &expired, sizeof(expired));
    /* By the clock: in a busy log the timer never expires. */
    if (log->file >= 0 && !log->broken && log_mono_ms() >= log->checked_mono_ms + IDLE_MS) {
        log->checked_mono_ms = log_mono_ms();
        check_file(log);
    }
    for (bool again = true; again;) {
        notice = log_queue_take(log->inbound);
        again = notice.kind == LOG_NOTHING && (take_step(log, &notice) || has_entry(log->inbound));
        if (notice.kind != LOG_NOTHING) {
            ring(log);
            return notice;
        }
    }
    sleep_until(log);
    return (struct log_notice){.kind = LOG_NOTHING};
}

/* ---- the rest of log.h ---- */

static bool local_append(struct log *base, const struct log_notice *message, const char *message_id)
{
    struct log_local *log = local_of(base);
    struct log_notice record = *message;
    if (log->lost) {
        return false;
    }
    record.kind = LOG_RECORD;
    record.text = message_id;
    record.stored_us = log_mono_ms();
    if (!log_queue_push(log->outbound, &record, LOG_MARGIN_NONE)) {
        return false;
    }
    log_local_flush(log);
    ring(log);
    return true;
}

static bool local_publish(struct log *base, const struct log_notice *message)
{
    struct log_local *log = local_of(base);
    uint8_t datagram[SUBJECT_SIZE + EVENT_BYTES_MAX];
    const size_t size = strlen(message->subject) + 1;
    if (size > SUBJECT_SIZE || message->size > EVENT_BYTES_MAX) {
        return false;
    }
    memcpy(datagram, message->subject, size);
    if (message->size > 0) {
        memcpy(datagram + size, message->data, message->size);
    }
    return log_local_send(log, datagram, size + message->size);
}

static int local_fd(const struct log *base)
{
    return local_of(base)->epoll;
}

/* Nothing of its own runs, so nothing can be stuck. */
static uint64_t local_progress_mono_ms(const struct log *base)
{
    (void)base;
    return log_mono_ms();
}

static void local_destroy(struct log *base)
{
    struct log_local *log = local_of(base);
    const int fds[] = {log->file, log->socket, log->timer, log->more, log->epoll};
    if (log->socket >= 0) {
        (void)unlink(log->socket_path);
    }
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    log_queue_destroy(log->inbound);
    log_queue_destroy(log->outbound);
    free(log->cluster);
    free(log);
}

static const struct log_operations local_operations = {
        .destroy = local_destroy,
        .fd = local_fd,
        .take = local_take,
        .append = local_append,
        .publish = local_publish,
        .progress_mono_ms = local_progress_mono_ms,
};

static bool open_fds(struct log_local *log)
{
    struct epoll_event interest = {.events = EPOLLIN};
    log->file = -1;
    log->socket = -1;
    log->epoll = epoll_create1(EPOLL_CLOEXEC);
    log->more = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    log->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return log->epoll >= 0 && log->more >= 0 && log->timer >= 0 &&
           epoll_ctl(log->epoll, EPOLL_CTL_ADD, log->more, &interest) == 0 &&
           epoll_ctl(log->epoll, EPOLL_CTL_ADD, log->timer, &interest) == 0;
}

enum result log_local_create(const struct log_nats_options *options, struct log **ret_log,
                             struct failure *reterr_failure)
{
    const char *path = options->servers + strlen(LOG_LOCAL_SCHEME);
    if (path[0] != '/') {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: the path is not absolute",
                           options->servers);
    }
    /* "<path>.readers/<pid>.<number>" must fit. */
    if (strlen(path) + sizeof(".readers/4194304.4294967295") > LOCAL_PATH_SIZE) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: the path is too long for a socket",
                           options->servers);
    }
    struct log_local *log = calloc(1, sizeof(*log));
    assert(log != NULL);
    log->base.operations = &local_operations;
    log->options = *options;
    log->cluster = options->cluster == NULL ? NULL : strdup(options->cluster);
    log->inbound = log_queue_create(QUEUE_COUNT, QUEUE_BYTES, false);
    log->outbound = log_queue_create(QUEUE_COUNT, QUEUE_BYTES, false);
    (void)snprintf(log->path, sizeof(log->path), "%s", path);
    (void)snprintf(log->readers, sizeof(log->readers), "%s.readers", path);
    if (!open_fds(log)) {
        const int error = errno;
        local_destroy(&log->base);
        return failure_errno(reterr_failure, error, "open the log %s", path);
    }
    *ret_log = &log->base;
    return RESULT_OK;
}
