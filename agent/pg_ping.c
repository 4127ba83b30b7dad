/* SPDX-License-Identifier: PostgreSQL */
#include "pg_ping.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void pg_ping_init(struct pg_ping *ping)
{
    memset(ping, 0, sizeof(*ping));
    ping->fd = -1;
}

void pg_ping_end(struct pg_ping *ping)
{
    if (ping->fd >= 0) {
        close(ping->fd);
    }
    ping->fd = -1;
}

void pg_ping_begin(struct pg_ping *ping, const char *directory, uint16_t port, uint64_t deadline_ms)
{
    pg_ping_end(ping);
    ping->deadline_ms = deadline_ms;
    ping->address.sun_family = AF_UNIX;
    (void)snprintf(ping->address.sun_path, sizeof(ping->address.sun_path), "%s/.s.PGSQL.%u",
                   directory, (unsigned)port);
}

int pg_ping_fd(const struct pg_ping *ping)
{
    return ping->fd;
}

static enum pg_ping_verdict finish(struct pg_ping *ping, enum pg_ping_verdict verdict)
{
    pg_ping_end(ping);
    return verdict;
}

static enum pg_ping_verdict wait_longer(struct pg_ping *ping, uint64_t now_ms)
{
    return now_ms >= ping->deadline_ms ? finish(ping, PG_PING_LATE) : PG_PING_PENDING;
}

/* Connects and asks: length 8, code 1234.5679, in network order. False with errno. */
static bool ask(struct pg_ping *ping)
{
    static const uint8_t request[] = {0, 0, 0, 8, 4, 210, 22, 47};
    ping->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ping->fd >= 0 &&
        connect(ping->fd, (const struct sockaddr *)&ping->address, sizeof(ping->address)) == 0 &&
        send(ping->fd, request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request)) {
        return true;
    }
    int error = errno;
    if (ping->fd >= 0) {
        close(ping->fd);
    }
    ping->fd = -1;
    errno = error;
    return false;
}

enum pg_ping_verdict pg_ping_work(struct pg_ping *ping, uint64_t now_ms)
{
    char byte = 0;
    if (ping->fd < 0 && !ask(ping)) {
        /* A full queue (EAGAIN) is a postmaster that does not accept now. */
        return errno == EAGAIN ? wait_longer(ping, now_ms) : finish(ping, PG_PING_REFUSED);
    }
    ssize_t size = recv(ping->fd, &byte, 1, 0);
    if (size == 1) {
        return finish(ping, PG_PING_ANSWERED);
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return wait_longer(ping, now_ms);
    }
    return finish(ping, PG_PING_REFUSED);
}
