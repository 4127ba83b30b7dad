/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"
#include "shell_post_init.h"

#include "../proto/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WRITE_TIMEOUT_MS 5000
#define CHECKPOINT_TIMEOUT_MS 3600000
#define ROLE_TIMEOUT_MS 10000
#define WARM_UP_TIMEOUT_MS 5000

/* How long a helper of a task may take; 0: as long as it progresses. */
static const uint32_t helper_timeouts_ms[TASK_COUNT] = {
        [TASK_INITDB] = INITDB_TIMEOUT_MS,
        [TASK_REWIND] = REWIND_TIMEOUT_MS,
};

void shell_task_end(struct shell *shell, enum reason reason, const char *text)
{
    struct fact *fact = shell_push(shell, FACT_TASK_ENDED);
    fact->ok = reason == REASON_NONE;
    fact->task = shell->task.task;
    fact->reason = reason;
    snprintf(fact->text, sizeof(fact->text), "%.*s", (int)sizeof(fact->text) - 1, text);
    shell->task.task = TASK_NONE;
    ev_timer_stop(shell->loop, &shell->task.poll);
}

/* ---- initdb, pg_basebackup, pg_rewind ---- */

static void on_helper_ended(struct shell *shell, int status)
{
    struct failure failure = {0};
    enum task task = shell->task.task;
    if (task == TASK_NONE) {
        return;
    }
    if (status == -1) {
        shell_task_end(shell, rebuild_reason(task), "it did not end in time");
        return;
    }
    if (child_explain(&shell->task.helper.child, status, &failure) != RESULT_OK) {
        shell_task_end(shell, rebuild_reason(task), failure.text);
        return;
    }
    shell->task.forget = true;
    shell_task_end(shell, REASON_NONE, "");
}

static void on_helper_progress(struct shell *shell)
{
    struct fact *fact = shell_push(shell, FACT_TASK_PROGRESS);
    fact->task = shell->task.task;
    fact->percent = shell->task.helper.child.percent;
    fact->done_bytes = shell->task.helper.child.done_kb * 1024;
    fact->total_bytes = shell->task.helper.child.total_kb * 1024;
}

/* The lock file would stop pg_rewind's own server. */
static int rebuild_child(const void *argument)
{
    const struct shell *shell = argument;
    const struct shell_task *task = &shell->task;
    struct failure failure = {0};
    enum result result = shell_tidy_locks(shell, &failure);
    if (result == RESULT_OK) {
        result = rebuild_run(&shell->rebuild, task->task, &task->upstream, &failure);
    }
    return child_conclude(result, &failure);
}

void shell_task_run_helper(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    struct failure failure = {0};
    if (helper_is_busy(&task->helper)) {
        shell_task_end(shell, rebuild_reason(task->task), "an earlier one still hangs on the disk");
        return;
    }
    if (child_call(&task->helper.child, task_name(task->task), rebuild_child, shell, -1,
                   &failure) != RESULT_OK) {
        shell_task_end(shell, rebuild_reason(task->task), failure.text);
        return;
    }
    helper_watch(&task->helper, helper_timeouts_ms[task->task], on_helper_ended);
}

/* ---- short SQL ---- */

static const char *verdict_of(const struct pg_answer *answer)
{
    return answer->text[0] != '\0' ? answer->text : "the session ended";
}

static void on_role(struct shell *shell, const struct pg_answer *answer)
{
    (void)shell;
    if (answer->verdict != PG_ANSWERED) {
        log_line(SEVERITY_WARNING, "the replication role could not be kept: %s",
                 verdict_of(answer));
    }
}

/* A role for pg_basebackup and the WAL receivers alone; settings.c has checked its name. */
static void keep_role(struct shell *shell)
{
    const struct settings *s = shell->settings;
    char sql[512];
    if (strcmp(s->replication_user, s->superuser) == 0) {
        return;
    }
    snprintf(sql, sizeof(sql),
             "do $$ begin if not exists (select from pg_roles where rolname = '%s') then"
             " create role \"%s\" login replication; end if; end $$",
             s->replication_user, s->replication_user);
    (void)session_ask(&shell->task.admin, sql, ROLE_TIMEOUT_MS, on_role);
}

static void on_first_write(struct shell *shell, const struct pg_answer *answer)
{
    if (answer->verdict != PG_ANSWERED) {
        shell_task_end(shell, REASON_PROBE_FAILED, verdict_of(answer));
        return;
    }
    shell_task_end(shell, REASON_NONE, "");
    shell_guard_primary(shell);
    keep_role(shell);
}

static void begin_first_write(struct shell *shell)
{
    if (!session_ask(&shell->task.session,
                     "select pg_logical_emit_message(true, 'pgbaton', 'first write')",
                     FIRST_WRITE_TIMEOUT_MS, on_first_write)) {
        shell_task_end(shell, REASON_PROBE_FAILED, "its session is busy");
    }
}

static void on_checkpoint(struct shell *shell, const struct pg_answer *answer)
{
    bool ok = answer->verdict == PG_ANSWERED;
    shell_task_end(shell, ok ? REASON_NONE : REASON_PROBE_FAILED, ok ? "" : verdict_of(answer));
}

static void begin_checkpoint(struct shell *shell)
{
    if (!session_ask(&shell->task.admin, "checkpoint", CHECKPOINT_TIMEOUT_MS, on_checkpoint)) {
        shell_task_end(shell, REASON_PROBE_FAILED, "its session is busy");
    }
}

/* ---- which is begun how ---- */

static void (*const begins[TASK_COUNT])(struct shell *) = {
        [TASK_INITDB] = shell_task_run_helper,  [TASK_BASEBACKUP] = shell_task_run_helper,
        [TASK_REWIND] = shell_rewind_begin,     [TASK_PROMOTE] = shell_promote_begin,
        [TASK_FIRST_WRITE] = begin_first_write, [TASK_CHECKPOINT] = begin_checkpoint,
        [TASK_RESTORE] = shell_task_run_helper, [TASK_POST_INIT] = shell_post_init_begin,
        [TASK_CLONE] = shell_task_run_helper,
};

void shell_task_begin(struct shell *shell, enum task task, const struct upstream *upstream)
{
    shell->task.task = task;
    shell->task.upstream = *upstream;
    if (begins[task] == NULL) {
        shell_task_end(shell, REASON_NONE, "");
        return;
    }
    begins[task](shell);
}

void shell_task_orphaned(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    session_close(&task->session);
    session_close(&task->admin);
    if (task->task == TASK_POST_INIT) {
        child_kill(&task->helper.child);
    }
    if (task->task == TASK_PROMOTE || task->task == TASK_POST_INIT ||
        task->task == TASK_FIRST_WRITE || task->task == TASK_CHECKPOINT) {
        shell_task_end(shell, REASON_POSTMASTER_DIED, "PostgreSQL is gone");
    }
}

static void on_warm(struct shell *shell, const struct pg_answer *answer)
{
    (void)shell;
    (void)answer;
}

void shell_task_warm_up(struct shell *shell)
{
    const struct pg_conn *conn = shell->task.session.conn;
    if (shell->task.task == TASK_NONE && !pg_conn_is_idle(conn) && !pg_conn_is_asking(conn)) {
        (void)session_ask(&shell->task.session, "select 1", WARM_UP_TIMEOUT_MS, on_warm);
    }
}

static void on_forgotten(struct shell *shell, int status)
{
    struct failure failure = {0};
    if (child_explain(&shell->task.forgetting.child, status, &failure) != RESULT_OK) {
        log_line(SEVERITY_WARNING, "the old data directory is left behind: %s", failure.text);
    }
}

void shell_task_streaming(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    struct failure failure = {0};
    if (!task->forget || helper_is_busy(&task->forgetting)) {
        return;
    }
    task->forget = false;
    if (rebuild_forget_start(&task->forgetting.child, &shell->rebuild, &failure) == RESULT_OK) {
        helper_watch(&task->forgetting, 0, on_forgotten);
    }
}

enum result shell_tasks_open(struct shell *shell, struct failure *reterr_failure)
{
    struct shell_task *task = &shell->task;
    helper_init(&task->helper, shell);
    helper_init(&task->forgetting, shell);
    task->helper.on_progress = on_helper_progress;
    task->forget = true; /* an earlier incarnation may have rebuilt */
    task->remote_target = shell->local;
    task->remote_target.host = task->upstream.host;
    enum result result = session_init(&task->session, shell, &shell->local, reterr_failure);
    if (result == RESULT_OK) {
        result = session_init(&task->admin, shell, &shell->local, reterr_failure);
    }
    return result;
}

void shell_tasks_close(struct shell *shell)
{
    struct shell_task *task = &shell->task;
    helper_finish(&task->helper);
    helper_finish(&task->forgetting);
    ev_timer_stop(shell->loop, &task->poll);
    session_finish(&task->session);
    session_finish(&task->remote);
    session_finish(&task->admin);
}
