/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings_yaml.h - what a schema cannot say about agent.yaml: on which line a key stands, and the
 * scalars of a mapping whose keys are not known beforehand (postgresql.parameters).
 *
 * For settings.c only. A path names a key from the top, its parts separated by dots.
 */
#ifndef PGBATON_AGENT_SETTINGS_YAML_H
#define PGBATON_AGENT_SETTINGS_YAML_H

#include "settings.h"

struct settings_yaml;

/* Parses path as plain YAML. */
MUST_USE enum result settings_yaml_create(const char *path, struct settings_yaml **ret_yaml,
                                          struct failure *reterr_failure);
/* Accepts NULL. */
void settings_yaml_destroy(struct settings_yaml *yaml);
/* The line of the key, from 1; of its nearest parent when it is not there; at least 1. */
size_t settings_yaml_line(const struct settings_yaml *yaml, const char *key_path);
/* Copies the scalars under key_path into a new array; none when the key is not there. A value that
 * is no scalar, or a key that stands there twice, is a failure with its line. */
MUST_USE enum result settings_yaml_scalars(const struct settings_yaml *yaml, const char *key_path,
                                           struct settings_parameter **ret_items, size_t *ret_count,
                                           struct failure *reterr_failure);
/* Copies a sequence of options, `name`, `name: value` or "name: value", into a new array; a value
 * that is not there is empty. */
MUST_USE enum result settings_yaml_options(const struct settings_yaml *yaml, const char *key_path,
                                           struct settings_parameter **ret_items, size_t *ret_count,
                                           struct failure *reterr_failure);

#endif
