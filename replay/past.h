/* SPDX-License-Identifier: PostgreSQL */
/*
 * past.h - a cluster as it was at a point of its log.
 */
#ifndef PGBATON_REPLAY_PAST_H
#define PGBATON_REPLAY_PAST_H

#include "options.h"
#include "view.h"

/* Returns EXIT_DONE, or EXIT_NONE after having told on stderr what is wrong. */
int past_view(const struct options *options, struct point at, struct view *ret_view);

#endif
