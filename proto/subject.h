/* SPDX-License-Identifier: PostgreSQL */
/*
 * subject.h - where an event travels: the subjects of the stream, of its feed and of plain
 * messages.
 *
 *   pgbaton.C.probe.N  pgbaton.C.lock.N  pgbaton.C.node.N   agents
 *   pgbaton.C.decision          pgbaton.C.snapshot          monitors
 *   pgbaton._.monitor.M                                     a monitor's heartbeat
 *   pgbaton-feed.>                                          the stream's republish feed (same
 * tails) pgbaton-live.C.N                                        an agent's fresh position, not
 * stored pgbaton-ask.C                                           asks the agents of C for one, now
 *
 * Pure; used by the codec's callers and by log_nats.
 */
#ifndef PGBATON_SUBJECT_H
#define PGBATON_SUBJECT_H

#include "event.h"

#define STREAM_NAME "PGBATON"
#define SUBJECT_ROOT "pgbaton"
#define SUBJECT_FEED "pgbaton-feed"
#define SUBJECT_LIVE "pgbaton-live"
#define SUBJECT_ASK "pgbaton-ask"

/* The subject on which this event is appended. False when the event has no place in the log. */
bool subject_of_event(const struct event *e, char ret_subject[SUBJECT_SIZE]);
/* True when an event of this kind, cluster and writer may stand on this subject; the reader voids
 * what stands elsewhere, so that rights on subjects are rights on events. */
bool subject_fits_event(const char *subject, const struct event *e);
/* "pgbaton.C.snapshot"; C may be "*". */
void subject_snapshot(const char *cluster, char ret_subject[SUBJECT_SIZE]);
/* True for such a subject of the stream. */
bool subject_is_snapshot(const char *subject);
/* "pgbaton-live.C.N"; N may be "*". */
void subject_live(const char *cluster, const char *node, char ret_subject[SUBJECT_SIZE]);
void subject_ask(const char *cluster, char ret_subject[SUBJECT_SIZE]);
/* The cluster's token of any subject above, or false. For events whose payload does not decode. */
bool subject_cluster(const char *subject, char ret_cluster[NAME_SIZE]);

#endif
