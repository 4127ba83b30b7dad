/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"

#include <string.h>

static void act_append(struct shell *shell, const struct action *action)
{
    shell_log_append(shell, &action->as.event);
}

static void act_live(struct shell *shell, const struct action *action)
{
    shell_log_live(shell, &action->as.event);
}

static void act_persist(struct shell *shell, const struct action *action)
{
    shell_vote_write(shell, &action->as.vote);
}

static void act_lease(struct shell *shell, const struct action *action)
{
    shell_guard_lease(shell, action->as.deadline_ms);
}

static void act_inspect(struct shell *shell, const struct action *action)
{
    (void)action;
    shell_inspect_begin(shell);
}

static void act_probe(struct shell *shell, const struct action *action)
{
    shell_probe_begin(shell, action->as.timeout_ms);
}

static void act_start(struct shell *shell, const struct action *action)
{
    shell_guard_start(shell, action->as.start.as_primary, &action->as.start.upstream);
}

static void act_follow(struct shell *shell, const struct action *action)
{
    shell_guard_follow(shell, &action->as.start.upstream);
}

static void act_stop(struct shell *shell, const struct action *action)
{
    shell_guard_stop(shell, action->as.stop_mode);
}

static void act_kill(struct shell *shell, const struct action *action)
{
    (void)action;
    shell_guard_kill(shell);
}

static void act_task(struct shell *shell, const struct action *action)
{
    shell_task_begin(shell, action->as.task.task, &action->as.task.upstream);
}

static void act_sync(struct shell *shell, const struct action *action)
{
    shell_sync_begin(shell, action->as.sync.seq, &action->as.sync.upstream);
}

static void act_slots(struct shell *shell, const struct action *action)
{
    shell_slots_keep(shell, action->as.slots.items, action->as.slots.count);
}

static void act_permanent(struct shell *shell, const struct action *action)
{
    shell_permanent_keep(shell, &action->as.permanent);
    shell_logical_keep(shell, &action->as.permanent);
}

static void act_parameters(struct shell *shell, const struct action *action)
{
    shell->parameters.set = action->as.parameters;
}

static void act_reload(struct shell *shell, const struct action *action)
{
    shell_guard_follow(shell, &action->as.start.upstream);
}

static void act_check(struct shell *shell, const struct action *action)
{
    shell_parameters_check(shell, action->as.check.seq, &action->as.check.change);
}

static void act_promise(struct shell *shell, const struct action *action)
{
    const struct name_list *to = &action->as.promise.to;
    for (uint32_t i = 0; i < to->count; i++) {
        struct promise_message message = action->as.promise.message;
        memcpy(message.to, to->names[i], sizeof(message.to));
        shell_peer_send(shell, &message);
    }
}

static void act_say(struct shell *shell, const struct action *action)
{
    (void)shell;
    log_line((enum severity)action->as.say.severity, "%s", action->as.say.text);
}

static void act_exit(struct shell *shell, const struct action *action)
{
    shell->leaving = true;
    shell->exit_status = action->as.exit_status;
    shell->leave_ms = shell_now_ms() + EXIT_FLUSH_MS;
    shell_arm(shell, &shell->leave, 0);
}

static void (*const acts[])(struct shell *, const struct action *) = {
        [ACTION_APPEND] = act_append,       [ACTION_LIVE] = act_live,
        [ACTION_PERSIST] = act_persist,     [ACTION_LEASE] = act_lease,
        [ACTION_INSPECT] = act_inspect,     [ACTION_PROBE] = act_probe,
        [ACTION_START] = act_start,         [ACTION_FOLLOW] = act_follow,
        [ACTION_STOP] = act_stop,           [ACTION_KILL] = act_kill,
        [ACTION_TASK] = act_task,           [ACTION_SLOTS] = act_slots,
        [ACTION_PROMISE] = act_promise,     [ACTION_SAY] = act_say,
        [ACTION_EXIT] = act_exit,           [ACTION_SYNC] = act_sync,
        [ACTION_PERMANENT] = act_permanent, [ACTION_PARAMETERS] = act_parameters,
        [ACTION_RELOAD] = act_reload,       [ACTION_CHECK] = act_check,
};
_Static_assert(sizeof(acts) / sizeof(acts[0]) == ACTION_COUNT, "an act for each action");

void shell_act(struct shell *shell, const struct action *action)
{
    acts[action->kind](shell, action);
}
