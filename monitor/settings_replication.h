/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings_replication.h - what monitor.yaml says of logical slots and of a remote cluster: how
 * libcyaml reads it, and what it means. For settings.c only.
 */
#ifndef PGBATON_MONITOR_SETTINGS_REPLICATION_H
#define PGBATON_MONITOR_SETTINGS_REPLICATION_H

#include "../proto/config_file.h"
#include "settings.h"

/* NULL and 0 for what is not named. The names of the keys are Patroni's. */
struct raw_standby {
    char *host;
    uint16_t *port;
    char *primary_slot_name;
};

struct raw_logical {
    char *name;
    char *database;
    char *plugin;
};

struct raw_replication {
    struct raw_standby standby_cluster;
    struct raw_logical *logical;
    unsigned logical_count;
};

extern const cyaml_schema_field_t settings_standby_fields[];
extern const cyaml_schema_value_t settings_logical_schema;

/* Whether it fits the rest config_check() says. */
MUST_USE enum result settings_take_replication(const struct raw_replication *raw,
                                               struct config *config,
                                               struct failure *reterr_failure);

#endif
