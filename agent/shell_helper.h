/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_helper.h - a child process, watched by the agent's loop.
 *
 * Its owner starts helper->child by child_start() or child_call() and then hands it to
 * helper_watch(). When it has ended, on_ended gets its wait status, or -1 when its deadline passed:
 * it is killed then, and stays until it has really ended, since a process that waits for a disk
 * cannot die.
 */
#ifndef PGBATON_AGENT_SHELL_HELPER_H
#define PGBATON_AGENT_SHELL_HELPER_H

#include "child.h"

#include <ev.h>

struct shell;

typedef void (*helper_function)(struct shell *shell, int status);
struct helper {
    struct shell *shell;
    struct child child;
    bool answered; /* on_ended was called; the process may still hang */
    ev_io output;
    ev_io exit;
    ev_timer deadline;
    helper_function on_ended;
    void (*on_progress)(struct shell *shell); /* NULL: nobody wants to know */
};

void helper_init(struct helper *helper, struct shell *shell);
/* True while an earlier child has not ended: child must not be started then. */
bool helper_is_busy(const struct helper *helper);
/* Watches helper->child, which has just been started. timeout_ms 0: no deadline. */
void helper_watch(struct helper *helper, uint64_t timeout_ms, helper_function on_ended);
void helper_finish(struct helper *helper);

#endif
