/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_settings_needs.h - what a standby is given although less is wanted: as much as its pg_control
 * demands (pg_needs.h), until its primary has run with less. As Patroni does.
 */
#ifndef PGBATON_AGENT_PG_SETTINGS_NEEDS_H
#define PGBATON_AGENT_PG_SETTINGS_NEEDS_H

#include "pg_needs.h"
#include "pg_settings.h"

/* "max_connections" */
const char *pg_settings_need_name(enum pg_need need);
/* The values that pgbaton.conf must name in the place of what is wanted; 0: what is wanted is
 * enough. wanted(settings, name) is the value that it would have, or NULL: then the user's
 * postgresql.conf counts, and PostgreSQL's default. Of a primary that runs nothing is demanded.
 * Reads the data directory: not for the loop. */
typedef const char *(*pg_settings_wanted_fn)(const struct pg_settings *settings, const char *name);
struct pg_needs pg_settings_needs(const struct pg_settings *settings, bool runs,
                                  pg_settings_wanted_fn wanted);
/* What ALTER SYSTEM has made too small, in postgresql.auto.conf, is made large enough: it would
 * have the last word. For a start as a standby. */
MUST_USE enum result pg_settings_needs_write_auto(const struct pg_settings *settings,
                                                  struct failure *reterr_failure);

#endif
