/* SPDX-License-Identifier: PostgreSQL */
#include "file.h"
#include "inspect.h"
#include "rebuild.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* A directory that neither streams nor is the better copy is moved here and removed afterwards. */
#define DROPPED_SUFFIX ".dropped"

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
    beside(directory, ".old", old);
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

enum result rebuild_forget_old(const char *directory, struct failure *reterr_failure)
{
    static const char *const leftovers[] = {".old", DROPPED_SUFFIX, ".new"};
    char path[PATH_MAX];
    enum result result = RESULT_OK;
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0] && result == RESULT_OK; i++) {
        beside(directory, leftovers[i], path);
        result = file_remove_tree(path, reterr_failure);
    }
    return result;
}
