/* SPDX-License-Identifier: PostgreSQL */
/*
 * observed.h - what the shell finds when it looks: at the data directory, at PostgreSQL, at its
 * processes. Parts of facts.
 */
#ifndef PGBATON_AGENT_OBSERVED_H
#define PGBATON_AGENT_OBSERVED_H

#include "../proto/event.h"
#include "pg_needs.h"

/* What the inspector (a child process; the loop never touches the data directory) found. */
enum data_verdict {
    DATA_UNKNOWN = 0, /* not looked yet */
    DATA_INTACT, /* PG_VERSION, global/pg_control, base/1 are there and pg_control's CRC is right */
    DATA_EMPTY,  /* the directory is missing or holds nothing */
    DATA_DAMAGED,    /* it holds something, and what every cluster has is missing */
    DATA_UNREADABLE, /* permissions or I/O errors */
    DATA_SILENT,     /* the inspector has not answered in time: it says nothing of the data */
    DATA_VERDICT_COUNT
};

/* Whether the file systems of the data directory and its WAL take more writes. */
enum disk_state {
    DISK_WRITABLE = 0,
    DISK_FULL, /* less than DISK_FREE_BYTES_MIN for this user */
    DISK_READ_ONLY,
    DISK_STATE_COUNT
};

struct inspection {
    enum data_verdict verdict;
    enum disk_state disk;
    uint64_t system_id;
    bool clean;          /* pg_control: "shut down" or "shut down in recovery" */
    bool was_primary;    /* pg_control: "in production", "shut down" or "shutting down" */
    bool in_recovery;    /* pg_control: "in archive recovery" */
    bool standby_signal; /* standby.signal exists; also beside a running primary */
    bool restores;       /* a restore_command may be set */
    bool incomplete;     /* our marker of an unfinished base backup or rewind exists */
    uint32_t pg_version;
    uint32_t wal_segment_bytes; /* 0: unknown */
    struct position
            position; /* stopped primary: at least the end of its last checkpoint record (so that
                         a lost shutdown checkpoint shows as divergence); stopped standby: the
                         minimum recovery point; timeline: the highest of its WAL segments */
    struct pg_needs needs;  /* of a standby */
    struct history history; /* of that timeline, from its .history file */
    char text[TEXT_SIZE];   /* "global/pg_control: Permission denied" */
};

/* What a probe (asynchronous SQL in a kept session) said. */
enum probe_class {
    PROBE_OK = 0,
    PROBE_STARTING, /* 57P03 or the socket is not there yet: starting up or shutting down */
    PROBE_ALIVE,    /* 28xxx, 53300: no session for us, but the server is alive: never a failure */
    PROBE_ERROR,    /* answered with another error, or the connection broke */
    PROBE_TIMEOUT,  /* no answer in probe_timeout */
    PROBE_CLASS_COUNT
};

struct probe_result {
    enum probe_class class;
    bool in_recovery;
    struct position position; /* primary: flushed; standby: max(received, replayed) */
    uint64_t replay_lsn;
    uint64_t system_id;
    bool streaming;
    uint64_t sealed_term; /* the seal that its settings ask for is complete: the WAL receiver is
                             gone for good, and position is all there is; 0: not */
    uint64_t oldest_lsn;  /* who is followed: WAL from here on is kept; 0: not asked, all stream */
    uint64_t startup_lsn; /* PROBE_STARTING: its recovery is in the segment that begins here; 0:
                             it has not said */
    bool startup_waits;   /* ... which is not there */
    bool restores;        /* standby: restore_command is set */
    struct settings_note settings;
    struct pg_needs limits; /* what it runs with, of what a standby needs */
    uint64_t source_lsn; /* standby: how far the server that it streams from has said to be, ... */
    char source_host[HOST_SIZE]; /* ... and where that is; 0 and empty: it does not stream */
    struct history history;      /* of position.timeline; count 0 when it was not read again */
    uint32_t replica_count;
    struct replica_row replicas[NODE_COUNT_MAX];
    char text[TEXT_SIZE]; /* the server's message, when class is not PROBE_OK */
};

/* What the guard reports of the processes. */
enum guard_state {
    GUARD_ABSENT = 0, /* no process of the instance is left; proven (all reaped or not found) */
    GUARD_RUNNING,    /* the postmaster lives */
    GUARD_ORPHANED,   /* the postmaster is dead, other processes may live: order ACTION_KILL */
    GUARD_STATE_COUNT
};

#endif
