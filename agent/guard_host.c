/* SPDX-License-Identifier: PostgreSQL */
#include "guard_host.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES 65536
#define SAY_BYTES 512

/* The stack is touched first, because a locked one may not be allowed to grow; the time zone's file
 * is read now, so that no line waits for a disk. */
void guard_harden(void)
{
    volatile char stack[STACK_BYTES];
    struct sched_param rank = {.sched_priority = 1};
    for (size_t i = 0; i < sizeof stack; i += 1024) {
        stack[i] = 0;
    }
    tzset();
    if (mlockall(MCL_CURRENT) != 0) {
        guard_say(SEVERITY_WARNING,
                  "its memory is not locked (%s), so that on a host that swaps it may end an "
                  "expired lease late: set LimitMEMLOCK=infinity in the unit, or ulimit -l "
                  "unlimited",
                  strerror(errno));
    }
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &rank) != 0 && errno != EPERM) {
        guard_say(SEVERITY_WARNING, "it has no real-time priority: %s", strerror(errno));
    }
}

const char *guard_how_ended(int status)
{
    static char text[48];
    if (status == -1) {
        return "how is not known";
    }
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, "killed by signal %d", WTERMSIG(status));
    } else {
        snprintf(text, sizeof text, "exit status %d", WEXITSTATUS(status));
    }
    return text;
}

void guard_say(enum severity severity, const char *format, ...)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    char text[SAY_BYTES];
    va_list arguments;
    if (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_line(severity, "guard: %s", text);
}
