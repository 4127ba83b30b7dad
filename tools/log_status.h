/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_status.h - what both outputs of pgbaton log status say of a log's health (log_health.h).
 */
#ifndef PGBATON_TOOLS_LOG_STATUS_H
#define PGBATON_TOOLS_LOG_STATUS_H

#include "log_health.h"

/* One thing that is waited for, and what a person can do; what may be empty. */
struct advice {
    char waits_for[1024];
    char can_do[256];
};

/* Of the log itself; false when nothing is waited for. */
bool log_status_advice(const struct log_health *health, struct advice *ret_advice);
/* Of a cluster whose log has lost a part of itself; false when no loss is known. */
bool log_status_lost_advice(const struct cluster *c, struct advice *ret_advice);
/* What a server is to the stream: "leader", "replica, current", "no replica", ... */
void log_status_role(const struct log_look *look, const char *name, char *ret_text, size_t size);
/* True when this cluster is to be shown. */
bool log_status_shows(const struct options *options, const struct cluster *c);

void log_status_json(const struct options *options, const struct log_health *health);

#endif
