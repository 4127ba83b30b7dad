/* SPDX-License-Identifier: PostgreSQL */
#include "program_path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool program_path_own(char *ret_path, size_t capacity)
{
    ssize_t length = readlink("/proc/self/exe", ret_path, capacity - 1);
    if (length <= 0 || (size_t)length == capacity - 1) {
        return false;
    }
    ret_path[length] = '\0';
    return ret_path[0] == '/';
}

bool program_path_beside(const char *subdirectory, const char *name, char *ret_path,
                         size_t capacity)
{
    char own[PATH_MAX];
    if (!program_path_own(own, sizeof own)) {
        return false;
    }
    *strrchr(own, '/') = '\0';
    int length = snprintf(ret_path, capacity, "%s/%s", own, name);
    if (length > 0 && (size_t)length < capacity && access(ret_path, R_OK) == 0) {
        return true;
    }
    length = snprintf(ret_path, capacity, "%s/%s/%s", own, subdirectory, name);
    return length > 0 && (size_t)length < capacity && access(ret_path, R_OK) == 0;
}
