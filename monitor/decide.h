/* SPDX-License-Identifier: PostgreSQL */
/*
 * decide.h - which decision a state and some evidence call for: the ordered table of rules.
 *
 * Pure: (state, evidence) in, at most one decision out. The first rule whose guard holds fires. The
 * same function runs in the monitor, in the simulator and in `pgbaton-replay verify`, which decides
 * every effective decision of the log again from the evidence that it carries.
 *
 *   rule                phases            what it writes
 *   configure           any               config: the cluster's first, from the monitor's defaults
 *   order               any               order: what an operator asks for is carried out, or not
 *   bootstrap           leaderless (1)    grant (initdb) to the preferred empty node
 *   adopt               leaderless (1)    grant of an existing data directory
 *   revoke-silent       HELD              revoke: no renewal for the wait, and the log was heard
 *   revoke-unaccepted   GRANTED           revoke: the grantee never renewed
 *   elect-released      RELEASED (2)      grant: the old term was given up, proven
 *   elect-revoked       REVOKED (2)       grant: the last lease has run out for certain
 *   elect-switchover    RELEASED          grant to the target, which has all that the leader wrote
 *   elect-requested     leaderless (2)    grant to the node that an operator asked for
 *   limit-failovers     leaderless (2)    no_candidate: somebody could lead, failover_limit forbids
 *   policy-noop         leaderless (2)    no_candidate: somebody could lead, switch_policy forbids
 *                                         it; who would have been promoted
 *   no-candidate        leaderless        no_candidate, with each node's reason; when it changed,
 *                                         after VERDICT_PAUSE_MS
 *   switchover-due      HELD (4)          switchover_step: the time that it is scheduled for has
 * come switchover-begin    HELD (4)          switchover_step: the target is fit; a checkpoint
 * begins switchover-stop     HELD (4)          switchover_step: the leader is to stop
 *   switchover-abort    any (4)           switchover_step: it is given up, and why
 *   sync-give-up        HELD              sync_set: commits wait for nobody, for nobody is there
 *   sync-change         HELD              sync_set: commits are to wait for others
 *   rebuild-requested   HELD (3)          directive: an operator asked for it
 *   rebuild-empty       HELD (3)          directive: base backup, the node has no data
 *   rebuild-diverged    HELD (3)          directive: rewind, the node's WAL has left the history
 *   rebuild-again       HELD (3)          directive: base backup: a copy failed or was in vain,
 * data is damaged, or the leader has removed WAL it needs
 *
 * Leaderless: NONE, RELEASED or REVOKED. (1) while no leader has shown a system: a first grant that
 * was refused or never used ends in RELEASED or REVOKED. (2) once one has. (3) once the leader is
 * writable. (4) while something is asked for.
 */
#ifndef PGBATON_MONITOR_DECIDE_H
#define PGBATON_MONITOR_DECIDE_H

#include "../proto/cluster.h"

/* What the monitor brings of its own besides evidence. */
struct decide_options {
    struct config config;     /* for `configure`: monitor.yaml's cluster_defaults */
    uint32_t snapshot_events; /* snapshots.h; 0: SNAPSHOT_EVENTS. For the simulator */
};

/* True and *ret_event filled (kind, decision head with rule and evidence, body, cause_seq, cluster)
 * when a rule fires. The caller adds writer, incarnation, counter and wall clock. */
bool decide(const struct cluster *c, const struct evidence *evidence,
            const struct decide_options *options, struct event *ret_event);

/* When, in ms from now, the answer may change although no event comes; UINT64_MAX for never. */
uint64_t decide_next_ms(const struct cluster *c, const struct evidence *evidence);

/* The table, for tests and documentation: names in order, NULL at its end. */
const char *decide_rule_name(size_t index);

#endif
