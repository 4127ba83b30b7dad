/* SPDX-License-Identifier: PostgreSQL */
/*
 * result.h - how a function of a shell says that the world did not do as asked.
 *
 * A function that can fail returns `enum result` and fills a `struct failure`; each layer above
 * prefixes what it was attempting with failure_prefix(). The layer that stops passing it on logs
 * it, once. Cores (fold, decide, step) do not use this: their failures are outcomes with names.
 */
#ifndef PGBATON_RESULT_H
#define PGBATON_RESULT_H

#define FAILURE_TEXT_SIZE 512
#define FAILURE_HINT_SIZE 256

enum result {
    RESULT_OK = 0,      /* done */
    RESULT_INVALID,     /* the caller's or the user's input is wrong; trying again does not help */
    RESULT_NOT_FOUND,   /* what was asked for does not exist */
    RESULT_REFUSED,     /* it exists and may not be touched */
    RESULT_TIMEOUT,     /* not answered in time; may have happened */
    RESULT_UNAVAILABLE, /* a server or device is away; trying again may help */
    RESULT_FULL,        /* a queue or buffer has no room; try again later */
    RESULT_FAILED,      /* anything else that the text names */
    RESULT_COUNT
};

struct failure {
    enum result code;
    char text[FAILURE_TEXT_SIZE]; /* "promote node-2: pg_ctl: exit status 1" */
    char hint[FAILURE_HINT_SIZE]; /* what a person should do; empty when there is nothing to say */
};

/* Sets code and text (printf format), clears the hint; returns code, so that one can write
 * `return failure_set(f, RESULT_FAILED, "...")`. Texts that are too long are cut. f may be NULL. */
enum result failure_set(struct failure *f, enum result code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Puts "what: " in front of the text; returns f->code. */
enum result failure_prefix(struct failure *f, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* Sets the hint; returns f->code. */
enum result failure_hint(struct failure *f, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* Like failure_set, with ": " and the text of errno_value appended. */
enum result failure_errno(struct failure *f, int errno_value, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define MUST_USE __attribute__((warn_unused_result))

#endif
