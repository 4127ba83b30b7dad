/* SPDX-License-Identifier: PostgreSQL */
/*
 * view.h - a cluster as it is shown: the folded state, and what the nodes answer now if they are
 * asked (tools/gather.h).
 *
 * The state is what the log says; positions and health are the nodes' own answers. They are put
 * into a copy that is shown, never folded.
 */
#ifndef PGBATON_REPLAY_VIEW_H
#define PGBATON_REPLAY_VIEW_H

#include "../proto/cluster.h"

struct view {
    struct cluster state; /* the fold's, with fresh positions of the nodes that answered */
    struct settings_note
            settings[NODE_COUNT_MAX];     /* as the node answers; else what the state has */
    bool heard[NODE_COUNT_MAX];           /* node i answered; true for all in a captured file */
    uint64_t source_lsns[NODE_COUNT_MAX]; /* as a standby cluster's leader answered */
    char source_hosts[NODE_COUNT_MAX][HOST_SIZE];
    int32_t order[NODE_COUNT_MAX]; /* the nodes by name, for showing them, ... */
    uint32_t shown_count;          /* ... without those that were removed */
    bool asked;                    /* false for a captured file: nobody can answer */
    uint64_t now_us;               /* when the answers were in; for a file, its last record */
    uint64_t answer_ms;            /* how long the answers took */
};

/* How long the nodes may take to answer. */
#define VIEW_ANSWER_MS 300

/* The state as the log has it at that time: nobody is asked, and all count as heard. */
void view_of(const struct cluster *c, uint64_t now_us, struct view *ret_view);

#endif
