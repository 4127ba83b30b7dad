/* SPDX-License-Identifier: PostgreSQL */
#include "log_look.h"
#include "log_nats.h"
#include "log_nats_parse.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The first line of a server; a cluster of many names all of them there. */
#define GREETING_BYTES 8192
#define PORT_DEFAULT "4222"

/* ---- a server's greeting, which libnats does not hand out ---- */

/* "nats://user:secret@host:4222" becomes "host:4222". */
static void place_of(const char *server, char *ret_place, size_t size)
{
    const char *scheme = strstr(server, "://");
    const char *rest = scheme != NULL ? scheme + 3 : server;
    const char *at = strrchr(rest, '@');
    const char *place = at != NULL ? at + 1 : rest;
    const char *colon = strrchr(place, ':');
    const char *bracket = strrchr(place, ']');
    bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
    (void)snprintf(ret_place, size, "%.*s%s", (int)strcspn(place, "/"), place,
                   has_port ? "" : ":" PORT_DEFAULT);
}

static int connect_socket(const struct addrinfo *address)
{
    const struct timeval limit = {.tv_usec = LOG_CONNECT_MS * 1000L};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    /* On Linux this bounds connect(), too. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Up to its end, or to what fits. */
static size_t read_line(int fd, char *ret_line, size_t size)
{
    size_t length = 0;
    while (length < size && memchr(ret_line, '\n', length) == NULL) {
        const ssize_t got = recv(fd, ret_line + length, size - length, 0);
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    return length;
}

static void take_greeting(int fd, struct log_look_server *server)
{
    char line[GREETING_BYTES];
    const size_t length = read_line(fd, line, sizeof(line));
    server->reached = length > 5 && memcmp(line, "INFO ", 5) == 0;
    if (!server->reached) {
        (void)snprintf(server->trouble, sizeof(server->trouble), "%s",
                       length == 0 ? "it takes the connection, and says nothing"
                                   : "what answers there is no nats-server");
    } else if (!log_parse_json_string(line, length, "server_name", server->name,
                                      sizeof(server->name))) {
        (void)snprintf(server->name, sizeof(server->name), "unnamed");
    }
}

static void look_at_server(const char *url, struct log_look_server *server)
{
    char host[sizeof(server->place)];
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    place_of(url, server->place, sizeof(server->place));
    (void)snprintf(host, sizeof(host), "%s", server->place);
    char *port = strrchr(host, ':');
    *port = '\0';
    char *name = host[0] == '[' ? host + 1 : host;
    name[strcspn(name, "]")] = '\0';
    const int error = getaddrinfo(name, port + 1, &wanted, &found);
    if (error != 0) {
        (void)snprintf(server->trouble, sizeof(server->trouble), "%s", gai_strerror(error));
        return;
    }
    const int fd = connect_socket(found);
    if (fd < 0) {
        (void)snprintf(server->trouble, sizeof(server->trouble), "it does not take a connection");
    } else {
        take_greeting(fd, server);
        (void)close(fd);
    }
    freeaddrinfo(found);
}

/* ---- the stream ---- */

static void copy_name(char ret_name[LOG_LOOK_NAME_SIZE], const char *name)
{
    (void)snprintf(ret_name, LOG_LOOK_NAME_SIZE, "%.*s", LOG_LOOK_NAME_SIZE - 1,
                   name != NULL ? name : "");
}

static void take_replicas(const jsClusterInfo *cluster, struct log_look *look)
{
    look->replicated = cluster != NULL && cluster->Name != NULL;
    if (!look->replicated) {
        return;
    }
    copy_name(look->leader, cluster->Leader);
    for (int i = 0; i < cluster->ReplicasLen && look->replica_count < LOG_LOOK_COUNT; i++) {
        const jsPeerInfo *peer = cluster->Replicas[i];
        struct log_look_replica *replica = &look->replicas[look->replica_count++];
        copy_name(replica->name, peer->Name);
        replica->current = peer->Current && !peer->Offline;
        replica->offline = peer->Offline;
        replica->lag_count = peer->Lag;
    }
}

static uint64_t us_of(int64_t ns)
{
    return ns > 0 ? (uint64_t)ns / 1000 : 0;
}

static void take_stream(const jsStreamInfo *info, struct log_look *look)
{
    look->stream = LOG_LOOK_THERE;
    look->first_seq = info->State.FirstSeq;
    look->last_seq = info->State.LastSeq;
    look->message_count = info->State.Msgs;
    look->bytes = info->State.Bytes;
    look->created_us = us_of(info->Created);
    look->last_us = info->State.Msgs > 0 ? us_of(info->State.LastTime) : 0;
    take_replicas(info->Cluster, look);
}

static natsStatus connect_to(const char *url, natsConnection **ret_connection)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) {
        status = natsOptions_SetURL(options, url);
    }
    if (status == NATS_OK) {
        (void)natsOptions_SetName(options, "pgbaton");
        (void)natsOptions_SetAllowReconnect(options, false);
        (void)natsOptions_SetTimeout(options, LOG_CONNECT_MS);
        status = natsConnection_Connect(ret_connection, options);
    }
    natsOptions_Destroy(options);
    return status;
}

static void ask_for_stream(const char *url, struct log_look *look)
{
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsStreamInfo *info = NULL;
    jsOptions options;
    jsErrCode code = 0;
    (void)jsOptions_Init(&options);
    options.Wait = 2 * LOG_REQUEST_MS;
    natsStatus status = connect_to(url, &connection);
    if (status == NATS_OK) {
        status = natsConnection_JetStream(&js, connection, &options);
    }
    if (status == NATS_OK) {
        status = js_GetStreamInfo(&info, js, STREAM_NAME, NULL, &code);
    }
    if (code == JSStreamNotFoundErr) {
        look->stream = LOG_LOOK_MISSING;
    } else if (status != NATS_OK) {
        (void)snprintf(look->trouble, sizeof(look->trouble), "%s", log_nats_error(status));
    } else {
        take_stream(info, look);
    }
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

void log_look(const char *servers, struct log_look *ret_look)
{
    memset(ret_look, 0, sizeof(*ret_look));
    char *list = strdup(servers);
    char *rest = NULL;
    for (char *url = list != NULL ? strtok_r(list, ", ", &rest) : NULL;
         url != NULL && ret_look->server_count < LOG_LOOK_COUNT;
         url = strtok_r(NULL, ", ", &rest)) {
        struct log_look_server *server = &ret_look->servers[ret_look->server_count++];
        look_at_server(url, server);
        ret_look->reached_count += server->reached ? 1 : 0;
        if (server->reached && ret_look->stream == LOG_LOOK_SILENT) {
            ask_for_stream(url, ret_look);
        }
    }
    free(list);
}
