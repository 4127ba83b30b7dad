/* SPDX-License-Identifier: PostgreSQL */
#include "guard.h"
#include "guard_host.h"
#include "guard_kill.h"
#include "guard_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often the page is read again while something runs: well below the shortest lease. */
#define PAGE_PERIOD_MS 50
/* Pauses between rounds of killing: first and longest (a process in disk sleep dies late). */
#define KILL_PAUSE_MS 1
#define KILL_PAUSE_MS_MAX 64
/* After SIGTERM the agent has this long to stop PostgreSQL in order and to order GUARD_EXIT. */
#define TERMINATE_TIMEOUT_MS 30000
/* After GUARD_EXIT the agent has this long to leave by itself. */
#define LEAVE_TIMEOUT_MS 1000
/* More crashes than this in the window cost a pause before the next start. */
#define CRASH_COUNT_MAX 5
#define CRASH_WINDOW_MS 10000
#define CRASH_PAUSE_MS 1000
#define NEVER UINT64_MAX

/* What the child that becomes the postmaster tells about its directory before it executes. */
struct birth {
    uint64_t device;
    uint64_t inode;
};

/* Everything that the guard knows; there is one. */
static struct {
    char *const *agent_argv;
    struct guard_page *page;
    int page_fd;
    struct birth *birth;
    int signal_fd;
    int socket; /* our end; -1: the agent has none */
    pid_t agent;
    uint64_t
            agent_start_ms; /* when to start the agent; NEVER: it runs, or is not wanted any more */
    uint64_t crashes_ms[CRASH_COUNT_MAX];
    uint32_t crash_count;
    bool agent_is_dead; /* reaped, and not dealt with yet */

    struct instance instance;
    int postmaster_fd; /* pidfd; -1: none */
    bool adopted;      /* not our child */
    bool may_live;     /* no proof that every process of the instance is dead */
    bool killing;
    enum guard_report_kind kill_report; /* what is reported when the killing is done */
    uint32_t killed_count;
    uint64_t kill_at_ms;
    uint64_t kill_pause_ms;

    bool terminating;
    uint64_t terminate_by_ms; /* kill all and leave; NEVER */
    bool leaving;
    uint64_t leave_by_ms;
    int exit_status;
} guard;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* There is nobody to tell when this fails. */
static void put(int fd, const char *text, size_t size)
{
    ssize_t written = write(fd, text, size);
    (void)written;
}

static void report(enum guard_report_kind kind, int status, uint32_t killed_count)
{
    struct guard_notice notice = {.kind = kind,
                                  .postmaster = guard.instance.postmaster,
                                  .status = status,
                                  .killed_count = killed_count};
    if (guard.socket >= 0) {
        /* A full or closed socket means an agent that is frozen or dead: its successor asks. */
        ssize_t sent = send(guard.socket, &notice, sizeof notice, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
}

/* What every child of the guard needs before it executes: none of the guard's peculiarities. */
static void child_prepare(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
}

static void agent_execute(int socket)
{
    char value[32];
    child_prepare();
    fcntl(socket, F_SETFD, 0);
    fcntl(guard.page_fd, F_SETFD, 0);
    snprintf(value, sizeof value, "%d,%d", socket, guard.page_fd);
    setenv(GUARD_ENVIRONMENT, value, 1);
    execv(guard.agent_argv[0], guard.agent_argv);
    guard_say(SEVERITY_ERROR, "the agent %s cannot be executed: %s", guard.agent_argv[0],
              strerror(errno));
    _exit(127);
}

static void agent_start(void)
{
    int ends[2];
    guard.agent_start_ms = now_ms() + CRASH_PAUSE_MS;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return;
    }
    guard.agent = fork();
    if (guard.agent == 0) {
        agent_execute(ends[1]);
    }
    close(ends[1]);
    if (guard.agent < 0) {
        guard.agent = 0;
        close(ends[0]);
        return;
    }
    guard.agent_start_ms = NEVER;
    guard.instance.session = guard.agent;
    guard.socket = ends[0];
    report(GUARD_REPORT_STATE, 0, 0);
    if (guard.terminating) {
        report(GUARD_REPORT_TERMINATE, 0, 0);
    }
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
 * its immediate shutdown), however guard and agent may have died. */
static void die_with_guard(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != guard.instance.guard) {
        _exit(127);
    }
}

/* All that may wait for a disk (the log, the directory) happens here, in the child. */
static void postmaster_execute(const char *log_path, char *const argv[])
{
    struct stat status;
    child_prepare();
    die_with_guard();
    log_redirect(log_path);
    oom_score_reset();
    umask(077);
    if (chdir(guard.instance.directory) == 0 && stat(".", &status) == 0) {
        guard.birth->device = status.st_dev;
        guard.birth->inode = status.st_ino;
    }
    unsetenv(GUARD_ENVIRONMENT);
    execv(argv[0], argv);
    guard_say(SEVERITY_ERROR, "PostgreSQL cannot be executed (%s): %s", argv[0], strerror(errno));
    _exit(127);
}

static void postmaster_signal(int number)
{
    if (guard.postmaster_fd >= 0) {
        pidfd_send_signal(guard.postmaster_fd, number, NULL, 0);
    }
}

static void postmaster_forget(void)
{
    if (guard.postmaster_fd >= 0) {
        close(guard.postmaster_fd);
    }
    guard.postmaster_fd = -1;
    guard.instance.postmaster = 0;
}

static void postmaster_ended(int status)
{
    pid_t pid = guard.instance.postmaster;
    if (!guard.killing) {
        report(GUARD_REPORT_EXITED, status, 0);
        guard_say(status == 0 ? SEVERITY_INFO : SEVERITY_WARNING, "PostgreSQL ended (%s) pid=%d",
                  guard_how_ended(status), (int)pid);
    }
    postmaster_forget();
}

static void reap(void)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == guard.instance.postmaster) {
            postmaster_ended(status);
        } else if (pid == guard.agent) {
            guard.agent_is_dead = true;
        }
    }
}

static void remember_directory(void)
{
    if (guard.birth->inode != 0) {
        guard.instance.device = guard.birth->device;
        guard.instance.inode = guard.birth->inode;
    }
}

static void kill_pause(void)
{
    guard.kill_at_ms = now_ms() + guard.kill_pause_ms;
    if (guard.kill_pause_ms < KILL_PAUSE_MS_MAX) {
        guard.kill_pause_ms *= 2;
    }
}

static void kill_round(void)
{
    remember_directory();
    bool nobody = instance_kill_round(&guard.instance, &guard.killed_count);
    reap();
    if (!nobody) {
        kill_pause();
        return;
    }
    guard.killing = false;
    guard.may_live = false;
    postmaster_forget();
    report(guard.kill_report, 0, guard.killed_count);
}

/* The postmaster dies first, so that it starts nobody while the others are looked for. */
static void kill_begin(enum guard_report_kind kind)
{
    if (!guard.killing) {
        guard.killing = true;
        guard.killed_count = 0;
        guard.kill_pause_ms = KILL_PAUSE_MS;
        guard.kill_at_ms = now_ms();
    }
    guard.kill_report = kind;
    if (guard.instance.postmaster != 0) {
        instance_kill(guard.instance.postmaster, &guard.killed_count);
    }
}

static bool lease_is_over(uint64_t now)
{
    return atomic_load(&guard.page->primary) == 1 &&
           now >= atomic_load(&guard.page->lease_deadline_ms);
}

static bool crashes_too_often(uint64_t now)
{
    uint64_t *slot = &guard.crashes_ms[guard.crash_count % CRASH_COUNT_MAX];
    bool often = guard.crash_count >= CRASH_COUNT_MAX && now - *slot < CRASH_WINDOW_MS;
    *slot = now;
    guard.crash_count += 1;
    return often;
}

static void take_orders(void);

static void agent_hang_up(void)
{
    if (guard.socket >= 0) {
        close(guard.socket);
    }
    guard.socket = -1;
}

/* Its last orders stand (GUARD_EXIT may be among them); its helpers must not write on while the
 * next agent starts others. */
static void agent_ended(void)
{
    uint64_t now = now_ms();
    pid_t pid = guard.agent;
    take_orders();
    agent_hang_up();
    instance_kill_session(pid);
    guard.agent = 0;
    guard.agent_is_dead = false;
    guard.instance.session = 0;
    if (!guard.leaving) {
        guard.agent_start_ms = now + (crashes_too_often(now) ? CRASH_PAUSE_MS : 0);
        guard_say(SEVERITY_WARNING,
                  "the agent ended and is started again; PostgreSQL is left as it is pid=%d",
                  (int)pid);
    }
}

static void order_start(char *text, size_t size, int32_t count)
{
    char *argv[GUARD_ARGUMENT_MAX];
    int32_t found = 0;
    char *end = text + size;
    if (size == 0 || end[-1] != '\0' || guard.instance.postmaster != 0 || guard.killing) {
        report(GUARD_REPORT_STATE, 0, 0);
        return;
    }
    for (char *at = text; at < end && found < GUARD_ARGUMENT_MAX - 1; at += strlen(at) + 1) {
        argv[found] = at;
        found += 1;
    }
    argv[found] = NULL;
    guard.birth->inode = 0;
    pid_t pid = found == count && found >= 2 ? fork() : -1;
    if (pid == 0) {
        postmaster_execute(argv[0], argv + 1);
    }
    if (pid < 0) {
        report(GUARD_REPORT_EXITED, W_EXITCODE(126, 0), 0);
        return;
    }
    guard.may_live = true;
    guard.adopted = false;
    guard.instance.postmaster = pid;
    guard.postmaster_fd = pidfd_open(pid, 0);
    report(GUARD_REPORT_STARTED, 0, 0);
}

static void order_adopt(pid_t pid)
{
    int fd = guard.instance.postmaster == 0 ? pidfd_open(pid, 0) : -1;
    if (fd >= 0) {
        guard.may_live = true;
        guard.adopted = true;
        guard.instance.postmaster = pid;
        guard.postmaster_fd = fd;
        instance_directory_of(pid, &guard.birth->device, &guard.birth->inode);
        remember_directory();
    }
    report(GUARD_REPORT_STATE, 0, 0);
}

static void leave(int status)
{
    if (guard.leaving) {
        return;
    }
    guard.leaving = true;
    guard.exit_status = status;
    guard.leave_by_ms = now_ms() + LEAVE_TIMEOUT_MS;
    guard.agent_start_ms = NEVER;
    kill_begin(GUARD_REPORT_GONE);
}

static void order_take(char *bytes, size_t size)
{
    struct guard_order order;
    if (size < sizeof order) {
        return;
    }
    memcpy(&order, bytes, sizeof order);
    if (order.kind == GUARD_START) {
        order_start(bytes + sizeof order, size - sizeof order, order.argument);
    } else if (order.kind == GUARD_SIGNAL) {
        postmaster_signal(order.argument);
    } else if (order.kind == GUARD_KILL) {
        kill_begin(GUARD_REPORT_GONE);
    } else if (order.kind == GUARD_ADOPT) {
        order_adopt(order.argument);
    } else if (order.kind == GUARD_EXIT) {
        leave(order.argument);
    }
}

/* A closed socket of a living agent is the end of that agent too: it could not hear us any more. */
static void take_orders(void)
{
    static _Alignas(8) char bytes[GUARD_ORDER_BYTES_MAX];
    while (guard.socket >= 0) {
        ssize_t size = recv(guard.socket, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0) {
            order_take(bytes, (size_t)size);
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else if (size < 0 && errno == EAGAIN) {
            return;
        } else {
            agent_hang_up();
            kill(guard.agent, SIGKILL);
        }
    }
}

static void terminate(void)
{
    if (!guard.terminating) {
        guard.terminating = true;
        guard.terminate_by_ms = now_ms() + TERMINATE_TIMEOUT_MS;
    }
    report(GUARD_REPORT_TERMINATE, 0, 0);
}

static void take_signals(void)
{
    struct signalfd_siginfo info;
    while (read(guard.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            continue;
        }
        if (info.ssi_signo != SIGHUP) {
            terminate();
        } else if (guard.agent > 0) {
            kill(guard.agent, SIGKILL);
        }
    }
    reap();
    /* A death may have been the last: the pause is for those that the guard does not reap. */
    if (guard.killing && !instance_killed_live()) {
        guard.kill_at_ms = now_ms();
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the loop must look again by itself. */
static uint64_t next_ms(uint64_t now)
{
    uint64_t next = earlier(guard.agent_start_ms, guard.terminate_by_ms);
    if (guard.agent_is_dead) {
        return now;
    }
    next = earlier(next, guard.leaving ? guard.leave_by_ms : NEVER);
    if (guard.killing) {
        return earlier(next, guard.kill_at_ms);
    }
    if (guard.may_live) {
        next = earlier(next, now + PAGE_PERIOD_MS);
    }
    if (guard.may_live && atomic_load(&guard.page->primary) == 1) {
        next = earlier(next, atomic_load(&guard.page->lease_deadline_ms));
    }
    return next;
}

static void run_timers(uint64_t now)
{
    if (guard.may_live && lease_is_over(now) && !guard.killing) {
        guard_say(SEVERITY_ERROR,
                  "the lease ran out and was not renewed: killing PostgreSQL pid=%d",
                  (int)guard.instance.postmaster);
        kill_begin(GUARD_REPORT_EXPIRED);
    }
    if (guard.killing && now >= guard.kill_at_ms) {
        kill_round();
    }
    if (now >= guard.terminate_by_ms) {
        guard.terminate_by_ms = NEVER;
        leave(EXIT_FAILURE);
    }
    if (guard.leaving && now >= guard.leave_by_ms && guard.agent > 0) {
        kill(guard.agent, SIGKILL);
        guard.leave_by_ms = NEVER;
    }
    if (now >= guard.agent_start_ms) {
        agent_start();
    }
}

static void wait_for_something(void)
{
    struct pollfd fds[] = {{.fd = guard.signal_fd, .events = POLLIN},
                           {.fd = guard.socket, .events = POLLIN},
                           {.fd = guard.adopted ? guard.postmaster_fd : -1, .events = POLLIN}};
    uint64_t now = now_ms();
    uint64_t next = next_ms(now);
    uint64_t pause = next > now ? next - now : 0;
    int timeout = next == NEVER ? -1 : (int)earlier(pause, 60000);
    if (poll(fds, sizeof fds / sizeof fds[0], timeout) < 0) {
        return;
    }
    if (fds[2].revents != 0) {
        postmaster_ended(-1);
    }
    if (fds[1].revents != 0) {
        take_orders();
    }
    if (fds[0].revents != 0) {
        take_signals();
    }
    if (guard.agent_is_dead) {
        agent_ended();
    }
}

static bool is_done(void)
{
    return guard.leaving && !guard.killing && guard.agent == 0;
}

static bool map_pages(void)
{
    guard.page_fd = memfd_create("pgbaton-guard", MFD_CLOEXEC);
    if (guard.page_fd < 0 || ftruncate(guard.page_fd, sizeof *guard.page) != 0) {
        return false;
    }
    guard.page =
            mmap(NULL, sizeof *guard.page, PROT_READ | PROT_WRITE, MAP_SHARED, guard.page_fd, 0);
    guard.birth = mmap(NULL, sizeof *guard.birth, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return guard.page != MAP_FAILED && guard.birth != MAP_FAILED;
}

/* Every signal waits, but for those that say that the guard itself is broken. */
static bool block_signals(void)
{
    static const int broken[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    sigset_t all;
    sigset_t ours;
    sigfillset(&all);
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        sigdelset(&all, broken[i]);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        sigaddset(&ours, wanted[i]);
    }
    guard.signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    return guard.signal_fd >= 0 && signal(SIGCHLD, SIG_DFL) != SIG_ERR &&
           sigprocmask(SIG_SETMASK, &all, NULL) == 0;
}

int guard_run(char *const agent_argv[], const char *data_directory)
{
    guard.agent_argv = agent_argv;
    guard.socket = -1;
    guard.postmaster_fd = -1;
    guard.agent_start_ms = now_ms();
    guard.terminate_by_ms = NEVER;
    guard.may_live = true; /* an earlier guard's PostgreSQL may still run */
    instance_init(&guard.instance, data_directory);
    guard.instance.guard = getpid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !instance_open() || !map_pages() ||
        !block_signals()) {
        guard_say(SEVERITY_ERROR, "it cannot start: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    guard_harden();
    while (!is_done()) {
        run_timers(now_ms());
        wait_for_something();
    }
    return guard.exit_status;
}
