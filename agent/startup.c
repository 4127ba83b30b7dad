/* SPDX-License-Identifier: PostgreSQL */
#include "startup.h"

#include "../proto/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The children of a postmaster in recovery are few. */
#define CHILDREN_SIZE 4096

/* "0000000100000002000000A1": a timeline, the number of its 4 GB, and of the place there. */
static uint64_t parse_segment(const char *name, uint32_t segment_bytes)
{
    unsigned high = 0;
    unsigned number = 0;
    if (strspn(name, "0123456789ABCDEF") != 24 || sscanf(name + 8, "%8X%8X", &high, &number) != 2) {
        return 0;
    }
    return ((uint64_t)high << 32) + (uint64_t)number * segment_bytes;
}

struct startup startup_parse(const char *title, uint32_t segment_bytes)
{
    static const struct {
        const char *words;
        bool waits;
    } titles[] = {{"startup recovering ", false}, {"startup waiting for ", true}};
    struct startup startup = {0, false};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0] && startup.lsn == 0; i++) {
        const char *at = strstr(title, titles[i].words);
        if (at != NULL) {
            startup.lsn = parse_segment(at + strlen(titles[i].words), segment_bytes);
            startup.waits = startup.lsn != 0 && titles[i].waits;
        }
    }
    return startup;
}

struct startup startup_look(pid_t postmaster, uint32_t segment_bytes)
{
    char path[64];
    char children[CHILDREN_SIZE];
    char title[256];
    struct startup startup = {0, false};
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)postmaster, (int)postmaster);
    if (postmaster <= 0 || segment_bytes == 0 || file_peek(path, children, sizeof children) <= 0) {
        return startup;
    }
    char *rest = children;
    char *pid = NULL;
    while (startup.lsn == 0 && (pid = strsep(&rest, " ")) != NULL) {
        snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
        if (pid[0] != '\0' && file_peek(path, title, sizeof title) > 0) {
            startup = startup_parse(title, segment_bytes);
        }
    }
    return startup;
}
