/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef const char *(*name_function)(unsigned int value);

/* Each string table as a function of a plain number. */
#define WRAP(function, type)                                                                       \
    static const char *wrapped_##function(unsigned int value)                                      \
    {                                                                                              \
        return function((type)value);                                                              \
    }
WRAP(event_kind_name, enum event_kind)
WRAP(node_state_name, enum node_state)
WRAP(reason_name, enum reason)
WRAP(reason_text, enum reason)
WRAP(task_name, enum task)
WRAP(grant_kind_name, enum grant_kind)
WRAP(verdict_name, enum verdict)
WRAP(verdict_text, enum verdict)
WRAP(switch_policy_name, enum switch_policy)

static const struct {
    name_function name;
    unsigned int count;
} tables[] = {
        {wrapped_event_kind_name, EVENT_KIND_COUNT},
        {wrapped_node_state_name, NODE_STATE_COUNT},
        {wrapped_reason_name, REASON_COUNT},
        {wrapped_reason_text, REASON_COUNT},
        {wrapped_task_name, TASK_COUNT},
        {wrapped_grant_kind_name, GRANT_KIND_COUNT},
        {wrapped_verdict_name, VERDICT_COUNT},
        {wrapped_verdict_text, VERDICT_COUNT},
        {wrapped_switch_policy_name, SWITCH_POLICY_COUNT},
};

static void check_table(name_function name, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        assert_non_null(name(i));
        assert_true(strlen(name(i)) > 1);
        for (unsigned int j = 0; j < i; j++) {
            assert_string_not_equal(name(i), name(j));
        }
    }
    assert_string_equal(name(count), "?");
    assert_string_equal(name(0x7fffffff), "?");
    assert_string_equal(name(0xffffffff), "?");
}

static void test_event_names_are_distinct_and_total(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        check_table(tables[i].name, tables[i].count);
    }
}

static void test_event_names_are_the_documented_ones(void **state)
{
    (void)state;
    assert_string_equal(event_kind_name(EVENT_NO_CANDIDATE), "no_candidate");
    assert_string_equal(node_state_name(NODE_REBUILDING), "rebuilding");
    assert_string_equal(reason_name(REASON_DATA_DIRECTORY_EMPTY), "data_directory_empty");
    assert_string_equal(reason_text(REASON_DATA_DIRECTORY_EMPTY), "data directory empty");
    assert_string_equal(task_name(TASK_BASEBACKUP), "basebackup");
    assert_string_equal(grant_kind_name(GRANT_BOOTSTRAP), "bootstrap");
    assert_string_equal(verdict_name(VERDICT_NOT_REPORTED), "not_reported");
    assert_string_equal(verdict_text(VERDICT_NOT_REPORTED), "has not reported for this election");
    assert_string_equal(switch_policy_name(SWITCH_MAXIMUM_AVAILABILITY), "MaximumAvailability");
}

static void test_event_each_kind_has_one_author(void **state)
{
    (void)state;
    for (unsigned int i = EVENT_NONE + 1; i < EVENT_KIND_COUNT; i++) {
        enum event_kind kind = (enum event_kind)i;
        bool is_monitors = event_is_decision(kind) || kind == EVENT_HEARTBEAT ||
                           kind == EVENT_SNAPSHOT || kind == EVENT_ANCHOR;

        bool is_operators = kind == EVENT_REQUEST;

        assert_int_equal(event_is_agents(kind) + is_monitors + is_operators, 1);
        assert_true(!event_is_lock(kind) || event_is_agents(kind));
    }
    assert_false(event_is_agents(EVENT_NONE));
    assert_false(event_is_decision(EVENT_NONE));
    assert_true(event_is_lock(EVENT_RENEW));
    assert_true(event_is_lock(EVENT_RELEASE));
    assert_true(event_is_lock(EVENT_REFUSE));
    assert_false(event_is_lock(EVENT_PROBE));
}

static void test_event_name_is_valid(void **state)
{
    static const char longest[] = "a123456789-123456789-123456789-123456789";

    (void)state;
    _Static_assert(sizeof(longest) == NAME_SIZE, "a name of 40 bytes");
    assert_true(name_is_valid("a"));
    assert_true(name_is_valid("node-1"));
    assert_true(name_is_valid("0-"));
    assert_true(name_is_valid(longest));
    assert_false(name_is_valid("a123456789-123456789-123456789-1234567890"));
    assert_false(name_is_valid(""));
    assert_false(name_is_valid("-a"));
    assert_false(name_is_valid("_"));
    assert_false(name_is_valid("Node"));
    assert_false(name_is_valid("a.b"));
    assert_false(name_is_valid("a*"));
    assert_false(name_is_valid("a b"));
    assert_false(name_is_valid("a\n"));
    assert_false(name_is_valid("\xc3\xa4"));
}

static void test_event_positions_compare_by_timeline_first(void **state)
{
    const struct position low = {.timeline = 1, .lsn = 900};
    const struct position middle = {.timeline = 2, .lsn = 100};
    const struct position high = {.timeline = 2, .lsn = UINT64_MAX};

    (void)state;
    assert_int_equal(position_compare(low, low), 0);
    assert_true(position_compare(low, middle) < 0);
    assert_true(position_compare(middle, low) > 0);
    assert_true(position_compare(middle, high) < 0);
    assert_true(position_compare(high, middle) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_event_names_are_distinct_and_total),
            cmocka_unit_test(test_event_names_are_the_documented_ones),
            cmocka_unit_test(test_event_each_kind_has_one_author),
            cmocka_unit_test(test_event_name_is_valid),
            cmocka_unit_test(test_event_positions_compare_by_timeline_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
