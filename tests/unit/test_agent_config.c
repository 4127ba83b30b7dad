/* SPDX-License-Identifier: PostgreSQL */
/* agent.yaml: what a minimal one means, and what is said about a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../agent/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with agent.yaml, and something called postgres and pgbaton_fence.so in bin and lib. */
struct folder {
    char path[64];
    char yaml[96];
    char bin[96];
    char lib[96];
    char postgres[128];
    char fence[128];
};

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    assert_non_null(folder);
    snprintf(folder->path, sizeof(folder->path), "/tmp/pgbaton-settings-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->yaml, sizeof(folder->yaml), "%s/agent.yaml", folder->path);
    snprintf(folder->bin, sizeof(folder->bin), "%s/bin", folder->path);
    snprintf(folder->postgres, sizeof(folder->postgres), "%s/postgres", folder->bin);
    snprintf(folder->lib, sizeof(folder->lib), "%s/lib", folder->path);
    snprintf(folder->fence, sizeof(folder->fence), "%s/pgbaton_fence.so", folder->lib);
    assert_int_equal(mkdir(folder->bin, 0700), 0);
    assert_int_equal(mkdir(folder->lib, 0700), 0);
    make_file(folder->postgres);
    make_file(folder->fence);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    unlink(folder->yaml);
    unlink(folder->postgres);
    unlink(folder->fence);
    rmdir(folder->bin);
    rmdir(folder->lib);
    rmdir(folder->path);
    free(folder);
    return 0;
}

/* Writes the required keys, then text behind `postgresql:` (indented) and rest at the top level. */
static enum result load(struct folder *folder, const char *postgresql, const char *rest,
                        struct settings *settings, struct failure *failure)
{
    FILE *file = fopen(folder->yaml, "w");
    assert_non_null(file);
    fprintf(file,
            "cluster: demo\n"
            "node: node-1\n"
            "nats: nats://127.0.0.1:4222\n"
            "postgresql:\n"
            "  data_directory: /srv/pg/data/\n"
            "  address: 127.0.0.1:5441\n"
            "  bin_directory: %s\n"
            "%s%s",
            folder->bin, postgresql, rest);
    assert_int_equal(fclose(file), 0);
    memset(failure, 0, sizeof(*failure));
    return settings_load(folder->yaml, settings, failure);
}

static void assert_refused(struct folder *folder, const char *postgresql, const char *rest,
                           const char *text, const char *hint)
{
    struct settings settings;
    struct failure failure;
    assert_int_not_equal(load(folder, postgresql, rest, &settings, &failure), RESULT_OK);
    if (strstr(failure.text, text) == NULL || strstr(failure.hint, hint) == NULL) {
        fail_msg("got '%s' hint '%s', wanted '%s' hint '%s'", failure.text, failure.hint, text,
                 hint);
    }
}

static void test_settings_have_defaults(void **state)
{
    struct settings s;
    struct failure failure;
    assert_int_equal(load(*state, "", "", &s, &failure), RESULT_OK);
    assert_string_equal(s.self.cluster, "demo");
    assert_string_equal(s.self.node, "node-1");
    assert_string_equal(s.self.host, "127.0.0.1");
    assert_int_equal(s.self.port, 5441);
    assert_int_equal(s.self.agent_port, 8009);
    assert_string_equal(s.tls.certificate, "");
    assert_false(s.self.nofailover);
    assert_int_equal(s.self.failover_priority, 0);
    assert_string_equal(s.data_directory, "/srv/pg/data");
    assert_string_equal(s.state_directory, "/srv/pg/data.pgbaton");
    assert_string_equal(s.socket_directory, s.state_directory);
    assert_string_equal(s.replication_user, s.superuser);
    assert_true(strlen(s.superuser) > 0);
    assert_int_equal(s.hba_count, 0);
    assert_int_equal(s.parameter_count, 0);
    assert_int_equal(s.rebuild_keep, 0);
    assert_int_equal(s.log_level, SEVERITY_INFO);
    assert_true(s.self.fence);
    assert_non_null(strstr(s.fence_library, "/lib/pgbaton_fence.so"));
    assert_int_equal(s.watchdog, GUARD_WATCHDOG_OFF);
    settings_finish(&s);
}

static void test_settings_want_a_fence_unless_told_otherwise(void **state)
{
    struct folder *folder = *state;
    struct settings s;
    struct failure failure;
    assert_int_equal(unlink(folder->fence), 0);
    assert_refused(folder, "", "", "pgbaton_fence.so is not installed", "postgresql.fence: off");
    assert_refused(folder, "  fence_library: /nonexistent/fence.so\n", "", "cannot be read",
                   "pgbaton_fence.so");
    assert_int_equal(load(folder, "  fence: off\n", "", &s, &failure), RESULT_OK);
    assert_false(s.self.fence);
    settings_finish(&s);
}

static void test_settings_take_a_watchdog(void **state)
{
    struct settings s;
    struct failure failure;
    assert_int_equal(load(*state, "",
                          "watchdog:\n  mode: required\n  device: /dev/watchdog1\n"
                          "  timeout: 7s\n",
                          &s, &failure),
                     RESULT_OK);
    assert_int_equal(s.watchdog, GUARD_WATCHDOG_REQUIRED);
    assert_string_equal(s.watchdog_device, "/dev/watchdog1");
    assert_int_equal(s.watchdog_seconds, 7);
    settings_finish(&s);
    assert_refused(*state, "", "watchdog:\n  timeout: 1500ms\n", "whole number of seconds", "5s");
    assert_refused(*state, "", "watchdog:\n  mode: perhaps\n", "mode", "");
}

static void test_settings_take_everything(void **state)
{
    struct settings s;
    struct failure failure;
    enum result result = load(*state,
                              "  superuser: admin\n"
                              "  replication_user: replicator\n"
                              "  passfile: /srv/pg/pass\n"
                              "  socket_directory: /run/pg\n"
                              "  hba: [\"host all all 127.0.0.1/32 trust\", \"local x y md5\"]\n"
                              "  parameters: {max_connections: 50, shared_buffers: 32MB}\n",
                              "state_directory: /srv/state\n"
                              "tags: {nofailover: true, failover_priority: 7}\n"
                              "log_level: debug\n",
                              &s, &failure);
    assert_string_equal(failure.text, "");
    assert_int_equal(result, RESULT_OK);
    assert_string_equal(s.superuser, "admin");
    assert_string_equal(s.replication_user, "replicator");
    assert_string_equal(s.passfile, "/srv/pg/pass");
    assert_string_equal(s.socket_directory, "/run/pg");
    assert_string_equal(s.state_directory, "/srv/state");
    assert_int_equal(s.hba_count, 4);
    assert_string_equal(s.hba[0], "local all \"admin\" peer");
    assert_string_equal(s.hba[1], "host all all 127.0.0.1/32 trust");
    assert_string_equal(s.hba[3], "local all all peer");
    assert_int_equal(s.parameter_count, 2);
    assert_string_equal(s.parameters[0].name, "max_connections");
    assert_string_equal(s.parameters[1].value, "32MB");
    assert_true(s.self.nofailover);
    assert_int_equal(s.self.failover_priority, 7);
    assert_int_equal(s.log_level, SEVERITY_DEBUG);
    settings_finish(&s);
}

static void test_settings_name_line_and_cure(void **state)
{
    assert_refused(*state, "  adress: 127.0.0.1:5441\n", "", "agent.yaml:8", "address");
    assert_refused(*state, "  parameters: [a]\n", "", "agent.yaml:8", "max_connections: 50");
    assert_refused(*state, "  parameters: {work_mem: [1]}\n", "", "agent.yaml:8", "one value");
    assert_refused(*state, "  parameters: {work_mem: 1MB, work_mem: 2MB}\n", "", "agent.yaml:8",
                   "");
    assert_refused(*state, "  superuser: 'x\"y'\n", "", "agent.yaml:8", "a-z");
    assert_refused(*state, "  passfile: here\n", "", "agent.yaml:8", "from the root");
    assert_refused(*state, "", "log_level: loud\n", "agent.yaml:8", "debug");
    assert_refused(*state, "", "state_directory: /srv/pg/data/state\n", "agent.yaml:8",
                   "elsewhere");
}

static void test_settings_refuse_pgbatons_own_parameters(void **state)
{
    assert_refused(*state, "  parameters: {primary_conninfo: 'host=x'}\n", "", "primary_conninfo",
                   "leave it out");
}

static void test_settings_refuse_long_socket_path(void **state)
{
    char line[256];
    snprintf(line, sizeof(line), "  socket_directory: /%090d\n", 0);
    assert_refused(*state, line, "", "too long for a Unix socket", "shorter");
    snprintf(line, sizeof(line), "state_directory: /%090d\n", 0);
    assert_refused(*state, "", line, "too long for a Unix socket",
                   "set postgresql.socket_directory");
}

static void test_settings_refuse_bin_without_server(void **state)
{
    struct folder *folder = *state;
    unlink(folder->postgres);
    assert_refused(folder, "", "", "agent.yaml:7: postgresql.bin_directory", "/usr/lib/postgresql");
}

static void test_settings_take_ways_to_begin(void **state)
{
    struct settings s;
    struct failure failure;
    assert_int_equal(load(*state, "", "", &s, &failure), RESULT_OK);
    assert_int_equal(s.self.bootstrap, TASK_INITDB);
    assert_int_equal(s.bootstrap.option_count, 0);
    assert_false(s.self.post_init);
    settings_finish(&s);
    assert_int_equal(load(*state, "",
                          "bootstrap:\n  method: restore\n  post_init: /bin/true\n"
                          "  initdb: [data-checksums, 'encoding: UTF8', wal-segsize: 32]\n"
                          "  restore: {command: 'cp -a /backup/. $PGDATA'}\n",
                          &s, &failure),
                     RESULT_OK);
    assert_int_equal(s.self.bootstrap, TASK_RESTORE);
    assert_true(s.self.post_init);
    assert_string_equal(s.bootstrap.restore, "cp -a /backup/. $PGDATA");
    assert_int_equal(s.bootstrap.option_count, 3);
    assert_string_equal(s.bootstrap.options[0].value, "");
    assert_string_equal(s.bootstrap.options[1].name, "encoding");
    assert_string_equal(s.bootstrap.options[1].value, "UTF8");
    assert_string_equal(s.bootstrap.options[2].value, "32");
    settings_finish(&s);
}

static void test_settings_refuse_wrong_ways_to_begin(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
            {"bootstrap:\n  method: restore\n", ":9: bootstrap.method is restore, and"},
            {"bootstrap:\n  method: clone\n", "clone"},
            {"bootstrap:\n  initdb: [pgdata: /x]\n", ":9: bootstrap.initdb has pgdata, which is"},
            {"bootstrap:\n  initdb: [encoding]\n", "the option encoding, which needs a value"},
            {"bootstrap:\n  initdb: ['data-checksums: on']\n", "data-checksums, which takes no"},
            {"bootstrap:\n  initdb: [wal-segsize: 24]\n", ":9: bootstrap.initdb has a wal-segsize"},
            {"bootstrap:\n  initdb: {encoding: UTF8}\n", ":9: bootstrap.initdb is not a list"},
            {"bootstrap:\n  initdb:\n    - [a]\n", ":10: an option is neither"},
            {"bootstrap:\n  post_init: ' '\n", ":9: bootstrap.post_init is empty or too long"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(*state, "", cases[i].text, cases[i].said, "");
    }
}

static void test_settings_refuse_missing_file(void **state)
{
    struct settings s;
    struct failure failure = {0};
    (void)state;
    assert_int_not_equal(settings_load("/nonexistent/agent.yaml", &s, &failure), RESULT_OK);
    assert_non_null(strstr(failure.text, "/nonexistent/agent.yaml"));
}

static void test_state_directory_is_private(void **state)
{
    struct folder *folder = *state;
    struct settings s = {0};
    struct failure failure = {0};
    struct stat status;
    snprintf(s.state_directory, sizeof(s.state_directory), "%s/state", folder->path);
    assert_int_equal(settings_prepare(&s, &failure), RESULT_OK);
    assert_int_equal(stat(s.state_directory, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(settings_prepare(&s, &failure), RESULT_OK);
    assert_int_equal(chmod(s.state_directory, 0755), 0);
    assert_int_equal(settings_prepare(&s, &failure), RESULT_REFUSED);
    rmdir(s.state_directory);
}

#define in_folder(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static void test_settings_of_the_link_between_agents_are_taken(void **state)
{
    struct settings s;
    struct failure failure;
    const char *rest = "agent_port: 0\n"
                       "tls:\n  certificate: /etc/c.crt\n  key: /etc/c.key\n  ca: /etc/ca.crt\n";
    assert_int_equal(load(*state, "", rest, &s, &failure), RESULT_OK);
    assert_int_equal(s.self.agent_port, 0);
    assert_string_equal(s.tls.certificate, "/etc/c.crt");
    assert_string_equal(s.tls.key, "/etc/c.key");
    assert_string_equal(s.tls.ca, "/etc/ca.crt");
    settings_finish(&s);
}

static void test_settings_of_the_link_between_agents_are_checked(void **state)
{
    assert_refused(*state, "", "agent_port: 65536\n", "yaml:8: agent_port is not a port",
                   "1 to 65535, or 0");
    assert_refused(*state, "", "agent_port: -1\n", "yaml:8: agent_port is not a port",
                   "1 to 65535, or 0");
    assert_refused(*state, "", "agent_port: 5441\n", "agent_port is PostgreSQL's own port",
                   "choose another");
    assert_refused(*state, "", "tls: {certificate: /a, ca: /b}\n", "yaml:8: tls.key is not given",
                   "certificate, key and ca");
    assert_refused(*state, "", "tls: {key: /a, ca: /b}\n", "tls.certificate is not given",
                   "certificate, key and ca");
    assert_refused(*state, "", "tls: {key: /a, certificate: /b}\n", "tls.ca is not given",
                   "certificate, key and ca");
    assert_refused(*state, "", "tls: {key: a, certificate: /b, ca: /c}\n",
                   "tls.key is not an absolute path", "from the root");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            in_folder(test_settings_have_defaults),
            in_folder(test_settings_want_a_fence_unless_told_otherwise),
            in_folder(test_settings_take_a_watchdog),
            in_folder(test_settings_take_everything),
            in_folder(test_settings_name_line_and_cure),
            in_folder(test_settings_refuse_pgbatons_own_parameters),
            in_folder(test_settings_refuse_long_socket_path),
            in_folder(test_settings_refuse_bin_without_server),
            in_folder(test_settings_take_ways_to_begin),
            in_folder(test_settings_refuse_wrong_ways_to_begin),
            in_folder(test_settings_refuse_missing_file),
            in_folder(test_settings_of_the_link_between_agents_are_taken),
            in_folder(test_settings_of_the_link_between_agents_are_checked),
            in_folder(test_state_directory_is_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
