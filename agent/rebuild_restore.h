/* SPDX-License-Identifier: PostgreSQL */
/*
 * rebuild_restore.h - a new cluster from a backup: the operator's command fills the directory, and
 * PostgreSQL recovers in it, to the end of its archive or to a target, and opens a new timeline.
 *
 * For rebuild.c only; in a child. The recovery runs in a single-user server: no other process, no
 * socket, nobody who could write. What the command has said of the recovery (restore_command and
 * recovery_target* in postgresql.auto.conf) is used for that once, and taken out afterwards: a
 * target would stop the standbys that copy it.
 */
#ifndef PGBATON_AGENT_REBUILD_RESTORE_H
#define PGBATON_AGENT_REBUILD_RESTORE_H

#include "rebuild.h"

/* Fills target, which is created, and recovers. At the end PostgreSQL has been shut down there in
 * order, as a primary. */
MUST_USE enum result rebuild_restore(const struct rebuild *rebuild, const char *target,
                                     struct failure *reterr_failure);
/* Writes down that the cluster in target waits for its command post_init. */
MUST_USE enum result rebuild_owe_post_init(const struct rebuild *rebuild, const char *target,
                                           struct failure *reterr_failure);

/* rebuild.c: runs a command to its end; the child's last line stays in *ret_child. */
MUST_USE enum result rebuild_command_run(const struct rebuild *rebuild,
                                         const struct command *command, struct child *ret_child,
                                         struct failure *reterr_failure);

#endif
