/* SPDX-License-Identifier: PostgreSQL */
#include "rebuild_restore.h"
#include "../proto/file.h"
#include "pg_control.h"
#include "pg_settings_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The value of recovery_target_timeline: a number or a word. */
#define TIMELINE_SIZE 32

static void path_of(const char *directory, const char *name, char ret_path[PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s", directory, name);
}

static bool holds(const char *directory, const char *name)
{
    char path[PATH_MAX];
    path_of(directory, name, path);
    return file_exists(path);
}

static enum result remove_from(const char *directory, const char *name,
                               struct failure *reterr_failure)
{
    char path[PATH_MAX];
    path_of(directory, name, path);
    return file_remove(path, reterr_failure);
}

/* An empty file, unless there is one. */
static enum result put_into(const char *directory, const char *name, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    path_of(directory, name, path);
    return file_exists(path) ? RESULT_OK : file_replace(path, "", 0, reterr_failure);
}

/* ---- the command ---- */

static enum result fill(const struct rebuild *rebuild, const char *target,
                        struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    struct rebuild patient = *rebuild;
    patient.stall_ms = 0; /* it may wait for a tape: how long it takes is the operator's */
    if (mkdir(target, 0700) != 0 && errno != EEXIST) {
        return failure_errno(reterr_failure, errno, "create %s", target);
    }
    command_restore(rebuild, target, &command);
    if (rebuild_command_run(&patient, &command, &child, reterr_failure) != RESULT_OK) {
        return failure_prefix(reterr_failure, "bootstrap.restore.command");
    }
    if (!holds(target, "global/pg_control") || !holds(target, "PG_VERSION")) {
        failure_set(reterr_failure, RESULT_FAILED,
                    "bootstrap.restore.command: it has ended well, and %s holds no cluster",
                    target);
        return failure_hint(reterr_failure, "it must fill the directory $PGDATA");
    }
    return RESULT_OK;
}

/* ---- the recovery ---- */

/* The copy's own start-up files: as a running node would have them, and the order to recover. */
static enum result prepare(const struct rebuild *rebuild, const char *target,
                           struct failure *reterr_failure)
{
    static const struct upstream nowhere;
    struct pg_settings settings = *rebuild->settings;
    settings.data_directory = target;
    settings.recovers = true;
    if (settings.hba_count == 0 && !holds(target, "pg_hba.conf")) {
        failure_set(reterr_failure, RESULT_FAILED, "the backup has no pg_hba.conf");
        return failure_hint(reterr_failure, "give its lines in agent.yaml: postgresql.hba");
    }
    enum result result = remove_from(target, "postmaster.pid", reterr_failure);
    if (result == RESULT_OK) {
        result = put_into(target, "postgresql.conf", reterr_failure);
    }
    if (result == RESULT_OK) {
        result = pg_settings_write(&settings, &nowhere, true, reterr_failure);
    }
    return result == RESULT_OK ? put_into(target, "recovery.signal", reterr_failure) : result;
}

/* What PostgreSQL would use; empty when there is none. */
static enum result ask_restore_command(const struct rebuild *rebuild, const char *target,
                                       bool *ret_present, struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    child.last[0] = '\0';
    command_setting(rebuild, target, "restore_command", &command);
    enum result result = rebuild_command_run(rebuild, &command, &child, reterr_failure);
    *ret_present = result == RESULT_OK && child.last[0] != '\0';
    return result;
}

static enum result check_end(const char *target, struct failure *reterr_failure)
{
    struct pg_control control;
    enum result result = pg_control_read(target, &control, reterr_failure);
    if (result == RESULT_OK &&
        (control.state != PG_CONTROL_SHUT_DOWN || holds(target, "recovery.signal"))) {
        return failure_set(reterr_failure, RESULT_FAILED,
                           "recovery of the backup: PostgreSQL has not ended it");
    }
    return result;
}

static enum result recover(const struct rebuild *rebuild, const char *target,
                           struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    char path[PATH_MAX];
    char timeline[TIMELINE_SIZE] = "";
    bool archive = false;
    path_of(target, "postgresql.auto.conf", path);
    (void)settings_file_get(path, "recovery_target_timeline", timeline, sizeof timeline);
    enum result result = prepare(rebuild, target, reterr_failure);
    if (result == RESULT_OK) {
        result = ask_restore_command(rebuild, target, &archive, reterr_failure);
    }
    if (result == RESULT_OK) {
        command_recover(rebuild, target, archive, timeline, &command);
        result = rebuild_command_run(rebuild, &command, &child, reterr_failure);
    }
    if (result != RESULT_OK) {
        return failure_prefix(reterr_failure, "recovery of the backup");
    }
    result = check_end(target, reterr_failure);
    return result == RESULT_OK ? pg_settings_forget_recovery(target, reterr_failure) : result;
}

enum result rebuild_restore(const struct rebuild *rebuild, const char *target,
                            struct failure *reterr_failure)
{
    enum result result = fill(rebuild, target, reterr_failure);
    return result == RESULT_OK ? recover(rebuild, target, reterr_failure) : result;
}

enum result rebuild_owe_post_init(const struct rebuild *rebuild, const char *target,
                                  struct failure *reterr_failure)
{
    struct pg_control control;
    char text[32];
    if (rebuild->post_init_marker == NULL) {
        return RESULT_OK;
    }
    enum result result = pg_control_read(target, &control, reterr_failure);
    int size = snprintf(text, sizeof text, "%" PRIu64 "\n", control.system_id);
    return result != RESULT_OK
                   ? result
                   : file_replace(rebuild->post_init_marker, text, (size_t)size, reterr_failure);
}

enum result rebuild_post_init(const struct rebuild *rebuild, const char *conninfo,
                              struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    struct rebuild patient = *rebuild;
    patient.stall_ms = 0;
    command_post_init(rebuild, conninfo, &command);
    enum result result = rebuild_command_run(&patient, &command, &child, reterr_failure);
    return result == RESULT_OK ? file_remove(rebuild->post_init_marker, reterr_failure) : result;
}
