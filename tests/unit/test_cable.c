/* SPDX-License-Identifier: PostgreSQL */
#include "../../tools/cable_fault.h"
#include "../../tools/cable_queue.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_BYTES 60

/* An IPv4 frame; only what the cable looks at is filled in. */
static void make_frame(uint8_t frame[FRAME_BYTES], const char *from, const char *to)
{
    memset(frame, 0, FRAME_BYTES);
    frame[12] = 0x08;
    assert_int_equal(inet_pton(AF_INET, from, frame + 26), 1);
    assert_int_equal(inet_pton(AF_INET, to, frame + 30), 1);
}

static bool command(struct cable_faults *faults, const char *text)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    return cable_fault_command(faults, copy);
}

/* What happens to a frame between 10.77.0.11, the member, and a peer. */
static bool drops(const struct cable_faults *faults, enum cable_direction direction,
                  const char *peer)
{
    uint8_t frame[FRAME_BYTES];
    uint64_t chance = 1;
    bool out = direction == CABLE_OUT;
    make_frame(frame, out ? "10.77.0.11" : peer, out ? peer : "10.77.0.11");
    return cable_fault_drops(&faults->of[direction], direction, frame, sizeof frame, &chance);
}

static void test_fault_drop_in_each_direction(void **state)
{
    (void)state;
    struct cable_faults faults = {0};
    assert_false(drops(&faults, CABLE_OUT, "10.77.0.1"));
    assert_false(drops(&faults, CABLE_IN, "10.77.0.1"));
    assert_true(command(&faults, "out drop"));
    assert_true(drops(&faults, CABLE_OUT, "10.77.0.1"));
    assert_false(drops(&faults, CABLE_IN, "10.77.0.1"));
    assert_true(command(&faults, "heal"));
    assert_true(command(&faults, "in drop"));
    assert_false(drops(&faults, CABLE_OUT, "10.77.0.1"));
    assert_true(drops(&faults, CABLE_IN, "10.77.0.1"));
    assert_true(command(&faults, "both drop"));
    assert_true(drops(&faults, CABLE_OUT, "10.77.0.1"));
    assert_true(drops(&faults, CABLE_IN, "10.77.0.1"));
}

static void test_fault_drops_only_with_peers(void **state)
{
    (void)state;
    struct cable_faults faults = {0};
    assert_true(command(&faults, "both drop 10.77.0.12 10.77.0.13"));
    for (int direction = 0; direction < CABLE_DIRECTION_COUNT; direction++) {
        assert_false(drops(&faults, (enum cable_direction)direction, "10.77.0.1"));
        assert_true(drops(&faults, (enum cable_direction)direction, "10.77.0.12"));
        assert_true(drops(&faults, (enum cable_direction)direction, "10.77.0.13"));
    }
    assert_true(command(&faults, "both drop 10.77.0.1"));
    assert_true(drops(&faults, CABLE_OUT, "10.77.0.1"));
    assert_false(drops(&faults, CABLE_OUT, "10.77.0.12"));
}

static void test_fault_drops_no_short_frame_as_a_peers(void **state)
{
    (void)state;
    struct cable_faults faults = {0};
    uint8_t frame[FRAME_BYTES];
    uint64_t chance = 1;
    make_frame(frame, "10.77.0.11", "10.77.0.12");
    assert_true(command(&faults, "out drop 10.77.0.12"));
    assert_false(cable_fault_drops(&faults.of[CABLE_OUT], CABLE_OUT, frame, 33, &chance));
    frame[12] = 0x86;
    assert_false(cable_fault_drops(&faults.of[CABLE_OUT], CABLE_OUT, frame, FRAME_BYTES, &chance));
}

static void test_fault_loses_the_share_that_was_asked_for(void **state)
{
    (void)state;
    struct cable_faults faults = {0};
    uint8_t frame[FRAME_BYTES];
    uint64_t chance = 88172645463325252U;
    uint32_t lost = 0;
    make_frame(frame, "10.77.0.11", "10.77.0.12");
    assert_true(command(&faults, "out loss 5"));
    for (uint32_t i = 0; i < 100000; i++) {
        lost += cable_fault_drops(&faults.of[CABLE_OUT], CABLE_OUT, frame, sizeof frame, &chance);
    }
    assert_in_range(lost, 4500, 5500);
    assert_int_equal(faults.of[CABLE_IN].loss_percent, 0);
}

static void test_fault_refuses_what_makes_no_sense(void **state)
{
    static const char *const wrong[] = {
            "",           "out",          "up drop",        "out stop",
            "out loss",   "in loss 5x",   "in loss 101",    "in loss 1 2",
            "out delay",  "out delay -1", "out delay 6000", "both drop 10.77.0",
            "heal twice",
    };
    struct cable_faults faults = {0};
    struct cable_faults before;
    (void)state;
    assert_true(command(&faults, "both delay 250"));
    before = faults;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(command(&faults, wrong[i]));
        assert_memory_equal(&faults, &before, sizeof faults);
    }
}

static void test_queue_keeps_order_and_bytes(void **state)
{
    (void)state;
    static struct cable_queue queue;
    uint8_t bytes[2] = {0};
    assert_null(cable_queue_first(&queue));
    for (uint8_t i = 0; i < 100; i++) {
        bytes[0] = i;
        /* The later half is due earlier, and waits all the same. */
        assert_true(cable_queue_put(&queue, i < 50 ? 1000 : 10, bytes, sizeof bytes));
    }
    for (uint8_t i = 0; i < 100; i++) {
        const struct cable_frame *frame = cable_queue_first(&queue);
        assert_int_equal(frame->due_us, 1000);
        assert_int_equal(frame->size, 2);
        assert_int_equal(frame->bytes[0], i);
        cable_queue_pop(&queue);
    }
    assert_null(cable_queue_first(&queue));
}

static void test_queue_loses_what_has_no_room(void **state)
{
    (void)state;
    static struct cable_queue queue;
    static uint8_t bytes[CABLE_FRAME_BYTES + 1];
    assert_false(cable_queue_put(&queue, 1, bytes, sizeof bytes));
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < CABLE_QUEUE_FRAMES; i++) {
            assert_true(cable_queue_put(&queue, i, bytes, 1));
        }
        assert_false(cable_queue_put(&queue, 1, bytes, 1));
        for (uint32_t i = 0; i < CABLE_QUEUE_FRAMES; i++) {
            cable_queue_pop(&queue);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fault_drop_in_each_direction),
            cmocka_unit_test(test_fault_drops_only_with_peers),
            cmocka_unit_test(test_fault_drops_no_short_frame_as_a_peers),
            cmocka_unit_test(test_fault_loses_the_share_that_was_asked_for),
            cmocka_unit_test(test_fault_refuses_what_makes_no_sense),
            cmocka_unit_test(test_queue_keeps_order_and_bytes),
            cmocka_unit_test(test_queue_loses_what_has_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
