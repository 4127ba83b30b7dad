/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/order.h"
#include "test_agent_begin.h"

static struct bench bench;

static void ask(struct bench *b, enum request_kind kind)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = kind;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    bench_store(b, &e);
    e = bench_decision(b, EVENT_ORDER);
    e.body.order = order_next(&b->a.cluster, &e.decision.evidence);
    bench_store(b, &e);
    bench_pump(b);
}

static uint64_t deadline_ms(const struct bench *b)
{
    return agent_lease_deadline_ms(&b->a);
}

/* node-1 leads a paused cluster, and its lease is lifted. */
static void begin(struct bench *b)
{
    bench_leader(b);
    ask(b, REQUEST_PAUSE);
    bench_wait(b, 2500);
    assert_int_equal(deadline_ms(b), LEASE_LIFTED_MS);
    assert_true(b->a.cluster.lease.lifted);
    bench_forget(b);
}

static void test_agent_pause_lifts_only_what_was_read_back(void **state)
{
    (void)state;
    bench_leader(&bench);
    bench.drops_appends = true;
    ask(&bench, REQUEST_PAUSE);
    bench_wait(&bench, 1200);
    assert_true(deadline_ms(&bench) < LEASE_LIFTED_MS);
    assert_true(deadline_ms(&bench) <= bench.now_ms + 3000);
}

static void test_agent_pause_outlasts_the_log(void **state)
{
    (void)state;
    begin(&bench);
    bench_link(&bench, false);
    bench_wait(&bench, 60000);
    assert_false(bench_did(&bench, ACTION_STOP));
    assert_false(bench_did(&bench, ACTION_KILL));
    assert_int_equal(deadline_ms(&bench), LEASE_LIFTED_MS);
}

/* The end stands in the page before the log is told of it. */
static void test_agent_pause_resume_puts_the_end_back_first(void **state)
{
    (void)state;
    begin(&bench);
    ask(&bench, REQUEST_RESUME);
    int lease = bench_find(&bench, ACTION_LEASE, 0);
    int renewal = bench_find_event(&bench, EVENT_RENEW, 0);
    while (renewal >= 0 && bench_event_at(&bench, renewal)->body.renew.lifted) {
        renewal = bench_find_event(&bench, EVENT_RENEW, renewal + 1);
    }
    assert_true(lease >= 0 && renewal > lease);
    assert_true(bench.trace[lease].as.deadline_ms <= bench.now_ms + 3000);
    assert_false(bench.a.cluster.lease.lifted);
    bench_wait(&bench, 10000);
    assert_false(bench_did(&bench, ACTION_KILL));
}

static void test_agent_pause_keeps_the_term_when_postgres_ends(void **state)
{
    (void)state;
    begin(&bench);
    bench_guard(&bench, GUARD_ORPHANED, 0);
    bench_wait(&bench, 10000);
    assert_int_equal(bench_find_event(&bench, EVENT_RELEASE, 0), -1);
    assert_false(bench_did(&bench, ACTION_START));
    assert_true(agent_is_gone(&bench.a));
    ask(&bench, REQUEST_RESUME);
    bench_wait(&bench, 1000);
    assert_true(bench_find_event(&bench, EVENT_RELEASE, 0) >= 0);
}

static void test_agent_pause_bears_a_server_that_does_not_answer(void **state)
{
    (void)state;
    begin(&bench);
    bench.probe.class = PROBE_TIMEOUT;
    bench_wait(&bench, 20000);
    assert_false(bench_did(&bench, ACTION_KILL));
    ask(&bench, REQUEST_RESUME);
    bench_wait(&bench, 5000);
    assert_true(bench_did(&bench, ACTION_KILL));
}

static void test_agent_pause_leaves_a_stopped_standby_down(void **state)
{
    (void)state;
    bench_standby(&bench);
    ask(&bench, REQUEST_PAUSE);
    bench_forget(&bench);
    bench_guard(&bench, GUARD_ORPHANED, 0);
    bench_wait(&bench, 5000);
    assert_true(agent_is_gone(&bench.a));
    assert_false(bench_did(&bench, ACTION_START));
    ask(&bench, REQUEST_RESUME);
    bench_wait(&bench, 2000);
    assert_true(bench_did(&bench, ACTION_START));
}

static void test_agent_pause_unknown_to_the_log_kills(void **state)
{
    (void)state;
    begin(&bench);
    bench.a.cluster.lease.lifted = false; /* an older copy of the log */
    bench_fact(&bench, FACT_TICK);
    assert_true(bench_did(&bench, ACTION_KILL));
    assert_true(bench_said(&bench, "does not know of the pause"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_agent_pause_lifts_only_what_was_read_back),
            cmocka_unit_test(test_agent_pause_outlasts_the_log),
            cmocka_unit_test(test_agent_pause_resume_puts_the_end_back_first),
            cmocka_unit_test(test_agent_pause_keeps_the_term_when_postgres_ends),
            cmocka_unit_test(test_agent_pause_bears_a_server_that_does_not_answer),
            cmocka_unit_test(test_agent_pause_leaves_a_stopped_standby_down),
            cmocka_unit_test(test_agent_pause_unknown_to_the_log_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
