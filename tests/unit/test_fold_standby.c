/* SPDX-License-Identifier: PostgreSQL */
/* A standby cluster by the fold: who leads it, whose timelines it has, and its promotion. */
#include "../../proto/explain.h"
#include "../../proto/order.h"
#include "../../proto/standby.h"
#include "../../proto/sync.h"
#include "../../proto/waiting.h"
#include "world.h"

/* What the first promotion opens, with the remote on timeline 3. */
#define OPENED (4 + PROMOTION_TIMELINE_GAP)

static struct world world;

static struct event config_event(const char *host)
{
    struct event e = world_decision(&world, EVENT_CONFIG);
    e.body.config = config_default();
    snprintf(e.body.config.standby.host, REMOTE_HOST_SIZE, "%s", host);
    e.body.config.standby.port = host[0] != '\0' ? 5432 : 0;
    return e;
}

static enum void_reason configure(const char *host)
{
    struct event e = config_event(host);
    return world_fold(&world, &e);
}

static enum void_reason done(const char *node, enum task task, uint32_t timeline, uint64_t lsn)
{
    struct event e = world_event(&world, node, EVENT_DONE);
    e.body.task.task = task;
    e.body.task.term = world.c.term;
    e.body.task.position = (struct position){timeline, lsn};
    for (uint32_t i = 1; i < timeline && i < 4; i++) {
        e.body.task.history.entries[i - 1] = (struct history_entry){i, lsn};
        e.body.task.history.count = i;
    }
    return world_fold(&world, &e);
}

static enum void_reason grant(const char *node, enum grant_kind kind)
{
    struct event e = world_grant_event(&world, node, kind);
    e.body.grant.timeline = 0;
    return world_fold(&world, &e);
}

static enum void_reason ask(void)
{
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_PROMOTE;
    e.body.request.term = world.c.term;
    e.body.request.seen_seq = world.c.last_seq;
    return world_fold(&world, &e);
}

static enum void_reason order(void)
{
    struct event e = world_decision(&world, EVENT_ORDER);
    e.body.order = order_next(&world.c, &e.decision.evidence);
    return world_fold(&world, &e);
}

/* node-1 leads, the two others stream from it; the remote is on timeline 3. */
static void begin(void)
{
    world_init(&world);
    world_hello(&world, "node-1", world_probe(NODE_EMPTY, 0, 0));
    assert_int_equal(configure("10.1.0.1,10.1.0.2"), VOID_NONE);
    world_hello(&world, "node-2", world_probe(NODE_EMPTY, 0, 0));
    world_hello(&world, "node-3", world_probe(NODE_EMPTY, 0, 0));
    assert_int_equal(grant("node-1", GRANT_BOOTSTRAP), VOID_NONE);
    assert_int_equal(world_renew(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_STREAM);
    world_report(&world, "node-1", world_probe(NODE_STANDBY, 3, 100), 0);
    assert_int_equal(done("node-1", TASK_STREAM, 3, 100), VOID_NONE);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 3, 100), 0);
    world_report(&world, "node-3", world_probe(NODE_STANDBY, 3, 90), 0);
}

static void test_standby_cluster_is_led_and_not_writable(void **state)
{
    (void)state;
    begin();
    assert_true(standby_is_on(&world.c) && standby_serves(&world.c));
    assert_false(world.c.writable);
    assert_true(world.c.system_id == SYSTEM_ID);
    assert_int_equal(cluster_waiting(&world.c), WAITING_NONE);
    assert_string_equal(explain_status(&world.c), "running");
    assert_string_equal(explain_node_role(&world.c, 0, true), "standby_leader");
    assert_string_equal(explain_node_role(&world.c, 1, true), "secondary");
    assert_int_equal(cluster_directive(&world.c, 1), DIRECTIVE_FOLLOW);
    uint32_t count = 9;
    assert_int_equal(sync_wanted(&world.c, 0x6, &count), 0);
    assert_int_equal(count, 0);
}

static void test_standby_cluster_lets_nobody_write(void **state)
{
    (void)state;
    begin();
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NOT_HELD);
    assert_int_equal(done("node-1", TASK_PROMOTE, 4, 100), VOID_NOT_HELD);
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew =
            (struct renew){.term = 1, .ttl_ms = 3000, .restart = {1, REASON_POSTMASTER_DIED, 1, 1}};
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
    assert_false(world.c.writable);
}

static void test_standby_cluster_is_never_made_of_another(void **state)
{
    (void)state;
    begin();
    assert_int_equal(configure(""), VOID_BAD_CONFIG);
    assert_int_equal(configure("10.1.0.3"), VOID_NONE); /* the remote has moved */
    world_running(&world);
    assert_int_equal(configure("10.1.0.1"), VOID_BAD_CONFIG);
    assert_int_equal(ask(), VOID_NO_CHANGE);
}

static void test_standby_cluster_copies_are_made_from_its_leader(void **state)
{
    (void)state;
    begin();
    struct event e = world_directive(&world, "node-3", TASK_BASEBACKUP);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void test_standby_cluster_fails_over_without_a_timeline(void **state)
{
    (void)state;
    begin();
    world_release(&world, "node-1", 1);
    world_report(&world, "node-3", world_probe(NODE_STANDBY, 3, 90), 1);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 3, 100), 1);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_WRONG_TIMELINE);
    assert_int_equal(grant("node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_renew(&world, "node-2", 2), VOID_NONE);
    assert_false(standby_serves(&world.c));
    assert_int_equal(done("node-2", TASK_STREAM, 3, 120), VOID_NONE);
    assert_int_equal(world.c.opener, 1);
    char text[256];
    explain_change(&world.c.change, text, sizeof text);
    assert_non_null(strstr(text, "node-2 follows the remote cluster"));
    assert_null(strstr(text, "lose"));
}

/* A node that follows the remote on, onto its next timeline, is none of the promoted cluster. */
static void test_promotion_leaves_the_remotes_later_timelines(void **state)
{
    (void)state;
    begin();
    assert_int_equal(ask(), VOID_NONE);
    assert_int_equal(order(), VOID_NONE);
    assert_int_equal(done("node-1", TASK_PROMOTE, OPENED, 120), VOID_NONE);
    assert_false(cluster_on_history(&world.c, (struct position){4, 130}));
    assert_true(cluster_on_history(&world.c, (struct position){3, 120}));
}

/* Whoever has lost more than another has lost nothing that the remote does not have. */
static void test_standby_cluster_elects_whatever_the_policy(void **state)
{
    (void)state;
    begin();
    world.c.config.switch_policy = SWITCH_MAXIMUM_DATA_PROTECTION;
    world_release(&world, "node-1", 1);
    world_report(&world, "node-3", world_probe(NODE_STANDBY, 3, 90), 1);
    assert_int_equal(election_verdict(&world.c, 2, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

static void test_standby_cluster_takes_the_remotes_timelines(void **state)
{
    (void)state;
    begin();
    struct probe p = world_probe(NODE_STANDBY, 4, 200);
    p.history = (struct history){.count = 1, .entries = {{3, 150}}};
    world_report(&world, "node-2", p, 0); /* it may see it first */
    assert_int_equal(world.c.floor.timeline, 3);
    assert_true(cluster_on_history(&world.c, p.position));
    world_report(&world, "node-1", p, 0);
    assert_int_equal(world.c.floor.timeline, 4);
    assert_true(cluster_on_history(&world.c, (struct position){3, 150}));
    assert_false(cluster_on_history(&world.c, (struct position){3, 151}));
    assert_false(cluster_below_floor(&world.c, (struct position){3, 90}));
}

static void test_standby_cluster_adopts_a_standby_of_the_remote(void **state)
{
    (void)state;
    world_init(&world);
    struct event e = world_event(&world, "node-1", EVENT_HELLO);
    e.body.hello.probe = world_probe(NODE_STANDBY, 3, 100); /* a newcomer */
    e.body.hello.port = 5432;
    snprintf(e.body.hello.host, HOST_SIZE, "127.0.0.1");
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 0, GRANT_ADOPT), VERDICT_PRIMARY_UNSEEN);
    assert_int_equal(configure("10.1.0.1"), VOID_NONE);
    assert_int_equal(election_verdict(&world.c, 0, GRANT_ADOPT), VERDICT_ELIGIBLE);
}

static void test_promotion_is_the_leaders(void **state)
{
    (void)state;
    begin();
    assert_int_equal(ask(), VOID_NONE);
    assert_int_equal(order(), VOID_NONE);
    assert_int_equal(world.c.answered.reason, REASON_NONE);
    assert_false(standby_is_on(&world.c));
    assert_int_equal(world.c.term, 1);
    assert_int_equal(world.c.grant_timeline, 4 + PROMOTION_TIMELINE_GAP);
    assert_int_equal(world.c.timeline_max, OPENED); /* it may be opened, and nobody be told */
    assert_int_equal(world.c.opening.timeline, OPENED);
    assert_int_equal(world.c.grant_kind, GRANT_FAILOVER); /* nothing is started as a primary */
    assert_false(world.c.promoted);
    assert_int_equal(cluster_directive(&world.c, 0), DIRECTIVE_LEAD);
    assert_int_equal(world.c.sync.step, SYNC_CHANGING); /* its first commit waits already */
    assert_int_equal(world.c.sync.waits, 0x6);
    assert_int_equal(done("node-1", TASK_STREAM, 3, 120), VOID_WRONG_STEP);
    assert_int_equal(done("node-1", TASK_PROMOTE, 4, 120), VOID_WRONG_TIMELINE);
    assert_int_equal(done("node-1", TASK_PROMOTE, OPENED, 120), VOID_NONE);
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NONE);
    assert_true(world.c.writable);
    assert_int_equal(ask(), VOID_NO_CHANGE);
    assert_int_equal(configure("10.1.0.1"), VOID_BAD_CONFIG); /* there is no way back */
    char text[256];
    explain_change(&world.c.change, text, sizeof text);
    assert_non_null(strstr(text, "node-1 promoted, writable after"));
}

/* Whoever is granted the next term opens the timeline. */
static void test_promotion_without_a_leader(void **state)
{
    (void)state;
    begin();
    world_release(&world, "node-1", 1);
    assert_int_equal(ask(), VOID_NONE);
    assert_int_equal(order(), VOID_NONE);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 3, 100), 1);
    assert_int_equal(grant("node-2", GRANT_FAILOVER), VOID_WRONG_TIMELINE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_renew(&world, "node-2", 2), VOID_NONE);
    assert_int_equal(done("node-2", TASK_PROMOTE, OPENED, 120), VOID_NONE);
}

/* A leader that was granted, and has not renewed yet, is promoted as well. */
static void test_promotion_between_grant_and_renewal(void **state)
{
    (void)state;
    begin();
    world_release(&world, "node-1", 1);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 3, 100), 1);
    assert_int_equal(grant("node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(ask(), VOID_NONE);
    assert_int_equal(order(), VOID_NONE);
    assert_int_equal(world_renew(&world, "node-2", 2), VOID_NONE);
    assert_int_equal(world.c.opening.timeline, OPENED);
    assert_int_equal(done("node-2", TASK_PROMOTE, OPENED, 120), VOID_NONE);
}

static void test_promotion_needs_data(void **state)
{
    (void)state;
    world_init(&world);
    world_hello(&world, "node-1", world_probe(NODE_EMPTY, 0, 0));
    assert_int_equal(configure("10.1.0.1"), VOID_NONE);
    assert_int_equal(ask(), VOID_NONE);
    assert_int_equal(order(), VOID_NONE);
    assert_int_equal(world.c.answered.reason, REASON_NOBODY_FIT);
    assert_true(standby_is_on(&world.c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_standby_cluster_is_led_and_not_writable),
            cmocka_unit_test(test_standby_cluster_lets_nobody_write),
            cmocka_unit_test(test_standby_cluster_is_never_made_of_another),
            cmocka_unit_test(test_standby_cluster_copies_are_made_from_its_leader),
            cmocka_unit_test(test_standby_cluster_fails_over_without_a_timeline),
            cmocka_unit_test(test_standby_cluster_elects_whatever_the_policy),
            cmocka_unit_test(test_standby_cluster_takes_the_remotes_timelines),
            cmocka_unit_test(test_standby_cluster_adopts_a_standby_of_the_remote),
            cmocka_unit_test(test_promotion_is_the_leaders),
            cmocka_unit_test(test_promotion_without_a_leader),
            cmocka_unit_test(test_promotion_between_grant_and_renewal),
            cmocka_unit_test(test_promotion_needs_data),
            cmocka_unit_test(test_promotion_leaves_the_remotes_later_timelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
