/* SPDX-License-Identifier: PostgreSQL */
#include "world.h"

static void released(struct world *w)
{
    world_running(w);
    assert_int_equal(world_release(w, "node-1", 1), VOID_NONE);
}

static void test_election_prefers_the_furthest(void **state)
{
    (void)state;
    struct world w;
    released(&w);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 111), 1);
    struct candidate_list list;
    assert_int_equal(
            election_choose(&w.c, GRANT_FAILOVER, &(struct evidence){.alive_mask = 7}, &list), 2);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.items[0].verdict, VERDICT_NOT_RUNNING);
    assert_int_equal(list.items[1].verdict, VERDICT_ELIGIBLE);
    assert_int_equal(list.items[2].verdict, VERDICT_CHOSEN);
}

static void test_election_breaks_ties_by_priority_then_name(void **state)
{
    (void)state;
    struct world w;
    released(&w);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 110), 1);
    assert_true(election_prefers(&w.c, 1, 2));
    w.c.nodes[2].failover_priority = 1;
    assert_true(election_prefers(&w.c, 2, 1));
    assert_false(election_prefers(&w.c, 1, 2));
}

static void test_election_passes_over_who_is_not_heard(void **state)
{
    (void)state;
    struct world w;
    released(&w);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 111), 1);
    struct candidate_list list;
    assert_int_equal(
            election_choose(&w.c, GRANT_FAILOVER, &(struct evidence){.alive_mask = 3}, &list), 1);
    assert_int_equal(list.items[2].verdict, VERDICT_UNREACHABLE);
}

static void test_election_waits_for_reports_of_those_who_are_heard(void **state)
{
    (void)state;
    struct world w;
    released(&w);
    assert_false(election_is_complete(&w.c, 7));
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    assert_false(election_is_complete(&w.c, 7));
    assert_true(election_is_complete(&w.c, 3));
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 110), 1);
    assert_true(election_is_complete(&w.c, 7));
}

static void test_election_takes_no_report_from_before_the_end_of_the_term(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
    world_release(&w, "node-1", 1);
    assert_int_equal(election_verdict(&w.c, 1, GRANT_FAILOVER), VERDICT_NOT_REPORTED);
}

struct verdict_case {
    const char *what;
    void (*change)(struct world *w);
    enum verdict expected;
};

static void tag_nofailover(struct world *w)
{
    w->c.nodes[1].nofailover = true;
}

static void lose_data(struct world *w)
{
    world_report(w, "node-2", world_probe(NODE_EMPTY, 0, 0), 1);
}

static void stop(struct world *w)
{
    world_report(w, "node-2", world_probe(NODE_STOPPED, 1, 110), 1);
}

static void diverge(struct world *w)
{
    struct probe p = world_probe(NODE_STANDBY, 7, 110);
    p.reason = REASON_DIVERGED;
    world_report(w, "node-2", p, 1);
}

static void be_foreign(struct world *w)
{
    struct probe p = world_probe(NODE_STANDBY, 1, 110);
    p.system_id = 42;
    world_report(w, "node-2", p, 1);
}

static void be_failed(struct world *w)
{
    world_report(w, "node-2", world_probe(NODE_FAILED, 1, 110), 1);
}

static void lag(struct world *w)
{
    w->c.config.maximum_lag_on_failover = 5;
    w->c.lease.position.lsn = 116;
}

static void depart(struct world *w)
{
    struct event e = world_event(w, "node-2", EVENT_GOODBYE);
    world_fold(w, &e);
}

static void test_election_verdicts(void **state)
{
    (void)state;
    static const struct verdict_case cases[] = {
            {"nofailover", tag_nofailover, VERDICT_NOFAILOVER},
            {"no data", lose_data, VERDICT_NO_DATA},
            {"stopped", stop, VERDICT_NOT_RUNNING},
            {"diverged", diverge, VERDICT_DIVERGED},
            {"foreign", be_foreign, VERDICT_FOREIGN_SYSTEM},
            {"failed", be_failed, VERDICT_FAILED},
            {"lag", lag, VERDICT_LAG},
            {"departed", depart, VERDICT_NOT_RUNNING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        released(&w);
        world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 110), 1);
        assert_int_equal(election_verdict(&w.c, 1, GRANT_FAILOVER), VERDICT_ELIGIBLE);
        cases[i].change(&w);
        enum verdict verdict = election_verdict(&w.c, 1, GRANT_FAILOVER);
        if (verdict != cases[i].expected) {
            fail_msg("%s: %s", cases[i].what, verdict_name(verdict));
        }
    }
}

static void test_election_never_bootstraps_beside_data(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_hello(&w, "node-1", world_probe(NODE_EMPTY, 0, 0));
    assert_int_equal(election_verdict(&w.c, 0, GRANT_BOOTSTRAP), VERDICT_ELIGIBLE);
    world_hello(&w, "node-2", world_stopped_primary(1, 100));
    assert_int_equal(election_verdict(&w.c, 0, GRANT_BOOTSTRAP), VERDICT_NO_DATA);
    assert_int_equal(election_verdict(&w.c, 1, GRANT_ADOPT), VERDICT_ELIGIBLE);
}

static void test_election_adopts_nobody_among_two_systems(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct probe p = world_probe(NODE_STOPPED, 1, 100);
    world_hello(&w, "node-1", p);
    p.system_id = 42;
    world_hello(&w, "node-2", p);
    assert_int_equal(election_verdict(&w.c, 0, GRANT_ADOPT), VERDICT_FOREIGN_SYSTEM);
    assert_int_equal(election_verdict(&w.c, 1, GRANT_ADOPT), VERDICT_FOREIGN_SYSTEM);
}

static void test_election_adopts_the_former_primary_first(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    world_hello(&w, "node-1", world_probe(NODE_STOPPED, 1, 200));
    struct probe p = world_probe(NODE_STOPPED, 1, 100);
    p.was_primary = true;
    world_hello(&w, "node-2", p);
    struct candidate_list list;
    assert_int_equal(election_choose(&w.c, GRANT_ADOPT, &(struct evidence){.alive_mask = 3}, &list),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_election_prefers_the_furthest),
            cmocka_unit_test(test_election_breaks_ties_by_priority_then_name),
            cmocka_unit_test(test_election_passes_over_who_is_not_heard),
            cmocka_unit_test(test_election_waits_for_reports_of_those_who_are_heard),
            cmocka_unit_test(test_election_takes_no_report_from_before_the_end_of_the_term),
            cmocka_unit_test(test_election_verdicts),
            cmocka_unit_test(test_election_never_bootstraps_beside_data),
            cmocka_unit_test(test_election_adopts_nobody_among_two_systems),
            cmocka_unit_test(test_election_adopts_the_former_primary_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
