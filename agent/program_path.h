/* SPDX-License-Identifier: PostgreSQL */
/*
 * program_path.h - where this program lies, and what is installed beside it.
 */
#ifndef PGBATON_AGENT_PROGRAM_PATH_H
#define PGBATON_AGENT_PROGRAM_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The absolute path of this program. False when /proc does not tell. */
bool program_path_own(char *ret_path, size_t capacity);
/* "NAME" in the same directory, or "SUBDIRECTORY/NAME" of it, where a build leaves it. False when
 * there is no such readable file. */
bool program_path_beside(const char *subdirectory, const char *name, char *ret_path,
                         size_t capacity);

#endif
