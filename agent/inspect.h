/* SPDX-License-Identifier: PostgreSQL */
/*
 * inspect.h - looks at a data directory from outside: what is there, whose it is, how it ended.
 *
 * Runs in a child (`pgbaton-agent --inspect DIR`, or child_call()), because a
 * disk that hangs must not hang the agent: no answer in time is an answer, DATA_SILENT. It
 * reads only, and never trusts what it reads: files are small, bounded and checked.
 */
#ifndef PGBATON_AGENT_INSPECT_H
#define PGBATON_AGENT_INSPECT_H

#include "facts.h"

#include <sys/types.h>

/* The marker of an unfinished base backup or rewind is the file DIR + this, beside the directory: a
 * rewind deletes whatever its source does not have, a marker inside the directory included. */
#define INCOMPLETE_SUFFIX ".incomplete"

/* What the child writes to its output, as it lies in memory: reader and writer are one build. */
struct inspect_report {
    uint32_t magic;         /* INSPECT_MAGIC */
    pid_t postmaster;       /* a live one of this directory, also of a deleted one; 0: none */
    uint32_t process_count; /* live processes of the instance, the postmaster included */
    struct inspection inspection;
};
#define INSPECT_MAGIC 0x70676261U

/* Fills *ret_inspection by the rules of facts.h; never fails: what it cannot read is a verdict,
 * with the reason in text. directory is an absolute path. */
void inspect_data_directory(const char *directory, struct inspection *ret_inspection);
/* Finds the instance's live processes, for GUARD_ADOPT after the whole service was killed: those
 * that work in the directory (its deleted self too) outside the caller's session; the postmaster is
 * the one that postmaster.pid names, or else the parent of the others that has not renamed itself.
 */
void inspect_processes(const char *directory, pid_t *ret_postmaster, uint32_t *ret_process_count);
/* The directory, and its processes if they are wanted, written to fd in one piece. Returns the exit
 * status of `--inspect`. */
int inspect_run(const char *directory, bool processes, int fd);
/* Reads the report from a pipe when the child has ended. False when there is none: then *ret_report
 * is zeroed but for the verdict DATA_SILENT and its text. */
bool inspect_receive(int fd, struct inspect_report *ret_report);

/* The ancestors of timeline, oldest first, the newest HISTORY_COUNT_MAX, from DIR/pg_wal/T.history.
 * Timeline 1 has none. False when the file is missing or not to be understood; *ret_history is
 * zeroed then. Reads the data directory's disk: not for the loop. */
bool history_read(const char *directory, uint32_t timeline, struct history *ret_history);
/* The same from the text of such a file ("1\t0/3000148\tno recovery target specified\n"; comments
 * begin with #). False unless its timelines and places grow, below timeline. */
bool history_parse(const char *text, uint32_t timeline, struct history *ret_history);
/* The highest timeline among the names of the segments in DIR/pg_wal; 0 when there are none. */
uint32_t inspect_wal_timeline(const char *directory);

#endif
