/* SPDX-License-Identifier: PostgreSQL */
#include "guard.h"
#include "guard_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct guard_client {
    int socket;
    bool lost; /* the guard is gone; told once */
    struct guard_page *page;
};

static bool parse_environment(int *ret_socket, int *ret_page)
{
    const char *value = getenv(GUARD_ENVIRONMENT);
    return value != NULL && sscanf(value, "%d,%d", ret_socket, ret_page) == 2;
}

enum result guard_client_create(struct guard_client **ret_client, struct failure *reterr_failure)
{
    int socket = -1;
    int page_fd = -1;
    if (!parse_environment(&socket, &page_fd) || fcntl(socket, F_SETFD, FD_CLOEXEC) != 0) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "the agent was not started by its guard (" GUARD_ENVIRONMENT ")");
    }
    unsetenv(GUARD_ENVIRONMENT);
    struct guard_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return failure_errno(reterr_failure, ENOMEM, "the guard's client");
    }
    client->socket = socket;
    client->page = mmap(NULL, sizeof *client->page, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    int error = errno;
    close(page_fd);
    if (client->page == MAP_FAILED) {
        free(client);
        return failure_errno(reterr_failure, error, "map the guard's page");
    }
    *ret_client = client;
    return RESULT_OK;
}

void guard_client_destroy(struct guard_client *client)
{
    if (client == NULL) {
        return;
    }
    munmap(client->page, sizeof *client->page);
    close(client->socket);
    free(client);
}

int guard_client_fd(const struct guard_client *client)
{
    return client->socket;
}

struct guard_page *guard_client_page(struct guard_client *client)
{
    return client->page;
}

static enum result order_send(struct guard_client *client, const void *bytes, size_t size,
                              struct failure *reterr_failure)
{
    if (client->lost) {
        return failure_set(reterr_failure, RESULT_UNAVAILABLE, "the guard is gone");
    }
    if (send(client->socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size) {
        return failure_errno(reterr_failure, errno, "send an order to the guard");
    }
    return RESULT_OK;
}

/* Appends text with its NUL; false when it does not fit. */
static bool append_text(char *bytes, size_t *size, const char *text)
{
    size_t length = strlen(text) + 1;
    if (length > GUARD_ORDER_BYTES_MAX - *size) {
        return false;
    }
    memcpy(bytes + *size, text, length);
    *size += length;
    return true;
}

enum result guard_client_start(struct guard_client *client, char *const argv[],
                               const char *log_path, struct failure *reterr_failure)
{
    char bytes[GUARD_ORDER_BYTES_MAX];
    struct guard_order order = {.kind = GUARD_START, .argument = 1};
    size_t size = sizeof order;
    bool fits = append_text(bytes, &size, log_path);
    for (; fits && argv[order.argument - 1] != NULL; order.argument++) {
        fits = append_text(bytes, &size, argv[order.argument - 1]);
    }
    if (!fits || order.argument >= GUARD_ARGUMENT_MAX) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "PostgreSQL's command line is too long for the guard");
    }
    memcpy(bytes, &order, sizeof order);
    return order_send(client, bytes, size, reterr_failure);
}

enum result guard_client_order(struct guard_client *client, enum guard_order_kind kind,
                               int argument, struct failure *reterr_failure)
{
    struct guard_order order = {.kind = (uint32_t)kind, .argument = argument};
    return order_send(client, &order, sizeof order, reterr_failure);
}

/* The descriptor stays, as one that is never readable, so that a loop that watches it does not
 * spin. */
static bool guard_lost(struct guard_client *client, struct guard_report *ret_report)
{
    int silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (silent >= 0) {
        dup3(silent, client->socket, O_CLOEXEC);
        close(silent);
    }
    client->lost = true;
    *ret_report = (struct guard_report){.kind = GUARD_REPORT_TERMINATE, .status = -1};
    return true;
}

bool guard_client_take(struct guard_client *client, struct guard_report *ret_report)
{
    struct guard_notice notice;
    if (client->lost) {
        return false;
    }
    ssize_t size = recv(client->socket, &notice, sizeof notice, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (size != (ssize_t)sizeof notice) {
        return guard_lost(client, ret_report);
    }
    *ret_report = (struct guard_report){.kind = (enum guard_report_kind)notice.kind,
                                        .postmaster = notice.postmaster,
                                        .status = notice.status,
                                        .killed_count = notice.killed_count};
    return true;
}
