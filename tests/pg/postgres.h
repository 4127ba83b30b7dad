/* SPDX-License-Identifier: PostgreSQL */
/*
 * postgres.h - a real PostgreSQL for tests: made in a temporary directory, on a Unix socket only,
 * removed at the end. For one test program with one server.
 */
#ifndef PGBATON_TEST_POSTGRES_H
#define PGBATON_TEST_POSTGRES_H

#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The port only names the socket. */
#define POSTGRES_PORT 5432
/* What a test program exits with when it cannot run here. */
#define SKIPPED 77
#define POSTGRES_ARGUMENTS_MAX 24

struct postgres {
    char bin[128];
    char base[64]; /* socket directory; holds data */
    char data[80];
    pid_t pid; /* the postmaster; 0: not running */
};

static pid_t postgres_spawn(const struct postgres *pg, const char *program,
                            const char *const arguments[])
{
    char path[192];
    char log[96];
    char *argv[POSTGRES_ARGUMENTS_MAX] = {path};
    snprintf(path, sizeof(path), "%s/%s", pg->bin, program);
    snprintf(log, sizeof(log), "%s/log", pg->base);
    for (int i = 0; arguments[i] != NULL && i < POSTGRES_ARGUMENTS_MAX - 2; i++) {
        argv[i + 1] = (char *)(uintptr_t)arguments[i]; /* execv() changes nothing */
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen(log, "a", stdout) == NULL || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
            _exit(126);
        }
        execv(path, argv);
        _exit(127);
    }
    return pid;
}

static bool postgres_run(const struct postgres *pg, const char *program,
                         const char *const arguments[])
{
    int status = -1;
    pid_t pid = postgres_spawn(pg, program, arguments);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* PostgreSQL refuses to run as root. False when there is no user for it. */
static bool postgres_become(void)
{
    if (geteuid() != 0) {
        return true;
    }
    const struct passwd *user = getpwnam("postgres");
    return user != NULL && setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 &&
           setuid(user->pw_uid) == 0;
}

/* False when PostgreSQL is not installed. */
static bool postgres_find(struct postgres *pg)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0) {
        return false;
    }
    snprintf(pg->bin, sizeof(pg->bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    *strrchr(pg->bin, '/') = '\0';
    return true;
}

static bool postgres_create(struct postgres *pg)
{
    memset(pg, 0, sizeof(*pg));
    if (!postgres_become() || !postgres_find(pg)) {
        return false;
    }
    snprintf(pg->base, sizeof(pg->base), "/tmp/pgbaton-pg-XXXXXX");
    if (mkdtemp(pg->base) == NULL) {
        return false;
    }
    snprintf(pg->data, sizeof(pg->data), "%s/data", pg->base);
    return postgres_run(pg, "initdb",
                        (const char *[]){"-D", pg->data, "-A", "trust", "-U", "admin", "-N", NULL});
}

/* settings: "name=value", up to four, NULL-terminated. */
static void postgres_start_with(struct postgres *pg, const char *const settings[])
{
    const char *arguments[POSTGRES_ARGUMENTS_MAX] = {"-D", pg->data, "-k", pg->base};
    const char *const own[] = {"listen_addresses=", "max_connections=20", NULL};
    int count = 4;
    for (int i = 0; own[i] != NULL; i++) {
        arguments[count++] = "-c";
        arguments[count++] = own[i];
    }
    for (int i = 0; settings[i] != NULL; i++) {
        arguments[count++] = "-c";
        arguments[count++] = settings[i];
    }
    pg->pid = postgres_spawn(pg, "postgres", arguments);
}

static inline void postgres_start(struct postgres *pg)
{
    postgres_start_with(pg, (const char *[]){NULL});
}

static void postgres_stop(struct postgres *pg, int number)
{
    if (pg->pid > 0) {
        kill(pg->pid, number);
        waitpid(pg->pid, NULL, 0);
        pg->pid = 0;
    }
}

static int postgres_unlink(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void postgres_destroy(struct postgres *pg)
{
    postgres_stop(pg, SIGINT);
    if (pg->base[0] != '\0') {
        nftw(pg->base, postgres_unlink, 16, FTW_DEPTH | FTW_PHYS);
    }
}

#endif
