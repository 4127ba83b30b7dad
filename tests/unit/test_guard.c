/* SPDX-License-Identifier: PostgreSQL */
/*
 * The guard with real processes. This program is also the agent (a relay between the test and the
 * guard), and a postmaster whose children have sessions of their own; one test runs a real
 * PostgreSQL.
 */
#include "../../agent/guard.h"
#include "../../agent/guard_kill.h"
#include "../../agent/guard_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKEND_COUNT 6
/* With the postmaster and the one grandchild; and without those that an outsider cannot find once
 * the postmaster is dead: itself, and the one that works elsewhere. */
#define PROCESS_COUNT 8
#define ORPHAN_COUNT 6
#define CONTROL "PGBATON_TEST_CONTROL"
/* How long a condition or an answer is awaited whose quickness is not what a test is about. */
#define WAIT_MS 60000
#define REPLY_MS 10000
/* A guard that is late for a deadline, on a busy machine, is ended by the kernel's timer, as it
 * should be: what is about a guard in time is tried again so often. */
#define TRY_COUNT 20

enum op { OP_HELLO, OP_REPORT, OP_ORDER, OP_START, OP_PAGE, OP_HELPER };

/* What the test and its relay say to each other. */
struct message {
    enum op op;
    int a;
    int b;
    uint64_t deadline_ms;
    pid_t pid;
    struct guard_report report;
    char argv[8][128];
};

struct world {
    char base[64];
    char dir[96];
    char log[96];
    char dog[96]; /* a FIFO in place of a watchdog device */
    int dog_fd;
    struct guard_options options;
    pid_t guard;
    pid_t agent;
    int control;
};

static char exe[64]; /* /proc/self/fd/N of this program: may be executed by any user */

static uint64_t boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* ---- the relay ---- */

static void relay_helper(const char *directory)
{
    if (fork() == 0) {
        if (chdir(directory) != 0) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
}

static void relay_obey(struct guard_client *client, struct message *m)
{
    struct failure failure;
    char *argv[9] = {NULL};
    enum result result = RESULT_OK;
    if (m->op == OP_ORDER) {
        result = guard_client_order(client, (enum guard_order_kind)m->a, m->b, &failure);
    } else if (m->op == OP_PAGE) {
        atomic_store(&guard_client_page(client)->lease_deadline_ms, m->deadline_ms);
        atomic_store(&guard_client_page(client)->primary, (uint32_t)m->a);
        atomic_store(&guard_client_page(client)->agent_turn_ms, (uint64_t)m->b);
    } else if (m->op == OP_HELPER) {
        relay_helper(m->argv[0]);
    } else if (m->op == OP_START) {
        for (int i = 0; i < m->a; i++) {
            argv[i] = m->argv[i + 1];
        }
        result = guard_client_start(client, argv, m->argv[0], &failure);
    }
    if (result != RESULT_OK) {
        fprintf(stderr, "relay: %s\n", failure.text);
    }
}

static int relay_main(void)
{
    struct failure failure;
    struct guard_client *client = NULL;
    struct guard_report report;
    int control = (int)strtol(getenv(CONTROL), NULL, 10);
    struct message m = {.op = OP_HELLO, .pid = getpid()};
    if (guard_client_create(&client, &failure) != RESULT_OK) {
        return 1;
    }
    send(control, &m, sizeof m, 0);
    for (;;) {
        struct pollfd fds[] = {{.fd = control, .events = POLLIN},
                               {.fd = guard_client_fd(client), .events = POLLIN}};
        poll(fds, 2, -1);
        while (guard_client_take(client, &report)) {
            m = (struct message){.op = OP_REPORT, .report = report};
            send(control, &m, sizeof m, 0);
        }
        if (fds[0].revents != 0) {
            if (recv(control, &m, sizeof m, 0) != (ssize_t)sizeof m) {
                return 0;
            }
            relay_obey(client, &m);
        }
    }
}

/* ---- the postmaster ---- */

/* Its children: in sessions of their own, one of them in another directory, one with a child. */
static int postmaster_main(const char *directory)
{
    for (int i = 0; i < BACKEND_COUNT; i++) {
        if (chdir(i == 0 ? "/" : directory) != 0) {
            return 1;
        }
        if (fork() != 0) {
            continue;
        }
        setsid();
        if (i == 1) {
            fork(); /* one more process */
        }
        for (;;) {
            pause();
        }
    }
    for (;;) {
        pause();
    }
}

/* ---- the test's side ---- */

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void world_send(struct world *w, const struct message *m)
{
    assert_int_equal(send(w->control, m, sizeof *m, 0), sizeof *m);
}

/* The next message in time, or op -1. */
static struct message world_next(struct world *w, int timeout_ms)
{
    struct message m = {.op = (enum op) - 1};
    struct pollfd in = {.fd = w->control, .events = POLLIN};
    if (poll(&in, 1, timeout_ms) == 1) {
        assert_int_equal(recv(w->control, &m, sizeof m, 0), sizeof m);
    }
    return m;
}

static struct guard_report world_expect(struct world *w, enum guard_report_kind kind,
                                        int timeout_ms)
{
    struct message m = world_next(w, timeout_ms);
    assert_int_equal(m.op, OP_REPORT);
    assert_int_equal(m.report.kind, kind);
    return m.report;
}

/* A new agent reports itself, then the guard's first word to it. Returns the postmaster's pid. */
static pid_t world_expect_agent(struct world *w, int timeout_ms)
{
    struct message m = world_next(w, timeout_ms);
    assert_int_equal(m.op, OP_HELLO);
    w->agent = m.pid;
    return world_expect(w, GUARD_REPORT_STATE, REPLY_MS).postmaster;
}

static void world_order(struct world *w, enum guard_order_kind kind, int argument)
{
    struct message m = {.op = OP_ORDER, .a = (int)kind, .b = argument};
    world_send(w, &m);
}

static void world_page(struct world *w, uint64_t deadline_ms, int primary)
{
    struct message m = {.op = OP_PAGE, .a = primary, .deadline_ms = deadline_ms};
    world_send(w, &m);
}

/* Members of the instance, as somebody outside counts them; the guard's other children do not
 * count. */
static uint32_t world_count(const struct world *w, uint64_t inode)
{
    struct instance instance;
    struct stat status;
    bool whole = false;
    instance_init(&instance, w->dir);
    if (inode != 0 && stat(w->base, &status) == 0) {
        instance.device = status.st_dev;
        instance.inode = inode;
    }
    instance.session = w->agent;
    uint32_t count = instance_scan(&instance, &whole);
    assert_true(whole);
    return count;
}

/* Waits until the instance has so many members. */
static void world_await(const struct world *w, uint32_t count)
{
    uint64_t end = boot_ms() + WAIT_MS;
    while (world_count(w, 0) < count && boot_ms() < end) {
        nap_ms(2);
    }
    assert_in_range(world_count(w, 0), count, UINT32_MAX);
}

static bool world_guard_sleeps(const struct world *w)
{
    char path[32];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)w->guard);
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
    const char *name_end = strrchr(line, ')');
    if (file != NULL) {
        fclose(file);
    }
    return read && name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

/* Returns when the guard has seen what is on the page; what it knows of the postmaster. The order,
 * which is refused because one runs, is answered after the page was written; after its answer the
 * guard looks at the page before it sleeps. */
static pid_t world_settle(struct world *w)
{
    uint64_t end = boot_ms() + WAIT_MS;
    world_order(w, GUARD_ADOPT, 1);
    pid_t postmaster = world_expect(w, GUARD_REPORT_STATE, REPLY_MS).postmaster;
    while (!world_guard_sleeps(w) && boot_ms() < end) {
        nap_ms(1);
    }
    assert_true(boot_ms() < end);
    return postmaster;
}

static pid_t world_start(struct world *w)
{
    struct message m = {.op = OP_START, .a = 3};
    snprintf(m.argv[0], sizeof m.argv[0], "%s", w->log);
    snprintf(m.argv[1], sizeof m.argv[1], "%s", exe);
    snprintf(m.argv[2], sizeof m.argv[2], "--postmaster");
    snprintf(m.argv[3], sizeof m.argv[3], "%s", w->dir);
    world_send(w, &m);
    pid_t pid = world_expect(w, GUARD_REPORT_STARTED, REPLY_MS).postmaster;
    world_await(w, PROCESS_COUNT);
    assert_int_equal(world_count(w, 0), PROCESS_COUNT);
    return pid;
}

static struct world *world_create(void)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/pgbaton-guard-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    snprintf(w->dir, sizeof w->dir, "%s/data", w->base);
    snprintf(w->log, sizeof w->log, "%s/log", w->base);
    snprintf(w->dog, sizeof w->dog, "%s/dog", w->base);
    assert_int_equal(mkdir(w->dir, 0700), 0);
    return w;
}

/* The guard, with what stands in w->options beside the agent and the directory. */
static void world_run(struct world *w)
{
    char number[16];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    snprintf(number, sizeof number, "%d", ends[1]);
    setenv(CONTROL, number, 1);
    w->guard = fork();
    if (w->guard == 0) {
        char agent[] = "--agent";
        char *argv[] = {exe, agent, NULL};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        w->options.agent_argv = argv;
        w->options.data_directory = w->dir;
        _exit(guard_run(&w->options));
    }
    close(ends[1]);
    w->control = ends[0];
}

static int world_setup(void **state)
{
    struct world *w = world_create();
    world_run(w);
    assert_int_equal(world_expect_agent(w, REPLY_MS), 0);
    *state = w;
    return 0;
}

/* A device that records what it is fed, and knows no timeout. */
static int world_setup_with_watchdog(void **state)
{
    struct world *w = world_create();
    assert_int_equal(mkfifo(w->dog, 0600), 0);
    w->dog_fd = open(w->dog, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(w->dog_fd >= 0);
    w->options.watchdog = GUARD_WATCHDOG_AUTOMATIC;
    w->options.watchdog_device = w->dog;
    w->options.watchdog_seconds = 1;
    world_run(w);
    assert_int_equal(world_expect_agent(w, REPLY_MS), 0);
    *state = w;
    return 0;
}

static int world_setup_without_guard(void **state)
{
    *state = world_create();
    return 0;
}

/* Ends the guard and all that it has started. */
static void world_end(struct world *w)
{
    struct instance instance;
    uint32_t killed = 0;
    if (w->guard > 0) {
        kill(w->guard, SIGKILL);
        waitpid(w->guard, NULL, 0);
    }
    if (w->agent > 0) {
        kill(w->agent, SIGKILL);
    }
    instance_init(&instance, w->dir);
    instance.guard = getpid(); /* the reaper of what a dead guard leaves */
    for (int i = 0; i < 100 && !instance_kill_round(&instance, &killed); i++) {
        nap_ms(10);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    close(w->control);
}

static int world_teardown(void **state)
{
    struct world *w = *state;
    world_end(w);
    close(w->dog_fd);
    remove_tree(w->base);
    free(w);
    return 0;
}

/* What must be so unless the guard is late; false then. */
typedef bool (*world_try)(struct world *w);

static void world_try_in_time(struct world *w, world_try try)
{
    for (int i = 0; i < TRY_COUNT; i++) {
        if (try(w)) {
            return;
        }
        world_end(w);
        world_run(w);
        assert_int_equal(world_expect_agent(w, REPLY_MS), 0);
    }
    fail_msg("the guard was late %d times", TRY_COUNT);
}

static bool is_end_of_guard(const struct message *m)
{
    return m->op == OP_REPORT && m->report.kind == GUARD_REPORT_TERMINATE && m->report.status == -1;
}

/* False when the kernel was faster than the guard. */
static bool world_expires(struct world *w)
{
    struct message m = world_next(w, REPLY_MS);
    if (is_end_of_guard(&m)) {
        return false;
    }
    assert_int_equal(m.op, OP_REPORT);
    assert_int_equal(m.report.kind, GUARD_REPORT_EXPIRED);
    assert_int_not_equal(m.report.killed_count, 0);
    assert_int_equal(world_count(w, 0), 0);
    return true;
}

static void test_guard_kill_leaves_nobody(void **state)
{
    struct world *w = *state;
    world_start(w);
    uint64_t before = boot_ms();
    world_order(w, GUARD_KILL, 0);
    struct guard_report report = world_expect(w, GUARD_REPORT_GONE, REPLY_MS);
    assert_in_range(boot_ms() - before, 0, 1000);
    assert_int_equal(report.killed_count, PROCESS_COUNT);
    assert_int_equal(report.postmaster, 0);
    assert_int_equal(world_count(w, 0), 0);
    world_order(w, GUARD_KILL, 0);
    assert_int_equal(world_expect(w, GUARD_REPORT_GONE, REPLY_MS).killed_count, 0);
}

static void test_guard_kills_backends_of_dead_postmaster(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    kill(pid, SIGKILL);
    struct guard_report report = world_expect(w, GUARD_REPORT_EXITED, REPLY_MS);
    assert_int_equal(WTERMSIG(report.status), SIGKILL);
    assert_int_equal(world_count(w, 0), ORPHAN_COUNT);
    world_order(w, GUARD_KILL, 0);
    assert_int_equal(world_expect(w, GUARD_REPORT_GONE, REPLY_MS).killed_count, PROCESS_COUNT - 1);
    assert_int_equal(world_count(w, 0), 0);
}

static bool guard_has_ended(const struct world *w)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)w->guard, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

static bool try_agent_is_stopped(struct world *w)
{
    pid_t pid = world_start(w);
    uint64_t deadline = boot_ms() + 1500;
    world_page(w, deadline, 1);
    assert_int_equal(world_settle(w), pid);
    kill(w->agent, SIGSTOP);
    while (boot_ms() + 100 < deadline) {
        nap_ms(10);
    }
    bool lived = kill(pid, 0) == 0;
    assert_true(lived || boot_ms() >= deadline); /* this program may have been late */
    while (world_count(w, 0) != 0 && !guard_has_ended(w)) {
        assert_true(boot_ms() < deadline + WAIT_MS);
        nap_ms(10);
    }
    kill(w->agent, SIGCONT);
    return world_expires(w);
}

static void test_guard_kills_at_deadline_while_agent_is_stopped(void **state)
{
    world_try_in_time(*state, try_agent_is_stopped);
}

static bool try_deadline_of_standby(struct world *w)
{
    world_start(w);
    world_page(w, boot_ms() + 50, 0);
    nap_ms(300);
    assert_int_equal(world_count(w, 0), PROCESS_COUNT);
    world_page(w, boot_ms() + 50, 1);
    return world_expires(w);
}

static void test_guard_ignores_deadline_of_standby(void **state)
{
    world_try_in_time(*state, try_deadline_of_standby);
}

static bool try_deadline_that_moves(struct world *w)
{
    world_start(w);
    for (int i = 0; i < 15; i++) {
        world_page(w, boot_ms() + 1000, 1);
        nap_ms(100);
    }
    assert_int_equal(world_count(w, 0), PROCESS_COUNT);
    return world_expires(w);
}

static void test_guard_follows_a_deadline_that_moves(void **state)
{
    world_try_in_time(*state, try_deadline_that_moves);
}

static void test_guard_restarts_agent_and_keeps_postmaster(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    pid_t old = w->agent;
    kill(w->agent, SIGKILL);
    assert_int_equal(world_expect_agent(w, REPLY_MS), pid);
    assert_int_not_equal(w->agent, old);
    kill(w->guard, SIGHUP);
    assert_int_equal(world_expect_agent(w, REPLY_MS), pid);
    assert_int_equal(world_count(w, 0), PROCESS_COUNT);
    world_order(w, GUARD_KILL, 0);
    world_expect(w, GUARD_REPORT_GONE, REPLY_MS);
}

/* The agent cannot act: only the kernel is left to tell PostgreSQL. */
static void test_guard_takes_postmaster_with_it(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    kill(w->agent, SIGSTOP);
    kill(w->guard, SIGKILL);
    assert_int_equal(waitpid(w->guard, NULL, 0), w->guard);
    w->guard = 0;
    uint64_t end = boot_ms() + WAIT_MS;
    while (waitpid(pid, NULL, WNOHANG) != pid && kill(pid, 0) == 0 && boot_ms() < end) {
        nap_ms(2);
    }
    assert_int_equal(kill(pid, 0), -1);
}

/* Nobody runs who could see the deadline pass: the kernel ends guard and postmaster. */
static void test_guard_has_left_a_will_when_all_is_stopped(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    int status = 0;
    uint64_t before = boot_ms();
    world_settle(w);
    /* Both must be stopped before the deadline; a slow machine needs longer for that. */
    uint64_t deadline = boot_ms() + 1000 + 20 * (boot_ms() - before);
    world_page(w, deadline, 1);
    world_settle(w);
    kill(w->agent, SIGSTOP);
    kill(w->guard, SIGSTOP);
    assert_in_range(boot_ms(), before, deadline - 1);
    assert_int_equal(waitpid(w->guard, &status, 0), w->guard);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    w->guard = 0;
    while (waitpid(pid, NULL, WNOHANG) != pid && kill(pid, 0) == 0) {
        nap_ms(2);
    }
}

/* The will follows the deadline: a stopped guard is not killed while the lease that it saw runs. */
static void test_guard_that_goes_on_in_time_is_not_killed(void **state)
{
    struct world *w = *state;
    world_start(w);
    world_page(w, boot_ms() + 60000, 1);
    world_settle(w);
    kill(w->guard, SIGSTOP);
    nap_ms(500);
    kill(w->guard, SIGCONT);
    world_page(w, 0, 1); /* taken out: killed at once */
    world_expect(w, GUARD_REPORT_EXPIRED, REPLY_MS);
    nap_ms(200);
    assert_int_equal(waitpid(w->guard, NULL, WNOHANG), 0);
}

static void test_guard_restarts_an_agent_that_stands_still(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    pid_t old = w->agent;
    struct message m = {.op = OP_PAGE, .a = 0, .b = 1};
    world_send(w, &m); /* it has turned once, and never again */
    assert_int_equal(world_next(w, GUARD_HUNG_MS - 2000).op, (enum op) - 1);
    assert_int_equal(world_expect_agent(w, 10000), pid);
    assert_int_not_equal(w->agent, old);
    assert_int_equal(world_count(w, 0), PROCESS_COUNT);
}

static char world_fed(struct world *w, int timeout_ms)
{
    struct pollfd in = {.fd = w->dog_fd, .events = POLLIN};
    char byte = '?';
    if (poll(&in, 1, timeout_ms) == 1 && read(w->dog_fd, &byte, 1) == 1) {
        return byte;
    }
    return '?';
}

static void test_guard_feeds_the_watchdog_and_puts_it_away(void **state)
{
    struct world *w = *state;
    char byte = '\0';
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_fed(w, 5000), '\0');
    }
    world_start(w);
    assert_int_equal(world_fed(w, 5000), '\0');
    world_order(w, GUARD_EXIT, 0);
    for (int i = 0; i < 100 && byte == '\0'; i++) {
        byte = world_fed(w, 5000);
    }
    assert_int_equal(byte, 'V');
}

/* A device that nobody feeds any more resets the machine: it is not put away by a kill. */
static void test_guard_that_is_killed_leaves_the_watchdog_hungry(void **state)
{
    struct world *w = *state;
    char byte = '\0';
    kill(w->guard, SIGKILL);
    assert_int_equal(waitpid(w->guard, NULL, 0), w->guard);
    w->guard = 0;
    for (int i = 0; i < 100 && byte == '\0'; i++) {
        byte = world_fed(w, 100);
    }
    assert_int_equal(byte, '?');
}

static void test_guard_does_not_start_without_a_required_watchdog(void **state)
{
    struct world *w = *state;
    int status = 0;
    w->options.watchdog = GUARD_WATCHDOG_REQUIRED;
    w->options.watchdog_device = "/nonexistent/watchdog";
    w->options.watchdog_seconds = 1;
    world_run(w);
    assert_int_equal(waitpid(w->guard, &status, 0), w->guard);
    w->guard = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
    w->options.watchdog = GUARD_WATCHDOG_AUTOMATIC;
    close(w->control);
    world_run(w);
    assert_int_equal(world_expect_agent(w, REPLY_MS), 0);
}

static void test_guard_throttles_an_agent_that_crashes(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 5; i++) {
        kill(w->agent, SIGKILL);
        world_expect_agent(w, 900);
    }
    uint64_t before = boot_ms();
    kill(w->agent, SIGKILL);
    world_expect_agent(w, 3000);
    assert_in_range(boot_ms() - before, 900, 2500);
}

static void test_guard_kills_after_directory_was_deleted(void **state)
{
    struct world *w = *state;
    world_start(w);
    remove_tree(w->dir);
    assert_int_equal(world_count(w, 0), PROCESS_COUNT); /* "(deleted)" */
    world_order(w, GUARD_KILL, 0);
    world_expect(w, GUARD_REPORT_GONE, REPLY_MS);
    assert_int_equal(world_count(w, 0), 0);
}

/* The orphans are the guard's children here; those of an adopted postmaster are not: only the inode
 * tells that they are in the directory that was renamed. */
static void test_guard_finds_orphans_of_adopted_postmaster_in_renamed_directory(void **state)
{
    struct world *w = *state;
    char other[128];
    struct stat status;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(postmaster_main(w->dir));
    }
    world_await(w, PROCESS_COUNT);
    assert_int_equal(stat(w->dir, &status), 0);
    world_order(w, GUARD_ADOPT, pid);
    assert_int_equal(world_expect(w, GUARD_REPORT_STATE, REPLY_MS).postmaster, pid);
    snprintf(other, sizeof other, "%s.old", w->dir);
    assert_int_equal(rename(w->dir, other), 0);
    assert_int_equal(mkdir(w->dir, 0700), 0);
    kill(pid, SIGKILL);
    assert_int_equal(world_expect(w, GUARD_REPORT_EXITED, REPLY_MS).status, -1);
    assert_int_equal(world_count(w, 0), 0);
    assert_int_equal(world_count(w, status.st_ino), ORPHAN_COUNT);
    world_order(w, GUARD_KILL, 0);
    assert_int_equal(world_expect(w, GUARD_REPORT_GONE, REPLY_MS).killed_count, ORPHAN_COUNT);
    assert_int_equal(world_count(w, status.st_ino), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static uint32_t count_session(pid_t session, const struct world *w)
{
    struct instance instance;
    uint32_t found = 0;
    bool whole = false;
    instance_init(&instance, w->dir);
    uint32_t count = instance_scan(&instance, &whole);
    for (uint32_t i = 0; i < count; i++) {
        found += instance_member(i)->session == session ? 1 : 0;
    }
    return found;
}

static void await_session(pid_t session, const struct world *w, uint32_t count)
{
    uint64_t end = boot_ms() + WAIT_MS;
    while (count_session(session, w) != count && boot_ms() < end) {
        nap_ms(5);
    }
    assert_int_equal(count_session(session, w), count);
}

static void test_guard_spares_helpers_of_living_agent_only(void **state)
{
    struct world *w = *state;
    struct message m = {.op = OP_HELPER};
    pid_t old = w->agent;
    world_start(w);
    snprintf(m.argv[0], sizeof m.argv[0], "%s", w->dir);
    world_send(w, &m);
    await_session(old, w, 1);
    world_order(w, GUARD_KILL, 0);
    world_expect(w, GUARD_REPORT_GONE, REPLY_MS);
    assert_int_equal(world_count(w, 0), 0);
    assert_int_equal(count_session(old, w), 1);
    kill(w->agent, SIGKILL);
    world_expect_agent(w, REPLY_MS);
    await_session(old, w, 0);
}

static void test_guard_exit_kills_and_returns_status(void **state)
{
    struct world *w = *state;
    int status = 0;
    world_start(w);
    world_order(w, GUARD_EXIT, 7);
    assert_int_equal(waitpid(w->guard, &status, 0), w->guard);
    w->guard = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(world_count(w, 0), 0);
}

static void test_guard_passes_terminate_on(void **state)
{
    struct world *w = *state;
    pid_t pid = world_start(w);
    kill(w->guard, SIGTERM);
    struct guard_report report = world_expect(w, GUARD_REPORT_TERMINATE, REPLY_MS);
    assert_int_equal(report.postmaster, pid);
    assert_int_equal(report.status, 0);
    world_order(w, GUARD_SIGNAL, SIGINT);
    assert_int_equal(WTERMSIG(world_expect(w, GUARD_REPORT_EXITED, REPLY_MS).status), SIGINT);
}

static void test_guard_client_tells_that_guard_is_dead(void **state)
{
    struct world *w = *state;
    kill(w->guard, SIGKILL);
    waitpid(w->guard, NULL, 0);
    w->guard = 0;
    assert_int_equal(world_expect(w, GUARD_REPORT_TERMINATE, REPLY_MS).status, -1);
    assert_int_equal(world_next(w, 100).op, (enum op) - 1); /* once */
}

static void test_guard_reports_program_that_cannot_run(void **state)
{
    struct world *w = *state;
    struct message m = {.op = OP_START, .a = 1};
    snprintf(m.argv[0], sizeof m.argv[0], "%s", w->log);
    snprintf(m.argv[1], sizeof m.argv[1], "/nonexistent/postgres");
    world_send(w, &m);
    world_expect(w, GUARD_REPORT_STARTED, REPLY_MS);
    struct guard_report report = world_expect(w, GUARD_REPORT_EXITED, REPLY_MS);
    assert_int_equal(WEXITSTATUS(report.status), 127);
}

#include "test_guard_postgres.h"

#define guard_test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
            guard_test(test_guard_kill_leaves_nobody),
            guard_test(test_guard_kills_backends_of_dead_postmaster),
            guard_test(test_guard_kills_at_deadline_while_agent_is_stopped),
            guard_test(test_guard_ignores_deadline_of_standby),
            guard_test(test_guard_follows_a_deadline_that_moves),
            guard_test(test_guard_restarts_agent_and_keeps_postmaster),
            guard_test(test_guard_throttles_an_agent_that_crashes),
            guard_test(test_guard_kills_after_directory_was_deleted),
            guard_test(test_guard_takes_postmaster_with_it),
            guard_test(test_guard_has_left_a_will_when_all_is_stopped),
            guard_test(test_guard_that_goes_on_in_time_is_not_killed),
            guard_test(test_guard_restarts_an_agent_that_stands_still),
            cmocka_unit_test_setup_teardown(test_guard_feeds_the_watchdog_and_puts_it_away,
                                            world_setup_with_watchdog, world_teardown),
            cmocka_unit_test_setup_teardown(test_guard_that_is_killed_leaves_the_watchdog_hungry,
                                            world_setup_with_watchdog, world_teardown),
            cmocka_unit_test_setup_teardown(test_guard_does_not_start_without_a_required_watchdog,
                                            world_setup_without_guard, world_teardown),
            guard_test(test_guard_finds_orphans_of_adopted_postmaster_in_renamed_directory),
            guard_test(test_guard_spares_helpers_of_living_agent_only),
            guard_test(test_guard_exit_kills_and_returns_status),
            guard_test(test_guard_passes_terminate_on),
            guard_test(test_guard_client_tells_that_guard_is_dead),
            guard_test(test_guard_reports_program_that_cannot_run),
            guard_test(test_guard_kills_busy_postgres),
    };
    if (argc > 1 && strcmp(argv[1], "--agent") == 0) {
        return relay_main();
    }
    if (argc > 2 && strcmp(argv[1], "--postmaster") == 0) {
        return postmaster_main(argv[2]);
    }
    snprintf(exe, sizeof exe, "/proc/self/fd/%d", open("/proc/self/exe", O_RDONLY));
    become_postgres();
    assert_true(instance_open());
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
