/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/rules.h"
#include "../../monitor/watch.h"
#include "../../proto/lost.h"
#include "../../proto/subject.h"
#include "../../proto/switchover.h"
#include "world.h"

static const struct decide_options options;
static struct world world;

/* Everybody is heard; the leader has renewed a moment ago. */
static struct evidence calm(void)
{
    return (struct evidence){.renewal_age_ms = 500,
                             .hearing_ms = 100000,
                             .phase_age_ms = 100000,
                             .alive_mask = 0xffff,
                             .caught_up_mask = 0xffff};
}

/* The rule that fires, folded; it must be the one, and effective. */
static struct event expect(struct evidence evidence, const char *rule)
{
    struct event e;
    memset(&e, 0, sizeof e);
    bool fired = decide(&world.c, &evidence, &options, &e);
    assert_string_equal(fired ? e.decision.rule : "none", rule);
    if (fired) {
        e.incarnation = 1;
        e.counter = ++world.counter;
        memcpy(e.writer, "monitor-1", sizeof "monitor-1");
        assert_int_equal(world_fold(&world, &e), VOID_NONE);
    }
    return e;
}

static void ask(enum request_kind kind, const char *node, bool accept_loss)
{
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){.kind = kind,
                                      .term = world.c.term,
                                      .seen_seq = world.c.last_seq,
                                      .accept_loss = accept_loss};
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void checkpoint_done(void)
{
    struct event e = world_event(&world, "node-1", EVENT_DONE);
    e.body.task.task = TASK_CHECKPOINT;
    e.body.task.term = 1;
    e.body.task.directive_seq = world.c.pending.step_seq;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void stopped(uint64_t lsn)
{
    struct event e = world_event(&world, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){
            .term = 1, .reason = REASON_REQUESTED, .position = {1, lsn}, .clean = true};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void run_to_release(void)
{
    world_running(&world);
    ask(REQUEST_SWITCHOVER, "node-3", false);
    (void)expect(calm(), "switchover-begin");
    checkpoint_done();
    (void)expect(calm(), "switchover-stop");
    stopped(500);
}

static void report(const char *node, uint64_t lsn)
{
    world_report(&world, node, world_probe(NODE_STANDBY, 1, lsn), 1);
}

static void test_rules_switchover_goes_step_by_step(void **state)
{
    (void)state;
    world_running(&world);
    (void)expect(calm(), "none");
    ask(REQUEST_SWITCHOVER, "node-3", false);
    struct event e = expect(calm(), "switchover-begin");
    assert_int_equal(e.cause_seq, world.c.pending.request_seq);
    (void)expect(calm(), "none");
    checkpoint_done();
    struct evidence lag = calm();
    lag.caught_up_mask = 0;
    (void)expect(lag, "none");
    (void)expect(calm(), "switchover-stop");
    (void)expect(calm(), "none");
}

/* Nobody else is awaited: the target has everything that there is. */
static void test_rules_switchover_grants_to_the_target_at_once(void **state)
{
    (void)state;
    run_to_release();
    struct evidence fresh = calm();
    fresh.phase_age_ms = 0;
    fresh.hearing_ms = lost_holdoff_ms(&world.c);
    (void)expect(fresh, "none");
    report("node-3", 499);
    (void)expect(fresh, "none");
    report("node-3", 500);
    struct event e = expect(fresh, "elect-switchover");
    assert_string_equal(e.body.grant.node, "node-3");
    assert_int_equal(e.body.grant.loss_bytes, 0);
}

static void test_rules_switchover_takes_another_when_the_target_is_lost(void **state)
{
    (void)state;
    run_to_release();
    report("node-2", 500);
    struct evidence lost = calm();
    lost.alive_mask = 1U | 1U << 1;
    struct event e = expect(lost, "elect-released");
    assert_string_equal(e.body.grant.node, "node-2");
    assert_int_equal(world.c.closed.reason, REASON_OTHER_CHOSEN);
}

/* A standby that lacks a part is not taken while the old leader can come back with it. */
static void test_rules_switchover_waits_for_the_end(void **state)
{
    (void)state;
    run_to_release();
    report("node-2", 400);
    struct evidence lost = calm();
    lost.alive_mask = 1U | 1U << 1;
    (void)expect(lost, "no-candidate");
    (void)expect(lost, "none");
    lost.switchover_age_ms = SWITCHOVER_GRANT_MS;
    (void)expect(lost, "switchover-abort");
    (void)expect(lost, "elect-released");
}

static void test_rules_switchover_no_rebuild_while_it_stops(void **state)
{
    (void)state;
    world_running(&world);
    ask(REQUEST_SWITCHOVER, "node-3", false);
    (void)expect(calm(), "switchover-begin");
    checkpoint_done();
    (void)expect(calm(), "switchover-stop");
    world_report(&world, "node-2", world_probe(NODE_EMPTY, 0, 0), 0);
    (void)expect(calm(), "none");
    struct evidence late = calm();
    late.switchover_age_ms = SWITCHOVER_STOP_MS;
    (void)expect(late, "switchover-abort");
    (void)expect(calm(), "none");
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NONE);
    (void)expect(calm(), "rebuild-empty");
}

/* The lease ends in the middle: an ordinary failover. */
static void test_rules_switchover_silence_comes_first(void **state)
{
    (void)state;
    world_running(&world);
    ask(REQUEST_SWITCHOVER, "node-3", false);
    (void)expect(calm(), "switchover-begin");
    checkpoint_done();
    (void)expect(calm(), "switchover-stop");
    struct evidence silent = calm();
    silent.renewal_age_ms = cluster_wait_ms(&world.c);
    silent.switchover_age_ms = SWITCHOVER_STOP_MS;
    (void)expect(silent, "revoke-silent");
    assert_int_equal(world.c.closed.reason, REASON_TERM_ENDED);
}

static void test_rules_failover_waits_for_the_lease(void **state)
{
    (void)state;
    world_running(&world);
    struct event config = world_decision(&world, EVENT_CONFIG);
    config.body.config = config_default();
    config.body.config.maximum_lag_on_failover = 10;
    assert_int_equal(world_fold(&world, &config), VOID_NONE);
    world_report(&world, "node-1", world_probe(NODE_PRIMARY, 1, 1000), 0);
    assert_int_equal(world_renew(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(world_revoke(&world, 1), VOID_NONE);
    report("node-2", 100);
    struct evidence evidence = calm();
    evidence.renewal_age_ms = cluster_wait_ms(&world.c);
    (void)expect(evidence, "no-candidate");
    ask(REQUEST_FAILOVER, "node-2", true);
    evidence.renewal_age_ms--;
    (void)expect(evidence, "none");
    evidence.renewal_age_ms++;
    struct event e = expect(evidence, "elect-requested");
    assert_string_equal(e.body.grant.node, "node-2");
    assert_int_equal(e.body.grant.loss_bytes, 900);
    assert_int_equal(e.cause_seq, world.c.closed.request_seq);
}

/* ---- who is close to the leader ---- */

static struct watch watch;

static void show(const char *node, struct probe probe, uint64_t now_ms)
{
    struct event e = world_event(&world, node, EVENT_PROBE);
    char subject[SUBJECT_SIZE];
    e.body.probe = probe;
    subject_live("demo", node, subject);
    assert_true(watch_live(&watch, &world.c, subject, &e, now_ms));
}

static struct probe leader_probe(uint64_t lsn, uint64_t flush_lsn)
{
    struct probe p = world_probe(NODE_PRIMARY, 1, lsn);
    p.replica_count = 1;
    p.replicas[0] = (struct replica_row){.streaming = true, .flush_lsn = flush_lsn};
    snprintf(p.replicas[0].name, NAME_SIZE, "node-2");
    return p;
}

static struct probe standby_probe(uint64_t lsn, uint64_t replay_lsn)
{
    struct probe p = world_probe(NODE_STANDBY, 1, lsn);
    p.replay_lsn = replay_lsn;
    return p;
}

static uint32_t mask_at(uint64_t now_ms)
{
    return watch_caught_up_mask(&watch, &world.c, now_ms);
}

static void test_watch_caught_up_by_the_leaders_own_rows(void **state)
{
    (void)state;
    const uint64_t far = UINT64_C(100) * SWITCHOVER_LAG_BYTES;
    const uint32_t all = 1U << 0;
    const uint32_t node_2 = 1U << 1;
    world_running(&world);
    memset(&watch, 0, sizeof watch);
    assert_int_equal(mask_at(1000), 0);
    show("node-1", leader_probe(far, far - SWITCHOVER_LAG_BYTES), 1000);
    assert_int_equal(mask_at(1000), 0); /* node-2 streams, and is not heard */
    show("node-2", standby_probe(far / 2, far / 2), 1000);
    show("node-3", standby_probe(far, far), 1000);
    /* The leader does not see node-3; what node-2 said of another moment does not count. */
    assert_int_equal(mask_at(1000), all | node_2);
    show("node-1", leader_probe(far, far - SWITCHOVER_LAG_BYTES - 1), 1000);
    assert_int_equal(mask_at(1000), 0);
    show("node-1", leader_probe(far, far), 1000);
    show("node-2", standby_probe(far, far - SWITCHOVER_LAG_BYTES - 1), 1000);
    assert_int_equal(mask_at(1000), all);
    show("node-2", standby_probe(far, far), 1000);
    world.c.pending.step = SWITCH_BEGIN;
    watch.moved_ms = 1001; /* what was shown before does not count */
    assert_int_equal(mask_at(1001), 0);
    watch.moved_ms = 1000;
    assert_int_equal(mask_at(1000 + 1500), all | node_2);
    assert_int_equal(mask_at(1000 + 1501), 0);
}

static void test_rules_switchover_waits_for_all_that_the_shutdown_waits_for(void **state)
{
    (void)state;
    world_running(&world);
    ask(REQUEST_SWITCHOVER, "node-3", false);
    (void)expect(calm(), "switchover-begin");
    checkpoint_done();
    struct evidence stuck = calm();
    stuck.caught_up_mask = 1U << 2;
    (void)expect(stuck, "none");
    stuck.switchover_age_ms = switchover_limit_ms(&world.c);
    (void)expect(stuck, "switchover-abort");
    assert_int_equal(world.c.closed.reason, REASON_STANDBY_STUCK);
    assert_true(world.c.writable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_rules_switchover_goes_step_by_step),
            cmocka_unit_test(test_rules_switchover_grants_to_the_target_at_once),
            cmocka_unit_test(test_rules_switchover_takes_another_when_the_target_is_lost),
            cmocka_unit_test(test_rules_switchover_waits_for_the_end),
            cmocka_unit_test(test_rules_switchover_no_rebuild_while_it_stops),
            cmocka_unit_test(test_rules_switchover_silence_comes_first),
            cmocka_unit_test(test_rules_failover_waits_for_the_lease),
            cmocka_unit_test(test_watch_caught_up_by_the_leaders_own_rows),
            cmocka_unit_test(test_rules_switchover_waits_for_all_that_the_shutdown_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
