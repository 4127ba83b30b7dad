/* SPDX-License-Identifier: PostgreSQL */
/* config.h - what a request to change PostgreSQL's parameters is, and what has become of it. */
#ifndef PGBATON_TOOLS_CONFIG_H
#define PGBATON_TOOLS_CONFIG_H

#include "../proto/cluster.h"
#include "../replay/options.h"

/* The change that the command line names. NULL, or the word that is wrong. */
const char *config_change_of(const struct options *options, struct parameter_change *ret_change);
/* True when every node of the mask whose PostgreSQL runs has read the newest parameters. */
bool config_is_read(const struct cluster *c, uint32_t mask);
/* After a change: which nodes wait for a restart. */
void config_print_pending(enum request_kind kind, const struct cluster *c);

#endif
