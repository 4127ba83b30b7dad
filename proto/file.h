/* SPDX-License-Identifier: PostgreSQL */
/*
 * file.h - files that survive a crash: replaced as a whole, created, removed and renamed durably.
 *
 * Everything here waits for the disk: for children of the agent and for its start, for the
 * monitor's own thread, never for a loop.
 */
#ifndef PGBATON_FILE_H
#define PGBATON_FILE_H

#include "result.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes path + ".pgbaton" with mode 0600, syncs it, renames it to path and syncs the directory:
 * path holds either the old text or the new one. Does nothing when path holds this text already. */
MUST_USE enum result file_replace(const char *path, const char *text, size_t size,
                                  struct failure *reterr_failure);
/* Reads all of path into buffer, with a NUL. RESULT_NOT_FOUND when it is not there, RESULT_FULL
 * when it does not fit. */
MUST_USE enum result file_read(const char *path, char *buffer, size_t capacity, size_t *ret_size,
                               struct failure *reterr_failure);
/* What one read of it gives, cut at the capacity, with a NUL: for what the kernel writes (/proc),
 * where nothing waits, and for a short file. Its size, or -1 when it cannot be read. */
ssize_t file_peek(const char *path, char *text, size_t capacity);
/* Removes a file durably; fine when it is not there. */
MUST_USE enum result file_remove(const char *path, struct failure *reterr_failure);
/* Renames durably. */
MUST_USE enum result file_rename(const char *from, const char *to, struct failure *reterr_failure);
/* Removes a directory with all that it holds (symbolic links are not followed); fine when it is not
 * there. */
MUST_USE enum result file_remove_tree(const char *path, struct failure *reterr_failure);
bool file_exists(const char *path);

#endif
