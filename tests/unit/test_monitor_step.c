/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/step.h"
#include "../../monitor/watch.h"
#include "../../proto/subject.h"
#include "world.h"

/* One monitor, one cluster, and a log of which only the number of records is kept. */
struct bench {
    struct world w; /* makes events; its fold is the reference */
    struct monitor m;
    struct monitor_cluster mc;
    struct monitor_output out;
    struct codec_arena arena;
    uint64_t now_ms;
    uint64_t seq;
    uint32_t ttl_ms;
};

static void bench_init(struct bench *b, struct config config)
{
    const struct decide_options options = {.config = config};
    memset(b, 0, sizeof(*b));
    world_init(&b->w);
    monitor_init(&b->m, "monitor-1", 7, &options);
    monitor_cluster_init(&b->mc, "demo", NULL);
    b->now_ms = 50000;
    b->ttl_ms = config.lease_ttl_ms;
    monitor_link(&b->m, true, false, b->now_ms);
    monitor_link(&b->m, true, true, b->now_ms);
}

static void give_bytes(struct bench *b, struct stimulus *s, const struct event *e)
{
    uint8_t data[EVENT_BYTES_MAX];
    s->now_ms = b->now_ms;
    s->data = data;
    s->size = codec_encode(e, data, sizeof(data));
    assert_true(s->size > 0);
    monitor_step(&b->m, &b->mc, s, &b->arena, &b->out);
}

static void give(struct bench *b, const struct event *e)
{
    char subject[SUBJECT_SIZE];
    assert_true(subject_of_event(e, subject));
    b->seq++;
    struct stimulus s = {.kind = STIMULUS_RECORD, .subject = subject, .seq = b->seq};
    give_bytes(b, &s, e);
}

static void live(struct bench *b, const char *node, uint64_t incarnation, const char *subject_node)
{
    char subject[SUBJECT_SIZE];
    struct event e = world_event(&b->w, node, EVENT_PROBE);
    e.incarnation = incarnation;
    e.body.probe = world_probe(NODE_STANDBY, 1, 1000);
    subject_live("demo", subject_node, subject);
    struct stimulus s = {.kind = STIMULUS_LIVE, .subject = subject};
    give_bytes(b, &s, &e);
}

static void tick(struct bench *b)
{
    struct stimulus s = {.kind = STIMULUS_TICK, .now_ms = b->now_ms};
    monitor_step(&b->m, &b->mc, &s, &b->arena, &b->out);
}

static void renew(struct bench *b)
{
    struct event e = world_event(&b->w, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){.term = 1, .ttl_ms = b->ttl_ms, .seen_seq = b->mc.state.last_seq};
    give(b, &e);
}

/* Sends a heartbeat if one is due, and reads it back at once. */
static bool beat(struct bench *b)
{
    struct event e;
    uint64_t next_ms;
    if (!monitor_heartbeat(&b->m, b->now_ms, 0, &e, &next_ms)) {
        return false;
    }
    b->seq++;
    e.seq = b->seq;
    monitor_heard(&b->m, &e, b->now_ms);
    return true;
}

static void pass(struct bench *b, uint64_t ms, uint64_t pace_ms)
{
    for (const uint64_t end_ms = b->now_ms + ms; b->now_ms < end_ms;) {
        b->now_ms += end_ms - b->now_ms < pace_ms ? end_ms - b->now_ms : pace_ms;
        (void)beat(b);
    }
}

static void hello(struct bench *b, const char *node, enum node_state node_state)
{
    struct event e = world_event(&b->w, node, EVENT_HELLO);
    e.body.hello.probe = world_probe(node_state, 1, node_state == NODE_EMPTY ? 0 : 1000);
    e.body.hello.probe.was_primary = node_state == NODE_STOPPED;
    memcpy(e.body.hello.host, "127.0.0.1", sizeof("127.0.0.1"));
    e.body.hello.port = 5432;
    e.body.hello.anchor.term = b->w.c.term;
    e.body.hello.anchor.grant_seq = b->w.c.grant_seq;
    give(b, &e);
}

/* Folds what the monitor has just decided. */
static void give_decided(struct bench *b)
{
    assert_true(b->out.append);
    const struct event e = b->out.event;
    give(b, &e);
}

/* node-1 adopted and holding term 1; node-2 and node-3 said hello. */
static void bench_lead(struct bench *b, struct config config)
{
    bench_init(b, config);
    (void)beat(b);
    hello(b, "node-1", NODE_STOPPED);
    give_decided(b);
    hello(b, "node-2", NODE_STANDBY);
    pass(b, BOOTSTRAP_WAIT_MS, 500);
    live(b, "node-1", 1, "node-1");
    give_decided(b);
    assert_int_equal(b->mc.state.phase, PHASE_GRANTED);
    renew(b);
    assert_int_equal(b->mc.state.phase, PHASE_HELD);
}

static struct config fast_config(void)
{
    struct config config = config_default();
    config.probe_period_ms = 50;
    config.probe_timeout_ms = 100;
    config.probe_failure_threshold = 10;
    config.lease_ttl_ms = 800;
    return config;
}

static void test_step_decides_nothing_before_the_history_is_read(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, config_default());
    monitor_link(&b.m, true, false, b.now_ms);
    hello(&b, "node-1", NODE_EMPTY);
    assert_false(b.out.append);
    assert_true(b.out.next_ms == UINT64_MAX);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).alive_mask, 0);
    monitor_link(&b.m, true, true, b.now_ms);
    tick(&b);
    assert_true(b.out.append);
    assert_int_equal(b.out.event.kind, EVENT_CONFIG);
    assert_string_equal(b.out.event.writer, "monitor-1");
    assert_int_equal(b.out.event.incarnation, 7);
}

static void test_step_keeps_one_decision_in_flight(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, config_default());
    hello(&b, "node-1", NODE_EMPTY);
    assert_true(b.out.append);
    assert_int_equal(b.out.next_ms, b.now_ms + DECISION_TIMEOUT_MS);
    b.now_ms += DECISION_TIMEOUT_MS - 1;
    tick(&b);
    assert_false(b.out.append);
    b.now_ms += 1;
    tick(&b);
    assert_true(b.out.append);
    assert_true(b.out.event.counter > 1);
}

static void test_step_rests_after_a_decision_void_for_its_content(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, config_default());
    hello(&b, "node-1", NODE_EMPTY);
    struct event spoilt = b.out.event;
    spoilt.body.config.lease_ttl_ms = 1;
    give(&b, &spoilt);
    assert_int_equal(b.out.outcome.void_reason, VOID_BAD_CONFIG);
    assert_false(b.out.append);
    b.now_ms += DECISION_TIMEOUT_MS;
    tick(&b);
    assert_true(b.out.append);
}

static void test_step_goes_on_at_once_after_a_lost_race(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, config_default());
    hello(&b, "node-1", NODE_EMPTY);
    struct event own = b.out.event;
    struct event other = own;
    memcpy(other.writer, "monitor-2", sizeof("monitor-2"));
    give(&b, &other);
    assert_true(b.out.outcome.effective);
    assert_false(b.out.append);
    b.now_ms += BOOTSTRAP_WAIT_MS / 2 - 1; /* still in flight */
    give(&b, &own);
    assert_int_equal(b.out.outcome.void_reason, VOID_STALE_PREDECESSOR);
    assert_int_equal(b.out.next_ms, 50000 + BOOTSTRAP_WAIT_MS);
}

static void test_step_freezes_on_a_newer_decision(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, config_default());
    b.mc.state.frozen_seq = 1;
    hello(&b, "node-1", NODE_EMPTY);
    assert_false(b.out.append);
    assert_true(b.out.next_ms == UINT64_MAX);
}

static void test_step_revokes_after_a_heard_silence_only(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    pass(&b, 3105, 500);
    tick(&b);
    assert_false(b.out.append);
    pass(&b, 1, 500);
    tick(&b);
    assert_true(b.out.append);
    assert_int_equal(b.out.event.kind, EVENT_REVOKE);
}

static void test_step_does_not_revoke_when_deaf(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    for (unsigned i = 0; i < 100; i++) {
        struct event lost;
        uint64_t next_ms;
        b.now_ms += 100;
        (void)monitor_heartbeat(&b.m, b.now_ms, 0, &lost, &next_ms);
        tick(&b);
        assert_false(b.out.append);
    }
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).hearing_ms, 0);
}

static void test_step_hearing_ends_with_link_gap_and_pause(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    pass(&b, 2000, 500);
    assert_true(b.m.hearing_since_ms != 0);
    monitor_link(&b.m, false, false, b.now_ms);
    assert_int_equal(b.m.hearing_since_ms, 0);
    monitor_link(&b.m, true, true, b.now_ms);
    pass(&b, 2000, 500);
    assert_true(b.m.hearing_since_ms != 0);
    b.now_ms += HEARING_GAP_MS + 1;
    tick(&b);
    assert_int_equal(b.m.hearing_since_ms, 0);
}

/* A heartbeat that was on its way when the hearing ended proves nothing about the time after it. */
static void test_step_old_heartbeat_does_not_begin_the_hearing(void **state)
{
    (void)state;
    struct bench b;
    struct event e;
    uint64_t next_ms;
    bench_init(&b, config_default());
    assert_true(monitor_heartbeat(&b.m, b.now_ms, 0, &e, &next_ms));
    assert_int_equal(next_ms, b.now_ms + HEARTBEAT_PERIOD_MS);
    assert_false(monitor_heartbeat(&b.m, b.now_ms + 1, 0, &e, &next_ms));
    monitor_link(&b.m, false, false, b.now_ms + 2);
    monitor_link(&b.m, true, true, b.now_ms + 3);
    monitor_heard(&b.m, &e, b.now_ms + 4);
    assert_int_equal(b.m.hearing_since_ms, 0);
    b.now_ms += HEARTBEAT_PERIOD_MS;
    assert_true(monitor_heartbeat(&b.m, b.now_ms, 0, &e, &next_ms));
    struct event foreign = e;
    foreign.incarnation++;
    monitor_heard(&b.m, &foreign, b.now_ms + 50);
    assert_int_equal(b.m.hearing_since_ms, 0);
    monitor_heard(&b.m, &e, b.now_ms + 300);
    assert_int_equal(b.m.hearing_since_ms, b.now_ms + 300);
}

/* With a lease shorter than the heartbeat's period the monitor asks for a heartbeat in the middle
 * of the silence, and judges the silence only when it came back. */
static void test_step_short_silence_is_proven_by_a_heartbeat_of_its_own(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, fast_config());
    pass(&b, 5000, 500);
    renew(&b);
    b.now_ms += 1000 - (b.now_ms - b.m.heartbeat_sent_ms);
    assert_true(beat(&b));
    b.now_ms += 1;
    renew(&b);
    const uint64_t wait_ms = cluster_wait_ms(&b.mc.state);
    assert_true(wait_ms < HEARTBEAT_PERIOD_MS);
    assert_int_equal(b.out.next_ms, b.now_ms + wait_ms / 2);
    assert_false(beat(&b));
    b.now_ms += wait_ms;
    tick(&b);
    assert_false(b.out.append);
    assert_true(beat(&b));
    tick(&b);
    assert_true(b.out.append);
    assert_int_equal(b.out.event.kind, EVENT_REVOKE);
}

static void test_step_alive_follows_what_is_heard(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    pass(&b, 4000, 500);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).alive_mask, 0);
    live(&b, "node-2", 1, "node-1");
    live(&b, "node-2", 2, "node-2");
    live(&b, "node-9", 1, "node-9");
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).alive_mask, 0);
    live(&b, "node-2", 1, "node-2");
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).alive_mask, 2);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 3000).alive_mask, 2);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 3001).alive_mask, 0);
    struct event e = world_event(&b.w, "node-2", EVENT_GOODBYE);
    e.body.goodbye.reason = REASON_SHUTDOWN;
    give(&b, &e);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).alive_mask, 0);
}

/* A server that was frozen gives back what was sent long ago. */
static void test_step_hearing_begins_with_what_is_read(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    monitor_link(&b.m, false, false, b.now_ms);
    monitor_link(&b.m, true, true, b.now_ms);
    b.m.heartbeat_wanted = true;
    struct event e;
    uint64_t next_ms;
    assert_true(monitor_heartbeat(&b.m, b.now_ms, 0, &e, &next_ms));
    for (int i = 0; i < 3; i++) {
        b.now_ms += HEARING_GAP_MS / 3 + 1;
        tick(&b);
    }
    e.seq = ++b.seq;
    monitor_heard(&b.m, &e, b.now_ms);
    assert_true(b.m.hearing_since_ms == b.now_ms);
}

/* They lost the leader before, and need a moment to find the new one: what commits wait for is not
 * given up because nobody streamed all that time. */
static void test_step_standbys_have_time_after_a_promotion(void **state)
{
    (void)state;
    struct bench b;
    bench_lead(&b, config_default());
    pass(&b, 5000, 500);
    tick(&b);
    assert_true(monitor_evidence(&b.m, &b.mc, b.now_ms).sync_age_ms == 0);
    struct event e = world_event(&b.w, "node-1", EVENT_DONE);
    e.body.task = (struct task_report){.task = TASK_PROMOTE, .term = 1};
    e.body.task.position = (struct position){.timeline = 1, .lsn = 1000};
    give(&b, &e);
    assert_true(b.mc.state.promoted);
    b.now_ms += 700;
    tick(&b);
    assert_true(monitor_evidence(&b.m, &b.mc, b.now_ms).sync_age_ms == 700);
}

static void test_step_backoff_doubles_to_its_maximum(void **state)
{
    (void)state;
    static const uint64_t pauses_ms[] = {0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct watch w = {.failed_ms = {10000}};
    struct cluster c;
    cluster_init(&c, "demo");
    c.node_count = 1;
    for (uint32_t i = 1; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
        c.nodes[0].rebuild_failures = i;
        assert_int_equal(watch_next_ms(&w, &c, 10000), 10000 + pauses_ms[i]);
        assert_int_equal(watch_backoff_mask(&w, &c, 10000 + pauses_ms[i] - 1), 1);
        assert_int_equal(watch_backoff_mask(&w, &c, 10000 + pauses_ms[i]), 0);
    }
    c.nodes[0].rebuild_failures = UINT32_MAX;
    assert_int_equal(watch_next_ms(&w, &c, 10000), 70000);
}

/* What a monitor reads from the history happened, for all that it knows, just now. */
static void test_step_ages_of_what_is_limited_count_from_the_reading(void **state)
{
    (void)state;
    struct bench b;
    struct config config = config_default();
    config.synchronous = SYNCHRONOUS_OFF;
    bench_lead(&b, config);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms).failover_age_ms, 0);
    struct event e = world_event(&b.w, "node-1", EVENT_DONE);
    e.body.task.task = TASK_PROMOTE;
    e.body.task.term = 1;
    e.body.task.position = (struct position){1, 1000};
    give(&b, &e);
    e = world_event(&b.w, "node-1", EVENT_DONE);
    e.body.task.task = TASK_FIRST_WRITE;
    e.body.task.term = 1;
    give(&b, &e);
    hello(&b, "node-2", NODE_EMPTY);
    assert_string_equal(b.out.event.decision.rule, "rebuild-empty");
    give_decided(&b);
    struct evidence evidence = monitor_evidence(&b.m, &b.mc, b.now_ms + 5000);
    assert_int_equal(evidence.rebuild_age_ms[0], 0);
    assert_int_equal(evidence.rebuild_age_ms[1], 5000);
    assert_int_equal(evidence.failover_age_ms, 0);
    struct cluster c = b.mc.state;
    c.failovers.seq = 77;
    const struct watch_before before = watch_before(&c);
    const struct event grant = {.kind = EVENT_GRANT, .seq = 77};
    const struct watch_arrival arrival = {
            .event = &grant, .outcome = {.effective = true}, .now_ms = b.now_ms};
    watch_observe(&b.mc.watch, &before, &c, &arrival);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 9).failover_age_ms, 9);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 9).verdict_age_ms, 0);
    const struct event verdict = {.kind = EVENT_NO_CANDIDATE, .seq = 78};
    const struct watch_arrival later = {
            .event = &verdict, .outcome = {.effective = true}, .now_ms = b.now_ms + 2};
    watch_observe(&b.mc.watch, &before, &c, &later);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 9).verdict_age_ms, 7);
    assert_int_equal(monitor_evidence(&b.m, &b.mc, b.now_ms + 9).rebuild_age_ms[1], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_step_decides_nothing_before_the_history_is_read),
            cmocka_unit_test(test_step_keeps_one_decision_in_flight),
            cmocka_unit_test(test_step_rests_after_a_decision_void_for_its_content),
            cmocka_unit_test(test_step_goes_on_at_once_after_a_lost_race),
            cmocka_unit_test(test_step_freezes_on_a_newer_decision),
            cmocka_unit_test(test_step_revokes_after_a_heard_silence_only),
            cmocka_unit_test(test_step_does_not_revoke_when_deaf),
            cmocka_unit_test(test_step_hearing_ends_with_link_gap_and_pause),
            cmocka_unit_test(test_step_old_heartbeat_does_not_begin_the_hearing),
            cmocka_unit_test(test_step_short_silence_is_proven_by_a_heartbeat_of_its_own),
            cmocka_unit_test(test_step_alive_follows_what_is_heard),
            cmocka_unit_test(test_step_hearing_begins_with_what_is_read),
            cmocka_unit_test(test_step_standbys_have_time_after_a_promotion),
            cmocka_unit_test(test_step_backoff_doubles_to_its_maximum),
            cmocka_unit_test(test_step_ages_of_what_is_limited_count_from_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
