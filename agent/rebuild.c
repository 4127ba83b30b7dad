/* SPDX-License-Identifier: PostgreSQL */
#include "rebuild.h"
#include "../proto/file.h"
#include "inspect.h"
#include "rebuild_restore.h"
#include "stall.h"
#include "timeline.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a silent tool is looked at. */
#define STALL_LOOK_MS 1000

/* Where a copy is made. */
struct place {
    char directory[PATH_MAX - 16];
    char target[PATH_MAX]; /* DIR.new, or DIR itself when it is a mount point */
    char marker[PATH_MAX];
    bool in_place;
};

/* ---- the tools ---- */

/* What a slot's message means for the next try. */
static const struct {
    enum slot_use used;
    const char *message;
    enum slot_use next;
} slot_answers[] = {{SLOT_CREATE, "already exists", SLOT_EXISTING},
                    {SLOT_CREATE, "slots are in use", SLOT_TEMPORARY},
                    {SLOT_EXISTING, "is active", SLOT_TEMPORARY},
                    {SLOT_EXISTING, "background process terminated", SLOT_TEMPORARY}};

/* Until it ends, or does nothing for too long: false. Its progress is passed on. */
static bool accompany(struct child *child, uint32_t stall_ms, int *ret_status)
{
    struct stall stall = {0};
    uint64_t done_kb = 0;
    while (!child_reap(child, ret_status)) {
        struct pollfd fds[] = {{.fd = child->output_fd, .events = POLLIN},
                               {.fd = child->pidfd, .events = POLLIN}};
        int ready = poll(fds, 2, STALL_LOOK_MS);
        child_read(child);
        if (child->done_kb != done_kb) {
            done_kb = child->done_kb;
            dprintf(STDERR_FILENO, "%llu/%llu kB (%u%%)\n", (unsigned long long)done_kb,
                    (unsigned long long)child->total_kb, child->percent);
        }
        if (ready == 0 && stall_ms != 0 && stall_look(&stall, child->pid, stall_ms)) {
            return false;
        }
    }
    return true;
}

/* Runs it to its end. */
enum result rebuild_command_run(const struct rebuild *rebuild, const struct command *command,
                                struct child *ret_child, struct failure *reterr_failure)
{
    struct child_spec spec = {.argv = command->argv,
                              .environment = command->environment,
                              .stdout_fd = -1,
                              .in_group = true};
    int status = -1;
    if (command->overflow) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "the command line of a tool is too long or holds quotes");
    }
    enum result result = child_start(ret_child, &spec, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    if (!accompany(ret_child, rebuild->stall_ms, &status)) {
        child_kill(ret_child); /* a child of its own dies with this process's group */
        return failure_set(reterr_failure, RESULT_FAILED, "%s: no progress for %u s: killed",
                           ret_child->name, (unsigned)(rebuild->stall_ms / 1000));
    }
    child_finish(ret_child);
    return child_explain(ret_child, status, reterr_failure);
}

static bool next_slot_use(const struct child *child, enum slot_use *slot)
{
    for (size_t i = 0; i < sizeof slot_answers / sizeof slot_answers[0]; i++) {
        if (slot_answers[i].used == *slot && strstr(child->last, slot_answers[i].message) != NULL) {
            *slot = slot_answers[i].next;
            return true;
        }
    }
    return false;
}

static enum result run_basebackup(const struct rebuild *rebuild, const struct upstream *upstream,
                                  const char *target, struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    bool remote = strcmp(upstream->node, REMOTE_NODE) == 0; /* whose slots are its own */
    enum slot_use given = upstream->slot[0] != '\0' ? SLOT_EXISTING : SLOT_TEMPORARY;
    enum slot_use slot = remote ? given : SLOT_CREATE;
    enum result result = RESULT_OK;
    do {
        command_basebackup(rebuild, upstream, target, slot, &command);
        child.last[0] = '\0';
        result = rebuild_command_run(rebuild, &command, &child, reterr_failure);
    } while (result != RESULT_OK && next_slot_use(&child, &slot));
    return result;
}

/* Without a restore_command pg_rewind refuses to look into the archive, before it does anything. */
static enum result run_rewinds(const struct rebuild *rebuild, const struct upstream *upstream,
                               struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    command_rewind(rebuild, upstream, true, &command);
    child.last[0] = '\0';
    enum result result = rebuild_command_run(rebuild, &command, &child, reterr_failure);
    if (result != RESULT_OK && strstr(child.last, "restore_command") != NULL &&
        strstr(child.last, "not set") != NULL) {
        command_rewind(rebuild, upstream, false, &command);
        result = rebuild_command_run(rebuild, &command, &child, reterr_failure);
    }
    return result;
}

static enum result run_initdb(const struct rebuild *rebuild, const char *target,
                              struct failure *reterr_failure)
{
    struct command command;
    struct child child;
    command_initdb(rebuild, target, &command);
    return rebuild_command_run(rebuild, &command, &child, reterr_failure);
}

/* ---- the place ---- */

static bool is_mount_point(const char *directory, const char *parent)
{
    struct stat here;
    struct stat above;
    return stat(directory, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

static enum result place_init(struct place *place, const char *directory,
                              struct failure *reterr_failure)
{
    char parent[PATH_MAX];
    int size = snprintf(place->directory, sizeof place->directory, "%s", directory);
    if (size <= 1 || (size_t)size >= sizeof place->directory || directory[0] != '/' ||
        directory[size - 1] == '/') {
        return failure_set(reterr_failure, RESULT_INVALID, "data directory \"%s\": not a path",
                           directory);
    }
    snprintf(parent, sizeof parent, "%s", directory);
    char *slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = '\0';
    if (access(parent, W_OK | X_OK) != 0) {
        failure_errno(reterr_failure, errno, "write in %s", parent);
        return failure_hint(reterr_failure,
                            "a rebuild puts its copy beside the data directory: let PostgreSQL's "
                            "user own %s, or put the data directory one level deeper",
                            parent);
    }
    place->in_place = is_mount_point(directory, parent);
    snprintf(place->target, sizeof place->target, "%s%s", directory, place->in_place ? "" : ".new");
    snprintf(place->marker, sizeof place->marker, "%s" INCOMPLETE_SUFFIX, directory);
    return RESULT_OK;
}

static enum result mark(const struct place *place, struct failure *reterr_failure)
{
    static const char text[] = "A base backup or a rewind of the directory has not ended.\n";
    return file_replace(place->marker, text, sizeof text - 1, reterr_failure);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum result clear_directory(const char *directory, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    const struct dirent *entry = NULL;
    enum result result = RESULT_OK;
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        return failure_errno(reterr_failure, errno, "open %s", directory);
    }
    while (result == RESULT_OK && (entry = readdir(dir)) != NULL) {
        if (!is_dot(entry->d_name) &&
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < PATH_MAX) {
            result = file_remove_tree(path, reterr_failure);
        }
    }
    closedir(dir);
    return result;
}

static bool is_empty(const char *directory)
{
    bool empty = true;
    const struct dirent *entry = NULL;
    DIR *dir = opendir(directory);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        empty = empty && is_dot(entry->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return empty;
}

/* A mount point is filled in place if it is empty, or holds what an earlier try has left there. */
static enum result prepare(const struct place *place, struct failure *reterr_failure)
{
    if (!place->in_place) {
        return file_remove_tree(place->target, reterr_failure);
    }
    if (!file_exists(place->marker) && !is_empty(place->target)) {
        failure_set(reterr_failure, RESULT_REFUSED, "%s is a mount point and not empty",
                    place->target);
        return failure_hint(reterr_failure, "move its files away, or put the data directory one "
                                            "level below the mount point");
    }
    enum result result = mark(place, reterr_failure);
    return result == RESULT_OK ? clear_directory(place->target, reterr_failure) : result;
}

/* ---- the tasks ---- */

/* Half a copy must not fill the disk on which the old directory may have to run again. */
static void clear_remains(const struct place *place)
{
    struct failure failure = {0};
    if (!place->in_place && file_remove_tree(place->target, &failure) != RESULT_OK) {
        dprintf(STDERR_FILENO, "%s\n", failure.text);
    }
}

static enum result fill(const struct rebuild *rebuild, enum task task,
                        const struct upstream *upstream, const struct place *place,
                        struct failure *reterr_failure)
{
    enum result result = RESULT_OK;
    if (task == TASK_INITDB) {
        result = run_initdb(rebuild, place->target, reterr_failure);
    } else if (task == TASK_RESTORE) {
        result = rebuild_restore(rebuild, place->target, reterr_failure);
    } else {
        result = run_basebackup(rebuild, upstream, place->target, reterr_failure);
    }
    if (result == RESULT_OK && task != TASK_BASEBACKUP && task != TASK_CLONE) {
        result = rebuild_owe_post_init(rebuild, place->target, reterr_failure);
    }
    /* Without standby.signal a copy would start as a primary (I15). */
    return result == RESULT_OK ? pg_settings_signal(place->target, true, reterr_failure) : result;
}

static enum result run_copy(const struct rebuild *rebuild, enum task task,
                            const struct upstream *upstream, struct failure *reterr_failure)
{
    struct place place;
    enum result result = place_init(&place, rebuild->data_directory, reterr_failure);
    if (result == RESULT_OK) {
        result = prepare(&place, reterr_failure);
    }
    if (result != RESULT_OK) {
        return result;
    }
    result = fill(rebuild, task, upstream, &place, reterr_failure);
    if (result != RESULT_OK) {
        clear_remains(&place);
        return result;
    }
    if (!place.in_place) {
        result = rebuild_install(place.directory, reterr_failure);
    }
    return result == RESULT_OK ? file_remove(place.marker, reterr_failure) : result;
}

/* pg_rewind ends a crash with a single-user server, which refuses to run in standby mode: under the
 * marker, where nobody starts it, the signal file goes for that long. */
static enum result run_rewind(const struct rebuild *rebuild, const struct upstream *upstream,
                              struct failure *reterr_failure)
{
    struct place place;
    enum result result = place_init(&place, rebuild->data_directory, reterr_failure);
    if (result == RESULT_OK) {
        result = mark(&place, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = pg_settings_signal(place.directory, false, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = run_rewinds(rebuild, upstream, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = timeline_forget_above(place.directory, upstream->timeline, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = pg_settings_signal(place.directory, true, reterr_failure);
    }
    return result == RESULT_OK ? file_remove(place.marker, reterr_failure) : result;
}

enum result rebuild_run(const struct rebuild *rebuild, enum task task,
                        const struct upstream *upstream, struct failure *reterr_failure)
{
    if (task == TASK_REWIND) {
        return run_rewind(rebuild, upstream, reterr_failure);
    }
    return run_copy(rebuild, task, upstream, reterr_failure);
}

static int run_forget(const void *argument)
{
    const struct rebuild *rebuild = argument;
    struct failure failure = {0};
    return child_conclude(rebuild_forget_old(rebuild->data_directory, rebuild->keep, &failure),
                          &failure);
}

enum result rebuild_forget_start(struct child *child, const struct rebuild *rebuild,
                                 struct failure *reterr_failure)
{
    return child_call(child, "forget", run_forget, rebuild, -1, reterr_failure);
}

static const enum reason task_reasons[TASK_COUNT] = {[TASK_INITDB] = REASON_INITDB_FAILED,
                                                     [TASK_BASEBACKUP] = REASON_BASEBACKUP_FAILED,
                                                     [TASK_REWIND] = REASON_REWIND_FAILED,
                                                     [TASK_RESTORE] = REASON_RESTORE_FAILED,
                                                     [TASK_CLONE] = REASON_BASEBACKUP_FAILED};

enum reason rebuild_reason(enum task task)
{
    return task < TASK_COUNT ? task_reasons[task] : REASON_NONE;
}
