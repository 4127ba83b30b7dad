/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

/* The pipe ends before the process or after it; a descriptor that is closed is not watched. */
static void watch_output(struct helper *helper)
{
    ev_io_stop(helper->shell->loop, &helper->output);
    if (helper->child.output_fd >= 0) {
        ev_io_set(&helper->output, helper->child.output_fd, EV_READ);
        ev_io_start(helper->shell->loop, &helper->output);
    }
}

static void on_output(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct helper *helper = watcher->data;
    (void)events;
    ev_io_stop(loop, watcher);
    bool changed = child_read(&helper->child);
    watch_output(helper);
    if (changed && helper->on_progress != NULL) {
        helper->on_progress(helper->shell);
        shell_pump(helper->shell);
    }
}

static void answer(struct helper *helper, int status)
{
    if (!helper->answered) {
        helper->answered = true;
        helper->on_ended(helper->shell, status);
        shell_pump(helper->shell);
    }
}

static void unwatch(struct helper *helper)
{
    ev_io_stop(helper->shell->loop, &helper->output);
    ev_io_stop(helper->shell->loop, &helper->exit);
    ev_timer_stop(helper->shell->loop, &helper->deadline);
}

static void on_exit_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct helper *helper = watcher->data;
    int status = -1;
    (void)events;
    ev_io_stop(loop, &helper->output);
    if (!child_reap(&helper->child, &status)) {
        watch_output(helper);
        return;
    }
    unwatch(helper);
    child_finish(&helper->child);
    answer(helper, status);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct helper *helper = watcher->data;
    (void)loop;
    (void)events;
    child_kill(&helper->child);
    answer(helper, -1);
}

void helper_init(struct helper *helper, struct shell *shell)
{
    helper->shell = shell;
    helper->answered = true;
    helper->child.pidfd = -1;
    helper->child.output_fd = -1;
    ev_init(&helper->output, on_output);
    ev_init(&helper->exit, on_exit_ready);
    ev_init(&helper->deadline, on_deadline);
    helper->output.data = helper;
    helper->exit.data = helper;
    helper->deadline.data = helper;
}

bool helper_is_busy(const struct helper *helper)
{
    return helper->child.pid != 0;
}

void helper_watch(struct helper *helper, uint64_t timeout_ms, helper_function on_ended)
{
    helper->answered = false;
    helper->on_ended = on_ended;
    ev_io_set(&helper->exit, helper->child.pidfd, EV_READ);
    ev_io_start(helper->shell->loop, &helper->exit);
    watch_output(helper);
    if (timeout_ms != 0) {
        shell_arm(helper->shell, &helper->deadline, timeout_ms);
    }
}

void helper_finish(struct helper *helper)
{
    if (helper->shell == NULL) {
        return;
    }
    helper->answered = true;
    unwatch(helper);
    if (helper_is_busy(helper)) {
        child_kill(&helper->child);
    }
}
