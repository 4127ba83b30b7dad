/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "pid_file.h"
#include "shell_post_init.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the log's queue is looked at while leaving. */
#define LEAVE_POLL_MS 5

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t shell_now_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t shell_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

void shell_arm(struct shell *shell, ev_timer *timer, uint64_t after_ms)
{
    ev_timer_stop(shell->loop, timer);
    ev_now_update(shell->loop);
    ev_timer_set(timer, (double)after_ms / 1000.0, 0.0);
    ev_timer_start(shell->loop, timer);
}

struct fact *shell_push(struct shell *shell, enum fact_kind kind)
{
    struct shell_facts *facts = &shell->facts;
    assert(facts->count < SHELL_FACT_COUNT);
    struct fact *fact = &facts->items[(facts->first + facts->count) % SHELL_FACT_COUNT];
    facts->count++;
    memset(fact, 0, sizeof(*fact));
    fact->kind = kind;
    fact->now_ms = shell_now_ms();
    fact->wall_us = shell_wall_us();
    return fact;
}

static void step_once(struct shell *shell)
{
    struct shell_facts *facts = &shell->facts;
    struct fact *fact = &facts->items[facts->first];
    agent_step(&shell->agent, fact, &shell->arena, &shell->actions);
    facts->first = (facts->first + 1) % SHELL_FACT_COUNT;
    facts->count--;
    for (uint32_t i = 0; i < shell->actions.count; i++) {
        shell_act(shell, &shell->actions.items[i]);
    }
}

/* The next tick, at least a millisecond away. */
static void arm_tick(struct shell *shell)
{
    uint64_t next_ms = shell->actions.next_ms;
    uint64_t now_ms = shell_now_ms();
    if (next_ms == UINT64_MAX) {
        ev_timer_stop(shell->loop, &shell->tick);
        return;
    }
    shell_arm(shell, &shell->tick, next_ms > now_ms ? next_ms - now_ms : 1);
}

void shell_pump(struct shell *shell)
{
    if (shell->leaving) {
        shell->facts.count = 0; /* the core has nothing more to say */
    }
    if (shell->facts.count == 0) {
        return;
    }
    while (shell->facts.count > 0 && !shell->leaving) {
        step_once(shell);
    }
    shell_peer_set(shell);
    arm_tick(shell);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    shell_push(watcher->data, FACT_TICK);
    shell_pump(watcher->data);
}

/* ACTION_EXIT: what was appended last gets a moment to arrive, then the guard is told. */
static void on_leave(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)events;
    if (!shell_log_is_flushed(shell) && shell_now_ms() < shell->leave_ms) {
        shell_arm(shell, watcher, LEAVE_POLL_MS);
        return;
    }
    shell_guard_exit(shell, shell->exit_status);
    ev_break(loop, EVBREAK_ALL);
}

static void fill_pg_settings(struct shell *shell)
{
    const struct settings *s = shell->settings;
    for (size_t i = 0; i < s->parameter_count; i++) {
        shell->pg_parameters[i].name = s->parameters[i].name;
        shell->pg_parameters[i].value = s->parameters[i].value;
    }
    const char *passfile = s->passfile[0] != '\0' ? s->passfile : NULL;
    shell->pg_settings = (struct pg_settings){
            .data_directory = s->data_directory,
            .cluster = s->self.cluster,
            .node = s->self.node,
            .listen_addresses = s->self.host,
            .port = s->self.port,
            .socket_directory = s->socket_directory,
            .replication_user = s->replication_user,
            .passfile = passfile,
            .parameters = shell->pg_parameters,
            .parameter_count = s->parameter_count,
            .fence = s->self.fence ? s->fence_library : NULL,
            .hba = (const char *const *)s->hba,
            .hba_count = s->hba_count,
    };
    shell->rebuild = (struct rebuild){
            .bin_directory = s->bin_directory,
            .data_directory = s->data_directory,
            .node = s->self.node,
            .superuser = s->superuser,
            .replication_user = s->replication_user,
            .passfile = passfile,
            .stall_ms = REBUILD_STALL_MS,
            .keep = s->rebuild_keep,
            .bootstrap = &s->bootstrap,
            .settings = &shell->pg_settings,
            .post_init_marker = s->self.post_init ? s->bootstrap.marker : NULL,
    };
    shell->local = (struct pg_target){
            .host = s->socket_directory,
            .port = s->self.port,
            .user = s->superuser,
            .passfile = passfile,
            .application = "pgbaton",
    };
    snprintf(shell->postgres, sizeof(shell->postgres), "%s/postgres", s->bin_directory);
    snprintf(shell->server_log, sizeof(shell->server_log), "%s/postgres.log", s->state_directory);
}

enum result shell_tidy_locks(const struct shell *shell, struct failure *reterr_failure)
{
    const struct settings *s = shell->settings;
    char path[SETTINGS_PATH_SIZE + 32];
    snprintf(path, sizeof(path), "%s/postmaster.pid", s->data_directory);
    enum result result = pid_file_tidy(path, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    snprintf(path, sizeof(path), "%s/.s.PGSQL.%u.lock", s->socket_directory,
             (unsigned)s->self.port);
    return pid_file_tidy(path, reterr_failure);
}

static enum result open_core(struct shell *shell, struct failure *reterr_failure)
{
    struct vote vote;
    enum result result = shell_vote_open(shell, &vote, reterr_failure);
    if (result == RESULT_OK) {
        struct agent_self self = shell->settings->self;
        self.post_init_owed = shell_post_init_is_owed(shell->settings, vote.system_id);
        agent_init(&shell->agent, &self, &vote, shell_wall_us());
    }
    return result;
}

static enum result open_all(struct shell *shell, struct failure *reterr_failure)
{
    static enum result (*const steps[])(struct shell *, struct failure *) = {
            open_core,       shell_inspect_open,   shell_tasks_open,
            shell_sync_open, shell_permanent_open, shell_logical_open,
            shell_log_open,  shell_guard_open};
    fill_pg_settings(shell);
    shell_ping_open(shell);
    shell_parameters_open(shell);
    shell_peer_open(shell);
    enum result result = session_init(&shell->probe.session, shell, &shell->local, reterr_failure);
    if (result == RESULT_OK) {
        result = session_init(&shell->slots, shell, &shell->local, reterr_failure);
    }
    for (size_t i = 0; result == RESULT_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        result = steps[i](shell, reterr_failure);
    }
    return result;
}

static void close_all(struct shell *shell)
{
    shell_tasks_close(shell);
    shell_inspect_close(shell);
    shell_vote_close(shell);
    shell_ping_close(shell);
    session_finish(&shell->probe.session);
    session_finish(&shell->slots);
    shell_sync_close(shell);
    shell_parameters_close(shell);
    shell_permanent_close(shell);
    shell_logical_close(shell);
    shell_peer_close(shell);
    shell_guard_close(shell);
    shell_log_close(shell);
}

static struct shell *shell_create(const struct settings *settings)
{
    struct shell *shell = calloc(1, sizeof(*shell));
    if (shell == NULL) {
        return NULL;
    }
    shell->settings = settings;
    shell->pg_parameters = calloc(settings->parameter_count + 1, sizeof(*shell->pg_parameters));
    shell->loop = ev_loop_new(EVFLAG_AUTO);
    shell->actions.next_ms = UINT64_MAX;
    ev_init(&shell->tick, on_tick);
    ev_init(&shell->leave, on_leave);
    shell->tick.data = shell;
    shell->leave.data = shell;
    return shell;
}

static void shell_destroy(struct shell *shell)
{
    ev_timer_stop(shell->loop, &shell->tick);
    ev_timer_stop(shell->loop, &shell->leave);
    ev_loop_destroy(shell->loop);
    free(shell->pg_parameters);
    free(shell);
}

int shell_run(const struct settings *settings)
{
    struct failure failure = {0};
    struct shell *shell = shell_create(settings);
    if (shell == NULL || shell->loop == NULL || shell->pg_parameters == NULL) {
        log_line(SEVERITY_ERROR, "start: no memory, or no event loop");
        return EXIT_FAILURE;
    }
    if (open_all(shell, &failure) == RESULT_OK) {
        log_line(SEVERITY_INFO, "pgbaton-agent %s starts cluster=%s node=%s incarnation=%llu",
                 PGBATON_VERSION, settings->self.cluster, settings->self.node,
                 (unsigned long long)shell->agent.incarnation);
        ev_run(shell->loop, 0);
    } else {
        log_line(SEVERITY_ERROR, "start: %s%s%s", failure.text, failure.hint[0] != '\0' ? "; " : "",
                 failure.hint);
        shell->exit_status = EXIT_FAILURE;
        shell_guard_exit(shell, EXIT_FAILURE);
    }
    int status = shell->exit_status;
    close_all(shell);
    shell_destroy(shell);
    return status;
}
