/* SPDX-License-Identifier: PostgreSQL */
/*
 * config_file.h - YAML with a schema: agent.yaml and monitor.yaml.
 *
 * A thin layer over libcyaml. An unknown key, a wrong type or an impossible value is a failure
 * whose text has file and line and whose hint says what would be right ("agent.yaml:7: unknown key
 * 'adress'", hint "did you mean 'address'?").
 */
#ifndef PGBATON_CONFIG_FILE_H
#define PGBATON_CONFIG_FILE_H

#include "result.h"

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stdint.h>

/* A bool in a schema: CYAML_FIELD_ENUM("key", CYAML_FLAG_STRICT, struct x, member,
 * config_bool_words, CONFIG_BOOL_WORD_COUNT). libcyaml's own CYAML_FIELD_BOOL takes any unknown
 * word for true. */
#define CONFIG_BOOL_WORD_COUNT 6
extern const cyaml_strval_t config_bool_words[CONFIG_BOOL_WORD_COUNT];

/* Loads path by schema into a new *ret_value (config_file_free). keys: every key that may stand in
 * the file, NULL-terminated, for the hint on an unknown one. */
MUST_USE enum result config_file_load(const char *path, const cyaml_schema_value_t *schema,
                                      const char *const *keys, void **ret_value,
                                      struct failure *reterr_failure);
void config_file_free(const cyaml_schema_value_t *schema, void *value);

/* "300ms", "1s", "5min", "2h", "30d" to ms; a bare number is refused with a hint ("write 300ms").
 */
MUST_USE enum result config_parse_duration(const char *key, const char *text, uint64_t *ret_ms,
                                           struct failure *reterr_failure);
/* "16MB", "1GB", "512kB", "100B" to bytes (PostgreSQL's units, 1024-based). */
MUST_USE enum result config_parse_bytes(const char *key, const char *text, uint64_t *ret_bytes,
                                        struct failure *reterr_failure);
/* "host:port" or "[v6]:port". */
MUST_USE enum result config_parse_address(const char *key, const char *text, char *ret_host,
                                          size_t host_size, uint16_t *ret_port,
                                          struct failure *reterr_failure);

#endif
