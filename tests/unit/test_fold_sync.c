/* SPDX-License-Identifier: PostgreSQL */
/* What an election needs after a promotion: the set of the grant, from where its timeline opened.
 */
#include "world.h"

#include "../../proto/sync.h"

#define NODE_1 1U
#define NODE_2 2U
#define NODE_3 4U

static struct world world;

static enum void_reason settled(const char *node)
{
    struct event e = world_event(&world, node, EVENT_DONE);
    e.body.task.task = TASK_SYNC;
    e.body.task.term = world.c.term;
    e.body.task.directive_seq = world.c.sync.seq;
    return world_fold(&world, &e);
}

static enum void_reason begun(uint32_t waits, uint32_t count)
{
    struct event e = world_decision(&world, EVENT_SYNC_SET);
    sync_begin(&world.c, waits, count, &e.body.sync_set);
    return world_fold(&world, &e);
}

static enum void_reason report_sealed(const char *node, uint32_t timeline, uint64_t lsn)
{
    struct event e = world_event(&world, node, EVENT_PROBE);
    e.body.probe = world_probe(NODE_STANDBY, timeline, lsn);
    e.body.probe.election_term = world.c.term;
    e.body.probe.sealed = true;
    return world_fold(&world, &e);
}

static enum void_reason granted(const char *node)
{
    struct event e = world_grant_event(&world, node, GRANT_FAILOVER);
    uint32_t waits =
            sync_granted(&world.c, cluster_find_node(&world.c, node), &e.body.grant.wait_count);
    sync_list_of(&world.c, waits, &e.body.grant.waits);
    return world_fold(&world, &e);
}

static enum void_reason configured(enum synchronous synchronous, uint32_t count)
{
    struct event e = world_decision(&world, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.synchronous = synchronous;
    e.body.config.synchronous_count = count;
    return world_fold(&world, &e);
}

/* node-1's commits wait for 1 of node-2 and node-3; then it loses its data. */
static void lose_leader(void)
{
    world_running(&world);
    (void)configured(SYNCHRONOUS_QUORUM, 1); /* which may be the default */
    assert_int_equal(begun(NODE_2 | NODE_3, 1), VOID_NONE);
    assert_int_equal(settled("node-1"), VOID_NONE);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(world_report(&world, "node-1", world_probe(NODE_EMPTY, 0, 0), 0), VOID_NONE);
}

/* Both standbys turn away, node-2 at this place, and node-3 begins the next term. */
static void elect_node_3(uint64_t node_2_lsn)
{
    assert_int_equal(report_sealed("node-2", 1, node_2_lsn), VOID_NONE);
    assert_int_equal(report_sealed("node-3", 1, 120), VOID_NONE);
    assert_int_equal(granted("node-3"), VOID_NONE);
    assert_int_equal(world_renew(&world, "node-3", 2), VOID_NONE);
}

/* node-3 holds the next term, and waits for node-2. */
static void begin(void)
{
    lose_leader();
    elect_node_3(110);
    assert_int_equal(world.c.sync.waits, NODE_2);
    assert_int_equal(world.c.sync.voters, NODE_2 | NODE_3);
    assert_int_equal(world.c.sync.quorum, 2);
}

/* And its data is lost as well. */
static void lose_next(void)
{
    assert_int_equal(world_release(&world, "node-3", 2), VOID_NONE);
    assert_int_equal(world_report(&world, "node-3", world_probe(NODE_EMPTY, 0, 0), 0), VOID_NONE);
}

static void test_fold_sync_promotion_frees_the_earlier_voters(void **state)
{
    (void)state;
    begin();
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.step, SYNC_CHANGING); /* nobody has confirmed a mark */
    assert_int_equal(world.c.sync.voters, NODE_2);
    assert_int_equal(world.c.sync.quorum, 1);
    lose_next();
    assert_int_equal(report_sealed("node-2", 1, 119), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_BELOW_FLOOR);
    assert_int_equal(report_sealed("node-2", 1, 120), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

static void test_fold_sync_earlier_voters_stay_before_the_promotion(void **state)
{
    (void)state;
    begin();
    lose_next();
    assert_int_equal(report_sealed("node-2", 1, 120), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_NO_QUORUM);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NOT_HELD);
    assert_int_equal(world.c.sync.voters, NODE_2 | NODE_3);
}

static void test_fold_sync_earlier_voters_stay_when_the_floor_is_unknown(void **state)
{
    (void)state;
    begin();
    struct event e = world_event(&world, "node-3", EVENT_DONE);
    e.body.task = (struct task_report){.task = TASK_PROMOTE, .term = 2, .position = {2, 120}};
    assert_int_equal(world_fold(&world, &e), VOID_NONE); /* without a history */
    assert_int_equal(world.c.sync.voters, NODE_2 | NODE_3);
    assert_int_equal(world.c.sync.quorum, 2);
}

static void test_fold_sync_earlier_voters_stay_when_another_set_was_begun(void **state)
{
    (void)state;
    begin();
    assert_int_equal(world_report(&world, "node-1", world_probe(NODE_STANDBY, 1, 90), 0),
                     VOID_NONE);
    assert_int_equal(begun(NODE_1 | NODE_2, 1), VOID_NONE);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.voters, NODE_1 | NODE_2 | NODE_3);
    assert_int_equal(world.c.sync.quorum, 3);
}

static void test_fold_sync_later_set_joins_the_first(void **state)
{
    (void)state;
    begin();
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world_report(&world, "node-1", world_probe(NODE_STANDBY, 2, 130), 0),
                     VOID_NONE);
    assert_int_equal(begun(NODE_1, 1), VOID_NONE);
    assert_int_equal(world.c.sync.voters, NODE_1 | NODE_2);
    assert_int_equal(world.c.sync.quorum, 2);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE); /* told again */
    assert_int_equal(world.c.sync.quorum, 2);
}

static void test_fold_sync_leader_without_fence_proves_nothing(void **state)
{
    (void)state;
    begin();
    world.c.nodes[2].nosync = true; /* so its hello would have said */
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.voters, NODE_2 | NODE_3);
}

/* Strict, and more are wanted than are there: its commits stand still. */
static void test_fold_sync_too_few_prove_nothing(void **state)
{
    (void)state;
    lose_leader();
    assert_int_equal(configured(SYNCHRONOUS_STRICT, 2), VOID_NONE);
    elect_node_3(110);
    assert_int_equal(world.c.sync.count, 2);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.voters, NODE_2 | NODE_3);
    assert_int_equal(world.c.sync.quorum, 2);
}

/* The guarantee was given up in the term before, and the next leader has the end of its WAL: from
 * its promotion on an election is possible again. */
static void test_fold_sync_promotion_proves_what_was_given_up(void **state)
{
    (void)state;
    world_running(&world);
    (void)configured(SYNCHRONOUS_QUORUM, 1);
    assert_int_equal(begun(NODE_2 | NODE_3, 1), VOID_NONE);
    assert_int_equal(settled("node-1"), VOID_NONE);
    assert_int_equal(begun(0, 0), VOID_NONE);
    struct event e = world_event(&world, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){
            .term = 1, .reason = REASON_SHUTDOWN, .clean = true, .position = {1, 120}};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    elect_node_3(120);
    assert_int_equal(world.c.sync.voters, 0);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.voters, world.c.sync.waits);
    assert_int_equal(world.c.sync.quorum, sync_size(world.c.sync.waits));
}

/* Where nothing is promised yet a promotion promises nothing. */
static void test_fold_sync_promotion_promises_nothing_new(void **state)
{
    (void)state;
    world_running(&world);
    (void)configured(SYNCHRONOUS_QUORUM, 1);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    elect_node_3(110);
    assert_int_equal(world_promoted(&world, "node-3", 2, 120), VOID_NONE);
    assert_int_equal(world.c.sync.step, SYNC_CHANGING);
    assert_int_equal(world.c.sync.voters, 0);
    assert_false(sync_binds(&world.c));
}

/* ---- a loss of a part of the log ---- */

/* Its leader leads by what is left of the log only: nothing is given up in its name. */
static void test_fold_sync_stands_when_a_higher_term_is_lost(void **state)
{
    (void)state;
    world_running(&world);
    (void)configured(SYNCHRONOUS_QUORUM, 1);
    assert_int_equal(begun(NODE_2 | NODE_3, 1), VOID_NONE);
    assert_int_equal(settled("node-1"), VOID_NONE);
    struct event hello = world_event(&world, "node-2", EVENT_HELLO);
    hello.incarnation = 2;
    hello.body.hello.probe = world_probe(NODE_STANDBY, 1, 100);
    hello.body.hello.anchor.lost = true;
    hello.body.hello.anchor.term = world.c.term + 1;
    assert_int_equal(world_fold(&world, &hello), VOID_NONE);
    assert_int_equal(begun(0, 0), VOID_NOT_HELD);
    assert_int_equal(world.c.sync.voters, NODE_1 | NODE_2 | NODE_3);
    assert_int_equal(world.c.sync.quorum, 3);
    assert_true(sync_binds(&world.c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fold_sync_promotion_frees_the_earlier_voters),
            cmocka_unit_test(test_fold_sync_earlier_voters_stay_before_the_promotion),
            cmocka_unit_test(test_fold_sync_earlier_voters_stay_when_the_floor_is_unknown),
            cmocka_unit_test(test_fold_sync_earlier_voters_stay_when_another_set_was_begun),
            cmocka_unit_test(test_fold_sync_later_set_joins_the_first),
            cmocka_unit_test(test_fold_sync_leader_without_fence_proves_nothing),
            cmocka_unit_test(test_fold_sync_too_few_prove_nothing),
            cmocka_unit_test(test_fold_sync_promotion_proves_what_was_given_up),
            cmocka_unit_test(test_fold_sync_promotion_promises_nothing_new),
            cmocka_unit_test(test_fold_sync_stands_when_a_higher_term_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
