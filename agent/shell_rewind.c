/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"

#include <stdio.h>
#include <stdlib.h>

/* pg_rewind reads the upstream's control file, which shows a new timeline only after a checkpoint:
 * a rewind that runs before that finds "no rewind required" (FACTS 19). */
#define TIMELINE_WAIT_MS 30000
#define TIMELINE_POLL_MS 100
#define CHECKPOINT_AFTER_MS 1000
#define REMOTE_TIMEOUT_MS 5000

static bool is_current(const struct shell *shell)
{
    return shell->task.task == TASK_REWIND;
}

static void ask_later(struct shell *shell)
{
    shell_arm(shell, &shell->task.poll, TIMELINE_POLL_MS);
}

static void give_up(struct shell *shell, const char *text)
{
    session_finish(&shell->task.remote);
    shell_task_end(shell, REASON_REWIND_FAILED, text);
}

static void on_checkpoint(struct shell *shell, const struct pg_answer *answer)
{
    (void)answer;
    if (is_current(shell)) {
        ask_later(shell);
    }
}

static void on_timeline(struct shell *shell, const struct pg_answer *answer)
{
    const char *text = pg_answer_text(answer, 0, 0);
    uint64_t now_ms = shell_now_ms();
    if (!is_current(shell)) {
        return;
    }
    if (text != NULL && strtoull(text, NULL, 10) >= shell->task.upstream.timeline) {
        session_close(&shell->task.remote);
        shell_task_run_helper(shell);
    } else if (now_ms >= shell->task.deadline_ms) {
        give_up(shell, answer->text[0] != '\0'
                               ? answer->text
                               : "the leader's control file shows an older timeline");
    } else if (text != NULL && shell->task.checkpoint_ms != 0 &&
               now_ms >= shell->task.checkpoint_ms) {
        shell->task.checkpoint_ms = 0;
        (void)session_ask(&shell->task.remote, "checkpoint", TIMELINE_WAIT_MS, on_checkpoint);
    } else {
        ask_later(shell);
    }
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    if (is_current(shell)) {
        (void)session_ask(&shell->task.remote, "select timeline_id from pg_control_checkpoint()",
                          REMOTE_TIMEOUT_MS, on_timeline);
    }
}

void shell_rewind_begin(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    struct failure failure = {0};
    session_finish(&task->remote);
    task->remote_target.port = task->upstream.port;
    if (session_init(&task->remote, shell, &task->remote_target, &failure) != RESULT_OK) {
        shell_task_end(shell, REASON_REWIND_FAILED, failure.text);
        return;
    }
    task->deadline_ms = shell_now_ms() + TIMELINE_WAIT_MS;
    task->checkpoint_ms = shell_now_ms() + CHECKPOINT_AFTER_MS;
    ev_timer_stop(shell->loop, &task->poll);
    ev_init(&task->poll, on_poll);
    task->poll.data = shell;
    shell_arm(shell, &task->poll, 0);
}
