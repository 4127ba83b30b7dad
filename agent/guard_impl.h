/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard_impl.h - what the files of the guard share: its one state, and who calls whom.
 *
 * For guard.c (the loop) and guard_*.c only; who may write what is said at the fields.
 */
#ifndef PGBATON_AGENT_GUARD_IMPL_H
#define PGBATON_AGENT_GUARD_IMPL_H

#include "guard.h"
#include "guard_host.h"
#include "guard_kill.h"
#include "guard_run.h"
#include "guard_wire.h"

#define GUARD_CRASH_COUNT_MAX 5
#define GUARD_NEVER UINT64_MAX

/* guard_agent.c */
struct guard_agent {
    int socket; /* our end; -1: the agent has none */
    pid_t pid;
    uint64_t start_ms; /* when to start it; GUARD_NEVER: it runs, or is not wanted any more */
    uint64_t crashes_ms[GUARD_CRASH_COUNT_MAX];
    uint32_t crash_count;
    bool is_dead;       /* reaped, and not dealt with yet */
    uint64_t turn_ms;   /* what the page said when it was looked at last */
    uint64_t turned_ms; /* when that had changed */
    uint64_t looked_ms; /* when it was looked at last */
};

/* guard_postgres.c */
struct guard_postgres {
    int fd;        /* pidfd of the postmaster; -1: none */
    bool adopted;  /* not our child */
    bool may_live; /* no proof that every process of the instance is dead */
    bool killing;
    enum guard_report_kind kill_report; /* what is reported when the killing is done */
    uint32_t killed_count;
    uint64_t kill_at_ms;
    uint64_t kill_pause_ms;
};

/* guard_lease.c */
struct guard_lease {
    int page_fd;      /* for the agent */
    int read_only_fd; /* the same page, for PostgreSQL: it cannot be written through this one */
    uint64_t will_ms; /* when the kernel kills the guard; 0: never */
};

struct guard {
    struct guard_options options;
    struct guard_page *page;
    struct instance instance; /* whom to kill; its postmaster and session are kept up to date */
    struct guard_agent agent;
    struct guard_postgres postgres;
    struct guard_lease lease;
    int signal_fd;
    bool terminating;
    uint64_t terminate_by_ms; /* kill all and leave; GUARD_NEVER */
    bool leaving;
    uint64_t leave_by_ms;
    int exit_status;
};

extern struct guard guard; /* guard.c; there is one */

/* guard.c */
void guard_report_send(enum guard_report_kind kind, int status, uint32_t killed_count);
/* What every child of the guard needs before it executes: none of the guard's peculiarities. */
void guard_child_prepare(void);
/* Takes note of every child that has ended. */
void guard_reap(void);
/* GUARD_EXIT, or nobody gave it in time. */
void guard_leave(int status);

/* guard_agent.c */
void guard_agent_start(void);
/* It has been reaped. */
void guard_agent_ended(void);
void guard_agent_take_orders(void);
/* Kills an agent that stands still: its end is dealt with as a crash. */
void guard_agent_look(uint64_t now_ms);
/* When to look; GUARD_NEVER while there is none. */
uint64_t guard_agent_look_ms(uint64_t now_ms);

/* guard_postgres.c */
bool guard_postgres_open(void);
void guard_postgres_start(char *text, size_t size, int32_t count);
void guard_postgres_adopt(pid_t pid);
void guard_postgres_signal(int number);
/* The postmaster has ended; status -1: not known. */
void guard_postgres_ended(int status);
void guard_postgres_kill(enum guard_report_kind kind);
/* One round of a killing that goes on. */
void guard_postgres_kill_round(uint64_t now_ms);
/* Somebody died: it may have been the last. */
void guard_postgres_kill_soon(void);

/* guard_lease.c: when a primary's time is over, and what if the guard is not there to see it */
bool guard_lease_open(void);
/* True when what runs may be a primary and its deadline has passed. */
bool guard_lease_is_over(void);
/* When to look at the page again while something runs. */
uint64_t guard_lease_look_ms(uint64_t now_ms);
/* Brings the kernel's timer up to date with the page. */
void guard_lease_will(void);

/* guard_watchdog.c */
bool guard_watchdog_open(const struct guard_options *options);
/* Feeds the device when that is due. starving: a primary that cannot be killed has outlived its
 * lease. */
void guard_watchdog_feed(bool starving, uint64_t now_ms);
/* When to feed it again; GUARD_NEVER: there is none. */
uint64_t guard_watchdog_due_ms(void);
/* Every process is dead, proven: the device is put out of service. */
void guard_watchdog_close(void);

#endif
