/* SPDX-License-Identifier: PostgreSQL */
#include "log_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line with its newline; the rest of a longer one is cut. A pipe takes it in one piece
 * (PIPE_BUF). */
#define LINE_BYTES_MAX 4096
/* One byte of a message becomes at most "\xNN". */
#define ESCAPED_BYTES 4

static const struct {
    const char *name; /* in configuration files and options */
    int priority;     /* the journal's: sd-daemon(3) */
} severities[] = {
        [SEVERITY_DEBUG] = {"debug", 7},
        [SEVERITY_INFO] = {"info", 6},
        [SEVERITY_WARNING] = {"warning", 4},
        [SEVERITY_ERROR] = {"error", 3},
};
_Static_assert(sizeof(severities) / sizeof(severities[0]) == SEVERITY_COUNT,
               "every severity has its words");

static enum severity severity_min = SEVERITY_INFO;
static bool under_journal;

void log_line_init(enum severity min)
{
    severity_min = min;
    under_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* "2026-03-01 12:00:00.123 INFO ", or "<6>" under the journal. */
static size_t put_head(enum severity severity, char *line, size_t size)
{
    struct timespec now;
    struct tm local;
    size_t used;

    if (under_journal) {
        return (size_t)snprintf(line, size, "<%d>", severities[severity].priority);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    used = strftime(line, size, "%Y-%m-%d %H:%M:%S", &local);
    used += (size_t)snprintf(line + used, size - used, ".%03ld %s ", now.tv_nsec / 1000000,
                             severity_name(severity));
    return used;
}

/* Copies text with its control bytes shown; returns what was written, without a NUL. */
static size_t put_escaped(const char *text, char *line, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    for (size_t i = 0; text[i] != '\0' && used + ESCAPED_BYTES <= size; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte >= ' ' && byte != 0x7f) {
            line[used++] = text[i];
        } else {
            line[used++] = '\\';
            line[used++] = 'x';
            line[used++] = digits[byte >> 4];
            line[used++] = digits[byte & 15];
        }
    }
    return used;
}

/* One write() per line, so that the lines of several processes do not mix. There is nobody to tell
 * when standard error is gone. */
static void write_line(const char *line, size_t size)
{
    ssize_t written;

    do {
        written = write(STDERR_FILENO, line, size);
    } while (written < 0 && errno == EINTR);
}

void log_line(enum severity severity, const char *format, ...)
{
    char text[LINE_BYTES_MAX];
    char line[LINE_BYTES_MAX];
    int errno_before = errno;
    va_list arguments;
    size_t used;

    if ((size_t)severity >= SEVERITY_COUNT || severity < severity_min) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    used = put_head(severity, line, sizeof(line));
    used += put_escaped(text, line + used, sizeof(line) - 1 - used);
    line[used++] = '\n';
    write_line(line, used);
    errno = errno_before;
}

bool log_line_parse_severity(const char *name, enum severity *ret_severity)
{
    for (size_t i = 0; i < SEVERITY_COUNT; i++) {
        if (strcmp(severities[i].name, name) == 0) {
            *ret_severity = (enum severity)i;
            return true;
        }
    }
    return false;
}
