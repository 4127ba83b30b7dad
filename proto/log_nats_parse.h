/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_parse.h - the few texts of JetStream's protocol that libnats does not take apart for us.
 *
 * Pure; does not see nats.h.
 */
#ifndef PGBATON_LOG_NATS_PARSE_H
#define PGBATON_LOG_NATS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The reply subject of a consumer's message, in its short and its long form (NATS ADR-15):
 * $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>
 * $JS.ACK.<domain>.<account>.<stream>. … .<pending>[.<token>]
 * False for anything else. */
bool log_parse_delivery(const char *reply, uint64_t *ret_seq, uint64_t *ret_stored_us);
/* The number behind the first `"key":` of a JSON text. False when there is none. */
bool log_parse_json_number(const char *json, size_t size, const char *key, uint64_t *ret_number);
/* The string behind the first `"key":`, cut to ret_size, escapes left as they are. */
bool log_parse_json_string(const char *json, size_t size, const char *key, char *ret_text,
                           size_t ret_size);
/* The cluster of the next subject "pgbaton.<cluster>.…" that is a key of a JSON object, behind *at,
 * which moves behind it; monitors' ("_") are passed over. False when there is none. */
bool log_parse_json_cluster(const char *json, size_t size, size_t *at, char *ret_name,
                            size_t ret_size);
/* A decimal number that is the whole text. */
bool log_parse_number(const char *text, uint64_t *ret_number);
/* "2026-03-01T12:00:00.123456789Z" to microseconds since 1970; 0 when it is not one. */
uint64_t log_parse_time_us(const char *text);

#endif
