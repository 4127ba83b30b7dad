/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/file.h"
#include "inspect.h"
#include "rebuild.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A directory that neither streams nor is the better copy is moved here and removed afterwards. */
#define DROPPED_SUFFIX ".dropped"
#define OLD_SUFFIX ".old"

static void beside(const char *directory, const char *suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s%s", directory, suffix);
}

static bool is_good(const char *directory)
{
    struct inspection inspection;
    inspect_data_directory(directory, &inspection);
    return inspection.verdict == DATA_INTACT && !inspection.incomplete;
}

/* Where the present directory goes; an older DIR.old gives way to a better one only. */
static enum result make_room(const char *directory, const char *old, const char *dropped,
                             struct failure *reterr_failure)
{
    enum result result = file_remove_tree(dropped, reterr_failure);
    if (result != RESULT_OK || rmdir(directory) == 0 || !file_exists(directory)) {
        return result;
    }
    if (!file_exists(old)) {
        return file_rename(directory, old, reterr_failure);
    }
    if (!is_good(directory)) {
        return file_rename(directory, dropped, reterr_failure);
    }
    result = file_rename(old, dropped, reterr_failure);
    return result == RESULT_OK ? file_rename(directory, old, reterr_failure) : result;
}

enum result rebuild_install(const char *directory, struct failure *reterr_failure)
{
    char fresh[PATH_MAX];
    char old[PATH_MAX];
    char dropped[PATH_MAX];
    beside(directory, ".new", fresh);
    beside(directory, OLD_SUFFIX, old);
    beside(directory, DROPPED_SUFFIX, dropped);
    if (!is_good(fresh)) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s is no complete data directory",
                           fresh);
    }
    enum result result = make_room(directory, old, dropped, reterr_failure);
    if (result == RESULT_OK) {
        result = file_rename(fresh, directory, reterr_failure);
    }
    return result == RESULT_OK ? file_remove_tree(dropped, reterr_failure) : result;
}

/* ---- what is kept of old directories ---- */

bool rebuild_parse_keep(const char *text, uint32_t *ret_keep)
{
    char *end = NULL;
    unsigned long count = strtoul(text, &end, 10);
    if (strcmp(text, "until-streaming") == 0) {
        *ret_keep = 0;
    } else if (strcmp(text, "always") == 0) {
        *ret_keep = REBUILD_KEEP_ALL;
    } else if (isdigit((unsigned char)text[0]) && *end == '\0' && count <= REBUILD_KEEP_MAX) {
        *ret_keep = (uint32_t)count;
    } else {
        return false;
    }
    return true;
}

/* "DIR.old-20260301T120000Z": names in the order of time. */
static enum result stamp_old(const char *directory, const char *old, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    char stamp[32];
    struct tm parts;
    time_t now = time(NULL);
    gmtime_r(&now, &parts);
    (void)strftime(stamp, sizeof stamp, OLD_SUFFIX "-%Y%m%dT%H%M%SZ", &parts);
    beside(directory, stamp, path);
    return file_rename(old, path, reterr_failure);
}

/* How many stamped directories there are, and the name of the oldest. */
static uint32_t count_stamped(const char *parent, const char *prefix, char ret_oldest[NAME_MAX + 1])
{
    uint32_t count = 0;
    const struct dirent *entry = NULL;
    DIR *dir = opendir(parent);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        if (count == 0 || strcmp(entry->d_name, ret_oldest) < 0) {
            snprintf(ret_oldest, NAME_MAX + 1, "%s", entry->d_name);
        }
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* The oldest go until `keep` are left. */
static enum result prune(const char *directory, uint32_t keep, struct failure *reterr_failure)
{
    char parent[PATH_MAX];
    char prefix[NAME_MAX + 1];
    char oldest[NAME_MAX + 1];
    char path[PATH_MAX + NAME_MAX + 2];
    enum result result = RESULT_OK;
    const char *slash = strrchr(directory, '/');
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - directory), directory);
    snprintf(prefix, sizeof prefix, "%.200s" OLD_SUFFIX "-", slash + 1);
    while (result == RESULT_OK && count_stamped(parent, prefix, oldest) > keep) {
        snprintf(path, sizeof path, "%s/%s", parent, oldest);
        result = file_remove_tree(path, reterr_failure);
    }
    return result;
}

static enum result keep_old(const char *directory, uint32_t keep, struct failure *reterr_failure)
{
    char old[PATH_MAX];
    beside(directory, OLD_SUFFIX, old);
    enum result result = file_exists(old) ? stamp_old(directory, old, reterr_failure) : RESULT_OK;
    return result == RESULT_OK && keep != REBUILD_KEEP_ALL ? prune(directory, keep, reterr_failure)
                                                           : result;
}

enum result rebuild_forget_old(const char *directory, uint32_t keep, struct failure *reterr_failure)
{
    static const char *const leftovers[] = {DROPPED_SUFFIX, ".new", OLD_SUFFIX};
    char path[PATH_MAX];
    enum result result = keep != 0 ? keep_old(directory, keep, reterr_failure) : RESULT_OK;
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0] && result == RESULT_OK; i++) {
        beside(directory, leftovers[i], path);
        result = file_remove_tree(path, reterr_failure);
    }
    return result;
}
