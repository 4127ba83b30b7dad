/* SPDX-License-Identifier: PostgreSQL */
#include "logical_file.h"

#include "../proto/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

size_t logical_file_parse(const char *hex, uint8_t *ret_bytes, size_t capacity)
{
    size_t length = hex != NULL ? strlen(hex) : 0;
    if (length % 2 != 0 || length / 2 > capacity) {
        return 0;
    }
    for (size_t i = 0; i < length / 2; i++) {
        int high = digit(hex[2 * i]);
        int low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        ret_bytes[i] = (uint8_t)(high * 16 + low);
    }
    return length / 2;
}

/* PostgreSQL removes directories of this name when it starts, and refuses to start over one of a
 * slot without its file. */
enum result logical_file_write(const char *data_directory, const char *name, const uint8_t *bytes,
                               size_t size, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    char state[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/pg_replslot/%s", data_directory, name);
    int other = snprintf(state, sizeof state, "%s/pg_replslot/%s.tmp/state", data_directory, name);
    if (length < 0 || other < 0 || (size_t)other >= sizeof state) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: path too long", data_directory);
    }
    snprintf(fresh, sizeof fresh, "%.*s", other - (int)strlen("/state"), state);
    enum result result = file_remove_tree(fresh, reterr_failure);
    if (result == RESULT_OK && mkdir(fresh, 0700) != 0) {
        return failure_errno(reterr_failure, errno, "create %s", fresh);
    }
    if (result == RESULT_OK) {
        result = file_replace(state, (const char *)bytes, size, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = file_remove_tree(path, reterr_failure);
    }
    return result == RESULT_OK ? file_rename(fresh, path, reterr_failure) : result;
}
