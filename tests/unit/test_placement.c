/* SPDX-License-Identifier: PostgreSQL */
#include "../../monitor/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct placement_map map = {
        .count = 3, .servers = {{"nats-1", "a"}, {"nats-2", "b"}, {"nats-3", "c"}}};
static const char *hosts[3] = {"a", "a", "b"};

static struct placement_view led_by(const char *leader, const char *current)
{
    return (struct placement_view){.leader = leader,
                                   .current = current,
                                   .hosts = hosts,
                                   .host_count = 3,
                                   .all_serve = true};
}

static const char *better(struct placement_view view)
{
    const struct placement_server *server = placement_better(&map, &view);
    return server != NULL ? server->name : "";
}

static void test_placement_moves_off_the_primaries_host(void **state)
{
    (void)state;
    assert_string_equal(better(led_by("nats-1", "nats-2,nats-3")), "nats-3");
    assert_string_equal(better(led_by("nats-2", "nats-1,nats-3")), "nats-3");
    assert_string_equal(better(led_by("nats-3", "nats-1,nats-2")), "");
}

static void test_placement_needs_one_that_has_all_of_the_log(void **state)
{
    (void)state;
    assert_string_equal(better(led_by("nats-1", "nats-2")), "nats-2");
    assert_string_equal(better(led_by("nats-1", "nats-30,nats")), "");
    assert_string_equal(better(led_by("nats-1", "")), "");
    assert_string_equal(better(led_by("nats-2", "nats-1")), "");
}

static void test_placement_knows_its_servers_only(void **state)
{
    (void)state;
    assert_string_equal(better(led_by("", "nats-2,nats-3")), "");
    assert_string_equal(better(led_by("nats-4", "nats-2,nats-3")), "");
    struct placement_view view = led_by("nats-1", "nats-2,nats-3");
    const struct placement_map none = {.count = 0};
    assert_null(placement_better(&none, &view));
}

static void test_placement_not_beside_a_failover(void **state)
{
    (void)state;
    struct placement_view view = led_by("nats-1", "nats-2,nats-3");
    view.all_serve = false;
    assert_string_equal(better(view), "");
}

static uint64_t asks_at(struct placement *p, struct placement_view view, const char *name,
                        uint64_t from_ms)
{
    for (uint64_t now_ms = from_ms; now_ms < from_ms + 200000; now_ms += 1000) {
        if (placement_step(p, &map, &view, name, now_ms) != NULL) {
            return now_ms;
        }
    }
    return 0;
}

static void test_placement_asks_once_a_minute(void **state)
{
    (void)state;
    struct placement p = {.moved_ms = 0};
    struct placement_view view = led_by("nats-1", "nats-2,nats-3");
    const uint64_t first_ms = asks_at(&p, view, "monitor-1", 1000);
    assert_in_range(first_ms, 1000 + PLACEMENT_SETTLE_MS, 1000 + 2 * PLACEMENT_SETTLE_MS);
    assert_int_equal(asks_at(&p, view, "monitor-1", first_ms + 1000),
                     first_ms + PLACEMENT_PAUSE_MS);
}

/* Whoever asked: another monitor, or the server failed. */
static void test_placement_waits_after_a_change_of_the_leader(void **state)
{
    (void)state;
    struct placement p = {.moved_ms = 0};
    struct placement_view good = led_by("nats-3", "nats-1,nats-2");
    struct placement_view bad = led_by("nats-1", "nats-2,nats-3");
    assert_null(placement_step(&p, &map, &good, "monitor-1", 1000));
    assert_null(placement_step(&p, &map, &bad, "monitor-1", 2000));
    assert_int_equal(asks_at(&p, bad, "monitor-1", 3000), 2000 + PLACEMENT_PAUSE_MS);
}

static void test_placement_waits_until_all_has_settled(void **state)
{
    (void)state;
    struct placement p = {.moved_ms = 0};
    struct placement_view view = led_by("nats-1", "nats-2,nats-3");
    struct placement_view busy = view;
    busy.all_serve = false;
    assert_null(placement_step(&p, &map, &view, "monitor-1", 1000));
    assert_null(placement_step(&p, &map, &busy, "monitor-1", 20000));
    assert_true(asks_at(&p, view, "monitor-1", 21000) >= 21000 + PLACEMENT_SETTLE_MS);
}

/* The second sees that the leader has changed before its turn comes. */
static void test_placement_two_monitors_ask_apart(void **state)
{
    (void)state;
    struct placement one = {.moved_ms = 0};
    struct placement two = {.moved_ms = 0};
    struct placement_view view = led_by("nats-1", "nats-2,nats-3");
    assert_int_not_equal(asks_at(&one, view, "monitor-1", 1000),
                         asks_at(&two, view, "monitor-2", 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_placement_moves_off_the_primaries_host),
            cmocka_unit_test(test_placement_needs_one_that_has_all_of_the_log),
            cmocka_unit_test(test_placement_knows_its_servers_only),
            cmocka_unit_test(test_placement_not_beside_a_failover),
            cmocka_unit_test(test_placement_asks_once_a_minute),
            cmocka_unit_test(test_placement_waits_after_a_change_of_the_leader),
            cmocka_unit_test(test_placement_waits_until_all_has_settled),
            cmocka_unit_test(test_placement_two_monitors_ask_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
