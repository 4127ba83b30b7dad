/* SPDX-License-Identifier: PostgreSQL */
#include "pid_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The state letter in /proc/PID/stat stands behind the last ')' of the name. */
static bool is_zombie(long pid)
{
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && strncmp(end, ") Z", 3) == 0;
}

enum result pid_file_tidy(const char *path, struct failure *reterr_failure)
{
    long pid = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return RESULT_OK;
    }
    bool named = fscanf(file, "%10ld", &pid) == 1;
    fclose(file);
    pid = pid < 0 ? -pid : pid; /* a single-user server's */
    if (named && pid > 1 && is_zombie(pid) && unlink(path) != 0 && errno != ENOENT) {
        return failure_errno(reterr_failure, errno, "remove %s", path);
    }
    return RESULT_OK;
}
