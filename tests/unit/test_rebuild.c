/* SPDX-License-Identifier: PostgreSQL */
/*
 * Children, commands and the swap of directories; and, with a real PostgreSQL: initdb, a base
 * backup that streams, a promotion, and a rewind of the old primary.
 */
#include "../../agent/inspect.h"
#include "../../agent/pg_settings.h"
#include "../../agent/rebuild.h"
#include "../../proto/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg_helper.h"

struct server {
    char dir[96];
    char node[16];
    char bin[64];
    uint16_t port;
    pid_t pid;
    struct pg_settings settings;
    struct rebuild rebuild;
};

static char base[64];
static pid_t servers[2]; /* what a failed test leaves running */
static char logfile[96];

static int setup(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/pgbaton-rebuild-XXXXXX");
    assert_non_null(mkdtemp(base));
    snprintf(logfile, sizeof logfile, "%s/log", base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        if (servers[i] > 0) {
            kill(servers[i], SIGQUIT);
            waitpid(servers[i], NULL, 0);
            servers[i] = 0;
        }
    }
    return file_remove_tree(base, NULL) == RESULT_OK ? 0 : -1;
}

/* ---- children ---- */

static int wait_child(struct child *child)
{
    int status = 0;
    for (int i = 0; !child_reap(child, &status); i++) {
        struct pollfd fds[] = {{.fd = child->output_fd, .events = POLLIN},
                               {.fd = child->pidfd, .events = POLLIN}};
        assert_in_range(i, 0, 10000);
        poll(fds, 2, 10000);
        child_read(child);
    }
    return status;
}

static int run_shell(const char *script, struct child *child, struct failure *failure)
{
    char sh[] = "/bin/sh";
    char option[] = "-c";
    char text[512];
    snprintf(text, sizeof text, "%s", script);
    char *argv[] = {sh, option, text, NULL};
    struct child_spec spec = {.argv = argv, .stdout_fd = -1};
    assert_int_equal(child_start(child, &spec, failure), RESULT_OK);
    int status = wait_child(child);
    child_finish(child);
    return status;
}

static void test_child_reads_progress_and_the_last_error(void **state)
{
    struct child child;
    struct failure failure = {0};
    (void)state;
    int status = run_shell("printf '1/9 kB (11%%), x\\r2/9 kB (42%%), x\\n' >&2;"
                           "echo 'sh: error: no room'; echo 'removing'; exit 3",
                           &child, &failure);
    assert_int_equal(child.percent, 42);
    assert_int_equal(child.done_kb, 2);
    assert_int_equal(child.total_kb, 9);
    assert_int_equal(child_explain(&child, status, &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "sh: exit status 3: no room");
    assert_int_equal(run_shell("exit 0", &child, &failure), 0);
}

static void test_child_that_cannot_be_executed(void **state)
{
    struct child child;
    struct failure failure = {0};
    char path[] = "/nonexistent/tool";
    char *argv[] = {path, NULL};
    struct child_spec spec = {.argv = argv, .stdout_fd = -1};
    (void)state;
    assert_int_equal(child_start(&child, &spec, &failure), RESULT_OK);
    int status = wait_child(&child);
    assert_int_equal(child_explain(&child, status, &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "/nonexistent/tool: No such file or directory");
    child_finish(&child);
}

/* An agent that begins a rebuild, which begins a tool, and tells their numbers. */
static int run_tool(const void *argument)
{
    struct child child;
    struct failure failure = {0};
    char sleeper[] = "/bin/sleep";
    char time[] = "600";
    char *argv[] = {sleeper, time, NULL};
    struct child_spec spec = {.argv = argv, .stdout_fd = -1, .in_group = true};
    const int *out = argument;
    int status = 0;
    if (child_start(&child, &spec, &failure) != RESULT_OK ||
        write(*out, &child.pid, sizeof child.pid) != sizeof child.pid) {
        return 1;
    }
    while (!child_reap(&child, &status)) {
        pause();
    }
    return 0;
}

static void be_agent(int out)
{
    struct child child;
    struct failure failure = {0};
    if (child_call(&child, "rebuild", run_tool, &out, -1, &failure) == RESULT_OK &&
        write(out, &child.pid, sizeof child.pid) == sizeof child.pid) {
        pause();
    }
    _exit(1);
}

/* Else a rewind goes on beside the next agent's, and says that it is whole what is not. */
static void test_child_dies_with_its_agent(void **state)
{
    int ends[2];
    int fds[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t agent = fork();
    if (agent == 0) {
        be_agent(ends[1]);
    }
    for (int i = 0; i < 2; i++) {
        pid_t pid = 0;
        assert_int_equal(read(ends[0], &pid, sizeof pid), sizeof pid);
        fds[i] = pidfd_open(pid, 0);
        assert_true(fds[i] >= 0);
    }
    kill(agent, SIGKILL);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
    for (int i = 0; i < 2; i++) {
        struct pollfd in = {.fd = fds[i], .events = POLLIN};
        assert_int_equal(poll(&in, 1, 30000), 1);
        close(fds[i]);
    }
    close(ends[0]);
    close(ends[1]);
}

/* The shell's own child holds the output open: the end of the output proves that both are dead. */
static void test_child_kill_takes_its_group(void **state)
{
    struct child child;
    struct failure failure = {0};
    char sh[] = "/bin/sh";
    char option[] = "-c";
    char script[] = "tail -f /dev/null & echo ready; wait";
    char *argv[] = {sh, option, script, NULL};
    struct child_spec spec = {.argv = argv, .stdout_fd = -1};
    (void)state;
    assert_int_equal(child_start(&child, &spec, &failure), RESULT_OK);
    while (strcmp(child.last, "ready") != 0) {
        struct pollfd in = {.fd = child.output_fd, .events = POLLIN};
        assert_int_equal(poll(&in, 1, 5000), 1);
        child_read(&child);
    }
    child_kill(&child);
    assert_int_equal(WTERMSIG(wait_child(&child)), SIGKILL);
    for (int i = 0; i < 500 && child.output_fd >= 0; i++) {
        poll(NULL, 0, 2);
        child_read(&child);
    }
    assert_int_equal(child.output_fd, -1);
    child_finish(&child);
}

/* ---- commands ---- */

static bool has(const struct command *command, const char *argument)
{
    for (char *const *at = command->argv; *at != NULL; at++) {
        if (strcmp(*at, argument) == 0) {
            return true;
        }
    }
    return false;
}

static void test_command_basebackup_uses_the_slot(void **state)
{
    struct rebuild rebuild = {
            .bin_directory = "/bin", .node = "node-1", .replication_user = "r", .passfile = "/p"};
    struct upstream upstream = {.node = "node-2", .host = "h", .port = 5442};
    struct command command;
    (void)state;
    command_basebackup(&rebuild, &upstream, "/d.new", SLOT_CREATE, &command);
    assert_string_equal(command.argv[0], "/bin/pg_basebackup");
    assert_true(has(&command, "-C") && has(&command, "pgbaton_node_1") && has(&command, "/d.new"));
    assert_string_equal(command.environment[2], "PGPASSFILE=/p");
    command_basebackup(&rebuild, &upstream, "/d.new", SLOT_EXISTING, &command);
    assert_true(!has(&command, "-C") && has(&command, "-S"));
    command_basebackup(&rebuild, &upstream, "/d.new", SLOT_TEMPORARY, &command);
    assert_true(!has(&command, "-C") && !has(&command, "-S"));
    assert_false(command.overflow);
}

/* Whichever of the remote's hosts is its primary; its slots are its own. */
static void test_command_basebackup_of_a_remote(void **state)
{
    struct rebuild rebuild = {.bin_directory = "/bin", .node = "node-1", .replication_user = "r"};
    struct upstream upstream = {.node = REMOTE_NODE, .host = "a,b", .port = 5442, .slot = "dr"};
    struct command command;
    (void)state;
    command_basebackup(&rebuild, &upstream, "/d.new", SLOT_EXISTING, &command);
    assert_true(has(&command, "-S") && has(&command, "dr") && !has(&command, "-C"));
    assert_non_null(strstr(command.argv[3], "host='a,b' port='5442' user='r'"));
    assert_non_null(strstr(command.argv[3], "target_session_attrs='read-write'"));
}

static void test_command_rewind_looks_into_the_archive_when_told(void **state)
{
    struct rebuild rebuild = {.bin_directory = "/bin", .data_directory = "/d", .superuser = "p"};
    struct upstream upstream = {.node = "node-2", .host = "h", .port = 5442};
    struct command command;
    (void)state;
    command_rewind(&rebuild, &upstream, true, &command);
    assert_true(has(&command, "--restore-target-wal"));
    command_rewind(&rebuild, &upstream, false, &command);
    assert_false(has(&command, "--restore-target-wal"));
}

static void test_command_refuses_what_it_cannot_say(void **state)
{
    struct rebuild rebuild = {.bin_directory = "/bin", .data_directory = "/d", .superuser = "o'x"};
    struct upstream upstream = {.node = "node-2", .host = "h", .port = 5442};
    struct command command;
    struct failure failure;
    (void)state;
    command_rewind(&rebuild, &upstream, true, &command);
    assert_true(command.overflow);
    rebuild.data_directory = "relative";
    assert_int_equal(rebuild_run(&rebuild, TASK_BASEBACKUP, &upstream, &failure), RESULT_INVALID);
}

static void test_rebuild_hints_at_a_parent_that_is_not_writable(void **state)
{
    struct rebuild rebuild = {.bin_directory = "/bin", .data_directory = "/proc/x/data"};
    struct upstream upstream = {.node = "node-2", .host = "h", .port = 5442};
    struct failure failure;
    (void)state;
    assert_int_not_equal(rebuild_run(&rebuild, TASK_BASEBACKUP, &upstream, &failure), RESULT_OK);
    assert_non_null(strstr(failure.hint, "/proc/x"));
}

static void test_rebuild_keeps_as_many_old_directories_as_told(void **state)
{
    static const char *const names[] = {"d", "d.old", "d.old-20260301T120000Z",
                                        "d.old-20260302T120000Z", "d.new"};
    char root[] = "/tmp/pgbaton-keep-XXXXXX";
    char path[256];
    struct failure failure = {0};
    uint32_t keep = 7;
    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/d", root);
    assert_true(rebuild_parse_keep("2", &keep));
    assert_int_equal(rebuild_forget_old(path, keep, &failure), RESULT_OK);
    snprintf(path, sizeof path,
             "test \"$(ls %s | wc -l)\" = 3 && cd %s && test -d d && "
             "test -d d.old-20260302T120000Z && ! test -d d.old",
             root, root);
    struct child child;
    assert_int_equal(run_shell(path, &child, &failure), 0);
    snprintf(path, sizeof path, "%s/d", root);
    assert_true(rebuild_parse_keep("always", &keep) && keep == REBUILD_KEEP_ALL);
    assert_int_equal(rebuild_forget_old(path, keep, &failure), RESULT_OK);
    assert_true(rebuild_parse_keep("until-streaming", &keep) && keep == 0);
    assert_int_equal(rebuild_forget_old(path, keep, &failure), RESULT_OK);
    assert_false(rebuild_parse_keep("never", &keep) || rebuild_parse_keep("-1", &keep) ||
                 rebuild_parse_keep("1001", &keep) || rebuild_parse_keep("2x", &keep));
    assert_int_equal(file_remove_tree(root, &failure), RESULT_OK);
}

/* ---- a real PostgreSQL ---- */

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void server_init(struct server *s, const char *node)
{
    static const char *const hba[] = {"local all all trust", "host all all 127.0.0.1/32 trust",
                                      "host replication all 127.0.0.1/32 trust"};
    memset(s, 0, sizeof *s);
    assert_true(find_postgres(s->bin, sizeof s->bin));
    snprintf(s->node, sizeof s->node, "%s", node);
    snprintf(s->dir, sizeof s->dir, "%s/%s", base, node);
    s->port = free_port();
    s->settings = (struct pg_settings){.data_directory = s->dir,
                                       .cluster = "demo",
                                       .node = s->node,
                                       .listen_addresses = "127.0.0.1",
                                       .port = s->port,
                                       .socket_directory = base,
                                       .replication_user = "postgres",
                                       .hba = hba,
                                       .hba_count = 3};
    s->rebuild = (struct rebuild){.bin_directory = s->bin,
                                  .data_directory = s->dir,
                                  .node = s->node,
                                  .superuser = "postgres",
                                  .replication_user = "postgres"};
}

static struct upstream to(const struct server *s)
{
    struct upstream upstream = {.port = s->port, .timeline = 1};
    snprintf(upstream.node, sizeof upstream.node, "%s", s->node);
    snprintf(upstream.host, sizeof upstream.host, "127.0.0.1");
    return upstream;
}

static int psql(const struct server *s, const char *sql)
{
    char program[96];
    char port[16];
    char text[256];
    char options[6][16] = {"-X", "-q", "-p", "-h", "-c", "postgres"};
    snprintf(program, sizeof program, "%s/psql", s->bin);
    snprintf(port, sizeof port, "%u", (unsigned)s->port);
    snprintf(text, sizeof text, "%s", sql);
    char *argv[] = {program, options[0], options[1], options[2], port, options[3],
                    base,    options[4], text,       options[5], NULL};
    return run_program(logfile, argv);
}

/* Division by zero until the condition holds. */
static void psql_until(const struct server *s, const char *condition)
{
    char sql[256];
    int status = -1;
    snprintf(sql, sizeof sql, "select 1 / (%s)::int", condition);
    for (int i = 0; i < 200 && (status = psql(s, sql)) != 0; i++) {
        poll(NULL, 0, 50);
    }
    assert_int_equal(status, 0);
}

static void server_start(struct server *s, const struct upstream *upstream, bool as_primary)
{
    char program[96];
    char option[] = "-D";
    struct failure failure = {0};
    snprintf(program, sizeof program, "%s/postgres", s->bin);
    char *argv[] = {program, option, s->dir, NULL};
    assert_int_equal(pg_settings_write(&s->settings, upstream, as_primary, &failure), RESULT_OK);
    s->pid = fork();
    if (s->pid == 0) {
        setsid(); /* as the guard does */
        int log = open(logfile, O_WRONLY | O_APPEND | O_CREAT, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    servers[s->node[5] - 'a'] = s->pid;
    psql_until(s, "true");
}

static void server_stop(struct server *s, int number)
{
    kill(s->pid, number);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    servers[s->node[5] - 'a'] = 0;
    poll(NULL, 0, number == SIGKILL ? 300 : 0); /* its children see that it is dead */
}

struct job {
    const struct rebuild *rebuild;
    enum task task;
    const struct upstream *upstream;
};

static int run_job(const void *argument)
{
    const struct job *job = argument;
    struct failure failure = {0};
    return child_conclude(rebuild_run(job->rebuild, job->task, job->upstream, &failure), &failure);
}

static void start_task(struct child *child, const struct server *s, enum task task,
                       const struct upstream *upstream)
{
    struct failure failure = {0};
    struct job job = {.rebuild = &s->rebuild, .task = task, .upstream = upstream};
    assert_int_equal(child_call(child, task_name(task), run_job, &job, -1, &failure), RESULT_OK);
}

static void run_task(struct server *s, enum task task, const struct upstream *upstream)
{
    struct child child;
    struct failure failure = {0};
    start_task(&child, s, task, upstream);
    int status = wait_child(&child);
    if (child_explain(&child, status, &failure) != RESULT_OK) {
        fail_msg("%s: %s", task_name(task), failure.text);
    }
    if (task != TASK_INITDB) {
        assert_int_equal(child.percent, 100);
    }
    child_finish(&child);
}

static struct inspection look(const struct server *s)
{
    struct inspection inspection;
    inspect_data_directory(s->dir, &inspection);
    return inspection;
}

static bool exists(const struct server *s, const char *suffix)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", s->dir, suffix);
    return file_exists(path);
}

/* By its file, and without it by its command line. */
static void check_running_is_found(const struct server *s)
{
    pid_t pid = 0;
    uint32_t count = 0;
    char path[128];
    char away[128];
    inspect_processes(s->dir, &pid, &count);
    assert_int_equal(pid, s->pid);
    assert_in_range(count, 5, 20);
    snprintf(path, sizeof path, "%s/postmaster.pid", s->dir);
    snprintf(away, sizeof away, "%s/away", base);
    assert_int_equal(rename(path, away), 0);
    inspect_processes(s->dir, &pid, &count);
    assert_int_equal(pid, s->pid);
    assert_int_equal(rename(away, path), 0);
}

static void test_rebuild_initdb_basebackup_and_rewind(void **state)
{
    static const struct upstream nowhere;
    struct server a;
    struct server b;
    char bin[64];
    (void)state;
    if (!find_postgres(bin, sizeof bin)) {
        skip();
    }
    server_init(&a, "node-a");
    server_init(&b, "node-b");
    run_task(&a, TASK_INITDB, &nowhere);
    struct inspection first = look(&a);
    assert_int_equal(first.verdict, DATA_INTACT);
    assert_true(first.clean && first.was_primary && first.standby_signal);
    assert_int_not_equal(first.system_id, 0);
    server_start(&a, &nowhere, true);
    check_running_is_found(&a);
    assert_int_equal(psql(&a, "create table t (i int); insert into t values (1)"), 0);

    /* b gets a copy twice; the second time its slot is there, and what it has is kept as .old. */
    struct upstream from_a = to(&a);
    assert_int_equal(mkdir(b.dir, 0700), 0);
    run_task(&b, TASK_BASEBACKUP, &from_a);
    assert_false(exists(&b, ".old") || exists(&b, ".new") || exists(&b, ".incomplete"));
    run_task(&b, TASK_BASEBACKUP, &from_a);
    assert_true(exists(&b, ".old"));
    assert_int_equal(look(&b).system_id, first.system_id);
    assert_false(look(&b).was_primary); /* its pg_control is the primary's */
    server_start(&b, &from_a, false);
    psql_until(&a, "(select count(*) from pg_stat_replication where application_name = 'node-b' "
                   "and state = 'streaming')");
    psql_until(&a, "(select active from pg_replication_slots where slot_name = 'pgbaton_node_b')");
    struct failure failure = {0};
    assert_int_equal(rebuild_forget_old(b.dir, 0, &failure), RESULT_OK);
    assert_false(exists(&b, ".old"));

    /* b is promoted while a goes on and then crashes: a has what b has not. */
    assert_int_equal(psql(&b, "select pg_promote()"), 0);
    assert_int_equal(psql(&b, "checkpoint"), 0);
    assert_int_equal(psql(&b, "insert into t values (2)"), 0);
    assert_int_equal(psql(&a, "insert into t values (3)"), 0);
    server_stop(&a, SIGKILL);
    struct inspection crashed = look(&a);
    assert_int_equal(crashed.verdict, DATA_INTACT);
    assert_true(crashed.was_primary && !crashed.clean);
    struct upstream from_b = to(&b);
    from_b.timeline = 2;
    run_task(&a, TASK_REWIND, &from_b);
    struct inspection rewound = look(&a);
    assert_int_equal(rewound.verdict, DATA_INTACT);
    assert_true(rewound.standby_signal && !rewound.incomplete);
    assert_int_equal(rewound.position.timeline, 2);
    assert_int_equal(rewound.history.count, 1);
    assert_int_equal(psql(&b, "select pg_create_physical_replication_slot('pgbaton_node_a')"), 0);
    server_start(&a, &from_b, false);
    psql_until(&a, "(select array_agg(i order by i) = '{1,2}' from t)");
    server_stop(&a, SIGINT);
    struct inspection stopped = look(&a);
    assert_true(stopped.clean && !stopped.was_primary);
    server_stop(&b, SIGINT);
}

static void test_rebuild_failure_keeps_the_old_directory(void **state)
{
    struct server a;
    struct failure failure = {0};
    struct child child;
    char bin[64];
    (void)state;
    if (!find_postgres(bin, sizeof bin)) {
        skip();
    }
    server_init(&a, "node-a");
    struct upstream nobody = to(&a);
    assert_int_equal(mkdir(a.dir, 0700), 0);
    start_task(&child, &a, TASK_BASEBACKUP, &nobody);
    assert_int_equal(child_explain(&child, wait_child(&child), &failure), RESULT_FAILED);
    assert_non_null(strstr(failure.text, "pg_basebackup: exit status 1: connection to server"));
    child_finish(&child);
    assert_true(exists(&a, ""));
    assert_int_not_equal(rebuild_run(&a.rebuild, TASK_REWIND, &nobody, &failure), RESULT_OK);
    assert_true(look(&a).incomplete);
}

/* A tool of its own in place of pg_basebackup: text is a shell's. */
static void fake_basebackup(struct server *s, const char *script)
{
    char path[96];
    char text[256];
    server_init(s, "node-a");
    snprintf(s->bin, sizeof s->bin, "%s", base);
    s->rebuild.stall_ms = 2000;
    snprintf(path, sizeof path, "%s/pg_basebackup", base);
    int size = snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    assert_int_equal(file_replace(path, text, (size_t)size, NULL), RESULT_OK);
    assert_int_equal(chmod(path, 0700), 0);
}

static void test_rebuild_kills_a_tool_without_progress(void **state)
{
    struct server a;
    struct child child;
    struct failure failure = {0};
    (void)state;
    fake_basebackup(&a, "echo '1/100 kB (1%), x' >&2; exec sleep 60");
    struct upstream nobody = to(&a);
    start_task(&child, &a, TASK_BASEBACKUP, &nobody);
    assert_int_equal(child_explain(&child, wait_child(&child), &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "pg_basebackup: no progress for 2 s: killed");
    child_finish(&child);
}

/* It works without a word, and ends after more than its limit. */
static void test_rebuild_lets_a_silent_tool_work(void **state)
{
    struct server a;
    struct child child;
    struct failure failure = {0};
    (void)state;
    fake_basebackup(&a, "for i in 1 2 3 4 5 6 7 8; do sleep 0.5; : >\"$0.$i\"; done; exit 3");
    struct upstream nobody = to(&a);
    start_task(&child, &a, TASK_BASEBACKUP, &nobody);
    assert_int_equal(child_explain(&child, wait_child(&child), &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "pg_basebackup: exit status 3");
    child_finish(&child);
}

/* The leader's postmaster stands still: the connection is accepted by the kernel and never
 * answered.
 */
static void test_rebuild_kills_a_backup_of_a_stopped_leader(void **state)
{
    struct server a;
    struct server b;
    struct child child;
    struct failure failure = {0};
    char bin[64];
    (void)state;
    if (!find_postgres(bin, sizeof bin)) {
        skip();
    }
    server_init(&a, "node-a");
    server_init(&b, "node-b");
    run_task(&a, TASK_INITDB, NULL);
    struct upstream nowhere = {0};
    struct upstream from_a = to(&a);
    server_start(&a, &nowhere, true);
    b.rebuild.stall_ms = 2000;
    assert_int_equal(kill(a.pid, SIGSTOP), 0);
    start_task(&child, &b, TASK_BASEBACKUP, &from_a);
    assert_int_equal(child_explain(&child, wait_child(&child), &failure), RESULT_FAILED);
    assert_int_equal(kill(a.pid, SIGCONT), 0);
    assert_string_equal(failure.text, "pg_basebackup: no progress for 2 s: killed");
    child_finish(&child);
    server_stop(&a, SIGINT);
}

#define with_setup(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            with_setup(test_child_reads_progress_and_the_last_error),
            with_setup(test_child_that_cannot_be_executed),
            with_setup(test_child_kill_takes_its_group),
            with_setup(test_child_dies_with_its_agent),
            with_setup(test_command_basebackup_uses_the_slot),
            with_setup(test_command_basebackup_of_a_remote),
            with_setup(test_command_rewind_looks_into_the_archive_when_told),
            with_setup(test_rebuild_keeps_as_many_old_directories_as_told),
            with_setup(test_command_refuses_what_it_cannot_say),
            with_setup(test_rebuild_hints_at_a_parent_that_is_not_writable),
            with_setup(test_rebuild_initdb_basebackup_and_rewind),
            with_setup(test_rebuild_failure_keeps_the_old_directory),
            with_setup(test_rebuild_kills_a_tool_without_progress),
            with_setup(test_rebuild_lets_a_silent_tool_work),
            with_setup(test_rebuild_kills_a_backup_of_a_stopped_leader),
    };
    become_postgres();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
