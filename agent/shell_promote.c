/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "promote.h"
#include "timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One question of the polling; a busy host may take this long to answer while it promotes. */
#define POLL_TIMEOUT_MS 5000

static bool is_current(const struct shell *shell)
{
    return shell->task.task == TASK_PROMOTE;
}

static void succeed(struct shell *shell, const char *text)
{
    struct fact *fact = shell_push(shell, FACT_TASK_ENDED);
    fact->ok = promote_understand(text, &fact->position, &fact->history);
    fact->task = TASK_PROMOTE;
    shell->task.task = TASK_NONE;
    if (!fact->ok) {
        fact->reason = REASON_PROMOTE_FAILED;
        snprintf(fact->text, sizeof(fact->text), "the new timeline's history is not understood");
    }
}

static void on_poll_answer(struct shell *shell, const struct pg_answer *answer)
{
    const char *text = pg_answer_text(answer, 0, 0);
    if (!is_current(shell)) {
        return;
    }
    if (text != NULL) {
        succeed(shell, text);
    } else if (shell_now_ms() >= shell->task.deadline_ms) {
        shell_task_end(shell, REASON_PROMOTE_FAILED,
                       answer->text[0] != '\0' ? answer->text : "still in recovery");
    } else {
        shell_arm(shell, &shell->task.poll, PROMOTE_POLL_MS);
    }
}

/* Whether commits wait at all is said by the checkpointer, which may read the settings later than
 * others. Where they name somebody, no commit may go before it does (fold_sync_opened()). */
static const char order[] = "select case when current_setting('synchronous_standby_names') <> ''"
                            " and current_setting('pgbaton_fence.synchronous', true) = 'off'"
                            " then 'wait' else pg_promote(false)::text end";

static bool must_wait(const struct pg_answer *answer)
{
    const char *text = pg_answer_text(answer, 0, 0);
    return text != NULL && strcmp(text, "wait") == 0;
}

/* An error is no reason to give up: an earlier agent may have given the order already. */
static void on_ordered(struct shell *shell, const struct pg_answer *answer)
{
    if (!is_current(shell)) {
        return;
    }
    shell->task.ordered = !must_wait(answer);
    if (!shell->task.ordered && shell_now_ms() >= shell->task.deadline_ms) {
        shell_task_end(shell, REASON_PROMOTE_FAILED,
                       "the checkpointer has not read synchronous_standby_names yet");
    } else {
        shell_arm(shell, &shell->task.poll, PROMOTE_POLL_MS);
    }
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    if (is_current(shell)) {
        bool ordered = shell->task.ordered;
        (void)session_ask(&shell->task.session, ordered ? promote_poll_question : order,
                          POLL_TIMEOUT_MS, ordered ? on_poll_answer : on_ordered);
    }
}

static void give_order(struct shell *shell)
{
    struct session *session = &shell->task.session;
    shell_guard_arm(shell);            /* the guard is armed before promotion (DESIGN section 4) */
    shell->guard.signal = SIGNAL_OWED; /* its end removes the file */
    if (!session_ask(session, order, POLL_TIMEOUT_MS, on_ordered)) {
        session_close(session); /* it was being warmed up */
        (void)session_ask(session, order, POLL_TIMEOUT_MS, on_ordered);
    }
}

/* ---- the timeline that the grant names (timeline.h) ---- */

static int reserve_child(const void *argument)
{
    const struct shell *shell = argument;
    struct failure failure = {0};
    return child_conclude(timeline_reserve(shell->settings->data_directory, shell->probe.timeline,
                                           shell->task.upstream.timeline, &failure),
                          &failure);
}

static void on_reserved(struct shell *shell, int status)
{
    struct failure failure = {0};
    if (!is_current(shell)) {
        return;
    }
    if (child_explain(&shell->task.helper.child, status, &failure) != RESULT_OK) {
        shell_task_end(shell, REASON_PROMOTE_FAILED, failure.text);
        return;
    }
    give_order(shell);
}

static void reserve(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    struct failure failure = {0};
    if (helper_is_busy(&task->helper)) {
        shell_task_end(shell, REASON_PROMOTE_FAILED, "an earlier task still hangs on the disk");
        return;
    }
    if (child_call(&task->helper.child, "reserve", reserve_child, shell, -1, &failure) !=
        RESULT_OK) {
        shell_task_end(shell, REASON_PROMOTE_FAILED, failure.text);
        return;
    }
    helper_watch(&task->helper, PROMOTE_TIMEOUT_MS, on_reserved);
}

void shell_promote_begin(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    task->deadline_ms = shell_now_ms() + PROMOTE_TIMEOUT_MS;
    ev_timer_stop(shell->loop, &task->poll);
    ev_init(&task->poll, on_poll);
    task->poll.data = shell;
    if (task->upstream.timeline > shell->probe.timeline + 1) {
        reserve(shell);
    } else {
        give_order(shell);
    }
}
