/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "../proto/subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Notices handled before the loop looks at its other descriptors. */
#define NOTICE_BATCH 256
#define WATCHDOG_MS 1000
/* One late check may be the whole process's own sleep. */
#define STUCK_COUNT_MAX 2

static void push_link(struct shell *shell)
{
    struct fact *fact = shell_push(shell, FACT_LINK);
    fact->link_up = shell->log.up;
    fact->caught_up = shell->log.caught_up;
}

static void push_message(struct shell *shell, enum fact_kind kind, const struct log_notice *notice)
{
    struct fact *fact = shell_push(shell, kind);
    fact->subject = notice->subject;
    fact->seq = notice->seq;
    fact->data = notice->data;
    fact->size = notice->size;
}

static void on_up(struct shell *shell, const struct log_notice *notice)
{
    (void)notice;
    log_line(SEVERITY_INFO, "connected to NATS: reading the cluster's log");
    shell->log.up = true;
    shell->log.caught_up = false;
    push_link(shell);
}

/* Each try that fails is a notice; a person is told once of each reason. */
static void say_down(struct shell_log *log, const char *reason)
{
    if (log->up || strcmp(log->down_reason, reason) != 0) {
        log_line(SEVERITY_WARNING, "NATS is not usable: %s; trying again", reason);
    }
    snprintf(log->down_reason, sizeof(log->down_reason), "%s", reason);
}

static void on_down(struct shell *shell, const struct log_notice *notice)
{
    say_down(&shell->log, notice->text != NULL ? notice->text : "no reason given");
    shell->log.up = false;
    shell->log.caught_up = false;
    shell->log.answered_count = shell->log.appended_count;
    push_link(shell);
}

static void on_record(struct shell *shell, const struct log_notice *notice)
{
    push_message(shell, FACT_RECORD, notice);
}

static void on_gone(struct shell *shell, const struct log_notice *notice)
{
    push_message(shell, FACT_GONE, notice);
}

/* What only monitors want. */
static void on_nothing(struct shell *shell, const struct log_notice *notice)
{
    (void)shell;
    (void)notice;
}

static void on_caught_up(struct shell *shell, const struct log_notice *notice)
{
    (void)notice;
    shell->log.caught_up = true;
    push_link(shell);
}

static void on_live(struct shell *shell, const struct log_notice *notice)
{
    if (strcmp(notice->subject, shell->log.own_live) != 0) {
        push_message(shell, FACT_LIVE, notice);
    }
}

static void on_asked(struct shell *shell, const struct log_notice *notice)
{
    (void)notice;
    shell_push(shell, FACT_ASKED);
}

static void on_appended(struct shell *shell, const struct log_notice *notice)
{
    (void)notice;
    shell->log.answered_count++;
}

static void on_refused(struct shell *shell, const struct log_notice *notice)
{
    shell->log.answered_count++;
    log_line(SEVERITY_WARNING, "NATS did not store an event: %s; it is sent again",
             notice->text != NULL ? notice->text : "no reason given");
}

/* What this agent knows may not have been, for any other reader. PostgreSQL outlives it. */
static void on_lost(struct shell *shell, const struct log_notice *notice)
{
    (void)shell;
    log_line(SEVERITY_ERROR,
             "the log has lost what was read from it: %s; the agent starts again seq=%" PRIu64,
             notice->text != NULL ? notice->text : "no reason given", notice->seq);
    _exit(EXIT_AGAIN);
}

static void on_end(struct shell *shell, const struct log_notice *notice)
{
    on_down(shell, notice);
}

static void (*const notice_handlers[])(struct shell *, const struct log_notice *) = {
        [LOG_UP] = on_up,           [LOG_DOWN] = on_down,           [LOG_RECORD] = on_record,
        [LOG_LIVE] = on_live,       [LOG_CAUGHT_UP] = on_caught_up, [LOG_ASKED] = on_asked,
        [LOG_REFUSED] = on_refused, [LOG_APPENDED] = on_appended,   [LOG_END] = on_end,
        [LOG_LOST] = on_lost,       [LOG_GONE] = on_gone,           [LOG_TRIMMED] = on_nothing,
        [LOG_LED] = on_nothing,
};
_Static_assert(sizeof(notice_handlers) / sizeof(notice_handlers[0]) == LOG_NOTICE_COUNT,
               "a handler for each notice");

/* A notice's bytes are valid until the next one is taken: each is pumped before that. */
static void on_log(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    for (int i = 0; i < NOTICE_BATCH; i++) {
        struct log_notice notice = log_take(shell->log.log);
        if (notice.kind == LOG_NOTHING) {
            return;
        }
        notice_handlers[notice.kind](shell, &notice);
        shell_pump(shell);
    }
}

static uint64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* libnats can block for good (FACTS 12): only a new process helps, and PostgreSQL outlives it. */
static void on_watchdog(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    bool stuck = log_progress_mono_ms(shell->log.log) + LOG_STUCK_MS < mono_ms();
    shell->log.stuck_count = stuck ? shell->log.stuck_count + 1 : 0;
    if (shell->log.stuck_count >= STUCK_COUNT_MAX) {
        log_line(SEVERITY_ERROR, "the NATS client makes no progress: the agent starts again");
        _exit(EXIT_AGAIN);
    }
    shell_arm(shell, watcher, WATCHDOG_MS);
}

enum result shell_log_open(struct shell *shell, struct failure *reterr_failure)
{
    const struct settings *s = shell->settings;
    char name[2 * NAME_SIZE + 16];
    snprintf(name, sizeof(name), "pgbaton-agent %s/%s", s->self.cluster, s->self.node);
    const struct log_nats_options options = {
            .servers = s->nats,
            .name = name,
            .cluster = s->self.cluster,
            .from_snapshot = true,
            .wanted_seq = shell->agent.vote.anchor_seq,
            .live = true,
            .want_live = true,
            .want_asked = true,
    };
    subject_live(s->self.cluster, s->self.node, shell->log.own_live);
    enum result result = log_create(&options, &shell->log.log, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    ev_io_init(&shell->log.io, on_log, log_fd(shell->log.log), EV_READ);
    shell->log.io.data = shell;
    ev_io_start(shell->loop, &shell->log.io);
    ev_init(&shell->log.watchdog, on_watchdog);
    shell->log.watchdog.data = shell;
    shell_arm(shell, &shell->log.watchdog, WATCHDOG_MS);
    return RESULT_OK;
}

void shell_log_close(struct shell *shell)
{
    if (shell->log.log == NULL) {
        return;
    }
    ev_io_stop(shell->loop, &shell->log.io);
    ev_timer_stop(shell->loop, &shell->log.watchdog);
    log_destroy(shell->log.log);
    shell->log.log = NULL;
}

/* What cannot be queued is lost here and appended again by the core, which waits for the read-back.
 */
void shell_log_append(struct shell *shell, const struct event *event)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    char id[NAME_SIZE + 48];
    size_t size = codec_encode(event, bytes, sizeof(bytes));
    if (size == 0 || !subject_of_event(event, subject)) {
        log_line(SEVERITY_ERROR, "an event cannot be encoded kind=%s",
                 event_kind_name(event->kind));
        return;
    }
    snprintf(id, sizeof(id), "%s-%" PRIu64 "-%" PRIu64, event->writer, event->incarnation,
             event->counter);
    if (log_append(shell->log.log, subject, bytes, size, id)) {
        shell->log.appended_count++;
    } else {
        log_line(SEVERITY_WARNING, "the queue to NATS is full: sent again later kind=%s",
                 event_kind_name(event->kind));
    }
}

void shell_log_live(struct shell *shell, const struct event *event)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    size_t size = codec_encode(event, bytes, sizeof(bytes));
    if (size > 0) {
        (void)log_publish(shell->log.log, shell->log.own_live, bytes, size);
    }
}

bool shell_log_is_flushed(const struct shell *shell)
{
    return shell->log.answered_count >= shell->log.appended_count;
}
