/* SPDX-License-Identifier: PostgreSQL */
/*
 * rebuild.h - makes a data directory: initdb, an operator's restore, pg_basebackup, pg_rewind, and
 * the swap of directories.
 *
 * One task is one child from its first step to its last; PostgreSQL must not run. A copy is made
 * beside the directory and takes its place when it is complete, so that a crash at any moment
 * leaves either the old directory, or none (which is rebuilt again), or the new one:
 *
 *   remove DIR.new ─▶ copy into DIR.new ─▶ DIR → DIR.old ─▶ DIR.new → DIR ─▶ remove DIR.incomplete
 *   write DIR.incomplete ─▶ pg_rewind DIR ─▶ remove DIR.incomplete
 *
 * DIR.old stays until rebuild_forget_start() (I16). A directory that is a mount point cannot be
 * swapped: an empty one is filled in place under the marker, another one is refused with a hint.
 */
#ifndef PGBATON_AGENT_REBUILD_H
#define PGBATON_AGENT_REBUILD_H

#include "child.h"
#include "facts.h"
#include "pg_settings.h"
#include "settings.h"

struct rebuild {
    const char *bin_directory;    /* of initdb, pg_basebackup, pg_rewind */
    const char *data_directory;   /* an absolute path without a final slash */
    const char *node;             /* its slot on the leader is used, or created */
    const char *superuser;        /* of initdb and pg_rewind */
    const char *replication_user; /* of pg_basebackup */
    const char *passfile;         /* NULL: none */
    uint32_t stall_ms;            /* a tool that does nothing so long is killed; 0: never */
    uint32_t keep; /* old directories kept once the new one streams; REBUILD_KEEP_ALL: all */
    /* Of a new cluster: */
    const struct settings_bootstrap *bootstrap; /* NULL: initdb as pgbaton would */
    const struct pg_settings *settings;         /* of TASK_RESTORE */
    const char *post_init_marker; /* holds the system that waits for post_init; NULL: none does */
};

/* Old directories that agent.yaml may want kept. */
#define REBUILD_KEEP_MAX 1000
#define REBUILD_KEEP_ALL UINT32_MAX

/* "until-streaming" (0), "always", or a number of directories. */
bool rebuild_parse_keep(const char *text, uint32_t *ret_keep);

/* Starts the removal of leftovers, and of DIR.old unless it is to be kept beside, under the name
 * DIR.old-20260301T120000Z; for when the new directory streams. */
MUST_USE enum result rebuild_forget_start(struct child *child, const struct rebuild *rebuild,
                                          struct failure *reterr_failure);
/* Why a node is in trouble when this task failed. */
enum reason rebuild_reason(enum task task);

/* TASK_INITDB, TASK_RESTORE, TASK_BASEBACKUP or TASK_REWIND from its first step to its last, with
 * progress as "1234/5678 kB (21%)" lines on standard error; for a child (child_call). */
MUST_USE enum result rebuild_run(const struct rebuild *rebuild, enum task task,
                                 const struct upstream *upstream, struct failure *reterr_failure);
/* Runs the operator's command with a connection string to the new cluster, and forgets that it was
 * owed. For a child. */
MUST_USE enum result rebuild_post_init(const struct rebuild *rebuild, const char *conninfo,
                                       struct failure *reterr_failure);
/* DIR.new takes DIR's place. If an earlier DIR.old is there, the better of the two is kept: DIR
 * when it is intact and complete, else DIR.old. */
MUST_USE enum result rebuild_install(const char *directory, struct failure *reterr_failure);
MUST_USE enum result rebuild_forget_old(const char *directory, uint32_t keep,
                                        struct failure *reterr_failure);

/* What pg_basebackup does about its slot. */
enum slot_use { SLOT_CREATE = 0, SLOT_EXISTING, SLOT_TEMPORARY, SLOT_USE_COUNT };

/* A command line, with the memory that it points into. */
struct command {
    char *argv[CHILD_ARGUMENT_MAX];
    char *environment[8];
    uint32_t argument_count;
    uint32_t environment_count;
    size_t used;
    char text[4096];
    bool overflow; /* it did not fit and must not be run */
};

void command_initdb(const struct rebuild *rebuild, const char *target, struct command *ret_command);
/* The operator's command, with PGDATA. */
void command_restore(const struct rebuild *rebuild, const char *target,
                     struct command *ret_command);
/* The operator's command, with a connection string as its last argument. */
void command_post_init(const struct rebuild *rebuild, const char *conninfo,
                       struct command *ret_command);
/* Prints a setting as the server in target would have it. */
void command_setting(const struct rebuild *rebuild, const char *target, const char *name,
                     struct command *ret_command);
/* Recovery in a single-user server. archive: there is a restore_command. timeline: empty, or the
 * recovery_target_timeline. */
void command_recover(const struct rebuild *rebuild, const char *target, bool archive,
                     const char *timeline, struct command *ret_command);
void command_basebackup(const struct rebuild *rebuild, const struct upstream *upstream,
                        const char *target, enum slot_use slot, struct command *ret_command);
/* With archive the target's own restore_command brings WAL that it has removed. */
void command_rewind(const struct rebuild *rebuild, const struct upstream *upstream, bool archive,
                    struct command *ret_command);

#endif
