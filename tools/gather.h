/* SPDX-License-Identifier: PostgreSQL */
/*
 * gather.h - reads a cluster's present state and asks its nodes how they are.
 */
#ifndef PGBATON_TOOLS_GATHER_H
#define PGBATON_TOOLS_GATHER_H

#include "../replay/history.h"
#include "../replay/view.h"

/* Reads the log, picks the cluster, asks its nodes. Returns EXIT_DONE, or EXIT_NONE after having
 * told on stderr what is wrong. */
int view_gather(const struct options *options, struct view *ret_view);

#endif
