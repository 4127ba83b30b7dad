/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/order.h"
#include "test_agent_begin.h"

static struct bench bench;

static void order(struct bench *b)
{
    struct event e = bench_decision(b, EVENT_ORDER);
    e.body.order = order_next(&b->a.cluster, &e.decision.evidence);
    bench_store(b, &e);
    bench_pump(b);
}

/* An operator's request; unchecked, so that an order may follow at once. */
static void ask(struct bench *b, const char *value, bool unchecked)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_CONFIG;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    e.body.request.unchecked = unchecked;
    assert_true(parameters_put(&e.body.request.change, "work_mem", value));
    bench_store(b, &e);
    bench_pump(b);
}

static void change(struct bench *b, const char *value)
{
    ask(b, value, true);
    order(b);
    assert_string_equal(parameters_find(&b->a.cluster.parameters, "work_mem"), value);
}

static void reload(struct bench *b, const char *node)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_RELOAD;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    bench_store(b, &e);
    order(b);
}

static void test_agent_parameters_are_told_before_postgresql_starts(void **state)
{
    (void)state;
    bench_init(&bench, "node-1");
    bench_begin(&bench);
    bench_stream(&bench, "node-3");
    change(&bench, "8MB");
    bench_grant(&bench, "node-1", GRANT_BOOTSTRAP);
    bench_wait(&bench, 100);
    int told = bench_find(&bench, ACTION_PARAMETERS, 0);
    int newest = bench_find(&bench, ACTION_PARAMETERS, told + 1);
    int start = bench_find(&bench, ACTION_START, 0);
    assert_true(told >= 0 && newest > told && start > newest);
    assert_string_equal(parameters_find(&bench.trace[newest].as.parameters, "work_mem"), "8MB");
    assert_false(bench_did(&bench, ACTION_RELOAD)); /* the start has written them */
}

static void test_agent_parameters_reload_a_leader_as_it_is(void **state)
{
    (void)state;
    bench_leader(&bench);
    change(&bench, "8MB");
    int told = bench_find(&bench, ACTION_PARAMETERS, 0);
    int done = bench_find(&bench, ACTION_RELOAD, 0);
    assert_true(told >= 0 && done > told);
    assert_true(bench.trace[done].as.start.as_primary);
    assert_string_equal(bench.trace[done].as.start.upstream.node, "");
}

static void test_agent_parameters_reload_a_standby_as_it_is(void **state)
{
    (void)state;
    bench_standby(&bench);
    change(&bench, "8MB");
    int done = bench_find(&bench, ACTION_RELOAD, 0);
    assert_true(done >= 0);
    assert_string_equal(bench.trace[done].as.start.upstream.node, "node-1");
}

static void test_agent_parameters_are_written_again_until_they_are_read(void **state)
{
    (void)state;
    bench_standby(&bench);
    change(&bench, "8MB");
    bench_forget(&bench);
    bench_wait(&bench, PARAMETERS_RETRY_MS + 2000);
    assert_true(bench_did(&bench, ACTION_RELOAD)); /* the probe shows that nothing was read */
    bench.probe.settings.parameters_seq = bench.a.cluster.parameters.seq;
    bench_wait(&bench, 2000);
    bench_forget(&bench);
    bench_wait(&bench, 3 * PARAMETERS_RETRY_MS);
    assert_false(bench_did(&bench, ACTION_RELOAD));
}

static void test_agent_parameters_follow_what_pg_control_demands(void **state)
{
    (void)state;
    bench_standby(&bench);
    bench_wait(&bench, 12000);
    bench_forget(&bench);
    bench.inspection.needs.values[PG_NEED_CONNECTIONS] = 300;
    bench_wait(&bench, DISK_PERIOD_MS + 2000);
    assert_true(bench_did(&bench, ACTION_RELOAD));
    bench_forget(&bench);
    bench_wait(&bench, 3 * DISK_PERIOD_MS);
    assert_false(bench_did(&bench, ACTION_RELOAD));
}

/* Its leader was started with more than it runs with. */
static void test_agent_parameters_standby_with_too_little_is_started_anew(void **state)
{
    (void)state;
    bench_standby(&bench);
    bench.probe.limits.values[PG_NEED_CONNECTIONS] = 100;
    bench_wait(&bench, 12000);
    bench_forget(&bench);
    bench.inspection.needs.values[PG_NEED_CONNECTIONS] = 300;
    bench_wait(&bench, DISK_PERIOD_MS + 2000);
    int stop = bench_find(&bench, ACTION_STOP, 0);
    int start = bench_find(&bench, ACTION_START, 0);
    assert_true(stop >= 0 && start > stop);
    assert_int_equal(bench.trace[stop].as.stop_mode, STOP_FAST);
    bench_forget(&bench);
    bench_wait(&bench, 3 * DISK_PERIOD_MS); /* it still has too little: once is enough */
    assert_false(bench_did(&bench, ACTION_STOP));
}

static void test_agent_parameters_leader_is_not_started_anew_for_them(void **state)
{
    (void)state;
    bench_leader(&bench);
    bench.probe.limits.values[PG_NEED_CONNECTIONS] = 100;
    bench.inspection.needs.values[PG_NEED_CONNECTIONS] = 300;
    bench_wait(&bench, 3 * DISK_PERIOD_MS);
    assert_false(bench_did(&bench, ACTION_STOP));
}

static void test_agent_parameters_reload_whom_it_names(void **state)
{
    (void)state;
    bench_leader(&bench);
    reload(&bench, "node-3");
    assert_false(bench_did(&bench, ACTION_RELOAD));
    reload(&bench, "node-1");
    assert_true(bench_did(&bench, ACTION_RELOAD));
    bench_forget(&bench);
    reload(&bench, "");
    assert_true(bench_did(&bench, ACTION_RELOAD));
}

static void checked(struct bench *b, uint64_t seq, bool ok)
{
    struct fact fact = {.kind = FACT_CHECKED, .sync_seq = seq, .ok = ok};
    snprintf(fact.text, sizeof fact.text, "invalid value");
    bench_step(b, &fact);
    bench_pump(b);
}

static void test_agent_parameters_leader_checks_what_is_asked(void **state)
{
    (void)state;
    bench_leader(&bench);
    ask(&bench, "much", false);
    int check = bench_find(&bench, ACTION_CHECK, 0);
    assert_true(check >= 0);
    uint64_t seq = bench.a.cluster.asked.request_seq;
    assert_int_equal(bench.trace[check].as.check.seq, seq);
    bench_wait(&bench, 3000);
    assert_true(bench_find(&bench, ACTION_CHECK, check + 1) < 0);
    checked(&bench, seq + 1, true); /* of something else */
    assert_int_equal(bench.a.cluster.asked.check, CHECK_AWAITED);
    checked(&bench, seq, false);
    int failed = bench_find_event(&bench, EVENT_FAILED, 0);
    const struct task_report *report = &bench_event_at(&bench, failed)->body.task;
    assert_int_equal(report->task, TASK_CONFIG);
    assert_string_equal(report->text, "invalid value");
    assert_int_equal(bench.a.cluster.asked.check, CHECK_FAILED);
    order(&bench);
    assert_int_equal(bench.a.cluster.answered.reason, REASON_PARAMETER_INVALID);
    assert_null(parameters_find(&bench.a.cluster.parameters, "work_mem"));
}

static void test_agent_parameters_standby_checks_nothing(void **state)
{
    (void)state;
    bench_standby(&bench);
    ask(&bench, "8MB", false);
    bench_wait(&bench, 1000);
    assert_false(bench_did(&bench, ACTION_CHECK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_agent_parameters_are_told_before_postgresql_starts),
            cmocka_unit_test(test_agent_parameters_reload_a_leader_as_it_is),
            cmocka_unit_test(test_agent_parameters_reload_a_standby_as_it_is),
            cmocka_unit_test(test_agent_parameters_are_written_again_until_they_are_read),
            cmocka_unit_test(test_agent_parameters_follow_what_pg_control_demands),
            cmocka_unit_test(test_agent_parameters_standby_with_too_little_is_started_anew),
            cmocka_unit_test(test_agent_parameters_leader_is_not_started_anew_for_them),
            cmocka_unit_test(test_agent_parameters_reload_whom_it_names),
            cmocka_unit_test(test_agent_parameters_leader_checks_what_is_asked),
            cmocka_unit_test(test_agent_parameters_standby_checks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
