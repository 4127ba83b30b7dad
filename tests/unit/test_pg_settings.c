/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/pg_control.h"
#include "../../agent/pg_settings.h"
#include "../../proto/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];
static char text[65536];

static const struct upstream nowhere;
static const struct upstream leader = {.node = "node-2", .host = "10.0.0.2", .port = 5442};

static struct pg_settings make_settings(void)
{
    return (struct pg_settings){.data_directory = base,
                                .cluster = "demo",
                                .node = "node-1",
                                .port = 5441,
                                .replication_user = "pgbaton"};
}

static const char *get(const char *name)
{
    char path[128];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", base, name);
    text[0] = '\0';
    return file_read(path, text, sizeof text, &size, NULL) == RESULT_OK ? text : NULL;
}

static void put(const char *name, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    assert_int_equal(file_replace(path, value, strlen(value), NULL), RESULT_OK);
}

static int setup(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/pgbaton-settings-XXXXXX");
    assert_non_null(mkdtemp(base));
    put("postgresql.conf", "shared_buffers = 128MB\n#wal_level = logical");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(base, NULL) == RESULT_OK ? 0 : -1;
}

static void write_as(const struct pg_settings *settings, const struct upstream *upstream,
                     bool as_primary)
{
    struct failure failure = {0};
    assert_int_equal(pg_settings_write(settings, upstream, as_primary, &failure), RESULT_OK);
}

static void test_pg_settings_standby_follows_upstream(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    write_as(&settings, &leader, false);
    assert_non_null(strstr(get("pgbaton.conf"), "\nport = '5441'\n"));
    assert_non_null(strstr(text, "\nprimary_slot_name = 'pgbaton_node_1'\n"));
    assert_non_null(strstr(text, "\nprimary_conninfo = 'host=''10.0.0.2'' port=''5442'' "
                                 "user=''pgbaton'' application_name=''node-1'' "
                                 "options=''-c pgbaton_fence.standby=node-1'' "));
    assert_non_null(strstr(text, "\nwal_level = 'replica'\n"));
    assert_non_null(strstr(text, "\nrestart_after_crash = 'off'\n"));
    assert_non_null(strstr(text, "\nfsync = 'on'\nfull_page_writes = 'on'\n"));
    assert_non_null(strstr(text, "\ndata_sync_retry = 'off'\n"));
    assert_non_null(strstr(text, "\nwal_retrieve_retry_interval = '100ms'\n"));
    assert_non_null(get("standby.signal"));
}

static void test_pg_settings_primary_has_no_signal_and_no_upstream(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    write_as(&settings, &leader, false);
    write_as(&settings, &nowhere, true);
    assert_null(get("standby.signal"));
    assert_non_null(
            strstr(get("pgbaton.conf"), "\nprimary_conninfo = ''\nprimary_slot_name = ''\n"));
}

static void test_pg_settings_include_is_the_last_line_once(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    write_as(&settings, &nowhere, true);
    put("postgresql.conf", "shared_buffers = 128MB\ninclude_if_exists = 'pgbaton.conf'\nport = 1");
    write_as(&settings, &nowhere, true);
    write_as(&settings, &nowhere, true);
    assert_string_equal(get("postgresql.conf"),
                        "shared_buffers = 128MB\nport = 1\ninclude_if_exists = 'pgbaton.conf'\n");
}

static void test_pg_settings_drops_alter_system_of_its_own_only(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    put("postgresql.auto.conf", "# Do not edit\nwork_mem = '8MB'\nprimary_conninfo = 'host=x'\n"
                                "PORT = 1\nport_knocking.x = 'stays'\n");
    write_as(&settings, &nowhere, false);
    assert_string_equal(get("postgresql.auto.conf"),
                        "# Do not edit\nwork_mem = '8MB'\nport_knocking.x = 'stays'\n");
}

static void expect_preload(const struct pg_settings *settings, const char *wanted)
{
    char line[256];
    snprintf(line, sizeof line, "\nshared_preload_libraries = '%s'\n", wanted);
    write_as(settings, &nowhere, false);
    assert_non_null(strstr(get("pgbaton.conf"), line));
}

static void test_pg_settings_loads_the_fence_before_the_users_libraries(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    settings.fence = "/lib/pgbaton_fence.so";
    expect_preload(&settings, "\"/lib/pgbaton_fence.so\"");
    put("postgresql.conf", "shared_preload_libraries = 'a, \"b,c\"' # two\n");
    expect_preload(&settings, "\"/lib/pgbaton_fence.so\", a, \"b,c\"");
    put("postgresql.conf", "shared_preload_libraries = pg_stat_statements\t# one\n");
    expect_preload(&settings, "\"/lib/pgbaton_fence.so\", pg_stat_statements");
    const struct pg_parameter own = {"shared_preload_libraries", " x ,/old/pgbaton_fence.so,, y"};
    settings.parameters = &own;
    settings.parameter_count = 1;
    expect_preload(&settings, "\"/lib/pgbaton_fence.so\", x, y");
    settings.fence = NULL;
    expect_preload(&settings, "x, y");
}

static void test_pg_settings_adds_the_fence_to_what_alter_system_loads(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    settings.fence = "/lib/pgbaton_fence.so";
    put("postgresql.auto.conf", "# Do not edit\nshared_preload_libraries = 'a, b'\nwork_mem = 1\n");
    write_as(&settings, &nowhere, false);
    write_as(&settings, &nowhere, false);
    assert_string_equal(get("postgresql.auto.conf"),
                        "# Do not edit\nwork_mem = 1\n"
                        "shared_preload_libraries = '\"/lib/pgbaton_fence.so\", a, b'\n");
}

static void test_pg_settings_keeps_logical_wal(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    put("postgresql.conf", "wal_level = minimal\nwal_level = logical # for us\n");
    write_as(&settings, &nowhere, false);
    assert_non_null(strstr(get("pgbaton.conf"), "\nwal_level = 'logical'\n"));
    put("postgresql.conf", "wal_level = logical\nwal_level = minimal\n");
    write_as(&settings, &nowhere, false);
    assert_non_null(strstr(get("pgbaton.conf"), "\nwal_level = 'replica'\n"));
}

static void test_pg_settings_parameters(void **state)
{
    struct pg_settings settings = make_settings();
    struct pg_parameter parameters[] = {{"log_line_prefix", "it's \\ %m"},
                                        {"wal_keep_size", "1GB"}};
    (void)state;
    settings.parameters = parameters;
    settings.parameter_count = 2;
    assert_null(pg_settings_check(&settings));
    write_as(&settings, &nowhere, false);
    assert_non_null(strstr(get("pgbaton.conf"), "\nlog_line_prefix = 'it''s \\\\ %m'\n"));
    assert_non_null(strstr(text, "\nwal_keep_size = '1GB'\n"));
    assert_null(strstr(text, "128MB"));
}

static void test_pg_settings_refuses_parameters(void **state)
{
    static const struct pg_parameter bad[] = {{"Port", "1"},
                                              {"primary_conninfo", ""},
                                              {"wal_level", "minimal"},
                                              {"x = 1\nport", "1"},
                                              {"", "1"}};
    struct pg_settings settings = make_settings();
    struct failure failure;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        settings.parameters = &bad[i];
        settings.parameter_count = 1;
        assert_string_equal(pg_settings_check(&settings), bad[i].name);
        assert_int_equal(pg_settings_write(&settings, &nowhere, false, &failure), RESULT_INVALID);
    }
}

static void test_pg_settings_conninfo_of_a_remote(void **state)
{
    struct pg_settings settings = {.cluster = "other", .node = "node-1", .replication_user = "r"};
    const struct upstream remote = {.node = REMOTE_NODE, .host = "a,b", .port = 5432};
    char conninfo[512];
    (void)state;
    assert_true(pg_settings_conninfo(&settings, &remote, conninfo, sizeof conninfo));
    assert_non_null(strstr(conninfo,
                           "host='a,b' port='5432' user='r' "
                           "target_session_attrs='read-write' application_name='other.node-1' "
                           "connect_timeout"));
}

static void test_pg_settings_conninfo_quotes(void **state)
{
    struct pg_settings settings = make_settings();
    char conninfo[512];
    (void)state;
    settings.passfile = "/a'b\\c";
    assert_true(pg_settings_conninfo(&settings, &leader, conninfo, sizeof conninfo));
    assert_non_null(strstr(conninfo, " passfile='/a\\'b\\\\c' "));
    assert_false(pg_settings_conninfo(&settings, &leader, conninfo, 40));
    assert_true(pg_settings_conninfo(&settings, &nowhere, conninfo, sizeof conninfo));
    assert_string_equal(conninfo, "");
}

static void test_pg_settings_hba_only_when_given(void **state)
{
    static const char *const lines[] = {"local all all peer", "host all all ::1/128 scram-sha-256"};
    struct pg_settings settings = make_settings();
    (void)state;
    put("pg_hba.conf", "the user's\n");
    write_as(&settings, &nowhere, false);
    assert_string_equal(get("pg_hba.conf"), "the user's\n");
    settings.hba = lines;
    settings.hba_count = 2;
    write_as(&settings, &nowhere, false);
    assert_non_null(strstr(get("pg_hba.conf"),
                           "\nlocal all all peer\nhost all all ::1/128 scram-sha-256\n"));
}

/* The file is back beside a running primary; what is no cluster gets none. */
static void test_pg_settings_keeps_signal_of_a_primary(void **state)
{
    struct pg_settings settings = make_settings();
    struct failure failure = {0};
    char path[128];
    (void)state;
    write_as(&settings, &nowhere, true);
    assert_int_equal(pg_settings_keep_signal(base, &failure), RESULT_OK);
    assert_null(get("standby.signal"));
    snprintf(path, sizeof path, "%s/global", base);
    assert_int_equal(mkdir(path, 0700), 0);
    put("global/pg_control", "x");
    assert_int_equal(pg_settings_keep_signal(base, &failure), RESULT_OK);
    assert_non_null(get("standby.signal"));
    write_as(&settings, &nowhere, true);
    assert_null(get("standby.signal"));
}

static int write_child(const void *argument)
{
    struct failure failure = {0};
    return child_conclude(pg_settings_write(argument, &leader, false, &failure), &failure);
}

/* Nothing to include from: a child says so in its last line. */
static void test_pg_settings_child_explains_failure(void **state)
{
    struct pg_settings settings = make_settings();
    struct child child;
    struct failure failure = {0};
    int status = 0;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/postgresql.conf", base);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(child_call(&child, "settings", write_child, &settings, -1, &failure),
                     RESULT_OK);
    while (!child_reap(&child, &status)) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(child_explain(&child, status, &failure), RESULT_FAILED);
    assert_non_null(strstr(failure.text, "postgresql.conf: No such file or directory"));
    child_finish(&child);
    assert_non_null(get("standby.signal")); /* came first */
}

static void put_cluster(struct parameters *p, const char *name, const char *value)
{
    struct parameter_change change = {0};
    assert_true(parameters_put(&change, name, value));
    parameters_apply(p, &change);
}

static void test_pg_settings_a_nodes_word_goes_before_the_clusters(void **state)
{
    static const struct pg_parameter own[] = {{"Work_Mem", "1MB"}};
    struct parameters cluster = {.seq = 42};
    struct pg_settings settings = make_settings();
    (void)state;
    put_cluster(&cluster, "work_mem", "2MB");
    put_cluster(&cluster, "wal_keep_size", "1GB");
    put_cluster(&cluster, "archive_command", "cp '%p' x");
    settings.parameters = own;
    settings.parameter_count = 1;
    settings.cluster_parameters = &cluster;
    write_as(&settings, &nowhere, true);
    assert_non_null(strstr(get("pgbaton.conf"), "\nWork_Mem = '1MB'\n"));
    assert_null(strstr(text, "2MB"));
    assert_non_null(strstr(text, "\nwal_keep_size = '1GB'\n"));
    assert_null(strstr(text, "128MB")); /* pgbaton's own default gives way */
    assert_non_null(strstr(text, "\narchive_command = 'cp ''%p'' x'\n"));
    assert_non_null(strstr(text, "\npgbaton.parameters = '42'\n"));
}

static void test_pg_settings_the_clusters_libraries_stand_behind_the_fence(void **state)
{
    struct parameters cluster = {0};
    struct pg_settings settings = make_settings();
    (void)state;
    put_cluster(&cluster, "shared_preload_libraries", "pg_stat_statements");
    settings.cluster_parameters = &cluster;
    settings.fence = "/lib/fence.so";
    write_as(&settings, &nowhere, true);
    assert_non_null(strstr(get("pgbaton.conf"), "\nshared_preload_libraries = '"));
    assert_null(strstr(strstr(text, "shared_preload") + 1, "shared_preload"));
    assert_non_null(strstr(text, "fence.so"));
    assert_non_null(strstr(text, "pg_stat_statements'\n"));
}

/* A pg_control that demands 300 connections and 70 locks. */
static void put_control(enum pg_control_state state)
{
    uint8_t data[292] = {0};
    const uint32_t fields[][2] = {
            {8, 1300}, {16, (uint32_t)state}, {180, 300},    {184, 8}, {188, 20}, {192, 0},
            {196, 70}, {224, 8192},           {228, 1 << 24}};
    char path[128];
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        memcpy(data + fields[i][0], &fields[i][1], sizeof(uint32_t));
    }
    uint32_t crc = crc32c(data, 288);
    memcpy(data + 288, &crc, sizeof crc);
    snprintf(path, sizeof path, "%s/global", base);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/global/pg_control", base);
    assert_int_equal(file_replace(path, (const char *)data, sizeof data, NULL), RESULT_OK);
}

static void test_pg_settings_standby_gets_what_it_needs(void **state)
{
    static const struct pg_parameter own[] = {{"max_connections", "50"}};
    struct parameters cluster = {0};
    struct pg_settings settings = make_settings();
    struct failure failure = {0};
    (void)state;
    put_cluster(&cluster, "max_locks_per_transaction", "80");
    put("postgresql.auto.conf", "max_connections = 60\nmax_worker_processes = 9\n");
    settings.parameters = own;
    settings.parameter_count = 1;
    settings.cluster_parameters = &cluster;
    put_control(PG_CONTROL_IN_PRODUCTION); /* as a fresh copy has it */
    write_as(&settings, &leader, false);
    assert_non_null(strstr(get("pgbaton.conf"), "\nmax_connections = '300'\n"));
    assert_null(strstr(text, "max_connections = '50'"));
    assert_non_null(strstr(text, "\nmax_locks_per_transaction = '80'\n"));
    assert_null(strstr(text, "max_worker_processes")); /* PostgreSQL's default is enough */
    assert_string_equal(get("postgresql.auto.conf"),
                        "max_worker_processes = 9\nmax_connections = '300'\n");
    put_control(PG_CONTROL_IN_ARCHIVE_RECOVERY);
    assert_int_equal(pg_settings_follow(&settings, &leader, &failure), RESULT_OK);
    assert_non_null(strstr(get("pgbaton.conf"), "\nmax_connections = '300'\n"));
    put_control(PG_CONTROL_IN_PRODUCTION); /* it was promoted */
    assert_int_equal(pg_settings_follow(&settings, &nowhere, &failure), RESULT_OK);
    assert_non_null(strstr(get("pgbaton.conf"), "\nmax_connections = '50'\n"));
    write_as(&settings, &nowhere, true);
    assert_non_null(strstr(get("pgbaton.conf"), "\nmax_connections = '50'\n"));
}

static void test_pg_settings_the_users_file_counts_for_what_a_standby_needs(void **state)
{
    struct pg_settings settings = make_settings();
    (void)state;
    put_control(PG_CONTROL_IN_ARCHIVE_RECOVERY);
    put("postgresql.conf", "max_connections = 400\nmax_locks_per_transaction = 0x50\n");
    write_as(&settings, &leader, false);
    assert_null(strstr(get("pgbaton.conf"), "max_connections"));
    assert_non_null(strstr(text, "\nmax_locks_per_transaction = '70'\n"));
}

#define with_setup(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            with_setup(test_pg_settings_standby_follows_upstream),
            with_setup(test_pg_settings_primary_has_no_signal_and_no_upstream),
            with_setup(test_pg_settings_include_is_the_last_line_once),
            with_setup(test_pg_settings_drops_alter_system_of_its_own_only),
            with_setup(test_pg_settings_loads_the_fence_before_the_users_libraries),
            with_setup(test_pg_settings_adds_the_fence_to_what_alter_system_loads),
            with_setup(test_pg_settings_keeps_logical_wal),
            with_setup(test_pg_settings_parameters),
            with_setup(test_pg_settings_refuses_parameters),
            with_setup(test_pg_settings_conninfo_quotes),
            cmocka_unit_test(test_pg_settings_conninfo_of_a_remote),
            with_setup(test_pg_settings_hba_only_when_given),
            with_setup(test_pg_settings_keeps_signal_of_a_primary),
            with_setup(test_pg_settings_child_explains_failure),
            with_setup(test_pg_settings_a_nodes_word_goes_before_the_clusters),
            with_setup(test_pg_settings_the_clusters_libraries_stand_behind_the_fence),
            with_setup(test_pg_settings_standby_gets_what_it_needs),
            with_setup(test_pg_settings_the_users_file_counts_for_what_a_standby_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
