/* SPDX-License-Identifier: PostgreSQL */
#include "inspect.h"
#include "pg_control.h"
#include "pg_settings_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* One look at a path of the directory. */
enum sight { SIGHT_THERE, SIGHT_MISSING, SIGHT_UNREADABLE };

static void verdict_set(struct inspection *inspection, enum data_verdict verdict,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));

static void verdict_set(struct inspection *inspection, enum data_verdict verdict,
                        const char *format, ...)
{
    va_list arguments;
    inspection->verdict = verdict;
    va_start(arguments, format);
    vsnprintf(inspection->text, sizeof inspection->text, format, arguments);
    va_end(arguments);
}

static void path_of(char path[PATH_MAX], const char *directory, const char *name)
{
    snprintf(path, PATH_MAX, "%s%s", directory, name);
}

/* What cannot be looked at is said in the verdict. */
static enum sight look(const char *directory, const char *name, struct inspection *inspection)
{
    char path[PATH_MAX];
    struct stat status;
    path_of(path, directory, name);
    if (stat(path, &status) == 0) {
        return SIGHT_THERE;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return SIGHT_MISSING;
    }
    verdict_set(inspection, DATA_UNREADABLE, "%s: %s", name[0] != '\0' ? name + 1 : directory,
                strerror(errno));
    return SIGHT_UNREADABLE;
}

/* True when the directory could be read; *ret_count is the number of its entries, up to 2. */
static enum sight look_inside(const char *directory, const char *name, int *ret_count,
                              struct inspection *inspection)
{
    char path[PATH_MAX];
    const struct dirent *entry = NULL;
    path_of(path, directory, name);
    *ret_count = 0;
    DIR *dir = opendir(path);
    if (dir == NULL && (errno == ENOENT || errno == ENOTDIR)) {
        return SIGHT_MISSING;
    }
    while (dir != NULL && (errno = 0, entry = readdir(dir)) != NULL && *ret_count < 2) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            *ret_count += 1;
        }
    }
    int error = entry == NULL ? errno : 0;
    if (dir != NULL) {
        closedir(dir);
    }
    if (error != 0) {
        verdict_set(inspection, DATA_UNREADABLE, "%s: %s", name[0] != '\0' ? name + 1 : directory,
                    strerror(error));
        return SIGHT_UNREADABLE;
    }
    return SIGHT_THERE;
}

/* What every cluster has. */
static const char *const required[] = {
        "/PG_VERSION",   "/global/pg_control", "/base",         "/base/1",      "/pg_wal",
        "/pg_xact",      "/pg_logical",        "/pg_multixact", "/pg_tblspc",   "/pg_replslot",
        "/pg_stat",      "/pg_notify",         "/pg_subtrans",  "/pg_twophase", "/pg_serial",
        "/pg_snapshots", "/pg_dynshmem",
};
#define REQUIRED_COUNT ((int)(sizeof required / sizeof required[0]))
/* With so many of them gone the directory is being deleted, or was: what is left, and what a dying
 * server still puts there, is no cluster. One or two missing are damage. */
#define VANISHED_COUNT 3

/* True when the files are there; else the verdict says what is not. */
static bool check_files(const char *directory, struct inspection *inspection)
{
    int missing = 0;
    int first = 0;
    for (int i = REQUIRED_COUNT - 1; i >= 0; i--) {
        enum sight sight = look(directory, required[i], inspection);
        if (sight == SIGHT_UNREADABLE) {
            return false;
        }
        if (sight == SIGHT_MISSING) {
            missing += 1;
            first = i;
        }
    }
    if (missing >= VANISHED_COUNT) {
        verdict_set(inspection, DATA_EMPTY, "%s holds no cluster: %d of its parts are missing",
                    directory, missing);
    } else if (missing > 0) {
        verdict_set(inspection, DATA_DAMAGED, "%s is missing", required[first] + 1);
    }
    return missing == 0;
}

static bool check_base(const char *directory, struct inspection *inspection)
{
    int count = 0;
    enum sight sight = look_inside(directory, "/base/1", &count, inspection);
    if (sight != SIGHT_UNREADABLE && count == 0) {
        verdict_set(inspection, DATA_DAMAGED, "base/1 is empty");
    }
    return sight == SIGHT_THERE && count > 0;
}

static bool check_directory(const char *directory, struct inspection *inspection)
{
    int count = 0;
    enum sight sight = look_inside(directory, "", &count, inspection);
    if (sight == SIGHT_MISSING) {
        verdict_set(inspection, DATA_EMPTY, "%s does not exist", directory);
    } else if (sight == SIGHT_THERE && count == 0) {
        verdict_set(inspection, DATA_EMPTY, "%s is empty", directory);
    }
    return sight == SIGHT_THERE && count > 0;
}

/* PG_VERSION holds "15": 150000 here; the minor version is not on the disk. */
static uint32_t read_version(const char *directory)
{
    char path[PATH_MAX];
    char text[16] = {0};
    path_of(path, directory, "/PG_VERSION");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    unsigned long major = size > 0 ? strtoul(text, NULL, 10) : 0;
    return major < 1000 ? (uint32_t)major * 10000 : 0;
}

static bool is_primarys(enum pg_control_state state)
{
    return state == PG_CONTROL_SHUT_DOWN || state == PG_CONTROL_SHUTTING_DOWN ||
           state == PG_CONTROL_IN_PRODUCTION;
}

/* A standby's place is what it must at least replay; without one it has just been copied. */
static struct position control_position(const struct pg_control *control)
{
    if (is_primarys(control->state) || control->minimum_recovery.lsn == 0) {
        return control->checkpoint_end;
    }
    return control->minimum_recovery;
}

static bool check_control(const char *directory, struct inspection *inspection,
                          uint64_t *ret_segment_bytes)
{
    struct pg_control control;
    struct failure failure;
    enum result result = pg_control_read(directory, &control, &failure);
    if (result != RESULT_OK) {
        bool unreadable = result == RESULT_REFUSED || result == RESULT_UNAVAILABLE;
        verdict_set(inspection, unreadable ? DATA_UNREADABLE : DATA_DAMAGED, "%s", failure.text);
        return false;
    }
    inspection->system_id = control.system_id;
    inspection->wal_segment_bytes = control.wal_segment_bytes;
    inspection->clean = control.state == PG_CONTROL_SHUT_DOWN ||
                        control.state == PG_CONTROL_SHUT_DOWN_IN_RECOVERY;
    inspection->was_primary = is_primarys(control.state);
    inspection->in_recovery = control.state == PG_CONTROL_IN_ARCHIVE_RECOVERY;
    inspection->position = control_position(&control);
    inspection->needs = control.needs;
    *ret_segment_bytes = control.wal_segment_bytes;
    return true;
}

static bool may_restore(const char *directory)
{
    static const char *const names[] = {"/postgresql.conf", "/pgbaton.conf",
                                        "/postgresql.auto.conf"};
    char path[PATH_MAX];
    bool may = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, directory, names[i]);
        may = may || settings_file_may_set(path, "restore_command");
    }
    return may;
}

static void read_timelines(const char *directory, struct inspection *inspection)
{
    uint32_t timeline = inspect_wal_timeline(directory);
    if (timeline > inspection->position.timeline) {
        inspection->position.timeline = timeline;
    }
    if (!history_read(directory, inspection->position.timeline, &inspection->history)) {
        verdict_set(inspection, DATA_INTACT, "the history of timeline %u cannot be read",
                    inspection->position.timeline);
    }
}

/* After an error of the medium a file system may refuse every write and still look writable. */
static bool refuses_writes(const char *path)
{
    int fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    bool refused = fd < 0 && (errno == EROFS || errno == EIO);
    if (fd >= 0) {
        close(fd);
    }
    return refused;
}

static enum disk_state disk_of(const char *directory, const char *name, uint64_t need_bytes)
{
    char path[PATH_MAX];
    struct statvfs status;
    path_of(path, directory, name);
    if (statvfs(path, &status) != 0) {
        return DISK_WRITABLE; /* what is missing is the verdict's */
    }
    if ((status.f_flag & ST_RDONLY) != 0 || refuses_writes(path)) {
        return DISK_READ_ONLY;
    }
    uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return free_bytes < need_bytes ? DISK_FULL : DISK_WRITABLE;
}

/* WAL may have a file system of its own, and segments that are larger than usual. */
static enum disk_state check_disks(const char *directory, uint64_t segment_bytes)
{
    const uint64_t least = DISK_FREE_BYTES_MIN;
    enum disk_state data = disk_of(directory, "", least);
    return data != DISK_WRITABLE
                   ? data
                   : disk_of(directory, "/pg_wal", segment_bytes > least ? segment_bytes : least);
}

/* A copy's pg_control says what its primary was. Before PostgreSQL 15 a backup_label may also lie
 * in a primary. */
static bool is_fresh_copy(const char *directory, struct inspection *inspection)
{
    return inspection->standby_signal && inspection->pg_version >= 150000 &&
           look(directory, "/backup_label", inspection) == SIGHT_THERE;
}

static void look_at_data(const char *directory, struct inspection *ret_inspection,
                         uint64_t *ret_segment_bytes)
{
    ret_inspection->incomplete = look(directory, INCOMPLETE_SUFFIX, ret_inspection) == SIGHT_THERE;
    if (!check_directory(directory, ret_inspection) || !check_files(directory, ret_inspection) ||
        !check_base(directory, ret_inspection) ||
        !check_control(directory, ret_inspection, ret_segment_bytes)) {
        return;
    }
    ret_inspection->verdict = DATA_INTACT;
    ret_inspection->text[0] = '\0';
    ret_inspection->pg_version = read_version(directory);
    ret_inspection->standby_signal =
            look(directory, "/standby.signal", ret_inspection) == SIGHT_THERE;
    if (is_fresh_copy(directory, ret_inspection)) {
        ret_inspection->was_primary = false;
    }
    ret_inspection->restores = may_restore(directory);
    read_timelines(directory, ret_inspection);
}

void inspect_data_directory(const char *directory, struct inspection *ret_inspection)
{
    uint64_t segment_bytes = 0;
    memset(ret_inspection, 0, sizeof *ret_inspection);
    look_at_data(directory, ret_inspection, &segment_bytes);
    ret_inspection->disk = check_disks(directory, segment_bytes);
}

int inspect_run(const char *directory, bool processes, int fd)
{
    struct inspect_report report;
    memset(&report, 0, sizeof report);
    report.magic = INSPECT_MAGIC;
    if (processes) {
        inspect_processes(directory, &report.postmaster, &report.process_count);
    }
    inspect_data_directory(directory, &report.inspection);
    return write(fd, &report, sizeof report) == (ssize_t)sizeof report ? EXIT_SUCCESS
                                                                       : EXIT_FAILURE;
}

bool inspect_receive(int fd, struct inspect_report *ret_report)
{
    memset(ret_report, 0, sizeof *ret_report);
    if (read(fd, ret_report, sizeof *ret_report) == (ssize_t)sizeof *ret_report &&
        ret_report->magic == INSPECT_MAGIC) {
        return true;
    }
    memset(ret_report, 0, sizeof *ret_report);
    verdict_set(&ret_report->inspection, DATA_SILENT, "the inspection gave no answer");
    return false;
}
