/* SPDX-License-Identifier: PostgreSQL */
/* Failsafe: a leader lives on its peers' promises while the log is away. */
#include "test_agent_begin.h"

static struct bench bench;

/* ---- as the leader ---- */

/* node-1 leads, and node-3 could follow; the log takes nothing from now on. */
static struct bench *cut_off_leader(void)
{
    struct bench *b = &bench;
    bench_leader(b);
    bench_wait(b, 1500);
    bench_forget(b);
    b->drops_appends = true;
    return b;
}

static bool has_spoken(const struct bench *b)
{
    return bench_did(b, ACTION_PROMISE);
}

static const struct action *question(const struct bench *b)
{
    int i = bench_find(b, ACTION_PROMISE, 0);
    assert_true(i >= 0);
    return &b->trace[i < 0 ? 0 : i];
}

/* Lets time pass until it asks. */
static struct promise_message wait_for_question(struct bench *b)
{
    for (int i = 0; i < 40 && !has_spoken(b); i++) {
        bench_wait(b, 50);
    }
    assert_int_equal(question(b)->as.promise.message.kind, PROMISE_ASKED);
    return question(b)->as.promise.message;
}

static void hear(struct bench *b, const struct promise_message *m)
{
    struct fact fact = {.kind = FACT_PROMISE, .promise = *m};
    bench_play(b, &fact);
}

static void promise(struct bench *b, const struct promise_message *asked, const char *node)
{
    struct promise_message m = *asked;
    m.kind = PROMISE_ANSWERED;
    snprintf(m.from, sizeof m.from, "%s", node);
    memcpy(m.to, asked->from, sizeof m.to);
    m.reason = REASON_NONE;
    hear(b, &m);
}

static bool names(const struct event *renewal, const char *node)
{
    for (uint32_t i = 0; i < renewal->body.renew.electable.count; i++) {
        if (strcmp(renewal->body.renew.electable.names[i], node) == 0) {
            return true;
        }
    }
    return false;
}

static const struct event *last_renewal(const struct bench *b)
{
    int last = -1;
    for (int i = bench_find_event(b, EVENT_RENEW, 0); i >= 0;
         i = bench_find_event(b, EVENT_RENEW, i + 1)) {
        last = i;
    }
    return bench_event_at(b, last);
}

static void test_promise_goes_on_from_the_question(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    uint64_t before_ms = agent_lease_deadline_ms(&b->a);
    struct promise_message asked = wait_for_question(b);
    uint64_t asked_ms = b->a.promise.asked_ms;
    assert_string_equal(question(b)->as.promise.to.names[0], "node-3");
    assert_int_equal(question(b)->as.promise.to.count, 1);
    assert_true(b->now_ms < before_ms - config_demote_ms(asked.ttl_ms));
    b->now_ms += 40;
    promise(b, &asked, "node-3");
    assert_int_equal(agent_lease_deadline_ms(&b->a), asked_ms + asked.ttl_ms);
    assert_true(bench_said(b, "by promises of the nodes"));
}

/* Each answer brings it to the next question: for as long as the log is away. */
static void test_promise_goes_on_and_on(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    for (int i = 0; i < 30; i++) {
        struct promise_message asked = wait_for_question(b);
        bench_forget(b);
        promise(b, &asked, "node-3");
    }
    assert_int_equal(b->a.pg.role, ROLE_PRIMARY);
    assert_false(bench_did(b, ACTION_KILL));
    b->drops_appends = false;
    bench_wait(b, 3000);
    assert_true(bench_said(b, "the log can be written again"));
    assert_true(b->a.cluster.writable);
}

static void test_promise_that_does_not_come_ends_the_lease(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    wait_for_question(b);
    bench_wait(b, 3000);
    assert_true(bench_did(b, ACTION_STOP));
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
}

static void test_promise_of_another_question_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    struct promise_message asked = wait_for_question(b);
    struct promise_message other = asked;
    other.number++;
    promise(b, &other, "node-3");
    other = asked;
    other.incarnation--;
    promise(b, &other, "node-3");
    other = asked;
    other.term++;
    promise(b, &other, "node-3");
    promise(b, &asked, "node-9");
    snprintf(asked.cluster, sizeof asked.cluster, "other");
    promise(b, &asked, "node-3");
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
}

static void test_promise_refused_gives_nothing(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    struct promise_message m = wait_for_question(b);
    m.kind = PROMISE_ANSWERED;
    snprintf(m.from, sizeof m.from, "node-3");
    snprintf(m.to, sizeof m.to, "node-1");
    m.reason = REASON_DEPOSED;
    hear(b, &m);
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
    assert_true(bench_said(b, "node-3 promises nothing"));
}

static void test_promise_revives_no_lease(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    struct promise_message asked = wait_for_question(b);
    b->answers[ACTION_STOP] = b->answers[ACTION_KILL] = false;
    b->now_ms = agent_lease_deadline_ms(&b->a);
    promise(b, &asked, "node-3");
    assert_true(agent_lease_deadline_ms(&b->a) <= b->now_ms);
}

/* Until it has read back a renewal of its own it may know less than its predecessor has said. */
static void test_promise_is_not_asked_by_a_new_incarnation(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    bench_restart_agent(b);
    struct fact fact = {.kind = FACT_GUARD, .guard = GUARD_RUNNING, .deadline_ms = deadline_ms};
    bench_play(b, &fact);
    bench_link(b, true);
    bench_wait(b, 1200);
    assert_false(has_spoken(b));
}

static void test_promise_asks_all_that_a_renewal_may_name(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    bench_peer_hello(b, "node-4", bench_look(NODE_STANDBY, 1, 100));
    b->a.live_ms[cluster_find_node(&b->a.cluster, "node-4")] = b->now_ms;
    bench_fact(b, FACT_TICK);
    assert_true(names(last_renewal(b), "node-4")); /* at once, and nobody has read it */
    struct promise_message asked = wait_for_question(b);
    assert_int_equal(question(b)->as.promise.to.count, 2);
    uint64_t deadline_ms = agent_lease_deadline_ms(&b->a);
    promise(b, &asked, "node-3");
    assert_int_equal(agent_lease_deadline_ms(&b->a), deadline_ms);
    promise(b, &asked, "node-4");
    assert_true(agent_lease_deadline_ms(&b->a) > deadline_ms);
}

static void test_promise_names_nobody_who_is_silent(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    bench_wait(b, 1500);
    assert_true(names(last_renewal(b), "node-3"));
    bench_wait(b, 4000); /* of which all renewals are read back */
    assert_false(names(last_renewal(b), "node-3"));
    bench_forget(b);
    b->drops_appends = true;
    bench_wait(b, 20000); /* alone it needs nobody */
    assert_false(has_spoken(b));
    assert_int_equal(b->a.pg.role, ROLE_PRIMARY);
}

/* Nobody is silent by the word of one who does not hear. */
static void test_promise_names_whom_it_cannot_hear(void **state)
{
    (void)state;
    struct bench *b = cut_off_leader();
    for (int i = 0; i < 20; i++) {
        struct promise_message asked = wait_for_question(b);
        bench_forget(b);
        promise(b, &asked, "node-3");
    }
    bench_wait(b, 600);
    assert_true(names(last_renewal(b), "node-3"));
}

static void test_promise_off(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_leader(b);
    struct event e = bench_decision(b, EVENT_CONFIG);
    e.body.config = config_default();
    e.body.config.failsafe = FAILSAFE_OFF;
    bench_store(b, &e);
    bench_wait(b, 1500);
    assert_false(last_renewal(b)->body.renew.failsafe);
    bench_forget(b);
    b->drops_appends = true;
    bench_wait(b, 4000);
    assert_false(has_spoken(b));
    assert_int_equal(agent_lease_deadline_ms(&b->a), 0);
}

/* ---- as a peer ---- */

static struct promise_message asked_by(const struct bench *b, const char *node)
{
    struct promise_message m = {
            .kind = PROMISE_ASKED, .term = 1, .incarnation = 7, .number = 3, .ttl_ms = 3000};
    snprintf(m.cluster, sizeof m.cluster, "demo");
    snprintf(m.from, sizeof m.from, "%s", node);
    snprintf(m.to, sizeof m.to, "node-2");
    m.counter = b->a.cluster.lease.renewal_mark.counter;
    m.incarnation = b->a.cluster.lease.renewal_mark.incarnation;
    m.age_ms = 1100;
    return m;
}

static const struct promise_message *answered(const struct bench *b)
{
    const struct action *action = question(b);
    assert_int_equal(action->as.promise.message.kind, PROMISE_ANSWERED);
    assert_int_equal(action->as.promise.message.number, 3);
    return &action->as.promise.message;
}

static void test_promise_is_persisted_before_it_is_given(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_forget(b);
    b->answers[ACTION_PERSIST] = false;
    struct promise_message asked = asked_by(b, "node-1");
    hear(b, &asked);
    assert_false(has_spoken(b));
    int persist = bench_find(b, ACTION_PERSIST, 0);
    assert_true(persist >= 0);
    assert_int_equal(b->trace[persist].as.vote.promised_ttl_ms, 3000);
    bench_fact(b, FACT_PERSISTED);
    assert_int_equal(answered(b)->reason, REASON_NONE);
    bench_forget(b);
    hear(b, &asked); /* the second time at once */
    assert_int_equal(answered(b)->reason, REASON_NONE);
    assert_false(bench_did(b, ACTION_PERSIST));
}

static void test_promise_keeps_still(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    b->promoted = (struct position){2, 100};
    struct promise_message asked = asked_by(b, "node-1");
    hear(b, &asked);
    uint64_t until_ms = b->now_ms + 3000 + LEASE_ALLOWANCE_MS(3000);
    bench_revoke(b);
    bench_pump(b);
    assert_true(b->a.report.last.still_ms > 3000);
    bench_forget(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_wait(b, until_ms - b->now_ms - 1);
    assert_int_equal(bench_find_event(b, EVENT_RENEW, 0), -1);
    bench_wait(b, 10);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0);
    assert_true(bench_find_task(b, TASK_PROMOTE) >= 0);
}

static void test_promise_is_over_when_its_leader_has_released(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct promise_message asked = asked_by(b, "node-1");
    b->promoted = (struct position){2, 100};
    hear(b, &asked);
    bench_peer_release(b, "node-1");
    bench_pump(b);
    bench_forget(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_fact(b, FACT_TICK);
    assert_true(bench_find_event(b, EVENT_RENEW, 0) >= 0);
}

static void test_promise_outlives_a_restart(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct promise_message asked = asked_by(b, "node-1");
    hear(b, &asked);
    bench_wait(b, 5000);
    assert_int_equal(promise_left_ms(&b->a), 0);
    assert_int_equal(b->a.vote.promised_ttl_ms, 3000);
    bench_restart_agent(b);
    bench_guard(b, GUARD_RUNNING, 0);
    assert_int_equal(promise_left_ms(&b->a), 3000 + LEASE_ALLOWANCE_MS(3000));
    bench_link(b, true);
    bench_wait(b, PROMISE_REMEMBERED_MS + 10000);
    assert_int_equal(b->a.vote.promised_ttl_ms, 0);
    bench_restart_agent(b);
    bench_guard(b, GUARD_RUNNING, 0);
    assert_int_equal(promise_left_ms(&b->a), 0);
}

/* What is being taken back on the disk does not count as standing there. */
static void test_promise_waits_for_what_is_being_written(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct promise_message asked = asked_by(b, "node-1");
    hear(b, &asked);
    b->answers[ACTION_PERSIST] = false;
    bench_wait(b, PROMISE_REMEMBERED_MS + 10000);
    assert_true(b->a.persisting);
    bench_forget(b);
    hear(b, &asked);
    assert_false(has_spoken(b));
    struct fact failed = {.kind = FACT_PERSISTED, .ok = false};
    bench_play(b, &failed); /* it may stand there all the same */
    assert_false(has_spoken(b));
    b->answers[ACTION_PERSIST] = true;
    bench_wait(b, 2000);
    assert_int_equal(answered(b)->reason, REASON_NONE);
}

static void test_promise_is_for_the_leader_only(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    bench_forget(b);
    struct promise_message asked = asked_by(b, "node-3");
    hear(b, &asked);
    assert_int_equal(answered(b)->reason, REASON_DEPOSED);
    asked = asked_by(b, "node-1");
    bench_revoke(b);
    bench_forget(b);
    hear(b, &asked);
    assert_int_equal(answered(b)->reason, REASON_DEPOSED);
    assert_int_equal(promise_left_ms(&b->a), 0);
}

static void test_promise_is_not_given_by_a_grantee(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct promise_message asked = asked_by(b, "node-1");
    bench_revoke(b);
    bench_grant(b, "node-2", GRANT_FAILOVER);
    bench_forget(b);
    asked.term = 2;
    hear(b, &asked);
    assert_int_equal(answered(b)->reason, REASON_DEPOSED);
}

/* A log that was read to its end after that renewal was sent, and lacks it, has lost it. */
static void test_promise_is_not_given_for_what_is_lost(void **state)
{
    (void)state;
    struct bench *b = &bench;
    bench_standby(b);
    struct promise_message asked = asked_by(b, "node-1");
    asked.counter++;
    bench_link(b, false);
    b->now_ms += 500;
    bench_link(b, true);
    bench_forget(b);
    hear(b, &asked);
    assert_int_equal(answered(b)->reason, REASON_LOG_LOST);
    bench_forget(b);
    asked.age_ms = 100; /* sent after it was read: this node may be behind */
    b->now_ms += 300;
    hear(b, &asked);
    assert_int_equal(answered(b)->reason, REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_promise_goes_on_from_the_question),
            cmocka_unit_test(test_promise_goes_on_and_on),
            cmocka_unit_test(test_promise_that_does_not_come_ends_the_lease),
            cmocka_unit_test(test_promise_of_another_question_gives_nothing),
            cmocka_unit_test(test_promise_refused_gives_nothing),
            cmocka_unit_test(test_promise_revives_no_lease),
            cmocka_unit_test(test_promise_is_not_asked_by_a_new_incarnation),
            cmocka_unit_test(test_promise_asks_all_that_a_renewal_may_name),
            cmocka_unit_test(test_promise_names_nobody_who_is_silent),
            cmocka_unit_test(test_promise_names_whom_it_cannot_hear),
            cmocka_unit_test(test_promise_off),
            cmocka_unit_test(test_promise_is_persisted_before_it_is_given),
            cmocka_unit_test(test_promise_keeps_still),
            cmocka_unit_test(test_promise_is_over_when_its_leader_has_released),
            cmocka_unit_test(test_promise_outlives_a_restart),
            cmocka_unit_test(test_promise_waits_for_what_is_being_written),
            cmocka_unit_test(test_promise_is_for_the_leader_only),
            cmocka_unit_test(test_promise_is_not_given_by_a_grantee),
            cmocka_unit_test(test_promise_is_not_given_for_what_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
