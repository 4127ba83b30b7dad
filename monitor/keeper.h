/* SPDX-License-Identifier: PostgreSQL */
/*
 * keeper.h - the thread that stores what the monitor remembers (memory_file.h).
 *
 * A disk that hangs must not keep the monitor from deciding: the loop hands memories over and goes
 * on, and of several of one cluster only the newest is written.
 */
#ifndef PGBATON_MONITOR_KEEPER_H
#define PGBATON_MONITOR_KEEPER_H

#include "memory_file.h"

struct keeper;

/* Makes the directory if it is not there, and hands out what is remembered in it. */
MUST_USE enum result keeper_create(const char *directory, memory_file_function found, void *data,
                                   struct keeper **ret_keeper, struct failure *reterr_failure);
/* Takes what is to be stored of this cluster; does not wait. */
void keeper_put(struct keeper *k, const char *cluster, const struct memory *memory);
/* Logs, once, that nothing can be stored, or that it can again. */
void keeper_tell(struct keeper *k);
/* Waits until all is stored, but no longer than a second; NULL is fine. */
void keeper_destroy(struct keeper *k);

#endif
