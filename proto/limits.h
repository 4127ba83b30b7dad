/* SPDX-License-Identifier: PostgreSQL */
/*
 * limits.h - every limit of pgbaton, with its unit and its reason.
 *
 * Included by all parts. Nothing here is configurable; what an operator may set has its range here.
 */
#ifndef PGBATON_LIMITS_H
#define PGBATON_LIMITS_H

/* Names of clusters, nodes and monitors: [a-z0-9-], 1 to 40 bytes, so that one is at once a NATS
 * subject token, a PostgreSQL application_name (63) and half of a slot name. Includes the NUL. */
#define NAME_SIZE 41
/* Host name or address of a node, with the NUL. DNS allows 253; labels of real hosts stay below. */
#define HOST_SIZE 128
/* Name of a rule, with the NUL. */
#define RULE_SIZE 32
/* A text for people inside an event (an exit status, a line of stderr), with the NUL. */
#define TEXT_SIZE 160
/* PostgreSQL's parameters that the log sets for a cluster: of a name, with the NUL (NAMEDATALEN);
 * of all of them in a state, which stays below 16 KB; of one change, and how many it may name, so
 * that the leader's check of it is one command. */
#define PARAMETER_NAME_SIZE 64
#define PARAMETERS_BYTES_MAX 2048
#define PARAMETER_CHANGE_BYTES 512
#define PARAMETER_CHANGE_MAX 16
/* Names of PostgreSQL's parameters in an event, for people, with the NUL. */
#define SETTINGS_NAMES_SIZE 128
/* Nodes of one cluster. PostgreSQL's max_wal_senders is 10 by default; a state stays small. */
#define NODE_COUNT_MAX 16
/* Clusters of one monitor: each takes 35 KB, and a writer of nonsense must not take all memory. */
#define CLUSTER_COUNT_MAX 4096
/* Permanent replication slots of a cluster, and the name of one, with the NUL (NAMEDATALEN). */
#define PERMANENT_SLOT_MAX 8
#define SLOT_IDENTIFIER_SIZE 64
/* Hosts of the cluster that a standby cluster replicates from, with commas and the NUL. */
#define REMOTE_HOST_SIZE 256
/* A promoted standby cluster opens its first timeline so far above the remote's: a node that still
 * follows the remote, through failovers of that one, meets no timeline of the same number. */
#define PROMOTION_TIMELINE_GAP 16
/* Timeline switches that a state, a report or a grant carries: the newest are kept. */
#define HISTORY_COUNT_MAX 16
/* Bytes of SHA-256, used for the chain of decisions and for the digest of a state. */
#define HASH_SIZE 32
/* One encoded event, but for a snapshot. The largest, a grant with 16 candidates, takes about 2
 * KiB.
 */
#define EVENT_BYTES_MAX 8192
/* One encoded state (state.h): 16 nodes with the longest texts and numbers. A usual one, of three
 * nodes, takes about 1 KiB. */
#define STATE_BYTES_MAX 20480
/* One encoded promise_message (promise.h): three names and eight numbers, 189 bytes at the most. */
#define PROMISE_BYTES_MAX 256
/* Version of these messages that this build writes, and the newest that it reads. */
#define PROMISE_VERSION 1
/* One record of the log: the largest is a snapshot, a state and its envelope. */
#define RECORD_BYTES_MAX (STATE_BYTES_MAX + 512)
/* A subject, with the NUL: prefix + cluster + kind + writer. */
#define SUBJECT_SIZE 128
/* protobuf-c unpacks one event into an arena of this size; see codec.h. */
#define CODEC_ARENA_BYTES 49152
/* Schema version that this build writes and the newest that it reads; it reads all before, whose
 * events lack fields. 2: the limits of a configuration, the ages of evidence for them and of a
 * no_candidate, and a no_candidate's reason and wait. 3: why a directive is given, the bytes of a
 * progress, the oldest WAL of a primary, requests for a rebuild, what is scheduled, a cluster made
 * from a backup, pause, leases without an end, policies, restarts in place, what a grant may
 * lose, failover_mode, standby clusters, restarts that are asked for, and PostgreSQL's parameters.
 */
#define SCHEMA_VERSION 3

/* Queues between the thread of NATS and the loop (log.h): records, and bytes of their data. */
#define LOG_QUEUE_COUNT 8192
#define LOG_QUEUE_BYTES (4 * 1024 * 1024)
#define LOG_APPEND_COUNT 1024
#define LOG_APPEND_BYTES (1024 * 1024)

/* Ranges of a cluster's configuration, in ms. */
#define PROBE_PERIOD_MS_MIN 50
#define PROBE_PERIOD_MS_MAX 60000
#define PROBE_TIMEOUT_MS_MIN 50
#define PROBE_TIMEOUT_MS_MAX 60000
#define PROBE_FAILURE_THRESHOLD_MAX 100
#define LEASE_TTL_MS_MIN 200
#define LEASE_TTL_MS_MAX 3600000

/* Automatic failovers and rebuilds in a burst, and the window in which as many are allowed again
 * (bucket.h): up to a week. */
#define BUCKET_LIMIT_MAX 100000
#define BUCKET_WINDOW_MS_MIN 1000
#define BUCKET_WINDOW_MS_MAX 604800000
/* How long a restart that was asked for may wait for its moment: until no commit counts on a
 * standby, or a switchover has ended. */
#define RESTART_WAIT_MS 30000
/* How long a leader's PostgreSQL may be restarted in place, crash recovery included. */
#define PRIMARY_START_TIMEOUT_MS_MIN 100
#define PRIMARY_START_TIMEOUT_MS_MAX 3600000
/* A leader flushes WAL by pages: the position that it names may lie within a record that a crash
 * leaves incomplete, and its replay ends before it. Records of PostgreSQL's own with all their full
 * page images are smaller. */
#define LEADER_TAIL_BYTES 1048576
/* The monitor waits lease_ttl + LEASE_ALLOWANCE_MS(ttl): clocks may differ by 1,000 ppm each (twice
 * the slew limit of NTP; SAFETY 4.3), plus a margin for one tick of each clock and a late fence. */
#define LEASE_MARGIN_MS 100
#define LEASE_ALLOWANCE_MS(ttl_ms) ((ttl_ms) / 500 + LEASE_MARGIN_MS)
/* How a leader that cannot renew demotes, counted back from its deadline: SIGKILL this long before
 * it (killing and reaping took 16 ms, measured), an immediate shutdown this long before the kill,
 * and before that a fast shutdown, which lets standbys receive everything and spares the rewind: a
 * sixteenth of the lease, at most this (it took 86 to 235 ms under load, measured). */
#define LEASE_KILL_MS 200
#define LEASE_IMMEDIATE_MS 100
#define LEASE_FAST_MS_MAX 400
/* A deadline that never comes (CLOCK_BOOTTIME, in ms: after 34 years): of a lease that is lifted
 * while the cluster is paused (pause.h). */
#define LEASE_LIFTED_MS (UINT64_C(1) << 40)
/* With failover_mode sealed a leader renews this often, and is revoked after such a silence: three
 * renewals may be lost, and an append may take 300 ms (p99 2 to 5 ms, FACTS 8). */
#define SEALED_RENEW_MS 200
#define SEALED_SILENCE_MS 900
/* Two renewals must fit into a lease before its demotion begins, so that one may be lost: they are
 * not closer than this. */
#define LEASE_RENEW_MS_MIN 100
/* A renewal that is not read back in half a probe_period is followed by another, but no sooner. */
#define LEASE_RETRY_MS_MIN 50
/* A monitor's heartbeat on the log, and the silence after which it no longer counts as hearing it.
 */
#define HEARTBEAT_PERIOD_MS 1000
#define HEARING_GAP_MS 2500
/* Reports of an election are awaited this long; nodes that are not heard are not awaited at all. */
#define ELECTION_TIMEOUT_MS 500
/* A node that refused a grant is asked again after so long, when nobody else can lead: what made it
 * refuse may have passed without showing in what it reports. */
#define REFUSAL_PAUSE_MS 10000
/* A switchover's target may lack, and may have to replay, so much of the leader's WAL before the
 * leader stops: one segment takes a fast shutdown some 130 ms over 1 Gbit/s. */
#define SWITCHOVER_LAG_BYTES 16777216
/* What each stage of a requested switchover may take (switchover.h), in ms: a target that is not
 * heard, or lags, when it is asked for, is awaited for a few periods of live positions; a fast
 * checkpoint of a busy leader may take a minute, while it serves; a fast shutdown after it takes a
 * fraction of a second, and waits for standbys that still receive; who has received everything says
 * so at once. */
#define SWITCHOVER_BEGIN_MS 5000
#define SWITCHOVER_CHECKPOINT_MS 120000
#define SWITCHOVER_CATCH_UP_MS 10000
#define SWITCHOVER_STOP_MS 5000
#define SWITCHOVER_GRANT_MS 10000
/* A switchover is scheduled for this long ahead at most, and is given up when no monitor was there
 * within so much of its time: people expect it then, or not at all. */
#define SWITCHOVER_AHEAD_US_MAX (UINT64_C(7) * 86400 * 1000000)
#define SWITCHOVER_MISSED_US (UINT64_C(300) * 1000000)
/* A leader whose monitors are all silent does not wait for a shutdown for ever. */
#define SWITCHOVER_KILL_MS 30000
/* A node that a failover was asked for may return for so long; then the request is given up. */
#define FAILOVER_REQUEST_MS 60000
/* What a no_candidate says of the nodes is said anew no sooner: monitors that hear different nodes
 * would contradict each other as fast as the log allows. */
#define VERDICT_PAUSE_MS 5000
/* The synchronous set follows those who stream after these pauses: several that come back at once
 * make one change, and one that restarts is not left out. */
#define SYNC_WIDEN_MS 300
#define SYNC_SHRINK_MS 1000
/* The guarantee is given up later: what is alone then may not be followed without an operator. */
#define SYNC_GIVE_UP_MS 2000
/* And only when the leader has renewed so long after the change, or longer. */
#define SYNC_ALIVE_MS 200
/* A new cluster waits this long after its first node's hello, so that a node with data can speak
 * up. */
#define BOOTSTRAP_WAIT_MS 2000
/* An agent appends again what it has not read back in this time (the same event, the same counter).
 */
#define RESEND_MS 500
/* A monitor decides anew when its decision was not read back in this time. */
#define DECISION_TIMEOUT_MS 1000
/* A cluster gets a snapshot after so many of its records (83 minutes of renewals), the first one
 * sooner; a silent one, when the log has moved on by the factor for each cluster in it. */
#define SNAPSHOT_EVENTS 5000
#define SNAPSHOT_EVENTS_FIRST 100
#define SNAPSHOT_SPAN_FACTOR 4
#define SNAPSHOT_RETRY_MS 10000 /* one that was not read back is written again */
/* First pause after a failed rebuild, doubled up to the maximum. */
#define REBUILD_BACKOFF_MS 1000
#define REBUILD_BACKOFF_MS_MAX 60000
/* Deadlines of what an agent does to its PostgreSQL. */
#define START_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 10000
#define PROMOTE_TIMEOUT_MS 20000
#define INITDB_TIMEOUT_MS 120000
#define REWIND_TIMEOUT_MS 3600000
/* The command post_init is tried again after such a pause, until it ends well. */
#define POST_INIT_RETRY_MS 5000
/* Options of initdb in agent.yaml. */
#define INITDB_OPTION_MAX 16
/* First pause after PostgreSQL did not start, doubled up to the maximum. It is tried for ever: what
 * keeps it from starting (a port in use, a full disk) may pass. */
#define START_BACKOFF_MS 1000
#define START_BACKOFF_MS_MAX 60000
/* A starting PostgreSQL is probed this often: until it answers there is nothing to load. */
#define START_POLL_MS 50
/* A standby that was told whom to follow looks so often whether it streams, for so long: the leader
 * may wait for it. */
#define JOIN_POLL_MS 50
#define JOIN_POLL_FOR_MS 5000
/* A standby that turns away from the old leader looks so often whether it has. */
#define SEAL_POLL_MS 5
/* A file system with less than a segment of WAL left for PostgreSQL's user (a usual one, or what
 * its pg_control says) is full: the next segment that it needs stops it. */
#define DISK_FREE_BYTES_MIN 16777216
/* A data directory that PostgreSQL runs in is looked at this often: a disk that fills up shows
 * nowhere else before it is full, and a look costs a fork. */
#define DISK_PERIOD_MS 5000
/* The shell answers each probe within its timeout; this much later the agent counts it as one. */
#define PROBE_GRACE_MS 500
/* A kill that proves nothing in this time is ordered again; meanwhile the node is "stopping". */
#define KILL_REPEAT_MS 2000
/* A vote that could not be written is tried again after this pause. */
#define PERSIST_RETRY_MS 500
/* A base backup or rewind in which nothing moves for so long is killed and tried again: a dead
 * connection is noticed by TCP only after hours, and twice the minute that a struggling disk or a
 * fast checkpoint of a busy leader may take is no stall. */
#define REBUILD_STALL_MS 120000
/* A watchdog device that the guard has not fed for so long resets the machine: long enough for a
 * busy host, short beside the minutes in which somebody would look at a dead one. Default, and
 * most. */
#define WATCHDOG_TIMEOUT_MS 5000
#define WATCHDOG_TIMEOUT_MS_MAX 3600000
/* Parameters that PostgreSQL has not read in this time are written again. */
#define PARAMETERS_RETRY_MS 10000
/* Progress of a rebuild is told at most this often, and then only when another percent is done or
 * so long has passed. */
#define PROGRESS_PERIOD_MS 5000
#define PROGRESS_PAUSE_MS_MAX 60000
/* A standby whose leader has removed the WAL that it needs, and that has not moved for so long,
 * gets a new copy: nothing can come from elsewhere, or an archive that restore_command asks over
 * and over has had so much time to answer. */
#define WAL_MISSING_MS 3000
#define WAL_ARCHIVE_MS 60000
/* Live positions are given at most this often, however often somebody asks. */
#define LIVE_PERIOD_MS_MIN 50
/* A stopping agent waits this long for its last words to be read back. */
#define GOODBYE_TIMEOUT_MS 2000
/* A primary looks so often whether a slot of its standbys was given up by PostgreSQL. */
#define SLOTS_LOOK_MS 10000
/* A slot on a standby is advanced when its node is this many bytes further (one WAL segment). */
#define SLOT_STEP_BYTES 16777216
/* A standby asks the leader so often how far its permanent slots are. */
#define PERMANENT_PERIOD_MS 5000
/* Polling for the end of recovery while promoting (pg_promote's own steps of 100 ms are too slow).
 */
#define PROMOTE_POLL_MS 3

#endif
