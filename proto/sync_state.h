/* SPDX-License-Identifier: PostgreSQL */
/* sync_state.h - the synchronous set, as the state has it and as a decision tells it (sync.h). */
#ifndef PGBATON_SYNC_STATE_H
#define PGBATON_SYNC_STATE_H

#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* Nodes by name, in the order of the state. */
struct name_list {
    uint32_t count;
    char names[NODE_COUNT_MAX][NAME_SIZE];
};

/* What the leader's commits wait for, ANY count of waits, and what an election needs: quorum of
 * voters, sealed (SAFETY 4.6). */
struct sync_set {
    uint64_t term;
    enum sync_step step;
    struct name_list waits;
    uint32_t count; /* 0: nobody is waited for */
    struct name_list voters;
    uint32_t quorum; /* 0: nothing is proven */
};

/* What commits wait for and what an election needs (sync.h). Bit i: node i. */
struct sync {
    enum sync_step step;
    uint64_t seq;    /* the event with which the present step began */
    uint32_t waits;  /* PostgreSQL waits for ANY count of these */
    uint32_t count;  /* 0: for nobody */
    uint32_t voters; /* so many of these, sealed, hold every acknowledged commit between them: */
    uint32_t quorum; /* 0: nothing is proven */
    bool bound;      /* acknowledged commits are promised to outlive any election: from the first
                        settled set until an operator gives that up */
    uint32_t granted_waits; /* of a grant, until its first renewal */
    uint32_t granted_count;
};

#endif
