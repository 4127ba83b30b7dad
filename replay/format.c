/* SPDX-License-Identifier: PostgreSQL */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void break_down(uint64_t wall_us, bool local, struct tm *ret_tm)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm *done = local ? localtime_r(&seconds, ret_tm) : gmtime_r(&seconds, ret_tm);
    if (done == NULL) {
        *ret_tm = (struct tm){.tm_mday = 1};
    }
}

void format_iso(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE])
{
    struct tm tm;
    break_down(wall_us, false, &tm);
    size_t length = strftime(ret_text, FORMAT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret_text + length, FORMAT_TIME_SIZE - length, ".%06uZ", (unsigned)(wall_us % 1000000));
}

void format_local(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE])
{
    struct tm tm;
    break_down(wall_us, true, &tm);
    size_t length = strftime(ret_text, FORMAT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(ret_text + length, FORMAT_TIME_SIZE - length, ".%03u",
             (unsigned)(wall_us % 1000000 / 1000));
}

void format_zone(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE])
{
    struct tm tm;
    break_down(wall_us, true, &tm);
    if (strftime(ret_text, FORMAT_TIME_SIZE, "%Z", &tm) == 0) {
        ret_text[0] = '\0';
    }
}

void format_age(uint64_t age_us, char ret_text[FORMAT_TIME_SIZE])
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    uint64_t age_s = age_us / 1000000;
    size_t u = 0;
    while (u < 3 && age_s < units[u].seconds) {
        u++;
    }
    snprintf(ret_text, FORMAT_TIME_SIZE, "%" PRIu64 "%c", age_s / units[u].seconds, units[u].unit);
}

void format_bytes(uint64_t bytes, char ret_text[FORMAT_TIME_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t u = 0;
    while (bytes >= 10240 && u < 4) {
        bytes /= 1024;
        u++;
    }
    snprintf(ret_text, FORMAT_TIME_SIZE, "%" PRIu64 " %s", bytes, units[u]);
}

void format_clean(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f) {
            *text = '?';
        }
    }
}

uint64_t format_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
