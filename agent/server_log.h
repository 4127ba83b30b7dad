/* SPDX-License-Identifier: PostgreSQL */
/*
 * server_log.h - what PostgreSQL said on its standard error before it ended.
 *
 * Called by the shell when a postmaster has ended: what it reads was written a moment ago, and is
 * in memory.
 */
#ifndef PGBATON_AGENT_SERVER_LOG_H
#define PGBATON_AGENT_SERVER_LOG_H

#include <stddef.h>

/* The last line that says FATAL, or PANIC, from that word on; else the last line. Without control
 * bytes; empty when there is nothing to read. */
void server_log_last_words(const char *path, char *ret_text, size_t size);

#endif
