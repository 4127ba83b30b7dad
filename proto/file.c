/* SPDX-License-Identifier: PostgreSQL */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories that nftw() keeps open; deeper ones are opened again. */
#define TREE_FD_COUNT 32
/* No data directory is deeper. */
#define TREE_DEPTH_MAX 32

bool file_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static enum result sync_parent(const char *path, struct failure *reterr_failure)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        snprintf(parent, sizeof parent, ".");
    } else {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 ? fsync(fd) : -1;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return result == 0 ? RESULT_OK : failure_errno(reterr_failure, error, "sync %s", parent);
}

static enum result write_all(int fd, const char *path, const char *text, size_t size,
                             struct failure *reterr_failure)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fd, text + done, size - done);
        if (written < 0 && errno != EINTR) {
            return failure_errno(reterr_failure, errno, "write %s", path);
        }
        done += written > 0 ? (size_t)written : 0;
    }
    if (fsync(fd) != 0) {
        return failure_errno(reterr_failure, errno, "sync %s", path);
    }
    return RESULT_OK;
}

static enum result write_new(const char *path, const char *text, size_t size,
                             struct failure *reterr_failure)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failure_errno(reterr_failure, errno, "create %s", path);
    }
    enum result result = write_all(fd, path, text, size, reterr_failure);
    close(fd);
    return result;
}

static bool holds_already(const char *path, const char *text, size_t size)
{
    char buffer[4096];
    size_t done = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        if ((size_t)got > size - done || memcmp(buffer, text + done, (size_t)got) != 0) {
            break;
        }
        done += (size_t)got;
    }
    close(fd);
    return got == 0 && done == size;
}

enum result file_replace(const char *path, const char *text, size_t size,
                         struct failure *reterr_failure)
{
    char temporary[PATH_MAX + 16];
    if (holds_already(path, text, size)) {
        return RESULT_OK;
    }
    snprintf(temporary, sizeof temporary, "%s.pgbaton", path);
    enum result result = write_new(temporary, text, size, reterr_failure);
    if (result == RESULT_OK) {
        result = file_rename(temporary, path, reterr_failure);
    }
    if (result != RESULT_OK) {
        unlink(temporary);
    }
    return result;
}

ssize_t file_peek(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, capacity - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[size > 0 ? size : 0] = '\0';
    return size;
}

enum result file_read(const char *path, char *buffer, size_t capacity, size_t *ret_size,
                      struct failure *reterr_failure)
{
    ssize_t got = 0;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool missing = errno == ENOENT;
        failure_errno(reterr_failure, errno, "open %s", path);
        if (reterr_failure != NULL && missing) {
            reterr_failure->code = RESULT_NOT_FOUND;
        }
        return missing ? RESULT_NOT_FOUND : RESULT_FAILED;
    }
    while (size < capacity && (got = read(fd, buffer + size, capacity - size)) > 0) {
        size += (size_t)got;
    }
    int error = errno;
    close(fd);
    if (got < 0) {
        return failure_errno(reterr_failure, error, "read %s", path);
    }
    if (size == capacity) {
        return failure_set(reterr_failure, RESULT_FULL, "%s: larger than %zu bytes", path, size);
    }
    buffer[size] = '\0';
    *ret_size = size;
    return RESULT_OK;
}

enum result file_remove(const char *path, struct failure *reterr_failure)
{
    if (unlink(path) != 0) {
        return errno == ENOENT ? RESULT_OK
                               : failure_errno(reterr_failure, errno, "remove %s", path);
    }
    return sync_parent(path, reterr_failure);
}

enum result file_rename(const char *from, const char *to, struct failure *reterr_failure)
{
    if (rename(from, to) != 0) {
        return failure_errno(reterr_failure, errno, "rename %s to %s", from, to);
    }
    return sync_parent(to, reterr_failure);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *place)
{
    (void)status;
    (void)flag;
    (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static bool opened_one; /* nftw hands its callback nothing of ours */

/* What cannot be entered cannot be emptied. */
static int open_directory(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)walk;
    opened_one = opened_one || (type == FTW_DNR && chmod(path, 0700) == 0);
    return 0;
}

/* Directories that were opened may hold others that are closed: once more for each level. */
static void open_tree(const char *path)
{
    for (int level = 0; level < TREE_DEPTH_MAX; level++) {
        opened_one = false;
        (void)nftw(path, open_directory, TREE_FD_COUNT, FTW_PHYS);
        if (!opened_one) {
            return;
        }
    }
}

enum result file_remove_tree(const char *path, struct failure *reterr_failure)
{
    open_tree(path);
    if (nftw(path, remove_entry, TREE_FD_COUNT, FTW_DEPTH | FTW_PHYS) != 0 && file_exists(path)) {
        return failure_errno(reterr_failure, errno, "remove %s", path);
    }
    return RESULT_OK;
}
