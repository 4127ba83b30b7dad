/* SPDX-License-Identifier: PostgreSQL */
/*
 * clock_step - a library that a playground preloads into a node's programs (playground up
 * --clocks): their wall clock is ahead of the machine's by the seconds that stand in the file
 * PLAYGROUND_CLOCK, 8 bytes in the machine's order. The clocks that count from the boot are left
 * alone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The file as it is now; NULL: there is none. */
static const volatile int64_t *ahead;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("PLAYGROUND_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
        ahead = map != MAP_FAILED ? map : NULL;
        close(fd);
    }
}

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int status = (int)syscall(SYS_clock_gettime, clock, ret_now);
    if (status == 0 && ahead != NULL &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ret_now->tv_sec += *ahead;
    }
    return status;
}

int gettimeofday(struct timeval *restrict ret_now, void *restrict ret_zone)
{
    struct timespec now;
    int status = clock_gettime(CLOCK_REALTIME, &now);
    (void)ret_zone;
    if (status == 0) {
        *ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    }
    return status;
}

time_t time(time_t *ret_now)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now != NULL) {
        *ret_now = now.tv_sec;
    }
    return now.tv_sec;
}
