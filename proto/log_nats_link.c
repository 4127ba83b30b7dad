/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_link.c - one connection, and everything that libnats calls back.
 *
 * A callback may still run while the connection is closed by our thread. So each source of
 * callbacks holds the link (and the link the log) until libnats says that it was called for the
 * last time.
 */
#include "log_nats.h"
#include "log_nats_parse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void link_release(struct log_link *link)
{
    if (atomic_fetch_sub(&link->holders, 1) != 1) {
        return;
    }
    while (link->feed.count > 0) {
        log_feed_drop(&link->feed);
    }
    (void)pthread_mutex_destroy(&link->feed.mutex);
    (void)pthread_mutex_destroy(&link->answer_mutex);
    log_nats_release(link->log);
    free(link);
}

natsMsg *log_feed_head(struct log_feed *feed, size_t *ret_count)
{
    (void)pthread_mutex_lock(&feed->mutex);
    natsMsg *message = feed->count == 0 ? NULL : feed->messages[feed->head];
    *ret_count = feed->count;
    (void)pthread_mutex_unlock(&feed->mutex);
    return message;
}

void log_feed_drop(struct log_feed *feed)
{
    (void)pthread_mutex_lock(&feed->mutex);
    assert(feed->count > 0);
    natsMsg *message = feed->messages[feed->head];
    feed->head = (feed->head + 1) % LOG_FEED_COUNT;
    feed->count--;
    (void)pthread_mutex_unlock(&feed->mutex);
    natsMsg_Destroy(message);
}

bool log_feed_has_lost(struct log_feed *feed)
{
    (void)pthread_mutex_lock(&feed->mutex);
    const bool lost = feed->lost && feed->count == 0;
    if (lost) {
        feed->lost = false;
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    return lost;
}

static bool feed_put(struct log_feed *feed, natsMsg *message)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->lost = feed->lost || feed->count == LOG_FEED_COUNT;
    const bool taken = !feed->lost;
    if (taken) {
        feed->messages[(feed->head + feed->count) % LOG_FEED_COUNT] = message;
        feed->count++;
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    return taken;
}

static void on_feed(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                    void *closure)
{
    struct log_link *link = closure;
    (void)connection;
    (void)subscription;
    if (!feed_put(&link->feed, message)) {
        natsMsg_Destroy(message);
    }
    log_bell_ring(&link->log->bell);
}

/* A plain message goes straight to the loop, or is lost when the loop is far behind. */
static void pass_on(struct log_link *link, enum log_notice_kind kind, natsMsg *message)
{
    const struct log_notice notice = {
            .kind = kind,
            .subject = natsMsg_GetSubject(message),
            .data = (const uint8_t *)natsMsg_GetData(message),
            .size = (size_t)natsMsg_GetDataLength(message),
    };
    (void)log_queue_push(link->log->inbound, &notice, LOG_MARGIN_DROPPABLE);
    natsMsg_Destroy(message);
}

static void on_live(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                    void *closure)
{
    (void)connection;
    (void)subscription;
    pass_on(closure, LOG_LIVE, message);
}

static void on_asked(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                     void *closure)
{
    (void)connection;
    (void)subscription;
    pass_on(closure, LOG_ASKED, message);
}

/* The server's error text in a reply, if it is one. */
static bool reply_is_error(natsMsg *message, char *ret_text, size_t ret_size)
{
    const char *json = natsMsg_GetData(message);
    const size_t size = (size_t)natsMsg_GetDataLength(message);
    if (natsMsg_IsNoResponders(message)) {
        (void)snprintf(ret_text, ret_size, "no server answers for the stream");
        return true;
    }
    if (json == NULL || memmem(json, size, "\"error\":", 8) == NULL) {
        return false;
    }
    if (!log_parse_json_string(json, size, "description", ret_text, ret_size)) {
        (void)snprintf(ret_text, ret_size, "the server gives no reason");
    }
    return true;
}

static void take_ack(struct log_link *link, natsMsg *message)
{
    char text[FAILURE_TEXT_SIZE];
    struct log_notice notice = {.kind = LOG_APPENDED};
    if (reply_is_error(message, text, sizeof(text))) {
        notice.kind = LOG_REFUSED;
        notice.text = text;
    } else if (!log_parse_json_number(natsMsg_GetData(message),
                                      (size_t)natsMsg_GetDataLength(message), "seq", &notice.seq)) {
        notice.kind = LOG_REFUSED;
        notice.text = "the server's acknowledgement does not parse";
    }
    (void)log_queue_push(link->log->inbound, &notice, LOG_MARGIN_DROPPABLE);
}

/* JetStream's error 10037, "no message found": nothing follows. */
#define ERROR_NO_MESSAGE 10037

static void take_answer(struct log_link *link, natsMsg *message, uint64_t probe)
{
    char text[FAILURE_TEXT_SIZE];
    uint64_t code = 0;
    const char *json = natsMsg_GetData(message);
    const size_t size = (size_t)natsMsg_GetDataLength(message);
    struct log_answer answer = {.probe = probe, .kind = LOG_ANSWER_ERROR};
    if (reply_is_error(message, text, sizeof(text))) {
        const bool has_code = log_parse_json_number(json, size, "err_code", &code);
        answer.kind = has_code && code == ERROR_NO_MESSAGE ? LOG_ANSWER_NOTHING : LOG_ANSWER_ERROR;
    } else if (log_parse_json_number(json, size, "seq", &answer.seq)) {
        answer.kind = LOG_ANSWER_RECORD;
    }
    (void)pthread_mutex_lock(&link->answer_mutex);
    link->answer = answer;
    (void)pthread_mutex_unlock(&link->answer_mutex);
    log_bell_ring(&link->log->bell);
}

static void take_leader(struct log_link *link, natsMsg *message)
{
    (void)pthread_mutex_lock(&link->answer_mutex);
    log_leader_take(&link->report, natsMsg_GetData(message),
                    (size_t)natsMsg_GetDataLength(message));
    (void)pthread_mutex_unlock(&link->answer_mutex);
    log_bell_ring(&link->log->bell);
}

static void on_elected(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                       void *closure)
{
    struct log_link *link = closure;
    (void)connection;
    (void)subscription;
    (void)pthread_mutex_lock(&link->answer_mutex);
    link->report.elected = true;
    (void)pthread_mutex_unlock(&link->answer_mutex);
    log_bell_ring(&link->log->bell);
    natsMsg_Destroy(message);
}

static void on_reply(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                     void *closure)
{
    struct log_link *link = closure;
    (void)connection;
    (void)subscription;
    const char *tail = strrchr(natsMsg_GetSubject(message), '.');
    uint64_t probe = 0;
    if (tail != NULL && strcmp(tail, ".ack") == 0) {
        take_ack(link, message);
    } else if (tail != NULL && strcmp(tail, ".leader") == 0) {
        take_leader(link, message);
    } else if (tail != NULL && log_parse_number(tail + 1, &probe)) {
        take_answer(link, message, probe);
    }
    natsMsg_Destroy(message);
}

static void on_complete(void *closure)
{
    link_release(closure);
}

static void on_closed(natsConnection *connection, void *closure)
{
    struct log_link *link = closure;
    (void)connection;
    atomic_store(&link->closed, true);
    log_bell_ring(&link->log->bell);
    link_release(link);
}

/* A slow consumer lost messages: the feed has a hole. Other errors end in on_closed(). */
static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus error,
                     void *closure)
{
    struct log_link *link = closure;
    (void)connection;
    (void)subscription;
    if (error == NATS_SLOW_CONSUMER) {
        (void)pthread_mutex_lock(&link->feed.mutex);
        link->feed.lost = true;
        (void)pthread_mutex_unlock(&link->feed.mutex);
        log_bell_ring(&link->log->bell);
    }
}

static natsStatus set_options(natsOptions *options, struct log_link *link, const char *server)
{
    natsStatus status = natsOptions_SetURL(options, server);
    if (status == NATS_OK && link->log->options.name != NULL) {
        status = natsOptions_SetName(options, link->log->options.name);
    }
    const natsStatus others[] = {
            natsOptions_SetAllowReconnect(options, false),
            natsOptions_SetTimeout(options, LOG_CONNECT_MS),
            natsOptions_SetPingInterval(options, 1000),
            natsOptions_SetMaxPingsOut(options, 2),
            natsOptions_SetSendAsap(options, true),
            natsOptions_SetWriteDeadline(options, LOG_CONNECT_MS),
            natsOptions_SetFailRequestsOnDisconnect(options, true),
            natsOptions_SetMaxPendingMsgs(options, 8 * LOG_FEED_COUNT),
            /* One thread of libnats' calls all callbacks: the feed's order is kept between
               subjects. */
            natsOptions_UseGlobalMessageDelivery(options, true),
            natsOptions_SetErrorHandler(options, on_error, link),
            natsOptions_SetClosedCB(options, on_closed, link),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && status == NATS_OK; i++) {
        status = others[i];
    }
    return status;
}

static natsStatus connect_to(struct log_link *link, const char *server)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) {
        status = set_options(options, link, server);
    }
    if (status == NATS_OK) {
        atomic_fetch_add(&link->holders, 1);
        status = natsConnection_Connect(&link->connection, options);
        /* on_closed() is called only for what was connected once. */
        if (status != NATS_OK) {
            atomic_fetch_sub(&link->holders, 1);
        }
    }
    natsOptions_Destroy(options);
    return status;
}

static natsStatus subscribe(struct log_link *link, const char *subject, natsMsgHandler on_message)
{
    natsSubscription *subscription = NULL;
    natsStatus status =
            natsConnection_Subscribe(&subscription, link->connection, subject, on_message, link);
    if (status != NATS_OK) {
        return status;
    }
    atomic_fetch_add(&link->holders, 1);
    status = natsSubscription_SetOnCompleteCB(subscription, on_complete, link);
    if (status != NATS_OK) {
        atomic_fetch_sub(&link->holders, 1);
    }
    link->subscriptions[link->subscription_count++] = subscription;
    return status;
}

/* subject is "root.<cluster><tail>", or "root.>" for all clusters. */
static natsStatus subscribe_of(struct log_link *link, const char *root, const char *tail,
                               natsMsgHandler on_message)
{
    char subject[SUBJECT_SIZE];
    const char *cluster = link->log->options.cluster;
    (void)snprintf(subject, sizeof(subject), "%s.%s%s", root, cluster == NULL ? ">" : cluster,
                   cluster == NULL ? "" : tail);
    return subscribe(link, subject, on_message);
}

static natsStatus subscribe_all(struct log_link *link)
{
    const struct log_nats_options *options = &link->log->options;
    char replies[SUBJECT_SIZE + 2];
    (void)snprintf(replies, sizeof(replies), "%s.*", link->inbox);
    natsStatus status = subscribe(link, replies, on_reply);
    if (status == NATS_OK && options->live) {
        status = subscribe_of(link, SUBJECT_FEED, ".>", on_feed);
    }
    /* The monitors' heartbeats stand between a cluster's records: with them the sequence numbers of
     * a deployment of one cluster leave no gap, and the stream need not be asked about gaps. */
    if (status == NATS_OK && options->live && options->cluster != NULL) {
        status = subscribe(link, SUBJECT_FEED "._.>", on_feed);
    }
    if (status == NATS_OK && options->live) {
        status = subscribe(link, LOG_ADVISORY STREAM_NAME, on_elected);
    }
    if (status == NATS_OK && options->want_live) {
        status = subscribe_of(link, SUBJECT_LIVE, ".*", on_live);
    }
    if (status == NATS_OK && options->want_asked) {
        status = subscribe_of(link, SUBJECT_ASK, "", on_asked);
    }
    return status;
}

static natsStatus open_link(struct log_link *link, const char *server)
{
    jsOptions options;
    natsInbox *inbox = NULL;
    natsStatus status = connect_to(link, server);
    if (status == NATS_OK) {
        status = natsInbox_Create(&inbox);
    }
    if (status == NATS_OK) {
        (void)snprintf(link->inbox, sizeof(link->inbox), "%s", inbox);
        natsInbox_Destroy(inbox);
        status = subscribe_all(link);
    }
    if (status == NATS_OK) {
        (void)jsOptions_Init(&options);
        options.Wait = LOG_REQUEST_MS;
        status = natsConnection_JetStream(&link->js, link->connection, &options);
    }
    return status;
}

struct log_link *log_link_create(struct log_nats *log, const char *server, struct failure *f)
{
    struct log_link *link = calloc(1, sizeof(*link));
    assert(link != NULL);
    link->log = log;
    atomic_init(&link->holders, 1);
    atomic_fetch_add(&log->holders, 1);
    (void)pthread_mutex_init(&link->feed.mutex, NULL);
    (void)pthread_mutex_init(&link->answer_mutex, NULL);
    const natsStatus status = open_link(link, server);
    if (status == NATS_OK) {
        return link;
    }
    (void)failure_set(f, RESULT_UNAVAILABLE, "connect to %s: %s", server, log_nats_error(status));
    log_link_close(link);
    return NULL;
}

void log_link_drop_history(struct log_link *link)
{
    for (; link->chunk_next < link->chunk_count; link->chunk_next++) {
        natsMsg_Destroy(link->chunk[link->chunk_next]);
    }
    link->chunk_next = 0;
    link->chunk_count = 0;
    link->chunk_vouched = false;
    natsSubscription_Destroy(link->history);
    link->history = NULL;
}

void log_link_close(struct log_link *link)
{
    if (link->connection != NULL) {
        natsConnection_Close(link->connection);
    }
    log_link_drop_history(link);
    for (size_t i = 0; i < link->subscription_count; i++) {
        natsSubscription_Destroy(link->subscriptions[i]);
    }
    jsCtx_Destroy(link->js);
    natsConnection_Destroy(link->connection);
    link_release(link);
}
