/* SPDX-License-Identifier: PostgreSQL */
/*
 * guard.h - the guard as its agent sees it: orders, reports, and the page that both share.
 *
 * The guard (pgbaton-guard: guard_main.c and guard_*.c) is the small process that is the parent of
 * the agent and of the postmaster; guard_run.h says what it does. This header is for the agent.
 *
 *   guard ─┬─ agent (socketpair: orders and reports; shared page: the lease's deadline)
 *          └─ postmaster ── backends (sessions of their own)
 */
#ifndef PGBATON_AGENT_GUARD_H
#define PGBATON_AGENT_GUARD_H

#include "../proto/result.h"
#include "guard_page.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum guard_order_kind { GUARD_START = 1, GUARD_SIGNAL, GUARD_KILL, GUARD_ADOPT, GUARD_EXIT };
enum guard_report_kind {
    GUARD_REPORT_STATE =
            1,            /* at the agent's start, after ADOPT, and when a START was refused because
                             something runs; without a postmaster it proves nothing: order KILL */
    GUARD_REPORT_STARTED, /* pid is the postmaster's */
    GUARD_REPORT_EXITED,  /* the postmaster ended, other than by KILL; status is its wait status, or
                             -1 of an adopted one: not known. Its processes may live: order KILL */
    GUARD_REPORT_GONE,    /* every process is dead, killed_count of them by SIGKILL */
    GUARD_REPORT_EXPIRED, /* the same, because the deadline passed */
    GUARD_REPORT_TERMINATE /* SIGTERM or SIGINT was sent to the guard */
};

/* The agent's end of it. */
struct guard_client;
MUST_USE enum result guard_client_create(struct guard_client **ret_client,
                                         struct failure *reterr_failure);
void guard_client_destroy(struct guard_client *client);
int guard_client_fd(const struct guard_client *client);
struct guard_page *guard_client_page(struct guard_client *client);
MUST_USE enum result guard_client_start(struct guard_client *client, char *const argv[],
                                        const char *log_path, struct failure *reterr_failure);
MUST_USE enum result guard_client_order(struct guard_client *client, enum guard_order_kind kind,
                                        int argument, struct failure *reterr_failure);

struct guard_report {
    enum guard_report_kind kind;
    pid_t postmaster; /* 0 when there is none */
    int status;
    uint32_t killed_count;
};
/* False when there is no report now. A closed socket (the guard is dead: nobody kills at the
 * deadline any more) is reported once as GUARD_REPORT_TERMINATE with status -1. */
bool guard_client_take(struct guard_client *client, struct guard_report *ret_report);

#endif
