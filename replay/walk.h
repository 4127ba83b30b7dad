/* SPDX-License-Identifier: PostgreSQL */
/*
 * walk.h - the records of one cluster in a captured file, in any order: each with the state before
 * and after it.
 *
 * The file is mapped, and read once. A state is kept at intervals (WALK_STATE_COUNT_MAX of them at
 * most); from the last one before a record the fold goes on to it, so that a step back costs no
 * more than an interval.
 */
#ifndef PGBATON_REPLAY_WALK_H
#define PGBATON_REPLAY_WALK_H

#include "cluster_set.h"

/* 20 MB of states or so. */
#define WALK_STATE_COUNT_MAX 1024
#define WALK_INTERVAL_MIN 64

/* What is known of a record without folding up to it. */
struct walk_item {
    uint64_t seq;
    uint64_t wall_us;   /* the writer's clock, or when it was stored */
    uint64_t stored_us; /* 0: not known */
    uint64_t offset;    /* in the file */
    uint32_t size;
    uint8_t kind;     /* enum event_kind; EVENT_NONE: it does not decode */
    uint8_t severity; /* enum severity */
    bool effective;
    bool routine;      /* it tells nothing new (episode.h) */
    uint32_t incident; /* a change of leadership begins here: its number in this cluster; 0: none */
};

struct walk;

/* Reads the file. cluster NULL: the only one that it has. A file that is cut or damaged is read up
 * to there: *ret_problem says where, else it is empty. */
#define WALK_PROBLEM_SIZE 256
MUST_USE enum result walk_open(const char *path, const char *cluster, struct walk **ret_walk,
                               char ret_problem[WALK_PROBLEM_SIZE], struct failure *reterr_failure);
/* Accepts NULL. */
void walk_close(struct walk *walk);
/* At least one. */
size_t walk_count(const struct walk *walk);
const struct walk_item *walk_item(const struct walk *walk, size_t index);
const char *walk_cluster(const struct walk *walk);
/* What the file says of itself; NULL: nothing. */
const char *walk_note(const struct walk *walk);
/* The record with its fold, valid until the next call: folded->entry has the state after it. */
const struct folded *walk_go(struct walk *walk, size_t index);
/* The state before the record that walk_go() was called for last. */
const struct cluster *walk_before(const struct walk *walk);
/* Its bytes, valid until the next call. */
struct log_notice walk_record(struct walk *walk, size_t index);
/* The last record up to that sequence, or, with a time, that was stored by then; the first one when
 * there is none. */
size_t walk_find(const struct walk *walk, uint64_t seq, uint64_t stored_us);

#endif
