/* SPDX-License-Identifier: PostgreSQL */
/* The postmaster and its descendants: started, adopted, killed until none is left. */
#include "guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pauses between rounds of killing: first and longest (a process in disk sleep dies late). */
#define KILL_PAUSE_MS 1
#define KILL_PAUSE_MS_MAX 64

/* What the child that becomes the postmaster tells about its directory before it executes. */
struct birth {
    uint64_t device;
    uint64_t inode;
};

static struct birth *birth; /* shared with that child */

bool guard_postgres_open(void)
{
    birth = mmap(NULL, sizeof *birth, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    guard.postgres.fd = -1;
    guard.postgres.may_live = true; /* an earlier guard's PostgreSQL may still run */
    return birth != MAP_FAILED;
}

/* ---- the child that becomes the postmaster: all that may wait for a disk happens here ---- */

/* There is nobody to tell when this fails. */
static void put(int fd, const char *text, size_t size)
{
    ssize_t written = write(fd, text, size);
    (void)written;
}

static void log_redirect(const char *path)
{
    int null = open("/dev/null", O_RDONLY);
    int log = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    if (log >= 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
    }
}

static void oom_score_reset(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        put(fd, "0", 1);
        close(fd);
    }
}

/* Without a guard nobody ends the lease in time: PostgreSQL stops at once, all of it (SIGQUIT is
 * its immediate shutdown), however guard and agent may have died. The commit fence makes SIGKILL of
 * it, which reaches a stopped process, too. */
static void die_with_guard(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != guard.instance.guard) {
        _exit(127);
    }
}

static void tell_birth(void)
{
    struct stat status;
    if (chdir(guard.instance.directory) == 0 && stat(".", &status) == 0) {
        birth->device = status.st_dev;
        birth->inode = status.st_ino;
    }
}

static void hand_page_over(void)
{
    char value[16];
    fcntl(guard.lease.read_only_fd, F_SETFD, 0);
    snprintf(value, sizeof value, "%d", guard.lease.read_only_fd);
    setenv(GUARD_PAGE_ENVIRONMENT, value, 1);
}

static void postmaster_execute(const char *log_path, char *const argv[])
{
    guard_child_prepare();
    die_with_guard();
    log_redirect(log_path);
    oom_score_reset();
    umask(077);
    tell_birth();
    hand_page_over();
    unsetenv(GUARD_ENVIRONMENT);
    execv(argv[0], argv);
    guard_say(SEVERITY_ERROR, "PostgreSQL cannot be executed (%s): %s", argv[0], strerror(errno));
    _exit(127);
}

/* ---- its life ---- */

void guard_postgres_signal(int number)
{
    if (guard.postgres.fd >= 0) {
        pidfd_send_signal(guard.postgres.fd, number, NULL, 0);
    }
}

static void forget(void)
{
    if (guard.postgres.fd >= 0) {
        close(guard.postgres.fd);
    }
    guard.postgres.fd = -1;
    guard.instance.postmaster = 0;
}

void guard_postgres_ended(int status)
{
    pid_t pid = guard.instance.postmaster;
    if (!guard.postgres.killing) {
        guard_report_send(GUARD_REPORT_EXITED, status, 0);
        guard_say(status == 0 ? SEVERITY_INFO : SEVERITY_WARNING, "PostgreSQL ended (%s) pid=%d",
                  guard_how_ended(status), (int)pid);
    }
    forget();
}

static void remember_directory(void)
{
    if (birth->inode != 0) {
        guard.instance.device = birth->device;
        guard.instance.inode = birth->inode;
    }
}

/* The strings of text as arguments; false unless there are as many as the order says. */
static bool take_arguments(char *text, size_t size, int32_t count, char *argv[GUARD_ARGUMENT_MAX])
{
    int32_t found = 0;
    for (char *at = text; at < text + size && found < GUARD_ARGUMENT_MAX - 1;
         at += strlen(at) + 1) {
        argv[found] = at;
        found += 1;
    }
    argv[found] = NULL;
    return found == count && found >= 2;
}

void guard_postgres_start(char *text, size_t size, int32_t count)
{
    char *argv[GUARD_ARGUMENT_MAX];
    bool whole = size > 0 && text[size - 1] == '\0';
    if (!whole || guard.instance.postmaster != 0 || guard.postgres.killing) {
        guard_report_send(GUARD_REPORT_STATE, 0, 0);
        return;
    }
    birth->inode = 0;
    pid_t pid = take_arguments(text, size, count, argv) ? fork() : -1;
    if (pid == 0) {
        postmaster_execute(argv[0], argv + 1);
    }
    if (pid < 0) {
        guard_report_send(GUARD_REPORT_EXITED, W_EXITCODE(126, 0), 0);
        return;
    }
    guard.postgres.may_live = true;
    guard.postgres.adopted = false;
    guard.instance.postmaster = pid;
    guard.postgres.fd = pidfd_open(pid, 0);
    guard_report_send(GUARD_REPORT_STARTED, 0, 0);
}

void guard_postgres_adopt(pid_t pid)
{
    int fd = guard.instance.postmaster == 0 ? pidfd_open(pid, 0) : -1;
    if (fd >= 0) {
        guard.postgres.may_live = true;
        guard.postgres.adopted = true;
        guard.instance.postmaster = pid;
        guard.postgres.fd = fd;
        instance_directory_of(pid, &birth->device, &birth->inode);
        remember_directory();
    }
    guard_report_send(GUARD_REPORT_STATE, 0, 0);
}

/* ---- its death ---- */

static void kill_pause(void)
{
    struct guard_postgres *postgres = &guard.postgres;
    postgres->kill_at_ms = guard_page_now_ms() + postgres->kill_pause_ms;
    if (postgres->kill_pause_ms < KILL_PAUSE_MS_MAX) {
        postgres->kill_pause_ms *= 2;
    }
}

static void kill_round(void)
{
    struct guard_postgres *postgres = &guard.postgres;
    remember_directory();
    bool nobody = instance_kill_round(&guard.instance, &postgres->killed_count);
    guard_reap();
    if (!nobody) {
        kill_pause();
        return;
    }
    postgres->killing = false;
    postgres->may_live = false;
    forget();
    guard_report_send(postgres->kill_report, 0, postgres->killed_count);
}

void guard_postgres_kill_round(uint64_t now_ms)
{
    if (guard.postgres.killing && now_ms >= guard.postgres.kill_at_ms) {
        kill_round();
    }
}

void guard_postgres_kill_soon(void)
{
    if (guard.postgres.killing && !instance_killed_live()) {
        guard.postgres.kill_at_ms = guard_page_now_ms();
    }
}

/* The postmaster dies first, so that it starts nobody while the others are looked for. */
void guard_postgres_kill(enum guard_report_kind kind)
{
    struct guard_postgres *postgres = &guard.postgres;
    if (!postgres->killing) {
        postgres->killing = true;
        postgres->killed_count = 0;
        postgres->kill_pause_ms = KILL_PAUSE_MS;
        postgres->kill_at_ms = guard_page_now_ms();
    }
    postgres->kill_report = kind;
    if (guard.instance.postmaster != 0) {
        instance_kill(guard.instance.postmaster, &postgres->killed_count);
    }
}
