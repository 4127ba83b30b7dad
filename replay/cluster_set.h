/* SPDX-License-Identifier: PostgreSQL */
/*
 * cluster_set.h - the states of all clusters whose records a reader meets, each folded as it comes.
 *
 * A log whose older part was removed begins in the middle of a cluster's history: its state is
 * known from its first snapshot on.
 */
#ifndef PGBATON_REPLAY_CLUSTER_SET_H
#define PGBATON_REPLAY_CLUSTER_SET_H

#include "../proto/fold.h"
#include "../proto/log.h"
#include "window.h"

struct cluster_entry {
    struct cluster state;
    uint64_t first_seq; /* of its records that were met */
    uint64_t first_us;  /* wall clock of that one */
    uint64_t last_us;   /* wall clock of the newest one */
    uint64_t decisions; /* effective ones */
    uint64_t begun_seq; /* its state was taken from a snapshot after this one; 0: it was not */
    bool headless;      /* the records begin in the middle: its first decision has a predecessor */
    struct window *blind; /* the records met, as long as no decision is known; and when `begun` is
                             told, the snapshot's state and what followed it. NULL: not needed */
    void *extra;          /* the caller's; NULL at first */
};

struct cluster_set {
    uint32_t count;
    uint32_t capacity;
    struct cluster_entry **entries; /* by name, ascending */
    struct cluster_entry nobody; /* the state of what belongs to no cluster: monitors' heartbeats */
    struct codec_arena arena;
};

/* One record after its fold. */
struct folded {
    struct cluster_entry *entry; /* &set->nobody for a monitor's heartbeat */
    struct event event;          /* zeroed but for seq when the record does not decode */
    struct outcome outcome;
    bool begun;              /* the state was taken from this snapshot: what was folded before, if
                                anything, was the middle of a log */
    char cluster[NAME_SIZE]; /* the subject's */
    uint64_t wall_us;        /* the writer's clock, or when it was stored */
    uint64_t stored_us;
};

/* NULL when there is no memory. */
struct cluster_set *cluster_set_create(void);
/* Frees the entries, not their extra. Accepts NULL. */
void cluster_set_destroy(struct cluster_set *set);
/* Folds a record into the cluster that its subject names. False when the subject is none of ours,
 * or the record is in the snapshot that its cluster begins with. */
bool cluster_set_fold(struct cluster_set *set, const struct log_notice *record,
                      struct folded *ret_folded);
/* NULL when no record of that cluster was met. */
struct cluster_entry *cluster_set_find(const struct cluster_set *set, const char *name);
/* "a, b, c"; "none" when empty. */
void cluster_set_names(const struct cluster_set *set, char *buffer, size_t size);

#endif
