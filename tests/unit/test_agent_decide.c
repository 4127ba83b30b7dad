/* SPDX-License-Identifier: PostgreSQL */
/* What the agent does about faults, elections and grants. */
#include "test_agent_begin.h"

static struct bench bench;

/* ---- faults ---- */

static void test_decide_leader_with_empty_directory_releases(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_INSPECT] = false;
    b->answers[ACTION_KILL] = false;
    uint64_t disturbed_ms = b->now_ms;
    bench_fact(b, FACT_DISTURBED);
    assert_true(bench_did(b, ACTION_INSPECT));
    assert_false(bench_did(b, ACTION_KILL));
    b->now_ms += 2;
    bench_inspected(b, DATA_DAMAGED);       /* half of it is gone by now */
    assert_true(bench_did(b, ACTION_KILL)); /* in the same step: every millisecond counts */
    b->now_ms += 16;
    bench_guard(b, GUARD_ABSENT, 8);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1); /* what is left names the reason */
    bench_inspected(b, DATA_EMPTY);
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_DATA_DIRECTORY_EMPTY);
    assert_int_equal(e->body.release.detected_wall_us, 1700000000000000U + disturbed_ms * 1000);
    assert_int_equal(e->body.release.fenced_wall_us - e->body.release.detected_wall_us, 18000);
    assert_int_equal(e->body.release.position.lsn, 100);
    assert_true(bench_said(b, "data directory empty"));
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    bench_wait(b, 1000);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_EMPTY);
    assert_false(bench_did(b, ACTION_START));
    assert_false(bench_did(b, ACTION_TASK));
}

static void test_decide_standby_with_empty_directory_reports(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->inspection = (struct inspection){.verdict = DATA_EMPTY};
    bench_fact(b, FACT_DISTURBED);
    assert_true(bench_did(b, ACTION_KILL));
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    const struct node *me = &b->a.cluster.nodes[b->a.me];
    assert_int_equal(me->state, NODE_EMPTY);
    assert_int_equal(me->reason, REASON_DATA_DIRECTORY_EMPTY);
    assert_int_equal(me->system_id, 0);
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_START));
}

static void test_decide_damaged_standby_is_failed(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->inspection.verdict = DATA_DAMAGED;
    bench_fact(b, FACT_DISTURBED);
    assert_true(bench_did(b, ACTION_KILL));
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_FAILED);
    assert_int_equal(b->a.cluster.nodes[b->a.me].reason, REASON_DATA_DIRECTORY_DAMAGED);
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_START));
}

static void test_decide_intact_after_disturbance_goes_on(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_fact(b, FACT_DISTURBED);
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
}

static void test_decide_hung_probes_release(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->probe.class = PROBE_TIMEOUT;
    bench_wait(b, 1000);
    assert_false(bench_did(b, ACTION_KILL)); /* one is not enough */
    assert_int_equal(b->a.watch.failures, 1);
    bench_wait(b, 1000);
    assert_true(bench_did(b, ACTION_KILL));
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_PROBE_TIMEOUT);
}

static void test_decide_lost_answer_counts_as_timeout(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_PROBE] = false;
    bench_wait(b, 5000);
    assert_true(bench_did(b, ACTION_KILL));
}

static void test_decide_too_many_clients_is_never_a_failure(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->probe.class = PROBE_ALIVE;
    bench_wait(b, 60000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_int_equal(b->a.watch.failures, 0);
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
    assert_true(agent_lease_deadline_ms(&b->a) > b->now_ms);
    b->probe.class = PROBE_TIMEOUT;
    bench_wait(b, 1000);
    b->probe.class = PROBE_ALIVE; /* and it resets nothing */
    bench_wait(b, 1000);
    assert_int_equal(b->a.watch.failures, 1);
}

static void test_decide_hung_standby_restarts(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->probe.class = PROBE_ERROR;
    bench_wait(b, 2000);
    int kill = bench_find(b, ACTION_KILL, 0);
    assert_true(kill >= 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    int start = bench_find(b, ACTION_START, kill);
    assert_true(start > kill);
    assert_false(b->trace[start].as.start.as_primary);
    assert_string_equal(b->trace[start].as.start.upstream.node, "node-1");
}

static void test_decide_starting_is_bounded(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->probe.class = PROBE_STARTING;
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_true(bench_did(b, ACTION_START));
    bench_forget(b);
    bench_wait(b, START_TIMEOUT_MS - 1000);
    assert_false(bench_did(b, ACTION_KILL));
    bench_wait(b, 1500);
    assert_true(bench_did(b, ACTION_KILL));
}

static void test_decide_start_failures_back_off(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_START] = false;
    b->probe.class = PROBE_STARTING;
    bench_guard(b, GUARD_ABSENT, 0);
    uint64_t longest_ms = 0;
    int from = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t since_ms = b->now_ms;
        while (bench_find(b, ACTION_START, from) < 0) {
            bench_wait(b, 500);
            assert_true(b->now_ms <= since_ms + START_BACKOFF_MS_MAX + 500);
        }
        longest_ms = b->now_ms - since_ms > longest_ms ? b->now_ms - since_ms : longest_ms;
        from = bench_find(b, ACTION_START, from) + 1;
        bench_guard(b, GUARD_ABSENT, 0);         /* it ended before it answered */
        assert_false(bench_did(b, ACTION_KILL)); /* it is proven dead */
        assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_FAILED);
        assert_int_equal(b->a.cluster.nodes[b->a.me].reason, REASON_START_FAILED);
        bench_wait(b, 900);
        assert_int_equal(bench_find(b, ACTION_START, from), -1); /* not at once */
    }
    assert_true(longest_ms > START_BACKOFF_MS_MAX / 2);
}

/* ---- elections and promotion ---- */

static void test_decide_election_takes_a_fresh_probe(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_PROBE] = false;
    bench_wait(b, 1000);
    assert_true(b->a.watch.in_flight); /* issued before the end of the term */
    bench_forget(b);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    b->probe.position.lsn = 500;
    bench_probed(b, PROBE_OK);
    assert_int_equal(bench_find_event(b, EVENT_PROBE, 0), -1); /* too old to answer with */
    assert_true(bench_did(b, ACTION_PROBE));                   /* another one, at once */
    b->probe.position.lsn = 600;
    bench_probed(b, PROBE_OK);
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_PROBE, 0));
    assert_int_equal(e->body.probe.election_term, 1);
    assert_int_equal(e->body.probe.position.lsn, 600);
}

static void test_decide_election_probe_is_at_once(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_wait(b, 120);
    assert_false(b->a.watch.in_flight);
    bench_forget(b);
    bench_peer_release(b, "node-1");
    assert_true(bench_did(b, ACTION_PROBE)); /* in the step that read the release */
    bench_pump(b);
    int report = bench_find_event(b, EVENT_PROBE, 0);
    assert_int_equal(bench_event_at(b, report)->body.probe.election_term, 1);
    int first = bench_find(b, ACTION_PROBE, 0);
    assert_int_equal(bench_find(b, ACTION_PROBE, first + 1), -1); /* and only once */
}

/* Its first report was lost, and PostgreSQL restarts before the second: it must report once more.
 */
static void test_decide_restart_in_an_election_reports_again(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_wait(b, 120);
    b->drops_appends = true;
    bench_peer_release(b, "node-1");
    bench_pump(b);
    assert_int_equal(b->a.cluster.nodes[b->a.me].report_term, 0);
    bench_guard(b, GUARD_ABSENT, 1);
    b->drops_appends = false;
    bench_wait(b, 10000);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_STANDBY);
    assert_int_equal(b->a.cluster.nodes[b->a.me].report_term, 1);
}

static void test_decide_election_errors_do_not_spin(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->probe.class = PROBE_ERROR;
    bench_peer_release(b, "node-1");
    bench_pump(b);
    int first = bench_find(b, ACTION_PROBE, 0);
    assert_true(first >= 0);
    assert_int_equal(bench_find(b, ACTION_PROBE, first + 1), -1);
}

static void test_decide_failover_promotes(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->promoted = (struct position){2, 130};
    bench_peer_release(b, "node-1");
    bench_pump(b);
    uint64_t began_ms = b->now_ms;
    bench_grant(b, "node-2", GRANT_FAILOVER);
    assert_int_equal(b->now_ms, began_ms); /* without waiting for any timer */
    assert_true(b->a.cluster.promoted && b->a.cluster.writable);
    assert_int_equal(b->a.cluster.floor.timeline, 2);
    assert_int_equal(b->a.cluster.floor.lsn, 130);
    assert_false(bench_did(b, ACTION_START));
    assert_true(bench_find_task(b, TASK_CHECKPOINT) > bench_find_task(b, TASK_FIRST_WRITE));
    bench_wait(b, 5000);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_PRIMARY);
    assert_true(bench_said(b, "promoted self to leader by acquiring the lock"));
}

static void test_decide_failed_promotion_is_given_up(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->task_ok = false;
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    assert_true(bench_did(b, ACTION_KILL));
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_PROMOTE_FAILED);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void test_decide_slow_promotion_is_given_up(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_TASK] = false;
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_wait(b, PROMOTE_TIMEOUT_MS - 100);
    assert_false(bench_did(b, ACTION_KILL));
    assert_true(agent_lease_deadline_ms(&b->a) > b->now_ms); /* renewed while it promotes */
    bench_wait(b, 300);
    assert_true(bench_did(b, ACTION_KILL));
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_PROMOTE_FAILED);
}

/* A disk that gave no answer once, to a look that nobody needed. */
static void test_decide_slow_disk_is_no_reason_to_refuse(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->inspection = (struct inspection){.verdict = DATA_UNREADABLE};
    bench_wait(b, DISK_PERIOD_MS + 500);
    assert_true(bench_did(b, ACTION_INSPECT));
    assert_int_equal(b->a.data.found.verdict, DATA_INTACT);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    assert_int_equal(bench_find_event(b, EVENT_REFUSE, 0), -1);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0);
}

static void test_decide_grant_below_its_position_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    b->a.watch.last.position.lsn = 99; /* its data is not what it reported */
    bench_grant(b, "node-2", GRANT_FAILOVER);
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_REFUSE, 0));
    assert_int_equal(e->body.refuse.reason, REASON_NOT_ELIGIBLE);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void test_decide_bootstrap_of_data_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-1");
    bench_begin(b);
    bench_intact(b); /* somebody put data there meanwhile */
    b->a.data.known = false;
    bench_grant(b, "node-1", GRANT_BOOTSTRAP);
    bench_wait(b, 500);
    assert_int_equal(bench_find_task(b, TASK_INITDB), -1);
    assert_true(bench_find_event(b, EVENT_REFUSE, 0) >= 0);
    assert_false(bench_did(b, ACTION_START));
}

static void test_decide_adopt_starts_as_primary_under_lease(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-1");
    bench_intact(b);
    b->inspection.was_primary = true;
    bench_begin(b);
    bench_wait(b, 1000);
    assert_false(bench_did(b, ACTION_START)); /* nothing before the first grant */
    bench_grant(b, "node-1", GRANT_ADOPT);
    bench_wait(b, 200);
    int start = bench_find(b, ACTION_START, 0);
    int lease = bench_find(b, ACTION_LEASE, 0);
    assert_true(lease >= 0 && lease < start);
    assert_true(b->trace[start].as.start.as_primary);
    assert_int_equal(bench_find_task(b, TASK_INITDB), -1);
    assert_true(b->a.cluster.writable);
}

/* A number below `below`; the same ones on every machine. */
static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (*seed >> 33) % below;
}

/* I15: plays many random facts; every start as a primary has a lease that runs. */
static void test_decide_never_starts_primary_without_lease(void **state)
{
    (void)state;
    struct bench *b = &bench;
    uint32_t starts = 0;
    for (uint32_t round = 0; round < 60; round++) {
        uint64_t seed = round + 1;
        bench_leader(b);
        b->inspection.was_primary =
                false; /* so that it recovers by itself and is electable again */
        for (uint32_t i = 0; i < 60; i++) {
            b->drops_appends = draw(&seed, 4) == 0;
            b->probe.class = draw(&seed, 5) == 0 ? PROBE_TIMEOUT : PROBE_OK;
            bench_wait(b, draw(&seed, 900));
            if (draw(&seed, 8) == 0) {
                bench_guard(b, draw(&seed, 2) == 0 ? GUARD_ORPHANED : GUARD_ABSENT, 1);
            }
            if (b->a.cluster.phase == PHASE_RELEASED && draw(&seed, 2) == 0) {
                struct event e = bench_grant_event(b, "node-1", GRANT_FAILOVER);
                bench_store(b, &e);
                bench_pump(b);
            }
            uint64_t lease_ms = 0;
            for (uint32_t k = 0; k < b->trace_count; k++) {
                const struct action *action = &b->trace[k];
                if (action->kind == ACTION_LEASE) {
                    lease_ms = action->as.deadline_ms;
                }
                bool promotes = action->kind == ACTION_TASK && action->as.task.task == TASK_PROMOTE;
                bool starts_primary = action->kind == ACTION_START && action->as.start.as_primary;
                if (promotes || starts_primary) {
                    starts++;
                    assert_true(lease_ms != 0);
                }
            }
            if (b->trace_count > TRACE_MAX / 2) {
                break;
            }
        }
    }
    assert_true(starts > 0);
}

static void test_decide_rows_have_names(void **state)
{
    (void)state;
    size_t count = 0;
    while (decide_row_name(count) != NULL) {
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(decide_row_name(i), decide_row_name(count));
        }
        count++;
    }
    assert_in_range(count, 30, 60);
    assert_string_equal(decide_row_name(0), "kill-superseded"); /* fencing comes first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_decide_leader_with_empty_directory_releases),
            cmocka_unit_test(test_decide_standby_with_empty_directory_reports),
            cmocka_unit_test(test_decide_damaged_standby_is_failed),
            cmocka_unit_test(test_decide_intact_after_disturbance_goes_on),
            cmocka_unit_test(test_decide_hung_probes_release),
            cmocka_unit_test(test_decide_lost_answer_counts_as_timeout),
            cmocka_unit_test(test_decide_too_many_clients_is_never_a_failure),
            cmocka_unit_test(test_decide_hung_standby_restarts),
            cmocka_unit_test(test_decide_starting_is_bounded),
            cmocka_unit_test(test_decide_start_failures_back_off),
            cmocka_unit_test(test_decide_election_takes_a_fresh_probe),
            cmocka_unit_test(test_decide_election_probe_is_at_once),
            cmocka_unit_test(test_decide_restart_in_an_election_reports_again),
            cmocka_unit_test(test_decide_election_errors_do_not_spin),
            cmocka_unit_test(test_decide_failover_promotes),
            cmocka_unit_test(test_decide_failed_promotion_is_given_up),
            cmocka_unit_test(test_decide_slow_promotion_is_given_up),
            cmocka_unit_test(test_decide_slow_disk_is_no_reason_to_refuse),
            cmocka_unit_test(test_decide_grant_below_its_position_is_refused),
            cmocka_unit_test(test_decide_bootstrap_of_data_is_refused),
            cmocka_unit_test(test_decide_adopt_starts_as_primary_under_lease),
            cmocka_unit_test(test_decide_never_starts_primary_without_lease),
            cmocka_unit_test(test_decide_rows_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
