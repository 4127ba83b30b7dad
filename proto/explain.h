/* SPDX-License-Identifier: PostgreSQL */
/*
 * explain.h - events and states in words, for tail, describe, timeline and the services' own logs.
 *
 * Pure: the same event in the same state gives the same words, so golden files can hold them.
 * Patroni's vocabulary where it has a word for the thing.
 */
#ifndef PGBATON_EXPLAIN_H
#define PGBATON_EXPLAIN_H

#include "fold.h"
#include "severity.h"
#include "switchover.h"

/* The one-word status of the cluster ("running", "leaderless", "promoting", "electing",
 * "bootstrapping", "waiting", "switching", "restarting", "frozen"), the same in describe's JSON.
 * "running" means: a leader holds and is writable. */
const char *explain_status(const struct cluster *c);
/* What the event says, and when void, why it had no effect: one line, no newline. c is the state
 * after it. "INFO" lines of a leader's renewal read "no action. I am node-2, the leader with the
 * lock". Returns the length. */
size_t explain_event(const struct cluster *c, const struct event *e, struct outcome outcome,
                     char *buffer, size_t size);
enum severity explain_severity(const struct event *e, struct outcome outcome);
/* "cannot run as it is (data directory empty)": a verdict, and the node's own reason if it has one.
 */
#define EXPLAIN_VERDICT_SIZE 160
void explain_verdict(enum verdict verdict, enum reason reason, char ret_text[EXPLAIN_VERDICT_SIZE]);
/* "node-1 released (data directory empty), node-2 promoted, writable after 231 ms"; empty when no
 * leadership was ever granted. */
size_t explain_change(const struct change *change, char *buffer, size_t size);
/* "switchover to node-2, asked for by op-db1: waits for the leader's checkpoint; it serves
 * meanwhile"; empty when nothing is asked for. Returns the length. */
size_t explain_pending(const struct cluster *c, char *buffer, size_t size);
/* "switchover to node-2 given up: node-2 is tagged nofailover"; empty when none ever ended. */
size_t explain_closed(const struct cluster *c, char *buffer, size_t size);
/* "base backup at 42 %, 12 MB of 28 MB, 5 MB/s, 3200 ms left (data directory empty)", or what a
 * rebuild that is asked for waits for; empty when there is none. Returns the length. */
size_t explain_rebuild(const struct node *n, char *buffer, size_t size);
/* How long a copy still takes at its present pace; false when that is not known. */
bool explain_left_ms(uint64_t done_bytes, uint64_t total_bytes, uint64_t bytes_per_s,
                     uint64_t *ret_left_ms);
/* How the last request that one decision ends has ended: "pause is ordered"; empty: there was none.
 */
size_t explain_answered(const struct cluster *c, char *buffer, size_t size);
/* "since 12:00:00, by root-db1: nothing is ...; the lease of node-1 does not end"; empty: it is not
 * paused. */
size_t explain_pause(const struct cluster *c, char *buffer, size_t size);
/* "of node-2, asked for by root-db1: waits until ..."; empty: no restart is ordered. */
size_t explain_licence(const struct cluster *c, char *buffer, size_t size);
/* What the stage of a pending request waits for. */
const char *explain_stage(enum switchover_stage stage);
/* "quorum: commits wait for 1 of node-2, node-3; an election needs 2 of node-2, node-3"; empty when
 * nobody leads, or synchronous is off. Returns the length. */
size_t explain_sync(const struct cluster *c, char *buffer, size_t size);
/* "node-1 restarted PostgreSQL in place (postmaster died), writable after 812 ms"; empty when that
 * did not happen in this term, or goes on. Returns the length. */
size_t explain_restart(const struct cluster *c, char *buffer, size_t size);
/* PostgreSQL's notation: "0/70001A8". ret must hold 18 bytes. */
void explain_lsn(uint64_t lsn, char ret_text[18]);
/* The word of describe's STATUS column for a node ("running", "streaming", "rebuilding", "stopped",
 * "starting", "promoting", "empty", "failed", "unreachable" when not heard, ...). */
const char *explain_node_status(const struct cluster *c, int32_t i, bool heard);
/* "primary", "secondary" or "none". */
const char *explain_node_role(const struct cluster *c, int32_t i, bool heard);

#endif
