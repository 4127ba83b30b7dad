/* SPDX-License-Identifier: PostgreSQL */
#include "watch_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCH_MASK                                                                                 \
    (IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)
/* The directory itself: gone, moved, unmounted, or of other permissions. */
#define WATCH_SELF (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_Q_OVERFLOW)

struct watch_place {
    const char *subdirectory;
    const char *const *names; /* NULL: every name matters */
};

static const char *const top_names[] = {"PG_VERSION", "base",           "global", "pg_wal",
                                        "pg_xact",    "postmaster.pid", NULL};
static const char *const global_names[] = {"pg_control", NULL};

static const struct watch_place places[] = {
        [WATCH_DATA_TOP] = {"", top_names},
        [WATCH_DATA_BASE] = {"/base", NULL},
        [WATCH_DATA_GLOBAL] = {"/global", global_names},
};
_Static_assert(sizeof(places) / sizeof(places[0]) == WATCH_DATA_COUNT, "a row for each place");

struct watch_data {
    int fds[WATCH_DATA_COUNT];
};

enum result watch_data_create(struct watch_data **ret_watch, struct failure *reterr_failure)
{
    struct watch_data *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "inotify: out of memory");
    }
    for (int i = 0; i < WATCH_DATA_COUNT; i++) {
        watch->fds[i] = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (watch->fds[i] < 0) {
            failure_errno(reterr_failure, errno, "inotify");
            watch_data_destroy(watch);
            return failure_hint(reterr_failure, "raise fs.inotify.max_user_instances");
        }
    }
    *ret_watch = watch;
    return RESULT_OK;
}

void watch_data_destroy(struct watch_data *watch)
{
    if (watch == NULL) {
        return;
    }
    for (int i = 0; i < WATCH_DATA_COUNT; i++) {
        if (watch->fds[i] > 0) {
            close(watch->fds[i]);
        }
    }
    free(watch);
}

int watch_data_fd(const struct watch_data *watch, enum watch_data_place place)
{
    return watch->fds[place];
}

void watch_data_arm(const struct watch_data *watch, const char *directory)
{
    for (int i = 0; i < WATCH_DATA_COUNT; i++) {
        char path[4096];
        int length = snprintf(path, sizeof(path), "%s%s", directory, places[i].subdirectory);
        if (length > 0 && (size_t)length < sizeof(path)) {
            (void)inotify_add_watch(watch->fds[i], path, WATCH_MASK);
        }
    }
}

static bool name_matters(const struct watch_place *place, const char *name)
{
    if (place->names == NULL) {
        return true;
    }
    for (const char *const *known = place->names; *known != NULL; known++) {
        if (strcmp(*known, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool event_matters(const struct watch_place *place, const struct inotify_event *event)
{
    if ((event->mask & WATCH_SELF) != 0) {
        return true;
    }
    if ((event->mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
        return event->len > 0 && name_matters(place, event->name);
    }
    return (event->mask & IN_ATTRIB) != 0 && event->len == 0;
}

bool watch_data_take(const struct watch_data *watch, enum watch_data_place place)
{
    _Alignas(struct inotify_event) char buffer[8192];
    bool matters = false;
    ssize_t size;
    while ((size = read(watch->fds[place], buffer, sizeof(buffer))) > 0) {
        size_t at = 0;
        while (at < (size_t)size) {
            const struct inotify_event *event =
                    (const struct inotify_event *)(const void *)(buffer + at);
            matters = event_matters(&places[place], event) || matters;
            at += sizeof(*event) + event->len;
        }
    }
    return matters;
}
