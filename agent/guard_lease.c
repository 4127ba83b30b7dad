/* SPDX-License-Identifier: PostgreSQL */
#include "guard_impl.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* How often the page is read again while something runs: well below the shortest lease. */
#define PAGE_PERIOD_MS 50
/* A guard that runs has acted by then. */
#define WILL_LATE_MS 50

static timer_t will_timer;

/* A second descriptor of the page, which cannot write. */
static int reopen_read_only(int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool map_page(void)
{
    struct guard_lease *lease = &guard.lease;
    lease->page_fd = memfd_create("pgbaton-guard", MFD_CLOEXEC);
    if (lease->page_fd < 0 || ftruncate(lease->page_fd, sizeof *guard.page) != 0) {
        return false;
    }
    guard.page =
            mmap(NULL, sizeof *guard.page, PROT_READ | PROT_WRITE, MAP_SHARED, lease->page_fd, 0);
    if (guard.page == MAP_FAILED) {
        return false;
    }
    atomic_store(&guard.page->version, GUARD_PAGE_VERSION);
    lease->read_only_fd = reopen_read_only(lease->page_fd);
    return lease->read_only_fd >= 0;
}

bool guard_lease_open(void)
{
    struct sigevent kill_us = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    return map_page() && timer_create(CLOCK_BOOTTIME, &kill_us, &will_timer) == 0;
}

bool guard_lease_is_over(void)
{
    return guard.postgres.may_live && atomic_load(&guard.page->primary) == 1 &&
           guard_page_lease_is_over(guard.page);
}

uint64_t guard_lease_look_ms(uint64_t now_ms)
{
    if (!guard.postgres.may_live) {
        return GUARD_NEVER;
    }
    uint64_t deadline_ms = atomic_load(&guard.page->lease_deadline_ms);
    bool sooner = atomic_load(&guard.page->primary) == 1 && deadline_ms < now_ms + PAGE_PERIOD_MS;
    return sooner ? deadline_ms : now_ms + PAGE_PERIOD_MS;
}

/* The timer of a lease that is taken out, or that this guard is acting on, is stopped. */
void guard_lease_will(void)
{
    uint64_t deadline_ms = atomic_load(&guard.page->lease_deadline_ms);
    bool needed = guard.postgres.may_live && !guard.postgres.killing && deadline_ms != 0 &&
                  atomic_load(&guard.page->primary) == 1;
    uint64_t will_ms = needed ? deadline_ms + WILL_LATE_MS : 0;
    if (will_ms == guard.lease.will_ms) {
        return;
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(will_ms / 1000),
                                         .tv_nsec = (long)(will_ms % 1000) * 1000000}};
    if (timer_settime(will_timer, TIMER_ABSTIME, &at, NULL) == 0) {
        guard.lease.will_ms = will_ms;
    }
}
