/* SPDX-License-Identifier: PostgreSQL */
#include "world.h"

static void test_fold_bootstraps_a_cluster(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(w.c.phase, PHASE_HELD);
    assert_int_equal(w.c.term, 1);
    assert_true(w.c.system_id == SYSTEM_ID);
    assert_true(w.c.writable);
    assert_int_equal(cluster_directive(&w.c, 0), DIRECTIVE_LEAD);
    assert_int_equal(cluster_directive(&w.c, 1), DIRECTIVE_FOLLOW);
}

static void test_fold_never_bootstraps_twice(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(world_release(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_grant(&w, "node-2", GRANT_BOOTSTRAP), VOID_ALREADY_BOOTSTRAPPED);
    assert_int_equal(world_grant(&w, "node-2", GRANT_ADOPT), VOID_ALREADY_BOOTSTRAPPED);
}

static void test_fold_grants_after_release_without_wait(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(world_release(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_grant(&w, "node-2", GRANT_FAILOVER), VOID_NOT_ELIGIBLE);
    assert_int_equal(world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1), VOID_NONE);
    struct event e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.decision.evidence.renewal_age_ms = 0;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.term, 2);
    assert_int_equal(w.c.phase, PHASE_GRANTED);
    assert_string_equal(w.c.change.from, "node-1");
    assert_string_equal(w.c.change.to, "node-2");
}

static void test_fold_rejects_grant_while_held(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(world_grant(&w, "node-2", GRANT_FAILOVER), VOID_HELD);
}

static void test_fold_rejects_grant_with_wrong_term(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    struct event e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.body.grant.term = 3;
    assert_int_equal(world_fold(&w, &e), VOID_WRONG_TERM);
    e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.body.grant.term = 1;
    assert_int_equal(world_fold(&w, &e), VOID_WRONG_TERM);
}

static void test_fold_revoke_needs_the_wait_and_the_hearing(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    e.decision.evidence.renewal_age_ms = cluster_wait_ms(&w.c) - 1;
    assert_int_equal(world_fold(&w, &e), VOID_NO_WAIT);
    e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    e.decision.evidence.hearing_ms = cluster_wait_ms(&w.c) - 1;
    assert_int_equal(world_fold(&w, &e), VOID_NO_WAIT);
    assert_int_equal(world_revoke(&w, 1), VOID_NONE);
    assert_int_equal(w.c.phase, PHASE_REVOKED);
}

static void test_fold_revoke_is_void_when_renewed_since(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_fold(&w, &e), VOID_RENEWED_SINCE);
}

static void test_fold_renewal_after_revoke_is_void(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_revoke(&w, 1);
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NOT_HELD);
    assert_int_equal(w.c.phase, PHASE_REVOKED);
}

static void test_fold_grant_after_revoke_needs_the_wait(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_revoke(&w, 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    struct event e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.decision.evidence.renewal_age_ms = cluster_wait_ms(&w.c) - 1;
    assert_int_equal(world_fold(&w, &e), VOID_NO_WAIT);
    e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.body.grant.renewal_seq--;
    assert_int_equal(world_fold(&w, &e), VOID_NO_WAIT);
    assert_int_equal(world_grant(&w, "node-2", GRANT_FAILOVER), VOID_NONE);
}

static void test_fold_wait_is_the_longest_ttl_of_the_term(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_event(&w, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){.term = 1, .ttl_ms = 9000, .seen_seq = w.c.last_seq};
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(cluster_wait_ms(&w.c), 9000 + LEASE_ALLOWANCE_MS(9000));
}

static void test_fold_first_successor_wins(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 120), 1);
    struct event a = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    struct event b = world_grant_event(&w, "node-3", GRANT_FAILOVER);
    assert_int_equal(world_fold(&w, &a), VOID_NONE);
    assert_int_equal(world_fold(&w, &b), VOID_STALE_PREDECESSOR);
    assert_int_equal(w.c.leader, 1);
}

static void test_fold_checks_predecessor_hash_and_digest(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    e.decision.prev_hash[3] ^= 1;
    assert_int_equal(world_fold(&w, &e), VOID_WRONG_HASH);
    e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    e.decision.digest[0] ^= 1;
    assert_int_equal(world_fold(&w, &e), VOID_BAD_DIGEST);
    e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 1, .renewal_seq = w.c.lease.renewal_seq};
    e.decision.digest[0] ^= 1;
    e.decision.fold_version--; /* of a monitor that is still to be upgraded */
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    e = world_decision(&w, EVENT_REVOKE);
    e.decision.folded_seq = w.c.last_seq + 1;
    assert_int_equal(world_fold(&w, &e), VOID_IMPOSSIBLE);
}

static void test_fold_late_release_of_an_earlier_incarnation_is_void(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event late = world_event(&w, "node-1", EVENT_RELEASE);
    late.body.release = (struct release){.term = 1, .reason = REASON_POSTMASTER_DIED};
    struct event hello = world_event(&w, "node-1", EVENT_HELLO);
    hello.incarnation = 2;
    hello.body.hello.probe = world_probe(NODE_PRIMARY, 1, 200);
    assert_int_equal(world_fold(&w, &hello), VOID_NONE);
    struct event renew = world_event(&w, "node-1", EVENT_RENEW);
    renew.incarnation = 2;
    renew.body.renew = (struct renew){.term = 1, .ttl_ms = 3000, .seen_seq = w.c.last_seq};
    assert_int_equal(world_fold(&w, &renew), VOID_NONE);
    assert_int_equal(world_fold(&w, &late), VOID_STALE_INCARNATION);
    assert_int_equal(w.c.phase, PHASE_HELD);
}

static void test_fold_reordered_lock_event_is_void(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event release = world_event(&w, "node-1", EVENT_RELEASE);
    release.body.release = (struct release){.term = 1, .reason = REASON_POSTMASTER_DIED};
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_fold(&w, &release), VOID_DUPLICATE);
}

static void test_fold_duplicates_are_void(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_event(&w, "node-2", EVENT_PROBE);
    e.body.probe = world_probe(NODE_STANDBY, 1, 300);
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(world_fold(&w, &e), VOID_DUPLICATE);
    assert_int_equal(w.c.void_counts[VOID_DUPLICATE], 1);
}

static void test_fold_only_the_leader_renews_and_releases(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(world_renew(&w, "node-2", 1), VOID_NOT_LEADER);
    assert_int_equal(world_release(&w, "node-2", 1), VOID_NOT_LEADER);
    assert_int_equal(world_renew(&w, "node-1", 2), VOID_FUTURE_TERM);
    assert_int_equal(world_renew(&w, "node-9", 1), VOID_UNKNOWN_NODE);
}

static void test_fold_refuse_only_before_the_first_renewal(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct event e = world_event(&w, "node-1", EVENT_REFUSE);
    e.body.refuse = (struct refuse){.term = 1, .reason = REASON_NOT_ELIGIBLE};
    assert_int_equal(world_fold(&w, &e), VOID_NOT_HELD);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    world_grant(&w, "node-2", GRANT_FAILOVER);
    e = world_event(&w, "node-2", EVENT_REFUSE);
    e.body.refuse = (struct refuse){.term = 2, .reason = REASON_NOT_ELIGIBLE};
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.phase, PHASE_RELEASED);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 2);
    struct world later = w;
    e = world_grant_event(&w, "node-2", GRANT_FAILOVER);
    e.decision.evidence.phase_age_ms = REFUSAL_PAUSE_MS - 1;
    assert_int_equal(world_fold(&w, &e), VOID_NOT_ELIGIBLE);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 100), 2);
    assert_int_equal(world_grant(&w, "node-3", GRANT_FAILOVER), VOID_NONE);
    e.decision.evidence.phase_age_ms = REFUSAL_PAUSE_MS;
    assert_int_equal(world_fold(&later, &e), VOID_NONE);
}

static void test_fold_unrenewed_grant_is_revoked_and_granted_at_once(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    world_grant(&w, "node-2", GRANT_FAILOVER);
    struct event e = world_decision(&w, EVENT_REVOKE);
    e.body.revoke = (struct revoke){.term = 2, .renewal_seq = 0};
    e.decision.evidence.renewal_age_ms = 0;
    e.decision.evidence.hearing_ms = 0;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 120), 2);
    e = world_grant_event(&w, "node-3", GRANT_FAILOVER);
    e.decision.evidence.renewal_age_ms = 0;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
}

static void test_fold_directive_never_hits_the_holder_or_another_incarnation(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    struct event e = world_directive(&w, "node-2", TASK_BASEBACKUP);
    assert_int_equal(world_fold(&w, &e), VOID_BAD_TARGET);
    e = world_directive(&w, "node-1", TASK_BASEBACKUP);
    e.body.directive.incarnation = 9;
    assert_int_equal(world_fold(&w, &e), VOID_BAD_TARGET);
    e = world_directive(&w, "node-1", TASK_PROMOTE);
    assert_int_equal(world_fold(&w, &e), VOID_IMPOSSIBLE);
    e = world_directive(&w, "node-1", TASK_REWIND);
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(cluster_directive(&w.c, 0), DIRECTIVE_REBUILD);
    e = world_directive(&w, "node-1", TASK_BASEBACKUP);
    assert_int_equal(world_fold(&w, &e), VOID_NO_CHANGE);
}

static void test_fold_rebuild_ends_with_its_own_report(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    struct event e = world_directive(&w, "node-1", TASK_REWIND);
    world_fold(&w, &e);
    uint64_t directive_seq = w.c.nodes[0].rebuild_seq;
    e = world_event(&w, "node-1", EVENT_FAILED);
    e.body.task.task = TASK_REWIND;
    e.body.task.directive_seq = directive_seq - 1;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[0].rebuild_task, TASK_REWIND);
    e = world_event(&w, "node-1", EVENT_FAILED);
    e.body.task.task = TASK_REWIND;
    e.body.task.directive_seq = directive_seq;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[0].rebuild_task, TASK_NONE);
    assert_int_equal(w.c.nodes[0].rebuild_failures, 1);
    assert_int_equal(w.c.nodes[0].failed_task, TASK_REWIND);
}

static void test_fold_directive_ends_with_its_term(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    struct event e = world_directive(&w, "node-3", TASK_REWIND);
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    world_release(&w, "node-2", 2);
    assert_int_equal(w.c.nodes[2].rebuild_task, TASK_NONE);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 2, 130), 2);
    assert_int_equal(election_verdict(&w.c, 2, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

static void test_fold_judges_positions_by_history(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    assert_true(cluster_on_history(&w.c, (struct position){1, 120}));
    assert_false(cluster_on_history(&w.c, (struct position){1, 121}));
    assert_true(cluster_on_history(&w.c, (struct position){2, 500}));
    assert_false(cluster_on_history(&w.c, (struct position){3, 500}));
    world_release(&w, "node-2", 2);
    world_report(&w, "node-1", world_probe(NODE_STANDBY, 1, 130), 2);
    assert_int_equal(election_verdict(&w.c, 0, GRANT_FAILOVER), VERDICT_DIVERGED);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 100), 2);
    assert_int_equal(election_verdict(&w.c, 2, GRANT_FAILOVER), VERDICT_BELOW_FLOOR);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 1, 120), 2);
    assert_int_equal(election_verdict(&w.c, 2, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

static void test_fold_knows_better_than_a_node_that_reads_late(void **state)
{
    (void)state;
    struct world w;
    struct probe p = world_probe(NODE_STANDBY, 1, 100);
    world_running(&w);
    const struct node *n = &w.c.nodes[1];
    p.reason = REASON_DIVERGED;
    assert_int_equal(world_report(&w, "node-2", p, 0), VOID_NONE);
    assert_int_equal(n->reason, REASON_NONE);
    p.position.timeline = 7;
    assert_int_equal(world_report(&w, "node-2", p, 0), VOID_NONE);
    assert_int_equal(n->reason, REASON_DIVERGED);

    p = world_probe(NODE_STOPPED, 1, 100);
    p.reason = REASON_UNCLEAN_PRIMARY;
    assert_int_equal(world_report(&w, "node-2", p, 0), VOID_NONE);
    assert_int_equal(n->reason, REASON_NONE);
    p.position.timeline = 7;
    assert_int_equal(world_report(&w, "node-2", p, 0), VOID_NONE);
    assert_int_equal(n->reason, REASON_UNCLEAN_PRIMARY);
}

static void test_fold_promotion_must_open_a_new_timeline(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_release(&w, "node-1", 1);
    world_report(&w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    world_grant(&w, "node-2", GRANT_FAILOVER);
    assert_int_equal(world_promoted(&w, "node-2", 2, 120), VOID_NOT_HELD);
    world_renew(&w, "node-2", 2);
    assert_int_equal(world_promoted(&w, "node-2", 1, 120), VOID_WRONG_TIMELINE);
    assert_int_equal(world_promoted(&w, "node-2", 2, 120), VOID_NONE);
}

/* node-2 held term 2 and fell untold; node-3 is granted term 3. */
static void begin_untold(struct world *w)
{
    world_running(w);
    world_release(w, "node-1", 1);
    world_report(w, "node-2", world_probe(NODE_STANDBY, 1, 120), 1);
    assert_int_equal(world_grant(w, "node-2", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(world_renew(w, "node-2", 2), VOID_NONE);
    assert_int_equal(world_revoke(w, 2), VOID_NONE);
    world_report(w, "node-3", world_probe(NODE_STANDBY, 1, 120), 2);
    assert_int_equal(world_grant(w, "node-3", GRANT_FAILOVER), VOID_NONE);
}

/* node-2 shows that it was promoted after all. */
static void show_untold(struct world *w)
{
    struct probe p = world_probe(NODE_STANDBY, 2, 150);
    p.history.count = 1;
    p.history.entries[0] = (struct history_entry){1, 120};
    assert_int_equal(world_report(w, "node-2", p, w->c.term), VOID_NONE);
}

static void test_fold_untold_promotion_outlives_a_grant_that_is_not_renewed(void **state)
{
    (void)state;
    struct world w;
    begin_untold(&w);
    show_untold(&w);
    assert_int_equal(w.c.floor.timeline, 1); /* node-3 may take its grant yet */
    assert_int_equal(world_revoke(&w, 3), VOID_NONE);
    show_untold(&w);
    assert_int_equal(w.c.floor.timeline, 2);
    assert_int_equal(w.c.floor.lsn, 120);
    assert_int_equal(w.c.opener, 1);
    assert_int_equal(election_verdict(&w.c, 1, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

static void test_fold_untold_promotion_is_forgotten_when_another_holds(void **state)
{
    (void)state;
    struct world w;
    begin_untold(&w);
    assert_int_equal(world_renew(&w, "node-3", 3), VOID_NONE);
    world_release(&w, "node-3", 3);
    show_untold(&w);
    assert_int_equal(w.c.floor.timeline, 1);
    assert_int_equal(w.c.opener, 0);
    assert_int_equal(election_verdict(&w.c, 1, GRANT_FAILOVER), VERDICT_DIVERGED);
}

static void test_fold_unreadable_records_are_counted(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct outcome o = cluster_fold_unreadable(&w.c, ++w.seq, CODEC_MALFORMED, true);
    assert_int_equal(o.void_reason, VOID_MALFORMED);
    assert_int_equal(w.c.frozen_seq, 0);
    o = cluster_fold_unreadable(&w.c, ++w.seq, CODEC_NEWER, false);
    assert_int_equal(w.c.frozen_seq, 0);
    o = cluster_fold_unreadable(&w.c, ++w.seq, CODEC_NEWER, true);
    assert_int_equal(o.void_reason, VOID_NEWER_VERSION);
    assert_true(w.c.frozen_seq == w.seq);
}

static void test_fold_config_is_checked(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    assert_int_equal(world_config(&w), VOID_NO_CHANGE);
    struct event e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.lease_ttl_ms = 100;
    assert_int_equal(world_fold(&w, &e), VOID_BAD_CONFIG);
    e = world_decision(&w, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.probe_period_ms = 300;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.config.probe_period_ms, 300);
}

static void test_fold_full_cluster_takes_no_more_nodes(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    char name[NAME_SIZE];
    for (unsigned i = w.c.node_count; i < NODE_COUNT_MAX; i++) {
        snprintf(name, sizeof name, "extra-%u", i);
        assert_int_equal(world_hello(&w, name, world_probe(NODE_EMPTY, 0, 0)), VOID_NONE);
    }
    assert_int_equal(world_hello(&w, "one-too-many", world_probe(NODE_EMPTY, 0, 0)),
                     VOID_TOO_MANY_NODES);
}

static void test_fold_is_deterministic(void **state)
{
    (void)state;
    struct world a;
    struct world b;
    uint8_t digest_a[HASH_SIZE];
    uint8_t digest_b[HASH_SIZE];
    world_running(&a);
    world_running(&b);
    cluster_digest(&a.c, digest_a);
    cluster_digest(&b.c, digest_b);
    assert_memory_equal(digest_a, digest_b, HASH_SIZE);
    world_release(&b, "node-1", 1);
    cluster_digest(&b.c, digest_b);
    assert_memory_not_equal(digest_a, digest_b, HASH_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fold_bootstraps_a_cluster),
            cmocka_unit_test(test_fold_never_bootstraps_twice),
            cmocka_unit_test(test_fold_grants_after_release_without_wait),
            cmocka_unit_test(test_fold_rejects_grant_while_held),
            cmocka_unit_test(test_fold_rejects_grant_with_wrong_term),
            cmocka_unit_test(test_fold_revoke_needs_the_wait_and_the_hearing),
            cmocka_unit_test(test_fold_revoke_is_void_when_renewed_since),
            cmocka_unit_test(test_fold_renewal_after_revoke_is_void),
            cmocka_unit_test(test_fold_grant_after_revoke_needs_the_wait),
            cmocka_unit_test(test_fold_wait_is_the_longest_ttl_of_the_term),
            cmocka_unit_test(test_fold_first_successor_wins),
            cmocka_unit_test(test_fold_checks_predecessor_hash_and_digest),
            cmocka_unit_test(test_fold_late_release_of_an_earlier_incarnation_is_void),
            cmocka_unit_test(test_fold_reordered_lock_event_is_void),
            cmocka_unit_test(test_fold_duplicates_are_void),
            cmocka_unit_test(test_fold_only_the_leader_renews_and_releases),
            cmocka_unit_test(test_fold_refuse_only_before_the_first_renewal),
            cmocka_unit_test(test_fold_unrenewed_grant_is_revoked_and_granted_at_once),
            cmocka_unit_test(test_fold_directive_never_hits_the_holder_or_another_incarnation),
            cmocka_unit_test(test_fold_rebuild_ends_with_its_own_report),
            cmocka_unit_test(test_fold_directive_ends_with_its_term),
            cmocka_unit_test(test_fold_judges_positions_by_history),
            cmocka_unit_test(test_fold_knows_better_than_a_node_that_reads_late),
            cmocka_unit_test(test_fold_promotion_must_open_a_new_timeline),
            cmocka_unit_test(test_fold_untold_promotion_outlives_a_grant_that_is_not_renewed),
            cmocka_unit_test(test_fold_untold_promotion_is_forgotten_when_another_holds),
            cmocka_unit_test(test_fold_unreadable_records_are_counted),
            cmocka_unit_test(test_fold_config_is_checked),
            cmocka_unit_test(test_fold_full_cluster_takes_no_more_nodes),
            cmocka_unit_test(test_fold_is_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
