/* SPDX-License-Identifier: PostgreSQL */
/*
 * watch_data.h - inotify on what every data directory has: tells at once when some of it
 * disappears.
 *
 * Each watched directory has an inotify instance of its own, so that a child may set the watches
 * (which touches the disk) and the agent reads the events: an instance is shared over fork().
 */
#ifndef PGBATON_AGENT_WATCH_DATA_H
#define PGBATON_AGENT_WATCH_DATA_H

#include "../proto/result.h"

#include <stdbool.h>

/* What is watched: the directory itself, and these in it. */
enum watch_data_place {
    WATCH_DATA_TOP = 0, /* PG_VERSION, base, global, pg_wal, postmaster.pid, the directory itself */
    WATCH_DATA_BASE,    /* a database's directory; also when one is dropped */
    WATCH_DATA_GLOBAL,  /* pg_control, or the directory itself */
    WATCH_DATA_COUNT
};

struct watch_data;

MUST_USE enum result watch_data_create(struct watch_data **ret_watch,
                                       struct failure *reterr_failure);
/* Accepts NULL. */
void watch_data_destroy(struct watch_data *watch);
int watch_data_fd(const struct watch_data *watch, enum watch_data_place place);
/* Sets the watches on directory; what is not there is not watched. Again is harmless. Touches the
 * disk: for a child. */
void watch_data_arm(const struct watch_data *watch, const char *directory);
/* Takes all events of this place; true when one of them says that something that matters has gone.
 */
bool watch_data_take(const struct watch_data *watch, enum watch_data_place place);

#endif
