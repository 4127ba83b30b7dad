/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings_bootstrap.h - the section `bootstrap` of agent.yaml: how this node makes a new cluster.
 *
 * For settings.c only. The names are Patroni's.
 */
#ifndef PGBATON_AGENT_SETTINGS_BOOTSTRAP_H
#define PGBATON_AGENT_SETTINGS_BOOTSTRAP_H

#include "../proto/config_file.h"
#include "settings.h"
#include "settings_yaml.h"

/* The section as libcyaml loads it: absent texts are NULL. Of initdb, whose entries are of two
 * kinds, settings_yaml.h knows. */
struct file_restore {
    char *command;
};

struct file_bootstrap {
    enum task method;
    char *post_init;
    struct file_restore restore;
};

extern const cyaml_schema_field_t settings_bootstrap_fields[];

/* Checks the section; complaints name path and line. What it allocates settings_finish() frees. */
MUST_USE enum result settings_bootstrap_take(const char *path, const struct settings_yaml *yaml,
                                             const struct file_bootstrap *file,
                                             struct settings_bootstrap *ret_bootstrap,
                                             struct failure *reterr_failure);

#endif
