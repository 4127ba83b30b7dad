/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_monitor_yaml.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum result load(const char *text, struct monitor_settings *s, struct failure *f)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    memset(f, 0, sizeof(*f));
    return monitor_settings_load(path, s, f);
}

static void expect_refusal(const char *text, const char *part)
{
    struct monitor_settings s;
    struct failure f;
    assert_int_not_equal(load(text, &s, &f), RESULT_OK);
    if (strstr(f.text, part) == NULL) {
        fail_msg("'%s' does not say '%s'", f.text, part);
    }
    assert_int_equal(s.config.lease_ttl_ms, 3000);
}

static void test_settings_reads_all_keys(void **state)
{
    (void)state;
    struct monitor_settings s;
    struct failure f;
    const char *text = "name: monitor-7\n"
                       "nats: nats://127.0.0.1:4222\n"
                       "log_level: debug\n"
                       "nats_hosts:\n"
                       "  - {server: nats-1, host: db1}\n"
                       "  - {server: nats-2, host: 10.0.0.2}\n"
                       "retention: 7d\n"
                       "stream:\n"
                       "  replicas: 3\n"
                       "  storage: memory\n"
                       "  max_bytes: 1GB\n"
                       "cluster_defaults:\n"
                       "  probe_period: 300ms\n"
                       "  probe_timeout: 500ms\n"
                       "  probe_failure_threshold: 4\n"
                       "  lease_ttl: 5s\n"
                       "  switch_policy: MaximumDataProtection\n"
                       "  crash_policy: restart\n"
                       "  primary_start_timeout: 12s\n"
                       "  restart_limit: 2\n"
                       "  restart_window: 1min\n"
                       "  synchronous: strict\n"
                       "  failover_mode: sealed\n"
                       "  maximum_lag_on_failover: 16MB\n"
                       "  failover_limit: 3\n"
                       "  failover_window: 5min\n"
                       "  rebuild_limit: 20\n"
                       "  rebuild_window: 2h\n"
                       "  permanent_slots: [archive, cdc_2]\n"
                       "  standby_cluster:\n"
                       "    host: 10.1.0.1,10.1.0.2\n"
                       "    port: 5433\n"
                       "    primary_slot_name: dr\n"
                       "  permanent_logical_slots:\n"
                       "    - {name: cdc, database: app, plugin: pgoutput}\n"
                       "    - {name: b, database: other, plugin: test_decoding}\n";
    assert_int_equal(load(text, &s, &f), RESULT_OK);
    assert_string_equal(s.name, "monitor-7");
    assert_string_equal(s.servers, "nats://127.0.0.1:4222");
    assert_int_equal(s.log_level, SEVERITY_DEBUG);
    assert_int_equal(s.nats_hosts.count, 2);
    assert_string_equal(s.nats_hosts.servers[0].name, "nats-1");
    assert_string_equal(s.nats_hosts.servers[1].host, "10.0.0.2");
    assert_int_equal(s.replicas, 3);
    assert_true(s.memory_storage);
    assert_int_equal(s.retention_s, 7 * 86400);
    assert_int_equal(s.max_bytes, 1 << 30);
    assert_int_equal(s.config.probe_period_ms, 300);
    assert_int_equal(s.config.probe_timeout_ms, 500);
    assert_int_equal(s.config.probe_failure_threshold, 4);
    assert_int_equal(s.config.lease_ttl_ms, 5000);
    assert_int_equal(s.config.synchronous, SYNCHRONOUS_STRICT);
    assert_int_equal(s.config.failover_mode, FAILOVER_SEALED);
    assert_int_equal(s.config.maximum_lag_on_failover, 16 << 20);
    assert_int_equal(s.config.failover_limit, 3);
    assert_int_equal(s.config.failover_window_ms, 300000);
    assert_int_equal(s.config.rebuild_limit, 20);
    assert_int_equal(s.config.switch_policy, SWITCH_MAXIMUM_DATA_PROTECTION);
    assert_int_equal(s.config.crash_policy, CRASH_RESTART);
    assert_int_equal(s.config.primary_start_timeout_ms, 12000);
    assert_int_equal(s.config.restart_limit, 2);
    assert_int_equal(s.config.restart_window_ms, 60000);
    assert_int_equal(s.config.rebuild_window_ms, 7200000);
    assert_int_equal(s.config.permanent_slots.count, 2);
    assert_string_equal(s.config.permanent_slots.names[1], "cdc_2");
    assert_string_equal(s.config.standby.host, "10.1.0.1,10.1.0.2");
    assert_int_equal(s.config.standby.port, 5433);
    assert_int_equal(s.config.logical_slots.count, 2);
    assert_string_equal(s.config.logical_slots.items[0].name, "cdc");
    assert_string_equal(s.config.logical_slots.items[1].database, "other");
    assert_string_equal(s.config.logical_slots.items[1].plugin, "test_decoding");
    assert_string_equal(s.config.standby.primary_slot, "dr");
}

static void test_settings_derives_the_lease(void **state)
{
    (void)state;
    struct monitor_settings s;
    struct failure f;
    assert_int_equal(load("nats: nats://a:4222\n", &s, &f), RESULT_OK);
    assert_int_equal(s.config.lease_ttl_ms, 3000);
    assert_int_equal(s.config.synchronous, SYNCHRONOUS_QUORUM);
    assert_true(s.config.maximum_lag_on_failover == UINT64_MAX);
    assert_int_equal(s.replicas, 1);
    assert_false(s.memory_storage);
    assert_int_equal(load("cluster_defaults:\n  probe_period: 200ms\n", &s, &f), RESULT_OK);
    assert_int_equal(s.config.lease_ttl_ms, 1400);
    assert_string_equal(s.config.standby.host, "");
    assert_int_equal(load("cluster_defaults:\n  standby_cluster: {host: db1}\n", &s, &f),
                     RESULT_OK);
    assert_int_equal(s.config.standby.port, 5432);
}

static void test_settings_refuses_what_is_wrong(void **state)
{
    (void)state;
    expect_refusal("name: Monitor_1\n", "is not a name");
    expect_refusal("nmae: monitor-1\n", "nmae");
    expect_refusal("log_level: loud\n", "log_level");
    expect_refusal("nats_hosts:\n  - {server: nats-1}\n", "host");
    expect_refusal("nats_hosts:\n  - {server: a, host: b}\n  - {server: a, host: c}\n",
                   "names a twice");
    expect_refusal("stream:\n  replicas: 2\n", "1, 3 or 5");
    expect_refusal("stream:\n  storage: tape\n", "file or memory");
    expect_refusal("retention: 100ms\n", "at least 60s");
    expect_refusal("retention: long\n", "retention");
    expect_refusal("cluster_defaults:\n  probe_period: 300\n", "probe_period");
    expect_refusal("cluster_defaults:\n  probe_period: 1ms\n", "between 50ms");
    expect_refusal("cluster_defaults:\n  lease_ttl: 1s\n", "fast shutdown");
    expect_refusal("cluster_defaults:\n  failover_limit: 0\n", "between 1 and 100000");
    expect_refusal("cluster_defaults:\n  failover_window: 10\n", "failover_window");
    expect_refusal("cluster_defaults:\n  rebuild_window: 8d\n", "between 1");
    expect_refusal("cluster_defaults:\n  synchronous: always\n", "is unknown");
    expect_refusal("cluster_defaults:\n  switch_policy: Never\n", "is unknown");
    expect_refusal("cluster_defaults:\n  crash_policy: wait\n", "is unknown");
    expect_refusal("cluster_defaults:\n  restart_limit: 0\n", "between 1 and 100000");
    expect_refusal("cluster_defaults:\n  restart_window: 8d\n", "between 1");
    expect_refusal("cluster_defaults:\n  primary_start_timeout: 2h\n", "between 100ms");
    expect_refusal("cluster_defaults:\n  permanent_slots: [Archive]\n", "permanent_slots");
    expect_refusal("cluster_defaults:\n  permanent_slots: [a, b, a]\n", "stands there once");
    expect_refusal("cluster_defaults:\n  permanent_slots: [pgbaton_x]\n", "pgbaton_");
    expect_refusal("cluster_defaults:\n  failover_mode: fast\n", "is unknown");
    expect_refusal("cluster_defaults:\n  standby_cluster: {port: 5432}\n", "host is missing");
    expect_refusal("cluster_defaults:\n  permanent_slots: [a]\n  permanent_logical_slots: "
                   "[{name: a, database: d, plugin: p}]\n",
                   "that no other");
    expect_refusal("cluster_defaults:\n  permanent_logical_slots: [{name: a, database: d}]\n",
                   "plugin");
    expect_refusal("cluster_defaults:\n  standby_cluster: {host: \"a b\"}\n", "with commas");
    expect_refusal("cluster_defaults:\n  standby_cluster: {host: \"a,,b\"}\n", "with commas");
    expect_refusal("cluster_defaults:\n  standby_cluster: {host: a, primary_slot_name: A}\n",
                   "primary_slot_name");
    expect_refusal("cluster_defaults:\n  synchronous: off\n  failover_mode: sealed\n",
                   "needs synchronous: quorum or strict");
}

static void expect_name(const char *host, const char *name)
{
    char made[NAME_SIZE];
    monitor_settings_name(host, made);
    assert_string_equal(made, name);
    assert_true(name_is_valid(made));
}

static void test_settings_makes_a_name_of_a_host_name(void **state)
{
    (void)state;
    expect_name("db-1.example.org", "db-1");
    expect_name("DB_One", "db-one");
    expect_name("--x", "x");
    expect_name("", "monitor");
    expect_name("...", "monitor");
    expect_name("a123456789a123456789a123456789a123456789z",
                "a123456789a123456789a123456789a123456789");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_settings_reads_all_keys),
            cmocka_unit_test(test_settings_derives_the_lease),
            cmocka_unit_test(test_settings_refuses_what_is_wrong),
            cmocka_unit_test(test_settings_makes_a_name_of_a_host_name),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
