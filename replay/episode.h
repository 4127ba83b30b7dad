/* SPDX-License-Identifier: PostgreSQL */
/*
 * episode.h - what a timeline is made of: the lines that changed something, and the changes of
 * leadership with their phases and the old leader's return.
 *
 * Filled event by event after the fold; timeline.c prints it.
 */
#ifndef PGBATON_REPLAY_EPISODE_H
#define PGBATON_REPLAY_EPISODE_H

#include "../proto/explain.h"
#include "cluster_set.h"

#include <jansson.h>

#define LINE_TEXT_SIZE 1024

/* One event that changed something. */
struct line {
    uint64_t seq;
    uint64_t wall_us;
    uint64_t cause_seq;
    enum severity severity;
    char writer[NAME_SIZE];
    char rule[RULE_SIZE];
    char *text;
    json_t *json; /* NULL unless the output is JSON */
};

/* How the node that led before came back; clocks are 0 until it happened. */
struct homecoming {
    enum task task; /* what it was told; TASK_NONE: nothing but to follow */
    uint64_t told_seq;
    uint64_t told_wall_us;
    uint64_t rebuilt_wall_us;
    uint64_t streaming_seq;
    uint64_t streaming_wall_us;
};

/* One change of leadership. */
struct episode {
    struct change change;
    char rule[RULE_SIZE];
    uint64_t cause_seq;
    uint64_t loss_bytes;
    struct candidate_list candidates;
    struct homecoming home;
};

struct story {
    struct line *lines;
    size_t line_count;
    size_t line_capacity;
    struct episode *episodes;
    size_t episode_count;
    size_t episode_capacity;
};

/* NULL when there is no memory. */
struct story *story_create(void);
/* Accepts NULL. */
void story_destroy(struct story *story);
/* Adds an event that was folded. in_range: it is to have a line; with_json: and its JSON. False
 * when there is no memory. */
bool story_add(struct story *story, const struct folded *folded, bool in_range, bool with_json);
/* True for an event that tells a reader nothing new: an effective renewal but the term's first,
 * progress, a follower's report that all is well, and what races leave behind. */
bool story_is_routine(const struct folded *folded);

#endif
