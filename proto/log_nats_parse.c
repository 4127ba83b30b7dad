/* SPDX-License-Identifier: PostgreSQL */
#include "log_nats_parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TOKEN_COUNT_SHORT 9
#define TOKEN_COUNT_LONG 11

/* Reads digits up to end; returns where it stopped, or NULL without a digit or on overflow. */
static const char *read_digits(const char *text, const char *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number)) {
            return NULL;
        }
    }
    *ret_number = number;
    return at == text ? NULL : at;
}

bool log_parse_number(const char *text, uint64_t *ret_number)
{
    const char *end = text + strlen(text);
    return read_digits(text, end, ret_number) == end;
}

/* The start of each token, up to max of them; returns how many tokens there are. */
static size_t split(const char *subject, const char *ret_tokens[], size_t max)
{
    size_t count = 0;
    for (const char *at = subject; at != NULL; count++) {
        if (count < max) {
            ret_tokens[count] = at;
        }
        at = strchr(at, '.');
        at = at == NULL ? NULL : at + 1;
    }
    return count;
}

static bool token_number(const char *token, uint64_t *ret_number)
{
    const char *end = strchrnul(token, '.');
    return read_digits(token, end, ret_number) == end;
}

bool log_parse_delivery(const char *reply, uint64_t *ret_seq, uint64_t *ret_stored_us)
{
    const char *tokens[TOKEN_COUNT_LONG] = {NULL};
    if (reply == NULL || strncmp(reply, "$JS.ACK.", 8) != 0) {
        return false;
    }
    const size_t count = split(reply, tokens, TOKEN_COUNT_LONG);
    if (count != TOKEN_COUNT_SHORT && count < TOKEN_COUNT_LONG) {
        return false;
    }
    /* In the long form domain and account stand before the stream. */
    const size_t skip = count == TOKEN_COUNT_SHORT ? 0 : 2;
    uint64_t stored_ns = 0;
    if (!token_number(tokens[5 + skip], ret_seq) || !token_number(tokens[7 + skip], &stored_ns)) {
        return false;
    }
    *ret_stored_us = stored_ns / 1000;
    return true;
}

/* Just behind `"key":` and blanks, or NULL. */
static const char *json_value(const char *json, size_t size, const char *key)
{
    char pattern[64];
    const int length = snprintf(pattern, sizeof(pattern), "\"%s\":", key);
    if (json == NULL || length < 0 || (size_t)length >= sizeof(pattern)) {
        return NULL;
    }
    const char *found = memmem(json, size, pattern, (size_t)length);
    if (found == NULL) {
        return NULL;
    }
    const char *at = found + length;
    while (at < json + size && isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

bool log_parse_json_number(const char *json, size_t size, const char *key, uint64_t *ret_number)
{
    const char *at = json_value(json, size, key);
    return at != NULL && read_digits(at, json + size, ret_number) != NULL;
}

bool log_parse_json_string(const char *json, size_t size, const char *key, char *ret_text,
                           size_t ret_size)
{
    const char *at = json_value(json, size, key);
    if (at == NULL || at >= json + size || *at != '"') {
        return false;
    }
    at++;
    size_t length = 0;
    for (; at < json + size && *at != '"' && length + 1 < ret_size; at++) {
        ret_text[length++] = *at;
    }
    ret_text[length] = '\0';
    return true;
}

/* ".123456789" to 123456; 0 when there is no fraction. */
static uint64_t fraction_us(const char *text)
{
    uint64_t us = 0;
    if (*text != '.') {
        return 0;
    }
    const char *at = text + 1;
    for (uint64_t unit = 100000; unit > 0; unit /= 10) {
        if (*at >= '0' && *at <= '9') {
            us += unit * (uint64_t)(*at - '0');
            at++;
        }
    }
    return us;
}

uint64_t log_parse_time_us(const char *text)
{
    struct tm broken = {0};
    const char *rest = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &broken);
    if (rest == NULL || text[strlen(text) - 1] != 'Z') {
        return 0;
    }
    const time_t seconds = timegm(&broken);
    return seconds < 0 ? 0 : (uint64_t)seconds * 1000000 + fraction_us(rest);
}

bool log_parse_json_cluster(const char *json, size_t size, size_t *at, char *ret_name,
                            size_t ret_size)
{
    static const char key[] = "\"pgbaton.";
    for (;;) {
        const char *found = memmem(json + *at, size - *at, key, sizeof(key) - 1);
        if (found == NULL) {
            return false;
        }
        const char *name = found + sizeof(key) - 1;
        const size_t left = size - (size_t)(name - json);
        const char *quote = memchr(name, '"', left);
        const char *dot = memchr(name, '.', left);
        *at = (size_t)(name - json);
        /* A key has a number behind it: the stream's own "pgbaton.>" has not. */
        const bool is_key = quote != NULL && (size_t)(quote + 1 - json) < size && quote[1] == ':';
        const size_t length = is_key && dot != NULL && dot < quote ? (size_t)(dot - name) : 0;
        if (length > 0 && length < ret_size && name[0] != '_') {
            memcpy(ret_name, name, length);
            ret_name[length] = '\0';
            return true;
        }
    }
}
