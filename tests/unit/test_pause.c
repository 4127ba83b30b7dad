/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/order.h"
#include "../../proto/pause.h"
#include "../../proto/waiting.h"
#include "world.h"

static struct world world;

static enum void_reason ask(enum request_kind kind, bool leader_stopped)
{
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request.kind = kind;
    e.body.request.term = world.c.term;
    e.body.request.seen_seq = world.c.last_seq;
    e.body.request.leader_stopped = leader_stopped;
    return world_fold(&world, &e);
}

static enum void_reason order(uint32_t alive_mask)
{
    struct event e = world_decision(&world, EVENT_ORDER);
    e.decision.evidence.alive_mask = alive_mask;
    e.body.order = order_next(&world.c, &e.decision.evidence);
    return world_fold(&world, &e);
}

static void carry_out(enum request_kind kind)
{
    assert_int_equal(ask(kind, false), VOID_NONE);
    assert_int_equal(order(0xffff), VOID_NONE);
    assert_int_equal(world.c.answered.reason, REASON_NONE);
}

static enum void_reason renew(bool lifted)
{
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew.term = world.c.term;
    e.body.renew.ttl_ms = 3000;
    e.body.renew.lifted = lifted;
    return world_fold(&world, &e);
}

static void test_pause_is_asked_and_ordered(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(order(0), VOID_NO_REQUEST);
    assert_int_equal(ask(REQUEST_RESUME, false), VOID_NO_CHANGE);
    assert_int_equal(ask(REQUEST_PAUSE, true), VOID_IMPOSSIBLE);
    assert_int_equal(ask(REQUEST_PAUSE, false), VOID_NONE);
    assert_false(pause_is_on(&world.c));
    assert_int_equal(ask(REQUEST_PAUSE, false), VOID_REQUEST_PENDING);
    assert_int_equal(order(0), VOID_NONE);
    assert_true(pause_is_on(&world.c));
    assert_string_equal(world.c.pause.writer, "root-db1");
    assert_int_equal(ask(REQUEST_PAUSE, false), VOID_NO_CHANGE);
    carry_out(REQUEST_RESUME);
    assert_false(pause_is_on(&world.c));
}

static void test_pause_keeps_the_term_of_a_silent_leader(void **state)
{
    (void)state;
    world_running(&world);
    carry_out(REQUEST_PAUSE);
    assert_int_equal(world_revoke(&world, world.c.term), VOID_PAUSED);
    carry_out(REQUEST_RESUME);
    assert_int_equal(world_revoke(&world, world.c.term), VOID_NONE);
}

static void test_pause_lifts_the_lease_only_while_it_lasts(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(renew(true), VOID_NOT_PAUSED);
    carry_out(REQUEST_PAUSE);
    assert_int_equal(renew(true), VOID_NONE);
    assert_true(world.c.lease.lifted);
    carry_out(REQUEST_RESUME);
    assert_int_equal(renew(true), VOID_NOT_PAUSED);
    assert_true(pause_is_ending(&world.c));
    assert_int_equal(cluster_waiting(&world.c), WAITING_LEASE_BACK);
}

static void test_pause_that_is_over_binds_until_the_leader_confirms(void **state)
{
    (void)state;
    world_running(&world);
    carry_out(REQUEST_PAUSE);
    assert_int_equal(renew(true), VOID_NONE);
    carry_out(REQUEST_RESUME);
    assert_int_equal(world_revoke(&world, world.c.term), VOID_PAUSED);
    assert_int_equal(renew(false), VOID_NONE);
    assert_false(world.c.lease.lifted);
    assert_int_equal(world_revoke(&world, world.c.term), VOID_NONE);
}

static void test_pause_believes_an_operator_of_a_leader_that_is_not_heard(void **state)
{
    (void)state;
    world_running(&world);
    carry_out(REQUEST_PAUSE);
    assert_int_equal(renew(true), VOID_NONE);
    carry_out(REQUEST_RESUME);
    assert_int_equal(ask(REQUEST_RESUME, true), VOID_NONE);
    assert_int_equal(order(0xffff), VOID_NONE);
    assert_int_equal(world.c.answered.reason, REASON_LEADER_HEARD);
    assert_true(world.c.lease.lifted);
    assert_int_equal(ask(REQUEST_RESUME, true), VOID_NONE);
    assert_int_equal(order(0), VOID_NONE);
    assert_int_equal(world.c.answered.reason, REASON_NONE);
    assert_int_equal(world_revoke(&world, world.c.term), VOID_NONE);
}

static void test_pause_grants_nobody_by_itself(void **state)
{
    (void)state;
    world_running(&world);
    carry_out(REQUEST_PAUSE);
    assert_int_equal(renew(true), VOID_NONE);
    assert_int_equal(world_release(&world, "node-1", world.c.term), VOID_NONE);
    assert_false(world.c.lease.lifted);
    struct probe p = world_probe(NODE_STANDBY, 1, 200);
    assert_int_equal(world_report(&world, "node-2", p, world.c.term), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_RESUME);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_PAUSED);
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){.kind = REQUEST_FAILOVER, .term = world.c.term};
    e.body.request.seen_seq = world.c.last_seq;
    snprintf(e.body.request.node, NAME_SIZE, "node-2");
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_pause_is_asked_and_ordered),
            cmocka_unit_test(test_pause_keeps_the_term_of_a_silent_leader),
            cmocka_unit_test(test_pause_lifts_the_lease_only_while_it_lasts),
            cmocka_unit_test(test_pause_that_is_over_binds_until_the_leader_confirms),
            cmocka_unit_test(test_pause_believes_an_operator_of_a_leader_that_is_not_heard),
            cmocka_unit_test(test_pause_grants_nobody_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
