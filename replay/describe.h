/* SPDX-License-Identifier: PostgreSQL */
/*
 * describe.h - a cluster as a table for people, or as JSON.
 */
#ifndef PGBATON_REPLAY_DESCRIBE_H
#define PGBATON_REPLAY_DESCRIBE_H

#include "view.h"

#include <jansson.h>

/* True when node i's role is secondary, or leader of a standby cluster. */
bool describe_is_standby(const struct view *view, int32_t i);
/* True when it is known how much WAL node i lacks: of the leader, or of the remote cluster. */
bool describe_lag(const struct view *view, int32_t i, uint64_t *ret_bytes);
/* What is wrong with node i; empty when nothing is. Returns the length. */
size_t describe_node_reason(const struct view *view, int32_t i, char *buffer, size_t size);
/* Prints what is so of the cluster as a whole, and what is asked for. */
void describe_head(const struct view *view);
/* Prints all of it, for people. */
void describe_text(const struct view *view);
/* The cluster as one JSON object; the caller owns it. */
json_t *describe_json(const struct view *view);
/* Prints that. */
void describe_print_json(const struct view *view);
/* "a restart is pending (max_connections)"; empty when nothing is. Returns the length. */
size_t describe_settings(const struct settings_note *note, char *buffer, size_t size);

#endif
