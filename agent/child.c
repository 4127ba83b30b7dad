/* SPDX-License-Identifier: PostgreSQL */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child that is our own code begins its last line: that line says everything. */
static const char own_error[] = "error: ";

static void name_set(struct child *child, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(child->name, sizeof child->name, "%s", slash != NULL ? slash + 1 : path);
}

/* The child's own side of the fork: its end, its group, its signals, its output; the input is
 * empty. What it does must not go on when nobody is there any more who knows of it. */
static void child_become(pid_t parent, int output_fd, int stdout_fd, bool in_group)
{
    sigset_t none;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(126);
    }
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!in_group) {
        setpgid(0, 0);
    }
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(stdout_fd >= 0 ? stdout_fd : output_fd, STDOUT_FILENO) < 0 ||
        dup2(output_fd, STDERR_FILENO) < 0) {
        _exit(126);
    }
    close(null);
}

/* Forks; returns in both processes. In the child *ret_pid is 0 and standard error is the pipe. */
static enum result child_fork(struct child *child, int stdout_fd, pid_t *ret_pid,
                              struct failure *reterr_failure)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return failure_errno(reterr_failure, errno, "start %s", child->name);
    }
    const pid_t parent = getpid();
    *ret_pid = fork();
    if (*ret_pid == 0) {
        child_become(parent, ends[1], stdout_fd, child->in_group);
        return RESULT_OK;
    }
    int error = errno;
    close(ends[1]);
    if (*ret_pid < 0) {
        close(ends[0]);
        return failure_errno(reterr_failure, error, "start %s", child->name);
    }
    if (!child->in_group) {
        setpgid(*ret_pid, *ret_pid); /* both sides do it: whoever comes first */
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->pid = *ret_pid;
    child->output_fd = ends[0];
    child->pidfd = pidfd_open(*ret_pid, 0);
    if (child->pidfd < 0) {
        error = errno;
        child_finish(child);
        return failure_errno(reterr_failure, error, "watch %s", child->name);
    }
    return RESULT_OK;
}

static void child_init(struct child *child, const char *name)
{
    memset(child, 0, sizeof *child);
    child->pidfd = -1;
    child->output_fd = -1;
    name_set(child, name);
}

static void child_execute(const struct child_spec *spec)
{
    for (char *const *at = spec->environment; at != NULL && *at != NULL; at++) {
        putenv(*at);
    }
    execv(spec->argv[0], spec->argv);
    dprintf(STDERR_FILENO, "error: %s: %s\n", spec->argv[0], strerror(errno));
    _exit(127);
}

enum result child_start(struct child *child, const struct child_spec *spec,
                        struct failure *reterr_failure)
{
    pid_t pid = -1;
    child_init(child, spec->argv[0]);
    child->in_group = spec->in_group;
    enum result result = child_fork(child, spec->stdout_fd, &pid, reterr_failure);
    if (pid == 0) {
        child_execute(spec);
    }
    return result;
}

enum result child_call(struct child *child, const char *name, child_function function,
                       const void *argument, int stdout_fd, struct failure *reterr_failure)
{
    pid_t pid = -1;
    child_init(child, name);
    enum result result = child_fork(child, stdout_fd, &pid, reterr_failure);
    if (pid == 0) {
        _exit(function(argument));
    }
    return result;
}

int child_conclude(enum result result, const struct failure *failure)
{
    if (result == RESULT_OK) {
        return EXIT_SUCCESS;
    }
    bool hint = failure->hint[0] != '\0';
    dprintf(STDERR_FILENO, "%s%s%s%s%s\n", own_error, failure->text, hint ? " (" : "",
            failure->hint, hint ? ")" : "");
    return EXIT_FAILURE;
}

/* "1234/5678 kB (21%), 0/1 tablespace" and "1234/5678 kB (21%) copied". */
static bool parse_percent(const char *line, uint32_t *ret_percent)
{
    const char *open_parenthesis = strchr(line, '(');
    unsigned percent = 0;
    char sign = '\0';
    if (open_parenthesis == NULL || sscanf(open_parenthesis, "(%3u%c)", &percent, &sign) != 2 ||
        sign != '%') {
        return false;
    }
    *ret_percent = percent < 100 ? percent : 100;
    return true;
}

static void take_progress(struct child *child, const char *line)
{
    unsigned long long done_kb = 0;
    unsigned long long total_kb = 0;
    if (sscanf(line, "%18llu/%18llu kB", &done_kb, &total_kb) == 2) {
        child->done_kb = done_kb;
        child->total_kb = total_kb;
    }
}

static bool says_error(const char *line)
{
    return strcasestr(line, "error:") != NULL || strcasestr(line, "fatal:") != NULL;
}

/* Keeps the line, unless it is a later, lesser one. True when something changed. */
static bool take_line(struct child *child)
{
    bool is_error = says_error(child->line);
    const char *text = child->line + strspn(child->line, " \t");
    if (*text == '\0') {
        return false;
    }
    if (!is_error && parse_percent(text, &child->percent)) {
        take_progress(child, text);
        return true;
    }
    if (child->last_is_error && !is_error) {
        return false;
    }
    snprintf(child->last, sizeof child->last, "%s", text);
    child->last_is_error = is_error;
    return true;
}

static bool end_line(struct child *child)
{
    child->line[child->line_size] = '\0';
    child->line_size = 0;
    return take_line(child);
}

static bool take_bytes(struct child *child, const char *bytes, size_t size)
{
    bool changed = false;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            changed = end_line(child) || changed;
        } else if (child->line_size < sizeof child->line - 1 && bytes[i] != '\0') {
            child->line[child->line_size] = bytes[i];
            child->line_size += 1;
        }
    }
    return changed;
}

bool child_read(struct child *child)
{
    char bytes[4096];
    bool changed = false;
    while (child->output_fd >= 0) {
        ssize_t size = read(child->output_fd, bytes, sizeof bytes);
        if (size > 0) {
            changed = take_bytes(child, bytes, (size_t)size) || changed;
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else if (size < 0 && errno == EAGAIN) {
            return changed;
        } else {
            changed = end_line(child) || changed;
            close(child->output_fd);
            child->output_fd = -1;
        }
    }
    return changed;
}

/* waitid() with a pidfd tells of this child and of no other that took its number. */
static bool child_wait(struct child *child, int options, int *ret_status)
{
    siginfo_t info = {0};
    int result = 0;
    do {
        result = waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | options);
    } while (result != 0 && errno == EINTR);
    if (result == 0 && info.si_pid == 0) {
        return false;
    }
    *ret_status = -1; /* somebody else has reaped it */
    if (result == 0) {
        *ret_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
    }
    return true;
}

bool child_reap(struct child *child, int *ret_status)
{
    if (child->pid == 0 || !child_wait(child, WNOHANG | WNOWAIT, ret_status)) {
        return false;
    }
    child_kill(child); /* what it left behind, while its number is still its own */
    child_wait(child, WNOHANG, ret_status);
    child_read(child);
    child->pid = 0;
    return true;
}

void child_kill(const struct child *child)
{
    if (child->pid > 0) {
        kill(child->in_group ? child->pid : -child->pid, SIGKILL);
    }
}

static void close_fd(int *fd)
{
    if (*fd > 0) { /* a zeroed child has none; 0 is never one of ours */
        close(*fd);
    }
    *fd = -1;
}

void child_finish(struct child *child)
{
    int status = 0;
    child_kill(child);
    if (child->pid > 0 && child->pidfd > 0) {
        child_wait(child, 0, &status);
    } else if (child->pid > 0) {
        waitpid(child->pid, &status, 0);
    }
    child->pid = 0;
    close_fd(&child->pidfd);
    close_fd(&child->output_fd);
}

/* "pg_rewind: error: could not …" without what the failure says anyway. */
static const char *last_words(const struct child *child)
{
    char prefix[sizeof child->name + 16];
    snprintf(prefix, sizeof prefix, "%s: error: ", child->name);
    size_t size = strlen(prefix);
    return strncmp(child->last, prefix, size) == 0 ? child->last + size : child->last;
}

enum result child_explain(const struct child *child, int status, struct failure *reterr_failure)
{
    const char *colon = child->last[0] != '\0' ? ": " : "";
    if (status == 0) {
        return RESULT_OK;
    }
    if (strncmp(child->last, own_error, sizeof own_error - 1) == 0) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s", child->last + sizeof own_error - 1);
    }
    if (status == -1) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: ended, how is not known",
                           child->name);
    }
    if (WIFSIGNALED(status)) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: killed by signal %d%s%s",
                           child->name, WTERMSIG(status), colon, last_words(child));
    }
    return failure_set(reterr_failure, RESULT_FAILED, "%s: exit status %d%s%s", child->name,
                       WEXITSTATUS(status), colon, last_words(child));
}
