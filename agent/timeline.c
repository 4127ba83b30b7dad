/* SPDX-License-Identifier: PostgreSQL */
#include "timeline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By these words a reserved timeline is known from a real one. */
#define RESERVED "reserved by pgbaton"
/* "0000000A.history" */
#define HISTORY_NAME_LENGTH 16
/* More numbers than that are no gap between promotions, but a mistake. */
#define RESERVE_MAX 10000

static enum result open_wal(const char *data_directory, int *ret_fd, struct failure *failure)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/pg_wal", data_directory);
    if (length < 0 || (size_t)length >= sizeof path) {
        return failure_set(failure, RESULT_INVALID, "%s/pg_wal: path too long", data_directory);
    }
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 ? RESULT_OK : failure_errno(failure, errno, "open %s", path);
}

static enum result write_reserved(int wal, const char *name, uint32_t own, struct failure *failure)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%u\t0/1\t" RESERVED "\n", own);
    int fd = openat(wal, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? RESULT_OK
                               : failure_errno(failure, errno, "create pg_wal/%s", name);
    }
    bool written = write(fd, text, (size_t)length) == length && fsync(fd) == 0;
    int error = errno;
    close(fd);
    return written ? RESULT_OK : failure_errno(failure, error, "write pg_wal/%s", name);
}

enum result timeline_reserve(const char *data_directory, uint32_t own, uint32_t opened,
                             struct failure *reterr_failure)
{
    if (opened == 0 || opened <= own + 1) {
        return RESULT_OK;
    }
    if (opened - own > RESERVE_MAX) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "timeline %u is too far above timeline %u", opened, own);
    }
    int wal = -1;
    enum result result = open_wal(data_directory, &wal, reterr_failure);
    for (uint32_t timeline = own + 1; result == RESULT_OK && timeline < opened; timeline++) {
        char name[HISTORY_NAME_LENGTH + 1];
        snprintf(name, sizeof name, "%08X.history", timeline);
        result = write_reserved(wal, name, own, reterr_failure);
    }
    if (result == RESULT_OK && fsync(wal) != 0) {
        result = failure_errno(reterr_failure, errno, "sync pg_wal");
    }
    if (wal >= 0) {
        close(wal);
    }
    return result;
}

/* The timeline whose history a file of this name is; 0 when it is none. */
static uint32_t history_timeline(const char *name)
{
    char *end = NULL;
    if (strlen(name) != HISTORY_NAME_LENGTH || strcmp(name + 8, ".history") != 0) {
        return 0;
    }
    unsigned long timeline = strtoul(name, &end, 16);
    return end == name + 8 ? (uint32_t)timeline : 0;
}

static bool is_reserved(int wal, const char *name)
{
    char text[128] = "";
    int fd = openat(wal, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 && strstr(text, RESERVED "\n") != NULL;
}

/* Finds the highest timeline with a real history or, when told, removes the reserved ones above it.
 */
static enum result walk(int wal, bool remove, uint32_t *highest, struct failure *failure)
{
    int copy = openat(wal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (directory == NULL) {
        return failure_errno(failure, errno, "read pg_wal");
    }
    enum result result = RESULT_OK;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        uint32_t timeline = history_timeline(entry->d_name);
        if (timeline == 0 || timeline <= *highest) {
            continue;
        }
        bool reserved = is_reserved(wal, entry->d_name);
        if (!remove) {
            *highest = reserved ? *highest : timeline;
        } else if (reserved && unlinkat(wal, entry->d_name, 0) != 0) {
            result = failure_errno(failure, errno, "remove pg_wal/%s", entry->d_name);
        }
    }
    closedir(directory);
    return result;
}

enum result timeline_tidy(const char *data_directory, struct failure *reterr_failure)
{
    int wal = -1;
    uint32_t highest = 0;
    enum result result = open_wal(data_directory, &wal, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    result = walk(wal, false, &highest, reterr_failure);
    if (result == RESULT_OK) {
        result = walk(wal, true, &highest, reterr_failure);
    }
    close(wal);
    return result;
}

/* The timeline of a segment ("0000000A" and 16 more digits), also of a partial one, or of a
 * history; 0 of anything else. */
static uint32_t timeline_of(const char *name)
{
    size_t digits = strspn(name, "0123456789ABCDEF");
    char number[9];
    if (digits != 24 && history_timeline(name) == 0) {
        return 0;
    }
    snprintf(number, sizeof number, "%.8s", name);
    return (uint32_t)strtoul(number, NULL, 16);
}

static enum result remove_above(int wal, uint32_t timeline, struct failure *failure)
{
    int copy = openat(wal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    enum result result = RESULT_OK;
    if (directory == NULL) {
        return failure_errno(failure, errno, "read pg_wal");
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (timeline_of(entry->d_name) > timeline && unlinkat(wal, entry->d_name, 0) != 0) {
            result = failure_errno(failure, errno, "remove pg_wal/%s", entry->d_name);
        }
    }
    closedir(directory);
    return result == RESULT_OK && fsync(wal) != 0 ? failure_errno(failure, errno, "sync pg_wal")
                                                  : result;
}

enum result timeline_forget_above(const char *data_directory, uint32_t timeline,
                                  struct failure *reterr_failure)
{
    int wal = -1;
    if (timeline == 0) {
        return RESULT_OK;
    }
    enum result result = open_wal(data_directory, &wal, reterr_failure);
    if (result == RESULT_OK) {
        result = remove_above(wal, timeline, reterr_failure);
        close(wal);
    }
    return result;
}
