/* SPDX-License-Identifier: PostgreSQL */
/* The lease of the holder: where it comes from, how it ends, and the order of giving it up. */
#include "test_agent_begin.h"

static struct bench bench;

/* node-2 streams, node-1's term has ended, node-2 has reported and is granted term 2; nothing that
 * it appends from then on reaches the log by itself. */
static struct bench *granted(void)
{
    struct bench *b = &bench;
    bench_standby(b);
    b->promoted = (struct position){2, 100};
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_forget(b);
    b->drops_appends = true;
    bench_grant(b, "node-2", GRANT_FAILOVER);
    return b;
}

static void test_lease_grant_starts_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    bench_wait(b, 10000);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0);
    assert_false(bench_did(b, ACTION_LEASE));
    assert_false(bench_did(b, ACTION_TASK));
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
}

static void test_lease_counts_from_the_send(void **state)
{
    (void)state;
    struct bench *b = granted();
    uint64_t sent_ms = b->now_ms;
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    assert_int_equal(renew.body.renew.term, 2);
    b->now_ms += 700;
    bench_store(b, &renew);
    assert_int_equal(agent_lease_deadline_ms(&b->a), sent_ms + renew.body.renew.ttl_ms);
    int lease = bench_find(b, ACTION_LEASE, 0);
    int promote = bench_find_task(b, TASK_PROMOTE);
    assert_true(lease >= 0 && promote > lease);
    assert_int_equal(b->trace[lease].as.deadline_ms, sent_ms + renew.body.renew.ttl_ms);
}

static void test_lease_late_read_back_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    b->now_ms += renew.body.renew.ttl_ms;
    bench_store(b, &renew);
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
    assert_false(bench_did(b, ACTION_LEASE));
    assert_false(bench_did(b, ACTION_TASK));
}

static void test_lease_nearly_over_starts_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    b->answers[ACTION_PROBE] = false;
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    b->now_ms += renew.body.renew.ttl_ms - LEASE_KILL_MS;
    bench_store(b, &renew);
    assert_true(agent_lease_deadline_ms(&b->a) > b->now_ms);
    assert_false(bench_did(b, ACTION_TASK));
}

static void test_lease_other_incarnations_renewal_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    bench_restart_agent(b);
    bench_guard(b, GUARD_RUNNING, 0);
    b->drops_appends = false;
    b->answers[ACTION_APPEND] = false;
    bench_link(b, true);
    bench_store(b, bench_event_at(b, bench_find_event(b, EVENT_HELLO, 0)));
    renew.incarnation = b->a.incarnation - 1;
    bench_store(b, &renew);
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
    renew.incarnation = b->a.incarnation; /* the right one, but it never sent this counter */
    renew.counter = 1000;
    bench_store(b, &renew);
    assert_int_equal(b->a.cluster.lease.renewal_mark.counter, 1000);
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
}

static void test_lease_void_renewal_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    bench_revoke(b);
    bench_store(b, &renew);
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
    assert_false(bench_did(b, ACTION_TASK));
}

static void test_lease_never_moves_backward(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event first = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    bench_wait(b, 1100);
    int second = bench_find_event(b, EVENT_RENEW, bench_find_event(b, EVENT_RENEW, 0) + 1);
    bench_store(b, bench_event_at(b, second));
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    assert_true(deadline_ms > b->now_ms);
    bench_store(b, &first); /* overtaken: void by its counter */
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
}

static void test_lease_end_kills_then_releases(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    b->drops_appends = true;
    b->answers[ACTION_KILL] = false;
    b->answers[ACTION_STOP] = false;
    bench_wait(b, deadline_ms - LEASE_KILL_MS - b->now_ms - 1);
    assert_false(bench_did(b, ACTION_KILL));
    assert_true(b->a.cluster.writable);
    bench_wait(b, 1);
    int kill = bench_find(b, ACTION_KILL, 0);
    assert_true(kill >= 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    bench_guard(b, GUARD_ABSENT, 9);
    int lease = bench_find(b, ACTION_LEASE, kill);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_true(kill < lease && lease < release);
    assert_int_equal(b->trace[lease].as.deadline_ms, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_LEASE_EXPIRED);
    int renew = bench_find_event(b, EVENT_RENEW, kill);
    assert_int_equal(renew, -1); /* never renewed after it was given up */
    bench_wait(b, 3000);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, kill), -1);
}

/* Counted back from the deadline: fast, immediate, SIGKILL; what a late renewal brings does not
 * call it off. */
static void test_lease_end_demotes_step_by_step(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    uint32_t demote_ms = config_demote_ms(3000);
    b->drops_appends = true;
    b->answers[ACTION_STOP] = false;
    b->answers[ACTION_KILL] = false;
    bench_wait(b, deadline_ms - demote_ms - b->now_ms - 1);
    assert_false(bench_did(b, ACTION_STOP));
    struct event late = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    bench_wait(b, 1);
    int fast = bench_find(b, ACTION_STOP, 0);
    assert_true(fast >= 0);
    assert_int_equal(b->trace[fast].as.stop_mode, STOP_FAST);
    bench_store(b, &late);
    assert_true(agent_lease_deadline_ms(&b->a) > deadline_ms);
    bench_wait(b, config_fast_ms(3000) - 1);
    assert_int_equal(bench_find(b, ACTION_STOP, fast + 1), -1);
    bench_wait(b, 1);
    int immediate = bench_find(b, ACTION_STOP, fast + 1);
    assert_true(immediate > fast);
    assert_int_equal(b->trace[immediate].as.stop_mode, STOP_IMMEDIATE);
    bench_wait(b, LEASE_IMMEDIATE_MS - 1);
    assert_false(bench_did(b, ACTION_KILL));
    bench_wait(b, 1);
    assert_true(bench_did(b, ACTION_KILL));
    assert_int_equal(bench_find_event(b, EVENT_RENEW, fast), -1);
    bench_guard(b, GUARD_ABSENT, 9);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_LEASE_EXPIRED);
}

static void test_lease_end_stops_in_order_when_there_is_time(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    b->drops_appends = true;
    bench_wait(b, deadline_ms - b->now_ms);
    assert_true(bench_did(b, ACTION_STOP));
    assert_false(bench_did(b, ACTION_KILL));
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_LEASE_EXPIRED);
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
}

/* One lost renewal is followed by another before a period is over. */
static void test_lease_retries_a_renewal_that_is_not_read_back(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_wait(b, 1000);
    bench_forget(b);
    b->drops_appends = true;
    bench_wait(b, 1000);
    int lost = bench_find_event(b, EVENT_RENEW, 0);
    uint64_t lost_ms = b->a.lease.renew_ms - 1000;
    assert_true(lost >= 0);
    b->drops_appends = false;
    bench_forget(b);
    bench_wait(b, lost_ms + 500 - b->now_ms - 1);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    bench_wait(b, 1);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0);
    bench_wait(b, 10000);
    assert_false(bench_did(b, ACTION_STOP));
}

/* An agent that starts finds the lease that an earlier one has got, and ends it in time. */
static void test_lease_in_the_page_is_taken_over(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    bench_restart_agent(b);
    b->drops_appends = true;
    struct fact fact = {.kind = FACT_GUARD, .guard = GUARD_RUNNING, .deadline_ms = deadline_ms};
    bench_step(b, &fact);
    bench_pump(b);
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
    bench_link(b, true);
    bench_wait(b, deadline_ms - b->now_ms);
    assert_true(bench_did(b, ACTION_STOP) || bench_did(b, ACTION_KILL));
}

static void test_lease_next_tick_is_before_the_kill(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->drops_appends = true;
    b->answers[ACTION_STOP] = false;
    struct action_list list;
    for (int i = 0; i < 1000 && !bench_did(b, ACTION_KILL); i++) {
        struct fact tick = {.kind = FACT_TICK, .now_ms = b->now_ms, .wall_us = 1};
        agent_step(&b->a, &tick, &b->arena, &list);
        assert_true(list.next_ms != UINT64_MAX);
        b->now_ms = list.next_ms > b->now_ms ? list.next_ms : b->now_ms + 1;
        bench_fact(b, FACT_TICK);
        assert_true(b->now_ms <= agent_lease_deadline_ms(&b->a) - LEASE_KILL_MS ||
                    bench_did(b, ACTION_KILL));
    }
    assert_true(bench_did(b, ACTION_KILL));
}

static void test_lease_deposed_kills_at_once(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_KILL] = false;
    bench_revoke(b);
    int lease = bench_find(b, ACTION_LEASE, 0);
    int kill = bench_find(b, ACTION_KILL, 0);
    assert_true(lease >= 0 && lease < kill);
    assert_int_equal(b->trace[lease].as.deadline_ms, 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    bench_guard(b, GUARD_ABSENT, 3);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) > kill); /* spares the others the wait */
    assert_false(bench_did(b, ACTION_START));
}

/* ---- giving up: the order of its steps (I7) ---- */

static void test_lease_release_order_after_death(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_KILL] = false;
    b->answers[ACTION_PERSIST] = false;
    bench_guard(b, GUARD_ORPHANED, 0);
    int kill = bench_find(b, ACTION_KILL, 0);
    int persist = bench_find(b, ACTION_PERSIST, 0);
    assert_true(kill >= 0 && persist > kill); /* the disk works while the guard kills */
    assert_int_equal(b->trace[persist].as.vote.given_up_term, 1);
    b->now_ms += 16;
    bench_guard(b, GUARD_ABSENT, 7);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1); /* not before it is on the disk */
    bench_fact(b, FACT_PERSISTED);
    int lease = bench_find(b, ACTION_LEASE, persist);
    assert_true(lease > persist && lease < bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(b->trace[lease].as.deadline_ms, 0);
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.term, 1);
    assert_int_equal(e->body.release.reason, REASON_POSTMASTER_DIED);
    assert_int_equal(e->body.release.killed_count, 7);
    assert_int_equal(e->body.release.fenced_wall_us - e->body.release.detected_wall_us, 16000);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void test_lease_release_waits_for_death(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_KILL] = false;
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_int_equal(b->a.vote.given_up_term, 1);
    bench_wait(b, 1000);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    bench_guard(b, GUARD_ABSENT, 1);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) > 0);
}

static void test_lease_vote_that_cannot_be_written_releases_nothing(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_PERSIST] = false;
    bench_guard(b, GUARD_ORPHANED, 0);
    struct fact failed = {.kind = FACT_PERSISTED, .ok = false};
    bench_play(b, &failed);
    bench_wait(b, PERSIST_RETRY_MS + 100);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    int first = bench_find(b, ACTION_PERSIST, 0);
    assert_true(bench_find(b, ACTION_PERSIST, first + 1) > first); /* tried again */
    bench_fact(b, FACT_PERSISTED);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) >= 0);
}

static void test_lease_given_up_is_never_renewed_after_restart(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->drops_appends = true; /* the release is lost */
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_true(bench_find_event(b, EVENT_RELEASE, 0) >= 0);
    bench_restart_agent(b);
    bench_forget(b);
    b->drops_appends = false;
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 3000);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    assert_true(release >= 0); /* said again by the new incarnation */
    assert_true(bench_find(b, ACTION_LEASE, 0) < release);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void send_config(struct bench *b, uint32_t period_ms, uint32_t threshold, uint32_t ttl_ms)
{
    struct event e = bench_decision(b, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.probe_period_ms = period_ms;
    e.body.config.probe_timeout_ms = 400;
    e.body.config.probe_failure_threshold = threshold;
    e.body.config.lease_ttl_ms = ttl_ms;
    bench_store(b, &e);
    bench_pump(b);
    assert_int_equal(cluster_ttl_ms(&b->a.cluster), ttl_ms);
}

/* Overtaken by one that names a shorter ttl: void, however long its own would run. */
static void test_lease_overtaken_renewal_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event first = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    assert_int_equal(first.body.renew.ttl_ms, 3000);
    send_config(b, 500, 2, 1100);
    bench_wait(b, 1000);
    bench_store(b, bench_event_at(b, bench_find_event(b, EVENT_RENEW,
                                                      bench_find_event(b, EVENT_RENEW, 0) + 1)));
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    assert_in_range(deadline_ms, b->now_ms, b->now_ms + 1100);
    bench_store(b, &first);
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
}

static void test_lease_frozen_log_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = granted();
    struct event renew = *bench_event_at(b, bench_find_event(b, EVENT_RENEW, 0));
    b->a.cluster.frozen_seq = b->seq;
    bench_store(b, &renew);
    assert_false(bench_did(b, ACTION_LEASE));
    assert_false(bench_did(b, ACTION_TASK));
}

/* A threshold that takes a minute to reach does not let the lease outlive what was last seen. */
static void test_lease_needs_evidence(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    send_config(b, 100, 100, 3000);
    bench_wait(b, 1000);
    b->answers[ACTION_PROBE] = false;
    bench_wait(b, 100 * 100);
    assert_false(bench_did(b, ACTION_KILL));
    bench_wait(b, 400 + 3000);
    assert_true(bench_did(b, ACTION_STOP));
    const struct event *e = bench_event_at(b, bench_find_event(b, EVENT_RELEASE, 0));
    assert_int_equal(e->body.release.reason, REASON_LEASE_EXPIRED);
}

/* ---- persisted before acting (I2) ---- */

static void test_lease_vote_comes_before_everything(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->promoted = (struct position){2, 100};
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_forget(b);
    b->answers[ACTION_PERSIST] = false;
    bench_grant(b, "node-2", GRANT_FAILOVER);
    int persist = bench_find(b, ACTION_PERSIST, 0);
    assert_true(persist >= 0);
    assert_int_equal(b->trace[persist].as.vote.term, 2);
    assert_memory_equal(b->trace[persist].as.vote.grant_hash, b->a.cluster.grant_hash, HASH_SIZE);
    bench_wait(b, 1000);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_false(bench_did(b, ACTION_TASK));
    bench_fact(b, FACT_PERSISTED);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) > persist);
    assert_true(bench_find_task(b, TASK_PROMOTE) > persist);
    assert_true(b->a.cluster.writable);
}

static void test_lease_others_grant_is_persisted_too(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_release(b, "node-1");
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_pump(b);
    bench_forget(b);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    int persist = bench_find(b, ACTION_PERSIST, 0);
    assert_true(persist >= 0);
    assert_int_equal(b->trace[persist].as.vote.term, 2);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
}

static void test_lease_lower_term_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_forget(b);
    b->a.vote.term = 9; /* what stands on its disk */
    b->a.wanted.term = 9;
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_wait(b, 1000);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_false(bench_did(b, ACTION_TASK));
    int refuse = bench_find_event(b, EVENT_REFUSE, 0);
    assert_int_equal(bench_event_at(b, refuse)->body.refuse.reason, REASON_STALE_TERM);
    assert_int_equal(b->a.vote.term, 9);
}

static void test_lease_equal_term_other_hash_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_forget(b);
    b->a.vote.term = 2;
    b->a.vote.grant_seq = b->seq + 1;
    memset(b->a.vote.grant_hash, 0xab, HASH_SIZE);
    b->a.wanted = b->a.vote;
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_wait(b, 1000);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_false(bench_did(b, ACTION_TASK));
    assert_true(bench_find_event(b, EVENT_REFUSE, 0) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_lease_grant_starts_nothing),
            cmocka_unit_test(test_lease_counts_from_the_send),
            cmocka_unit_test(test_lease_late_read_back_gives_nothing),
            cmocka_unit_test(test_lease_nearly_over_starts_nothing),
            cmocka_unit_test(test_lease_other_incarnations_renewal_gives_nothing),
            cmocka_unit_test(test_lease_void_renewal_gives_nothing),
            cmocka_unit_test(test_lease_never_moves_backward),
            cmocka_unit_test(test_lease_end_kills_then_releases),
            cmocka_unit_test(test_lease_end_demotes_step_by_step),
            cmocka_unit_test(test_lease_end_stops_in_order_when_there_is_time),
            cmocka_unit_test(test_lease_retries_a_renewal_that_is_not_read_back),
            cmocka_unit_test(test_lease_in_the_page_is_taken_over),
            cmocka_unit_test(test_lease_next_tick_is_before_the_kill),
            cmocka_unit_test(test_lease_deposed_kills_at_once),
            cmocka_unit_test(test_lease_release_order_after_death),
            cmocka_unit_test(test_lease_release_waits_for_death),
            cmocka_unit_test(test_lease_vote_that_cannot_be_written_releases_nothing),
            cmocka_unit_test(test_lease_given_up_is_never_renewed_after_restart),
            cmocka_unit_test(test_lease_overtaken_renewal_gives_nothing),
            cmocka_unit_test(test_lease_frozen_log_gives_nothing),
            cmocka_unit_test(test_lease_needs_evidence),
            cmocka_unit_test(test_lease_vote_comes_before_everything),
            cmocka_unit_test(test_lease_others_grant_is_persisted_too),
            cmocka_unit_test(test_lease_lower_term_is_refused),
            cmocka_unit_test(test_lease_equal_term_other_hash_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
