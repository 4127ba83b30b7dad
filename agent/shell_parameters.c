/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* It reads the configuration files, and starts nothing. */
#define CHECK_TIMEOUT_MS 10000
#define ARGUMENT_COUNT (2 * PARAMETER_CHANGE_MAX + 6)

static bool is_own(const struct pg_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->parameter_count; i++) {
        if (strcasecmp(settings->parameters[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void shell_parameters_own(const struct shell *shell, char ret_names[SETTINGS_NAMES_SIZE])
{
    const struct parameters *set = &shell->parameters.set;
    struct parameter item;
    size_t used = 0;
    ret_names[0] = '\0';
    for (uint32_t at = 0; parameters_next(set->bytes, set->size, &at, &item);) {
        size_t length = strlen(item.name);
        if (is_own(&shell->pg_settings, item.name) && used + length + 1 < SETTINGS_NAMES_SIZE) {
            used += (size_t)snprintf(ret_names + used, SETTINGS_NAMES_SIZE - used, "%s%s",
                                     used > 0 ? "," : "", item.name);
        }
    }
}

static void answer(struct shell *shell, bool ok, const char *text)
{
    struct fact *fact = shell_push(shell, FACT_CHECKED);
    fact->sync_seq = shell->parameters.check_seq;
    fact->ok = ok;
    snprintf(fact->text, sizeof fact->text, "%.*s", TEXT_SIZE - 1, text);
    shell->parameters.check_seq = 0;
}

/* "postgres: FATAL:  invalid value for ..." without what everybody knows. */
static const char *message_of(const char *text)
{
    static const char fatal[] = "FATAL:  ";
    const char *at = strstr(text, fatal);
    return at != NULL ? at + sizeof fatal - 1 : text;
}

static void on_checked(struct shell *shell, int status)
{
    struct failure failure = {0};
    const struct child *child = &shell->parameters.helper.child;
    bool ok = child_explain(child, status, &failure) == RESULT_OK;
    answer(shell, ok, ok ? "" : message_of(failure.text));
}

/* PostgreSQL's program, asked for one value, takes the others first: each is checked as at a start.
 */
static enum result start_check(struct shell *shell, struct failure *reterr_failure)
{
    struct shell_parameters *p = &shell->parameters;
    static char in[] = "-D";
    static char set[] = "-c";
    static char get[] = "-C";
    static char what[] = "data_directory";
    char directory[SETTINGS_PATH_SIZE];
    char *argv[ARGUMENT_COUNT] = {shell->postgres, in, directory};
    struct parameter item;
    size_t count = 3;
    snprintf(directory, sizeof directory, "%s", shell->settings->data_directory);
    for (uint32_t at = 0; parameters_next(p->change.bytes, p->change.size, &at, &item);) {
        if (item.value != NULL) {
            argv[count++] = set;
            argv[count++] = p->change.bytes + (item.text - p->change.bytes);
        }
    }
    argv[count++] = get;
    argv[count++] = what;
    argv[count] = NULL;
    const struct child_spec spec = {.argv = argv, .stdout_fd = -1};
    return child_start(&p->helper.child, &spec, reterr_failure);
}

void shell_parameters_check(struct shell *shell, uint64_t seq,
                            const struct parameter_change *change)
{
    struct shell_parameters *p = &shell->parameters;
    struct failure failure = {0};
    bool busy = helper_is_busy(&p->helper);
    p->check_seq = seq;
    p->change = *change;
    if (busy) {
        answer(shell, false, "an earlier check has not ended yet");
    } else if (start_check(shell, &failure) != RESULT_OK) {
        answer(shell, false, failure.text);
    } else {
        helper_watch(&p->helper, CHECK_TIMEOUT_MS, on_checked);
    }
}

void shell_parameters_open(struct shell *shell)
{
    helper_init(&shell->parameters.helper, shell);
    shell->pg_settings.cluster_parameters = &shell->parameters.set;
}

void shell_parameters_close(struct shell *shell)
{
    helper_finish(&shell->parameters.helper);
}
