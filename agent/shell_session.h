/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_session.h - a session with a PostgreSQL, watched by the agent's loop: questions are asked
 * here, answers come by a callback, after which the facts that it pushed are pumped.
 */
#ifndef PGBATON_AGENT_SHELL_SESSION_H
#define PGBATON_AGENT_SHELL_SESSION_H

#include "../proto/result.h"
#include "pg_conn.h"

#include <ev.h>

struct shell;

typedef void (*session_function)(struct shell *shell, const struct pg_answer *answer);
struct session {
    struct shell *shell;
    struct pg_conn *conn;
    ev_io io;
    ev_timer timer;
    session_function on_answer;
};

MUST_USE enum result session_init(struct session *session, struct shell *shell,
                                  const struct pg_target *target, struct failure *reterr_failure);
void session_finish(struct session *session);
/* on_answer is called once, later, unless session_close() comes first. False: a question is under
 * way. */
bool session_ask(struct session *session, const char *sql, uint32_t timeout_ms,
                 session_function on_answer);
void session_close(struct session *session);

#endif
