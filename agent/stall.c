/* SPDX-License-Identifier: PostgreSQL */
#include "stall.h"

#include "../proto/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const io_counters[] = {"rchar: ", "wchar: ", "syscr: ", "syscw: ", NULL};
static const char *const sleep_counters[] = {"voluntary_ctxt_switches:\t", NULL};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The sum of those counters; a process that is gone has none. */
static uint64_t sum_of(pid_t pid, const char *name, const char *const *counters)
{
    char path[64];
    char text[4096];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    if (file_peek(path, text, sizeof text) <= 0) {
        return 0;
    }
    for (; *counters != NULL; counters++) {
        const char *found = strstr(text, *counters);
        sum += found != NULL ? strtoull(found + strlen(*counters), NULL, 10) : 0;
    }
    return sum;
}

static uint64_t look_at_group(void)
{
    const struct dirent *entry = NULL;
    uint64_t sum = 0;
    DIR *dir = opendir("/proc");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && getpgid(pid) == getpgrp()) {
            sum += sum_of(pid, "io", io_counters);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return sum;
}

bool stall_look(struct stall *stall, pid_t tool, uint32_t limit_ms)
{
    uint64_t seen = look_at_group() + sum_of(tool, "status", sleep_counters);
    uint64_t now = now_ms();
    if (stall->since_ms == 0 || seen != stall->seen) {
        stall->seen = seen;
        stall->since_ms = now;
    }
    return now - stall->since_ms >= limit_ms;
}
