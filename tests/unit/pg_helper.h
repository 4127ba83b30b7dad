/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_helper.h - for tests that run a real PostgreSQL: as whom, which one, and how.
 */
#ifndef PGBATON_TEST_PG_HELPER_H
#define PGBATON_TEST_PG_HELPER_H

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* PostgreSQL refuses to run as root. A process that changed its user hides its /proc entries,
 * unless it says otherwise. */
static inline void become_postgres(void)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL &&
        (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
        _exit(1);
    }
    prctl(PR_SET_DUMPABLE, 1);
}

/* The newest bin directory that has an initdb; false when there is none. */
static inline bool find_postgres(char *ret_bin, size_t size)
{
    for (int version = 17; version >= 13; version--) {
        char initdb[128];
        snprintf(ret_bin, size, "/usr/lib/postgresql/%d/bin", version);
        snprintf(initdb, sizeof initdb, "%s/initdb", ret_bin);
        if (access(initdb, X_OK) == 0 && geteuid() != 0) {
            return true;
        }
    }
    return false;
}

/* Runs a program with its output in a file; returns its pid. */
static inline pid_t spawn(const char *log, char *const argv[])
{
    pid_t pid = fork();
    if (pid == 0) {
        int out = open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

/* Runs it to its end; returns the wait status. */
static inline int run_program(const char *log, char *const argv[])
{
    int status = -1;
    pid_t pid = spawn(log, argv);
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

#endif
