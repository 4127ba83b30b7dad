/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_settings_file.h - small changes to PostgreSQL's own configuration files, which stay the
 * user's.
 *
 * Lines are understood as guc-file.l does, as far as one line goes: a name, an optional "=", a
 * value with or without quotes, a comment. All functions wait for the disk.
 */
#ifndef PGBATON_AGENT_PG_SETTINGS_FILE_H
#define PGBATON_AGENT_PG_SETTINGS_FILE_H

#include "../proto/result.h"

#include <stdbool.h>
#include <stddef.h>

/* True when the last line that sets name says value. */
bool settings_file_is(const char *path, const char *name, const char *value);
/* The value of the last line that sets name, without its quotes. False when none does, or it does
 * not fit. */
bool settings_file_get(const char *path, const char *name, char *ret_value, size_t capacity);
/* True when the file may give name a value that is not empty: a line does, or another file than
 * pgbaton.conf is included. */
bool settings_file_may_set(const char *path, const char *name);
/* Makes `include_if_exists = 'pgbaton.conf'` the last line, once. */
MUST_USE enum result settings_file_include(const char *path, struct failure *reterr_failure);
/* Removes the lines that set one of names (NULL-terminated). Fine when there is no such file. */
MUST_USE enum result settings_file_drop(const char *path, const char *const *names,
                                        struct failure *reterr_failure);
/* Replaces what the file says of name; line is the whole new one, with its newline. */
MUST_USE enum result settings_file_set(const char *path, const char *name, const char *line,
                                       struct failure *reterr_failure);

#endif
