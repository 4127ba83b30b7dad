/* SPDX-License-Identifier: PostgreSQL */
#include "log_nats.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last of the loop, our thread and libnats' callbacks frees. */
void log_nats_release(struct log_nats *log)
{
    if (atomic_fetch_sub(&log->holders, 1) != 1) {
        return;
    }
    log_queue_destroy(log->inbound);
    log_queue_destroy(log->outbound);
    log_bell_finish(&log->bell);
    log_bell_finish(&log->finished);
    for (size_t i = 0; i < sizeof(log->strings) / sizeof(log->strings[0]); i++) {
        free(log->strings[i]);
    }
    free(log);
}

static struct log_nats *nats_of(const struct log *log)
{
    return (struct log_nats *)(uintptr_t)log;
}

static void nats_destroy(struct log *base)
{
    struct log_nats *log = nats_of(base);
    atomic_store(&log->stop, true);
    log_bell_ring(&log->bell);
    log_bell_wait(&log->finished, 0, LOG_DESTROY_MS);
    if (log_bell_count(&log->finished) > 0) {
        (void)pthread_join(log->thread, NULL);
    } else {
        (void)pthread_detach(log->thread);
    }
    log_nats_release(log);
}

static int nats_fd(const struct log *base)
{
    return log_queue_fd(nats_of(base)->inbound);
}

static struct log_notice nats_take(struct log *base)
{
    struct log_nats *log = nats_of(base);
    struct log_notice notice = log_queue_take(log->inbound);
    /* A plain message may come in behind it, and the refusal of what cannot be sent. */
    while (log->lost && notice.kind != LOG_NOTHING) {
        notice = log_queue_take(log->inbound);
    }
    log->lost = log->lost || notice.kind == LOG_LOST;
    if (log_queue_was_starved(log->inbound)) {
        log_bell_ring(&log->bell);
    }
    return notice;
}

static bool send_later(struct log_nats *log, const struct log_notice *message,
                       enum log_notice_kind kind, const char *message_id)
{
    struct log_notice queued = *message;
    queued.kind = kind;
    queued.text = message_id;
    queued.stored_us = log_mono_ms();
    if (message->size > RECORD_BYTES_MAX || strlen(message->subject) >= SUBJECT_SIZE ||
        !log_queue_push(log->outbound, &queued, LOG_MARGIN_NONE)) {
        return false;
    }
    log_bell_ring(&log->bell);
    return true;
}

static bool nats_append(struct log *base, const struct log_notice *message, const char *message_id)
{
    return send_later(nats_of(base), message, LOG_RECORD, message_id);
}

static bool nats_publish(struct log *base, const struct log_notice *message)
{
    return send_later(nats_of(base), message, LOG_LIVE, NULL);
}

static bool nats_trim(struct log *base, uint64_t keep_seq, uint64_t before_us)
{
    const struct log_notice message = {
            .seq = keep_seq,
            .subject = "",
            .data = (const uint8_t *)&before_us,
            .size = sizeof(before_us),
    };
    return send_later(nats_of(base), &message, LOG_TRIMMED, NULL);
}

static bool nats_step_down(struct log *base)
{
    const struct log_notice message = {.subject = "$JS.API.STREAM.LEADER.STEPDOWN." STREAM_NAME};
    return send_later(nats_of(base), &message, LOG_LIVE, NULL);
}

static uint64_t nats_progress_mono_ms(const struct log *base)
{
    return atomic_load(&nats_of(base)->progress_mono_ms);
}

static const struct log_operations nats_operations = {
        .destroy = nats_destroy,
        .fd = nats_fd,
        .take = nats_take,
        .append = nats_append,
        .publish = nats_publish,
        .step_down = nats_step_down,
        .progress_mono_ms = nats_progress_mono_ms,
        .trim = nats_trim,
};

static char *copy_string(const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    assert(text == NULL || copy != NULL);
    return copy;
}

/* Cuts the list at its commas, in place; returns how many servers it names. */
static size_t split_servers(char *list, const char *ret_servers[LOG_SERVER_COUNT_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *at = strtok_r(list, ", ", &rest); at != NULL; at = strtok_r(NULL, ", ", &rest)) {
        if (count < LOG_SERVER_COUNT_MAX) {
            ret_servers[count++] = at;
        }
    }
    return count;
}

static struct log_nats *allocate(const struct log_nats_options *options)
{
    struct log_nats *log = calloc(1, sizeof(*log));
    assert(log != NULL);
    log->base.operations = &nats_operations;
    log->options = *options;
    log->strings[0] = copy_string(options->servers);
    log->strings[1] = copy_string(options->name);
    log->strings[2] = copy_string(options->cluster);
    log->options.servers = log->strings[0];
    log->options.name = log->strings[1];
    log->options.cluster = log->strings[2];
    log->server_count = split_servers(log->strings[0], log->servers);
    log->known_seq = options->start_seq == 0 ? 0 : options->start_seq - 1;
    if (options->cluster == NULL) {
        (void)snprintf(log->filter, sizeof(log->filter), SUBJECT_ROOT ".>");
    } else {
        (void)snprintf(log->filter, sizeof(log->filter), SUBJECT_ROOT ".%s.>", options->cluster);
    }
    log->inbound = log_queue_create(LOG_QUEUE_COUNT, LOG_QUEUE_BYTES, true);
    log->outbound = log_queue_create(LOG_APPEND_COUNT, LOG_APPEND_BYTES, false);
    log_bell_init(&log->bell);
    log_bell_init(&log->finished);
    atomic_init(&log->progress_mono_ms, log_mono_ms());
    return log;
}

/* Our thread, and those of libnats that it starts, leave the signals to the loop. */
static int start_thread(struct log_nats *log)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&log->thread, NULL, log_nats_run, log);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum result log_nats_create(const struct log_nats_options *options, struct log **ret_log,
                            struct failure *reterr_failure)
{
    if (options->servers == NULL || options->servers[0] == '\0') {
        return failure_set(reterr_failure, RESULT_INVALID, "no NATS server is named");
    }
    if (options->cluster != NULL && strlen(options->cluster) >= NAME_SIZE) {
        return failure_set(reterr_failure, RESULT_INVALID, "cluster name is too long: %s",
                           options->cluster);
    }
    struct log_nats *log = allocate(options);
    atomic_init(&log->holders, 2);
    const int error = start_thread(log);
    if (error != 0) {
        log_nats_release(log);
        log_nats_release(log);
        return failure_errno(reterr_failure, error, "start the thread of the log");
    }
    *ret_log = &log->base;
    return RESULT_OK;
}
