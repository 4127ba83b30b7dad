/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/explain.h"
#include "../proto/log.h"
#include "../proto/log_line.h"
#include "../proto/standby.h"
#include "../proto/subject.h"
#include "keeper.h"
#include "retention.h"
#include "step.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Notices handled in one turn of the loop, so that signals and timers come through while a long
 * history is read. */
#define NOTICES_PER_TURN 2000
/* The stall must be seen so often in a row, a heartbeat apart: a process that was stopped and goes
 * on sees its log's thread late once. */
#define STALL_COUNT 3

struct entry {
    uint64_t next_ms; /* when its step wants to be called; UINT64_MAX: never */
    struct monitor_cluster mc;
    uint64_t asked_seq; /* the move of a pending request at which its nodes were asked last */
};

struct shell {
    struct monitor monitor;
    struct retention retention;
    struct log *log;
    struct ev_loop *loop;
    ev_io readable;
    ev_timer timer;
    ev_signal term;
    ev_signal interrupt;
    enum shell_end end;
    uint64_t heartbeat_ms; /* when the next one is due */
    uint64_t stall_ms;     /* when the log's thread was looked at last */
    unsigned stall_count;
    uint64_t record_count; /* taken since the start */
    struct keeper *keeper; /* NULL: nothing is stored */
    const struct placement_map *nats_hosts;
    struct placement placement;
    bool full; /* said once that there are too many clusters */
    size_t count;
    size_t capacity;
    struct entry **entries; /* by name */
    struct codec_arena arena;
};

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

/* ---- the table of clusters ---- */

/* The place of the cluster in the table, or where it would be. */
static size_t find_place(const struct shell *s, const char *name)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(s->entries[middle]->mc.state.name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct entry *find_entry(const struct shell *s, const char *name)
{
    const size_t place = find_place(s, name);
    const bool found = place < s->count && strcmp(s->entries[place]->mc.state.name, name) == 0;
    return found ? s->entries[place] : NULL;
}

static bool make_room(struct shell *s)
{
    if (s->count < s->capacity) {
        return true;
    }
    const size_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;
    struct entry **entries = realloc(s->entries, capacity * sizeof(struct entry *));
    if (entries == NULL) {
        return false;
    }
    s->entries = entries;
    s->capacity = capacity;
    return true;
}

static struct entry *add_entry(struct shell *s, const char *name)
{
    struct entry *entry = s->count < CLUSTER_COUNT_MAX ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL || !make_room(s)) {
        free(entry);
        return NULL;
    }
    entry->next_ms = UINT64_MAX;
    monitor_cluster_init(&entry->mc, name, NULL);
    const size_t place = find_place(s, name);
    memmove(&s->entries[place + 1], &s->entries[place],
            (s->count - place) * sizeof(struct entry *));
    s->entries[place] = entry;
    s->count++;
    return entry;
}

static struct entry *find_or_add_entry(struct shell *s, const char *name)
{
    struct entry *entry = find_entry(s, name);
    entry = entry == NULL ? add_entry(s, name) : entry;
    if (entry == NULL && !s->full) {
        s->full = true;
        log_line(SEVERITY_ERROR, "no room for cluster %s, it is not watched count=%zu", name,
                 s->count);
    }
    return entry;
}

/* ---- the step ---- */

static void append(struct shell *s, const struct event *e)
{
    uint8_t data[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    char message_id[NAME_SIZE + 48];
    const size_t size = codec_encode(e, data, sizeof(data));
    snprintf(message_id, sizeof(message_id), "%s-%llu-%llu", e->writer,
             (unsigned long long)e->incarnation, (unsigned long long)e->counter);
    if (size == 0 || !subject_of_event(e, subject) ||
        !log_append(s->log, subject, data, size, message_id)) {
        log_line(SEVERITY_WARNING, "%s was not appended, decided anew if it still holds cluster=%s",
                 event_kind_name(e->kind), e->cluster);
    }
}

/* What says no more than that all is as it was. */
static bool is_routine(const struct cluster *c, const struct event *e, struct outcome outcome)
{
    return outcome.effective && e->kind == EVENT_RENEW && c->phase_seq != e->seq;
}

static void tell(const struct shell *s, const struct cluster *c,
                 const struct monitor_output *output)
{
    char text[1024];
    const struct event *e = &output->folded;
    const bool history = !s->monitor.caught_up;
    const enum severity severity = history || is_routine(c, e, output->outcome)
                                           ? SEVERITY_DEBUG
                                           : explain_severity(e, output->outcome);
    (void)explain_event(c, e, output->outcome, text, sizeof(text));
    const bool ruled = event_is_decision(e->kind);
    log_line(severity, "%s cluster=%s term=%llu seq=%llu%s%s", text, c->name,
             (unsigned long long)c->term, (unsigned long long)e->seq, ruled ? " rule=" : "",
             ruled ? e->decision.rule : "");
}

static void ask(struct shell *s, const struct entry *entry)
{
    char subject[SUBJECT_SIZE];
    subject_ask(entry->mc.state.name, subject);
    (void)log_publish(s->log, subject, NULL, 0);
}

/* Each step of a switchover is decided on what nodes have shown since the one before: they need not
 * wait for their next period to show it. */
static void ask_when_moved(struct shell *s, struct entry *entry)
{
    const struct pending *pending = &entry->mc.state.pending;
    if (s->monitor.caught_up && pending->moved_seq != entry->asked_seq) {
        entry->asked_seq = pending->moved_seq;
        ask(s, entry);
    }
}

static void write_snapshot(struct shell *s, struct entry *entry)
{
    static struct snapshot_space space;
    struct event e;
    s->monitor.cluster_count = (uint32_t)s->count;
    if (monitor_snapshot(&s->monitor, &entry->mc, now_ms(), clock_us(CLOCK_REALTIME), &space, &e)) {
        append(s, &e);
    }
}

static void step(struct shell *s, struct entry *entry, struct stimulus *stimulus)
{
    struct monitor_output output;
    stimulus->now_ms = now_ms();
    stimulus->wall_us = clock_us(CLOCK_REALTIME);
    monitor_step(&s->monitor, &entry->mc, stimulus, &s->arena, &output);
    entry->next_ms = output.next_ms;
    if (output.append) {
        append(s, &output.event);
    }
    if (output.remembers && s->keeper != NULL) {
        keeper_put(s->keeper, entry->mc.state.name, &entry->mc.memory);
    }
    if (stimulus->kind == STIMULUS_RECORD) {
        tell(s, &entry->mc.state, &output);
        ask_when_moved(s, entry);
    }
    write_snapshot(s, entry);
}

static void tick(struct shell *s, uint64_t due_ms)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->entries[i]->next_ms <= due_ms) {
            struct stimulus stimulus = {.kind = STIMULUS_TICK};
            step(s, s->entries[i], &stimulus);
        }
    }
}

static void tick_all(struct shell *s)
{
    tick(s, UINT64_MAX);
}

/* ---- what the log says ---- */

static void take_heartbeat(struct shell *s, const struct log_notice *notice)
{
    struct event e;
    if (codec_decode(notice->data, notice->size, &s->arena, &e) != CODEC_OK ||
        !subject_fits_event(notice->subject, &e)) {
        return;
    }
    e.seq = notice->seq;
    monitor_heard(&s->monitor, &e, now_ms());
    if (strcmp(e.writer, s->monitor.name) == 0) {
        tick_all(s);
    }
}

static void take_record(struct shell *s, const struct log_notice *notice)
{
    char cluster[NAME_SIZE];
    s->record_count++;
    if (!subject_cluster(notice->subject, cluster)) {
        return;
    }
    if (strcmp(cluster, "_") == 0) {
        take_heartbeat(s, notice);
        return;
    }
    struct entry *entry = find_or_add_entry(s, cluster);
    struct stimulus stimulus = {
            .kind = STIMULUS_RECORD,
            .subject = notice->subject,
            .seq = notice->seq,
            .data = notice->data,
            .size = notice->size,
    };
    if (entry != NULL && !snapshot_has(&entry->mc.state, notice->subject, notice->seq)) {
        step(s, entry, &stimulus);
    }
}

static void take_live(struct shell *s, const struct log_notice *notice)
{
    char cluster[NAME_SIZE];
    struct entry *entry = subject_cluster(notice->subject, cluster) ? find_entry(s, cluster) : NULL;
    struct stimulus stimulus = {
            .kind = STIMULUS_LIVE,
            .subject = notice->subject,
            .data = notice->data,
            .size = notice->size,
    };
    if (entry != NULL) {
        step(s, entry, &stimulus);
    }
}

static void take_up(struct shell *s, const struct log_notice *notice)
{
    (void)notice;
    log_line(SEVERITY_INFO, "connected to the log");
    monitor_link(&s->monitor, true, false, now_ms());
}

static void take_down(struct shell *s, const struct log_notice *notice)
{
    log_line(SEVERITY_WARNING, "the log is away, nothing is decided until it is back: %s",
             notice->text != NULL ? notice->text : "no reason known");
    monitor_link(&s->monitor, false, false, now_ms());
}

/* Who is there is asked at once: an election may be waiting. */
static void take_caught_up(struct shell *s, const struct log_notice *notice)
{
    (void)notice;
    monitor_link(&s->monitor, true, true, now_ms());
    log_line(SEVERITY_INFO, "the log is read to its end, I am %s clusters=%zu records=%llu",
             s->monitor.name, s->count, (unsigned long long)s->record_count);
    for (size_t i = 0; i < s->count; i++) {
        ask(s, s->entries[i]);
    }
    tick_all(s);
}

static void take_refused(struct shell *s, const struct log_notice *notice)
{
    (void)s;
    log_line(SEVERITY_WARNING, "the log refused a record, it is decided anew if it still holds: %s",
             notice->text != NULL ? notice->text : "no reason known");
}

static void take_trimmed(struct shell *s, const struct log_notice *notice)
{
    (void)s;
    if (notice->text == NULL) {
        log_line(SEVERITY_INFO, "records older than retention were removed, the log begins at %llu",
                 (unsigned long long)notice->seq);
    } else {
        log_line(SEVERITY_WARNING,
                 "records older than retention cannot be removed: %s (a stream that was made with "
                 "retention off must be made anew)",
                 notice->text);
    }
}

/* What was folded may not have been, for any other reader. */
static void take_lost(struct shell *s, const struct log_notice *notice)
{
    log_line(SEVERITY_ERROR, "the log has lost what was read from it: %s seq=%llu",
             notice->text != NULL ? notice->text : "no reason known",
             (unsigned long long)notice->seq);
    s->end = SHELL_LOG_LOST;
    ev_break(s->loop, EVBREAK_ALL);
}

static bool serves(const struct cluster *c)
{
    return standby_serves(c) && c->pending.step == SWITCH_NONE;
}

/* Whether another server should lead the log. */
static void take_led(struct shell *s, const struct log_notice *notice)
{
    static const char *hosts[CLUSTER_COUNT_MAX];
    struct placement_view view = {.leader = notice->subject,
                                  .current = notice->text != NULL ? notice->text : "",
                                  .hosts = hosts,
                                  .all_serve = s->monitor.caught_up};
    for (size_t i = 0; i < s->count; i++) {
        const struct cluster *c = &s->entries[i]->mc.state;
        const int32_t holder = cluster_holder(c);
        view.all_serve = view.all_serve && serves(c);
        if (holder != LEADER_NONE) {
            hosts[view.host_count++] = c->nodes[holder].host;
        }
    }
    const struct placement_server *better =
            placement_step(&s->placement, s->nats_hosts, &view, s->monitor.name, now_ms());
    if (better != NULL) {
        log_line(SEVERITY_INFO,
                 "%s leads the log beside a primary: the servers are asked to elect another one "
                 "better=%s host=%s",
                 notice->subject, better->name, better->host);
        (void)log_step_down(s->log);
    }
}

static void take_nothing(struct shell *s, const struct log_notice *notice)
{
    (void)s;
    (void)notice;
}

typedef void (*take_function)(struct shell *s, const struct log_notice *notice);

static const take_function TAKES[] = {
        [LOG_NOTHING] = take_nothing,     [LOG_UP] = take_up,
        [LOG_DOWN] = take_down,           [LOG_RECORD] = take_record,
        [LOG_CAUGHT_UP] = take_caught_up, [LOG_LIVE] = take_live,
        [LOG_ASKED] = take_nothing,       [LOG_APPENDED] = take_nothing,
        [LOG_REFUSED] = take_refused,     [LOG_GONE] = take_nothing,
        [LOG_TRIMMED] = take_trimmed,     [LOG_END] = take_nothing,
        [LOG_LOST] = take_lost,           [LOG_LED] = take_led,
};
_Static_assert(sizeof(TAKES) / sizeof(TAKES[0]) == LOG_NOTICE_COUNT, "each kind is taken");

/* ---- the loop ---- */

static void beat_heart(struct shell *s)
{
    struct event e;
    if (monitor_heartbeat(&s->monitor, now_ms(), clock_us(CLOCK_REALTIME), &e, &s->heartbeat_ms)) {
        append(s, &e);
    }
}

/* What is old and needed by no cluster's readers. */
static void trim_log(struct shell *s)
{
    uint64_t keep_seq = UINT64_MAX;
    uint64_t before_us = 0;
    if (now_ms() < s->retention.due_ms || !s->monitor.caught_up) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        keep_seq = retention_keep_seq(keep_seq, &s->entries[i]->mc.snapshots);
    }
    if (retention_is_due(&s->retention, keep_seq, now_ms(), clock_us(CLOCK_REALTIME), &before_us)) {
        (void)log_trim(s->log, keep_seq, before_us);
    }
}

static void look_at_log(struct shell *s)
{
    const uint64_t now = now_ms();
    if (now < s->stall_ms + HEARTBEAT_PERIOD_MS) {
        return;
    }
    s->stall_ms = now;
    const uint64_t idle_ms = clock_us(CLOCK_MONOTONIC) / 1000 - log_progress_mono_ms(s->log);
    const bool stalled = (int64_t)idle_ms > SHELL_STALL_MS;
    s->stall_count = stalled ? s->stall_count + 1 : 0;
    if (s->stall_count >= STALL_COUNT) {
        s->end = SHELL_STALLED;
        ev_break(s->loop, EVBREAK_ALL);
    }
}

/* After each turn: what is due, and when to wake up next. */
static void finish_turn(struct shell *s)
{
    if (s->keeper != NULL) {
        keeper_tell(s->keeper);
    }
    beat_heart(s);
    trim_log(s);
    look_at_log(s);
    uint64_t next_ms = s->heartbeat_ms;
    for (size_t i = 0; i < s->count; i++) {
        next_ms = s->entries[i]->next_ms < next_ms ? s->entries[i]->next_ms : next_ms;
    }
    const uint64_t now = now_ms();
    ev_timer_stop(s->loop, &s->timer);
    ev_now_update(s->loop);
    ev_timer_set(&s->timer, next_ms > now ? (double)(next_ms - now) / 1000.0 : 0.0, 0.0);
    ev_timer_start(s->loop, &s->timer);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    struct shell *s = watcher->data;
    for (unsigned i = 0; i < NOTICES_PER_TURN; i++) {
        const struct log_notice notice = log_take(s->log);
        if (notice.kind == LOG_NOTHING) {
            break;
        }
        TAKES[notice.kind](s, &notice);
    }
    finish_turn(s);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    struct shell *s = watcher->data;
    tick(s, now_ms());
    finish_turn(s);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* The log comes before the clock: what has arrived is folded before its absence is judged. */
static void start_watchers(struct shell *s)
{
    ev_io_init(&s->readable, on_readable, log_fd(s->log), EV_READ);
    ev_set_priority(&s->readable, 1);
    ev_timer_init(&s->timer, on_timer, 0.0, 0.0);
    ev_signal_init(&s->term, on_signal, SIGTERM);
    ev_signal_init(&s->interrupt, on_signal, SIGINT);
    s->readable.data = s;
    s->timer.data = s;
    ev_io_start(s->loop, &s->readable);
    ev_timer_start(s->loop, &s->timer);
    ev_signal_start(s->loop, &s->term);
    ev_signal_start(s->loop, &s->interrupt);
}

static enum result open_log(struct shell *s, const struct monitor_settings *settings,
                            struct failure *reterr_failure)
{
    const struct log_nats_options options = {
            .servers = settings->servers,
            .name = settings->name,
            .live = true,
            .want_live = true,
            .from_snapshot = true,
            .want_leader = settings->nats_hosts.count > 0,
            .create_stream = true,
            .replicas = settings->replicas,
            .memory_storage = settings->memory_storage,
            .can_trim = settings->retention_s != 0,
            .max_bytes = settings->max_bytes,
    };
    return log_create(&options, &s->log, reterr_failure);
}

static void take_memory(void *data, const char *cluster, const struct memory *memory,
                        const struct failure *failure)
{
    struct shell *s = data;
    struct entry *entry = memory != NULL ? find_or_add_entry(s, cluster) : NULL;
    if (memory == NULL) {
        log_line(SEVERITY_ERROR, "%s (%s)", failure->text, failure->hint);
    } else if (entry != NULL) {
        entry->mc.memory = *memory;
    }
}

static enum result remember(struct shell *s, const char *directory, struct failure *f)
{
    if (directory[0] == '\0') {
        log_line(SEVERITY_INFO, "state_directory is not set: what this monitor remembers of the "
                                "log ends with it");
        return RESULT_OK;
    }
    return keeper_create(directory, take_memory, s, &s->keeper, f);
}

static void shell_free(struct shell *s)
{
    keeper_destroy(s->keeper);
    for (size_t i = 0; i < s->count; i++) {
        free(s->entries[i]);
    }
    free(s->entries);
    free(s);
}

static enum shell_end run(struct shell *s)
{
    s->loop = ev_default_loop(EVFLAG_AUTO);
    start_watchers(s);
    ev_run(s->loop, 0);
    if (s->end != SHELL_STALLED) {
        log_destroy(s->log);
    }
    ev_loop_destroy(s->loop);
    return s->end;
}

enum shell_end shell_run(const struct monitor_settings *settings, struct failure *reterr_failure)
{
    struct shell *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)failure_set(reterr_failure, RESULT_FULL, "no memory");
        return SHELL_FAILED;
    }
    const struct decide_options options = {.config = settings->config};
    s->retention.span_s = settings->retention_s;
    s->nats_hosts = &settings->nats_hosts;
    monitor_init(&s->monitor, settings->name, clock_us(CLOCK_REALTIME), &options);
    const bool open = remember(s, settings->state_directory, reterr_failure) == RESULT_OK &&
                      open_log(s, settings, reterr_failure) == RESULT_OK;
    const enum shell_end end = open ? run(s) : SHELL_FAILED;
    shell_free(s);
    return end;
}
