/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/retention.h"
#include "world.h"

static uint8_t space[STATE_BYTES_MAX];
static const struct outcome effective = {.effective = true};

static struct snapshots_view view_of(const char *name, const struct cluster *c)
{
    return (struct snapshots_view){.name = name, .cluster_count = 1, .read_seq = c->last_seq};
}

/* The monitor reads a snapshot of c. */
static void read_one(struct snapshots *s, const struct cluster *c, uint64_t folded_seq)
{
    struct event e;
    snapshot_make(c, folded_seq, space, &e);
    e.seq = folded_seq + 1;
    snapshots_observe(s, &e, effective);
}

static void read_records(struct snapshots *s, uint64_t count)
{
    const struct event e = {.kind = EVENT_RENEW};
    for (uint64_t i = 0; i < count; i++) {
        snapshots_observe(s, &e, effective);
    }
}

static void test_snapshots_first_comes_soon(void **state)
{
    static struct world w;
    struct snapshots s = {0};

    (void)state;
    world_running(&w);
    const struct snapshots_view view = view_of("m", &w.c);
    read_records(&s, SNAPSHOT_EVENTS_FIRST - 1);
    assert_false(snapshots_are_due(&s, &w.c, &view));
    read_records(&s, SNAPSHOT_EVENTS_FIRST / 8 + 1);
    assert_true(snapshots_are_due(&s, &w.c, &view));
}

static void test_snapshots_next_comes_after_many_records(void **state)
{
    static struct world w;
    struct snapshots s = {0};

    (void)state;
    world_running(&w);
    const struct snapshots_view view = view_of("m", &w.c);
    read_one(&s, &w.c, w.c.last_seq);
    read_records(&s, SNAPSHOT_EVENTS - 1);
    assert_false(snapshots_are_due(&s, &w.c, &view));
    read_records(&s, SNAPSHOT_EVENTS / 8 + 1);
    assert_true(snapshots_are_due(&s, &w.c, &view));
    read_one(&s, &w.c, w.c.last_seq + 5);
    assert_false(snapshots_are_due(&s, &w.c, &view));
}

static void test_snapshots_monitors_are_not_due_together(void **state)
{
    static struct world w;
    struct snapshots s = {0};

    (void)state;
    world_running(&w);
    const struct snapshots_view one = view_of("monitor-1", &w.c);
    const struct snapshots_view two = view_of("monitor-2", &w.c);
    read_one(&s, &w.c, w.c.last_seq);
    while (!snapshots_are_due(&s, &w.c, &one) && !snapshots_are_due(&s, &w.c, &two)) {
        read_records(&s, 1);
    }
    assert_true(snapshots_are_due(&s, &w.c, &one) != snapshots_are_due(&s, &w.c, &two));
}

/* Else it would hold up whoever reads all clusters, and retention. */
static void test_snapshots_of_a_silent_cluster_follow_the_log(void **state)
{
    static struct world w;
    struct snapshots s = {0};

    (void)state;
    world_running(&w);
    struct snapshots_view view = view_of("m", &w.c);
    read_one(&s, &w.c, w.c.last_seq);
    view.read_seq += 2 * SNAPSHOT_SPAN_FACTOR * SNAPSHOT_EVENTS;
    assert_true(snapshots_are_due(&s, &w.c, &view));
    view.cluster_count = 3;
    assert_false(snapshots_are_due(&s, &w.c, &view));
}

static void test_snapshots_one_that_is_lost_is_written_again(void **state)
{
    static struct world w;
    struct snapshots s = {0};

    (void)state;
    world_running(&w);
    struct snapshots_view view = view_of("m", &w.c);
    read_records(&s, 2 * SNAPSHOT_EVENTS_FIRST);
    s.tried_ms = 1000;
    view.now_ms = 1000 + SNAPSHOT_RETRY_MS - 1;
    assert_false(snapshots_are_due(&s, &w.c, &view));
    view.now_ms++;
    assert_true(snapshots_are_due(&s, &w.c, &view));
}

/* A state from the middle of a log is worth nothing. */
static void test_snapshots_are_of_known_states_only(void **state)
{
    static struct cluster c;
    struct snapshots s = {0};

    (void)state;
    cluster_init(&c, "demo");
    c.last_seq = 1000;
    const struct snapshots_view view = view_of("m", &c);
    read_records(&s, 2 * SNAPSHOT_EVENTS);
    assert_false(snapshots_are_due(&s, &c, &view));
    c.decision_seq = 5;
    assert_true(snapshots_are_due(&s, &c, &view));
    c.frozen_seq = 6;
    assert_false(snapshots_are_due(&s, &c, &view));
}

static void test_snapshots_two_are_kept(void **state)
{
    static struct world w;
    struct snapshots s = {0};
    const uint64_t seq = 500;

    (void)state;
    world_running(&w);
    assert_int_equal(snapshots_needless_seq(&s), 0);
    read_one(&s, &w.c, seq);
    assert_int_equal(snapshots_needless_seq(&s), 0);
    read_one(&s, &w.c, seq); /* the same again, in its place */
    assert_int_equal(snapshots_needless_seq(&s), 0);
    read_one(&s, &w.c, seq + 100);
    assert_int_equal(snapshots_needless_seq(&s), seq);
    read_one(&s, &w.c, seq + 50); /* overtaken */
    assert_int_equal(snapshots_needless_seq(&s), seq);
}

static void test_snapshots_that_nobody_can_read_do_not_count(void **state)
{
    static struct world w;
    struct snapshots s = {0};
    struct event e;

    (void)state;
    world_running(&w);
    snapshot_make(&w.c, w.c.last_seq, space, &e);
    e.body.snapshot.digest[3] ^= 1;
    snapshots_observe(&s, &e, effective);
    assert_int_equal(s.folded_seq, 0);
    snapshot_make(&w.c, w.c.last_seq, space, &e);
    snapshots_observe(&s, &e, (struct outcome){.void_reason = VOID_BAD_DIGEST});
    assert_int_equal(s.folded_seq, 0);
}

static void test_retention_keeps_what_any_cluster_needs(void **state)
{
    const struct snapshots both = {.folded_seq = 900, .previous_seq = 500};
    const struct snapshots late = {.folded_seq = 800, .previous_seq = 300};
    const struct snapshots one = {.folded_seq = 800};
    uint64_t keep_seq = UINT64_MAX;

    (void)state;
    keep_seq = retention_keep_seq(keep_seq, &both);
    assert_int_equal(keep_seq, 501);
    keep_seq = retention_keep_seq(keep_seq, &late);
    assert_int_equal(keep_seq, 301);
    keep_seq = retention_keep_seq(keep_seq, &both);
    assert_int_equal(keep_seq, 301);
    keep_seq = retention_keep_seq(keep_seq, &one);
    assert_int_equal(keep_seq, 0);
    assert_int_equal(retention_keep_seq(keep_seq, &both), 0);
}

static void test_retention_removes_a_part_at_a_time(void **state)
{
    struct retention r = {.span_s = 3600};
    const uint64_t wall_us = UINT64_C(1700000000000000);
    uint64_t before_us = 0;

    (void)state;
    assert_false(retention_is_due(&r, 0, 1000, wall_us, &before_us));
    assert_false(retention_is_due(&r, UINT64_MAX, 1000, wall_us, &before_us));
    assert_true(retention_is_due(&r, 301, 1000, wall_us, &before_us));
    assert_int_equal(before_us, wall_us - UINT64_C(3600000000));
    assert_false(retention_is_due(&r, 301, 1001, wall_us, &before_us));
    assert_true(retention_is_due(&r, 301, 1000 + RETENTION_PERIOD_MS, wall_us, &before_us));
    r = (struct retention){.span_s = 0};
    assert_false(retention_is_due(&r, 301, 1000, wall_us, &before_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_snapshots_first_comes_soon),
            cmocka_unit_test(test_snapshots_next_comes_after_many_records),
            cmocka_unit_test(test_snapshots_monitors_are_not_due_together),
            cmocka_unit_test(test_snapshots_of_a_silent_cluster_follow_the_log),
            cmocka_unit_test(test_snapshots_one_that_is_lost_is_written_again),
            cmocka_unit_test(test_snapshots_are_of_known_states_only),
            cmocka_unit_test(test_snapshots_two_are_kept),
            cmocka_unit_test(test_snapshots_that_nobody_can_read_do_not_count),
            cmocka_unit_test(test_retention_keeps_what_any_cluster_needs),
            cmocka_unit_test(test_retention_removes_a_part_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
