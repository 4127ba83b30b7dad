/* SPDX-License-Identifier: PostgreSQL */
#include "world.h"

static void test_cluster_names_are_total(void **state)
{
    (void)state;
    assert_string_equal(phase_name(PHASE_HELD), "held");
    assert_string_equal(phase_name((enum phase)99), "?");
    assert_string_equal(void_reason_name(VOID_NO_WAIT), "no_wait");
    assert_string_equal(void_reason_text((enum void_reason)99), "?");
}

static void test_cluster_lease_ttl_is_the_sum(void **state)
{
    (void)state;
    assert_int_equal(config_lease_ttl_ms(1000, 1000, 2), 3000);
    assert_int_equal(config_lease_ttl_ms(UINT32_MAX, 1, 100), UINT32_MAX);
}

static void test_cluster_config_check_names_what_is_wrong(void **state)
{
    (void)state;
    struct config config = config_default();
    char text[CONFIG_TEXT_SIZE] = "";
    assert_true(config_check(&config, text));
    config.probe_period_ms = 1;
    assert_false(config_check(&config, text));
    assert_string_equal(text, "probe_period is 1ms, and must be between 50ms and 60s");
    config = config_default();
    config.probe_timeout_ms = 100000;
    assert_false(config_check(&config, text));
    assert_non_null(strstr(text, "probe_timeout"));
    config = config_default();
    config.probe_failure_threshold = 0;
    assert_false(config_check(&config, text));
    assert_non_null(strstr(text, "probe_failure_threshold"));
}

static void test_cluster_config_check_shows_the_arithmetic_of_a_demotion(void **state)
{
    (void)state;
    struct config config = config_default();
    char text[CONFIG_TEXT_SIZE] = "";
    config.lease_ttl_ms = 1200;
    assert_false(config_check(&config, text));
    assert_string_equal(
            text, "lease_ttl is 1200ms, and must hold a renewal each 1000ms (probe_period, or "
                  "two in 200ms), 75ms for a fast shutdown, 100ms for an immediate one and "
                  "200ms for SIGKILL: 1375ms");
    config.lease_ttl_ms = 1600;
    assert_true(config_check(&config, text));
    config.probe_period_ms = 50;
    config.lease_ttl_ms = 530;
    assert_false(config_check(&config, text));
    config.lease_ttl_ms = 540;
    assert_true(config_check(&config, text));
    assert_int_equal(config_demote_ms(3000), 187 + 100 + 200);
    assert_int_equal(config_demote_ms(60000), 400 + 100 + 200);
}

static void test_cluster_directive_follows_only_a_promoted_leader(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(cluster_directive(&w.c, 2), DIRECTIVE_FOLLOW);
    world_release(&w, "node-1", 1);
    assert_int_equal(cluster_directive(&w.c, 0), DIRECTIVE_NONE);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    world_grant(&w, "node-2", GRANT_FAILOVER);
    assert_int_equal(cluster_directive(&w.c, 1), DIRECTIVE_LEAD);
    world_renew(&w, "node-2", 2);
    assert_int_equal(cluster_directive(&w.c, 2), DIRECTIVE_NONE);
    world_promoted(&w, "node-2", 2, 110);
    assert_int_equal(cluster_directive(&w.c, 2), DIRECTIVE_FOLLOW);
    assert_int_equal(cluster_directive(&w.c, 0), DIRECTIVE_FOLLOW);
}

static void test_cluster_lag_is_never_negative(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    w.c.lease.position.lsn = 1000;
    w.c.nodes[1].position.lsn = 400;
    w.c.nodes[2].position.lsn = 1400;
    assert_true(cluster_lag_bytes(&w.c, 1) == 600);
    assert_true(cluster_lag_bytes(&w.c, 2) == 0);
}

static void test_cluster_without_history_takes_any_position(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_true(cluster_on_history(&w.c, (struct position){5, 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cluster_names_are_total),
            cmocka_unit_test(test_cluster_lease_ttl_is_the_sum),
            cmocka_unit_test(test_cluster_config_check_names_what_is_wrong),
            cmocka_unit_test(test_cluster_config_check_shows_the_arithmetic_of_a_demotion),
            cmocka_unit_test(test_cluster_directive_follows_only_a_promoted_leader),
            cmocka_unit_test(test_cluster_lag_is_never_negative),
            cmocka_unit_test(test_cluster_without_history_takes_any_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
