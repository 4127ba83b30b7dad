/* SPDX-License-Identifier: PostgreSQL */
/*
 * child.h - one helper process of the agent, without a shell, for a loop that never blocks.
 *
 * The loop watches two descriptors: `output_fd` (what the child writes to standard error, and to
 * standard output unless that goes elsewhere) and `pidfd` (readable when it has ended). A child has
 * its own process group, so that killing it kills what it started, and stays in the agent's
 * session: the guard tells the agent's helpers from PostgreSQL's processes by that.
 *
 *   child_start / child_call ─▶ child_read* ─▶ child_reap ─▶ child_finish
 *
 * It is reaped here by its pidfd; libev's default loop reaps every child by itself, so the agent
 * uses ev_loop_new().
 */
#ifndef PGBATON_AGENT_CHILD_H
#define PGBATON_AGENT_CHILD_H

#include "../proto/limits.h"
#include "../proto/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A longer line of output is cut; a tool's progress line takes about 100 bytes. */
#define CHILD_LINE_SIZE 512
/* Arguments of one child, and variables added to its environment, with the final NULL. */
#define CHILD_ARGUMENT_MAX 40

struct child {
    pid_t pid;        /* 0: none */
    int pidfd;        /* readable when it has ended; -1: none */
    int output_fd;    /* non-blocking; -1: none, or at its end */
    uint32_t percent; /* the last "(42%)" seen, 0 to 100 */
    uint64_t done_kb; /* of "1234/5678 kB (21%)", units of 1024 bytes; 0: not said */
    uint64_t total_kb;
    char name[48];              /* "pg_basebackup"; for texts */
    char last[CHILD_LINE_SIZE]; /* its last line: the last that says error or FATAL, if one does */
    bool last_is_error;
    bool in_group;              /* copied from the spec */
    char line[CHILD_LINE_SIZE]; /* the line being read */
    size_t line_size;
};

struct child_spec {
    char *const *argv;        /* argv[0] is a path; ends with NULL */
    char *const *environment; /* "K=V" added to the agent's own; NULL: none */
    int stdout_fd;            /* where standard output goes; -1: with standard error */
    bool in_group;            /* stays in the caller's process group: a child's own child */
};

/* What a child does that has no program of its own; its answer is the exit status. It runs in a
 * copy of a process that has threads: it must not touch NATS, libpq or the loop. */
typedef int (*child_function)(const void *argument);

/* Starts argv. *child needs no preparation; on failure nothing runs. A program that cannot be
 * executed ends with status 127 and says so in its last line. */
MUST_USE enum result child_start(struct child *child, const struct child_spec *spec,
                                 struct failure *reterr_failure);
/* Forks and runs function(argument) in the child, under that name. stdout_fd as above.
 */
MUST_USE enum result child_call(struct child *child, const char *name, child_function function,
                                const void *argument, int stdout_fd,
                                struct failure *reterr_failure);
/* What such a function returns, after the child has said why: "error: TEXT (HINT)". */
int child_conclude(enum result result, const struct failure *failure);
/* Takes what it has written. True when percent or last changed. Closes output_fd at its end. */
bool child_read(struct child *child);
/* True once, when it has ended: *ret_status is its wait status (-1: unknown), the rest of the
 * output has been read and pid is 0. Never waits. */
bool child_reap(struct child *child, int *ret_status);
/* SIGKILL to its process group (only to itself when it stays in the caller's). child_reap() tells
 * when it is gone. */
void child_kill(const struct child *child);
/* Kills and reaps what still runs (waits for it), closes the descriptors. Accepts a zeroed child.
 */
void child_finish(struct child *child);
/* RESULT_OK for exit status 0, else a failure "pg_rewind: exit status 1: could not …", of its last
 * line. */
enum result child_explain(const struct child *child, int status, struct failure *reterr_failure);

#endif
