/* SPDX-License-Identifier: PostgreSQL */
/* The agent's way through its life: start, lead, follow, leave. */
#include "../../proto/lost.h"
#include "test_agent_begin.h"

static struct bench bench;

static void test_step_first_leader_bootstraps(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-1");
    bench_begin(b);
    assert_false(bench_did(b, ACTION_START));
    bench_forget(b);
    bench_grant(b, "node-1", GRANT_BOOTSTRAP);
    bench_wait(b, 100);

    int persist = bench_find(b, ACTION_PERSIST, 0);
    int renew = bench_find_event(b, EVENT_RENEW, 0);
    int lease = bench_find(b, ACTION_LEASE, 0);
    int initdb = bench_find_task(b, TASK_INITDB);
    int start = bench_find(b, ACTION_START, 0);
    int made = bench_find_event(b, EVENT_DONE, 0);
    int done = bench_find_event(b, EVENT_DONE, made + 1);
    int write = bench_find_task(b, TASK_FIRST_WRITE);
    assert_true(persist >= 0 && persist < renew);
    assert_true(renew < lease && lease < initdb && initdb < made && made < start);
    assert_int_equal(bench_event_at(b, made)->body.task.task, TASK_INITDB);
    assert_int_equal(bench_find_task(b, TASK_POST_INIT), -1);
    assert_true(b->trace[start].as.start.as_primary);
    int wrote = bench_find_event(b, EVENT_DONE, done + 1);
    assert_true(start < done && start < write && done < wrote && write < wrote);
    assert_int_equal(bench_event_at(b, done)->body.task.task, TASK_PROMOTE);
    assert_true(b->a.cluster.promoted && b->a.cluster.writable);
    assert_int_equal(b->a.cluster.system_id, SYSTEM_ID);
    assert_true(bench_find_task(b, TASK_CHECKPOINT) > write);
    assert_true(bench_did(b, ACTION_SLOTS));
}

static void test_step_restores_and_prepares_before_it_is_open(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-1");
    b->a.self.bootstrap = TASK_RESTORE;
    b->a.self.post_init = true;
    bench_begin(b);
    bench_forget(b);
    bench_grant(b, "node-1", GRANT_BOOTSTRAP);
    bench_wait(b, 100);

    int restore = bench_find_task(b, TASK_RESTORE);
    int start = bench_find(b, ACTION_START, 0);
    int prepare = bench_find_task(b, TASK_POST_INIT);
    int write = bench_find_task(b, TASK_FIRST_WRITE);
    assert_int_equal(bench_find_task(b, TASK_INITDB), -1);
    assert_true(restore >= 0 && restore < start && start < prepare && prepare < write);
    assert_true(b->a.cluster.writable && !b->a.post_init_owed);
}

static void test_step_is_not_open_before_it_is_prepared(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->a.cluster.writable = false;
    b->a.lead.stage = LEAD_PROMOTED;
    b->a.post_init_owed = true; /* an agent that was started again has found it so */
    b->task_ok = false;
    bench_forget(b);
    bench_wait(b, POST_INIT_RETRY_MS / 2);
    int failed = bench_find_event(b, EVENT_FAILED, 0);
    assert_int_equal(bench_event_at(b, failed)->body.task.task, TASK_POST_INIT);
    assert_int_equal(bench_find_event(b, EVENT_FAILED, failed + 1), -1);
    assert_int_equal(bench_find_task(b, TASK_FIRST_WRITE), -1);
    b->task_ok = true;
    bench_wait(b, POST_INIT_RETRY_MS);
    assert_true(bench_find_task(b, TASK_FIRST_WRITE) > failed);
}

static void test_step_rests_as_leader(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_wait(b, 10000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_PERSIST));
    assert_int_equal(bench_find_event(b, EVENT_DONE, 0), -1);
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
    assert_true(bench_said(b, "no action. I am node-1, the leader with the lock"));
    uint32_t renewals = 0;
    for (int i = bench_find_event(b, EVENT_RENEW, 0); i >= 0;
         i = bench_find_event(b, EVENT_RENEW, i + 1)) {
        renewals++;
    }
    assert_in_range(renewals, 8, 12);
    assert_int_equal(bench_find_event(b, EVENT_PROBE, 0), -1); /* positions alone are not stored */
}

/* A probe may be asked before a promotion ends, and answered after. */
static void test_step_overtaken_answer_makes_no_standby(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->a.watch.in_flight = true;
    b->probe.in_recovery = true;
    bench_probed(b, PROBE_OK);
    assert_int_equal(b->a.pg.role, ROLE_PRIMARY);
    b->probe.in_recovery = false;
    bench_wait(b, 3000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
}

static void test_step_standby_starts_and_follows(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_wait(b, 3000);
    assert_false(bench_did(b, ACTION_START));
    assert_false(bench_did(b, ACTION_FOLLOW));
    assert_true(bench_said(b, "I am node-2, a secondary, and following a leader (node-1)"));
    assert_string_equal(b->a.pg.upstream.host, "node-1.example");
    assert_true(bench_did(b, ACTION_LIVE));
}

static void test_step_says_nothing_before_hello_is_read_back(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-2");
    bench_intact(b);
    bench_peer_hello(b, "node-3", bench_look(NODE_EMPTY, 0, 0));
    bench_foreign_leader(b);
    b->drops_appends = true;
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 2000);
    assert_false(b->a.ready);
    assert_false(bench_did(b, ACTION_START));
    int hello = bench_find_event(b, EVENT_HELLO, 0);
    int again = bench_find_event(b, EVENT_HELLO, hello + 1);
    assert_true(again > hello);
    assert_memory_equal(bench_event_at(b, hello), bench_event_at(b, again), sizeof(struct event));
    for (int i = bench_find(b, ACTION_APPEND, 0); i >= 0; i = bench_find(b, ACTION_APPEND, i + 1)) {
        assert_int_equal(b->trace[i].as.event.kind, EVENT_HELLO);
    }
}

static void test_step_persists_incarnation_before_hello(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-2");
    b->answers[ACTION_PERSIST] = false;
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 1000);
    assert_int_equal(bench_find_event(b, EVENT_HELLO, 0), -1);
    bench_fact(b, FACT_PERSISTED);
    assert_true(bench_find_event(b, EVENT_HELLO, 0) >= 0);
}

static void test_step_stale_incarnation_says_hello_again(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-2");
    b->drops_appends = true;
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    int first = bench_find_event(b, EVENT_HELLO, 0);
    struct event hello = *bench_event_at(b, first);
    struct event other = bench_event(b, "node-2", EVENT_HELLO);
    other.incarnation = hello.incarnation + 100;
    bench_store(b, &other);
    assert_false(b->a.superseded);
    b->drops_appends = false;
    bench_store(b, &hello); /* void: stale */
    bench_pump(b);
    assert_true(b->a.ready);
    assert_int_equal(b->a.incarnation, hello.incarnation + 101);
    int persist = bench_find(b, ACTION_PERSIST, first);
    assert_true(persist > first);
    assert_int_equal(b->trace[persist].as.vote.incarnation, b->a.incarnation);
    assert_true(bench_find_event(b, EVENT_HELLO, persist) > persist);
}

static void test_step_superseded_kills_and_leaves(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    struct event other = bench_event(b, "node-1", EVENT_HELLO);
    other.incarnation = b->a.incarnation + 1;
    other.body.hello.probe = bench_look(NODE_STANDBY, 1, 100);
    b->answers[ACTION_KILL] = false;
    bench_store(b, &other);
    bench_pump(b);
    int lease = bench_find(b, ACTION_LEASE, 0);
    int kill = bench_find(b, ACTION_KILL, 0);
    assert_true(lease >= 0 && lease < kill);
    assert_int_equal(b->trace[lease].as.deadline_ms, 0);
    assert_false(bench_did(b, ACTION_EXIT)); /* not before every process is dead */
    bench_guard(b, GUARD_ABSENT, 5);
    int leave = bench_find(b, ACTION_EXIT, 0);
    assert_true(leave > kill);
    assert_int_not_equal(b->trace[leave].as.exit_status, 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
}

static void test_step_agent_restart_keeps_primary(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    struct vote vote = b->a.vote;
    bench_restart_agent(b);
    assert_true(b->a.incarnation > vote.incarnation);
    b->inspection.was_primary = true;
    bench_forget(b);
    bench_guard(b, GUARD_RUNNING, 0);
    assert_false(bench_did(b, ACTION_START));
    bench_link(b, true);
    bench_wait(b, lost_holdoff_ms(&b->a.cluster) + 100); /* the guard's page is empty here */
    assert_false(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_START));
    assert_int_equal(bench_find_task(b, TASK_PROMOTE), -1);
    assert_int_equal(bench_find_event(b, EVENT_DONE, 0), -1); /* all of it is in the log */
    int hello = bench_find_event(b, EVENT_HELLO, 0);
    int renew = bench_find_event(b, EVENT_RENEW, 0);
    assert_true(hello >= 0 && hello < renew);
    assert_true(bench_event_at(b, renew)->incarnation > vote.incarnation);
    assert_true(agent_lease_deadline_ms(&b->a) > b->now_ms);
}

/* A machine of the leader's name without its vote: the leader itself may live, under its lease. */
static void test_step_stranger_of_our_name_releases_nothing(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->a.vote = (struct vote){0};
    bench_restart_agent(b);
    b->inspection = (struct inspection){.verdict = DATA_EMPTY};
    bench_forget(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 3000);
    assert_true(bench_find_event(b, EVENT_HELLO, 0) >= 0);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, 0), -1);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_int_equal(b->a.cluster.phase, PHASE_HELD); /* its end is a matter of silence */
}

static void test_step_agent_restart_kills_deposed_primary(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    b->drops_appends = true;
    b->answers[ACTION_KILL] = false;
    bench_revoke(b);
    bench_restart_agent(b);
    bench_forget(b);
    bench_guard(b, GUARD_RUNNING, 0);
    assert_false(bench_did(b, ACTION_KILL)); /* the log was not heard yet */
    bench_link(b, true);
    assert_true(bench_did(b, ACTION_KILL));
}

static void test_step_terminates_in_order(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_fact(b, FACT_TERMINATE);
    bench_wait(b, 100);
    int stop = bench_find(b, ACTION_STOP, 0);
    int persist = bench_find(b, ACTION_PERSIST, stop);
    int lease = bench_find(b, ACTION_LEASE, persist);
    int release = bench_find_event(b, EVENT_RELEASE, 0);
    int goodbye = bench_find_event(b, EVENT_GOODBYE, 0);
    int leave = bench_find(b, ACTION_EXIT, 0);
    assert_true(stop >= 0 && stop < persist && persist < lease && lease < release);
    assert_int_equal(b->trace[lease].as.deadline_ms, 0);
    assert_int_equal(bench_event_at(b, release)->body.release.reason, REASON_SHUTDOWN);
    assert_true(bench_event_at(b, release)->body.release.clean);
    assert_true(goodbye > 0 && leave > release && leave > goodbye);
    assert_int_equal(b->trace[leave].as.exit_status, 0);
    assert_false(bench_did(b, ACTION_KILL));
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    assert_true(b->a.cluster.nodes[b->a.me].departed);
    assert_false(bench_did(b, ACTION_START));
}

static void test_step_terminates_by_kill_when_stop_hangs(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->answers[ACTION_STOP] = false;
    bench_fact(b, FACT_TERMINATE);
    bench_wait(b, STOP_TIMEOUT_MS - 100);
    assert_false(bench_did(b, ACTION_KILL));
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0); /* it still serves, and holds */
    bench_wait(b, 300);
    assert_true(bench_did(b, ACTION_KILL));
    assert_true(bench_did(b, ACTION_EXIT));
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
}

static void test_step_leaves_without_log(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_link(b, false);
    b->drops_appends = true;
    bench_fact(b, FACT_TERMINATE);
    bench_wait(b, 500);
    assert_false(bench_did(b, ACTION_EXIT));
    bench_wait(b, GOODBYE_TIMEOUT_MS);
    assert_true(bench_did(b, ACTION_EXIT));
}

static void test_step_frozen_log_closes(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    b->a.cluster.frozen_seq = b->seq;
    bench_wait(b, 1500);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
    bench_wait(b, 3000);
    assert_true(bench_did(b, ACTION_STOP));
    assert_true(bench_said(b, "newer version"));
}

static void test_step_malformed_records_change_nothing(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    const uint8_t junk[] = {0xff, 0xff, 0xff, 0x01};
    for (size_t size = 0; size <= sizeof junk; size++) {
        struct fact fact = {.kind = FACT_RECORD,
                            .subject = "pgbaton.demo.decision",
                            .seq = ++b->seq,
                            .data = junk,
                            .size = size};
        bench_play(b, &fact);
        fact.kind = FACT_LIVE;
        bench_play(b, &fact);
    }
    assert_int_equal(b->a.cluster.last_seq, b->seq);
    assert_int_equal(b->a.pg.role, ROLE_STANDBY);
    assert_false(bench_did(b, ACTION_KILL));
}

static void test_step_asked_is_limited(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->now_ms += LIVE_PERIOD_MS_MIN;
    for (int i = 0; i < 10; i++) {
        bench_fact(b, FACT_ASKED);
    }
    int first = bench_find(b, ACTION_LIVE, 0);
    assert_true(first >= 0);
    assert_int_equal(b->trace[first].as.event.kind, EVENT_PROBE);
    assert_int_equal(bench_find(b, ACTION_LIVE, first + 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_step_first_leader_bootstraps),
            cmocka_unit_test(test_step_restores_and_prepares_before_it_is_open),
            cmocka_unit_test(test_step_is_not_open_before_it_is_prepared),
            cmocka_unit_test(test_step_rests_as_leader),
            cmocka_unit_test(test_step_overtaken_answer_makes_no_standby),
            cmocka_unit_test(test_step_standby_starts_and_follows),
            cmocka_unit_test(test_step_says_nothing_before_hello_is_read_back),
            cmocka_unit_test(test_step_persists_incarnation_before_hello),
            cmocka_unit_test(test_step_stale_incarnation_says_hello_again),
            cmocka_unit_test(test_step_superseded_kills_and_leaves),
            cmocka_unit_test(test_step_agent_restart_keeps_primary),
            cmocka_unit_test(test_step_stranger_of_our_name_releases_nothing),
            cmocka_unit_test(test_step_agent_restart_kills_deposed_primary),
            cmocka_unit_test(test_step_terminates_in_order),
            cmocka_unit_test(test_step_terminates_by_kill_when_stop_hangs),
            cmocka_unit_test(test_step_leaves_without_log),
            cmocka_unit_test(test_step_frozen_log_closes),
            cmocka_unit_test(test_step_malformed_records_change_nothing),
            cmocka_unit_test(test_step_asked_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
