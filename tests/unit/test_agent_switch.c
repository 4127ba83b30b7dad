/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/switchover.h"
#include "test_agent_begin.h"

static struct bench bench;

static void ask(struct bench *b)
{
    struct event e = bench_event(b, "root-db1", EVENT_REQUEST);
    e.body.request.term = b->a.cluster.term;
    e.body.request.seen_seq = b->a.cluster.last_seq;
    bench_store(b, &e);
    assert_int_not_equal(b->a.cluster.pending.request_seq, 0);
}

/* The step that the state calls for, when so much time has passed. */
static void go_on(struct bench *b, uint64_t age_ms)
{
    struct event e = bench_decision(b, EVENT_SWITCHOVER_STEP);
    e.decision.evidence.alive_mask = 0xffff;
    e.decision.evidence.caught_up_mask = 0xffff;
    e.decision.evidence.switchover_age_ms = age_ms;
    e.body.switchover_step = switchover_next(&b->a.cluster, &e.decision.evidence);
    assert_int_not_equal(e.body.switchover_step.step, SWITCH_NONE);
    bench_store(b, &e);
    bench_pump(b);
}

/* node-1 leads and serves, and node-3 is to take over. */
static void begin(struct bench *b)
{
    bench_leader(b);
    ask(b);
    go_on(b, 0);
}

static void expect_untouched(const struct bench *b)
{
    assert_false(bench_did(b, ACTION_STOP));
    assert_false(bench_did(b, ACTION_KILL));
    assert_int_equal(b->a.pg.role, ROLE_PRIMARY);
}

static void test_switch_checkpoint_is_run_once_and_reported(void **state)
{
    (void)state;
    begin(&bench);
    int task = bench_find_task(&bench, TASK_CHECKPOINT);
    assert_true(task >= 0);
    const struct event *done = bench_event_at(&bench, bench_find_event(&bench, EVENT_DONE, task));
    assert_int_equal(done->body.task.task, TASK_CHECKPOINT);
    assert_int_equal(done->body.task.directive_seq, bench.a.cluster.pending.step_seq);
    assert_int_equal(bench.a.cluster.pending.checkpoint, CHECKPOINT_DONE);
    bench_forget(&bench);
    bench_wait(&bench, 3000);
    assert_int_equal(bench_find_task(&bench, TASK_CHECKPOINT), -1);
    expect_untouched(&bench);
}

static void test_switch_failed_checkpoint_is_reported(void **state)
{
    (void)state;
    bench_leader(&bench);
    ask(&bench);
    bench.task_ok = false;
    go_on(&bench, 0);
    assert_int_equal(bench.a.cluster.pending.checkpoint, CHECKPOINT_FAILED);
    expect_untouched(&bench);
}

static void test_switch_leader_renews_while_the_checkpoint_runs(void **state)
{
    (void)state;
    bench_leader(&bench);
    bench.answers[ACTION_TASK] = false;
    ask(&bench);
    go_on(&bench, 0);
    bench_forget(&bench);
    bench_wait(&bench, 10000);
    assert_true(bench_find_event(&bench, EVENT_RENEW, 0) >= 0);
    expect_untouched(&bench);
}

static void test_switch_stop_is_fast_and_released_when_all_is_dead(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_STOP] = false;
    bench_forget(&bench);
    go_on(&bench, 0);
    int stop = bench_find(&bench, ACTION_STOP, 0);
    assert_true(stop >= 0);
    assert_int_equal(bench.trace[stop].as.stop_mode, STOP_FAST);
    bench_wait(&bench, 2000);
    assert_int_equal(bench_find_event(&bench, EVENT_RELEASE, 0), -1);
    assert_true(bench.a.vote.given_up_term < 1);
    assert_true(bench_find_event(&bench, EVENT_RENEW, 0) >= 0);
    bench.inspection.was_primary = true;
    bench.inspection.position = (struct position){1, 700};
    bench_guard(&bench, GUARD_ABSENT, 0);
    int released = bench_find_event(&bench, EVENT_RELEASE, stop);
    const struct release *r = &bench_event_at(&bench, released)->body.release;
    assert_int_equal(r->reason, REASON_REQUESTED);
    assert_true(r->clean);
    assert_int_equal(r->position.lsn, 700);
    assert_int_equal(bench.a.vote.given_up_term, 1);
    assert_int_equal(switchover_stage(&bench.a.cluster), STAGE_GRANT);
    int taken_out = bench_find(&bench, ACTION_LEASE, stop);
    while (taken_out >= 0 && bench.trace[taken_out].as.deadline_ms != 0) {
        taken_out = bench_find(&bench, ACTION_LEASE, taken_out + 1);
    }
    assert_true(taken_out >= 0 && taken_out < released);
}

static void test_switch_old_leader_follows(void **state)
{
    (void)state;
    begin(&bench);
    bench.inspection.was_primary = true;
    bench.inspection.position = (struct position){1, 100};
    go_on(&bench, 0);
    assert_int_equal(bench.a.cluster.phase, PHASE_RELEASED);
    bench_wait(&bench, 1000);
    bench_peer_probe(&bench, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_grant(&bench, "node-3", GRANT_FAILOVER);
    bench_peer_renew(&bench, "node-3");
    bench_forget(&bench);
    bench_peer_done(&bench, "node-3", TASK_PROMOTE, (struct position){2, 100});
    bench_pump(&bench);
    int start = bench_find(&bench, ACTION_START, 0);
    assert_true(start >= 0);
    assert_false(bench.trace[start].as.start.as_primary);
    assert_string_equal(bench.trace[start].as.start.upstream.node, "node-3");
    assert_int_equal(bench_find_task(&bench, TASK_REWIND), -1);
}

/* PostgreSQL has not stopped, and is not to any more: it ends at once and starts again. */
static void test_switch_undone_stop_starts_again(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_STOP] = false;
    go_on(&bench, 0);
    bench_wait(&bench, SWITCHOVER_STOP_MS);
    bench_forget(&bench);
    go_on(&bench, SWITCHOVER_STOP_MS);
    int stop = bench_find(&bench, ACTION_STOP, 0);
    assert_true(stop >= 0);
    assert_int_equal(bench.trace[stop].as.stop_mode, STOP_IMMEDIATE);
    bench.inspection.was_primary = true;
    bench.inspection.clean = false;
    bench_guard(&bench, GUARD_ABSENT, 0);
    bench_wait(&bench, 1000);
    int start = bench_find(&bench, ACTION_START, stop);
    assert_true(start >= 0);
    assert_true(bench.trace[start].as.start.as_primary);
    assert_int_equal(bench_find_event(&bench, EVENT_RELEASE, 0), -1);
    assert_true(bench.a.cluster.writable);
    assert_int_equal(cluster_holder(&bench.a.cluster), bench.a.me);
}

/* The abort is read in the same breath: PostgreSQL was never told to stop. */
static void test_switch_abort_before_the_stop_only_asks_for_a_write(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_PROBE] = false;
    bench.a.pg.busy = BUSY_TASK; /* something else goes on */
    bench.a.pg.task = TASK_CHECKPOINT;
    bench.a.pg.busy_until_ms = UINT64_MAX;
    bench_forget(&bench);
    go_on(&bench, 0);
    assert_int_equal(bench.a.cluster.pending.step, SWITCH_STOP);
    go_on(&bench, SWITCHOVER_STOP_MS);
    bench_task_ended(&bench, TASK_CHECKPOINT, true);
    bench_pump(&bench);
    bench.answers[ACTION_PROBE] = true;
    bench_wait(&bench, 1500);
    expect_untouched(&bench);
    assert_true(bench_find_task(&bench, TASK_FIRST_WRITE) >= 0);
    assert_true(bench.a.cluster.writable);
}

/* What was given up stays given up, whatever is read afterwards (I7). */
static void test_switch_abort_after_giving_up_is_too_late(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_PERSIST] = false;
    bench_forget(&bench);
    go_on(&bench, 0);
    assert_true(bench_did(&bench, ACTION_PERSIST));
    assert_int_equal(bench_find_event(&bench, EVENT_RELEASE, 0), -1);
    go_on(&bench, SWITCHOVER_STOP_MS);
    bench.answers[ACTION_PERSIST] = true; /* decisions were read meanwhile: one more is due */
    bench_fact(&bench, FACT_PERSISTED);
    bench_wait(&bench, 1000);
    assert_false(bench_did(&bench, ACTION_START));
    assert_true(bench_find_event(&bench, EVENT_RELEASE, 0) >= 0);
    assert_int_equal(bench.a.cluster.phase, PHASE_RELEASED);
}

/* The lease ends while it stops: an ordinary demotion. */
static void test_switch_lease_ends_in_the_middle(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_STOP] = false;
    go_on(&bench, 0);
    bench_forget(&bench);
    bench.drops_appends = true;
    bench_wait(&bench, 5000);
    assert_true(bench_did(&bench, ACTION_KILL));
    assert_int_equal(bench.a.pg.guard, GUARD_ABSENT);
    int released = bench_find_event(&bench, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(&bench, released)->body.release.reason, REASON_LEASE_EXPIRED);
}

/* Killed with its PostgreSQL while it stopped: the new incarnation gives the term up in order. */
static void test_switch_restarted_agent_releases(void **state)
{
    (void)state;
    begin(&bench);
    bench.answers[ACTION_STOP] = false;
    go_on(&bench, 0);
    bench_restart_agent(&bench);
    bench.inspection.was_primary = true;
    bench_guard(&bench, GUARD_ABSENT, 0);
    bench_link(&bench, true);
    bench_wait(&bench, 1000);
    assert_int_equal(bench.a.cluster.phase, PHASE_RELEASED);
    assert_int_equal(bench.a.cluster.ending.reason, REASON_REQUESTED);
}

static void test_switch_others_do_nothing(void **state)
{
    (void)state;
    bench_standby(&bench);
    ask(&bench);
    struct event e = bench_decision(&bench, EVENT_SWITCHOVER_STEP);
    e.decision.evidence.alive_mask = 0xffff;
    e.decision.evidence.caught_up_mask = 0xffff;
    e.body.switchover_step = switchover_next(&bench.a.cluster, &e.decision.evidence);
    bench_forget(&bench);
    bench_store(&bench, &e);
    bench_wait(&bench, 1000);
    assert_int_equal(bench.a.cluster.pending.step, SWITCH_BEGIN);
    assert_false(bench_did(&bench, ACTION_TASK));
    assert_false(bench_did(&bench, ACTION_STOP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_switch_checkpoint_is_run_once_and_reported),
            cmocka_unit_test(test_switch_failed_checkpoint_is_reported),
            cmocka_unit_test(test_switch_leader_renews_while_the_checkpoint_runs),
            cmocka_unit_test(test_switch_stop_is_fast_and_released_when_all_is_dead),
            cmocka_unit_test(test_switch_old_leader_follows),
            cmocka_unit_test(test_switch_undone_stop_starts_again),
            cmocka_unit_test(test_switch_abort_before_the_stop_only_asks_for_a_write),
            cmocka_unit_test(test_switch_abort_after_giving_up_is_too_late),
            cmocka_unit_test(test_switch_lease_ends_in_the_middle),
            cmocka_unit_test(test_switch_restarted_agent_releases),
            cmocka_unit_test(test_switch_others_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
