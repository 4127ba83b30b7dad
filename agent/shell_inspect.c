/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the child is told: the watches are set before it looks, so that nothing falls between. */
struct look {
    const struct watch_data *watch;
    const char *directory;
    bool processes; /* only the first look wants them: the guard knows them afterwards */
};

static int look_child(const void *argument)
{
    const struct look *look = argument;
    watch_data_arm(look->watch, look->directory);
    return inspect_run(look->directory, look->processes, STDOUT_FILENO);
}

static void close_pipe(struct shell *shell)
{
    if (shell->inspect.pipe_fd >= 0) {
        close(shell->inspect.pipe_fd);
        shell->inspect.pipe_fd = -1;
    }
}

static void deliver(struct shell *shell, const struct inspect_report *report)
{
    if (report->inspection.wal_segment_bytes != 0) {
        shell->probe.segment_bytes = report->inspection.wal_segment_bytes;
    }
    if (!shell->guard.opened) {
        bool orphans = report->postmaster == 0 && report->process_count > 0;
        if (orphans) {
            log_line(SEVERITY_WARNING, "processes without a postmaster are killed count=%u",
                     (unsigned)report->process_count);
        }
        shell_guard_found(shell, report->postmaster, &report->inspection);
        return;
    }
    shell_push(shell, FACT_INSPECTED)->inspection = report->inspection;
}

static void deliver_silence(struct shell *shell, const char *text)
{
    struct inspect_report report = {0};
    report.inspection.verdict = DATA_SILENT;
    snprintf(report.inspection.text, sizeof(report.inspection.text), "%.*s",
             (int)sizeof(report.inspection.text) - 1, text);
    deliver(shell, &report);
}

static void on_looked(struct shell *shell, int status)
{
    struct inspect_report report;
    if (status == -1) {
        deliver_silence(shell, "the disk gave no answer in time");
    } else {
        (void)inspect_receive(shell->inspect.pipe_fd, &report);
        deliver(shell, &report);
    }
    close_pipe(shell);
}

static void begin_child(struct shell *shell, int write_fd)
{
    struct shell_inspect *inspect = &shell->inspect;
    struct failure failure = {0};
    const struct look look = {inspect->watch, shell->settings->data_directory,
                              !shell->guard.opened};
    if (child_call(&inspect->helper.child, "inspect", look_child, &look, write_fd, &failure) ==
        RESULT_OK) {
        helper_watch(&inspect->helper, INSPECT_TIMEOUT_MS, on_looked);
        return;
    }
    close_pipe(shell);
    deliver_silence(shell, failure.text);
}

void shell_inspect_begin(struct shell *shell)
{
    int ends[2];
    if (helper_is_busy(&shell->inspect.helper)) {
        deliver_silence(shell, "the disk has not answered an earlier look");
        return;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        deliver_silence(shell, "no pipe for the inspector");
        return;
    }
    shell->inspect.pipe_fd = ends[0];
    begin_child(shell, ends[1]);
    close(ends[1]);
}

/* What the directory loses while nobody serves from it is somebody's work on it. */
static void on_disturbed(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct shell *shell = watcher->data;
    enum watch_data_place place = (enum watch_data_place)(watcher - shell->inspect.watches);
    (void)loop;
    (void)events;
    if (watch_data_take(shell->inspect.watch, place) && shell->guard.running) {
        log_line(SEVERITY_DEBUG, "something disappeared from the data directory");
        shell_push(shell, FACT_DISTURBED);
        shell_pump(shell);
    }
}

enum result shell_inspect_open(struct shell *shell, struct failure *reterr_failure)
{
    struct shell_inspect *inspect = &shell->inspect;
    helper_init(&inspect->helper, shell);
    inspect->pipe_fd = -1;
    enum result result = watch_data_create(&inspect->watch, reterr_failure);
    for (int i = 0; result == RESULT_OK && i < WATCH_DATA_COUNT; i++) {
        ev_io *io = &inspect->watches[i];
        ev_io_init(io, on_disturbed, watch_data_fd(inspect->watch, (enum watch_data_place)i),
                   EV_READ);
        io->data = shell;
        ev_io_start(shell->loop, io);
    }
    return result;
}

void shell_inspect_close(struct shell *shell)
{
    helper_finish(&shell->inspect.helper);
    if (shell->inspect.watch == NULL) {
        return;
    }
    for (int i = 0; i < WATCH_DATA_COUNT; i++) {
        ev_io_stop(shell->loop, &shell->inspect.watches[i]);
    }
    watch_data_destroy(shell->inspect.watch);
    shell->inspect.watch = NULL;
    close_pipe(shell);
}
