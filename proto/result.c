/* SPDX-License-Identifier: PostgreSQL */
#include "result.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Appends what fits; the rest is cut. */
static void append(char *text, size_t size, const char *more)
{
    size_t used = strnlen(text, size - 1);

    (void)snprintf(text + used, size - used, "%s", more);
}

enum result failure_set(struct failure *f, enum result code, const char *format, ...)
{
    va_list arguments;

    if (f == NULL) {
        return code;
    }
    f->code = code;
    f->hint[0] = '\0';
    va_start(arguments, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, arguments);
    va_end(arguments);
    return code;
}

enum result failure_prefix(struct failure *f, const char *format, ...)
{
    char text[FAILURE_TEXT_SIZE];
    va_list arguments;

    if (f == NULL) {
        return RESULT_FAILED;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    append(text, sizeof(text), ": ");
    append(text, sizeof(text), f->text);
    memcpy(f->text, text, sizeof(f->text));
    return f->code;
}

enum result failure_hint(struct failure *f, const char *format, ...)
{
    va_list arguments;

    if (f == NULL) {
        return RESULT_FAILED;
    }
    va_start(arguments, format);
    (void)vsnprintf(f->hint, sizeof(f->hint), format, arguments);
    va_end(arguments);
    return f->code;
}

enum result failure_errno(struct failure *f, int errno_value, const char *format, ...)
{
    char buffer[128];
    va_list arguments;

    if (f == NULL) {
        return RESULT_FAILED;
    }
    f->hint[0] = '\0';
    va_start(arguments, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, arguments);
    va_end(arguments);
    append(f->text, sizeof(f->text), ": ");
    append(f->text, sizeof(f->text), strerror_r(errno_value, buffer, sizeof(buffer)));
    f->code = RESULT_FAILED;
    return f->code;
}
