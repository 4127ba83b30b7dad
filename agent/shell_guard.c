/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "guard_kill.h"
#include "server_log.h"
#include "timeline.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often the guard is told that the loop turns: well below GUARD_HUNG_MS. */
#define TURN_PERIOD_S 1.0
/* Writing and syncing three small files. */
#define SETTINGS_TIMEOUT_MS 20000
/* A PostgreSQL that somebody else has started may take so long to stop in order. */
#define STRANGER_TIMEOUT_MS 30000
/* Rounds of killing by an agent that lost its guard, and the pause between two. */
#define LAST_KILL_ROUNDS 2000
#define LAST_KILL_PAUSE_NS 5000000

static struct fact *push_guard(struct shell *shell, enum guard_state state,
                               const struct guard_report *report)
{
    struct fact *fact = shell_push(shell, FACT_GUARD);
    fact->guard = state;
    fact->exit_status = report != NULL ? report->status : 0;
    fact->killed_count = report != NULL ? report->killed_count : 0;
    fact->deadline_ms = atomic_load(&guard_client_page(shell->guard.client)->lease_deadline_ms);
    return fact;
}

static void order(struct shell *shell, enum guard_order_kind kind, int argument)
{
    struct failure failure = {0};
    if (guard_client_order(shell->guard.client, kind, argument, &failure) != RESULT_OK) {
        log_line(SEVERITY_ERROR, "order to the guard: %s", failure.text);
    }
}

/* Nobody guards any more: what runs must not outlive this agent, nor what its helpers run. */
static void on_guard_lost(struct shell *shell)
{
    struct instance instance = {0};
    uint32_t killed_count = 0;
    log_line(SEVERITY_ERROR, "the guard is gone: PostgreSQL is killed, and the agent ends");
    instance_init(&instance, shell->settings->data_directory);
    instance.session = getsid(0);
    instance.postmaster = shell->guard.postmaster;
    bool gone = false;
    for (int i = 0; instance_open() && !gone && i < LAST_KILL_ROUNDS; i++) {
        const struct timespec pause = {.tv_nsec = LAST_KILL_PAUSE_NS};
        gone = instance_kill_round(&instance, &killed_count);
        nanosleep(&pause, NULL);
    }
    instance_kill_session(getsid(0));
    _exit(EXIT_FAILURE);
}

/* The first report of an agent's life, the answer to ADOPT, and a START that was not carried out.
 */
static void on_state(struct shell *shell, const struct guard_report *report)
{
    struct shell_guard *guard = &shell->guard;
    bool first = !guard->answered;
    guard->answered = true;
    guard->postmaster = report->postmaster;
    guard->running = report->postmaster != 0;
    if (guard->stopping) {
        order(shell, guard->running ? GUARD_SIGNAL : GUARD_KILL, guard->running ? SIGINT : 0);
    } else if (guard->running) {
        log_line(SEVERITY_INFO, "found PostgreSQL running pid=%ld", (long)report->postmaster);
        guard->opened = true;
        (void)push_guard(shell, GUARD_RUNNING, NULL);
    } else if (first) {
        shell_inspect_begin(shell); /* shell_guard_found() follows */
    } else {
        guard->opened = true;
        order(shell, GUARD_KILL, 0); /* GUARD_REPORT_GONE proves that there is nobody */
    }
}

/* The file alone proves nothing: it stands beside a running primary too, and a promotion takes it
 * away before it has ended. */
static bool may_be_primary(const struct inspection *found)
{
    return !found->in_recovery || !found->standby_signal;
}

/* The directory is the one that this node has owned. */
static bool owes_signal(const struct shell *shell, const struct inspection *found)
{
    return found->verdict == DATA_INTACT && !found->standby_signal && found->system_id != 0 &&
           found->system_id == shell->agent.vote.system_id;
}

/* PostgreSQL runs here only as the guard's child and with its page: what somebody else has started
 * is stopped, and started again. A node that has never been in a cluster is given the time to stop
 * in order; what may be a primary without a lease is not. */
static void stop_stranger(struct shell *shell, pid_t postmaster, const struct inspection *found)
{
    log_line(SEVERITY_WARNING,
             "found PostgreSQL running without its guard: stopping it, to start it under the guard "
             "pid=%ld",
             (long)postmaster);
    if (may_be_primary(found) && shell->agent.vote.term != 0) {
        shell_guard_arm(shell);
    }
    shell->guard.stopping = true;
    order(shell, GUARD_ADOPT, postmaster);
    shell_arm(shell, &shell->guard.patience, STRANGER_TIMEOUT_MS);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    order(watcher->data, GUARD_KILL, 0);
}

void shell_guard_found(struct shell *shell, pid_t postmaster, const struct inspection *found)
{
    shell->guard.signal = owes_signal(shell, found) ? SIGNAL_OWED : SIGNAL_UNKNOWN;
    if (postmaster == 0) {
        shell->guard.opened = true;
        order(shell, GUARD_KILL, 0);
        return;
    }
    stop_stranger(shell, postmaster, found);
}

static void write_settings(struct shell *shell, enum pg_settings_what what);

/* A writer that is under way, or waits, belongs to a start or is this one. */
static void keep_signal(struct shell *shell)
{
    const struct shell_guard *guard = &shell->guard;
    if (guard->signal == SIGNAL_OWED && !guard->writing && !guard->again) {
        write_settings(shell, PG_SETTINGS_SIGNAL);
    }
}

void shell_guard_primary(struct shell *shell)
{
    shell_guard_arm(shell);
    if (shell->guard.signal != SIGNAL_THERE) {
        shell->guard.signal = SIGNAL_OWED;
        keep_signal(shell);
    }
}

static void on_started(struct shell *shell, const struct guard_report *report)
{
    shell->guard.running = true;
    shell->guard.postmaster = report->postmaster;
    (void)push_guard(shell, GUARD_RUNNING, report);
}

static void on_exited(struct shell *shell, const struct guard_report *report)
{
    if (shell->guard.stopping) {
        order(shell, GUARD_KILL, 0);
        return;
    }
    shell->guard.running = false;
    shell->guard.postmaster = 0;
    struct fact *fact = push_guard(shell, GUARD_ORPHANED, report);
    if (report->status != 0) {
        server_log_last_words(shell->server_log, fact->text, sizeof(fact->text));
    }
}

static void on_gone(struct shell *shell, const struct guard_report *report)
{
    shell->guard.stopping = false;
    ev_timer_stop(shell->loop, &shell->guard.patience);
    shell->guard.opened = true;
    shell->guard.running = false;
    shell->guard.postmaster = 0;
    atomic_store(&guard_client_page(shell->guard.client)->primary, 0);
    shell_sessions_reset(shell);
    shell_task_orphaned(shell);
    keep_signal(shell);
    (void)push_guard(shell, GUARD_ABSENT, report);
}

static void on_expired(struct shell *shell, const struct guard_report *report)
{
    log_line(SEVERITY_WARNING, "the lease ran out: PostgreSQL was killed by the guard killed=%u",
             (unsigned)report->killed_count);
    on_gone(shell, report);
}

static void on_terminate(struct shell *shell, const struct guard_report *report)
{
    if (report->status == -1 || getppid() != shell->guard.parent) {
        on_guard_lost(shell);
    }
    shell_push(shell, FACT_TERMINATE);
}

static void on_nothing(struct shell *shell, const struct guard_report *report)
{
    (void)shell;
    (void)report;
}

static void (*const report_handlers[])(struct shell *, const struct guard_report *) = {
        [0] = on_nothing,
        [GUARD_REPORT_STATE] = on_state,
        [GUARD_REPORT_STARTED] = on_started,
        [GUARD_REPORT_EXITED] = on_exited,
        [GUARD_REPORT_GONE] = on_gone,
        [GUARD_REPORT_EXPIRED] = on_expired,
        [GUARD_REPORT_TERMINATE] = on_terminate,
};

static void on_report(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct shell *shell = watcher->data;
    struct guard_report report;
    (void)loop;
    (void)events;
    while (guard_client_take(shell->guard.client, &report)) {
        report_handlers[report.kind](shell, &report);
    }
    shell_pump(shell);
}

/* An agent that does not turn any more is started again by its guard. */
static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    atomic_store(&guard_client_page(shell->guard.client)->agent_turn_ms, shell_now_ms());
}

enum result shell_guard_open(struct shell *shell, struct failure *reterr_failure)
{
    helper_init(&shell->guard.settings, shell);
    shell->guard.parent = getppid();
    enum result result = guard_client_create(&shell->guard.client, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    ev_io_init(&shell->guard.io, on_report, guard_client_fd(shell->guard.client), EV_READ);
    shell->guard.io.data = shell;
    ev_io_start(shell->loop, &shell->guard.io);
    ev_timer_init(&shell->guard.turn, on_turn, 0.0, TURN_PERIOD_S);
    shell->guard.turn.data = shell;
    ev_timer_start(shell->loop, &shell->guard.turn);
    ev_init(&shell->guard.patience, on_patience);
    shell->guard.patience.data = shell;
    return RESULT_OK;
}

void shell_guard_close(struct shell *shell)
{
    helper_finish(&shell->guard.settings);
    if (shell->guard.client != NULL) {
        ev_io_stop(shell->loop, &shell->guard.io);
        ev_timer_stop(shell->loop, &shell->guard.turn);
        ev_timer_stop(shell->loop, &shell->guard.patience);
        guard_client_destroy(shell->guard.client);
        shell->guard.client = NULL;
    }
}

void shell_guard_lease(struct shell *shell, uint64_t deadline_ms)
{
    struct guard_page *page = guard_client_page(shell->guard.client);
    uint64_t now_ms = atomic_load(&page->lease_deadline_ms);
    assert(deadline_ms == 0 || deadline_ms > now_ms || now_ms == LEASE_LIFTED_MS);
    atomic_store(&page->lease_deadline_ms, deadline_ms);
}

void shell_guard_arm(struct shell *shell)
{
    atomic_store(&guard_client_page(shell->guard.client)->primary, 1);
}

static void start_failed(struct shell *shell)
{
    const struct guard_report report = {.status = W_EXITCODE(EXIT_FAILURE, 0)};
    (void)push_guard(shell, GUARD_ABSENT, &report);
}

static void run_postmaster(struct shell *shell)
{
    struct failure failure = {0};
    char *const argv[] = {shell->postgres, (char[]){"-D"},
                          (char *)(uintptr_t)shell->settings->data_directory, NULL};
    shell_sessions_reset(shell);
    if (guard_client_start(shell->guard.client, argv, shell->server_log, &failure) != RESULT_OK) {
        log_line(SEVERITY_ERROR, "start PostgreSQL: %s", failure.text);
        start_failed(shell);
    }
}

static bool is_start(enum pg_settings_what what)
{
    return what == PG_SETTINGS_STANDBY || what == PG_SETTINGS_PRIMARY;
}

/* The files are as they should be, or not: what they were written for follows. */
static void settings_ended(struct shell *shell, enum pg_settings_what what, bool ok)
{
    if (ok && what != PG_SETTINGS_FOLLOW) {
        shell->guard.signal = what == PG_SETTINGS_PRIMARY ? SIGNAL_OWED : SIGNAL_THERE;
    }
    if (is_start(what) && ok) {
        run_postmaster(shell);
    } else if (is_start(what)) {
        start_failed(shell);
    } else if (ok && what == PG_SETTINGS_FOLLOW) {
        order(shell, GUARD_SIGNAL, SIGHUP);
        shell->probe.told_ms = shell_now_ms();
    }
}

static void on_settings_written(struct shell *shell, int status)
{
    struct shell_guard *guard = &shell->guard;
    struct failure failure = {0};
    bool wanted = guard->writing;
    bool ok = child_explain(&guard->settings.child, status, &failure) == RESULT_OK;
    guard->writing = false;
    if (wanted && !ok) {
        log_line(SEVERITY_ERROR, "write PostgreSQL's settings: %s", failure.text);
    }
    if (wanted) {
        settings_ended(shell, guard->what, ok);
    }
    if (guard->again && !helper_is_busy(&guard->settings)) {
        write_settings(shell, guard->next);
    }
}

/* Every start forgets what an earlier life left behind: the lock file of a dead postmaster, and the
 * timelines that a promotion which did not happen has reserved. */
static int write_child(const void *argument)
{
    const struct shell *shell = argument;
    const struct shell_guard *guard = &shell->guard;
    const struct pg_settings *settings = &shell->pg_settings;
    struct failure failure = {0};
    bool as_primary = guard->what == PG_SETTINGS_PRIMARY;
    enum result result;
    if (guard->what == PG_SETTINGS_FOLLOW) {
        result = pg_settings_follow(settings, &guard->upstream, &failure);
    } else if (guard->what == PG_SETTINGS_SIGNAL) {
        result = pg_settings_keep_signal(settings->data_directory, &failure);
    } else {
        result = shell_tidy_locks(shell, &failure);
        if (result == RESULT_OK) {
            result = timeline_tidy(settings->data_directory, &failure);
        }
        if (result == RESULT_OK) {
            result = pg_settings_write(settings, &guard->upstream, as_primary, &failure);
        }
    }
    return child_conclude(result, &failure);
}

/* One writer at a time; what is asked for meanwhile is written after it. */
static void write_settings(struct shell *shell, enum pg_settings_what what)
{
    struct shell_guard *guard = &shell->guard;
    struct failure failure = {0};
    guard->again = helper_is_busy(&guard->settings);
    if (guard->again) {
        guard->next = what;
        return;
    }
    guard->what = what;
    if (child_call(&guard->settings.child, "settings", write_child, shell, -1, &failure) ==
        RESULT_OK) {
        guard->writing = true;
        helper_watch(&guard->settings, SETTINGS_TIMEOUT_MS, on_settings_written);
        return;
    }
    log_line(SEVERITY_ERROR, "write PostgreSQL's settings: %s", failure.text);
    settings_ended(shell, what, false);
}

void shell_guard_start(struct shell *shell, bool as_primary, const struct upstream *upstream)
{
    shell->guard.upstream = *upstream;
    shell->guard.signal = SIGNAL_OWED;
    atomic_store(&guard_client_page(shell->guard.client)->primary, as_primary ? 1 : 0);
    write_settings(shell, as_primary ? PG_SETTINGS_PRIMARY : PG_SETTINGS_STANDBY);
}

void shell_guard_follow(struct shell *shell, const struct upstream *upstream)
{
    shell->guard.upstream = *upstream;
    write_settings(shell, PG_SETTINGS_FOLLOW);
}

/* A start that is still being prepared does not happen. True when there was one. */
static bool cancel_start(struct shell *shell)
{
    struct shell_guard *guard = &shell->guard;
    bool starting = guard->writing && is_start(guard->what);
    bool would_start = guard->again && is_start(guard->next);
    if (guard->writing) {
        child_kill(&guard->settings.child);
    }
    guard->writing = false;
    guard->again = false;
    return starting || would_start;
}

void shell_guard_stop(struct shell *shell, enum stop_mode mode)
{
    static const int signals[] = {[STOP_FAST] = SIGINT, [STOP_IMMEDIATE] = SIGQUIT};
    _Static_assert(sizeof(signals) / sizeof(signals[0]) == STOP_MODE_COUNT, "a signal for each");
    if (cancel_start(shell) || !shell->guard.running) {
        shell_guard_kill(shell);
        return;
    }
    order(shell, GUARD_SIGNAL, signals[mode]);
}

void shell_guard_kill(struct shell *shell)
{
    (void)cancel_start(shell);
    order(shell, GUARD_KILL, 0);
}

void shell_guard_exit(struct shell *shell, int status)
{
    if (shell->guard.client != NULL) {
        order(shell, GUARD_EXIT, status);
    }
}
