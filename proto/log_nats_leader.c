/* SPDX-License-Identifier: PostgreSQL */
#include "log_nats.h"
#include "log_nats_parse.h"

#include <stdio.h>
#include <string.h>

/* Of one element of the list of replicas. */
static void take_replica(struct log_leader_report *report, const char *json, size_t size)
{
    char name[LOG_SERVER_NAME_SIZE];
    const size_t used = strlen(report->current);
    const bool current = memmem(json, size, "\"current\":true", 14) != NULL &&
                         memmem(json, size, "\"offline\":true", 14) == NULL;
    if (current && log_parse_json_string(json, size, "name", name, sizeof(name)) &&
        used + strlen(name) + 2 <= sizeof(report->current)) {
        (void)snprintf(report->current + used, sizeof(report->current) - used, "%s%s",
                       used > 0 ? "," : "", name);
    }
}

/* They are flat objects; a number of replicas is no list. */
static void take_replicas(struct log_leader_report *report, const char *json, size_t size)
{
    static const char key[] = "\"replicas\":[";
    const char *at = memmem(json, size, key, sizeof(key) - 1);
    const char *end = at != NULL ? memchr(at, ']', size - (size_t)(at - json)) : NULL;
    report->current[0] = '\0';
    while (end != NULL && (at = memchr(at, '{', (size_t)(end - at))) != NULL) {
        const char *close = memchr(at, '}', (size_t)(end - at));
        if (close == NULL) {
            return;
        }
        take_replica(report, at, (size_t)(close - at));
        at = close;
    }
}

void log_leader_take(struct log_leader_report *report, const char *json, size_t size)
{
    char created[64];
    uint64_t last_seq = 0;
    if (!log_parse_json_number(json, size, "last_seq", &last_seq) ||
        !log_parse_json_string(json, size, "created", created, sizeof(created))) {
        return;
    }
    report->answered = true;
    report->last_seq = last_seq;
    report->created_us = log_parse_time_us(created);
    if (!log_parse_json_string(json, size, "leader", report->name, sizeof(report->name))) {
        report->name[0] = '\0';
    }
    take_replicas(report, json, size);
}

void log_nats_ask_leader(struct log_nats *log)
{
    char reply[SUBJECT_SIZE + 8];
    (void)snprintf(reply, sizeof(reply), "%s.leader", log->link->inbox);
    log->asked_seq = log->known_seq;
    /* That no answer comes is noticed by the other question of the period. */
    (void)natsConnection_PublishRequest(log->link->connection, "$JS.API.STREAM.INFO." STREAM_NAME,
                                        reply, NULL, 0);
}

void log_nats_tell_leader(struct log_nats *log)
{
    struct log_link *link = log->link;
    if (!log->options.want_leader) {
        return;
    }
    (void)pthread_mutex_lock(&link->answer_mutex);
    const struct log_leader_report report = link->report;
    (void)pthread_mutex_unlock(&link->answer_mutex);
    if (report.answered && report.name[0] != '\0') {
        const struct log_notice notice = {
                .kind = LOG_LED, .subject = report.name, .text = report.current};
        (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_DROPPABLE);
    }
}

static bool is_doubtful(const struct log_nats *log, const struct log_leader_report *report)
{
    const bool other = report->name[0] != '\0' && strcmp(report->name, log->leader) != 0;
    const bool shorter = log->marks.count > 0 && report->last_seq < log->asked_seq;
    const bool anew = report->created_us != (uint64_t)log->created_ns / 1000;
    return report->elected || (report->answered && (other || shorter || anew));
}

bool log_nats_leader_is_doubtful(struct log_nats *log)
{
    struct log_link *link = log->link;
    (void)pthread_mutex_lock(&link->answer_mutex);
    const bool doubtful = is_doubtful(log, &link->report);
    link->report.elected = false;
    link->report.answered = false;
    (void)pthread_mutex_unlock(&link->answer_mutex);
    return doubtful;
}

void log_nats_forget_leader(struct log_nats *log)
{
    (void)pthread_mutex_lock(&log->link->answer_mutex);
    memset(&log->link->report, 0, sizeof(log->link->report));
    (void)pthread_mutex_unlock(&log->link->answer_mutex);
}

static const char *leader_of(const jsClusterInfo *cluster)
{
    return cluster == NULL || cluster->Leader == NULL ? "" : cluster->Leader;
}

/* A leader without a name is one that is just being elected: the next look will see it. */
void log_nats_note_leader(struct log_nats *log, const jsStreamInfo *info)
{
    const char *name = leader_of(info->Cluster);
    if (name[0] == '\0' || strcmp(name, log->leader) == 0) {
        return;
    }
    log->missing_mono_ms = 0;
    log->compares_all = true;
    if (log->leader[0] != '\0' && log->up) {
        log_nats_down(log, LOG_TROUBLE_LEADER, "the log's leader changed from %s to %s",
                      log->leader, name);
    }
    (void)snprintf(log->leader, sizeof(log->leader), "%s", name);
}

natsStatus log_nats_compare_leaders(struct log_nats *log, natsSubscription *consumer,
                                    bool *ret_same)
{
    jsConsumerInfo *consumers = NULL;
    jsStreamInfo *streams = NULL;
    jsErrCode code = 0;
    natsStatus status = NATS_OK;
    if (consumer != NULL) {
        status = natsSubscription_GetConsumerInfo(&consumers, consumer, NULL, &code);
    }
    if (status == NATS_OK) {
        status = js_GetStreamInfo(&streams, log->link->js, STREAM_NAME, NULL, &code);
    }
    *ret_same = status == NATS_OK &&
                (consumer == NULL || strcmp(leader_of(consumers->Cluster), log->leader) == 0) &&
                strcmp(leader_of(streams->Cluster), log->leader) == 0;
    jsConsumerInfo_Destroy(consumers);
    jsStreamInfo_Destroy(streams);
    return status;
}
