/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_trim.c - removes what is old: whoever asks knows up to where no reader needs it.
 *
 * The server's own max_age would remove what no snapshot has. So records are purged up to a
 * sequence number, a part at a time; where those that are old enough end is found by halves.
 */
#include "log_nats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* True when record seq is older; NATS_NOT_FOUND counts as: it is not. */
static natsStatus look_at(struct log_nats *log, uint64_t seq, uint64_t before_us, bool *ret_older)
{
    natsMsg *message = NULL;
    jsErrCode code = 0;
    const natsStatus status = js_GetMsg(&message, log->link->js, STREAM_NAME, seq, NULL, &code);
    (void)log_nats_tick(log);
    *ret_older = status == NATS_OK && (uint64_t)natsMsg_GetTime(message) / 1000 < before_us;
    natsMsg_Destroy(message);
    return status == NATS_NOT_FOUND ? NATS_OK : status;
}

/* The first record from *seq on, and before end_seq, that is not older; else end_seq. */
static natsStatus find_end(struct log_nats *log, uint64_t end_seq, uint64_t before_us,
                           uint64_t *seq)
{
    uint64_t low = *seq;
    uint64_t high = end_seq;
    natsStatus status = NATS_OK;
    while (low < high && status == NATS_OK && !atomic_load(&log->stop)) {
        /* Usually all of a part are. */
        const uint64_t middle = low == *seq && high == end_seq ? high - 1 : low + (high - low) / 2;
        bool older = false;
        status = look_at(log, middle, before_us, &older);
        low = older ? middle + 1 : low;
        high = older ? high : middle;
    }
    *seq = low;
    return status;
}

static natsStatus purge(struct log_nats *log, uint64_t keep_seq, jsErrCode *ret_code)
{
    jsOptions options;
    (void)jsOptions_Init(&options);
    options.Wait = LOG_REQUEST_MS;
    options.Stream.Purge.Sequence = keep_seq;
    return js_PurgeStream(log->link->js, STREAM_NAME, &options, ret_code);
}

static void tell(struct log_nats *log, uint64_t first_seq, const char *text)
{
    const struct log_notice notice = {.kind = LOG_TRIMMED, .seq = first_seq, .text = text};
    (void)log_queue_push(log->inbound, &notice, LOG_MARGIN_DROPPABLE);
}

void log_nats_trim(struct log_nats *log, const struct log_notice *order)
{
    char text[FAILURE_TEXT_SIZE];
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    uint64_t before_us = 0;
    memcpy(&before_us, order->data, sizeof(before_us));
    const uint64_t keep_seq = order->seq;
    natsStatus status = js_GetStreamInfo(&info, log->link->js, STREAM_NAME, NULL, &code);
    const uint64_t first_seq = status == NATS_OK ? info->State.FirstSeq : 0;
    uint64_t seq = first_seq;
    jsStreamInfo_Destroy(info);
    const uint64_t part_seq = first_seq + LOG_TRIM_COUNT;
    if (status == NATS_OK && first_seq < keep_seq) {
        status = find_end(log, part_seq < keep_seq ? part_seq : keep_seq, before_us, &seq);
    }
    if (status == NATS_OK && seq > first_seq) {
        status = purge(log, seq, &code);
    }
    if (status != NATS_OK) {
        (void)snprintf(text, sizeof(text), "%s", log_nats_error(status));
        tell(log, first_seq, text);
    } else if (seq > first_seq) {
        tell(log, seq, NULL);
    }
}
