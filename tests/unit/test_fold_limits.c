/* SPDX-License-Identifier: PostgreSQL */
/* What happens by itself is limited (I18). */
#include "world.h"

static const char *const names[] = {"node-1", "node-2"};

/* The failover after term n, to the other one of two nodes, age_ms after the last. */
static enum void_reason fail_over(struct world *w, enum reason reason, uint64_t age_ms)
{
    uint64_t term = w->c.term;
    const char *from = names[(term + 1) % 2];
    const char *to = names[term % 2];
    if (w->c.phase == PHASE_HELD) {
        struct event e = world_event(w, from, EVENT_RELEASE);
        e.body.release = (struct release){.term = term, .reason = reason};
        assert_int_equal(world_fold(w, &e), VOID_NONE);
        struct probe p = world_probe(NODE_STANDBY, (uint32_t)term, 100 + term);
        assert_int_equal(world_report(w, to, p, term), VOID_NONE);
    }
    struct event e = world_grant_event(w, to, GRANT_FAILOVER);
    e.decision.evidence.failover_age_ms = age_ms;
    enum void_reason granted = world_fold(w, &e);
    if (granted == VOID_NONE) {
        assert_int_equal(world_renew(w, to, term + 1), VOID_NONE);
        assert_int_equal(world_promoted(w, to, (uint32_t)term + 1, 100 + term), VOID_NONE);
        assert_int_equal(world_first_write(w, to), VOID_NONE);
    }
    return granted;
}

static void test_fold_limits_failovers(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    }
    assert_int_equal(w.c.failovers.debt_ms, 600000);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 119999), VOID_LIMIT_REACHED);
    assert_int_equal(w.c.void_counts[VOID_LIMIT_REACHED], 1);
    assert_int_equal(w.c.term, 6);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 120000), VOID_NONE);
    assert_int_equal(w.c.failovers.seq, w.c.grant_seq + 1); /* the first renewal */
}

/* Two failovers count, and node-1, which leads, has fallen. */
static void begin_without_leader(struct world *w, enum reason reason)
{
    world_running(w);
    assert_int_equal(fail_over(w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    assert_int_equal(fail_over(w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    struct event e = world_event(w, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){.term = 3, .reason = reason};
    assert_int_equal(world_fold(w, &e), VOID_NONE);
    assert_int_equal(world_report(w, "node-2", world_probe(NODE_STANDBY, 3, 200), 3), VOID_NONE);
}

/* A grant to node-2 after so long, and how it ends before it is renewed. */
static void grant_in_vain(struct world *w, uint64_t age_ms, enum event_kind end, enum reason reason)
{
    struct event e = world_grant_event(w, "node-2", GRANT_FAILOVER);
    e.decision.evidence.failover_age_ms = age_ms;
    assert_int_equal(world_fold(w, &e), VOID_NONE);
    e = world_event(w, "node-2", end);
    if (end == EVENT_REFUSE) {
        e.body.refuse = (struct refuse){.term = w->c.term, .reason = reason};
    } else {
        e.body.release = (struct release){.term = w->c.term, .reason = reason};
    }
    assert_int_equal(world_fold(w, &e), VOID_NONE);
    struct probe p = world_probe(NODE_STANDBY, 3, 200);
    assert_int_equal(world_report(w, "node-2", p, w->c.term), VOID_NONE);
}

static void test_fold_counts_no_failover_that_did_not_take_effect(void **state)
{
    (void)state;
    struct world w;
    begin_without_leader(&w, REASON_POSTMASTER_DIED);
    struct bucket before = w.c.failovers;
    for (uint64_t i = 0; i < 10; i++) {
        grant_in_vain(&w, 1000 * i, EVENT_REFUSE, REASON_NOT_ELIGIBLE);
        assert_int_equal(w.c.failovers.debt_ms, before.debt_ms);
        assert_int_equal(w.c.failovers.seq, before.seq);
    }
    struct event e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.decision.evidence.failover_age_ms = 40000;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.failovers.seq, before.seq);
    assert_int_equal(world_renew(&w, "node-2", w.c.term), VOID_NONE);
    assert_int_equal(w.c.failovers.debt_ms, before.debt_ms - 40000 + 120000);
    assert_int_equal(w.c.failovers.seq, w.c.lease.renewal_seq);
    uint64_t first_seq = w.c.failovers.seq;
    assert_int_equal(world_renew(&w, "node-2", w.c.term), VOID_NONE);
    assert_int_equal(w.c.failovers.seq, first_seq);
}

/* Whether a failover counts is said by the end of the last term that was held. */
static void test_fold_counts_by_the_last_term_that_was_held(void **state)
{
    (void)state;
    struct world w;
    begin_without_leader(&w, REASON_POSTMASTER_DIED);
    grant_in_vain(&w, 0, EVENT_RELEASE, REASON_SHUTDOWN);
    assert_true(cluster_failover_counts(&w.c));
    begin_without_leader(&w, REASON_SHUTDOWN);
    grant_in_vain(&w, 0, EVENT_REFUSE, REASON_NOT_ELIGIBLE);
    assert_false(cluster_failover_counts(&w.c));
}

static void test_fold_does_not_count_an_end_in_order(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    for (int i = 0; i < 10; i++) {
        enum reason reason = i % 2 == 0 ? REASON_SHUTDOWN : REASON_REQUESTED;
        assert_int_equal(fail_over(&w, reason, 0), VOID_NONE);
    }
    assert_int_equal(w.c.failovers.seq, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    }
    assert_int_equal(fail_over(&w, REASON_SHUTDOWN, 0), VOID_NONE);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 0), VOID_LIMIT_REACHED);
}

static void exhaust_failovers(struct world *w)
{
    world_running(w);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fail_over(w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    }
    assert_int_equal(fail_over(w, REASON_POSTMASTER_DIED, 20000), VOID_LIMIT_REACHED);
}

static enum void_reason say_limit(struct world *w, uint64_t age_ms, uint64_t wait_ms)
{
    struct event e = world_decision(w, EVENT_NO_CANDIDATE);
    e.decision.evidence.failover_age_ms = age_ms;
    e.body.no_candidate.term = w->c.term;
    e.body.no_candidate.reason = REASON_FAILOVER_LIMIT;
    e.body.no_candidate.wait_ms = wait_ms;
    return world_fold(w, &e);
}

static void test_fold_says_once_that_a_limit_is_reached(void **state)
{
    (void)state;
    struct world w;
    exhaust_failovers(&w);
    assert_int_equal(say_limit(&w, 120000, 0), VOID_IMPOSSIBLE);
    assert_int_equal(say_limit(&w, 20000, 1), VOID_IMPOSSIBLE);
    assert_int_equal(say_limit(&w, 20000, 100000), VOID_NONE);
    assert_true(w.c.limited);
    assert_false(w.c.no_candidate);
    assert_true(w.c.limited_until_us > 100000000);
    assert_int_equal(say_limit(&w, 20001, 99999), VOID_NO_CHANGE);
    struct event e = world_decision(&w, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = w.c.term;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_false(w.c.limited);
    assert_true(w.c.no_candidate);
    assert_int_equal(say_limit(&w, 30000, 90000), VOID_NONE);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 120000), VOID_NONE);
    assert_false(w.c.limited);
    assert_int_equal(w.c.limited_until_us, 0);
}

static void test_fold_believes_no_other_limit(void **state)
{
    (void)state;
    struct world w;
    exhaust_failovers(&w);
    struct event e = world_decision(&w, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = w.c.term;
    e.body.no_candidate.reason = REASON_DISK_FULL;
    assert_int_equal(world_fold(&w, &e), VOID_IMPOSSIBLE);
    e = world_decision(&w, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = w.c.term;
    e.body.no_candidate.wait_ms = 5;
    assert_int_equal(world_fold(&w, &e), VOID_IMPOSSIBLE);
}

static enum void_reason rebuild(struct world *w, const char *node, uint64_t age_ms)
{
    struct event e = world_decision(w, EVENT_DIRECTIVE);
    struct directive *d = &e.body.directive;
    snprintf(d->node, sizeof d->node, "%s", node);
    d->incarnation = 1;
    d->term = w->c.term;
    d->task = TASK_BASEBACKUP;
    int32_t i = cluster_find_node(&w->c, node);
    e.decision.evidence.rebuild_age_ms[i] = age_ms;
    enum void_reason told = world_fold(w, &e);
    if (told == VOID_NONE) {
        struct event failed = world_event(w, node, EVENT_FAILED);
        failed.body.task.task = TASK_BASEBACKUP;
        failed.body.task.directive_seq = w->seq;
        assert_int_equal(world_fold(w, &failed), VOID_NONE);
    }
    return told;
}

static void test_fold_limits_rebuilds_of_each_node(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rebuild(&w, "node-2", 0), VOID_NONE);
    }
    assert_int_equal(rebuild(&w, "node-2", 359999), VOID_LIMIT_REACHED);
    assert_int_equal(rebuild(&w, "node-3", 0), VOID_NONE);
    assert_int_equal(rebuild(&w, "node-2", 360000), VOID_NONE);
    assert_int_equal(w.c.nodes[1].rebuilds.debt_ms, 3600000);
    assert_int_equal(w.c.nodes[2].rebuilds.debt_ms, 360000);
}

static void test_fold_takes_limits_from_the_configuration(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    assert_int_equal(world_fold(&w, &e), VOID_NO_CHANGE);
    e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.failover_limit = 1;
    e.body.config.rebuild_window_ms = 10000;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 0), VOID_NONE);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 599999), VOID_LIMIT_REACHED);
    assert_int_equal(fail_over(&w, REASON_POSTMASTER_DIED, 600000), VOID_NONE);
}

/* A log of a version without limits: the defaults hold. */
static void test_fold_fills_an_old_configuration(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(cluster_failover_size(&w.c).limit, 5);
    world_hello(&w, "node-1", world_probe(NODE_EMPTY, 0, 0));
    struct event e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.failover_limit = 0;
    e.body.config.failover_window_ms = 0;
    e.body.config.rebuild_limit = 0;
    e.body.config.rebuild_window_ms = 0;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.config.failover_limit, 5);
    assert_int_equal(w.c.config.failover_window_ms, 600000);
    assert_int_equal(w.c.config.rebuild_limit, 10);
    assert_int_equal(w.c.config.rebuild_window_ms, 3600000);
    e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.failover_window_ms = BUCKET_WINDOW_MS_MIN - 1;
    assert_int_equal(world_fold(&w, &e), VOID_BAD_CONFIG);
    e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.rebuild_limit = BUCKET_LIMIT_MAX + 1;
    assert_int_equal(world_fold(&w, &e), VOID_BAD_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fold_limits_failovers),
            cmocka_unit_test(test_fold_counts_no_failover_that_did_not_take_effect),
            cmocka_unit_test(test_fold_counts_by_the_last_term_that_was_held),
            cmocka_unit_test(test_fold_does_not_count_an_end_in_order),
            cmocka_unit_test(test_fold_says_once_that_a_limit_is_reached),
            cmocka_unit_test(test_fold_believes_no_other_limit),
            cmocka_unit_test(test_fold_limits_rebuilds_of_each_node),
            cmocka_unit_test(test_fold_takes_limits_from_the_configuration),
            cmocka_unit_test(test_fold_fills_an_old_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
