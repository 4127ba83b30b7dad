/* SPDX-License-Identifier: PostgreSQL */
/*
 * options.h - the command lines of pgbaton and pgbaton-replay: one parser, a row per command.
 *
 * NATS servers and cluster come from PGBATON_NATS and PGBATON_CLUSTER when the line does not name
 * them. A wrong line is told on stderr with what would be right; the caller then exits with 2.
 */
#ifndef PGBATON_REPLAY_OPTIONS_H
#define PGBATON_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define EXIT_DONE 0
#define EXIT_NONE 1  /* a failure at run time, a difference, or nothing to show */
#define EXIT_USAGE 2 /* the command line is wrong */

#define NATS_DEFAULT "nats://127.0.0.1:4222"

/* NAME=VALUE and --unset of one line. */
#define VALUE_COUNT_MAX 32

/* What the word without a dash means. */
enum operand {
    OPERAND_NONE = 0,
    OPERAND_FILE,
    OPERAND_CLUSTER,
    OPERAND_NODE,         /* or two: CLUSTER NODE */
    OPERAND_CLUSTER_NODE, /* or two; the one is a node when --cluster names the cluster */
    OPERAND_VALUES,       /* the cluster, and any number of NAME=VALUE */
    OPERAND_POINTS        /* two points of the log */
};

/* A point of the log: all that stands up to this sequence and was stored by this time, in µs since
 * 1970. */
struct point {
    uint64_t seq;
    uint64_t us;
};

#define POINT_END ((struct point){UINT64_MAX, UINT64_MAX})
#define POINT_COUNT_MAX 2

struct options {
    const char *file;   /* NULL: read from servers */
    const char *output; /* of a command that takes -o FILE; its ending says what it is to be */
    const char *target; /* what a command that takes -o FILE writes */
    bool brief;         /* a log begins with a snapshot, however little stands before */
    bool renew;         /* digests are computed for this version's fold, whatever they were */
    const char *servers;
    const char *cluster; /* NULL: whatever there is */
    const char *node;
    const char *to_node; /* of a command that takes --to NODE */
    uint64_t from_seq;   /* 0: from the beginning */
    uint64_t to_seq;     /* UINT64_MAX: to the end */
    uint64_t timeout_ms;
    uint32_t kinds; /* bit k: events of enum event_kind k are shown; 0: all */
    uint64_t term;  /* only what speaks of it; 0: of any */
    int severity;   /* enum severity: what matters less is not shown */
    bool only_void; /* only what had no effect */
    bool only_effective;
    uint32_t incident; /* number of the one that is told of; 0: none is chosen */
    bool json;
    bool raw; /* records as they are stored, not what they say */
    bool follow;
    bool all;
    bool dry_run;
    bool wait;
    bool accept_loss;
    bool yes;
    int method;     /* enum task; TASK_NONE: as the monitors see fit */
    uint64_t at_us; /* when it is to be done; 0: now */
    bool cancel;
    bool leader_stopped;
    bool no_switchover;
    bool leader_first;
    bool pending; /* only what waits for it */
    bool force;
    struct point points[POINT_COUNT_MAX]; /* POINT_END where none is given */
    uint32_t value_count;
    const char *values[VALUE_COUNT_MAX]; /* NAME=VALUE, or NAME: --unset */
};

struct command {
    const char *name;
    const char *accepts; /* the short letters of the options that it takes */
    enum operand operand;
    const char *usage;                         /* the whole text of --help */
    int (*run)(const struct options *options); /* returns the exit code */
};

/* "212", "22:30:05" (the last one before now), "10m" before now. False: it is none. */
bool options_parse_point(const char *text, uint64_t now_us, struct point *ret_point);
/* Parses argv after the command's own word and runs it; returns the exit code. */
int command_run(const struct command *command, int argc, char **argv);
/* Finds argv[1] in commands (ended by a NULL name) and runs it; answers --help and --version. */
int command_dispatch(const struct command *commands, const char *usage, int argc, char **argv);

#endif
