/* SPDX-License-Identifier: PostgreSQL */
#include "shell_post_init.h"

#include "../proto/file.h"
#include "shell.h"

#include <inttypes.h>
#include <stdio.h>

bool shell_post_init_is_owed(const struct settings *settings, uint64_t system_id)
{
    char text[64];
    size_t size = 0;
    uint64_t owed_to = 0;
    bool known = system_id != 0;
    return settings->self.post_init &&
           file_read(settings->bootstrap.marker, text, sizeof(text), &size, NULL) == RESULT_OK &&
           sscanf(text, "%" SCNu64, &owed_to) == 1 && (!known || owed_to == system_id);
}

static void on_ended(struct shell *shell, int status)
{
    struct failure failure = {0};
    if (shell->task.task != TASK_POST_INIT) {
        return; /* PostgreSQL went first */
    }
    if (status == -1 || child_explain(&shell->task.helper.child, status, &failure) != RESULT_OK) {
        shell_task_end(shell, REASON_POST_INIT_FAILED, failure.text);
        return;
    }
    shell_task_end(shell, REASON_NONE, "");
}

/* Names, paths and roles hold no quotes (settings.c). */
static int run_child(const void *argument)
{
    const struct shell *shell = argument;
    char conninfo[SETTINGS_PATH_SIZE + SETTINGS_ROLE_SIZE + 64];
    struct failure failure = {0};
    snprintf(conninfo, sizeof(conninfo), "host='%s' port='%u' user='%s' dbname='postgres'",
             shell->local.host, (unsigned)shell->local.port, shell->local.user);
    return child_conclude(rebuild_post_init(&shell->rebuild, conninfo, &failure), &failure);
}

void shell_post_init_begin(struct shell *shell)
{
    struct helper *helper = &shell->task.helper;
    struct failure failure = {0};
    if (helper_is_busy(helper)) {
        shell_task_end(shell, REASON_POST_INIT_FAILED, "an earlier child has not ended yet");
        return;
    }
    if (child_call(&helper->child, "post_init", run_child, shell, -1, &failure) != RESULT_OK) {
        shell_task_end(shell, REASON_POST_INIT_FAILED, failure.text);
        return;
    }
    helper_watch(helper, 0, on_ended);
}
