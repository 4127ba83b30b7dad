/* SPDX-License-Identifier: PostgreSQL */
/*
 * memory_file.h - a monitor's memory on its disk: DIRECTORY/CLUSTER.json, one object per cluster.
 *
 * A file is replaced whole. One that cannot be read counts as none: what is remembered is a second
 * net, below that of the members, and no reason not to watch over a cluster.
 */
#ifndef PGBATON_MONITOR_MEMORY_FILE_H
#define PGBATON_MONITOR_MEMORY_FILE_H

#include "../proto/result.h"
#include "memory.h"

/* One that was found: of this cluster; or result is not RESULT_OK, and text says why. */
typedef void (*memory_file_function)(void *data, const char *cluster, const struct memory *memory,
                                     const struct failure *failure);

/* Calls found for each file of the directory: with a memory, or with what is wrong with it. */
MUST_USE enum result memory_file_load_all(const char *directory, memory_file_function found,
                                          void *data, struct failure *reterr_failure);
/* Replaces the cluster's file; it is on the disk when this returns. */
MUST_USE enum result memory_file_store(const char *directory, const char *cluster,
                                       const struct memory *memory, struct failure *reterr_failure);

#endif
