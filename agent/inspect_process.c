/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/file.h"
#include "guard_kill.h"
#include "inspect.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first line of postmaster.pid is its number; negative for a single-user server. */
static pid_t pid_file(const char *directory)
{
    char path[PATH_MAX];
    char text[64];
    snprintf(path, sizeof path, "%s/postmaster.pid", directory);
    if (file_peek(path, text, sizeof text) <= 0) {
        return 0;
    }
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid < INT_MAX ? (pid_t)pid : 0;
}

static bool is_member(pid_t pid, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (instance_member(i)->pid == pid) {
            return true;
        }
    }
    return false;
}

/* Only the postmaster keeps its command line, "…/postgres -D …"; the others show "postgres: …". */
static bool is_named_as_postmaster(pid_t pid)
{
    char path[64];
    char text[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    if (file_peek(path, text, sizeof text) <= 0) {
        return false;
    }
    const char *slash = strrchr(text, '/');
    const char *base = slash != NULL ? slash + 1 : text;
    return strcmp(base, "postgres") == 0 || strcmp(base, "postmaster") == 0;
}

void inspect_processes(const char *directory, pid_t *ret_postmaster, uint32_t *ret_process_count)
{
    struct instance instance;
    bool whole = false;
    *ret_postmaster = 0;
    *ret_process_count = 0;
    if (!instance_open()) {
        return;
    }
    instance_init(&instance, directory);
    instance.session = getsid(0);
    uint32_t count = instance_scan(&instance, &whole);
    *ret_process_count = count;
    pid_t named = pid_file(directory);
    if (named != 0 && is_member(named, count)) {
        *ret_postmaster = named;
        return;
    }
    for (uint32_t i = 0; i < count && *ret_postmaster == 0; i++) {
        const struct process *process = instance_member(i);
        if (!is_member(process->parent, count) && is_named_as_postmaster(process->pid)) {
            *ret_postmaster = process->pid;
        }
    }
}
