/* SPDX-License-Identifier: PostgreSQL */
/*
 * switchover.h - what `pgbaton switchover` and `pgbaton failover` share: check, ask, wait.
 *
 *   switchover.c         the commands: gather, check, say what would be done, ask
 *   switchover_check.c   does it make sense now? The monitors judge again, and the fold too.
 *   request.c            appends the request, reads it back, and follows what becomes of it
 */
#ifndef PGBATON_TOOLS_SWITCHOVER_H
#define PGBATON_TOOLS_SWITCHOVER_H

#include "gather.h"

/* Empty when the request makes sense; else why it does not, and what would. */
struct objection {
    char text[512];
    char hint[256];
};

/* Fills it; always false: what was asked for does not make sense. */
bool objection_make(struct objection *objection, const char *hint, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Tells it; returns the exit code. */
int objection_tell(const struct objection *objection);
/* Both in one. */
int objection_refuse(const char *hint, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

bool switchover_check(const struct view *view, const struct options *options,
                      struct objection *ret_objection);
bool failover_check(const struct view *view, const struct options *options,
                    struct objection *ret_objection);
bool cancel_check(const struct view *view, const struct options *options,
                  struct objection *ret_objection);
/* Appends the request, waits until it is read back, and with options->wait for its end. Tells what
 * happens; returns the exit code. */
int request_carry_out(const struct options *options, const struct view *view,
                      enum request_kind kind);

#endif
