/* SPDX-License-Identifier: PostgreSQL */
/* The guard's loop: signals, orders, the lease, and what is due by the clock. */
#include "guard_impl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* After SIGTERM the agent has this long to stop PostgreSQL in order and to order GUARD_EXIT. */
#define TERMINATE_TIMEOUT_MS 30000
/* After GUARD_EXIT the agent has this long to leave by itself. */
#define LEAVE_TIMEOUT_MS 1000
/* A primary that has outlived its lease by so long cannot be killed. */
#define UNKILLABLE_MS 1000
/* The longest pause of the loop. */
#define PAUSE_MS_MAX 60000

struct guard guard;

static uint64_t over_since_ms; /* a primary lives although its lease is over; 0: none does */

void guard_report_send(enum guard_report_kind kind, int status, uint32_t killed_count)
{
    struct guard_notice notice = {.kind = kind,
                                  .postmaster = guard.instance.postmaster,
                                  .status = status,
                                  .killed_count = killed_count};
    if (guard.agent.socket >= 0) {
        /* A full or closed socket means an agent that is frozen or dead: its successor asks. */
        ssize_t sent =
                send(guard.agent.socket, &notice, sizeof notice, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
}

void guard_child_prepare(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
}

void guard_reap(void)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == guard.instance.postmaster) {
            guard_postgres_ended(status);
        } else if (pid == guard.agent.pid) {
            guard.agent.is_dead = true;
        }
    }
}

void guard_leave(int status)
{
    if (guard.leaving) {
        return;
    }
    guard.leaving = true;
    guard.exit_status = status;
    guard.leave_by_ms = guard_page_now_ms() + LEAVE_TIMEOUT_MS;
    guard.agent.start_ms = GUARD_NEVER;
    guard_postgres_kill(GUARD_REPORT_GONE);
}

static void terminate(void)
{
    if (!guard.terminating) {
        guard.terminating = true;
        guard.terminate_by_ms = guard_page_now_ms() + TERMINATE_TIMEOUT_MS;
    }
    guard_report_send(GUARD_REPORT_TERMINATE, 0, 0);
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
        } else if (guard.agent.pid > 0) {
            kill(guard.agent.pid, SIGKILL);
        }
    }
    guard_reap();
    /* A death may have been the last: the pause is for those that the guard does not reap. */
    guard_postgres_kill_soon();
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the loop must look again by itself. */
static uint64_t next_ms(uint64_t now)
{
    if (guard.agent.is_dead) {
        return now;
    }
    const uint64_t times[] = {
            guard.agent.start_ms,
            guard.terminate_by_ms,
            guard.leaving ? guard.leave_by_ms : GUARD_NEVER,
            guard.postgres.killing ? guard.postgres.kill_at_ms : guard_lease_look_ms(now),
            guard_agent_look_ms(now),
            guard_watchdog_due_ms(),
    };
    uint64_t next = GUARD_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        next = earlier(next, times[i]);
    }
    return next;
}

static void end_lease(uint64_t now)
{
    bool over = guard_lease_is_over();
    if (over && !guard.postgres.killing) {
        guard_say(SEVERITY_ERROR,
                  "the lease ran out and was not renewed: killing PostgreSQL pid=%d",
                  (int)guard.instance.postmaster);
        guard_postgres_kill(GUARD_REPORT_EXPIRED);
    }
    if (!over) {
        over_since_ms = 0;
    } else if (over_since_ms == 0) {
        over_since_ms = now;
    }
    guard_watchdog_feed(over_since_ms != 0 && now >= over_since_ms + UNKILLABLE_MS, now);
}

static void run_timers(uint64_t now)
{
    end_lease(now);
    guard_postgres_kill_round(now);
    guard_lease_will();
    if (now >= guard.terminate_by_ms) {
        guard.terminate_by_ms = GUARD_NEVER;
        guard_leave(EXIT_FAILURE);
    }
    if (guard.leaving && now >= guard.leave_by_ms && guard.agent.pid > 0) {
        kill(guard.agent.pid, SIGKILL);
        guard.leave_by_ms = GUARD_NEVER;
    }
    if (now >= guard.agent.start_ms) {
        guard_agent_start();
    }
    if (now >= guard_agent_look_ms(now)) {
        guard_agent_look(now);
    }
}

static void wait_for_something(void)
{
    struct pollfd fds[] = {
            {.fd = guard.signal_fd, .events = POLLIN},
            {.fd = guard.agent.socket, .events = POLLIN},
            {.fd = guard.postgres.adopted ? guard.postgres.fd : -1, .events = POLLIN}};
    uint64_t now = guard_page_now_ms();
    uint64_t next = next_ms(now);
    uint64_t pause = next > now ? next - now : 0;
    int timeout = next == GUARD_NEVER ? -1 : (int)earlier(pause, PAUSE_MS_MAX);
    if (poll(fds, sizeof fds / sizeof fds[0], timeout) < 0) {
        return;
    }
    if (fds[2].revents != 0) {
        guard_postgres_ended(-1);
    }
    if (fds[1].revents != 0) {
        guard_agent_take_orders();
    }
    if (fds[0].revents != 0) {
        take_signals();
    }
    if (guard.agent.is_dead) {
        guard_agent_ended();
    }
}

static bool is_done(void)
{
    return guard.leaving && !guard.postgres.killing && guard.agent.pid == 0;
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

/* All that needs a file system. */
static bool open_all(void)
{
    bool (*const steps[])(void) = {instance_open, guard_lease_open, guard_postgres_open,
                                   block_signals};
    bool ok = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    for (size_t i = 0; ok && i < sizeof steps / sizeof steps[0]; i++) {
        ok = steps[i]();
    }
    if (!ok) {
        guard_say(SEVERITY_ERROR, "it cannot start: %s", strerror(errno));
    }
    return ok && guard_watchdog_open(&guard.options);
}

int guard_run(const struct guard_options *options)
{
    guard.options = *options;
    guard.agent.socket = -1;
    guard.agent.start_ms = guard_page_now_ms();
    guard.terminate_by_ms = GUARD_NEVER;
    instance_init(&guard.instance, options->data_directory);
    guard.instance.guard = getpid();
    if (!open_all()) {
        return EXIT_FAILURE;
    }
    guard_harden();
    while (!is_done()) {
        run_timers(guard_page_now_ms());
        wait_for_something();
    }
    guard_watchdog_close();
    return guard.exit_status;
}
