/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_kill.h - finds every process of a PostgreSQL instance, and kills them until none is left.
 *
 * A process belongs to the instance when it is the postmaster, works in the data directory (by
 * name, by name with " (deleted)", or by the directory's remembered inode, which a rename does not
 * change), is a child of the guard other than the agent (an orphan), or descends from one of these.
 * The agent's session and the guard itself never belong. A zombie is dead. It reads /proc only, and
 * allocates nothing; the guard calls it, and so do the inspector and an agent that lost its guard.
 *
 * Proof: a process that is born while /proc is read has a parent that is read alive, so that scans
 * are repeated until one finds nobody.
 */
#ifndef PGBATON_AGENT_GUARD_KILL_H
#define PGBATON_AGENT_GUARD_KILL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Processes of the whole host that one scan can hold (the default of kernel.pid_max). What is
 * beyond is seen by a later scan: one that was cut never proves that nobody is left. */
#define INSTANCE_PROCESS_MAX 32768

struct instance {
    char directory[PATH_MAX]; /* as /proc/PID/cwd shows it; empty: unknown */
    uint64_t device;          /* of the directory; with inode 0: unknown */
    uint64_t inode;
    pid_t guard;      /* whose children are the instance's; 0: nobody's */
    pid_t session;    /* of the agent and its helpers: spared; 0: none */
    pid_t postmaster; /* 0: not known */
};

struct process {
    pid_t pid;
    pid_t parent;
    pid_t session;
    bool kernel; /* a thread of the kernel: it works in no directory */
    bool member;
};

/* Opens /proc. False when that fails. Once per process. */
bool instance_open(void);
/* Resolves directory by the disk, if it is there, and keeps the name as it is otherwise. */
void instance_init(struct instance *instance, const char *directory);
/* Device and inode of the directory that pid works in, without asking the disk. */
bool instance_directory_of(pid_t pid, uint64_t *ret_device, uint64_t *ret_inode);
/* Finds the live members. Returns how many; *ret_whole is false when the table was full. The
 * members are then seen by instance_member(i), i below that number, until the next scan. */
uint32_t instance_scan(const struct instance *instance, bool *ret_whole);
const struct process *instance_member(uint32_t i);
/* SIGKILL to one process; false when it is gone already or is another user's. *killed_count grows
 * unless it had been killed since the count was 0. */
bool instance_kill(pid_t pid, uint32_t *killed_count);
/* True while one of those that were killed since the count was 0 has not died yet. */
bool instance_killed_live(void);
/* One round: scans, and sends SIGKILL to everybody found. Returns true when nobody is left, proven.
 */
bool instance_kill_round(const struct instance *instance, uint32_t *killed_count);
/* Sends SIGKILL to every process of a session but the caller: what a dead agent left behind. */
void instance_kill_session(pid_t session);

#endif
