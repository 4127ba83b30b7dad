/* SPDX-License-Identifier: PostgreSQL */
/* The guard's one talking child: started, restarted, obeyed. */
#include "guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More crashes than GUARD_CRASH_COUNT_MAX in the window cost a pause before the next start. */
#define CRASH_WINDOW_MS 10000
#define CRASH_PAUSE_MS 1000
/* How often the agent's turn is looked at; a guard that looks much later has stood still itself. */
#define LOOK_PERIOD_MS 1000

static void agent_execute(int socket)
{
    char value[32];
    char *const *argv = guard.options.agent_argv;
    guard_child_prepare();
    fcntl(socket, F_SETFD, 0);
    fcntl(guard.lease.page_fd, F_SETFD, 0);
    snprintf(value, sizeof value, "%d,%d", socket, guard.lease.page_fd);
    setenv(GUARD_ENVIRONMENT, value, 1);
    execv(argv[0], argv);
    guard_say(SEVERITY_ERROR, "the agent %s cannot be executed: %s", argv[0], strerror(errno));
    _exit(127);
}

void guard_agent_start(void)
{
    struct guard_agent *agent = &guard.agent;
    int ends[2];
    agent->start_ms = guard_page_now_ms() + CRASH_PAUSE_MS;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return;
    }
    atomic_store(&guard.page->agent_turn_ms, 0);
    agent->pid = fork();
    if (agent->pid == 0) {
        agent_execute(ends[1]);
    }
    close(ends[1]);
    if (agent->pid < 0) {
        agent->pid = 0;
        close(ends[0]);
        return;
    }
    agent->start_ms = GUARD_NEVER;
    agent->turn_ms = 0;
    guard.instance.session = agent->pid;
    agent->socket = ends[0];
    guard_report_send(GUARD_REPORT_STATE, 0, 0);
    if (guard.terminating) {
        guard_report_send(GUARD_REPORT_TERMINATE, 0, 0);
    }
}

static bool crashes_too_often(uint64_t now)
{
    struct guard_agent *agent = &guard.agent;
    uint64_t *slot = &agent->crashes_ms[agent->crash_count % GUARD_CRASH_COUNT_MAX];
    bool often = agent->crash_count >= GUARD_CRASH_COUNT_MAX && now - *slot < CRASH_WINDOW_MS;
    *slot = now;
    agent->crash_count += 1;
    return often;
}

static void hang_up(void)
{
    if (guard.agent.socket >= 0) {
        close(guard.agent.socket);
    }
    guard.agent.socket = -1;
}

/* Its last orders stand (GUARD_EXIT may be among them); its helpers must not write on while the
 * next agent starts others. */
void guard_agent_ended(void)
{
    uint64_t now = guard_page_now_ms();
    pid_t pid = guard.agent.pid;
    guard_agent_take_orders();
    hang_up();
    instance_kill_session(pid);
    guard.agent.pid = 0;
    guard.agent.is_dead = false;
    guard.instance.session = 0;
    if (!guard.leaving) {
        guard.agent.start_ms = now + (crashes_too_often(now) ? CRASH_PAUSE_MS : 0);
        guard_say(SEVERITY_WARNING,
                  "the agent ended and is started again; PostgreSQL is left as it is pid=%d",
                  (int)pid);
    }
}

/* The measure is the guard's own: a machine that stood still has not made the agent late. */
void guard_agent_look(uint64_t now_ms)
{
    struct guard_agent *agent = &guard.agent;
    uint64_t turn_ms = atomic_load(&guard.page->agent_turn_ms);
    bool late = now_ms > agent->looked_ms + 2 * LOOK_PERIOD_MS;
    agent->looked_ms = now_ms;
    if (turn_ms == 0 || turn_ms != agent->turn_ms || late) {
        agent->turn_ms = turn_ms;
        agent->turned_ms = now_ms;
    } else if (now_ms >= agent->turned_ms + GUARD_HUNG_MS && agent->pid > 0) {
        guard_say(SEVERITY_ERROR, "the agent has stood still for %d s: it is killed pid=%d",
                  GUARD_HUNG_MS / 1000, (int)agent->pid);
        kill(agent->pid, SIGKILL);
        agent->turned_ms = now_ms;
    }
}

uint64_t guard_agent_look_ms(uint64_t now_ms)
{
    uint64_t next_ms = guard.agent.looked_ms + LOOK_PERIOD_MS;
    if (guard.agent.pid <= 0) {
        return GUARD_NEVER;
    }
    return next_ms > now_ms ? next_ms : now_ms;
}

static void order_take(char *bytes, size_t size)
{
    struct guard_order order;
    if (size < sizeof order) {
        return;
    }
    memcpy(&order, bytes, sizeof order);
    if (order.kind == GUARD_START) {
        guard_postgres_start(bytes + sizeof order, size - sizeof order, order.argument);
    } else if (order.kind == GUARD_SIGNAL) {
        guard_postgres_signal(order.argument);
    } else if (order.kind == GUARD_KILL) {
        guard_postgres_kill(GUARD_REPORT_GONE);
    } else if (order.kind == GUARD_ADOPT) {
        guard_postgres_adopt(order.argument);
    } else if (order.kind == GUARD_EXIT) {
        guard_leave(order.argument);
    }
}

/* A closed socket of a living agent is the end of that agent too: it could not hear us any more. */
void guard_agent_take_orders(void)
{
    static _Alignas(8) char bytes[GUARD_ORDER_BYTES_MAX];
    while (guard.agent.socket >= 0) {
        ssize_t size = recv(guard.agent.socket, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0) {
            order_take(bytes, (size_t)size);
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else if (size < 0 && errno == EAGAIN) {
            return;
        } else {
            hang_up();
            kill(guard.agent.pid, SIGKILL);
        }
    }
}
