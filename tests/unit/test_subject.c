/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every kind with the subject of writer n-1 in cluster demo; NULL: has none. */
static const struct {
    enum event_kind kind;
    const char *subject;
} places[] = {
        {EVENT_NONE, NULL},
        {EVENT_PROBE, "pgbaton.demo.probe.n-1"},
        {EVENT_RENEW, "pgbaton.demo.lock.n-1"},
        {EVENT_RELEASE, "pgbaton.demo.lock.n-1"},
        {EVENT_REFUSE, "pgbaton.demo.lock.n-1"},
        {EVENT_HELLO, "pgbaton.demo.node.n-1"},
        {EVENT_PROGRESS, "pgbaton.demo.node.n-1"},
        {EVENT_DONE, "pgbaton.demo.node.n-1"},
        {EVENT_FAILED, "pgbaton.demo.node.n-1"},
        {EVENT_GOODBYE, "pgbaton.demo.node.n-1"},
        {EVENT_REVOKE, "pgbaton.demo.decision"},
        {EVENT_GRANT, "pgbaton.demo.decision"},
        {EVENT_DIRECTIVE, "pgbaton.demo.decision"},
        {EVENT_CONFIG, "pgbaton.demo.decision"},
        {EVENT_NO_CANDIDATE, "pgbaton.demo.decision"},
        {EVENT_SYNC_SET, "pgbaton.demo.decision"},
        {EVENT_HEARTBEAT, NULL},
        {EVENT_REQUEST, "pgbaton.demo.request.n-1"},
        {EVENT_SWITCHOVER_STEP, "pgbaton.demo.decision"},
        {EVENT_ORDER, "pgbaton.demo.decision"},
        {EVENT_SNAPSHOT, "pgbaton.demo.snapshot"},
        {EVENT_ANCHOR, "pgbaton.demo.anchor.n-1"},
        {EVENT_KIND_COUNT, NULL},
};

static struct event make_event(enum event_kind kind, const char *cluster, const char *writer)
{
    struct event e = {.kind = kind};

    (void)snprintf(e.cluster, sizeof(e.cluster), "%s", cluster);
    (void)snprintf(e.writer, sizeof(e.writer), "%s", writer);
    return e;
}

static void test_subject_of_each_kind(void **state)
{
    char subject[SUBJECT_SIZE];

    (void)state;
    _Static_assert(sizeof(places) / sizeof(places[0]) == EVENT_KIND_COUNT + 1, "every kind");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct event e = make_event(places[i].kind, "demo", "n-1");

        assert_int_equal(subject_of_event(&e, subject), places[i].subject != NULL);
        assert_string_equal(subject, places[i].subject != NULL ? places[i].subject : "");
    }
}

static void test_subject_of_heartbeat(void **state)
{
    struct event e = make_event(EVENT_HEARTBEAT, "_", "m-1");
    char subject[SUBJECT_SIZE];

    (void)state;
    assert_true(subject_of_event(&e, subject));
    assert_string_equal(subject, "pgbaton._.monitor.m-1");
    assert_true(subject_fits_event("pgbaton._.monitor.m-1", &e));
    assert_true(subject_fits_event("pgbaton-feed._.monitor.m-1", &e));
    assert_false(subject_fits_event("pgbaton._.monitor.m-2", &e));
}

static void test_subject_refuses_invalid_names(void **state)
{
    struct event no_writer = make_event(EVENT_PROBE, "demo", "");
    struct event wild_writer = make_event(EVENT_PROBE, "demo", "*");
    struct event no_cluster = make_event(EVENT_PROBE, "_", "n-1");
    struct event wide_cluster = make_event(EVENT_GRANT, "a.b", "m-1");
    char subject[SUBJECT_SIZE];

    (void)state;
    assert_false(subject_of_event(&no_writer, subject));
    assert_false(subject_of_event(&wild_writer, subject));
    assert_false(subject_of_event(&no_cluster, subject));
    assert_false(subject_of_event(&wide_cluster, subject));
}

static void test_subject_longest_names_fit(void **state)
{
    static const char name[] = "a123456789-123456789-123456789-123456789";
    struct event e = make_event(EVENT_PROBE, name, name);
    char subject[SUBJECT_SIZE];
    char expected[SUBJECT_SIZE];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "pgbaton.%s.probe.%s", name, name);
    assert_true(subject_of_event(&e, subject));
    assert_string_equal(subject, expected);
}

static void test_subject_fits_only_the_right_place(void **state)
{
    struct event renew = make_event(EVENT_RENEW, "demo", "n-1");
    struct event grant = make_event(EVENT_GRANT, "demo", "m-1");

    (void)state;
    assert_true(subject_fits_event("pgbaton.demo.lock.n-1", &renew));
    assert_true(subject_fits_event("pgbaton-feed.demo.lock.n-1", &renew));
    assert_false(subject_fits_event("pgbaton-live.demo.lock.n-1", &renew));
    assert_false(subject_fits_event("pgbaton.demo.lock.n-2", &renew));
    assert_false(subject_fits_event("pgbaton.demo.lock.n-1.x", &renew));
    assert_false(subject_fits_event("pgbaton.demo.probe.n-1", &renew));
    assert_false(subject_fits_event("pgbaton.other.lock.n-1", &renew));
    assert_false(subject_fits_event("pgbaton", &renew));
    assert_false(subject_fits_event("", &renew));
    assert_true(subject_fits_event("pgbaton.demo.decision", &grant));
    assert_false(subject_fits_event("pgbaton.demo.decision.m-1", &grant));
    assert_false(subject_fits_event("pgbaton.demo.lock.m-1", &grant));
}

static void test_subject_plain_messages(void **state)
{
    char subject[SUBJECT_SIZE];

    (void)state;
    subject_live("demo", "*", subject);
    assert_string_equal(subject, "pgbaton-live.demo.*");
    subject_ask("demo", subject);
    assert_string_equal(subject, "pgbaton-ask.demo");
}

static void check_cluster(const char *subject, const char *expected)
{
    char cluster[NAME_SIZE];

    assert_int_equal(subject_cluster(subject, cluster), expected != NULL);
    assert_string_equal(cluster, expected != NULL ? expected : "");
}

static void test_subject_cluster(void **state)
{
    (void)state;
    check_cluster("pgbaton.demo.lock.n-1", "demo");
    check_cluster("pgbaton.demo.decision", "demo");
    check_cluster("pgbaton-feed.demo.decision", "demo");
    check_cluster("pgbaton-live.demo.n-1", "demo");
    check_cluster("pgbaton-ask.demo", "demo");
    check_cluster("pgbaton._.monitor.m-1", "_");
    check_cluster("pgbaton..decision", NULL);
    check_cluster("pgbaton.", NULL);
    check_cluster("pgbaton", NULL);
    check_cluster("", NULL);
    check_cluster("pgbato.demo.decision", NULL);
    check_cluster("pgbaton-feeds.demo.decision", NULL);
    check_cluster("pgbaton.DEMO.decision", NULL);
    check_cluster("pgbaton.a123456789-123456789-123456789-1234567890.decision", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_subject_of_each_kind),
            cmocka_unit_test(test_subject_of_heartbeat),
            cmocka_unit_test(test_subject_refuses_invalid_names),
            cmocka_unit_test(test_subject_longest_names_fit),
            cmocka_unit_test(test_subject_fits_only_the_right_place),
            cmocka_unit_test(test_subject_plain_messages),
            cmocka_unit_test(test_subject_cluster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
