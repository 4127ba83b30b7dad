/* SPDX-License-Identifier: PostgreSQL */
/*
 * scene.h - a log in memory, the monitors that read it, and the nodes that a scenario speaks for.
 *
 * The monitors are the real ones: each record is handed to monitor_step() as bytes, and what it
 * decides is appended and handed to all of them in the order of the log, one record each in turn,
 * so that two monitors that see the same record race. A reference fold beside them gives the words
 * and the checks: after every record the invariants hold, and a monitor that has read everything
 * has its digest.
 */
#ifndef PGBATON_SCENARIO_SCENE_H
#define PGBATON_SCENARIO_SCENE_H

#include "../../monitor/step.h"

#include <stdio.h>

#define SCENE_CLUSTER "demo"
#define SCENE_RECORD_MAX 4096
#define SCENE_MONITOR_MAX 3
#define SCENE_HELD_MAX 16
/* The clock's value when the scenario begins: no clock that counts from a boot says 0. */
#define SCENE_START_MS 100000
/* How often nodes that talk send their position, and those that renew renew. */
#define SCENE_BEAT_MS 1000

struct scene_record {
    uint64_t seq;
    char subject[SUBJECT_SIZE];
    size_t size;
    uint8_t *data;
};

struct scene_monitor {
    char name[NAME_SIZE];
    bool runs;
    bool deaf;   /* nothing reaches it, and nobody tells it */
    bool paused; /* its process does not run */
    size_t read; /* records read so far */
    uint64_t next_ms;
    uint64_t heartbeat_ms;
    struct monitor monitor;
    struct monitor_cluster cluster;
};

struct scene_node {
    char name[NAME_SIZE];
    uint64_t incarnation;
    uint64_t counter;
    bool talks;  /* sends its live position with each beat */
    bool renews; /* renews its lease with each beat */
    struct probe probe;
};

struct scene {
    FILE *out;        /* explanations, one indented line each */
    uint64_t now_ms;  /* the monitors' clock */
    uint64_t step_ms; /* when the present step began; what happens later is printed with its time */
    uint64_t beat_ms; /* the last beat */
    struct config config; /* of the monitors */
    struct cluster reference;
    struct codec_arena arena;
    size_t record_count;
    struct scene_record records[SCENE_RECORD_MAX];
    size_t held_count;
    struct event held[SCENE_HELD_MAX];
    struct scene_monitor monitors[SCENE_MONITOR_MAX];
    uint32_t node_count;
    struct scene_node nodes[NODE_COUNT_MAX];
};

struct scene *scene_create(FILE *out);
void scene_destroy(struct scene *s);

/* Prints one indented line, with the time when it is later than the step's. */
void scene_say(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the program with a message: the scenario's own text is wrong, or an invariant broke. */
__attribute__((noreturn)) void scene_die(const char *format, ...)
        __attribute__((format(printf, 1, 2)));

/* Before the first hello: a mode of synchronous, a switch_policy or a crash_policy, by its name. */
bool scene_set(struct scene *s, const char *name);
struct scene_node *scene_node(struct scene *s, const char *name);
/* Zeroed, with the envelope of the node's next event. */
struct event scene_event(struct scene *s, struct scene_node *n, enum event_kind kind);
/* Appends to the log, folds the reference and says what it made of it. */
void scene_append(struct scene *s, const struct event *e);
void scene_append_bytes(struct scene *s, const char *subject, const uint8_t *data, size_t size);
/* A node's live position, to those who hear. */
void scene_live(struct scene *s, const struct scene_node *n);
/* Hands out what is unread, and what is appended meanwhile, until all is quiet. */
void scene_settle(struct scene *s);
/* Lets the time pass: beats, heartbeats and ticks on the way. */
void scene_advance(struct scene *s, uint64_t to_ms);

/* NULL when there is none of that name. */
struct scene_monitor *scene_find_monitor(struct scene *s, const char *name);
/* Starts a monitor, or starts it anew: it reads the history first. */
void scene_start_monitor(struct scene *s, const char *name);
void scene_link(struct scene *s, struct scene_monitor *sm, bool up);
void scene_tick(struct scene *s, struct scene_monitor *sm);

#endif
