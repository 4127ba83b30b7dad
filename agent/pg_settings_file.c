/* SPDX-License-Identifier: PostgreSQL */
#include "pg_settings_file.h"
#include "../proto/file.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* postgresql.conf has 30 kB as it is delivered. */
#define FILE_BYTES (1024 * 1024)

static const char include_line[] = "include_if_exists = 'pgbaton.conf'\n";

/* Files are read and written one at a time, by a child or at the start. */
static char old_text[FILE_BYTES];
static char new_text[FILE_BYTES + sizeof include_line + 1];

static size_t line_length(const char *line)
{
    const char *end = strchr(line, '\n');
    return end != NULL ? (size_t)(end - line) + 1 : strlen(line);
}

static const char *skip_blank(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r') {
        at += 1;
    }
    return at;
}

/* NULL unless the line sets name; else where its value begins, after an opening quote. */
static const char *value_of(const char *line, const char *name)
{
    const char *at = skip_blank(line);
    size_t length = strlen(name);
    if (strncasecmp(at, name, length) != 0 || isalnum((unsigned char)at[length]) ||
        at[length] == '_' || at[length] == '.') {
        return NULL;
    }
    at = skip_blank(at + length);
    at = *at == '=' ? skip_blank(at + 1) : at;
    return *at == '\'' ? at + 1 : at;
}

bool settings_file_is(const char *path, const char *name, const char *value)
{
    size_t size = 0;
    size_t length = strlen(value);
    bool is = false;
    if (file_read(path, old_text, sizeof old_text, &size, NULL) != RESULT_OK) {
        return false;
    }
    for (const char *line = old_text; *line != '\0'; line += line_length(line)) {
        const char *found = value_of(line, name);
        if (found != NULL) {
            is = strncasecmp(found, value, length) == 0 && !isalnum((unsigned char)found[length]);
        }
    }
    return is;
}

/* A quoted value ends with its quote, of which two stand for one; another ends with a blank. */
static bool copy_value(const char *value, char *ret_value, size_t capacity)
{
    bool quoted = value[-1] == '\'';
    size_t used = 0;
    for (; *value != '\0' && *value != '\n' && used + 1 < capacity; value++) {
        bool doubled = quoted && value[0] == '\'' && value[1] == '\'';
        if (quoted ? *value == '\'' && !doubled : strchr(" \t\r#", *value) != NULL) {
            break;
        }
        value += doubled ? 1 : 0;
        ret_value[used] = *value;
        used += 1;
    }
    ret_value[used] = '\0';
    return used + 1 < capacity;
}

bool settings_file_get(const char *path, const char *name, char *ret_value, size_t capacity)
{
    size_t size = 0;
    bool found = false;
    if (file_read(path, old_text, sizeof old_text, &size, NULL) != RESULT_OK) {
        return false;
    }
    for (const char *line = old_text; *line != '\0'; line += line_length(line)) {
        const char *value = value_of(line, name);
        if (value != NULL) {
            found = copy_value(value, ret_value, capacity);
        }
    }
    return found;
}

static bool sets_one_of(const char *line, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (value_of(line, *names) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_our_include(const char *line)
{
    const char *value = value_of(line, "include_if_exists");
    return value != NULL && strncmp(value, "pgbaton.conf", strlen("pgbaton.conf")) == 0;
}

static bool includes_others(const char *line)
{
    static const char *const directives[] = {"include", "include_if_exists", "include_dir", NULL};
    return sets_one_of(line, directives) && !is_our_include(line);
}

bool settings_file_may_set(const char *path, const char *name)
{
    size_t size = 0;
    bool set = false;
    bool others = false;
    if (file_read(path, old_text, sizeof old_text, &size, NULL) != RESULT_OK) {
        return false;
    }
    for (const char *line = old_text; *line != '\0'; line += line_length(line)) {
        const char *value = value_of(line, name);
        set = value != NULL ? strchr("'\n#", *value) == NULL : set;
        others = others || includes_others(line);
    }
    return set || others;
}

enum result settings_file_include(const char *path, struct failure *reterr_failure)
{
    size_t size = 0;
    size_t used = 0;
    enum result result = file_read(path, old_text, sizeof old_text, &size, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    for (const char *line = old_text; *line != '\0'; line += line_length(line)) {
        if (!is_our_include(line)) {
            memcpy(new_text + used, line, line_length(line));
            used += line_length(line);
        }
    }
    if (used > 0 && new_text[used - 1] != '\n') {
        new_text[used] = '\n';
        used += 1;
    }
    memcpy(new_text + used, include_line, sizeof include_line - 1);
    return file_replace(path, new_text, used + sizeof include_line - 1, reterr_failure);
}

/* What remains of the old text without the lines that set one of names. */
static size_t keep_others(const char *const *names)
{
    size_t used = 0;
    for (const char *line = old_text; *line != '\0'; line += line_length(line)) {
        if (!sets_one_of(line, names)) {
            memcpy(new_text + used, line, line_length(line));
            used += line_length(line);
        }
    }
    return used;
}

enum result settings_file_drop(const char *path, const char *const *names,
                               struct failure *reterr_failure)
{
    size_t size = 0;
    enum result result = file_read(path, old_text, sizeof old_text, &size, reterr_failure);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    return file_replace(path, new_text, keep_others(names), reterr_failure);
}

enum result settings_file_set(const char *path, const char *name, const char *line,
                              struct failure *reterr_failure)
{
    const char *const names[] = {name, NULL};
    size_t size = 0;
    enum result result = file_read(path, old_text, sizeof old_text, &size, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    size_t used = keep_others(names);
    size_t length = strlen(line);
    if (used + length > sizeof new_text) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s would be too large", path);
    }
    memcpy(new_text + used, line, length);
    return file_replace(path, new_text, used + length, reterr_failure);
}
