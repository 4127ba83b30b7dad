/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.h - agent.yaml: who this node is, where its PostgreSQL lives and how it is to be run.
 *
 * Read once, at the start, by main.c; nothing here changes later. Every complaint names file and
 * line and says in its hint what would be right. Names, paths and roles are checked here so that no
 * other module has to doubt them: none of them can hold a quote, a line break or a NUL.
 */
#ifndef PGBATON_AGENT_SETTINGS_H
#define PGBATON_AGENT_SETTINGS_H

#include "../proto/result.h"
#include "../proto/severity.h"
#include "guard_run.h"
#include "step.h"

#include <stddef.h>

/* A path, with the NUL. */
#define SETTINGS_PATH_SIZE 512
/* A PostgreSQL role name, with the NUL (NAMEDATALEN). */
#define SETTINGS_ROLE_SIZE 64
/* The path of a Unix socket, sockaddr_un's 107 bytes less "/.s.PGSQL.65535" and ".lock". */
#define SETTINGS_SOCKET_PATH_MAX (107 - 20)

/* A PostgreSQL parameter of the user's; name as PostgreSQL spells it, value not quoted. */
struct settings_parameter {
    char *name;
    char *value;
};

/* A command for /bin/sh, with the NUL. */
#define SETTINGS_COMMAND_SIZE 2000

/* How this node makes a new cluster, when it is the one that does. */
struct settings_bootstrap {
    enum task method;                      /* TASK_INITDB or TASK_RESTORE */
    size_t option_count;                   /* of initdb; 0: pgbaton's own choice */
    struct settings_parameter *options;    /* long names without dashes; an empty value: none */
    char restore[SETTINGS_COMMAND_SIZE];   /* fills $PGDATA; empty unless method asks for it */
    char post_init[SETTINGS_COMMAND_SIZE]; /* empty: none */
    char marker[SETTINGS_PATH_SIZE + 16];  /* of a cluster that waits for post_init */
};

/* How agents prove to each other who they are. All empty, or none: without TLS. */
struct settings_tls {
    char certificate[SETTINGS_PATH_SIZE]; /* this node's, with its chain, PEM */
    char key[SETTINGS_PATH_SIZE];
    char ca[SETTINGS_PATH_SIZE]; /* signs the certificates of all nodes */
};

struct settings {
    struct agent_self self;                   /* cluster, node, address, tags */
    char nats[SETTINGS_PATH_SIZE];            /* servers, separated by commas */
    char data_directory[SETTINGS_PATH_SIZE];  /* absolute; need not exist yet */
    char bin_directory[SETTINGS_PATH_SIZE];   /* holds postgres, initdb, pg_basebackup, pg_rewind */
    char state_directory[SETTINGS_PATH_SIZE]; /* absolute; settings_prepare() creates it */
    char socket_directory[SETTINGS_PATH_SIZE];
    char passfile[SETTINGS_PATH_SIZE]; /* empty: none */
    char superuser[SETTINGS_ROLE_SIZE];
    char replication_user[SETTINGS_ROLE_SIZE];
    size_t hba_count; /* 0: pg_hba.conf is left alone */
    char **hba; /* all of its lines: the superuser's local one, agent.yaml's, everybody's local one
                 */
    size_t parameter_count;
    struct settings_parameter *parameters;
    char fence_library[SETTINGS_PATH_SIZE]; /* where it lies; empty without it */
    uint32_t rebuild_keep;                  /* struct rebuild's keep; 0: until streaming */
    enum guard_watchdog_mode watchdog;
    char watchdog_device[SETTINGS_PATH_SIZE];
    int watchdog_seconds;
    enum severity log_level;
    struct settings_bootstrap bootstrap;
    struct settings_tls tls;
};

/* Reads and checks path. On failure *ret_settings holds nothing that must be freed. */
MUST_USE enum result settings_load(const char *path, struct settings *ret_settings,
                                   struct failure *reterr_failure);
/* Creates the state directory (0700) and checks that it is writable and its owner's alone. */
MUST_USE enum result settings_prepare(const struct settings *settings,
                                      struct failure *reterr_failure);
/* Frees what settings_load() allocated. Accepts a zeroed object. */
void settings_finish(struct settings *settings);

#endif
