/* SPDX-License-Identifier: PostgreSQL */
#include "log_nats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A second copy of an append is recognised so long (FACTS 7). */
#define DUPLICATES_S 120
/* Largest message of a stream that is created: an event, its subject and its headers. */
#define MESSAGE_BYTES_MAX (RECORD_BYTES_MAX + 2048)
#define NS_PER_S INT64_C(1000000000)

static void fill_config(const struct log_nats_options *options, jsStreamConfig *config)
{
    config->Name = STREAM_NAME;
    config->Retention = js_LimitsPolicy;
    config->Discard = js_DiscardOld;
    config->Storage = options->memory_storage ? js_MemoryStorage : js_FileStorage;
    config->Replicas = options->replicas > 0 ? options->replicas : 1;
    config->MaxBytes = options->max_bytes > 0 ? (int64_t)options->max_bytes : -1;
    config->MaxMsgSize = MESSAGE_BYTES_MAX;
    config->Duplicates = DUPLICATES_S * NS_PER_S;
    config->DenyDelete = true;
    config->DenyPurge = !options->can_trim;
}

/* Another monitor may create it at the same time: who comes second finds it at the next look. */
static void create_stream(struct log_nats *log)
{
    const char *subjects[] = {SUBJECT_ROOT ".>"};
    jsRePublish feed;
    jsStreamConfig config;
    jsErrCode code = 0;
    (void)jsRePublish_Init(&feed);
    feed.Source = SUBJECT_ROOT ".>";
    feed.Destination = SUBJECT_FEED ".>";
    (void)jsStreamConfig_Init(&config);
    fill_config(&log->options, &config);
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.RePublish = &feed;
    const natsStatus status = js_AddStream(NULL, log->link->js, &config, NULL, &code);
    if (status != NATS_OK) {
        log_nats_down(log, LOG_TROUBLE_MISSING, "create stream " STREAM_NAME ": %s",
                      log_nats_error(status));
        log_nats_wait(log, LOG_STREAM_POLL_MS);
    } else {
        log_nats_wait(log, 0);
    }
}

static bool has_feed(const jsStreamConfig *config)
{
    const jsRePublish *feed = config->RePublish;
    return feed != NULL && feed->Source != NULL && feed->Destination != NULL &&
           strcmp(feed->Destination, SUBJECT_FEED ".>") == 0 &&
           (strcmp(feed->Source, SUBJECT_ROOT ".>") == 0 || strcmp(feed->Source, ">") == 0);
}

/* A record of the stream was read. Before that another stream of the same name is as good: servers
 * that have just started can create it twice when an answer was late (seen with three replicas). */
static bool has_read(const struct log_nats *log)
{
    return log->marks.count > 0;
}

/* True when the stream has a feed and holds what was read so far; else says why not. */
static bool accept_stream(struct log_nats *log, const jsStreamInfo *info)
{
    if (!has_feed(info->Config)) {
        log_nats_down(log, LOG_TROUBLE_NO_FEED,
                      "stream " STREAM_NAME " has no republish feed from " SUBJECT_ROOT
                      ".> to " SUBJECT_FEED ".>: remove the stream, or create it anew with "
                      "--republish-source='" SUBJECT_ROOT
                      ".>' --republish-destination='" SUBJECT_FEED ".>'");
        return false;
    }
    return log_nats_compare(log, info);
}

/* Retention may be faster than a reader that was away: it goes on, and says so; or begins anew with
 * a snapshot, which has what it missed. */
static bool pass_expired(struct log_nats *log, const jsStreamInfo *info)
{
    static const char text[] =
            "the log keeps records from %" PRIu64 " on only; reading ended at %" PRIu64;
    const uint64_t first_seq = info->State.FirstSeq;
    if (log->known_seq == 0 || first_seq <= log->known_seq + 1) {
        return true;
    }
    if (log->options.from_snapshot && has_read(log)) {
        log_nats_lose(log, first_seq, text, first_seq, log->known_seq);
        return false;
    }
    log_nats_down(log, LOG_TROUBLE_EXPIRED, text, first_seq, log->known_seq);
    log->known_seq = first_seq - 1;
    return true;
}

bool log_nats_find_stream(struct log_nats *log)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    log_nats_forget_leader(log);
    const natsStatus status = js_GetStreamInfo(&info, log->link->js, STREAM_NAME, NULL, &code);
    const bool missing = code == JSStreamNotFoundErr;
    if (missing && log->options.create_stream && !has_read(log)) {
        create_stream(log);
        return false;
    }
    log_nats_wait(log, LOG_STREAM_POLL_MS);
    if (missing) {
        log_nats_miss_stream(log);
        return false;
    }
    if (status != NATS_OK) {
        log->missing_mono_ms = 0;
        log_nats_down(log, LOG_TROUBLE_SILENT, "look for stream " STREAM_NAME ": %s",
                      log_nats_error(status));
        return false;
    }
    log_nats_note_leader(log, info);
    const bool accepted = accept_stream(log, info) && pass_expired(log, info);
    if (accepted) {
        log->first_seq = info->State.FirstSeq;
        log->created_ns = info->Created;
    }
    jsStreamInfo_Destroy(info);
    return accepted;
}
