/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_settings.h - the settings of PostgreSQL that belong to pgbaton, and the files that hold them.
 *
 *   postgresql.conf   gets `include_if_exists = 'pgbaton.conf'` as its last line, once
 *   pgbaton.conf      written whole: everything that pgbaton sets
 *   pg_hba.conf       written whole, but only if agent.yaml has `hba` lines
 *   postgresql.auto.conf  loses what ALTER SYSTEM said about settings that pgbaton owns; what it
 *                     says of shared_preload_libraries gets the commit fence
 *   standby.signal    there but while a primary starts: its next start is in recovery (I15)
 *
 * Every file is replaced atomically and synced. All of this touches the data directory's disk: it
 * runs in a child, never in the loop.
 */
#ifndef PGBATON_AGENT_PG_SETTINGS_H
#define PGBATON_AGENT_PG_SETTINGS_H

#include "child.h"
#include "facts.h"

struct pg_parameter {
    const char *name;
    const char *value; /* as in SET: no quotes around it */
};

/* From agent.yaml; the strings are the caller's. */
struct pg_settings {
    const char *data_directory;
    const char *cluster;          /* cluster_name */
    const char *node;             /* application_name, and the slot's name */
    const char *listen_addresses; /* NULL: "*" */
    uint16_t port;
    const char *socket_directory; /* NULL: PostgreSQL's own default */
    const char *replication_user;
    const char *passfile; /* NULL: none */
    const struct pg_parameter *parameters;
    size_t parameter_count;
    const struct parameters *cluster_parameters; /* of the log; NULL: none */
    const char *fence;                           /* the commit fence's library; NULL: none */
    const char *const *hba;                      /* lines of pg_hba.conf */
    size_t hba_count;                            /* 0: pg_hba.conf is left alone */
    bool recovers; /* a backup is being recovered: what says how is left alone */
};

/* NULL when the parameters are well-named and none of them is pgbaton's, else the name of the first
 * that is not; for the check of agent.yaml. wal_level may be replica or logical. */
const char *pg_settings_check(const struct pg_settings *settings);

/* Everything that a start needs. Empty upstream->node: follows nobody. The signal file comes first
 * when the node is no primary and goes last when it is one. */
MUST_USE enum result pg_settings_write(const struct pg_settings *settings,
                                       const struct upstream *upstream, bool as_primary,
                                       struct failure *reterr_failure);
/* Only pgbaton.conf, for a running standby; a reload (SIGHUP) makes it follow. */
MUST_USE enum result pg_settings_follow(const struct pg_settings *settings,
                                        const struct upstream *upstream,
                                        struct failure *reterr_failure);

/* "pgbaton_node_1" of "node-1": the name of its replication slot on every other node. */
#define SLOT_NAME_SIZE (NAME_SIZE + 8)
void pg_settings_slot_name(const char *node, char ret_name[SLOT_NAME_SIZE]);
/* The value of primary_conninfo (libpq's quoting). False when it does not fit. */
bool pg_settings_conninfo(const struct pg_settings *settings, const struct upstream *upstream,
                          char *ret_text, size_t capacity);
/* The longest value of synchronous_standby_names. */
#define SYNCHRONOUS_SIZE (NODE_COUNT_MAX * (NAME_SIZE + 3) + 24)
/* In its place, when commits wait for a new order: no application has such a name. */
#define SYNCHRONOUS_NOBODY "pgbaton: nobody yet"
/* The value of synchronous_standby_names. False when it does not fit. */
bool pg_settings_synchronous(const struct upstream *upstream, char *ret_text, size_t capacity);
/* Creates or removes standby.signal, durably. */
MUST_USE enum result pg_settings_signal(const char *directory, bool present,
                                        struct failure *reterr_failure);
/* What an earlier recovery was told (its target, its archive) goes from postgresql.auto.conf. */
MUST_USE enum result pg_settings_forget_recovery(const char *directory,
                                                 struct failure *reterr_failure);
/* Puts it back beside a running primary, which reads it only at its next start: by then its lease
 * is over (I15). A directory that holds no cluster any more is left as it is. */
MUST_USE enum result pg_settings_keep_signal(const char *directory, struct failure *reterr_failure);

#endif
