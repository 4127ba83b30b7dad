/* SPDX-License-Identifier: PostgreSQL */
#include "alias_text.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define HEX_DIGITS "0123456789ABCDEF"
#define WAL_FILE_BYTES 24

struct scan {
    const struct alias_set *set;
    struct alias_set *learner; /* NULL: the text is written */
    bool quoted;               /* what stands in quotes is somebody's name for something */
    bool failed;               /* no memory */
    char *out;
    size_t capacity;
    size_t used;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put(struct scan *scan, const char *bytes, size_t size)
{
    const size_t room = scan->capacity - 1 - scan->used;
    if (scan->learner == NULL) {
        memcpy(scan->out + scan->used, bytes, size < room ? size : room);
        scan->used += size < room ? size : room;
    }
}

/* Learns it, or writes what stands for it. */
static void replace(struct scan *scan, enum alias_kind kind, const char *token, size_t size)
{
    char alias[ALIAS_SIZE];
    if (scan->learner != NULL) {
        scan->failed = scan->failed || !alias_learn(scan->learner, kind, token, size);
        return;
    }
    const bool known = alias_of(scan->set, kind, token, size, alias);
    put(scan, known ? alias : "?", known ? strlen(alias) : 1);
}

/* ---- what a token is ---- */

static size_t span(const char *token, size_t size, const char *accepted)
{
    size_t length = 0;
    while (length < size && token[length] != '\0' && strchr(accepted, token[length]) != NULL) {
        length++;
    }
    return length;
}

/* "12", "3.5", "98%", "16MB" */
static bool is_number(const char *token, size_t size)
{
    static const char *const units[] = {"",   "%",  "B",  "kB", "MB", "GB",
                                        "TB", "us", "ms", "s",  "min"};
    size_t length = span(token, size, DIGITS);
    if (length == 0) {
        return false;
    }
    if (length + 1 < size && token[length] == '.') {
        length += 1 + span(token + length + 1, size - length - 1, DIGITS);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i]) == size - length &&
            memcmp(units[i], token + length, size - length) == 0) {
            return true;
        }
    }
    return false;
}

/* "0/30001A8", and the name of a segment */
static bool is_wal(const char *token, size_t size)
{
    const size_t high = span(token, size, HEX_DIGITS);
    if (high == size) {
        return size == WAL_FILE_BYTES;
    }
    const size_t low = token[high] == '/' ? span(token + high + 1, size - high - 1, HEX_DIGITS) : 0;
    const bool short_enough = high > 0 && high <= 8 && low > 0 && low <= 8;
    return short_enough && high + 1 + low == size;
}

static bool is_address(const char *token, size_t size)
{
    size_t dots = 0;
    size_t colons = 0;
    for (size_t i = 0; i < size; i++) {
        dots += token[i] == '.' ? 1 : 0;
        colons += token[i] == ':' ? 1 : 0;
    }
    return (dots == 3 && span(token, size, DIGITS ".") == size) ||
           (colons >= 2 && span(token, size, HEX_DIGITS "abcdef:.%") == size);
}

/* The length of what stands before ":5432"; 0: there is no such thing. */
static size_t host_length(const char *token, size_t size)
{
    size_t at = size;
    while (at > 0 && strchr(DIGITS, token[at - 1]) != NULL) {
        at--;
    }
    const bool port = at > 1 && at < size && size - at <= 5 && token[at - 1] == ':';
    const bool other = port && (span(token, at - 1, DIGITS) == at - 1 || /* a time, an address */
                                memchr(token, ':', at - 1) != NULL);
    return port && !other && memchr(token, '/', size) == NULL ? at - 1 : 0;
}

/* ---- writing one ---- */

static void put_host(struct scan *scan, const char *token, size_t size)
{
    char alias[ALIAS_SIZE];
    if (alias_of_any(scan->set, token, size, alias)) {
        put(scan, alias, strlen(alias));
    } else {
        replace(scan, ALIAS_HOST, token, size);
    }
}

/* "path-3", of a text that was made anonymous before: it stays one, and has the same number. */
static bool is_numbered(const char *token, size_t size, const char *prefix)
{
    const size_t length = strlen(prefix);
    return size > length && memcmp(token, prefix, length) == 0 &&
           span(token + length, size - length, DIGITS) == size - length;
}

static void put_unknown(struct scan *scan, const char *token, size_t size)
{
    const bool path = memchr(token, '/', size) != NULL || memchr(token, '\\', size) != NULL ||
                      is_numbered(token, size, "path-");
    const bool host = is_address(token, size) || is_numbered(token, size, "host-");
    replace(scan, path ? ALIAS_PATH : host ? ALIAS_HOST : ALIAS_WORD, token, size);
}

/* secret: it is no word of a message, whatever it looks like. */
static void put_core(struct scan *scan, const char *token, size_t size, bool secret)
{
    char alias[ALIAS_SIZE];
    const size_t host = host_length(token, size);
    if (alias_of_any(scan->set, token, size, alias)) {
        put(scan, alias, strlen(alias));
    } else if (host > 0) {
        put_host(scan, token, host);
        put(scan, ":", 1);
        replace(scan, ALIAS_PORT, token + host + 1, size - host - 1);
    } else if (is_number(token, size) || is_wal(token, size) ||
               (!secret && alias_is_plain_word(token, size))) {
        put(scan, token, size);
    } else {
        put_unknown(scan, token, size);
    }
}

/* "host=10.0.0.1": what it is called may be told, what it is may not. */
static void put_token(struct scan *scan, const char *token, size_t size)
{
    const char *equals = memchr(token, '=', size);
    const size_t key = equals != NULL ? (size_t)(equals - token) : 0;
    size_t length = size;
    while (length > 0 && strchr(":.!?", token[length - 1]) != NULL) {
        length--;
    }
    if (key > 0 && key + 1 < length && alias_is_plain_word(token, key)) {
        put(scan, token, key + 1);
        put_core(scan, token + key + 1, length - key - 1, true);
    } else if (length > 0) {
        put_core(scan, token, length, scan->quoted);
    }
    put(scan, token + length, size - length);
}

static bool is_apostrophe(const char *text, size_t size, size_t at)
{
    return text[at] == '\'' && at > 0 && at + 1 < size && is_letter(text[at - 1]) &&
           is_letter(text[at + 1]);
}

static bool is_separator(const char *text, size_t size, size_t at)
{
    return text[at] == '\0' ||
           (strchr(" \t,;()[]{}<>|\"'`", text[at]) != NULL && !is_apostrophe(text, size, at));
}

static void scan_all(struct scan *scan, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t length = 0;
        while (at + length < size && !is_separator(text, size, at + length)) {
            length++;
        }
        if (length > 0) {
            put_token(scan, text + at, length);
            at += length;
            continue;
        }
        scan->quoted =
                strchr("\"'`", text[at]) != NULL && text[at] != '\0' ? !scan->quoted : scan->quoted;
        put(scan, text[at] != '\0' ? text + at : " ", 1);
        at++;
    }
}

bool alias_text_learn(struct alias_set *set, const char *text, size_t size)
{
    struct scan scan = {.set = set, .learner = set, .capacity = 1};
    scan_all(&scan, text, size);
    return !scan.failed;
}

size_t alias_text(const struct alias_set *set, const char *text, size_t size, char *ret_text,
                  size_t capacity)
{
    struct scan scan = {.set = set, .out = ret_text, .capacity = capacity};
    scan_all(&scan, text, size);
    ret_text[scan.used] = '\0';
    return scan.used;
}
