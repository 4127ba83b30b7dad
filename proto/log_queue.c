/* SPDX-License-Identifier: PostgreSQL */
#include "log_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What stands in the ring in front of subject, text and data. Sizes include the strings' NUL; zero
 * means that the pointer was NULL. */
struct entry {
    uint64_t seq;
    uint64_t stored_us;
    uint32_t kind;
    uint32_t subject_size;
    uint32_t text_size;
    uint32_t data_size;
};

#define ENTRY_BYTES_MAX (sizeof(struct entry) + SUBJECT_SIZE + FAILURE_TEXT_SIZE + RECORD_BYTES_MAX)

struct log_queue {
    pthread_mutex_t mutex;
    size_t count;
    size_t count_max;
    size_t head;       /* of the oldest entry in bytes */
    size_t used_bytes; /* from head on, around the end */
    size_t bytes_max;
    bool starved;
    int fd;
    uint8_t *bytes;                 /* the ring */
    uint8_t taken[ENTRY_BYTES_MAX]; /* what the last take handed out; the taker's own */
};

/* Parts of the queue that stay free, as count_max and bytes_max divided by this; 0: nothing does.
 */
static const size_t margin_divisors[] = {
        [LOG_MARGIN_NONE] = 0,
        [LOG_MARGIN_RECORD] = 64,
        [LOG_MARGIN_DROPPABLE] = 8,
};
_Static_assert(sizeof(margin_divisors) / sizeof(margin_divisors[0]) == LOG_MARGIN_COUNT, "margins");

struct log_queue *log_queue_create(size_t count_max, size_t bytes_max, bool with_fd)
{
    assert(bytes_max >= 4 * ENTRY_BYTES_MAX);
    struct log_queue *queue = calloc(1, sizeof(*queue));
    uint8_t *bytes = malloc(bytes_max);
    assert(queue != NULL && bytes != NULL);
    queue->bytes = bytes;
    queue->bytes_max = bytes_max;
    queue->count_max = count_max;
    queue->fd = with_fd ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    assert(!with_fd || queue->fd >= 0);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    return queue;
}

void log_queue_destroy(struct log_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    if (queue->fd >= 0) {
        (void)close(queue->fd);
    }
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue->bytes);
    free(queue);
}

static bool has_room(const struct log_queue *queue, size_t size, enum log_queue_margin margin)
{
    const size_t divisor = margin_divisors[margin];
    const size_t free_count = divisor == 0 ? 0 : queue->count_max / divisor;
    const size_t free_bytes = divisor == 0 ? 0 : queue->bytes_max / divisor;
    return queue->count + free_count < queue->count_max &&
           queue->used_bytes + free_bytes + size <= queue->bytes_max;
}

/* Copies into the ring behind what is there. */
static void ring_write(struct log_queue *queue, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    const size_t at = (queue->head + queue->used_bytes) % queue->bytes_max;
    const size_t first = size < queue->bytes_max - at ? size : queue->bytes_max - at;
    memcpy(queue->bytes + at, data, first);
    memcpy(queue->bytes, (const uint8_t *)data + first, size - first);
    queue->used_bytes += size;
}

/* Copies the next size bytes, offset bytes behind the head, without removing them. */
static void ring_read(const struct log_queue *queue, size_t offset, void *ret_data, size_t size)
{
    const size_t at = (queue->head + offset) % queue->bytes_max;
    const size_t first = size < queue->bytes_max - at ? size : queue->bytes_max - at;
    memcpy(ret_data, queue->bytes + at, first);
    memcpy((uint8_t *)ret_data + first, queue->bytes, size - first);
}

static void ring_drop(struct log_queue *queue, size_t size)
{
    queue->head = (queue->head + size) % queue->bytes_max;
    queue->used_bytes -= size;
}

static uint32_t string_size(const char *string, size_t size_max)
{
    return string == NULL ? 0 : (uint32_t)(strnlen(string, size_max - 1) + 1);
}

static void ring_write_string(struct log_queue *queue, const char *string, uint32_t size)
{
    if (size > 0) {
        ring_write(queue, string, size - 1);
        ring_write(queue, "", 1);
    }
}

static size_t entry_bytes(const struct entry *entry)
{
    return sizeof(*entry) + entry->subject_size + entry->text_size + entry->data_size;
}

static void fd_set_readable(struct log_queue *queue, bool readable)
{
    uint64_t value = 1;
    if (queue->fd < 0) {
        return;
    }
    /* Neither can fail: the counter is 0 or 1 and changes only under the mutex. */
    const ssize_t done = readable ? write(queue->fd, &value, sizeof(value))
                                  : read(queue->fd, &value, sizeof(value));
    assert(done == (ssize_t)sizeof(value));
}

static void push_locked(struct log_queue *queue, const struct log_notice *notice,
                        const struct entry *entry)
{
    ring_write(queue, entry, sizeof(*entry));
    ring_write_string(queue, notice->subject, entry->subject_size);
    ring_write_string(queue, notice->text, entry->text_size);
    ring_write(queue, notice->data, entry->data_size);
    queue->count++;
    if (queue->count == 1) {
        fd_set_readable(queue, true);
    }
}

bool log_queue_push(struct log_queue *queue, const struct log_notice *notice,
                    enum log_queue_margin margin)
{
    const struct entry entry = {
            .seq = notice->seq,
            .stored_us = notice->stored_us,
            .kind = (uint32_t)notice->kind,
            .subject_size = string_size(notice->subject, SUBJECT_SIZE),
            .text_size = string_size(notice->text, FAILURE_TEXT_SIZE),
            .data_size = notice->size > RECORD_BYTES_MAX ? 0 : (uint32_t)notice->size,
    };
    (void)pthread_mutex_lock(&queue->mutex);
    const bool fits = has_room(queue, entry_bytes(&entry), margin);
    if (fits) {
        push_locked(queue, notice, &entry);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return fits;
}

bool log_queue_has_room(struct log_queue *queue, enum log_queue_margin margin)
{
    (void)pthread_mutex_lock(&queue->mutex);
    const bool fits = has_room(queue, ENTRY_BYTES_MAX, margin);
    queue->starved = queue->starved || !fits;
    (void)pthread_mutex_unlock(&queue->mutex);
    return fits;
}

bool log_queue_was_starved(struct log_queue *queue)
{
    (void)pthread_mutex_lock(&queue->mutex);
    const bool relieved = queue->starved && queue->count <= queue->count_max / 2 &&
                          queue->used_bytes <= queue->bytes_max / 2;
    if (relieved) {
        queue->starved = false;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return relieved;
}

/* Moves the oldest entry to queue->taken; false when there is none. */
static bool take_entry(struct log_queue *queue, struct entry *ret_entry)
{
    (void)pthread_mutex_lock(&queue->mutex);
    const bool found = queue->count > 0;
    if (found) {
        ring_read(queue, 0, ret_entry, sizeof(*ret_entry));
        ring_read(queue, 0, queue->taken, entry_bytes(ret_entry));
        ring_drop(queue, entry_bytes(ret_entry));
        queue->count--;
    }
    if (found && queue->count == 0) {
        fd_set_readable(queue, false);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return found;
}

struct log_notice log_queue_take(struct log_queue *queue)
{
    struct log_notice notice = {.kind = LOG_NOTHING};
    struct entry entry;
    if (!take_entry(queue, &entry)) {
        return notice;
    }
    const uint8_t *at = queue->taken + sizeof(entry);
    notice.kind = (enum log_notice_kind)entry.kind;
    notice.seq = entry.seq;
    notice.stored_us = entry.stored_us;
    notice.subject = entry.subject_size == 0 ? NULL : (const char *)at;
    at += entry.subject_size;
    notice.text = entry.text_size == 0 ? NULL : (const char *)at;
    at += entry.text_size;
    notice.data = entry.data_size == 0 ? NULL : at;
    notice.size = entry.data_size;
    return notice;
}

enum log_notice_kind log_queue_peek(struct log_queue *queue, uint64_t *ret_stored_us)
{
    struct entry entry = {.kind = LOG_NOTHING};
    (void)pthread_mutex_lock(&queue->mutex);
    if (queue->count > 0) {
        ring_read(queue, 0, &entry, sizeof(entry));
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    if (ret_stored_us != NULL) {
        *ret_stored_us = entry.stored_us;
    }
    return (enum log_notice_kind)entry.kind;
}

int log_queue_fd(const struct log_queue *queue)
{
    return queue->fd;
}
