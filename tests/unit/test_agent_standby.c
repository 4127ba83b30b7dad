/* SPDX-License-Identifier: PostgreSQL */
/* What the agent does in a standby cluster: it copies and follows the remote, has no lease, kills
 * what is promoted, and promotes when it is ordered. */
#include "test_agent_begin.h"

#include "../../agent/upstream.h"
#include "../../proto/order.h"
#include "../../proto/standby.h"

static struct bench bench;

static void configure(struct bench *b)
{
    struct event e = bench_decision(b, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.standby =
            (struct standby_cluster){.host = "a,b", .port = 5433, .primary_slot = "dr"};
    bench_store(b, &e);
    assert_true(standby_is_on(&b->a.cluster));
}

static void grant(struct bench *b, const char *node, enum grant_kind kind)
{
    struct event e = bench_grant_event(b, node, kind);
    e.body.grant.timeline = 0;
    bench_store(b, &e);
    assert_int_equal(b->a.cluster.phase, PHASE_GRANTED);
    bench_pump(b);
}

static void promote(struct bench *b)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_PROMOTE;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    bench_store(b, &e);
    e = bench_decision(b, EVENT_ORDER);
    e.body.order = order_next(&b->a.cluster, &e.decision.evidence);
    bench_store(b, &e);
    assert_false(standby_is_on(&b->a.cluster));
    bench_pump(b);
}

/* node-1, this agent's, leads. */
static void begin(struct bench *b)
{
    bench_init(b, "node-1");
    b->promoted = (struct position){3, 100};
    b->probe.position.timeline = 3;
    b->probe.history = (struct history){.count = 1, .entries = {{2, 50}}};
    bench_peer_hello(b, "node-3", bench_look(NODE_EMPTY, 0, 0));
    configure(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    grant(b, "node-1", GRANT_BOOTSTRAP);
    bench_wait(b, 200);
}

static void test_standby_leader_copies_the_remote_and_follows_it(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    int clone = bench_find_task(b, TASK_CLONE);
    int start = bench_find(b, ACTION_START, 0);
    assert_true(clone >= 0 && start > clone);
    assert_int_equal(bench_find_task(b, TASK_INITDB), -1);
    const struct upstream *upstream = &b->trace[start].as.start.upstream;
    assert_false(b->trace[start].as.start.as_primary);
    assert_string_equal(upstream->host, "a,b");
    assert_int_equal(upstream->port, 5433);
    assert_string_equal(upstream->slot, "dr");
    assert_int_equal(upstream->wait_count, 1); /* should it be promoted, nothing is acknowledged */
    assert_true(standby_serves(&b->a.cluster));
    assert_int_equal(b->a.cluster.floor.timeline, 3);
    assert_int_equal(bench_find_task(b, TASK_PROMOTE), -1);
    assert_int_equal(bench_find_task(b, TASK_FIRST_WRITE), -1);
    assert_int_equal(bench_find_task(b, TASK_CHECKPOINT), -1);
}

/* The commit fence refuses every commit, whatever somebody does to its PostgreSQL. */
static void test_standby_leader_renews_and_has_no_lease(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_wait(b, 10000);
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
    assert_true(b->a.cluster.lease.renewal_seq > b->a.cluster.phase_seq);
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
    assert_false(bench_did(b, ACTION_LEASE));
    assert_true(bench_said(b, "the standby leader with the lock"));
    assert_false(bench_did(b, ACTION_KILL));
}

static void test_standby_leader_tells_of_the_remote(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->probe.source_lsn = 700;
    snprintf(b->probe.source_host, HOST_SIZE, "b");
    bench_forget(b);
    bench_wait(b, 2000);
    const struct probe *told = &bench_event_at(b, bench_find_event(b, EVENT_PROBE, 0))->body.probe;
    assert_int_equal(told->source_lsn, 700);
    assert_string_equal(told->source_host, "b");
}

static void test_standby_leader_that_is_promoted_by_hand_is_killed(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_forget(b);
    b->probe.in_recovery = false;
    bench_wait(b, 1100);
    assert_true(bench_did(b, ACTION_KILL));
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_DEPOSED);
    assert_int_equal(bench_find_event(b, EVENT_DONE, 0), -1);
}

static void test_standby_leader_that_crashes_is_no_restart_in_place(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_forget(b);
    b->inspection.was_primary = false;
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    bench_wait(b, 1000); /* it is electable again, and follows nobody meanwhile */
    int start = bench_find(b, ACTION_START, 0);
    assert_true(start >= 0);
    assert_false(b->trace[start].as.start.as_primary);
    assert_string_equal(b->trace[start].as.start.upstream.node, "");
}

/* node-1 (a peer) leads, and dies; this agent's node-2 takes over without being promoted. */
static void test_standby_takes_over(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-2");
    bench_intact(b);
    bench_peer_hello(b, "node-1", bench_look(NODE_EMPTY, 0, 0));
    configure(b);
    struct event e = bench_grant_event(b, "node-1", GRANT_BOOTSTRAP);
    bench_store(b, &e);
    bench_peer_renew(b, "node-1");
    bench_peer_probe(b, "node-1", bench_look(NODE_STANDBY, 1, 100), 0);
    bench_peer_done(b, "node-1", TASK_STREAM, (struct position){1, 100});
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 100);
    assert_string_equal(b->a.pg.upstream.node, "node-1");
    bench_peer_release(b, "node-1");
    bench_wait(b, 1100);
    bench_forget(b);
    grant(b, "node-2", GRANT_FAILOVER);
    int follow = bench_find(b, ACTION_FOLLOW, 0);
    assert_true(follow >= 0);
    assert_string_equal(b->trace[follow].as.start.upstream.node, REMOTE_NODE);
    assert_int_equal(bench_event_at(b, bench_find_event(b, EVENT_DONE, 0))->body.task.task,
                     TASK_STREAM);
    assert_int_equal(bench_find_task(b, TASK_PROMOTE), -1);
    assert_true(standby_serves(&b->a.cluster));
    assert_int_equal(b->a.cluster.opener, b->a.me);
}

static void test_standby_leader_promotes_when_it_is_ordered(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_forget(b);
    promote(b);
    bench_wait(b, 100);
    int lease = bench_find(b, ACTION_LEASE, 0);
    int task = bench_find_task(b, TASK_PROMOTE);
    assert_true(lease >= 0 && task > lease); /* a renewal read back, and only then */
    assert_int_equal(b->trace[task].as.task.upstream.timeline, 4 + PROMOTION_TIMELINE_GAP);
    assert_true(b->a.cluster.writable);
    assert_int_equal(b->a.cluster.floor.timeline, 4 + PROMOTION_TIMELINE_GAP);
    assert_true(bench_find_task(b, TASK_CHECKPOINT) > 0);
    assert_string_equal(b->a.pg.upstream.node, "");
}

/* It dies before it could: the term ends, and nothing starts as a primary on the remote's timeline.
 */
static void test_standby_leader_that_dies_before_its_promotion_releases(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_forget(b);
    b->answers[ACTION_TASK] = false;
    promote(b);
    bench_wait(b, 50);
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 2000);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    for (int i = bench_find(b, ACTION_START, 0); i >= 0; i = bench_find(b, ACTION_START, i + 1)) {
        assert_false(b->trace[i].as.start.as_primary);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_standby_leader_copies_the_remote_and_follows_it),
            cmocka_unit_test(test_standby_leader_renews_and_has_no_lease),
            cmocka_unit_test(test_standby_leader_tells_of_the_remote),
            cmocka_unit_test(test_standby_leader_that_is_promoted_by_hand_is_killed),
            cmocka_unit_test(test_standby_leader_that_crashes_is_no_restart_in_place),
            cmocka_unit_test(test_standby_takes_over),
            cmocka_unit_test(test_standby_leader_promotes_when_it_is_ordered),
            cmocka_unit_test(test_standby_leader_that_dies_before_its_promotion_releases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
