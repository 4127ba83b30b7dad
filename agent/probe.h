/* SPDX-License-Identifier: PostgreSQL */
/*
 * probe.h - the question that asks a PostgreSQL how it is, and what its answer means.
 *
 * One round trip: a small write through the real WAL path (on a primary; committed locally), then
 * one row with role, position, identity and followers. Pure.
 */
#ifndef PGBATON_AGENT_PROBE_H
#define PGBATON_AGENT_PROBE_H

#include "facts.h"
#include "pg_conn.h"

/* The question's text. known_timeline: its history is not read again. settings: also what is
 * pending or refused, which costs PostgreSQL a few ms. */
void probe_question(uint32_t known_timeline, bool settings, char *ret_sql, size_t capacity);
/* answered_before: the server has answered since it was started, so that a missing socket is a
 * fault. */
void probe_understand(const struct pg_answer *answer, bool answered_before,
                      struct probe_result *ret_result);
/* "0/70001A8" to a number; false unless all of text is one. */
bool probe_parse_lsn(const char *text, uint64_t *ret_lsn);
/* "0000000A" to 10; 0 for anything else. */
uint32_t probe_parse_timeline(const char *text);

#endif
