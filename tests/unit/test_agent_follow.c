/* SPDX-License-Identifier: PostgreSQL */
/* Following, rebuilding, returning: what a node that does not lead does. */
#include "../../agent/sync_keep.h"
#include "../../agent/upstream.h"
#include "../../proto/election.h"
#include "test_agent_begin.h"

static struct bench bench;

static void test_follow_follows_the_new_leader(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    bench_peer_release(b, "node-1");
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_pump(b);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    bench_peer_renew(b, "node-3");
    assert_false(bench_did(b, ACTION_FOLLOW)); /* it is no primary yet */
    bench_peer_done(b, "node-3", TASK_PROMOTE, (struct position){2, 110});
    bench_pump(b);
    int follow = bench_find(b, ACTION_FOLLOW, 0);
    assert_true(follow >= 0);
    assert_string_equal(b->trace[follow].as.start.upstream.node, "node-3");
    assert_int_equal(bench_find(b, ACTION_FOLLOW, follow + 1), -1);
    assert_false(bench_did(b, ACTION_KILL));
}

/* The standby follows node-3, which opened timeline 2 at 110, and has fallen since. */
static void begin_without_leader(struct bench *b)
{
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    bench_peer_release(b, "node-1");
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_pump(b);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    bench_peer_renew(b, "node-3");
    bench_peer_done(b, "node-3", TASK_PROMOTE, (struct position){2, 110});
    bench_pump(b);
    assert_string_equal(b->a.pg.upstream.node, "node-3");
    b->probe.position.lsn = 110;
    b->probe.replay_lsn = 110;
    b->answers[ACTION_PROBE] = false; /* what it shows next is for the test to say */
    bench_peer_release(b, "node-3");
    bench_forget(b);
}

/* Woken up late, it streams from the old leader, which runs in recovery and has more of timeline 1
 * than the history. */
static void test_follow_streams_from_nobody_but_the_last_promoted(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin_without_leader(b);
    bench_wait(b, 100);
    assert_false(bench_did(b, ACTION_FOLLOW));
    snprintf(b->a.pg.upstream.node, sizeof b->a.pg.upstream.node, "node-1");
    bench_wait(b, 100);
    int follow = bench_find(b, ACTION_FOLLOW, 0);
    assert_true(follow >= 0);
    assert_string_equal(b->trace[follow].as.start.upstream.node, "node-3");
    assert_int_equal(bench_find(b, ACTION_FOLLOW, follow + 1), -1);
}

/* It has turned away from the old leader, which may not know that it is deposed. */
static void test_follow_returns_to_nobody_between_two_leaders(void **state)
{
    (void)state;
    static struct agent a;
    memset(&a, 0, sizeof a);
    struct cluster *c = &a.cluster;
    cluster_init(c, "demo");
    c->node_count = 3;
    for (uint32_t i = 0; i < c->node_count; i++) {
        memcpy(c->nodes[i].name, (char[]){'n', (char)('1' + i)}, 2);
    }
    c->term = 2;
    c->leader = 1;
    c->phase = PHASE_HELD;
    c->sync.bound = true;
    a.me = 2;
    a.self.fence = true;
    a.vote.sealed_term = 1;
    assert_string_equal(upstream_of(&a).node, ""); /* the opener is still n1 */
    c->promoted = true;
    c->opener = 1;
    assert_string_equal(upstream_of(&a).node, "n2");
    c->promoted = false;
    c->sync.bound = false;
    assert_string_equal(upstream_of(&a).node, "n2");
}

static void test_sync_waits_until_the_log_is_read(void **state)
{
    (void)state;
    static struct action_list list;
    struct bench *b = &bench;
    bench_leader(b);
    b->a.cluster.sync.seq = b->a.cluster.last_seq;
    b->a.caught_up = false;
    sync_keep(&b->a, &list);
    assert_int_equal(list.count, 0);
    b->a.caught_up = true;
    sync_keep(&b->a, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, ACTION_SYNC);
}

/* A leader that is not promoted has opened nothing. */
static void test_follow_starts_from_nobody_but_the_last_promoted(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin_without_leader(b);
    b->answers[ACTION_PROBE] = true;
    bench_peer_probe(b, "node-1", bench_look(NODE_STANDBY, 2, 110), 2);
    bench_grant(b, "node-1", GRANT_FAILOVER);
    bench_peer_renew(b, "node-1");
    bench_guard(b, GUARD_ABSENT, 0);
    bench_wait(b, 2000);
    int start = bench_find(b, ACTION_START, 0);
    assert_true(start >= 0);
    assert_string_equal(b->trace[start].as.start.upstream.node, "node-3");
}

/* While it receives WAL of the timeline before, it may go where the history did not. */
static void test_follow_reports_for_an_election_where_it_stands_still(void **state)
{
    (void)state;
    struct bench *b = &bench;
    begin_without_leader(b);
    const struct node *me = &b->a.cluster.nodes[b->a.me];
    b->answers[ACTION_PROBE] = true;
    bench_wait(b, 3000);
    assert_int_equal(me->report_term, 1);
    b->probe.streaming = false;
    bench_wait(b, 1500);
    assert_int_equal(me->report_term, 2);
    assert_int_equal(election_verdict(&b->a.cluster, b->a.me, GRANT_FAILOVER), VERDICT_ELIGIBLE);
}

/* What the standby reports when a timeline has opened at 110. */
static enum reason reason_beyond_fork(struct bench *b, uint64_t received_lsn, uint64_t replay_lsn)
{
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    b->probe.position.lsn = received_lsn;
    b->probe.replay_lsn = replay_lsn;
    bench_peer_release(b, "node-1");
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_pump(b);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    bench_peer_renew(b, "node-3");
    bench_peer_done(b, "node-3", TASK_PROMOTE, (struct position){2, 110});
    bench_pump(b);
    const struct node *me = &b->a.cluster.nodes[b->a.me];
    assert_int_equal(me->state, NODE_STANDBY);
    return me->reason;
}

static void test_follow_running_standby_that_left_history_reports(void **state)
{
    (void)state;
    assert_int_equal(reason_beyond_fork(&bench, 200, 200), REASON_DIVERGED);
}

/* The sender died in the middle of a record: its beginning was received, and nothing was replayed.
 */
static void test_follow_running_standby_with_half_a_record_goes_on(void **state)
{
    (void)state;
    assert_int_equal(reason_beyond_fork(&bench, 200, 110), REASON_NONE);
    assert_true(bench_did(&bench, ACTION_FOLLOW));
}

static void test_follow_unclean_old_primary_waits_for_rewind(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->inspection.clean = false;
    b->inspection.was_primary = true;
    bench_guard(b, GUARD_ORPHANED, 0);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    bench_peer_renew(b, "node-3");
    bench_peer_done(b, "node-3", TASK_PROMOTE, (struct position){2, 100});
    bench_pump(b);
    bench_peer_done(b, "node-3", TASK_FIRST_WRITE, (struct position){2, 100});
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_START));
    assert_int_equal(b->a.cluster.nodes[b->a.me].reason, REASON_UNCLEAN_PRIMARY);

    bench_forget(b);
    bench_directive(b, "node-1", b->a.incarnation, TASK_REWIND);
    int task = bench_find_task(b, TASK_REWIND);
    assert_true(task >= 0);
    assert_string_equal(b->trace[task].as.task.upstream.node, "node-3");
    assert_int_equal(b->trace[task].as.task.upstream.timeline, 2);
    int done = bench_find_event(b, EVENT_DONE, 0);
    assert_int_equal(bench_event_at(b, done)->body.task.task, TASK_REWIND);
    int start = bench_find(b, ACTION_START, task);
    assert_true(start > bench_find(b, ACTION_INSPECT, task));
    assert_false(b->trace[start].as.start.as_primary);
    assert_int_equal(b->a.cluster.nodes[b->a.me].rebuild_task, TASK_NONE);
}

static void test_follow_old_primary_recovers_only_as_last_resort(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->inspection.clean = false;
    b->inspection.was_primary = true;
    bench_guard(b, GUARD_ORPHANED, 0);
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_START));
    struct event e = bench_decision(b, EVENT_NO_CANDIDATE);
    e.body.no_candidate.term = 1;
    bench_store(b, &e);
    bench_pump(b);
    int start = bench_find(b, ACTION_START, 0);
    assert_true(start >= 0);
    assert_false(b->trace[start].as.start.as_primary);
    assert_string_equal(b->trace[start].as.start.upstream.node, "");
    bench_wait(b, 200);
    const struct node *me = &b->a.cluster.nodes[b->a.me];
    assert_int_equal(me->state, NODE_STANDBY);
    assert_int_equal(me->report_term, 1); /* and may be elected */
    assert_false(agent_may_be_primary(&b->a));
}

static void test_follow_empty_node_is_rebuilt(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->inspection = (struct inspection){.verdict = DATA_EMPTY};
    bench_fact(b, FACT_DISTURBED);
    b->answers[ACTION_TASK] = false;
    bench_directive(b, "node-2", b->a.incarnation, TASK_BASEBACKUP);
    int task = bench_find_task(b, TASK_BASEBACKUP);
    assert_true(task >= 0);
    assert_string_equal(b->trace[task].as.task.upstream.host, "node-1.example");
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_REBUILDING);
    assert_true(bench_said(b, "trying to bootstrap from leader 'node-1'"));
    for (uint32_t i = 0; i < 40; i++) {
        struct fact fact = {.kind = FACT_TASK_PROGRESS, .task = TASK_BASEBACKUP, .percent = 2 * i};
        bench_play(b, &fact);
        bench_wait(b, 250);
    }
    int first = bench_find_event(b, EVENT_PROGRESS, 0);
    int second = bench_find_event(b, EVENT_PROGRESS, first + 1);
    assert_true(first >= 0 && second > first);
    assert_int_equal(bench_find_event(b, EVENT_PROGRESS, second + 1), -1);
    bench_finish_task(b, TASK_BASEBACKUP);
    bench_pump(b);
    bench_wait(b, 200);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_STANDBY);
    assert_string_equal(b->a.pg.upstream.node, "node-1");
}

/* A directive that comes while the one before is obeyed still has to be obeyed afterwards. */
static void test_follow_rebuild_of_a_newer_directive_comes_after(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    b->answers[ACTION_TASK] = false;
    bench_directive(b, "node-2", b->a.incarnation, TASK_BASEBACKUP);
    bench_wait(b, 100);
    uint64_t first_seq = b->a.rebuild.seq;
    assert_true(bench_find_task(b, TASK_BASEBACKUP) >= 0);
    bench_peer_release(b, "node-1");
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 1);
    bench_grant(b, "node-3", GRANT_FAILOVER);
    bench_peer_renew(b, "node-3");
    bench_peer_done(b, "node-3", TASK_PROMOTE, (struct position){2, 100});
    bench_peer_done(b, "node-3", TASK_FIRST_WRITE, (struct position){2, 100});
    bench_directive(b, "node-2", b->a.incarnation, TASK_REWIND);
    bench_finish_task(b, TASK_BASEBACKUP);
    int done = bench_find_event(b, EVENT_DONE, 0);
    assert_true(done >= 0);
    assert_int_equal(b->trace[done].as.event.body.task.directive_seq, first_seq);
    bench_wait(b, 100);
    assert_true(bench_find_task(b, TASK_REWIND) > done);
}

static void test_follow_failed_rebuild_is_reported(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->inspection = (struct inspection){.verdict = DATA_EMPTY};
    bench_fact(b, FACT_DISTURBED);
    b->task_ok = false;
    bench_directive(b, "node-2", b->a.incarnation, TASK_BASEBACKUP);
    bench_wait(b, 2000);
    const struct node *me = &b->a.cluster.nodes[b->a.me];
    assert_int_equal(me->rebuild_failures, 1);
    assert_int_equal(me->failed_task, TASK_BASEBACKUP);
    assert_int_equal(me->state, NODE_EMPTY);
    int task = bench_find_task(b, TASK_BASEBACKUP);
    assert_int_equal(bench_find(b, ACTION_TASK, task + 1), -1); /* not again by itself */
}

static void test_follow_running_standby_is_stopped_for_rebuild(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->answers[ACTION_KILL] = false;
    bench_directive(b, "node-2", b->a.incarnation, TASK_REWIND);
    assert_true(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_TASK));
    bench_guard(b, GUARD_ABSENT, 4);
    assert_true(bench_find_task(b, TASK_REWIND) > bench_find(b, ACTION_KILL, 0));
}

/* I16: another incarnation's directive, and the holder. The fold would void both; the agent does
 * not count on it. */
static void test_follow_rebuild_of_another_incarnation_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_directive(b, "node-2", b->a.incarnation - 1, TASK_BASEBACKUP);
    assert_false(bench_did(b, ACTION_KILL));
    struct node *me = &b->a.cluster.nodes[b->a.me];
    me->rebuild_task = TASK_BASEBACKUP;
    me->rebuild_seq = b->seq;
    me->rebuild_term = b->a.cluster.term;
    b->a.rebuild.seq = b->seq;
    b->a.rebuild.incarnation = b->a.incarnation - 1;
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_TASK));
    b->a.rebuild.incarnation = b->a.incarnation;
    bench_wait(b, 100);
    assert_true(bench_find_task(b, TASK_BASEBACKUP) >= 0); /* only the name was wrong */
}

static void test_follow_rebuild_of_an_earlier_term_is_refused(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct node *me = &b->a.cluster.nodes[b->a.me];
    me->rebuild_task = TASK_BASEBACKUP;
    me->rebuild_seq = b->seq;
    me->rebuild_term = b->a.cluster.term - 1;
    b->a.rebuild.seq = b->seq;
    b->a.rebuild.incarnation = b->a.incarnation;
    bench_wait(b, 2000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_TASK));
}

static void test_follow_holder_is_never_rebuilt(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_directive(b, "node-1", b->a.incarnation, TASK_BASEBACKUP);
    struct node *me = &b->a.cluster.nodes[b->a.me];
    me->rebuild_task = TASK_BASEBACKUP;
    me->rebuild_seq = b->a.rebuild.seq = b->seq;
    me->rebuild_term = b->a.cluster.term;
    b->a.rebuild.incarnation = b->a.incarnation;
    bench_wait(b, 3000);
    assert_false(bench_did(b, ACTION_KILL));
    assert_false(bench_did(b, ACTION_TASK));
    assert_int_equal(b->a.cluster.phase, PHASE_HELD);
}

/* What the leader says of the WAL that it keeps. */
static void hear_oldest(struct bench *b, uint64_t oldest_lsn)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    struct event e = bench_event(b, "node-1", EVENT_PROBE);
    e.body.probe = bench_look(NODE_PRIMARY, 1, 90000000);
    e.body.probe.oldest_lsn = oldest_lsn;
    struct fact fact = {.kind = FACT_LIVE, .subject = "pgbaton-live.demo.node-1", .data = bytes};
    fact.size = codec_encode(&e, bytes, sizeof bytes);
    bench_play(b, &fact);
}

static enum reason own_reason(const struct bench *b)
{
    return b->a.cluster.nodes[b->a.me].reason;
}

/* A receiver that is refused over and over looks as if it streamed, so only standing still counts,
 * and only below what the leader keeps. */
static void test_follow_standby_whose_wal_is_gone_says_so(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->probe.streaming = true;
    b->probe.position.lsn = b->probe.replay_lsn = 1000;
    bench_wait(b, WAL_MISSING_MS + 2000);
    assert_int_equal(own_reason(b), REASON_NONE);
    hear_oldest(b, 1000);
    bench_wait(b, WAL_MISSING_MS + 2000);
    assert_int_equal(own_reason(b), REASON_NONE);
    hear_oldest(b, 1001);
    bench_pump(b);
    assert_int_equal(own_reason(b), REASON_WAL_MISSING);
    hear_oldest(b, 0); /* it did not look */
    bench_wait(b, 1000);
    assert_int_equal(own_reason(b), REASON_WAL_MISSING);
    b->probe.replay_lsn = 900; /* something moves after all */
    bench_wait(b, 1500);
    assert_int_equal(own_reason(b), REASON_NONE);
}

static void test_follow_standby_waits_for_its_archive(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->probe.restores = true;
    b->probe.position.lsn = b->probe.replay_lsn = 1000;
    bench_wait(b, 2000);
    hear_oldest(b, 2000);
    bench_wait(b, WAL_ARCHIVE_MS - 5000);
    assert_int_equal(own_reason(b), REASON_NONE);
    bench_wait(b, 5000);
    assert_int_equal(own_reason(b), REASON_WAL_MISSING);
}

/* As long as there is WAL to replay a start goes on; one that waits for what its leader has removed
 * does not. */
static void test_follow_start_waits_for_a_recovery_that_goes_on(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    hear_oldest(b, 2000);
    b->probe.class = PROBE_STARTING;
    bench_guard(b, GUARD_ABSENT, 0);
    for (uint32_t i = 1; i <= 5; i++) {
        b->trace_count = 0;
        b->probe.startup_lsn = 100 * i;
        bench_wait(b, START_TIMEOUT_MS - 1000);
        assert_int_equal(b->a.pg.start_failures, 0);
    }
    b->probe.startup_waits = true;
    bench_wait(b, 100);
    assert_int_equal(b->a.pg.start_failures, 1);
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_FAILED);
    assert_int_equal(own_reason(b), REASON_WAL_MISSING);
}

static void test_follow_foreign_system_never_starts(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_init(b, "node-2");
    bench_intact(b);
    b->inspection.system_id = 4711;
    bench_peer_hello(b, "node-3", bench_look(NODE_EMPTY, 0, 0));
    bench_foreign_leader(b);
    bench_guard(b, GUARD_ABSENT, 0);
    bench_link(b, true);
    bench_wait(b, 3000);
    assert_false(bench_did(b, ACTION_START));
    assert_int_equal(b->a.cluster.nodes[b->a.me].state, NODE_FAILED);
    assert_int_equal(b->a.cluster.nodes[b->a.me].reason, REASON_FOREIGN_SYSTEM);
    assert_true(bench_said(b, "4711"));
    assert_true(bench_said(b, "7000000000000000001"));
}

static void test_follow_slots_for_all_others(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct event live = bench_event(b, "node-3", EVENT_PROBE);
    live.body.probe = bench_look(NODE_STANDBY, 1, SLOT_STEP_BYTES * 2);
    uint8_t bytes[EVENT_BYTES_MAX];
    struct fact fact = {.kind = FACT_LIVE, .subject = "pgbaton-live.demo.node-3", .data = bytes};
    fact.size = codec_encode(&live, bytes, sizeof bytes);
    bench_play(b, &fact);
    bench_wait(b, 1500);
    int slots = bench_find(b, ACTION_SLOTS, 0);
    assert_true(slots >= 0);
    const struct action *action = &b->trace[slots];
    assert_int_equal(action->as.slots.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        bool third = strcmp(action->as.slots.items[i].node, "node-3") == 0;
        assert_int_equal(action->as.slots.items[i].lsn, third ? SLOT_STEP_BYTES * 2 : 0);
    }
    assert_int_equal(bench_find(b, ACTION_SLOTS, slots + 1), -1);
}

static void test_follow_permanent_slots_follow_the_leader(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    assert_false(bench_did(b, ACTION_PERMANENT));
    struct permanent_slots *slots = &b->a.cluster.config.permanent_slots;
    *slots = (struct permanent_slots){.count = 2, .names = {"archive", "cdc"}};
    bench_forget(b);
    bench_wait(b, PERMANENT_PERIOD_MS / 2);
    int first = bench_find(b, ACTION_PERMANENT, 0);
    assert_true(first >= 0);
    assert_int_equal(b->trace[first].as.permanent.slots.count, 2);
    assert_string_equal(b->trace[first].as.permanent.host, b->a.pg.upstream.host);
    assert_true(b->trace[first].as.permanent.host[0] != '\0');
    assert_int_equal(bench_find(b, ACTION_PERMANENT, first + 1), -1);
    slots->count = 1;
    bench_forget(b);
    bench_wait(b, PERMANENT_PERIOD_MS / 2);
    first = bench_find(b, ACTION_PERMANENT, 0);
    assert_int_equal(b->trace[first].as.permanent.dropped.count, 1);
    assert_string_equal(b->trace[first].as.permanent.dropped.names[0], "cdc");
    bench_wait(b, PERMANENT_PERIOD_MS + 1500);
    assert_true(bench_find(b, ACTION_PERMANENT, first + 1) > first);
}

/* PostgreSQL reads them when it starts; not while another standby is away, nor in maintenance. */
static void test_follow_starts_again_for_logical_slots(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->a.cluster.config.logical_slots = (struct logical_slots){
            .count = 1, .items = {{.name = "cdc", .database = "app", .plugin = "pgoutput"}}};
    bench_wait(b, PERMANENT_PERIOD_MS / 2);
    int first = bench_find(b, ACTION_PERMANENT, 0);
    assert_true(first >= 0);
    assert_int_equal(b->trace[first].as.permanent.logical.count, 1);
    struct probe away = bench_look(NODE_STANDBY, 1, 100);
    away.streaming = false;
    bench_peer_probe(b, "node-3", away, 0);
    bench_forget(b);
    bench_fact(b, FACT_SLOTS_COPIED);
    assert_false(bench_did(b, ACTION_STOP));
    bench_peer_probe(b, "node-3", bench_look(NODE_STANDBY, 1, 100), 0);
    bench_wait(b, 10);
    int stop = bench_find(b, ACTION_STOP, 0);
    assert_true(stop >= 0);
    assert_int_equal(b->trace[stop].as.stop_mode, STOP_FAST);
    bench_wait(b, 1000);
    assert_true(bench_find(b, ACTION_START, stop) > stop);
    assert_int_equal(bench_find(b, ACTION_STOP, stop + 1), -1);
    assert_false(bench_did(b, ACTION_KILL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_follow_follows_the_new_leader),
            cmocka_unit_test(test_follow_returns_to_nobody_between_two_leaders),
            cmocka_unit_test(test_sync_waits_until_the_log_is_read),
            cmocka_unit_test(test_follow_streams_from_nobody_but_the_last_promoted),
            cmocka_unit_test(test_follow_starts_from_nobody_but_the_last_promoted),
            cmocka_unit_test(test_follow_reports_for_an_election_where_it_stands_still),
            cmocka_unit_test(test_follow_running_standby_that_left_history_reports),
            cmocka_unit_test(test_follow_running_standby_with_half_a_record_goes_on),
            cmocka_unit_test(test_follow_unclean_old_primary_waits_for_rewind),
            cmocka_unit_test(test_follow_old_primary_recovers_only_as_last_resort),
            cmocka_unit_test(test_follow_empty_node_is_rebuilt),
            cmocka_unit_test(test_follow_rebuild_of_a_newer_directive_comes_after),
            cmocka_unit_test(test_follow_failed_rebuild_is_reported),
            cmocka_unit_test(test_follow_running_standby_is_stopped_for_rebuild),
            cmocka_unit_test(test_follow_rebuild_of_another_incarnation_is_refused),
            cmocka_unit_test(test_follow_rebuild_of_an_earlier_term_is_refused),
            cmocka_unit_test(test_follow_holder_is_never_rebuilt),
            cmocka_unit_test(test_follow_standby_whose_wal_is_gone_says_so),
            cmocka_unit_test(test_follow_standby_waits_for_its_archive),
            cmocka_unit_test(test_follow_start_waits_for_a_recovery_that_goes_on),
            cmocka_unit_test(test_follow_foreign_system_never_starts),
            cmocka_unit_test(test_follow_slots_for_all_others),
            cmocka_unit_test(test_follow_permanent_slots_follow_the_leader),
            cmocka_unit_test(test_follow_starts_again_for_logical_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
