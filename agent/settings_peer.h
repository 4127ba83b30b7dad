/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings_peer.h - `agent_port` and the section `tls` of agent.yaml: where the other agents reach
 * this one, and how they prove to each other who they are.
 *
 * For settings.c only. Whether the files can be used is found by who opens them: a certificate that
 * is gone must not keep a PostgreSQL from running.
 */
#ifndef PGBATON_AGENT_SETTINGS_PEER_H
#define PGBATON_AGENT_SETTINGS_PEER_H

#include "../proto/config_file.h"
#include "settings.h"
#include "settings_yaml.h"

/* The section as libcyaml loads it: absent texts are NULL. */
struct file_tls {
    char *certificate;
    char *key;
    char *ca;
};

struct file_peer {
    const int *agent_port; /* NULL: not given */
    const struct file_tls *tls;
};

extern const cyaml_schema_field_t settings_tls_fields[];

/* Fills self.agent_port and tls; needs self.port. Complaints name path and line. */
MUST_USE enum result settings_peer_take(const char *path, const struct settings_yaml *yaml,
                                        const struct file_peer *file, struct settings *settings,
                                        struct failure *reterr_failure);

#endif
