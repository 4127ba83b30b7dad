/* SPDX-License-Identifier: PostgreSQL */
/* A restart that an operator asks for: of a standby, and of a leader in place. */
#include "../../proto/order.h"
#include "test_agent_begin.h"

static struct bench bench;

static void license(struct bench *b, const char *node)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_RESTART;
    e.body.request.term = b->a.cluster.term;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    bench_store(b, &e);
    e = bench_decision(b, EVENT_ORDER);
    e.decision.evidence.alive_mask = 0xffff;
    e.body.order = order_next(&b->a.cluster, &e.decision.evidence);
    assert_int_equal(e.body.order.reason, REASON_NONE);
    bench_store(b, &e);
    bench_pump(b);
}

/* Place of the report of the restart; -1: none. */
static int find_report(const struct bench *b, enum event_kind kind)
{
    int i = bench_find_event(b, kind, 0);
    while (i >= 0 && bench_event_at(b, i)->body.task.task != TASK_RESTART) {
        i = bench_find_event(b, kind, i + 1);
    }
    return i;
}

/* ---- a standby ---- */

static void test_asked_standby_stops_starts_and_tells(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    license(b, "node-2");
    bench_wait(b, 500);
    int stop = bench_find(b, ACTION_STOP, 0);
    int start = bench_find(b, ACTION_START, 0);
    assert_true(stop >= 0 && start > stop);
    assert_int_equal(b->trace[stop].as.stop_mode, STOP_FAST);
    assert_false(b->trace[start].as.start.as_primary);
    const struct event *told = bench_event_at(b, find_report(b, EVENT_DONE));
    assert_int_equal(told->body.task.directive_seq, b->a.cluster.answered.seq);
    assert_int_equal(b->a.cluster.licence.seq, 0);
    bench_forget(b);
    bench_wait(b, 5000);
    assert_false(bench_did(b, ACTION_STOP)); /* the licence was for one */
}

static void test_asked_standby_waits_until_no_commit_counts_on_it(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    b->a.cluster.config.synchronous_count = 1;
    uint32_t both = 1U << b->a.me | 1U << cluster_find_node(&b->a.cluster, "node-3");
    b->a.cluster.sync = (struct sync){.step = SYNC_STEADY, .waits = both, .count = 1};
    b->a.cluster.sync.voters = both;
    b->a.cluster.sync.quorum = 2;
    license(b, "node-2");
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_STOP));
    b->a.cluster.sync.voters = b->a.cluster.sync.waits = both & ~(1U << b->a.me);
    bench_wait(b, 200);
    assert_true(bench_did(b, ACTION_STOP));
}

static void test_asked_standby_gives_up_waiting(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    b->a.cluster.config.synchronous_count = 1;
    b->a.cluster.sync = (struct sync){.waits = 1U << b->a.me, .voters = 1U << b->a.me, .count = 1};
    license(b, "node-2");
    bench_wait(b, RESTART_WAIT_MS + 100);
    const struct event *told = bench_event_at(b, find_report(b, EVENT_FAILED));
    assert_int_equal(told->body.task.reason, REASON_STILL_NEEDED);
    assert_false(bench_did(b, ACTION_STOP));
    assert_int_equal(b->a.cluster.licence.seq, 0);
}

static void test_asked_standby_that_does_not_start_says_so(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_START] = false;
    b->probe.class = PROBE_STARTING;
    license(b, "node-2");
    bench_wait(b, 100);
    assert_true(bench_did(b, ACTION_START));
    assert_int_equal(find_report(b, EVENT_DONE), -1);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_wait(b, 100);
    const struct event *told = bench_event_at(b, find_report(b, EVENT_FAILED));
    assert_int_equal(told->body.task.reason, REASON_START_FAILED);
    bench_forget(b);
    bench_wait(b, 5000);
    assert_true(bench_did(b, ACTION_START)); /* it is tried again as ever */
}

/* Another incarnation has no licence: it starts what it finds stopped. */
static void test_asked_standby_whose_agent_is_restarted(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_STOP] = false;
    license(b, "node-2");
    bench_wait(b, 100);
    assert_true(bench_did(b, ACTION_STOP));
    bench_restart_agent(b);
    bench_forget(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 500);
    assert_true(bench_did(b, ACTION_START));
    assert_false(bench_did(b, ACTION_STOP));
    assert_int_equal(b->a.cluster.licence.seq, 0);
}

static void test_asked_standby_of_a_paused_cluster(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->a.cluster.pause.seq = 1;
    license(b, "node-2");
    bench_wait(b, 500);
    assert_true(bench_did(b, ACTION_STOP) && bench_did(b, ACTION_START));
    assert_true(find_report(b, EVENT_DONE) >= 0);
}

/* ---- a leader ---- */

static void begin(struct bench *b)
{
    bench_leader(b);
    b->inspection.was_primary = true;
    bench_wait(b, 1000);
    bench_forget(b);
}

static void test_asked_leader_restarts_in_place(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    license(b, "node-1");
    bench_wait(b, 500);
    int checkpoint = bench_find_task(b, TASK_CHECKPOINT);
    int telling = bench_find_telling(b);
    int stop = bench_find(b, ACTION_STOP, 0);
    int start = bench_find(b, ACTION_START, 0);
    int done = find_report(b, EVENT_DONE);
    assert_true(checkpoint >= 0 && telling > checkpoint && stop > telling && start > stop);
    assert_true(done > start);
    assert_int_equal(bench_event_at(b, telling)->body.renew.restart.reason, REASON_REQUESTED);
    assert_int_equal(b->trace[stop].as.stop_mode, STOP_FAST);
    assert_true(b->trace[start].as.start.as_primary);
    assert_int_equal(bench_event_at(b, done)->body.task.directive_seq, b->a.cluster.answered.seq);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    assert_true(b->a.cluster.writable);
    assert_int_equal(b->a.cluster.term, 1);
    assert_int_equal(b->a.cluster.restart.tokens.seq, 0); /* nothing happened by itself */
    assert_int_equal(b->a.cluster.licence.seq, 0);
}

/* What the log does not know of does not happen. */
static void test_asked_leader_stops_only_when_the_log_knows(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->answers[ACTION_TASK] = false;
    license(b, "node-1");
    b->drops_appends = true;
    bench_task_ended(b, TASK_CHECKPOINT, true);
    bench_wait(b, 1000);
    assert_true(bench_find_telling(b) >= 0);
    assert_false(bench_did(b, ACTION_STOP));
    b->drops_appends = false;
    b->answers[ACTION_TASK] = true;
    bench_wait(b, 1000);
    assert_true(bench_did(b, ACTION_STOP));
}

static void test_asked_leader_whose_checkpoint_fails_serves_on(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->task_ok = false;
    license(b, "node-1");
    bench_wait(b, 500);
    const struct event *told = bench_event_at(b, find_report(b, EVENT_FAILED));
    assert_int_equal(told->body.task.reason, REASON_CHECKPOINT_FAILED);
    assert_false(bench_did(b, ACTION_STOP));
    assert_true(b->a.cluster.writable);
}

/* I7: a leader that cannot start gives the term up, in time. */
static void test_asked_leader_that_does_not_start_releases(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->a.cluster.config.primary_start_timeout_ms = 5000;
    b->answers[ACTION_START] = false;
    b->probe.class = PROBE_STARTING;
    license(b, "node-1");
    bench_wait(b, 200);
    assert_true(bench_did(b, ACTION_START));
    for (int i = 0; i < 3; i++) {
        bench_guard(b, GUARD_ABSENT, 0);
        bench_wait(b, 1900);
    }
    const struct event *told = bench_event_at(b, find_report(b, EVENT_FAILED));
    assert_int_equal(told->body.task.reason, REASON_RESTART_TIMEOUT);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_RESTART_TIMEOUT);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

/* What answers while it goes down is not back yet. */
static void test_asked_leader_is_not_back_while_it_stops(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    b->answers[ACTION_STOP] = false;
    b->answers[ACTION_PROBE] = false;
    license(b, "node-1");
    bench_wait(b, 1500);
    assert_true(bench_did(b, ACTION_STOP));
    bench_probed(b, PROBE_OK);
    bench_wait(b, 100);
    b->answers[ACTION_PROBE] = true;
    bench_guard(b, GUARD_ABSENT, 0);
    bench_wait(b, 500);
    assert_true(bench_did(b, ACTION_START));
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    assert_true(find_report(b, EVENT_DONE) >= 0);
}

/* The lease that is lifted has an end before PostgreSQL goes down. */
static void test_asked_leader_of_a_paused_cluster(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin(b);
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.kind = REQUEST_PAUSE;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    bench_store(b, &e);
    e = bench_decision(b, EVENT_ORDER);
    e.body.order = order_next(&b->a.cluster, &e.decision.evidence);
    bench_store(b, &e);
    bench_wait(b, 2500);
    assert_int_equal(agent_lease_deadline_ms(&b->a), LEASE_LIFTED_MS);
    bench_forget(b);
    license(b, "node-1");
    bench_wait(b, 50);
    int stop = bench_find(b, ACTION_STOP, 0);
    int lease = bench_find(b, ACTION_LEASE, 0);
    assert_true(lease >= 0 && stop > lease);
    assert_true(b->trace[lease].as.deadline_ms <= b->now_ms + 3000);
    bench_wait(b, 3000);
    assert_true(b->a.cluster.writable);
    assert_int_equal(agent_lease_deadline_ms(&b->a), LEASE_LIFTED_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_asked_standby_stops_starts_and_tells),
            cmocka_unit_test(test_asked_standby_waits_until_no_commit_counts_on_it),
            cmocka_unit_test(test_asked_standby_gives_up_waiting),
            cmocka_unit_test(test_asked_standby_that_does_not_start_says_so),
            cmocka_unit_test(test_asked_standby_whose_agent_is_restarted),
            cmocka_unit_test(test_asked_standby_of_a_paused_cluster),
            cmocka_unit_test(test_asked_leader_restarts_in_place),
            cmocka_unit_test(test_asked_leader_stops_only_when_the_log_knows),
            cmocka_unit_test(test_asked_leader_whose_checkpoint_fails_serves_on),
            cmocka_unit_test(test_asked_leader_that_does_not_start_releases),
            cmocka_unit_test(test_asked_leader_is_not_back_while_it_stops),
            cmocka_unit_test(test_asked_leader_of_a_paused_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
