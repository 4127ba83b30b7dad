/* SPDX-License-Identifier: PostgreSQL */
/* The Linux watchdog: a device that resets the machine unless it is written to in time
 * (docs.kernel.org/watchdog/watchdog-api.html). */
#include "guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Feedings in one timeout: two may be late. */
#define FEEDINGS 4

static int device = -1;
static uint64_t due_ms = GUARD_NEVER;
static uint64_t period_ms;
static bool said_starving;

/* False when the guard must not start. */
static bool missing(const struct guard_options *options, const char *what, const char *why,
                    const char *cure)
{
    bool required = options->watchdog == GUARD_WATCHDOG_REQUIRED;
    guard_say(required ? SEVERITY_ERROR : SEVERITY_WARNING, "the watchdog %s %s: %s; %s",
              options->watchdog_device, what, why, cure);
    return !required;
}

/* A device may know other timeouts than the one that is asked for: it says which it took. */
static bool set_timeout(const struct guard_options *options)
{
    int seconds = options->watchdog_seconds;
    if (ioctl(device, WDIOC_SETTIMEOUT, &seconds) != 0) {
        return missing(options, "does not take its timeout", strerror(errno),
                       "its own holds; name another device, or set watchdog.mode: off");
    }
    if (seconds != options->watchdog_seconds) {
        guard_say(SEVERITY_WARNING, "the watchdog %s resets after %d s, not %d",
                  options->watchdog_device, seconds, options->watchdog_seconds);
    }
    period_ms = (uint64_t)seconds * 1000 / FEEDINGS;
    return true;
}

bool guard_watchdog_open(const struct guard_options *options)
{
    if (options->watchdog == GUARD_WATCHDOG_OFF) {
        return true;
    }
    device = open(options->watchdog_device, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) {
        return missing(options, "cannot be opened", strerror(errno),
                       "load its driver (modprobe softdog), let this user write to it, or set "
                       "watchdog.mode: off");
    }
    period_ms = (uint64_t)options->watchdog_seconds * 1000 / FEEDINGS;
    due_ms = 0;
    return set_timeout(options);
}

void guard_watchdog_feed(bool starving, uint64_t now_ms)
{
    if (device < 0 || now_ms < due_ms) {
        return;
    }
    due_ms = now_ms + period_ms;
    if (starving && !said_starving) {
        guard_say(SEVERITY_ERROR, "PostgreSQL cannot be killed and its lease is over: the watchdog "
                                  "is no longer fed, and resets this machine");
    }
    said_starving = starving;
    if (!starving && write(device, "", 1) != 1) {
        guard_say(SEVERITY_WARNING, "the watchdog could not be fed: %s", strerror(errno));
    }
}

uint64_t guard_watchdog_due_ms(void)
{
    return due_ms;
}

/* 'V' lets a device be closed without a reset. */
void guard_watchdog_close(void)
{
    if (device >= 0 && write(device, "V", 1) == 1) {
        close(device);
        device = -1;
        due_ms = GUARD_NEVER;
    }
}
