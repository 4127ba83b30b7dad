/* SPDX-License-Identifier: PostgreSQL */
/*
 * preload.h - the value of shared_preload_libraries: the commit fence first, then the user's own.
 *
 * Pure text. An earlier fence in the user's list, under any path, is left out.
 */
#ifndef PGBATON_AGENT_PRELOAD_H
#define PGBATON_AGENT_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

#define PRELOAD_SETTING "shared_preload_libraries"

/* fence: the library's path, NULL for none; user: what the user's files say, "" for nothing. False
 * when it does not fit. */
bool preload_merge(const char *fence, const char *user, char *ret_value, size_t capacity);

#endif
