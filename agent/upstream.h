/* SPDX-License-Identifier: PostgreSQL */
/*
 * upstream.h - what PostgreSQL's replication is to be, by what the log says: whom it streams from,
 * whom its commits wait for, and which leader it has turned away from.
 *
 * Pure questions; asked by whoever starts, promotes or redirects PostgreSQL.
 */
#ifndef PGBATON_AGENT_UPSTREAM_H
#define PGBATON_AGENT_UPSTREAM_H

#include "step.h"

/* True when the election that goes on is one for which this node must turn away before it reports.
 */
bool upstream_must_seal(const struct agent *a);
/* True when this node has promised, on its disk, to follow no leader of the newest term or an
 * earlier one. */
bool upstream_is_sealed(const struct agent *a);
/* True when this node leads a standby cluster, and streams from the remote. */
bool upstream_is_remote(const struct agent *a);
/* The remote, for that node. Else the node whose promotion opened the reference timeline: a leader
 * that is promoted, and when none is, the last one that was. From any other WAL may come that is
 * not the cluster's. Nowhere when it is this node, and when this node is sealed. */
struct upstream upstream_of(const struct agent *a);
/* Nowhere: of a primary, and of a recovery without a leader. */
struct upstream upstream_nowhere(const struct agent *a);
bool upstream_equals(const struct upstream *a, const struct upstream *b);

#endif
