/* SPDX-License-Identifier: PostgreSQL */
#include "../../replay/forecast.h"
#include "world.h"

static struct world world;
static struct forecast forecast;

enum { A = 1, B = 2, C = 4 };

static enum forecast_kind foresee(uint32_t heard)
{
    const struct cluster before = world.c;
    forecast_make(&world.c, heard, &forecast);
    assert_memory_equal(&before, &world.c, sizeof before);
    return forecast.kind;
}

static void place(const char *node, uint64_t lsn)
{
    assert_int_equal(world_report(&world, node, world_probe(NODE_STANDBY, 1, lsn), 0), VOID_NONE);
}

static void test_forecast_names_the_furthest(void **state)
{
    (void)state;
    world_running(&world);
    place("node-2", 200);
    place("node-3", 300);
    assert_int_equal(foresee(A | B | C), FORECAST_GRANT);
    assert_string_equal(forecast.decision.body.grant.node, "node-3");
    assert_string_equal(forecast.decision.decision.rule, "elect-revoked");
    assert_int_equal(forecast.decision.body.grant.term, 2);
    assert_int_equal(forecast.after.phase, PHASE_GRANTED);
    assert_true(forecast.silence_ms == cluster_wait_ms(&world.c));
    assert_true(forecast.wait_ms == cluster_wait_ms(&world.c));
}

static void test_forecast_counts_only_who_is_heard(void **state)
{
    (void)state;
    world_running(&world);
    place("node-3", 300);
    assert_int_equal(foresee(A | B), FORECAST_GRANT);
    assert_string_equal(forecast.decision.body.grant.node, "node-2");
    assert_int_equal(foresee(A), FORECAST_NO_CANDIDATE);
    assert_int_equal(forecast.decision.body.no_candidate.candidates.items[1].verdict,
                     VERDICT_UNREACHABLE);
}

static void test_forecast_obeys_the_policy(void **state)
{
    (void)state;
    world_running(&world);
    world.c.config.switch_policy = SWITCH_NOOP;
    assert_int_equal(foresee(A | B | C), FORECAST_NO_CANDIDATE);
    assert_string_equal(forecast.decision.decision.rule, "policy-noop");
}

static void test_forecast_knows_a_lifted_lease(void **state)
{
    (void)state;
    world_running(&world);
    world.c.pause.seq = 1;
    world.c.lease.lifted = true;
    assert_int_equal(foresee(A | B | C), FORECAST_KEPT);
    assert_int_equal(forecast.reason, VOID_PAUSED);
}

static void test_forecast_of_a_cluster_that_nobody_leads(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(foresee(A | B | C), FORECAST_NOBODY_LEADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_forecast_names_the_furthest),
            cmocka_unit_test(test_forecast_counts_only_who_is_heard),
            cmocka_unit_test(test_forecast_obeys_the_policy),
            cmocka_unit_test(test_forecast_knows_a_lifted_lease),
            cmocka_unit_test(test_forecast_of_a_cluster_that_nobody_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
