/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_line.h - the programs' own log: one line per fact on standard error.
 *
 * "2026-03-01 12:00:00.123 INFO no action. I am node-2, the leader with the lock term=8 seq=123".
 * Under systemd (JOURNAL_STREAM set) the journal's priority prefix replaces time and level.
 */
#ifndef PGBATON_LOG_LINE_H
#define PGBATON_LOG_LINE_H

#include "severity.h"

#include <stdbool.h>

/* Lines below min are dropped; the default is SEVERITY_INFO. */
void log_line_init(enum severity min);
/* Writes one line (newline added; control bytes in it are shown as \xNN). One write() per line. */
void log_line(enum severity severity, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* "error" … "debug" to a severity; false for anything else. */
bool log_line_parse_severity(const char *name, enum severity *ret_severity);

#endif
