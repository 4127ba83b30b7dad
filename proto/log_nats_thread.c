/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_thread.c - our thread: connects, sends what the loop has queued, and runs the stages.
 */
#include "log_nats.h"

#include <stdarg.h>
#include <stdio.h>

uint64_t log_nats_tick(struct log_nats *log)
{
    const uint64_t now_ms = log_mono_ms();
    atomic_store(&log->progress_mono_ms, now_ms);
    return now_ms;
}

void log_nats_push(struct log_nats *log, const struct log_notice *notice)
{
    while (!atomic_load(&log->stop)) {
        const uint64_t seen = log_bell_count(&log->bell);
        if (log_queue_push(log->inbound, notice, LOG_MARGIN_NONE)) {
            return;
        }
        (void)log_nats_tick(log);
        log_bell_wait(&log->bell, seen, LOG_RECONNECT_MS);
    }
}

void log_nats_tell(struct log_nats *log, enum log_notice_kind kind, const char *text)
{
    const struct log_notice notice = {.kind = kind, .text = text};
    log_nats_push(log, &notice);
}

void log_nats_down(struct log_nats *log, enum log_trouble trouble, const char *format, ...)
{
    char text[FAILURE_TEXT_SIZE];
    va_list arguments;
    log->up = false;
    if (log->trouble == trouble) {
        return;
    }
    log->trouble = trouble;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_nats_tell(log, LOG_DOWN, text);
}

void log_nats_lose(struct log_nats *log, uint64_t seq, const char *format, ...)
{
    char text[FAILURE_TEXT_SIZE];
    const struct log_notice notice = {.kind = LOG_LOST, .seq = seq, .text = text};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log->up = false;
    log->stage = LOG_STAGE_LOST;
    log_link_close(log->link);
    log->link = NULL;
    log_nats_push(log, &notice);
}

const char *log_nats_error(natsStatus status)
{
    natsStatus last = NATS_OK;
    const char *text = nats_GetLastError(&last);
    return text == NULL || text[0] == '\0' || last != status ? natsStatus_GetText(status) : text;
}

void log_nats_wait(struct log_nats *log, uint64_t pause_ms)
{
    log->stage = LOG_STAGE_WAITING;
    log->retry_mono_ms = log_mono_ms() + pause_ms;
}

/* True when the stage's next try is due; else sets how long to sleep. */
static bool retry_is_due(struct log_nats *log)
{
    const uint64_t now_ms = log_mono_ms();
    if (now_ms < log->retry_mono_ms) {
        log->sleep_ms = log->retry_mono_ms - now_ms;
    }
    return now_ms >= log->retry_mono_ms;
}

static bool step_offline(struct log_nats *log)
{
    struct failure failure;
    if (!retry_is_due(log)) {
        return false;
    }
    log->link = log_link_create(log, log->servers[log->server], &failure);
    if (log->link == NULL) {
        log->server = (log->server + 1) % log->server_count;
        /* A few ms more or less, so that a fleet does not come all at once. */
        log->retry_mono_ms = log_mono_ms() + LOG_RECONNECT_MS + (uint64_t)log_mono_ms() % 10;
        log_nats_down(log, LOG_TROUBLE_OFFLINE, "%s", failure.text);
        return true;
    }
    log->probe_pending = false;
    log->missing_mono_ms = 0;
    log->compares_all = true;
    log_nats_wait(log, 0);
    return true;
}

static bool step_waiting(struct log_nats *log)
{
    if (!retry_is_due(log)) {
        return false;
    }
    if (!log_nats_find_stream(log)) {
        return true;
    }
    return log_nats_begin_history(log);
}

static bool step_nothing(struct log_nats *log)
{
    (void)log;
    return false;
}

static const struct {
    bool (*step)(struct log_nats *log);
    bool can_append;
} stages[] = {
        [LOG_STAGE_OFFLINE] = {step_offline, false},
        [LOG_STAGE_WAITING] = {step_waiting, false},
        [LOG_STAGE_HISTORY] = {log_nats_step_history, true},
        [LOG_STAGE_LIVE] = {log_nats_step_live, true},
        [LOG_STAGE_ENDED] = {step_nothing, true},
        [LOG_STAGE_LOST] = {step_nothing, false},
};
_Static_assert(sizeof(stages) / sizeof(stages[0]) == LOG_STAGE_COUNT, "stages");

static natsStatus send_append(struct log_nats *log, const struct log_notice *message)
{
    char reply[SUBJECT_SIZE + 8];
    natsMsg *msg = NULL;
    (void)snprintf(reply, sizeof(reply), "%s.ack", log->link->inbox);
    natsStatus status = natsMsg_Create(&msg, message->subject, reply, (const char *)message->data,
                                       (int)message->size);
    if (status == NATS_OK && message->text != NULL) {
        status = natsMsgHeader_Set(msg, "Nats-Msg-Id", message->text);
    }
    if (status == NATS_OK) {
        status = natsConnection_PublishMsg(log->link->connection, msg);
    }
    natsMsg_Destroy(msg);
    return status;
}

static void refuse(struct log_nats *log, const char *text)
{
    const struct log_notice notice = {.kind = LOG_REFUSED, .text = text};
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_DROPPABLE);
}

/* Takes the oldest queued message and sends it, if it can be sent. */
static void send_next(struct log_nats *log, bool can_send)
{
    const struct log_notice message = log_queue_take(log->outbound);
    natsStatus status = NATS_OK;
    if (message.kind == LOG_LIVE && can_send) {
        (void)natsConnection_Publish(log->link->connection, message.subject, message.data,
                                     (int)message.size);
    } else if (message.kind == LOG_TRIMMED && can_send) {
        log_nats_trim(log, &message);
    } else if (message.kind == LOG_RECORD && can_send) {
        status = send_append(log, &message);
    } else if (message.kind == LOG_RECORD) {
        refuse(log, "not sent in time: the log is down");
    }
    if (status != NATS_OK) {
        refuse(log, natsStatus_GetText(status));
    }
}

/* Sends what is queued. An append that cannot be sent yet stays, and what is behind it. */
static bool send_queued(struct log_nats *log)
{
    uint64_t queued_ms = 0;
    size_t count = 0;
    for (; count < LOG_ROUND_COUNT; count++) {
        const enum log_notice_kind kind = log_queue_peek(log->outbound, &queued_ms);
        const bool is_append = kind == LOG_RECORD;
        const bool can_send = is_append ? stages[log->stage].can_append : log->link != NULL;
        const bool may_wait = is_append && log_mono_ms() < queued_ms + LOG_APPEND_AGE_MS;
        if (kind == LOG_NOTHING || (!can_send && may_wait)) {
            break;
        }
        send_next(log, can_send);
    }
    return count > 0;
}

static void lose_link(struct log_nats *log)
{
    log_link_close(log->link);
    log->link = NULL;
    log->stage = LOG_STAGE_OFFLINE;
    log->retry_mono_ms = log_mono_ms() + LOG_RECONNECT_MS;
    log_nats_down(log, LOG_TROUBLE_OFFLINE, "the connection to %s was lost",
                  log->servers[log->server]);
    log->server = (log->server + 1) % log->server_count;
}

/* What was queued before the end still goes out, if the server takes it at once. */
static void finish(struct log_nats *log)
{
    if (log->link == NULL) {
        return;
    }
    if (send_queued(log)) {
        (void)natsConnection_FlushTimeout(log->link->connection, LOG_DESTROY_MS / 4);
    }
    log_link_close(log->link);
    log->link = NULL;
}

void *log_nats_run(void *closure)
{
    struct log_nats *log = closure;
    while (!atomic_load(&log->stop)) {
        const uint64_t seen = log_bell_count(&log->bell);
        (void)log_nats_tick(log);
        log->sleep_ms = LOG_SLEEP_MS;
        if (log->link != NULL && atomic_load(&log->link->closed)) {
            lose_link(log);
        }
        const bool sent = send_queued(log);
        const bool moved = stages[log->stage].step(log);
        if (!sent && !moved) {
            log_bell_wait(&log->bell, seen, log->sleep_ms);
        }
    }
    finish(log);
    nats_ReleaseThreadMemory();
    log_bell_ring(&log->finished);
    log_nats_release(log);
    return NULL;
}
