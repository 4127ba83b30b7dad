/* SPDX-License-Identifier: PostgreSQL */
#include "inspect.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A history file has one line of about 80 bytes for each promotion ever. */
#define HISTORY_FILE_BYTES 65536

static void history_add(struct history *history, uint32_t timeline, uint64_t lsn)
{
    if (history->count == HISTORY_COUNT_MAX) {
        memmove(history->entries, history->entries + 1,
                (HISTORY_COUNT_MAX - 1) * sizeof history->entries[0]);
        history->count -= 1;
    }
    history->entries[history->count] =
            (struct history_entry){.timeline = timeline, .switch_lsn = lsn};
    history->count += 1;
}

/* True when the line says nothing, or what may stand behind what was read so far. */
static bool take_line(const char *line, uint32_t below, struct history *history)
{
    unsigned timeline = 0;
    unsigned high = 0;
    unsigned low = 0;
    const char *text = line + strspn(line, " \t\r");
    if (*text == '\0' || *text == '\n' || *text == '#') {
        return true;
    }
    if (sscanf(text, "%u %X/%X", &timeline, &high, &low) != 3 || timeline == 0 ||
        timeline >= below) {
        return false;
    }
    uint64_t lsn = (uint64_t)high << 32 | low;
    if (history->count > 0) {
        const struct history_entry *last = &history->entries[history->count - 1];
        if (timeline <= last->timeline || lsn < last->switch_lsn) {
            return false;
        }
    }
    history_add(history, timeline, lsn);
    return true;
}

bool history_parse(const char *text, uint32_t timeline, struct history *ret_history)
{
    memset(ret_history, 0, sizeof *ret_history);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (!take_line(line, timeline, ret_history)) {
            memset(ret_history, 0, sizeof *ret_history);
            return false;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return ret_history->count > 0;
}

bool history_read(const char *directory, uint32_t timeline, struct history *ret_history)
{
    static char text[HISTORY_FILE_BYTES];
    char path[PATH_MAX];
    memset(ret_history, 0, sizeof *ret_history);
    if (timeline <= 1) {
        return timeline == 1;
    }
    snprintf(path, sizeof path, "%s/pg_wal/%08X.history", directory, timeline);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    return history_parse(text, timeline, ret_history);
}

/* A segment's name is 24 upper-case hexadecimal digits, the first eight its timeline. */
static uint32_t segment_timeline(const char *name)
{
    char digits[9] = {0};
    if (strlen(name) != 24 || strspn(name, "0123456789ABCDEF") != 24) {
        return 0;
    }
    memcpy(digits, name, 8);
    return (uint32_t)strtoul(digits, NULL, 16);
}

uint32_t inspect_wal_timeline(const char *directory)
{
    char path[PATH_MAX];
    uint32_t highest = 0;
    snprintf(path, sizeof path, "%s/pg_wal", directory);
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        uint32_t timeline = segment_timeline(entry->d_name);
        highest = timeline > highest ? timeline : highest;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return highest;
}
