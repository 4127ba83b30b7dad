/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/explain.h"
#include "../../proto/waiting.h"
#include "world.h"

#include <stdlib.h>

static struct world world;

/* The words for an event that is folded now. */
static const char *fold_and_explain(struct event *e)
{
    static char text[512];
    (void)world_fold(&world, e);
    size_t length = explain_event(&world.c, e, world.last, text, sizeof text);
    assert_int_equal(length, strlen(text));
    return text;
}

static const char *status_reason(void)
{
    static char text[512];
    size_t length = waiting_explain(&world.c, text, sizeof text);
    assert_int_equal(length, strlen(text));
    return text;
}

static void end_term_1(void)
{
    world_running(&world);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
}

static void test_explain_lsn(void **context)
{
    (void)context;
    char text[18];
    explain_lsn(0x70001A8, text);
    assert_string_equal(text, "0/70001A8");
    explain_lsn(UINT64_MAX, text);
    assert_string_equal(text, "FFFFFFFF/FFFFFFFF");
}

static void test_explain_renew_in_patronis_words(void **context)
{
    (void)context;
    world_running(&world);
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){.term = 1, .ttl_ms = 3000, .seen_seq = world.c.last_seq};
    assert_string_equal(fold_and_explain(&e), "no action. I am node-1, the leader with the lock");
    assert_int_equal(explain_severity(&e, world.last), SEVERITY_INFO);
}

static void test_explain_void_renew_says_why(void **context)
{
    (void)context;
    end_term_1();
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){.term = 1, .ttl_ms = 3000, .seen_seq = world.c.last_seq};
    assert_string_equal(fold_and_explain(&e),
                        "renew of node-1 ignored: the term has ended already");
}

static void test_explain_release_counts_the_killed(void **context)
{
    (void)context;
    world_running(&world);
    struct event e = world_event(&world, "node-1", EVENT_RELEASE);
    e.body.release = (struct release){
            .term = 1,
            .reason = REASON_DATA_DIRECTORY_EMPTY,
            .killed_count = 6,
    };
    assert_string_equal(fold_and_explain(&e),
                        "node-1 released term 1 (data directory empty), 6 processes killed");
    assert_int_equal(explain_severity(&e, world.last), SEVERITY_WARNING);
}

static void test_explain_grant_names_rule_position_and_candidates(void **context)
{
    (void)context;
    end_term_1();
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 0x70001A8), 1);
    world_report(&world, "node-3", world_probe(NODE_STANDBY, 1, 0x70000D0), 1);
    struct event e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    snprintf(e.decision.rule, sizeof e.decision.rule, "elect-released");
    e.body.grant.position = (struct position){1, 0x70001A8};
    election_choose(&world.c, GRANT_FAILOVER, &(struct evidence){.alive_mask = 6},
                    &e.body.grant.candidates);
    assert_string_equal(fold_and_explain(&e),
                        "node-2 is granted term 2 (elect-released): furthest at 0/70001A8 on "
                        "timeline 1, may lose what the old leader wrote after its last known "
                        "position; node-1 is not heard, node-3 eligible");
}

static void test_explain_grant_names_what_is_lost(void **context)
{
    (void)context;
    end_term_1();
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 0x100), 1);
    struct event e = world_grant_event(&world, "node-2", GRANT_FAILOVER);
    e.body.grant.position = (struct position){1, 0x100};
    e.body.grant.loss_bytes = 3 * 1024 * 1024;
    assert_string_equal(
            fold_and_explain(&e),
            "node-2 is granted term 2 (test): furthest at 0/100 on timeline 1, may lose "
            "3 MB and what the old leader wrote after its last known position");
}

static void test_explain_promotion_and_first_write(void **context)
{
    (void)context;
    end_term_1();
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 0x100), 1);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_string_equal(explain_status(&world.c), "promoting");
    assert_string_equal(status_reason(), "node-2 is granted term 2; waiting for its first renewal");
    assert_int_equal(world_renew(&world, "node-2", 2), VOID_NONE);
    assert_string_equal(status_reason(), "node-2 holds term 2; waiting for PostgreSQL to promote");
    assert_int_equal(world_promoted(&world, "node-2", 2, 0x100), VOID_NONE);
    assert_string_equal(status_reason(), "node-2 is promoted; waiting for its first write");
    struct event e = world_event(&world, "node-2", EVENT_DONE);
    e.body.task.task = TASK_FIRST_WRITE;
    e.body.task.term = 2;
    assert_string_equal(fold_and_explain(&e), "node-2 accepts writes");
    assert_string_equal(explain_status(&world.c), "running");
    assert_string_equal(status_reason(), "");
}

static void test_explain_directive(void **context)
{
    (void)context;
    world_running(&world);
    struct event e = world_decision(&world, EVENT_DIRECTIVE);
    snprintf(e.body.directive.node, NAME_SIZE, "node-3");
    e.body.directive.incarnation = 1;
    e.body.directive.term = 1;
    e.body.directive.task = TASK_BASEBACKUP;
    e.body.directive.reason = REASON_REWIND_FAILED;
    snprintf(e.body.directive.text, TEXT_SIZE, "no WAL");
    assert_string_equal(fold_and_explain(&e),
                        "node-3 is told to rebuild by base backup from node-1 (test): pg_rewind "
                        "failed: no WAL");
    int32_t i = cluster_find_node(&world.c, "node-3");
    assert_string_equal(explain_node_status(&world.c, i, true), "rebuilding");
    assert_string_equal(explain_node_role(&world.c, i, true), "secondary");
}

static void test_explain_revoke_says_how_long_it_was_silent(void **context)
{
    (void)context;
    world_running(&world);
    struct event e = world_decision(&world, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = world.c.lease.renewal_seq};
    e.decision.evidence.renewal_age_ms = 3206;
    assert_string_equal(fold_and_explain(&e),
                        "term 1 of node-1 is revoked (test): last renewed 3206 ms ago");
    assert_string_equal(explain_status(&world.c), "electing");
}

static void test_explain_leaderless_says_what_it_waits_for(void **context)
{
    (void)context;
    end_term_1();
    assert_string_equal(explain_status(&world.c), "electing");
    assert_string_equal(status_reason(), "term 1 of node-1 ended (postmaster died); waiting for a "
                                         "report of node-2, node-3");
    struct event e = world_decision(&world, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = 1;
    election_choose(&world.c, GRANT_FAILOVER, &(struct evidence){.alive_mask = 5},
                    &e.body.no_candidate.candidates);
    assert_string_equal(fold_and_explain(&e),
                        "nobody can be granted a term after term 1 (test): node-1 is not a running "
                        "standby, node-2 is not heard, node-3 has not reported for this election");
    assert_int_equal(explain_severity(&e, world.last), SEVERITY_ERROR);
    assert_string_equal(explain_status(&world.c), "leaderless");
    assert_string_equal(status_reason(),
                        "no eligible node: node-1 is not a running standby, node-2 is not heard, "
                        "node-3 has not reported for this election; heals when node-3 reports its "
                        "position");
}

static void test_explain_unreadable_record(void **context)
{
    (void)context;
    struct event e = {0};
    char text[128];
    world_init(&world);
    struct outcome outcome = {.effective = false, .void_reason = VOID_MALFORMED};
    explain_event(&world.c, &e, outcome, text, sizeof text);
    assert_string_equal(text, "record ignored: its bytes do not decode to an event");
    assert_int_equal(explain_severity(&e, outcome), SEVERITY_WARNING);
}

static void test_explain_frozen(void **context)
{
    (void)context;
    world_running(&world);
    world.c.frozen_seq = 77;
    assert_string_equal(explain_status(&world.c), "frozen");
    assert_non_null(strstr(status_reason(), "sequence 77"));
}

static void test_explain_waiting_for_the_first_node(void **context)
{
    (void)context;
    world_init(&world);
    assert_string_equal(explain_status(&world.c), "waiting");
    assert_non_null(strstr(status_reason(), "heals when an agent"));
    world_hello(&world, "node-1", world_probe(NODE_EMPTY, 0, 0));
    assert_string_equal(explain_status(&world.c), "bootstrapping");
    assert_non_null(strstr(status_reason(), "heals when a monitor runs"));
}

/* Every step from a crash to the first write has its name. */
static void test_waiting_names_each_step(void **context)
{
    (void)context;
    world_running(&world);
    assert_int_equal(cluster_waiting(&world.c), WAITING_NONE);
    struct event e = world_decision(&world, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = world.c.lease.renewal_seq};
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_REPORTS);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 100), 1);
    world_report(&world, "node-3", world_probe(NODE_EMPTY, 0, 0), 1);
    assert_int_equal(cluster_waiting(&world.c), WAITING_LEASE_END);
    e = world_decision(&world, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = 1;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_CANDIDATE);
    assert_int_equal(world_grant(&world, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_RENEWAL);
    assert_int_equal(world_renew(&world, "node-2", 2), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_PROMOTION);
    assert_int_equal(world_promoted(&world, "node-2", 2, 100), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_FIRST_WRITE);
    assert_string_equal(waiting_name(WAITING_FIRST_WRITE), "first_write");
    assert_int_equal(world_first_write(&world, "node-2"), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_NONE);
    assert_int_equal(world_release(&world, "node-2", 2), VOID_NONE);
    world_report(&world, "node-3", world_probe(NODE_EMPTY, 0, 0), 2);
    assert_int_equal(cluster_waiting(&world.c), WAITING_REPORTS);
    world_report(&world, "node-2", world_probe(NODE_STOPPED, 2, 100), 2);
    assert_int_equal(cluster_waiting(&world.c), WAITING_GRANT);
    world.c.frozen_seq = 77;
    assert_int_equal(cluster_waiting(&world.c), WAITING_UPGRADE);
}

/* A DBA who is called reads how often, until when, and what to do. */
static void test_waiting_for_the_limit_says_until_when(void **context)
{
    (void)context;
    world_running(&world);
    assert_int_equal(world_release(&world, "node-1", 1), VOID_NONE);
    world_report(&world, "node-2", world_probe(NODE_STANDBY, 1, 100), 1);
    world.c.failovers.debt_ms = 600000;
    struct event e = world_decision(&world, EVENT_NO_CANDIDATE);
    e.decision.evidence.failover_age_ms = 20000;
    e.wall_us = 11555000000;
    e.body.no_candidate.term = 1;
    e.body.no_candidate.reason = REASON_FAILOVER_LIMIT;
    e.body.no_candidate.wait_ms = 100000;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(cluster_waiting(&world.c), WAITING_LIMIT);
    assert_string_equal(waiting_name(WAITING_LIMIT), "failover_limit");
    assert_string_equal(explain_status(&world.c), "leaderless");
    assert_string_equal(status_reason(),
                        "term 1 of node-1 ended (postmaster died); failover_limit is reached (5 in "
                        "10 min); the next failover is allowed at 03:14:15 UTC; heals then, or "
                        "when failover_limit is raised; see why leaders end (pgbaton replay "
                        "timeline)");
    char text[512];
    explain_event(&world.c, &e, (struct outcome){.effective = true}, text, sizeof text);
    assert_string_equal(text, "nobody is granted a term after term 1 (test): failover_limit is "
                              "reached, the next failover is allowed in 100.0 s");
}

static void test_explain_change_counts_from_the_fault(void **context)
{
    (void)context;
    char text[256];
    struct change change = {
            .seq = 9,
            .term = 8,
            .from = "node-1",
            .to = "node-2",
            .reason = REASON_DATA_DIRECTORY_EMPTY,
            .detected_wall_us = 1000000,
            .fenced_wall_us = 1016000,
            .granted_wall_us = 1030000,
    };
    explain_change(&change, text, sizeof text);
    assert_string_equal(
            text, "node-1 released (data directory empty), node-2 granted, not promoted yet; may "
                  "lose what the old leader wrote after its last known position");
    change.promoted_wall_us = 1200000;
    change.writable_wall_us = 1231000;
    explain_change(&change, text, sizeof text);
    assert_string_equal(text, "node-1 released (data directory empty), node-2 promoted, writable "
                              "after 231 ms; may lose what the old leader wrote after its last "
                              "known position");
    change.leader_wall_us = 900000;
    explain_change(&change, text, sizeof text);
    assert_non_null(strstr(text, "; may lose what the old leader wrote after 00:00:00 UTC"));
    change.loss_known = true;
    explain_change(&change, text, sizeof text);
    assert_non_null(strstr(text, "; nothing is lost"));
    change.loss_bytes = 64;
    explain_change(&change, text, sizeof text);
    assert_non_null(strstr(text, "; what the old leader wrote last is lost, 64 bytes"));
    change.loss_known = false;
    change.proven = true;
    explain_change(&change, text, sizeof text);
    assert_non_null(strstr(text, "; no acknowledged commit is lost"));
    change.seq = 0;
    assert_int_equal(explain_change(&change, text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void test_explain_roles(void **context)
{
    (void)context;
    world_running(&world);
    int32_t leader = cluster_find_node(&world.c, "node-1");
    int32_t standby = cluster_find_node(&world.c, "node-2");
    assert_string_equal(explain_node_role(&world.c, leader, true), "primary");
    assert_string_equal(explain_node_status(&world.c, leader, true), "running");
    assert_string_equal(explain_node_role(&world.c, standby, true), "secondary");
    assert_string_equal(explain_node_status(&world.c, standby, true), "streaming");
    assert_string_equal(explain_node_role(&world.c, standby, false), "none");
    assert_string_equal(explain_node_status(&world.c, standby, false), "unreachable");
    world_release(&world, "node-1", 1);
    assert_string_equal(explain_node_role(&world.c, leader, true), "none");
    assert_string_equal(explain_node_status(&world.c, leader, true), "deposed");
}

/* Every kind, in an empty state and in a running one, in every size of buffer: it ends with a NUL,
 * says something, and stays within its bounds. */
static void check_bounds(const struct event *e, bool effective)
{
    char text[64];
    struct outcome outcome = {effective, effective ? VOID_NONE : VOID_DUPLICATE};
    for (size_t size = 1; size < sizeof text; size++) {
        memset(text, 'x', sizeof text);
        size_t length = explain_event(&world.c, e, outcome, text, size);
        assert_int_equal(length, strlen(text));
        assert_true(length < size);
        assert_int_equal(text[size], 'x');
    }
    assert_true(text[0] != '\0');
}

static void test_explain_is_total(void **context)
{
    (void)context;
    for (int running = 0; running < 2; running++) {
        (void)(running ? world_running(&world) : world_init(&world));
        for (unsigned kind = 0; kind <= EVENT_KIND_COUNT; kind++) {
            struct event e = world_event(&world, "node-2", (enum event_kind)kind);
            check_bounds(&e, true);
            check_bounds(&e, false);
            assert_true(explain_severity(&e, world.last) < SEVERITY_COUNT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_explain_lsn),
            cmocka_unit_test(test_explain_renew_in_patronis_words),
            cmocka_unit_test(test_explain_void_renew_says_why),
            cmocka_unit_test(test_explain_release_counts_the_killed),
            cmocka_unit_test(test_explain_grant_names_rule_position_and_candidates),
            cmocka_unit_test(test_explain_grant_names_what_is_lost),
            cmocka_unit_test(test_explain_promotion_and_first_write),
            cmocka_unit_test(test_explain_directive),
            cmocka_unit_test(test_explain_revoke_says_how_long_it_was_silent),
            cmocka_unit_test(test_explain_leaderless_says_what_it_waits_for),
            cmocka_unit_test(test_explain_unreadable_record),
            cmocka_unit_test(test_explain_frozen),
            cmocka_unit_test(test_explain_waiting_for_the_first_node),
            cmocka_unit_test(test_waiting_names_each_step),
            cmocka_unit_test(test_waiting_for_the_limit_says_until_when),
            cmocka_unit_test(test_explain_change_counts_from_the_fault),
            cmocka_unit_test(test_explain_roles),
            cmocka_unit_test(test_explain_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
