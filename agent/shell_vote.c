/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "vote_file.h"

/* A disk that has not taken a vote by then hangs. */
#define VOTE_TIMEOUT_MS 2000
#define REMIND_MS 60000

/* It is tried again and again: a person is told now and then. */
static void say_unwritten(struct shell *shell, const char *why)
{
    uint64_t now_ms = shell_now_ms();
    uint64_t said_ms = shell->vote.unwritten_said_ms;
    if (said_ms == 0 || now_ms >= said_ms + REMIND_MS) {
        shell->vote.unwritten_said_ms = now_ms;
        log_line(SEVERITY_ERROR, "nothing can be promised, and no term be taken or released: %s",
                 why);
    }
}

static void fail(struct shell *shell, const char *why)
{
    say_unwritten(shell, why);
    shell_push(shell, FACT_PERSISTED)->ok = false;
}

static void on_written(struct shell *shell, int status)
{
    struct failure failure = {0};
    if (status == -1) {
        fail(shell, "the disk with the state directory gave no answer in time");
        return;
    }
    if (child_explain(&shell->vote.helper.child, status, &failure) != RESULT_OK) {
        fail(shell, failure.text);
        return;
    }
    if (shell->vote.unwritten_said_ms != 0) {
        log_line(SEVERITY_INFO, "promises can be written again");
        shell->vote.unwritten_said_ms = 0;
    }
    shell_push(shell, FACT_PERSISTED)->ok = true;
}

static int vote_child(const void *argument)
{
    const struct shell *shell = argument;
    struct failure failure = {0};
    return child_conclude(
            vote_file_store(shell->settings->state_directory, &shell->vote.wanted, &failure),
            &failure);
}

void shell_vote_write(struct shell *shell, const struct vote *vote)
{
    struct failure failure = {0};
    if (helper_is_busy(&shell->vote.helper)) {
        fail(shell, "the disk with the state directory has not answered yet");
        return;
    }
    shell->vote.wanted = *vote;
    if (child_call(&shell->vote.helper.child, "vote", vote_child, shell, -1, &failure) !=
        RESULT_OK) {
        fail(shell, failure.text);
        return;
    }
    helper_watch(&shell->vote.helper, VOTE_TIMEOUT_MS, on_written);
}

enum result shell_vote_open(struct shell *shell, struct vote *ret_vote,
                            struct failure *reterr_failure)
{
    helper_init(&shell->vote.helper, shell);
    return vote_file_load(shell->settings->state_directory, ret_vote, reterr_failure);
}

void shell_vote_close(struct shell *shell)
{
    helper_finish(&shell->vote.helper);
}
