/* SPDX-License-Identifier: PostgreSQL */
/*
 * severity.h - how much a line of a log matters to a person (STYLE: Logs).
 */
#ifndef PGBATON_SEVERITY_H
#define PGBATON_SEVERITY_H

/* As the logs of all programs use it. */
enum severity {
    SEVERITY_DEBUG = 0, /* the rest */
    SEVERITY_INFO,      /* transitions and the heartbeat line */
    SEVERITY_WARNING,   /* handled, and the line says how */
    SEVERITY_ERROR,     /* somebody must act */
    SEVERITY_COUNT
};

const char *severity_name(enum severity severity); /* "WARNING" */

#endif
