/* SPDX-License-Identifier: PostgreSQL */
#include "moment.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US INT64_C(1000000)
/* Nobody means a later one; and nothing overflows. */
#define AMOUNT_MAX 1000000

/* "+10m" */
static bool parse_offset(const char *text, uint64_t now_us, uint64_t *ret_us)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    unsigned amount = 0;
    char unit = '\0';
    int used = 0;
    if (!isdigit((unsigned char)text[1]) || sscanf(text, "+%7u%c%n", &amount, &unit, &used) != 2 ||
        text[used] != '\0' || amount > AMOUNT_MAX) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == unit) {
            *ret_us = now_us + amount * units[i].seconds * (uint64_t)US;
            return true;
        }
    }
    return false;
}

static bool is_same(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
           a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* The fields must be those of a real time: there is no 31st of June, and no 02:30 in some nights.
 */
static bool resolve(const struct tm *fields, bool local, int64_t *ret_s)
{
    struct tm tm = *fields;
    tm.tm_isdst = -1;
    *ret_s = local ? mktime(&tm) : timegm(&tm);
    return *ret_s > 0 && is_same(&tm, fields);
}

/* "HH:MM" or "HH:MM:SS"; how many bytes it takes, 0 when it is none. */
static int take_clock(const char *text, struct tm *tm)
{
    int used = 0;
    int with_seconds = 0;
    if (strspn(text, "0123456789:") < 5 ||
        sscanf(text, "%2d:%2d%n", &tm->tm_hour, &tm->tm_min, &used) != 2 || used != 5) {
        return 0;
    }
    if (sscanf(text + used, ":%2d%n", &tm->tm_sec, &with_seconds) == 1 && with_seconds == 3) {
        used += with_seconds;
    }
    return used;
}

/* ".5" to ".123456" behind seconds; how many bytes it takes, 0 when it is none. */
static int take_fraction(const char *text, uint64_t *ret_us)
{
    uint64_t us = 0;
    int digits = 0;
    *ret_us = 0;
    if (text[0] != '.' || text[-3] != ':') {
        return 0;
    }
    for (; digits < 6 && isdigit((unsigned char)text[1 + digits]); digits++) {
        us = us * 10 + (uint64_t)(text[1 + digits] - '0');
    }
    for (int i = digits; i < 6; i++) {
        us *= 10;
    }
    *ret_us = us;
    return digits > 0 ? 1 + digits : 0;
}

/* "HH:MM": today, or tomorrow. */
static bool parse_clock(const char *text, uint64_t now_us, uint64_t *ret_us)
{
    time_t now_s = (time_t)(now_us / (uint64_t)US);
    int64_t at_s = 0;
    struct tm tm;
    if (localtime_r(&now_s, &tm) == NULL) {
        return false;
    }
    int today = tm.tm_mday;
    tm.tm_sec = 0;
    uint64_t fraction_us = 0;
    int used = take_clock(text, &tm);
    used += used == 8 ? take_fraction(text + used, &fraction_us) : 0;
    if (used == 0 || text[used] != '\0' || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59) {
        return false;
    }
    for (int day = 0; day < 2; day++) {
        struct tm then = tm;
        then.tm_mday = today + day;
        then.tm_isdst = -1;
        at_s = mktime(&then);
        if (at_s > now_s) {
            break;
        }
    }
    *ret_us = (uint64_t)(at_s * US) + fraction_us;
    return at_s > 0;
}

/* "Z", "+01", "-03:30", "+0100"; "" is the local one. */
static bool take_zone(const char *text, bool *ret_local, int64_t *ret_offset_s)
{
    unsigned hours = 0;
    unsigned minutes = 0;
    int used = 0;
    *ret_local = text[0] == '\0';
    *ret_offset_s = 0;
    if (*ret_local || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') || !isdigit((unsigned char)text[1]) ||
        sscanf(text + 1, "%2u%n", &hours, &used) != 1) {
        return false;
    }
    const char *rest = text + 1 + used;
    rest += *rest == ':' ? 1 : 0;
    used = 0;
    bool colon = rest[-1] == ':';
    if ((colon || *rest != '\0') &&
        (sscanf(rest, "%2u%n", &minutes, &used) != 1 || rest[used] != '\0')) {
        return false;
    }
    *ret_offset_s = (int64_t)(hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return hours < 15 && minutes < 60;
}

static bool parse_iso(const char *text, uint64_t *ret_us)
{
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 ||
        (text[used] != 'T' && text[used] != ' ')) {
        return false;
    }
    const char *clock = text + used + 1;
    uint64_t fraction_us = 0;
    int length = take_clock(clock, &tm);
    length += length == 8 ? take_fraction(clock + length, &fraction_us) : 0;
    bool local = false;
    int64_t offset_s = 0;
    int64_t at_s = 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (length == 0 || !take_zone(clock + length, &local, &offset_s) ||
        !resolve(&tm, local, &at_s) || at_s <= offset_s) {
        return false;
    }
    *ret_us = (uint64_t)((at_s - offset_s) * US) + fraction_us;
    return true;
}

bool moment_parse(const char *text, uint64_t now_us, uint64_t *ret_us)
{
    if (text[0] == '+') {
        return parse_offset(text, now_us, ret_us);
    }
    return strchr(text, '-') != NULL ? parse_iso(text, ret_us) : parse_clock(text, now_us, ret_us);
}
