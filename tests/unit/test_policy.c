/* SPDX-License-Identifier: PostgreSQL */
/* What follows a leader that is down, what that may lose, and restarts in place in the log. */
#include "../../proto/election.h"
#include "../../proto/policy.h"
#include "../../proto/sync.h"
#include "../../proto/waiting.h"
#include "world.h"

static struct world world;

/* node-1 leads, and stands at 500 at 10 s by its clock. */
static void begin(enum switch_policy policy)
{
    world_running(&world);
    world.c.config.switch_policy = policy;
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.wall_us = 12000000;
    e.body.renew = (struct renew){.term = 1,
                                  .ttl_ms = 3000,
                                  .seen_seq = world.c.last_seq,
                                  .position = {1, 500},
                                  .probe_age_ms = 2000};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void end(bool clean, uint64_t lsn)
{
    struct event e = world_event(&world, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){.term = 1,
                                      .reason = clean ? REASON_SHUTDOWN : REASON_POSTMASTER_DIED,
                                      .position = {1, lsn},
                                      .clean = clean};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static enum verdict report(const char *node, uint64_t lsn)
{
    struct probe p = world_probe(NODE_STANDBY, 1, lsn);
    assert_int_equal(world_report(&world, node, p, world.c.term), VOID_NONE);
    int32_t i = cluster_find_node(&world.c, node);
    return election_verdict(&world.c, i, GRANT_FAILOVER);
}

static void test_policy_availability_takes_whom_it_finds(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_AVAILABILITY);
    end(false, 510);
    assert_int_equal(report("node-2", 400), VERDICT_ELIGIBLE);
    struct event e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    assert_int_equal(e.body.grant.loss_bytes, 110);
    assert_int_equal(e.body.grant.leader_wall_us, 10000000);
    assert_false(e.body.grant.loss_known);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world.c.change.loss_bytes, 110);
}

/* Who says less than the log knows, or knows more, is not believed. */
static void test_fold_rejects_grant_that_hides_a_loss(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_AVAILABILITY);
    end(false, 510);
    (void)report("node-2", 400);
    struct event e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    e.body.grant.loss_bytes = 109;
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
    e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    e.body.grant.loss_known = true;
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
}

static void test_policy_protection_asks_for_the_end(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    end(false, 510);
    assert_int_equal(report("node-2", 510), VERDICT_UNPROVEN);
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    end(true, 600);
    assert_int_equal(report("node-2", 599), VERDICT_UNPROVEN);
    assert_int_equal(report("node-3", 600), VERDICT_ELIGIBLE);
    assert_true(cluster_loss_is_known(&world.c, 2));
}

/* Who led by what the log has lost may have written more, unless somebody leads on since. */
static void test_policy_knows_no_end_after_a_loss_of_the_log(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    world.c.lost.shown_seq = world.c.last_seq + 1;
    end(true, 600);
    assert_int_equal(report("node-2", 600), VERDICT_UNPROVEN);
    assert_int_equal(report("node-1", 600), VERDICT_UNPROVEN);
    assert_false(cluster_loss_is_known(&world.c, 0));
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    world.c.lost.shown_seq = world.c.lease.renewal_seq - 1;
    end(true, 600);
    assert_int_equal(report("node-2", 600), VERDICT_ELIGIBLE);
    assert_true(cluster_loss_is_known(&world.c, 1));
}

/* It is proven by its own disk, or by as many as commits wait for. */
static void test_policy_protection_takes_the_last_holder_and_voters(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    world.c.lease.position.lsn += LEADER_TAIL_BYTES;
    end(false, 0);
    assert_int_equal(report("node-1", 499), VERDICT_UNPROVEN);
    assert_int_equal(report("node-1", 500), VERDICT_ELIGIBLE);
    assert_int_equal(report("node-2", 500), VERDICT_UNPROVEN);
    world.c.sync = (struct sync){.step = SYNC_STEADY, .voters = 2, .quorum = 1, .bound = true};
    world.c.nodes[1].sealed = true;
    assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

/* A grantee that never renewed has written nothing: the last holder is who it was, and so is the
 * end that it told. */
static void test_policy_looks_past_a_grant_that_was_never_renewed(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_DATA_PROTECTION);
    end(true, 600);
    assert_int_equal(report("node-2", 600), VERDICT_ELIGIBLE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    struct event e = world_event(&world, "node-2", EVENT_RELEASE);
    e.body.release = (struct release){
            .term = 2, .reason = REASON_SHUTDOWN, .position = {1, 550}, .clean = true};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(cluster_last_holder(&world.c), 0);
    assert_int_equal(world.c.ending.end.lsn, 600);
    assert_int_equal(world.c.lease.position.lsn, 600);
    assert_int_equal(report("node-2", 550), VERDICT_UNPROVEN);
    assert_int_equal(report("node-3", 600), VERDICT_ELIGIBLE);
    assert_int_equal(world_grant(&world, "node-3", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_revoke(&world, 3), VOID_NONE);
    assert_int_equal(world.c.ending.end.lsn, 600);
}

static void test_policy_noop_takes_nobody_unasked(void **state)
{
    (void)state;
    begin(SWITCH_NOOP);
    end(true, 600);
    assert_int_equal(report("node-2", 600), VERDICT_POLICY);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
    struct candidate_list list;
    struct evidence all = {.alive_mask = 7};
    assert_int_equal(election_choose(&world.c, GRANT_FAILOVER, &all, &list), LEADER_NONE);
    assert_int_equal(election_would_choose(&world.c, &all, &list), 1);
    assert_int_equal(list.items[1].verdict, VERDICT_CHOSEN);
    struct event e = world_decision(&world, EVENT_NO_CANDIDATE);
    e.body.no_candidate = (struct no_candidate){.term = 1, .reason = REASON_POLICY};
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE); /* who? */
    e = world_decision(&world, EVENT_NO_CANDIDATE);
    e.body.no_candidate = (struct no_candidate){
            .term = 1, .reason = REASON_POLICY, .node = "node-2", .candidates = list};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_true(world.c.withheld);
    assert_int_equal(cluster_waiting(&world.c), WAITING_POLICY);
    char text[512];
    waiting_explain(&world.c, text, sizeof text);
    assert_non_null(strstr(text, "switch_policy is Noop: would have promoted node-2; heals when "
                                 "node-1 returns with its data, or with pgbaton failover --to "
                                 "node-2"));
    assert_int_equal(report("node-1", 600), VERDICT_ELIGIBLE);
    assert_int_equal(election_would_choose(&world.c, &all, &list), LEADER_NONE);
}

static void test_policy_noop_obeys_an_operator(void **state)
{
    (void)state;
    begin(SWITCH_NOOP);
    end(false, 510);
    (void)report("node-2", 400);
    (void)report("node-3", 400);
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){
            .kind = REQUEST_FAILOVER, .term = 1, .seen_seq = world.c.last_seq, .node = "node-2"};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 2, GRANT_FAILOVER), VERDICT_POLICY);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
}

/* ---- a crash ---- */

static void test_policy_restarts_where_a_failover_costs_more(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_AVAILABILITY);
    struct config *config = &world.c.config;
    assert_false(policy_restarts(&world.c, 6));
    assert_true(policy_restarts(&world.c, 0)); /* nobody is there */
    world.c.nodes[1].nofailover = true;
    assert_true(policy_restarts(&world.c, 2));
    assert_false(policy_restarts(&world.c, 6));
    config->crash_policy = CRASH_RESTART;
    assert_true(policy_restarts(&world.c, 6));
    config->crash_policy = CRASH_FAILOVER;
    config->switch_policy = SWITCH_NOOP;
    assert_true(policy_restarts(&world.c, 6));
    config->switch_policy = SWITCH_MAXIMUM_DATA_PROTECTION;
    assert_true(policy_restarts(&world.c, 6));
    world.c.nodes[1].nofailover = false;
    world.c.sync = (struct sync){.step = SYNC_STEADY, .voters = 6, .quorum = 2, .bound = true};
    assert_false(policy_restarts(&world.c, 6));
    assert_true(policy_restarts(&world.c, 4)); /* one alone proves nothing */
}

static enum void_reason restart(uint32_t number, uint64_t age_ms)
{
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){
            .term = 1,
            .ttl_ms = 3000,
            .seen_seq = world.c.last_seq,
            .state = NODE_STARTING,
            .restart = {.number = number, .reason = REASON_POSTMASTER_DIED, .age_ms = age_ms}};
    return world_fold(&world, &e);
}

static void test_fold_restart_goes_on_until_a_write(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_AVAILABILITY);
    assert_int_equal(restart(2, 0), VOID_IMPOSSIBLE);
    assert_int_equal(restart(1, 0), VOID_NONE);
    uint64_t begun_seq = world.c.restart.seq;
    assert_true(world.c.restart.going);
    assert_false(world.c.writable);
    assert_int_equal(cluster_waiting(&world.c), WAITING_RESTART);
    assert_int_equal(world.c.lease.position.lsn, 500); /* what it wrote it keeps */
    assert_int_equal(restart(1, 0), VOID_NONE);
    assert_int_equal(world.c.restart.seq, begun_seq);
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NONE);
    assert_true(world.c.writable);
    assert_false(world.c.restart.going);
    assert_int_equal(cluster_waiting(&world.c), WAITING_NONE);
}

static void test_fold_restarts_are_limited(void **state)
{
    (void)state;
    begin(SWITCH_MAXIMUM_AVAILABILITY);
    world.c.config.restart_limit = 2;
    world.c.config.restart_window_ms = 60000;
    assert_int_equal(restart(1, 0), VOID_NONE);
    assert_int_equal(restart(2, 0), VOID_NONE);
    assert_int_equal(restart(3, 29999), VOID_LIMIT_REACHED);
    assert_int_equal(restart(3, 30000), VOID_NONE);
    end(false, 510); /* the next term begins with what is left */
    (void)report("node-2", 510);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world.c.restart.number, 0);
    assert_int_equal(cluster_restart_ripe_ms(&world.c), 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_policy_availability_takes_whom_it_finds),
            cmocka_unit_test(test_fold_rejects_grant_that_hides_a_loss),
            cmocka_unit_test(test_policy_protection_asks_for_the_end),
            cmocka_unit_test(test_policy_knows_no_end_after_a_loss_of_the_log),
            cmocka_unit_test(test_policy_protection_takes_the_last_holder_and_voters),
            cmocka_unit_test(test_policy_looks_past_a_grant_that_was_never_renewed),
            cmocka_unit_test(test_policy_noop_takes_nobody_unasked),
            cmocka_unit_test(test_policy_noop_obeys_an_operator),
            cmocka_unit_test(test_policy_restarts_where_a_failover_costs_more),
            cmocka_unit_test(test_fold_restart_goes_on_until_a_write),
            cmocka_unit_test(test_fold_restarts_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
