/* SPDX-License-Identifier: PostgreSQL */
#include "guard_kill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Memory of the scans; one thread of one process uses it. */
static int proc_fd = -1;
static struct process
        table[INSTANCE_PROCESS_MAX]; /* ascending by pid; after a scan: members only */
static uint32_t table_count;
static pid_t killed[INSTANCE_PROCESS_MAX];
static uint32_t killed_total;

bool instance_open(void)
{
    if (proc_fd < 0) {
        proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return proc_fd >= 0;
}

void instance_init(struct instance *instance, const char *directory)
{
    memset(instance, 0, sizeof *instance);
    if (realpath(directory, instance->directory) == NULL) {
        snprintf(instance->directory, sizeof instance->directory, "%s", directory);
    }
}

/* PF_KTHREAD of linux/sched.h. */
#define KERNEL_THREAD_FLAG 0x00200000U

/* "state parent group session terminal foreground flags" follow the last parenthesis of
 * /proc/PID/stat: a command's name may hold any byte (proc(5)). */
static bool stat_parse(const char *text, char *ret_state, struct process *ret_process)
{
    const char *rest = strrchr(text, ')');
    int parent = 0;
    int session = 0;
    unsigned flags = 0;
    if (rest == NULL ||
        sscanf(rest + 1, " %c %d %*d %d %*d %*d %u", ret_state, &parent, &session, &flags) != 4) {
        return false;
    }
    ret_process->kernel = (flags & KERNEL_THREAD_FLAG) != 0;
    ret_process->parent = parent;
    ret_process->session = session;
    return true;
}

/* False when there is no such process or it is dead. */
static bool process_read(pid_t pid, struct process *ret_process)
{
    char path[32];
    char text[512];
    char state = 'X';
    snprintf(path, sizeof path, "%d/stat", (int)pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    *ret_process = (struct process){.pid = pid};
    return stat_parse(text, &state, ret_process) && state != 'Z' && state != 'X' && state != 'x';
}

bool instance_directory_of(pid_t pid, uint64_t *ret_device, uint64_t *ret_inode)
{
    char path[32];
    struct statx status;
    snprintf(path, sizeof path, "%d/cwd", (int)pid);
    if (statx(proc_fd, path, AT_STATX_DONT_SYNC, STATX_INO, &status) != 0) {
        return false;
    }
    *ret_device = makedev(status.stx_dev_major, status.stx_dev_minor);
    *ret_inode = status.stx_ino;
    return true;
}

static bool works_in_name(const struct instance *instance, pid_t pid)
{
    static const char deleted[] = " (deleted)";
    char path[32];
    char name[PATH_MAX + sizeof deleted];
    size_t size = strlen(instance->directory);
    snprintf(path, sizeof path, "%d/cwd", (int)pid);
    ssize_t got = readlinkat(proc_fd, path, name, sizeof name - 1);
    if (got <= 0 || size == 0 || (size_t)got < size) {
        return false;
    }
    name[got] = '\0';
    if (memcmp(name, instance->directory, size) != 0) {
        return false;
    }
    return name[size] == '\0' || strcmp(name + size, deleted) == 0;
}

static bool works_in(const struct instance *instance, pid_t pid)
{
    uint64_t device = 0;
    uint64_t inode = 0;
    if (works_in_name(instance, pid)) {
        return true;
    }
    return instance->inode != 0 && instance_directory_of(pid, &device, &inode) &&
           device == instance->device && inode == instance->inode;
}

static bool is_spared(const struct instance *instance, const struct process *process)
{
    if (process->pid == getpid() || process->pid == instance->guard) {
        return true;
    }
    /* The agent itself has the session's number before it has the session. */
    return instance->session != 0 &&
           (process->session == instance->session || process->pid == instance->session);
}

static bool is_root_member(const struct instance *instance, const struct process *process)
{
    if (process->kernel) {
        return false;
    }
    return process->pid == instance->postmaster ||
           (instance->guard != 0 && process->parent == instance->guard) ||
           works_in(instance, process->pid);
}

/* procfs lists processes in ascending order; what a reused number brings late is sorted in. */
static void table_add(const struct process *process)
{
    uint32_t at = table_count;
    while (at > 0 && table[at - 1].pid > process->pid) {
        table[at] = table[at - 1];
        at -= 1;
    }
    table[at] = *process;
    table_count += 1;
}

static const struct process *table_find(pid_t pid)
{
    uint32_t low = 0;
    uint32_t high = table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table[middle].pid < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < table_count && table[low].pid == pid ? &table[low] : NULL;
}

static bool table_take(const struct instance *instance, const char *name)
{
    struct process process;
    char *end = NULL;
    long pid = strtol(name, &end, 10);
    if (pid <= 0 || *end != '\0' || !process_read((pid_t)pid, &process) ||
        is_spared(instance, &process)) {
        return true;
    }
    if (table_count == INSTANCE_PROCESS_MAX) {
        return false;
    }
    process.member = is_root_member(instance, &process);
    table_add(&process);
    return true;
}

/* Reads all of /proc into the table; false when it was cut. readdir() would allocate. */
static bool table_fill(const struct instance *instance)
{
    static _Alignas(struct dirent64) char buffer[32768];
    bool whole = lseek(proc_fd, 0, SEEK_SET) == 0;
    table_count = 0;
    for (;;) {
        ssize_t size = getdents64(proc_fd, buffer, sizeof buffer);
        if (size <= 0) {
            return whole && size == 0;
        }
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + at);
            whole = table_take(instance, entry->d_name) && whole;
            at += entry->d_reclen;
        }
    }
}

/* Children of members become members, until nothing changes; one pass does when they are younger.
 */
static void table_close(void)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < table_count; i++) {
            const struct process *parent = table[i].member ? NULL : table_find(table[i].parent);
            if (parent != NULL && parent->member) {
                table[i].member = true;
                changed = true;
            }
        }
    }
}

uint32_t instance_scan(const struct instance *instance, bool *ret_whole)
{
    uint32_t count = 0;
    *ret_whole = table_fill(instance);
    table_close();
    for (uint32_t i = 0; i < table_count; i++) {
        if (table[i].member) {
            table[count] = table[i];
            count += 1;
        }
    }
    table_count = count;
    return count;
}

const struct process *instance_member(uint32_t i)
{
    return i < table_count ? &table[i] : NULL;
}

static bool was_killed(pid_t pid)
{
    for (uint32_t i = 0; i < killed_total; i++) {
        if (killed[i] == pid) {
            return true;
        }
    }
    return false;
}

/* Another user's process (a setuid program that an archive command started) may not be killed and
 * is not PostgreSQL: it does not count. */
bool instance_kill(pid_t pid, uint32_t *killed_count)
{
    if (*killed_count == 0) {
        killed_total = 0;
    }
    bool again = was_killed(pid);
    if (kill(pid, SIGKILL) != 0) {
        return errno != EPERM && errno != ESRCH;
    }
    if (!again && killed_total < INSTANCE_PROCESS_MAX) {
        killed[killed_total] = pid;
        killed_total += 1;
        *killed_count += 1;
    }
    return true;
}

bool instance_killed_live(void)
{
    struct process process;
    for (uint32_t i = 0; i < killed_total; i++) {
        if (process_read(killed[i], &process)) {
            return true;
        }
    }
    return false;
}

bool instance_kill_round(const struct instance *instance, uint32_t *killed_count)
{
    bool whole = false;
    bool anybody = false;
    uint32_t count = instance_scan(instance, &whole);
    for (uint32_t i = 0; i < count; i++) {
        anybody = instance_kill(table[i].pid, killed_count) || anybody;
    }
    return whole && !anybody;
}

void instance_kill_session(pid_t session)
{
    /* Nothing is a member but what the loop below chooses. */
    static const struct instance nobody;
    table_fill(&nobody);
    for (uint32_t i = 0; i < table_count; i++) {
        if (table[i].session == session) {
            kill(table[i].pid, SIGKILL);
        }
    }
    table_count = 0;
}
