/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_run.h - the guard: the small process that is the parent of the agent and of the postmaster.
 *
 * A program of its own (pgbaton-guard), libc only, locked in memory, of real-time rank where the
 * host allows it, and without a file system after its start. It is the child subreaper of
 * everything that PostgreSQL starts, so that it can prove death: on order, or at the lease's
 * deadline, it SIGKILLs the postmaster first, then every process of the instance (its descendants,
 * and whatever has the data directory as its working directory), and reaps until none is left. A
 * zombie is dead.
 *
 *   - A crashed agent is started again at once, and so is one whose loop has stood still for
 *     GUARD_HUNG_MS; PostgreSQL is left as it is.
 *   - The postmaster dies with the guard, by the kernel's hand.
 *   - The guard leaves a will: a timer of the kernel kills it a moment after the deadline if it has
 *     not acted by then, which takes PostgreSQL along. So a lease ends although every process of
 *     the host is stopped.
 *   - A watchdog device, where one is configured, is fed while the guard turns, and no longer once
 *     a primary has outlived its lease because it cannot be killed.
 *
 * It does not speak to the log, to PostgreSQL or to the data directory's disk.
 */
#ifndef PGBATON_AGENT_GUARD_RUN_H
#define PGBATON_AGENT_GUARD_RUN_H

#include <stdbool.h>

/* An agent whose loop has not turned for so long is killed and started again. */
#define GUARD_HUNG_MS 10000

enum guard_watchdog_mode {
    GUARD_WATCHDOG_OFF = 0,
    GUARD_WATCHDOG_AUTOMATIC, /* a device that cannot be used is a warning */
    GUARD_WATCHDOG_REQUIRED,  /* ... an error, and the guard does not start */
    GUARD_WATCHDOG_MODE_COUNT
};

/* As in agent.yaml and on the guard's command line. */
const char *guard_watchdog_mode_name(enum guard_watchdog_mode mode);
bool guard_watchdog_mode_parse(const char *text, enum guard_watchdog_mode *ret_mode);

struct guard_options {
    char *const *agent_argv; /* argv[0] is an absolute path; NULL at the end */
    const char *data_directory;
    enum guard_watchdog_mode watchdog;
    const char *watchdog_device;
    int watchdog_seconds; /* the device's timeout */
};

/* Runs as the guard: forks and executes the agent with the socket and the page inherited in the
 * file descriptors that the environment variable PGBATON_GUARD names ("socket,page"), and returns
 * its exit status when the agent ordered GUARD_EXIT. */
int guard_run(const struct guard_options *options);

#endif
