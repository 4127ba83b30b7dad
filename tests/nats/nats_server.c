/* SPDX-License-Identifier: PostgreSQL */
#include "nats_server.h"

#include "../../proto/subject.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <nats/nats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0);
    const int bound = bind(fd, (struct sockaddr *)&address, size);
    assert(bound == 0);
    const int named = getsockname(fd, (struct sockaddr *)&address, &size);
    assert(named == 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static bool accepts(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0);
    const bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return connected;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void write_config(const struct nats_servers *s, int i)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%d.conf", s->directory, i);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    (void)fprintf(
            file,
            "server_name: n%d\nlisten: 127.0.0.1:%u\n"
            "jetstream { store_dir: \"%s/store%d\" }\n"
            "no_auth_user: all\n"
            "authorization { users: [ { user: all, password: x }, { user: holes, password: x,\n"
            "  permissions: { subscribe: { deny: \"" SUBJECT_FEED ".*.probe.node-1\" } } } ] }\n",
            i, s->servers[i].port, s->directory, i);
    if (s->count > 1) {
        (void)fprintf(file, "cluster { name: test, listen: 127.0.0.1:%u, routes: [",
                      s->servers[i].route_port);
        for (int j = 0; j < s->count; j++) {
            (void)fprintf(file, "%s\"nats://127.0.0.1:%u\"", j == 0 ? "" : ", ",
                          s->servers[j].route_port);
        }
        (void)fprintf(file, " ] }\n");
    }
    (void)fclose(file);
}

void nats_servers_init(struct nats_servers *s, int count)
{
    memset(s, 0, sizeof(*s));
    s->count = count;
    (void)snprintf(s->directory, sizeof(s->directory), "/tmp/pgbaton-nats-XXXXXX");
    const char *made = mkdtemp(s->directory);
    assert(made != NULL);
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(s->urls);
        s->servers[i].port = free_port();
        s->servers[i].route_port = free_port();
        (void)snprintf(s->urls + used, sizeof(s->urls) - used, "%snats://127.0.0.1:%u",
                       i == 0 ? "" : ",", s->servers[i].port);
    }
    for (int i = 0; i < count; i++) {
        write_config(s, i);
    }
}

void nats_server_start(struct nats_servers *s, int i)
{
    char config[128];
    char output[128];
    (void)snprintf(config, sizeof(config), "%s/%d.conf", s->directory, i);
    (void)snprintf(output, sizeof(output), "%s/%d.log", s->directory, i);
    const pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0) {
        const int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        (void)execlp("nats-server", "nats-server", "-c", config, (char *)NULL);
        _exit(127);
    }
    s->servers[i].pid = pid;
    for (int tries = 0; !accepts(s->servers[i].port); tries++) {
        assert(tries < 1000);
        pause_ms(10);
    }
}

void nats_servers_start_all(struct nats_servers *s)
{
    for (int i = 0; i < s->count; i++) {
        nats_server_start(s, i);
    }
}

void nats_server_signal(struct nats_servers *s, int i, int signal_number)
{
    const int sent = kill(s->servers[i].pid, signal_number);
    assert(sent == 0);
}

static void end_server(struct nats_servers *s, int i, int signal_number)
{
    nats_server_signal(s, i, signal_number);
    (void)waitpid(s->servers[i].pid, NULL, 0);
    s->servers[i].pid = 0;
}

void nats_server_kill(struct nats_servers *s, int i)
{
    end_server(s, i, SIGKILL);
}

void nats_server_stop(struct nats_servers *s, int i)
{
    end_server(s, i, SIGTERM);
}

/* The leader's name, "n0" to "n2", as the stream says. */
static bool ask_leader(const struct nats_servers *s, char *ret_name, size_t size)
{
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsStreamInfo *info = NULL;
    bool found = false;
    if (natsConnection_ConnectTo(&connection, s->urls) != NATS_OK) {
        return false;
    }
    if (natsConnection_JetStream(&js, connection, NULL) == NATS_OK &&
        js_GetStreamInfo(&info, js, STREAM_NAME, NULL, NULL) == NATS_OK && info->Cluster != NULL &&
        info->Cluster->Leader != NULL) {
        (void)snprintf(ret_name, size, "%s", info->Cluster->Leader);
        found = true;
    }
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    return found;
}

int nats_servers_stream_leader(struct nats_servers *s)
{
    char name[32];
    if (!ask_leader(s, name, sizeof(name))) {
        return -1;
    }
    return name[1] - '0';
}

static void ask_to_step_down(const struct nats_servers *s)
{
    natsConnection *connection = NULL;
    natsMsg *reply = NULL;
    if (natsConnection_ConnectTo(&connection, s->urls) == NATS_OK) {
        (void)natsConnection_RequestString(&reply, connection,
                                           "$JS.API.STREAM.LEADER.STEPDOWN." STREAM_NAME, "", 2000);
    }
    natsMsg_Destroy(reply);
    natsConnection_Destroy(connection);
}

void nats_servers_step_down(struct nats_servers *s)
{
    const int before = nats_servers_stream_leader(s);
    int now = before;
    assert(before >= 0);
    for (int tries = 0; now < 0 || now == before; tries++) {
        assert(tries < 600);
        if (tries % 50 == 0) {
            ask_to_step_down(s);
        }
        pause_ms(100);
        now = nats_servers_stream_leader(s);
    }
}

static size_t count_on(const jsConsumerInfoList *consumers, const char *server)
{
    size_t count = 0;
    for (int c = 0; c < consumers->Count; c++) {
        const jsClusterInfo *cluster = consumers->List[c]->Cluster;
        const bool known = cluster != NULL && cluster->Leader != NULL;
        count += known && strcmp(cluster->Leader, server) == 0 ? 1 : 0;
    }
    return count;
}

size_t nats_servers_consumers(const struct nats_servers *s, int i, size_t *ret_on_it)
{
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsConsumerInfoList *consumers = NULL;
    size_t count = 0;
    char server[16];
    (void)snprintf(server, sizeof(server), "n%d", i);
    *ret_on_it = 0;
    if (natsConnection_ConnectTo(&connection, s->urls) == NATS_OK &&
        natsConnection_JetStream(&js, connection, NULL) == NATS_OK &&
        js_Consumers(&consumers, js, STREAM_NAME, NULL, NULL) == NATS_OK) {
        count = (size_t)consumers->Count;
        *ret_on_it = count_on(consumers, server);
    }
    jsConsumerInfoList_Destroy(consumers);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    return count;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void nats_servers_finish(struct nats_servers *s)
{
    for (int i = 0; i < s->count; i++) {
        if (s->servers[i].pid > 0) {
            nats_server_kill(s, i);
        }
    }
    (void)nftw(s->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
