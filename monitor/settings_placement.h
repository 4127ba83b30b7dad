/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings_placement.h - what monitor.yaml says of the hosts of NATS servers: how libcyaml reads
 * it, and what it means. For settings.c only.
 */
#ifndef PGBATON_MONITOR_SETTINGS_PLACEMENT_H
#define PGBATON_MONITOR_SETTINGS_PLACEMENT_H

#include "../proto/config_file.h"
#include "placement.h"

struct raw_nats_host {
    char *server;
    char *host;
};

extern const cyaml_schema_value_t settings_nats_host_schema;

MUST_USE enum result settings_take_nats_hosts(const struct raw_nats_host *raw, unsigned count,
                                              struct placement_map *ret_map,
                                              struct failure *reterr_failure);

#endif
