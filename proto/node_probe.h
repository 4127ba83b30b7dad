/* SPDX-License-Identifier: PostgreSQL */
/* node_probe.h - what a node says of its PostgreSQL: the body of probe, and a part of hello. */
#ifndef PGBATON_NODE_PROBE_H
#define PGBATON_NODE_PROBE_H

#include "position.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* One row of pg_stat_replication, as the leader sees it. */
struct replica_row {
    char name[NAME_SIZE]; /* application_name */
    bool streaming;       /* state = 'streaming' */
    uint64_t flush_lsn;
};

/* What PostgreSQL says of its settings. Names are separated by commas, and may be cut. */
struct settings_note {
    bool pending_restart; /* a restart would change some: those of `pending` */
    bool pending_lowers;  /* ... and lower one that standbys need as much of as their primary has */
    uint64_t parameters_seq; /* the cluster's parameters that it has read (parameters.h); 0: none */
    char pending[SETTINGS_NAMES_SIZE];
    char refused[SETTINGS_NAMES_SIZE]; /* in its files, and not taken */
    char own[SETTINGS_NAMES_SIZE]; /* of the cluster's, those that agent.yaml sets, and so wins */
};

/* A node's own look at its PostgreSQL; the body of probe, and a part of hello. */
struct probe {
    enum node_state state;
    enum reason reason; /* why, when state is FAILED, EMPTY or STOPPED */
    struct position
            position;    /* primary: flushed; standby: max(received, replayed); else pg_control */
    uint64_t replay_lsn; /* standbys; 0 otherwise */
    uint64_t system_id;  /* 0 when there is no data directory */
    bool streaming;      /* the WAL receiver streams */
    bool sealed;       /* it has turned away from the leader of election_term for good: it receives
                          nothing more of that term, and position is all that it has */
    bool clean;        /* the data directory was shut down cleanly, or runs */
    bool was_primary;  /* pg_control says that it last ran as a primary */
    uint32_t failures; /* probes failed in a row */
    uint64_t election_term; /* the term whose end this report answers; 0 outside elections */
    uint32_t still_ms;      /* for so long it neither renews nor promotes: it has promised that to
                               a leader (promise.h); 0: to none */
    uint64_t read_seq;   /* live: its cluster's log was read up to here; 0 in one that is stored */
    uint64_t oldest_lsn; /* who is followed: WAL from here on is kept; 0: not looked, all stream */
    struct settings_note settings;
    uint64_t source_lsn; /* leaders of standby clusters: how far the remote has said to be, ... */
    char source_host[HOST_SIZE]; /* ... and which of its hosts; else empty, and 0 */
    struct history history;      /* timelines this node knows; only sent when it changed */
    uint32_t replica_count;
    struct replica_row replicas[NODE_COUNT_MAX]; /* primaries only */
};

#endif
