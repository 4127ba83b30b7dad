/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/decide.h"
#include "../../monitor/rules.h"
#include "world.h"

static const struct decide_options options = {.config = {.probe_period_ms = 1000,
                                                         .probe_timeout_ms = 1000,
                                                         .probe_failure_threshold = 2,
                                                         .lease_ttl_ms = 3000,
                                                         .maximum_lag_on_failover = UINT64_MAX,
                                                         .failover_limit = 2,
                                                         .failover_window_ms = 600000,
                                                         .rebuild_limit = 2,
                                                         .rebuild_window_ms = 3600000}};

/* Everything has been heard for long, and everybody is alive. */
static struct evidence ripe(void)
{
    return (struct evidence){
            .renewal_age_ms = 100000,
            .hearing_ms = 100000,
            .phase_age_ms = 100000,
            .alive_mask = 0xffff,
            .verdict_age_ms = 100000,
    };
}

/* The same, and the leader has renewed a moment ago. */
static struct evidence calm(void)
{
    struct evidence evidence = ripe();
    evidence.renewal_age_ms = 500;
    return evidence;
}

/* The rule that fires, or "none"; the event's decision must be the one that the fold accepts. */
static const char *fired(struct world *w, const struct evidence *evidence, struct event *ret_event)
{
    if (!decide(&w->c, evidence, &options, ret_event)) {
        return "none";
    }
    struct event e = *ret_event;
    e.incarnation = 1;
    e.counter = 1;
    memcpy(e.writer, "monitor-1", sizeof("monitor-1"));
    struct world copy = *w;
    assert_int_equal(world_fold(&copy, &e), VOID_NONE);
    return ret_event->decision.rule;
}

static void expect_rule(struct world *w, struct evidence evidence, const char *rule)
{
    struct event e;
    assert_string_equal(fired(w, &evidence, &e), rule);
}

static void configure(struct world *w)
{
    struct event e = world_decision(w, EVENT_CONFIG);
    e.body.config = options.config;
    assert_int_equal(world_fold(w, &e), VOID_NONE);
}

/* node-1 was adopted, holds term 1 and is writable on timeline 1; node-2 and node-3 stream. */
static void lead(struct world *w)
{
    world_init(w);
    world_hello(w, "node-1", world_stopped_primary(1, 1000));
    world_hello(w, "node-2", world_probe(NODE_STANDBY, 1, 1000));
    world_hello(w, "node-3", world_probe(NODE_STANDBY, 1, 1000));
    configure(w);
    assert_int_equal(world_grant(w, "node-1", GRANT_ADOPT), VOID_NONE);
    assert_int_equal(world_renew(w, "node-1", 1), VOID_NONE);
    world_report(w, "node-1", world_probe(NODE_PRIMARY, 1, 1000), 0);
    assert_int_equal(world_promoted(w, "node-1", 1, 1000), VOID_NONE);
    struct event e = world_event(w, "node-1", EVENT_DONE);
    e.body.task.task = TASK_FIRST_WRITE;
    e.body.task.term = 1;
    assert_int_equal(world_fold(w, &e), VOID_NONE);
    assert_true(w->c.writable);
}

static void test_rules_configure_waits_for_a_node(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    expect_rule(&w, ripe(), "none");
    world_hello(&w, "node-1", world_probe(NODE_EMPTY, 0, 0));
    struct event e;
    const struct evidence evidence = ripe();
    assert_string_equal(fired(&w, &evidence, &e), "configure");
    assert_int_equal(e.body.config.lease_ttl_ms, 3000);
}

static void test_rules_bootstrap_waits_for_data(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_hello(&w, "node-1", world_probe(NODE_EMPTY, 0, 0));
    configure(&w);
    struct evidence evidence = ripe();
    evidence.phase_age_ms = BOOTSTRAP_WAIT_MS - 1;
    expect_rule(&w, evidence, "none");
    evidence.phase_age_ms = BOOTSTRAP_WAIT_MS;
    expect_rule(&w, evidence, "bootstrap");
    world_hello(&w, "node-2", world_stopped_primary(1, 1000));
    expect_rule(&w, evidence, "adopt");
}

static void test_rules_absent_data_forbids_bootstrap(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_hello(&w, "node-1", world_probe(NODE_EMPTY, 0, 0));
    world_hello(&w, "node-2", world_probe(NODE_STOPPED, 1, 1000));
    configure(&w);
    struct evidence evidence = ripe();
    evidence.alive_mask = 1;
    expect_rule(&w, evidence, "no-candidate");
}

static void test_rules_revoke_needs_silence_and_hearing(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    struct evidence evidence = ripe();
    const uint64_t wait_ms = cluster_wait_ms(&w.c);
    assert_int_equal(wait_ms, 3106);
    evidence.renewal_age_ms = wait_ms - 1;
    expect_rule(&w, evidence, "none");
    evidence.renewal_age_ms = wait_ms;
    evidence.hearing_ms = wait_ms - 1;
    expect_rule(&w, evidence, "none");
    evidence.hearing_ms = wait_ms;
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "revoke-silent");
    assert_int_equal(e.body.revoke.renewal_seq, w.c.lease.renewal_seq);
    assert_int_equal(e.cause_seq, w.c.phase_seq);
    assert_memory_equal(&e.decision.evidence, &evidence, sizeof(evidence));
}

static void test_rules_wait_is_that_of_the_longest_renewal(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    struct event renew = world_event(&w, "node-1", EVENT_RENEW);
    renew.body.renew = (struct renew){.term = 1, .ttl_ms = 9000, .seen_seq = w.c.last_seq};
    assert_int_equal(world_fold(&w, &renew), VOID_NONE);
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NONE);
    struct evidence evidence = ripe();
    evidence.renewal_age_ms = 9000 + LEASE_ALLOWANCE_MS(9000) - 1;
    expect_rule(&w, evidence, "none");
    evidence.renewal_age_ms++;
    expect_rule(&w, evidence, "revoke-silent");
}

static void test_rules_unaccepted_grant_is_revoked_after_its_time(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 2000), 1);
    assert_int_equal(world_grant(&w, "node-2", GRANT_FAILOVER), VOID_NONE);
    struct evidence evidence = ripe();
    evidence.phase_age_ms = 3105;
    expect_rule(&w, evidence, "none");
    evidence.phase_age_ms = 3106;
    evidence.hearing_ms = 3105;
    expect_rule(&w, evidence, "none");
    evidence.hearing_ms = 3106;
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "revoke-unaccepted");
    assert_int_equal(e.body.revoke.renewal_seq, 0);
}

static void test_rules_elect_waits_for_reports_or_timeout(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 2000), 1);
    struct evidence evidence = ripe();
    evidence.phase_age_ms = ELECTION_TIMEOUT_MS - 1;
    expect_rule(&w, evidence, "none");
    evidence.phase_age_ms = ELECTION_TIMEOUT_MS;
    expect_rule(&w, evidence, "elect-released");
    evidence.phase_age_ms = 1;
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 3000), 1);
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "elect-released");
    assert_string_equal(e.body.grant.node, "node-3");
    assert_int_equal(e.body.grant.term, 2);
    assert_int_equal(e.body.grant.position.lsn, 3000);
    assert_int_equal(e.body.grant.candidates.count, 3);
    evidence.hearing_ms = 2999; /* who has only begun to listen does not know who is there */
    expect_rule(&w, evidence, "none");
}

static void test_rules_elect_revoked_needs_the_lapse(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    assert_int_equal(world_revoke(&w, 1), VOID_NONE);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 2000), 1);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 2000), 1);
    struct evidence evidence = ripe();
    evidence.renewal_age_ms = 3105;
    expect_rule(&w, evidence, "none");
    evidence.renewal_age_ms = 3106;
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "elect-revoked");
    assert_int_equal(e.body.grant.renewal_seq, w.c.lease.renewal_seq);
}

static void test_rules_no_candidate_is_written_once(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    world_release(&w, "node-1", 1);
    struct evidence evidence = ripe();
    evidence.alive_mask = 0;
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "no-candidate");
    memcpy(e.writer, "monitor-1", sizeof("monitor-1"));
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    expect_rule(&w, evidence, "none");
    evidence.alive_mask = 1;
    expect_rule(&w, evidence, "no-candidate");
    evidence.verdict_age_ms = VERDICT_PAUSE_MS - 1; /* who hears others waits before it says so */
    expect_rule(&w, evidence, "none");
    assert_int_equal(decide_next_ms(&w.c, &evidence), 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 1000), 1);
    evidence.alive_mask = 2; /* a grant waits for nothing */
    expect_rule(&w, evidence, "elect-released");
    evidence.alive_mask = 1;
    evidence.verdict_age_ms = VERDICT_PAUSE_MS;
    expect_rule(&w, evidence, "no-candidate");
    evidence.phase_age_ms = ELECTION_TIMEOUT_MS - 1;
    expect_rule(&w, evidence, "none");
}

/* Of this election none was written: what was said in an earlier one holds nothing up. */
static void test_rules_first_no_candidate_waits_for_no_other(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    world_release(&w, "node-1", 1);
    struct evidence evidence = ripe();
    evidence.alive_mask = 0;
    evidence.verdict_age_ms = 0;
    expect_rule(&w, evidence, "no-candidate");
    evidence.verdict_age_ms = 1;
    expect_rule(&w, evidence, "no-candidate");
}

/* A report of node-2 in this state, for this reason, and the rule that follows. */
static void expect_repair(struct world *w, enum node_state node_state, enum reason reason,
                          const char *rule)
{
    bool apart = reason == REASON_DIVERGED || reason == REASON_UNCLEAN_PRIMARY;
    struct probe p = world_probe(node_state, apart ? 7 : 1, node_state == NODE_EMPTY ? 0 : 1000);
    p.reason = reason;
    p.streaming = false;
    assert_int_equal(world_report(w, "node-2", p, 0), VOID_NONE);
    expect_rule(w, calm(), rule);
}

/* Node-2 and node-3 have reported after term 1, and two failovers have been used up. */
static void use_up_failovers(struct world *w)
{
    lead(w);
    world_release(w, "node-1", 1);
    world_report(w, "node-2", world_probe(NODE_STANDBY, 1, 2000), 1);
    world_report(w, "node-3", world_probe(NODE_STANDBY, 1, 2000), 1);
    w->c.failovers.debt_ms = 600000;
}

static void test_rules_failover_waits_for_its_limit(void **state)
{
    (void)state;
    struct world w;
    use_up_failovers(&w);
    struct evidence evidence = ripe();
    evidence.failover_age_ms = 100000;
    struct event e;
    assert_string_equal(fired(&w, &evidence, &e), "limit-failovers");
    assert_int_equal(e.body.no_candidate.reason, REASON_FAILOVER_LIMIT);
    assert_int_equal(e.body.no_candidate.wait_ms, 200000);
    assert_int_equal(e.body.no_candidate.candidates.items[1].verdict, VERDICT_CHOSEN);
    memcpy(e.writer, "monitor-1", sizeof("monitor-1"));
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    expect_rule(&w, evidence, "none");
    assert_int_equal(decide_next_ms(&w.c, &evidence), 200000);
    evidence.failover_age_ms = 299999;
    expect_rule(&w, evidence, "none");
    evidence.failover_age_ms = 300000;
    expect_rule(&w, evidence, "elect-released");
    evidence.alive_mask = 1;
    expect_rule(&w, evidence, "no-candidate");
    evidence.failover_age_ms = 299999; /* for who hears less than others nothing else holds */
    expect_rule(&w, evidence, "none");
}

static void test_rules_limit_spares_an_end_in_order(void **state)
{
    (void)state;
    struct world w;
    use_up_failovers(&w);
    w.c.ending.reason = REASON_SHUTDOWN;
    expect_rule(&w, ripe(), "elect-released");
}

/* Who is not sure yet who could lead does not speak of a limit. */
static void test_rules_limit_is_said_of_a_ripe_election_only(void **state)
{
    (void)state;
    struct world w;
    use_up_failovers(&w);
    struct evidence evidence = ripe();
    evidence.phase_age_ms = 1;
    evidence.hearing_ms = 1;
    evidence.failover_age_ms = 0;
    expect_rule(&w, evidence, "none");
}

static void test_rules_rebuild_by_state_and_reason(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    expect_repair(&w, NODE_EMPTY, REASON_NONE, "rebuild-empty");
    expect_repair(&w, NODE_STANDBY, REASON_DIVERGED, "rebuild-diverged");
    expect_repair(&w, NODE_STOPPED, REASON_UNCLEAN_PRIMARY, "rebuild-diverged");
    expect_repair(&w, NODE_FAILED, REASON_DATA_DIRECTORY_DAMAGED, "rebuild-again");
    expect_repair(&w, NODE_FAILED, REASON_DATA_DIRECTORY_UNREADABLE, "rebuild-again");
    expect_repair(&w, NODE_FAILED, REASON_START_FAILED, "none");
    expect_repair(&w, NODE_FAILED, REASON_FOREIGN_SYSTEM, "none");
    expect_repair(&w, NODE_STARTING, REASON_DIVERGED, "none");
    expect_repair(&w, NODE_STOPPED, REASON_NONE, "none");
}

static void fail_task(struct world *w, enum task task)
{
    struct event e = world_event(w, "node-2", EVENT_FAILED);
    e.body.task.task = task;
    assert_int_equal(world_fold(w, &e), VOID_NONE);
}

static void test_rules_failed_copy_leads_to_base_backup(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    fail_task(&w, TASK_REWIND);
    expect_repair(&w, NODE_STOPPED, REASON_UNCLEAN_PRIMARY, "rebuild-again");
    expect_repair(&w, NODE_FAILED, REASON_REWIND_FAILED, "rebuild-again");
    expect_repair(&w, NODE_STANDBY, REASON_NONE, "none");
    fail_task(&w, TASK_BASEBACKUP);
    expect_repair(&w, NODE_STOPPED, REASON_UNCLEAN_PRIMARY, "rebuild-again");
}

static void test_rules_rebuild_spares_holder_absent_and_resting(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    expect_repair(&w, NODE_EMPTY, REASON_NONE, "rebuild-empty");
    struct evidence evidence = calm();
    evidence.alive_mask = 0x5;
    expect_rule(&w, evidence, "none");
    evidence = calm();
    evidence.backoff_mask = 0x2;
    expect_rule(&w, evidence, "none");
    expect_repair(&w, NODE_STANDBY, REASON_NONE, "none");
    struct probe empty = world_probe(NODE_EMPTY, 0, 0);
    assert_int_equal(world_report(&w, "node-1", empty, 0), VOID_NONE);
    expect_rule(&w, calm(), "none");
}

static void test_rules_rebuild_waits_for_its_limit(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    expect_repair(&w, NODE_EMPTY, REASON_NONE, "rebuild-empty");
    w.c.nodes[1].rebuilds.debt_ms = 3600000;
    struct evidence evidence = calm();
    evidence.rebuild_age_ms[1] = 1799000;
    evidence.rebuild_age_ms[2] = 1;
    expect_rule(&w, evidence, "none");
    evidence.renewal_age_ms = 100000;
    assert_int_equal(decide_next_ms(&w.c, &evidence), 1000);
    evidence = calm();
    evidence.rebuild_age_ms[1] = 1800000;
    expect_rule(&w, evidence, "rebuild-empty");
}

/* Between "the copy is complete" and the node's next look its state is the one of before the copy.
 */
static void test_rules_rebuild_is_not_repeated_before_the_next_look(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    expect_repair(&w, NODE_EMPTY, REASON_NONE, "rebuild-empty");
    struct event e;
    const struct evidence evidence = calm();
    (void)fired(&w, &evidence, &e);
    memcpy(e.writer, "monitor-1", sizeof("monitor-1"));
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    struct event done = world_event(&w, "node-2", EVENT_DONE);
    done.body.task.task = TASK_BASEBACKUP;
    done.body.task.directive_seq = w.c.nodes[1].rebuild_seq;
    assert_int_equal(world_fold(&w, &done), VOID_NONE);
    expect_rule(&w, calm(), "none");
    expect_repair(&w, NODE_EMPTY, REASON_NONE, "rebuild-empty");
}

/* decide_next_ms() never oversleeps: just before it says so nothing fires, and then something does.
 */
static void test_rules_next_is_when_the_answer_changes(void **state)
{
    (void)state;
    struct world w;
    lead(&w);
    struct evidence evidence = ripe();
    evidence.renewal_age_ms = 1000;
    assert_int_equal(decide_next_ms(&w.c, &evidence), 2106);
    evidence.hearing_ms = 2000;
    assert_int_equal(decide_next_ms(&w.c, &evidence), 1106);
    evidence = ripe();
    assert_true(decide_next_ms(&w.c, &evidence) == UINT64_MAX);
    world_release(&w, "node-1", 1);
    evidence.phase_age_ms = 100;
    assert_int_equal(decide_next_ms(&w.c, &evidence), ELECTION_TIMEOUT_MS - 100);
}

static void test_rules_table_has_names_and_an_end(void **state)
{
    (void)state;
    size_t count = 0;
    while (decide_rule_name(count) != NULL) {
        assert_true(strlen(decide_rule_name(count)) < RULE_SIZE);
        assert_true(RULES[count].phases != 0);
        count++;
    }
    assert_int_equal(count, RULE_COUNT);
    assert_int_equal(count, 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_rules_configure_waits_for_a_node),
            cmocka_unit_test(test_rules_bootstrap_waits_for_data),
            cmocka_unit_test(test_rules_absent_data_forbids_bootstrap),
            cmocka_unit_test(test_rules_revoke_needs_silence_and_hearing),
            cmocka_unit_test(test_rules_wait_is_that_of_the_longest_renewal),
            cmocka_unit_test(test_rules_unaccepted_grant_is_revoked_after_its_time),
            cmocka_unit_test(test_rules_elect_waits_for_reports_or_timeout),
            cmocka_unit_test(test_rules_elect_revoked_needs_the_lapse),
            cmocka_unit_test(test_rules_no_candidate_is_written_once),
            cmocka_unit_test(test_rules_first_no_candidate_waits_for_no_other),
            cmocka_unit_test(test_rules_failover_waits_for_its_limit),
            cmocka_unit_test(test_rules_limit_spares_an_end_in_order),
            cmocka_unit_test(test_rules_limit_is_said_of_a_ripe_election_only),
            cmocka_unit_test(test_rules_rebuild_by_state_and_reason),
            cmocka_unit_test(test_rules_rebuild_waits_for_its_limit),
            cmocka_unit_test(test_rules_failed_copy_leads_to_base_backup),
            cmocka_unit_test(test_rules_rebuild_spares_holder_absent_and_resting),
            cmocka_unit_test(test_rules_rebuild_is_not_repeated_before_the_next_look),
            cmocka_unit_test(test_rules_next_is_when_the_answer_changes),
            cmocka_unit_test(test_rules_table_has_names_and_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
