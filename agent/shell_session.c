/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include <string.h>

static void unwatch(struct session *session)
{
    ev_io_stop(session->shell->loop, &session->io);
    ev_timer_stop(session->shell->loop, &session->timer);
}

/* The socket may be another one after each call of pg_conn: both watchers are set anew. */
static void watch_again(struct session *session)
{
    const struct pg_conn *conn = session->conn;
    int events =
            (pg_conn_wants_read(conn) ? EV_READ : 0) | (pg_conn_wants_write(conn) ? EV_WRITE : 0);
    unwatch(session);
    if (pg_conn_fd(conn) >= 0) {
        ev_io_set(&session->io, pg_conn_fd(conn), events);
        ev_io_start(session->shell->loop, &session->io);
    }
    uint64_t due_ms = pg_conn_due_ms(conn);
    if (due_ms != UINT64_MAX) {
        uint64_t now_ms = shell_now_ms();
        shell_arm(session->shell, &session->timer, due_ms > now_ms ? due_ms - now_ms : 0);
    }
}

static void work(struct session *session)
{
    struct pg_answer answer;
    unwatch(session);
    if (!pg_conn_work(session->conn, shell_now_ms(), &answer)) {
        watch_again(session);
        return;
    }
    watch_again(session);
    session->on_answer(session->shell, &answer);
    shell_pump(session->shell);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    work(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    work(watcher->data);
}

enum result session_init(struct session *session, struct shell *shell,
                         const struct pg_target *target, struct failure *reterr_failure)
{
    session->shell = shell;
    session->conn = pg_conn_create(target);
    if (session->conn == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "a session: out of memory");
    }
    ev_init(&session->io, on_io);
    ev_init(&session->timer, on_timer);
    session->io.data = session;
    session->timer.data = session;
    return RESULT_OK;
}

void session_finish(struct session *session)
{
    if (session->conn != NULL) {
        session_close(session);
        pg_conn_destroy(session->conn);
        session->conn = NULL;
    }
}

bool session_ask(struct session *session, const char *sql, uint32_t timeout_ms,
                 session_function on_answer)
{
    ev_io_stop(session->shell->loop, &session->io);
    bool asked = pg_conn_ask(session->conn, sql, shell_now_ms() + timeout_ms);
    if (asked) {
        session->on_answer = on_answer;
    }
    watch_again(session);
    return asked;
}

void session_close(struct session *session)
{
    unwatch(session);
    pg_conn_close(session->conn);
}
