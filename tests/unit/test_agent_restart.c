/* SPDX-License-Identifier: PostgreSQL */
/* A leader that starts its PostgreSQL again in place. */
#include "../../proto/lost.h"
#include "test_agent_begin.h"

static struct bench bench;

/* node-1 leads alone: nobody could take over. */
static void begin(struct bench *b)
{
    bench_leader(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STOPPED, 1, 100), 0);
    b->inspection.clean = false;
    b->inspection.was_primary = true;
    bench_forget(b);
}

static void test_restart_kills_tells_starts_and_writes(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 100);
    int telling = bench_find_telling(b);
    const struct event *told = bench_event_at(b, telling);
    assert_int_equal(told->body.renew.state, NODE_STARTING);
    assert_int_equal(told->body.renew.restart.reason, REASON_POSTMASTER_DIED);
    assert_int_equal(told->body.renew.position.lsn, 0); /* what it has now nobody knows yet */
    int kill = bench_find(b, ACTION_KILL, 0);
    int looked = bench_find(b, ACTION_INSPECT, kill);
    int start = bench_find(b, ACTION_START, 0);
    assert_true(kill >= 0 && looked > kill && start > looked);
    assert_true(b->trace[start].as.start.as_primary);
    assert_true(telling < start);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    assert_true(b->a.cluster.writable);
    assert_int_equal(b->a.cluster.restart.number, 1);
    assert_int_equal(b->a.cluster.term, 1);
}

/* I18: what is started is in the log before. */
static void test_restart_waits_for_the_log(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->drops_appends = true;
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 500);
    assert_false(bench_did(b, ACTION_START));
    b->drops_appends = false;
    bench_wait(b, 1000);
    assert_true(bench_did(b, ACTION_START));
}

static void test_restart_gives_way_to_a_standby(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) >= 0);
    assert_false(bench_did(b, ACTION_START));
}

/* One that came after the last probe says itself that it streams. */
static void test_restart_sees_who_has_just_come(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->a.watch.last.replica_count = 0;
    struct probe look = bench_look(NODE_STANDBY, 1, 100);
    look.streaming = true;
    bench_peer_probe(b, "node-3", look, 0);
    b->a.live_ms[cluster_find_node(&b->a.cluster, "node-3")] = b->now_ms;
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) >= 0);
    assert_false(bench_did(b, ACTION_START));
}

static void test_restart_not_without_data(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->inspection = (struct inspection){.verdict = DATA_EMPTY};
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 100);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_DATA_DIRECTORY_EMPTY);
    assert_false(bench_did(b, ACTION_START));
}

/* A start that fails is tried again, until the time is over: then the term is given up (I7). */
static void test_restart_ends_in_time(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->a.cluster.config.primary_start_timeout_ms = 5000;
    b->answers[ACTION_START] = false;
    b->probe.class = PROBE_STARTING;
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 100);
    assert_true(bench_did(b, ACTION_START));
    bench_forget(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_wait(b, 2000);
    assert_true(bench_did(b, ACTION_START));
    assert_int_equal(b->a.cluster.restart.number, 1);
    bench_guard(b, GUARD_ABSENT, 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    bench_wait(b, 4000);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_RESTART_TIMEOUT);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void test_restart_is_limited(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    for (uint32_t i = 1; i <= b->a.cluster.config.restart_limit; i++) {
        bench_guard(b, GUARD_ORPHANED, 0);
        bench_wait(b, 200);
        assert_int_equal(b->a.cluster.restart.number, i);
        bench_forget(b);
    }
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 200);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) >= 0);
}

/* An agent that finds its PostgreSQL dead, under a term that it holds. */
static void test_restart_after_one_of_the_agent(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    bench_restart_agent(b);
    bench_forget(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 500);
    assert_false(bench_did(b, ACTION_START)); /* a later term may be lost (I12) */
    bench_wait(b, lost_holdoff_ms(&b->a.cluster));
    int start = bench_find(b, ACTION_START, 0);
    assert_true(start >= 0 && b->trace[start].as.start.as_primary);
    assert_int_equal(b->a.cluster.restart.number, 1);
    assert_true(b->a.cluster.writable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_restart_kills_tells_starts_and_writes),
            cmocka_unit_test(test_restart_waits_for_the_log),
            cmocka_unit_test(test_restart_gives_way_to_a_standby),
            cmocka_unit_test(test_restart_sees_who_has_just_come),
            cmocka_unit_test(test_restart_not_without_data),
            cmocka_unit_test(test_restart_ends_in_time),
            cmocka_unit_test(test_restart_is_limited),
            cmocka_unit_test(test_restart_after_one_of_the_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
