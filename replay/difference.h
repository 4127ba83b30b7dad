/* SPDX-License-Identifier: PostgreSQL */
/*
 * difference.h - what differs between two views of a cluster, of all that describe shows.
 */
#ifndef PGBATON_REPLAY_DIFFERENCE_H
#define PGBATON_REPLAY_DIFFERENCE_H

#include "view.h"

#include <jansson.h>

/* A list of {path, from, to}; the caller owns it. */
json_t *difference_list(const struct view *a, const struct view *b);
/* "node-1 -> node-2"; the caller frees it. NULL when there is no memory. */
char *difference_text(const json_t *difference);

#endif
