/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/explain.h"
#include "../../proto/switchover.h"
#include "../../proto/waiting.h"
#include "world.h"

static struct world world;

/* ---- what operators and monitors say ---- */

static enum void_reason ask(enum request_kind kind, const char *node, bool accept_loss)
{
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){.kind = kind,
                                      .term = world.c.term,
                                      .seen_seq = world.c.last_seq,
                                      .accept_loss = accept_loss};
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    return world_fold(&world, &e);
}

/* Everybody is heard and close to the leader, and something happened a moment ago. */
static struct evidence calm(void)
{
    return (struct evidence){.alive_mask = 0xffff, .caught_up_mask = 0xffff};
}

static struct event step_event(struct evidence evidence)
{
    struct event e = world_decision(&world, EVENT_SWITCHOVER_STEP);
    e.decision.evidence = evidence;
    e.body.switchover_step = switchover_next(&world.c, &evidence);
    return e;
}

/* The step that is called for. */
static enum void_reason go_on(struct evidence evidence)
{
    struct event e = step_event(evidence);
    return world_fold(&world, &e);
}

/* A step of a monitor that does as it likes. */
static enum void_reason force(enum switch_step step, const char *node, struct evidence evidence)
{
    struct event e = step_event(evidence);
    e.body.switchover_step.step = step;
    e.body.switchover_step.reason = REASON_NONE;
    snprintf(e.body.switchover_step.node, NAME_SIZE, "%s", node);
    return world_fold(&world, &e);
}

static enum void_reason checkpoint(enum event_kind kind)
{
    struct event e = world_event(&world, "node-1", kind);
    e.body.task.task = TASK_CHECKPOINT;
    e.body.task.term = world.c.term;
    e.body.task.directive_seq = world.c.pending.step_seq;
    return world_fold(&world, &e);
}

static enum void_reason release(bool clean, uint64_t lsn)
{
    struct event e = world_event(&world, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){
            .term = 1, .reason = REASON_REQUESTED, .position = {1, lsn}, .clean = clean};
    return world_fold(&world, &e);
}

static void report(const char *node, uint64_t lsn)
{
    assert_int_equal(world_report(&world, node, world_probe(NODE_STANDBY, 1, lsn), 1), VOID_NONE);
}

static void run_to_begin(void)
{
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-3", false), VOID_NONE);
    assert_int_equal(go_on(calm()), VOID_NONE);
    assert_int_equal(world.c.pending.step, SWITCH_BEGIN);
}

static void run_to_stop(void)
{
    run_to_begin();
    assert_int_equal(checkpoint(EVENT_DONE), VOID_NONE);
    assert_int_equal(switchover_stage(&world.c), STAGE_CATCH_UP);
    assert_int_equal(go_on(calm()), VOID_NONE);
    assert_int_equal(switchover_stage(&world.c), STAGE_STOP);
}

static void run_to_release(void)
{
    run_to_stop();
    assert_int_equal(release(true, 500), VOID_NONE);
    assert_int_equal(switchover_stage(&world.c), STAGE_GRANT);
}

/* ---- requests ---- */

static void test_fold_request_needs_a_leader_that_serves(void **state)
{
    (void)state;
    world_init(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "", false), VOID_NOT_HELD);
    world_running(&world);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-2", false), VOID_NOT_HELD);
}

static void test_fold_request_names_another_node(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-9", false), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-1", false), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-2", true), VOID_IMPOSSIBLE);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "", false), VOID_NONE);
}

static void test_fold_request_is_one_at_a_time(void **state)
{
    (void)state;
    world_running(&world);
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){.term = 1, .seen_seq = world.c.last_seq};
    struct event again = e;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world_fold(&world, &again), VOID_REQUEST_PENDING);
    struct evidence late = calm();
    late.caught_up_mask = 0;
    late.switchover_age_ms = switchover_limit_ms(&world.c);
    assert_int_equal(go_on(late), VOID_NONE);
    assert_int_equal(world.c.pending.request_seq, 0);
    assert_int_equal(world.c.closed.reason, REASON_NOBODY_FIT);
    assert_int_equal(world_fold(&world, &again), VOID_REQUEST_OUTDATED);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "", false), VOID_NONE);
}

static void test_fold_request_is_of_the_present_term(void **state)
{
    (void)state;
    world_running(&world);
    for (int off = -1; off <= 1; off += 2) {
        struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
        e.body.request.term = (uint64_t)(1 + off);
        e.body.request.seen_seq = world.c.last_seq;
        assert_int_equal(world_fold(&world, &e), off < 0 ? VOID_STALE_TERM : VOID_FUTURE_TERM);
    }
}

static void test_fold_request_is_scheduled(void **state)
{
    (void)state;
    char text[320];
    world_running(&world);
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.wall_us = UINT64_C(1772366430) * 1000000;
    e.body.request = (struct request){.term = 1, .seen_seq = world.c.last_seq};
    e.body.request.at_us = e.wall_us;
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
    e.body.request.at_us = e.wall_us + SWITCHOVER_AHEAD_US_MAX + 1;
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
    e.body.request.at_us = e.wall_us + 60 * 1000000;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(switchover_due_us(&world.c), e.body.request.at_us);
    explain_pending(&world.c, text, sizeof text);
    assert_string_equal(text, "switchover to any standby scheduled for 2026-03-01 12:01:30 UTC, "
                              "asked for by root-db1");
    struct evidence evidence = calm();
    assert_int_equal(force(SWITCH_DUE, "", evidence), VOID_WRONG_STEP);
    assert_int_equal(force(SWITCH_BEGIN, "node-2", evidence), VOID_WRONG_STEP);
    evidence.wall_us = e.body.request.at_us - 1;
    assert_int_equal(force(SWITCH_DUE, "", evidence), VOID_WRONG_STEP);
    evidence.wall_us = e.body.request.at_us + SWITCHOVER_MISSED_US + 1;
    assert_int_equal(force(SWITCH_DUE, "", evidence), VOID_WRONG_STEP);
    evidence.wall_us--;
    assert_int_equal(force(SWITCH_DUE, "", evidence), VOID_NONE);
    assert_int_equal(switchover_due_us(&world.c), 0);
    assert_int_equal(switchover_stage(&world.c), STAGE_ASKED);
}

static void test_fold_request_is_taken_back(void **state)
{
    (void)state;
    char text[320];
    world_running(&world);
    assert_int_equal(ask(REQUEST_CANCEL, "", false), VOID_NO_REQUEST);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-2", false), VOID_NONE);
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request = (struct request){.kind = REQUEST_CANCEL, .term = 1};
    e.body.request.seen_seq = world.c.last_seq;
    e.body.request.cancels_seq = world.c.pending.request_seq - 1;
    assert_int_equal(world_fold(&world, &e), VOID_NO_REQUEST);
    e.body.request.cancels_seq++;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world.c.pending.request_seq, 0);
    explain_closed(&world.c, text, sizeof text);
    assert_string_equal(text, "switchover to node-2 given up: taken back by an operator");
}

/* ---- steps ---- */

static void test_fold_step_needs_a_request(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(force(SWITCH_BEGIN, "node-2", calm()), VOID_NO_REQUEST);
    assert_int_equal(force(SWITCH_STOP, "node-2", calm()), VOID_NO_REQUEST);
    assert_int_equal(force(SWITCH_ABORT, "node-2", calm()), VOID_NO_REQUEST);
}

static void test_fold_step_takes_the_target_that_was_asked_for(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-3", false), VOID_NONE);
    assert_int_equal(force(SWITCH_BEGIN, "node-2", calm()), VOID_WRONG_STEP);
    assert_int_equal(force(SWITCH_STOP, "node-3", calm()), VOID_WRONG_STEP);
    assert_int_equal(force(SWITCH_ABORT, "node-3", calm()), VOID_WRONG_STEP);
    assert_int_equal(force(SWITCH_NONE, "node-3", calm()), VOID_WRONG_STEP);
    assert_int_equal(force(SWITCH_BEGIN, "node-3", calm()), VOID_NONE);
}

static void test_fold_step_never_begins_with_an_unfit_target(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-3", false), VOID_NONE);
    struct evidence lag = calm();
    lag.caught_up_mask = 1U << 1;
    assert_int_equal(force(SWITCH_BEGIN, "node-3", lag), VOID_NOT_ELIGIBLE);
    struct evidence unheard = calm();
    unheard.alive_mask = 1U << 1;
    assert_int_equal(force(SWITCH_BEGIN, "node-3", unheard), VOID_NOT_ELIGIBLE);
    world_report(&world, "node-3", world_probe(NODE_STOPPED, 1, 100), 0);
    assert_int_equal(force(SWITCH_BEGIN, "node-3", calm()), VOID_NOT_ELIGIBLE);
    assert_int_equal(go_on(calm()), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_TARGET_UNFIT);
    assert_int_equal(world.c.closed.verdict, VERDICT_NOT_RUNNING);
    assert_true(world.c.writable);
}

static void test_switchover_waits_for_a_target_that_lags(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "node-3", false), VOID_NONE);
    struct evidence lag = calm();
    lag.caught_up_mask = 0;
    lag.switchover_age_ms = switchover_limit_ms(&world.c) - 1;
    assert_int_equal(switchover_next(&world.c, &lag).step, SWITCH_NONE);
    lag.switchover_age_ms++;
    struct switchover_step step = switchover_next(&world.c, &lag);
    assert_int_equal(step.step, SWITCH_ABORT);
    assert_int_equal(step.verdict, VERDICT_LAG);
}

static void test_switchover_chooses_by_priority_and_name(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_SWITCHOVER, "", false), VOID_NONE);
    struct evidence evidence = calm();
    assert_string_equal(switchover_next(&world.c, &evidence).node, "node-2");
    world.c.nodes[2].failover_priority = 1;
    assert_string_equal(switchover_next(&world.c, &evidence).node, "node-3");
    world.c.nodes[2].nofailover = true;
    assert_string_equal(switchover_next(&world.c, &evidence).node, "node-2");
    evidence.caught_up_mask = 1; /* the leader itself is none */
    assert_int_equal(switchover_next(&world.c, &evidence).step, SWITCH_NONE);
}

static void test_fold_step_stops_only_after_the_checkpoint(void **state)
{
    (void)state;
    run_to_begin();
    assert_int_equal(force(SWITCH_STOP, "node-3", calm()), VOID_WRONG_STEP);
    assert_int_equal(checkpoint(EVENT_DONE), VOID_NONE);
    struct evidence lag = calm();
    lag.caught_up_mask = 0;
    assert_int_equal(force(SWITCH_STOP, "node-3", lag), VOID_NOT_ELIGIBLE);
    assert_true(world.c.writable);
    assert_int_equal(go_on(calm()), VOID_NONE);
    assert_false(world.c.writable);
    assert_int_equal(cluster_directive(&world.c, 0), DIRECTIVE_STOP);
    assert_int_equal(cluster_waiting(&world.c), WAITING_STOP);
    assert_string_equal(explain_status(&world.c), "switching");
}

static void test_fold_step_failed_checkpoint_ends_it(void **state)
{
    (void)state;
    run_to_begin();
    assert_int_equal(checkpoint(EVENT_FAILED), VOID_NONE);
    assert_int_equal(go_on(calm()), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_CHECKPOINT_FAILED);
    assert_true(world.c.writable);
    run_to_begin();
    struct evidence late = calm();
    late.switchover_age_ms = SWITCHOVER_CHECKPOINT_MS;
    assert_int_equal(go_on(late), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_CHECKPOINT_FAILED);
}

/* Nobody is told two things: while it stops no node copies from the leader. */
static void test_fold_step_stop_forbids_directives(void **state)
{
    (void)state;
    run_to_stop();
    struct event e = world_decision(&world, EVENT_DIRECTIVE);
    e.body.directive = (struct directive){.incarnation = 1, .term = 1, .task = TASK_BASEBACKUP};
    snprintf(e.body.directive.node, NAME_SIZE, "node-2");
    assert_int_equal(world_fold(&world, &e), VOID_NOT_HELD);
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NO_CHANGE);
}

static void test_fold_step_undone_stop_lets_the_leader_go_on(void **state)
{
    (void)state;
    run_to_stop();
    uint64_t writable_us = world.c.change.writable_wall_us;
    assert_int_equal(force(SWITCH_ABORT, "node-3", calm()), VOID_WRONG_STEP);
    struct evidence late = calm();
    late.switchover_age_ms = SWITCHOVER_STOP_MS;
    assert_int_equal(go_on(late), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_STOP_TIMEOUT);
    assert_int_equal(world.c.resumed_term, 1);
    assert_int_equal(cluster_directive(&world.c, 0), DIRECTIVE_LEAD);
    assert_int_equal(cluster_waiting(&world.c), WAITING_FIRST_WRITE);
    assert_int_equal(world_first_write(&world, "node-1"), VOID_NONE);
    assert_true(world.c.writable);
    assert_int_equal(world.c.change.writable_wall_us, writable_us);
}

static void test_fold_step_abort_after_the_release_changes_nothing_of_it(void **state)
{
    (void)state;
    run_to_stop();
    struct evidence late = calm();
    late.switchover_age_ms = SWITCHOVER_STOP_MS;
    struct event abort_stop = step_event(late);
    assert_int_equal(release(true, 500), VOID_NONE);
    assert_int_equal(world_fold(&world, &abort_stop), VOID_WRONG_STEP);
    assert_int_equal(switchover_stage(&world.c), STAGE_GRANT);
}

/* ---- the end of the term ---- */

static void test_election_takes_who_has_all_of_it(void **state)
{
    (void)state;
    run_to_release();
    report("node-2", 499);
    assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_INCOMPLETE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
    report("node-2", 500);
    report("node-3", 500);
    struct candidate_list list;
    struct evidence evidence = calm();
    assert_int_equal(election_choose(&world.c, GRANT_FAILOVER, &evidence, &list), 2);
    assert_int_equal(world_grant(&world, "node-3", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_NONE);
    assert_string_equal(world.c.closed.node, "node-3");
    assert_int_equal(world.c.pending.request_seq, 0);
}

/* It has all of it, of course, once it runs in recovery. */
static void test_election_takes_the_old_leader_back(void **state)
{
    (void)state;
    run_to_release();
    report("node-2", 400);
    report("node-1", 500);
    struct candidate_list list;
    struct evidence evidence = calm();
    assert_int_equal(election_choose(&world.c, GRANT_FAILOVER, &evidence, &list), 0);
    assert_int_equal(world_grant(&world, "node-1", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_OTHER_CHOSEN);
}

static void test_election_goes_on_without_the_end_when_nobody_has_it(void **state)
{
    (void)state;
    run_to_release();
    report("node-2", 400);
    struct evidence late = calm();
    late.switchover_age_ms = SWITCHOVER_GRANT_MS;
    assert_int_equal(go_on(late), VOID_NONE);
    assert_int_equal(world.c.closed.reason, REASON_END_UNREACHED);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
}

static void expect_lapsed(void)
{
    assert_int_equal(world.c.pending.request_seq, 0);
    assert_int_equal(world.c.closed.reason, REASON_TERM_ENDED);
    report("node-2", 100);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
}

static void test_fold_request_lapses_with_its_term(void **state)
{
    (void)state;
    run_to_stop();
    assert_int_equal(release(false, 500), VOID_NONE);
    expect_lapsed();
    run_to_begin();
    assert_int_equal(release(true, 500), VOID_NONE);
    expect_lapsed();
    run_to_stop();
    assert_int_equal(world_revoke(&world, 1), VOID_NONE);
    expect_lapsed();
}

/* ---- failover ---- */

static void lag(uint64_t bytes)
{
    struct event e = world_decision(&world, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.maximum_lag_on_failover = bytes;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
}

static void test_fold_failover_is_for_when_nobody_leads(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-2", false), VOID_HELD);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(ask(REQUEST_FAILOVER, "", false), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-9", false), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-2", false), VOID_NONE);
}

static void test_fold_failover_loses_only_what_was_accepted(void **state)
{
    (void)state;
    for (int accepts = 0; accepts < 2; accepts++) {
        world_running(&world);
        lag(10);
        assert_int_equal(release(false, 500), VOID_NONE);
        report("node-2", 100);
        assert_int_equal(election_verdict(&world.c, 1, GRANT_FAILOVER), VERDICT_LAG);
        assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
        assert_int_equal(ask(REQUEST_FAILOVER, "node-2", accepts), VOID_NONE);
        assert_false(cluster_failover_counts(&world.c)); /* I18 is of what nobody asks for */
        assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER),
                         accepts ? VOID_NONE : VOID_NOT_ELIGIBLE);
        assert_int_equal(world.c.loss_accepted, accepts);
    }
}

static void test_fold_failover_is_for_one_node_and_one_grant(void **state)
{
    (void)state;
    world_running(&world);
    lag(10);
    assert_int_equal(release(false, 500), VOID_NONE);
    report("node-2", 100);
    report("node-3", 100);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-2", true), VOID_NONE);
    assert_int_equal(world_grant(&world, "node-3", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_release(&world, "node-2", 2), VOID_NONE);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 100), 2);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
}

/* Whatever is accepted: the wait, another node's tag, its data, and what it is told stand. */
static void test_fold_failover_overrides_nothing_else(void **state)
{
    (void)state;
    world_running(&world);
    lag(10);
    assert_int_equal(world_renew(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(world_revoke(&world, 1), VOID_NONE);
    report("node-2", 100);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-2", true), VOID_NONE);
    struct event e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    e.decision.evidence.renewal_age_ms = cluster_wait_ms(&world.c) - 1;
    assert_int_equal(world_fold(&world, &e), VOID_NO_WAIT);
    static const enum verdict verdicts[] = {
            VERDICT_DIVERGED,   VERDICT_NOFAILOVER,   VERDICT_NO_DATA, VERDICT_FOREIGN_SYSTEM,
            VERDICT_REBUILDING, VERDICT_NOT_REPORTED, VERDICT_DISK,    VERDICT_NOT_RUNNING};
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        assert_false(switchover_forgives(&world.c, 1, verdicts[i]));
    }
    assert_true(switchover_forgives(&world.c, 1, VERDICT_BELOW_FLOOR));
}

static void test_fold_failover_request_ends_by_itself(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    assert_int_equal(ask(REQUEST_FAILOVER, "node-3", false), VOID_NONE);
    struct evidence evidence = calm();
    evidence.switchover_age_ms = FAILOVER_REQUEST_MS - 1;
    assert_int_equal(switchover_next(&world.c, &evidence).step, SWITCH_NONE);
    evidence.switchover_age_ms++;
    assert_int_equal(go_on(evidence), VOID_NONE);
    assert_int_equal(world.c.closed.verdict, VERDICT_NOT_REPORTED);
}

/* ---- words ---- */

static void test_explain_request_and_its_steps(void **state)
{
    (void)state;
    char text[320];
    run_to_begin();
    explain_pending(&world.c, text, sizeof text);
    assert_string_equal(text, "switchover to node-3, asked for by root-db1: waits for the leader's "
                              "checkpoint; it serves meanwhile");
    struct event e = world_decision(&world, EVENT_SWITCHOVER_STEP);
    e.decision.evidence = calm();
    assert_int_equal(checkpoint(EVENT_FAILED), VOID_NONE);
    e.body.switchover_step = switchover_next(&world.c, &e.decision.evidence);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    explain_event(&world.c, &e, world.last, text, sizeof text);
    assert_string_equal(text, "the request for node-3 is given up: the leader's checkpoint failed, "
                              "or took too long (test)");
    assert_int_equal(explain_severity(&e, world.last), SEVERITY_WARNING);
    explain_closed(&world.c, text, sizeof text);
    assert_string_equal(text, "switchover to node-3 given up: the leader's checkpoint failed, or "
                              "took too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fold_request_needs_a_leader_that_serves),
            cmocka_unit_test(test_fold_request_names_another_node),
            cmocka_unit_test(test_fold_request_is_one_at_a_time),
            cmocka_unit_test(test_fold_request_is_of_the_present_term),
            cmocka_unit_test(test_fold_request_is_scheduled),
            cmocka_unit_test(test_fold_request_is_taken_back),
            cmocka_unit_test(test_fold_step_needs_a_request),
            cmocka_unit_test(test_fold_step_takes_the_target_that_was_asked_for),
            cmocka_unit_test(test_fold_step_never_begins_with_an_unfit_target),
            cmocka_unit_test(test_switchover_waits_for_a_target_that_lags),
            cmocka_unit_test(test_switchover_chooses_by_priority_and_name),
            cmocka_unit_test(test_fold_step_stops_only_after_the_checkpoint),
            cmocka_unit_test(test_fold_step_failed_checkpoint_ends_it),
            cmocka_unit_test(test_fold_step_stop_forbids_directives),
            cmocka_unit_test(test_fold_step_undone_stop_lets_the_leader_go_on),
            cmocka_unit_test(test_fold_step_abort_after_the_release_changes_nothing_of_it),
            cmocka_unit_test(test_election_takes_who_has_all_of_it),
            cmocka_unit_test(test_election_takes_the_old_leader_back),
            cmocka_unit_test(test_election_goes_on_without_the_end_when_nobody_has_it),
            cmocka_unit_test(test_fold_request_lapses_with_its_term),
            cmocka_unit_test(test_fold_failover_is_for_when_nobody_leads),
            cmocka_unit_test(test_fold_failover_loses_only_what_was_accepted),
            cmocka_unit_test(test_fold_failover_is_for_one_node_and_one_grant),
            cmocka_unit_test(test_fold_failover_overrides_nothing_else),
            cmocka_unit_test(test_fold_failover_request_ends_by_itself),
            cmocka_unit_test(test_explain_request_and_its_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
