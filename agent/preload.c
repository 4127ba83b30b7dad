/* SPDX-License-Identifier: PostgreSQL */
#include "preload.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char fence_name[] = "pgbaton_fence";

/* One element of the list, with its quotes, without the blanks around it; commas inside quotes
 * belong to it. *at moves behind its comma. */
static size_t next_element(const char **at, const char **ret_element)
{
    const char *begin = *at;
    bool quoted = false;
    while (isspace((unsigned char)*begin)) {
        begin++;
    }
    const char *end = begin;
    while (*end != '\0' && (quoted || *end != ',')) {
        quoted = quoted != (*end == '"');
        end++;
    }
    *at = *end == ',' ? end + 1 : end;
    while (end > begin && isspace((unsigned char)end[-1])) {
        end--;
    }
    *ret_element = begin;
    return (size_t)(end - begin);
}

/* "pgbaton_fence", with or without a path, ".so" and quotes. */
static bool is_fence(const char *element, size_t length)
{
    size_t name = sizeof(fence_name) - 1;
    if (length > 0 && element[length - 1] == '"') {
        length--;
    }
    if (length > 3 && memcmp(element + length - 3, ".so", 3) == 0) {
        length -= 3;
    }
    if (length < name || memcmp(element + length - name, fence_name, name) != 0) {
        return false;
    }
    return length == name || strchr("/\"", element[length - name - 1]) != NULL;
}

bool preload_merge(const char *fence, const char *user, char *ret_value, size_t capacity)
{
    int length = snprintf(ret_value, capacity, fence != NULL ? "\"%s\"" : "%s",
                          fence != NULL ? fence : "");
    size_t used = (size_t)length;
    while (length >= 0 && used < capacity && *user != '\0') {
        const char *element = NULL;
        size_t size = next_element(&user, &element);
        if (size > 0 && !is_fence(element, size)) {
            length = snprintf(ret_value + used, capacity - used, "%s%.*s", used > 0 ? ", " : "",
                              (int)size, element);
            used += (size_t)length;
        }
    }
    return length >= 0 && used < capacity;
}
