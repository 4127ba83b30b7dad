/* SPDX-License-Identifier: PostgreSQL */
/*
 * report_track.h - what the lanes of a report are drawn from: who was what, when, in one cluster.
 *
 * Filled event by event after the fold. One clock orders it all: the log's, when it stored the
 * record. What goes on unchanged is one span, however many records say so.
 */
#ifndef PGBATON_REPLAY_REPORT_TRACK_H
#define PGBATON_REPLAY_REPORT_TRACK_H

#include "stories.h"

/* The steps of a change of leadership, in their usual order. */
enum report_step {
    STEP_RENEWED = 0, /* the old leader's last renewal */
    STEP_DETECTED,    /* the fault was noticed */
    STEP_FENCED,      /* no process of the old leader is left */
    STEP_ENDED,       /* the term was released or revoked */
    STEP_REPORTED,    /* the last standby that was waited for has reported */
    STEP_GRANTED,
    STEP_LEASED,
    STEP_PROMOTED,
    STEP_WRITABLE,
    STEP_ACKNOWLEDGED, /* a standby has what commits wait for */
    STEP_REBUILT,      /* the old leader was copied or rewound */
    STEP_RETURNED,     /* it streams again */
    STEP_COUNT
};

/* A state that lasted. */
struct span {
    uint64_t from_us;
    uint64_t to_us; /* UINT64_MAX: it goes on */
    uint64_t seq;   /* with which it began */
    uint64_t term;
    const char *role;   /* static, as describe says it; of a cluster: "" */
    const char *status; /* static */
    enum reason reason;
    uint32_t failures; /* the most probes that failed in a row */
    int32_t leader;    /* a lane; of a cluster only; LEADER_NONE */
};

/* How a lease ended. */
enum lease_end {
    LEASE_RUNS = 0,
    LEASE_RELEASED, /* or refused */
    LEASE_REVOKED,
    LEASE_LAPSED, /* no renewal came in time, and then another one of the same term */
    LEASE_END_COUNT
};

struct lease_span {
    uint64_t from_us;
    uint64_t to_us;      /* when it runs out; UINT64_MAX: a pause lets it run */
    uint64_t renewed_us; /* the last renewal */
    uint64_t gap_us;     /* the longest between two */
    uint64_t renewal_count;
    uint64_t term;
    enum lease_end end;
};

#define LAG_UNKNOWN UINT64_MAX

struct lag_sample {
    uint64_t at_us;
    uint64_t bytes; /* LAG_UNKNOWN: it is no standby from here on */
};

/* An array that grows; the caller knows of what. */
struct rows {
    void *items;
    size_t count;
    size_t capacity;
};

struct lane {
    char name[NAME_SIZE];
    struct rows roles;   /* struct span */
    struct rows healths; /* struct span: status "ok", "probes fail", "failed", "silent", "" */
    struct rows leases;  /* struct lease_span */
    struct rows lags;    /* struct lag_sample */
    bool silent;  /* the newest decision did not count it as alive, and it has said nothing since */
    bool revoked; /* its lease was, for want of a renewal, and it has said nothing since */
};

/* Belongs to the line of the same index in the cluster's story. */
struct spot {
    uint64_t at_us;
    uint64_t term;
    enum event_kind kind;
    bool effective;
    char node[NAME_SIZE]; /* whom it is about; empty: the cluster */
    char *fields;         /* the body, as JSON; NULL: nothing in it */
};

/* When and by whose clock a step was taken; zeros: it was not. */
struct step_time {
    uint64_t at_us;
    uint64_t wall_us;
};

/* Belongs to the episode of the same index. */
struct passage {
    struct step_time steps[STEP_COUNT];
};

struct track {
    struct cluster_entry *entry;
    uint64_t first_us; /* of its records */
    uint64_t now_us;   /* of the newest record */
    uint64_t begun_us; /* the state is known from here on; 0: from the beginning */
    struct rows spans; /* struct span: of the cluster */
    struct lane lanes[NODE_COUNT_MAX];
    uint32_t lane_count;
    struct rows spots;    /* struct spot */
    struct rows passages; /* struct passage */
    struct passage next;  /* of the change that goes on: until it is granted */
    bool full;            /* more than NODE_COUNT_MAX nodes were members: some have no lane */
};

/* NULL when there is no memory. */
struct track *track_create(struct cluster_entry *entry);
/* Accepts NULL. */
void track_destroy(struct track *track);
/* Adds an event that was folded, and added to the cluster's story. False: no memory. */
bool track_add(struct track *track, const struct log_notice *record, const struct folded *folded);
/* Adds a zeroed item of that size; NULL when there is no memory. */
void *rows_add(struct rows *rows, size_t size);
/* The newest item; NULL when there is none. */
void *rows_last(const struct rows *rows, size_t size);

/* report_lane.c: what an event changes in the lanes. */
bool lanes_add(struct track *track, const struct folded *folded);
/* The lane of that name, or LEADER_NONE. */
int32_t lanes_find(const struct track *track, const char *name);

#endif
