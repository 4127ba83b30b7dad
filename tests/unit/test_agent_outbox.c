/* SPDX-License-Identifier: PostgreSQL */
/* Events that must be read back. */
#include "test_agent_begin.h"

static struct bench bench;

static void test_outbox_resends_identical(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    b->drops_appends = true;
    bench_guard(b, GUARD_ORPHANED, 0);
    int first = bench_find_event(b, EVENT_RELEASE, 0);
    assert_true(first >= 0);
    bench_wait(b, RESEND_MS - 100);
    assert_int_equal(bench_find_event(b, EVENT_RELEASE, first + 1), -1);
    bench_wait(b, 200);
    int second = bench_find_event(b, EVENT_RELEASE, first + 1);
    assert_true(second > first);
    assert_memory_equal(bench_event_at(b, first), bench_event_at(b, second), sizeof(struct event));
    b->drops_appends = false;
    bench_wait(b, RESEND_MS);
    assert_int_equal(b->a.cluster.phase, PHASE_RELEASED);
    assert_false(outbox_holds(&b->a.outbox, EVENT_RELEASE));
}

static void test_outbox_keeps_order_within_a_class(void **state)
{
    (void)state;
    struct outbox box;
    struct action_list list = {.count = 0};
    outbox_clear(&box);
    struct event e = {.kind = EVENT_DONE, .incarnation = 1, .counter = 1};
    outbox_put(&box, &e);
    e.counter = 2;
    outbox_put(&box, &e);
    e.counter = 3;
    e.kind = EVENT_RELEASE;
    outbox_put(&box, &e);
    outbox_send(&box, 10, 16, &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].as.event.counter, 1);
    assert_int_equal(list.items[1].as.event.counter, 3);
    e = box.items[0].event;
    e.incarnation = 2; /* another incarnation's says nothing about ours */
    assert_false(outbox_read_back(&box, &e));
    e.incarnation = 1;
    assert_true(outbox_read_back(&box, &e));
    list.count = 0;
    assert_int_equal(outbox_next_ms(&box), 0);
    outbox_send(&box, 11, 16, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].as.event.counter, 2);
}

static void test_outbox_is_bounded(void **state)
{
    (void)state;
    struct outbox box;
    outbox_clear(&box);
    struct event e = {.kind = EVENT_RELEASE, .incarnation = 1, .counter = 1};
    outbox_put(&box, &e);
    for (uint64_t i = 2; i < 40; i++) {
        e.kind = i % 3 == 0 ? EVENT_PROBE : EVENT_DONE;
        e.counter = i;
        outbox_put(&box, &e);
        assert_true(box.count <= OUTBOX_COUNT_MAX);
    }
    assert_true(outbox_holds(&box, EVENT_RELEASE)); /* reports make room, locks do not */
    uint32_t probes = 0;
    for (uint32_t i = 0; i < box.count; i++) {
        probes += box.items[i].event.kind == EVENT_PROBE ? 1 : 0;
    }
    assert_int_equal(probes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_outbox_resends_identical),
            cmocka_unit_test(test_outbox_keeps_order_within_a_class),
            cmocka_unit_test(test_outbox_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
