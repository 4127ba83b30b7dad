/* SPDX-License-Identifier: PostgreSQL */
/*
 * event_json.h - an event as one JSON object: what `tail -o json` prints, and how verify names the
 * field in which two decisions differ.
 *
 * seq, at, cluster, writer, kind, term, effective, void_reason, cause and rule, then the body's
 * fields. Bytes that are not UTF-8 are shown as '?'. Positions are {"timeline", "lsn"} in
 * PostgreSQL's notation.
 */
#ifndef PGBATON_REPLAY_EVENT_JSON_H
#define PGBATON_REPLAY_EVENT_JSON_H

#include "cluster_set.h"

#include <jansson.h>

/* A new reference; NULL when there is no memory. folded->entry is the state after the event. */
json_t *event_json(const struct folded *folded);
/* The fields of the body, and the head when it is a decision; names of nodes for masks come from c.
 */
void event_json_add_body(json_t *object, const struct cluster *c, const struct event *e);
/* Sets key to text, whatever its bytes. */
void event_json_set_text(json_t *object, const char *key, const char *text);
/* The list of what commas separate; the caller owns it. */
json_t *event_json_words(const char *words);
/* The names of the nodes whose bits are set; the caller owns the list. */
json_t *event_json_nodes(const struct cluster *c, uint32_t mask);
/* Values by name; null: taken back. The caller owns the object. */
json_t *event_json_parameters(const char *bytes, uint32_t size);
/* Sets key to an unsigned number. */
void event_json_set_u64(json_t *object, const char *key, uint64_t value);
/* Sets key to the time in ISO 8601 UTC, or null when it is 0. */
void event_json_set_time(json_t *object, const char *key, uint64_t wall_us);
/* Sets key to PostgreSQL's notation, or null when it is 0. */
void event_json_set_lsn(json_t *object, const char *key, uint64_t lsn);
/* The term that the event speaks of; that of c, the state after it, for those that speak of none.
 */
uint64_t event_json_term(const struct cluster *c, const struct event *e);
/* Sets "candidates" to a list of nodes with their verdicts and positions. */
void event_json_set_candidates(json_t *object, const struct candidate_list *candidates);
/* What a standby cluster replicates from; null when it is none. The caller owns it. */
json_t *event_json_remote(const struct standby_cluster *standby);

#endif
