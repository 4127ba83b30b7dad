/* SPDX-License-Identifier: PostgreSQL */
/*
 * pid_file.h - the lock file of a postmaster that was killed.
 *
 * PostgreSQL refuses to start while the process that DIR/postmaster.pid names answers signal 0,
 * which a zombie does: in a container whose process 1 reaps orphans late, for seconds (FACTS 17).
 * Nothing else of the file's protection is touched: the file of a process that lives, or of none,
 * is left alone.
 */
#ifndef PGBATON_AGENT_PID_FILE_H
#define PGBATON_AGENT_PID_FILE_H

#include "../proto/result.h"

/* Removes the lock file when the process that its first line names is a zombie. Touches the disk:
 * for a child. */
MUST_USE enum result pid_file_tidy(const char *path, struct failure *reterr_failure);

#endif
