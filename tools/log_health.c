/* SPDX-License-Identifier: PostgreSQL */
#include "log_health.h"

#include "../replay/format.h"
#include "../replay/reader.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *health_name(enum health health)
{
    static const char *const names[] = {
            [HEALTH_WRITABLE] = "writable",       [HEALTH_UNPROVEN] = "unproven",
            [HEALTH_UNREADABLE] = "unreadable",   [HEALTH_MISSING] = "missing",
            [HEALTH_UNREACHABLE] = "unreachable",
    };
    _Static_assert(sizeof names / sizeof names[0] == HEALTH_COUNT, "a name for each");
    return names[health];
}

/* Without a leader they are all among the replicas. */
size_t health_replica_count(const struct log_look *look)
{
    return look->replica_count + (look->leader[0] != '\0' ? 1 : 0);
}

size_t health_lagging_count(const struct log_look *look)
{
    size_t count = 0;
    for (size_t i = 0; i < look->replica_count; i++) {
        count += look->replicas[i].current ? 0 : 1;
    }
    return count;
}

/* ---- who is heard ---- */

static struct heard_monitor *find_monitor(struct log_health *h, const char *name)
{
    size_t i = 0;
    while (i < h->monitor_count && strcmp(h->monitors[i].name, name) != 0) {
        i++;
    }
    if (i == HEALTH_MONITOR_COUNT) {
        return NULL;
    }
    h->monitor_count = i == h->monitor_count ? i + 1 : h->monitor_count;
    return &h->monitors[i];
}

static void take_heartbeat(struct log_health *h, const struct folded *folded)
{
    struct heard_monitor *m = find_monitor(h, folded->event.writer);
    if (m == NULL) {
        return;
    }
    memcpy(m->name, folded->event.writer, sizeof m->name);
    m->seq = folded->event.seq;
    m->stored_us = folded->stored_us != 0 ? folded->stored_us : folded->wall_us;
    m->now = h->caught_up;
}

static struct heard_agent *find_agent(struct log_health *h, const char *cluster, const char *node)
{
    size_t i = 0;
    while (i < h->agent_count &&
           (strcmp(h->agents[i].cluster, cluster) != 0 || strcmp(h->agents[i].node, node) != 0)) {
        i++;
    }
    if (i == HEALTH_AGENT_COUNT) {
        return NULL;
    }
    h->agent_count = i == h->agent_count ? i + 1 : h->agent_count;
    return &h->agents[i];
}

static void take_live(struct log_health *h, const struct log_notice *notice)
{
    struct event event;
    enum codec_result result = codec_decode(notice->data, notice->size, &h->set->arena, &event);
    struct heard_agent *agent =
            result == CODEC_OK ? find_agent(h, event.cluster, event.writer) : NULL;
    if (agent != NULL) {
        memcpy(agent->cluster, event.cluster, sizeof agent->cluster);
        memcpy(agent->node, event.writer, sizeof agent->node);
        agent->heard_ms = reader_now_ms();
        agent->read_seq = event.kind == EVENT_PROBE ? event.body.probe.read_seq : 0;
    }
}

const struct heard_agent *health_agent(const struct log_health *health, const char *cluster,
                                       const char *node)
{
    for (size_t i = 0; i < health->agent_count; i++) {
        const struct heard_agent *agent = &health->agents[i];
        if (strcmp(agent->cluster, cluster) == 0 && strcmp(agent->node, node) == 0) {
            return agent;
        }
    }
    return NULL;
}

uint64_t health_age_ms(const struct log_health *health, const struct heard_agent *agent)
{
    return health->now_ms - agent->heard_ms;
}

/* ---- reading and listening ---- */

static void take_record(struct log_health *h, const struct log_notice *notice)
{
    struct folded folded;
    h->last_seq = notice->seq;
    h->record_count++;
    if (!cluster_set_fold(h->set, notice, &folded)) {
        return;
    }
    h->last_us = folded.stored_us != 0 ? folded.stored_us : folded.wall_us;
    if (folded.event.kind == EVENT_HEARTBEAT && folded.outcome.effective) {
        take_heartbeat(h, &folded);
    }
}

static void note_trouble(struct log_health *h, const char *text)
{
    (void)snprintf(h->trouble, sizeof h->trouble, "%s", text != NULL ? text : "no reason known");
    format_clean(h->trouble);
}

/* False when nothing comes any more. */
static bool take(struct log_health *h, const struct log_notice *notice)
{
    if (notice->kind == LOG_RECORD) {
        take_record(h, notice);
    } else if (notice->kind == LOG_LIVE) {
        take_live(h, notice);
    } else if (notice->kind == LOG_DOWN || notice->kind == LOG_LOST) {
        note_trouble(h, notice->text);
    } else if (notice->kind == LOG_UP) {
        h->trouble[0] = '\0';
    }
    h->caught_up = h->caught_up || notice->kind == LOG_CAUGHT_UP;
    return notice->kind != LOG_LOST;
}

static void sleep_until(const struct log *log, uint64_t at_ms)
{
    uint64_t now_ms = reader_now_ms();
    struct pollfd descriptor = {.fd = log_fd(log), .events = POLLIN};
    (void)poll(&descriptor, 1, at_ms > now_ms ? (int)(at_ms - now_ms) : 0);
}

/* A log that cannot be read is listened to all the same: agents speak past the stream. */
static void listen_to(struct log *log, struct log_health *h, uint64_t timeout_ms)
{
    uint64_t until_ms = reader_now_ms() + timeout_ms;
    bool goes_on = true;
    while (goes_on && reader_now_ms() < until_ms) {
        struct log_notice notice = log_take(log);
        bool was_caught_up = h->caught_up;
        if (notice.kind == LOG_NOTHING) {
            sleep_until(log, until_ms);
            continue;
        }
        goes_on = take(h, &notice);
        if (h->caught_up && !was_caught_up) {
            until_ms = reader_now_ms() + HEALTH_LISTEN_MS;
        } else if (!h->caught_up && notice.kind == LOG_RECORD) {
            until_ms = reader_now_ms() + timeout_ms;
        }
    }
}

static void read_log(const struct options *options, struct log_health *h)
{
    struct failure failure = {0};
    struct log *log = NULL;
    const struct log_nats_options nats = {.servers = options->servers,
                                          .name = "pgbaton",
                                          .from_snapshot = true,
                                          .live = true,
                                          .want_live = true};
    bool readable = h->local || h->look.stream == LOG_LOOK_THERE;
    if (!h->local && h->look.reached_count == 0) {
        return;
    }
    if (log_create(&nats, &log, &failure) != RESULT_OK) {
        note_trouble(h, failure.text);
        return;
    }
    listen_to(log, h, readable ? options->timeout_ms : HEALTH_LISTEN_MS);
    log_destroy(log);
}

/* ---- what it comes to ---- */

static bool is_written(const struct log_health *h)
{
    for (size_t i = 0; i < h->monitor_count; i++) {
        if (h->monitors[i].now) {
            return true;
        }
    }
    return false;
}

static enum health judge(const struct log_health *h)
{
    if (h->caught_up) {
        return is_written(h) ? HEALTH_WRITABLE : HEALTH_UNPROVEN;
    }
    if (h->local) {
        return h->record_count == 0 ? HEALTH_MISSING : HEALTH_UNREADABLE;
    }
    if (h->look.reached_count == 0) {
        return HEALTH_UNREACHABLE;
    }
    return h->look.stream == LOG_LOOK_MISSING ? HEALTH_MISSING : HEALTH_UNREADABLE;
}

/* What servers say of a stream, said of a file. */
static void look_at_file(const char *servers, struct log_look *look)
{
    struct stat status;
    memset(look, 0, sizeof *look);
    bool there = stat(servers + strlen(LOG_LOCAL_SCHEME), &status) == 0;
    look->stream = there ? LOG_LOOK_THERE : LOG_LOOK_MISSING;
    look->bytes = there ? (uint64_t)status.st_size : 0;
}

static void clean_names(struct log_look *look)
{
    for (size_t i = 0; i < look->server_count; i++) {
        format_clean(look->servers[i].place);
        format_clean(look->servers[i].name);
    }
    for (size_t i = 0; i < look->replica_count; i++) {
        format_clean(look->replicas[i].name);
    }
    format_clean(look->leader);
    format_clean(look->trouble);
}

bool health_gather(const struct options *options, struct log_health *ret_health)
{
    memset(ret_health, 0, sizeof *ret_health);
    ret_health->set = cluster_set_create();
    if (ret_health->set == NULL) {
        return false;
    }
    ret_health->local = log_is_local(options->servers);
    if (ret_health->local) {
        look_at_file(options->servers, &ret_health->look);
    } else {
        log_look(options->servers, &ret_health->look);
        clean_names(&ret_health->look);
    }
    read_log(options, ret_health);
    ret_health->now_ms = reader_now_ms();
    ret_health->now_us = format_now_us();
    ret_health->health = judge(ret_health);
    return true;
}

void health_finish(struct log_health *health)
{
    cluster_set_destroy(health->set);
}
