/* SPDX-License-Identifier: PostgreSQL */
/* Restarts that operators ask for, node remove, and log recover: what one order gives or takes. */
#include "../../proto/explain.h"
#include "../../proto/licence.h"
#include "../../proto/lost.h"
#include "../../proto/order.h"
#include "../../proto/sync.h"
#include "world.h"

static struct world world;

static struct event request_for(enum request_kind kind, const char *node)
{
    struct event e = world_event(&world, "root-db1", EVENT_REQUEST);
    e.body.request.kind = kind;
    e.body.request.term = world.c.term;
    e.body.request.seen_seq = world.c.last_seq;
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    return e;
}

static enum void_reason ask(enum request_kind kind, const char *node)
{
    struct event e = request_for(kind, node);
    return world_fold(&world, &e);
}

/* What the order says that answers it. */
static enum reason answer(uint32_t alive_mask)
{
    struct event e = world_decision(&world, EVENT_ORDER);
    e.decision.evidence.alive_mask = alive_mask;
    e.body.order = order_next(&world.c, &e.decision.evidence);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    return world.c.answered.reason;
}

static void license(const char *node)
{
    assert_int_equal(ask(REQUEST_RESTART, node), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_NONE);
    assert_true(licence_is_of(&world.c, cluster_find_node(&world.c, node)));
}

static enum void_reason say(const char *node, enum event_kind kind, uint64_t order_seq)
{
    struct event e = world_event(&world, node, kind);
    e.body.task.task = TASK_RESTART;
    e.body.task.term = world.c.term;
    e.body.task.directive_seq = order_seq;
    return world_fold(&world, &e);
}

static enum void_reason renew(enum reason reason)
{
    struct event e = world_event(&world, "node-1", EVENT_RENEW);
    e.body.renew = (struct renew){.term = world.c.term, .ttl_ms = 3000};
    e.body.renew.restart = (struct restart){.number = world.c.restart.number + 1, .reason = reason};
    return world_fold(&world, &e);
}

/* A switchover goes on, or does not. */
static void switching(bool on)
{
    world.c.pending = (struct pending){0};
    if (on) {
        world.c.pending.request_seq = 1;
        world.c.pending.step = SWITCH_BEGIN;
    }
}

/* ---- who gets it ---- */

static void test_licence_is_for_a_member_that_is_there(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_RESTART, ""), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_RESTART, "node-9"), VOID_BAD_TARGET);
    struct event e = request_for(REQUEST_RESTART, "node-2");
    e.body.request.term = 2;
    assert_int_equal(world_fold(&world, &e), VOID_FUTURE_TERM);
    assert_int_equal(ask(REQUEST_RESTART, "node-2"), VOID_NONE);
    assert_int_equal(answer(0x5), REASON_NODE_SILENT);
    world_report(&world, "node-2", world_probe(NODE_STOPPED, 1, 100), 0);
    assert_int_equal(ask(REQUEST_RESTART, "node-2"), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_NOT_RUNNING);
    world_release(&world, "node-1", 1);
    assert_int_equal(ask(REQUEST_RESTART, "node-3"), VOID_NOT_HELD);
}

static void test_licence_is_one_at_a_time(void **state)
{
    (void)state;
    world_running(&world);
    license("node-2");
    assert_int_equal(ask(REQUEST_RESTART, "node-3"), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_RESTART_GOES_ON);
    assert_int_equal(ask(REQUEST_RESTART, "node-3"), VOID_NONE);
    assert_int_equal(answer(0x5), REASON_NONE); /* node-2 is not heard any more */
    assert_true(licence_is_of(&world.c, 2));
}

static void test_licence_stands_back_for_others(void **state)
{
    (void)state;
    world_running(&world);
    switching(true);
    assert_int_equal(ask(REQUEST_RESTART, "node-2"), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_STILL_NEEDED);
    switching(false);
    world.c.nodes[1].asked_seq = 7;
    assert_int_equal(ask(REQUEST_RESTART, "node-2"), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_STILL_NEEDED);
}

/* ---- how it ends ---- */

static void test_licence_is_used_once(void **state)
{
    (void)state;
    world_running(&world);
    license("node-2");
    uint64_t seq = world.c.licence.seq;
    assert_int_equal(say("node-2", EVENT_DONE, seq - 1), VOID_NONE);
    assert_int_equal(say("node-3", EVENT_DONE, seq), VOID_NONE);
    assert_int_equal(world.c.licence.seq, seq);
    assert_int_equal(say("node-2", EVENT_DONE, seq), VOID_NONE);
    assert_int_equal(world.c.licence.seq, 0);
    license("node-2");
    assert_int_equal(say("node-2", EVENT_FAILED, world.c.licence.seq), VOID_NONE);
    assert_int_equal(world.c.licence.seq, 0);
    assert_int_equal(world.c.nodes[1].failed_task, TASK_RESTART);
}

static void test_licence_lapses(void **state)
{
    (void)state;
    world_running(&world);
    license("node-2");
    struct event e = world_event(&world, "node-2", EVENT_HELLO);
    e.incarnation = 2;
    e.body.hello.probe = world_probe(NODE_STANDBY, 1, 100);
    e.body.hello.anchor.term = world.c.term;
    e.body.hello.anchor.grant_seq = world.c.grant_seq;
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world.c.licence.seq, 0);
    license("node-3");
    e = world_event(&world, "node-3", EVENT_GOODBYE);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_int_equal(world.c.licence.seq, 0);
    license("node-1");
    world_release(&world, "node-1", 1);
    assert_int_equal(world.c.licence.seq, 0);
}

/* What a copy has failed for is not forgotten for it. */
static void test_licence_keeps_what_a_copy_failed_for(void **state)
{
    (void)state;
    world_running(&world);
    world.c.nodes[1].failed_task = TASK_REWIND;
    license("node-2");
    say("node-2", EVENT_FAILED, world.c.licence.seq);
    assert_int_equal(world.c.nodes[1].failed_task, TASK_REWIND);
}

/* ---- in place ---- */

static void test_licence_lets_a_leader_restart_in_place(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(renew(REASON_REQUESTED), VOID_NO_REQUEST);
    license("node-2");
    assert_int_equal(renew(REASON_REQUESTED), VOID_NO_REQUEST);
    say("node-2", EVENT_DONE, world.c.licence.seq);
    license("node-1");
    switching(true);
    assert_int_equal(renew(REASON_REQUESTED), VOID_NO_REQUEST);
    switching(false);
    assert_int_equal(renew(REASON_REQUESTED), VOID_NONE);
    assert_true(world.c.restart.going);
    assert_false(world.c.writable);
    assert_int_equal(world.c.restart.tokens.seq, 0);
    char text[256];
    assert_true(explain_licence(&world.c, text, sizeof text) > 0);
    assert_string_equal(text, "of node-1, asked for by root-db1");
}

/* ---- whom commits wait for ---- */

static void test_licence_spares_whom_commits_wait_for(void **state)
{
    (void)state;
    world_running(&world);
    world.c.config.synchronous_count = 1;
    world.c.sync = (struct sync){.step = SYNC_STEADY, .waits = 6, .count = 1, .voters = 6};
    world.c.sync.quorum = 2;
    license("node-2");
    assert_int_equal(sync_capable(&world.c, 0), 4);
    assert_false(licence_is_ripe(&world.c, 1));
    world.c.sync.waits = world.c.sync.voters = 4;
    assert_true(licence_is_ripe(&world.c, 1));
}

/* Nobody could take its place: commits wait until it is back. */
static void test_licence_does_not_give_the_guarantee_up(void **state)
{
    (void)state;
    world_running(&world);
    world.c.config.synchronous_count = 1;
    struct probe apart = world_probe(NODE_STANDBY, 1, 100);
    apart.streaming = false;
    world_report(&world, "node-3", apart, 0);
    world.c.sync = (struct sync){.step = SYNC_STEADY, .waits = 2, .count = 1, .voters = 2};
    world.c.sync.quorum = 1;
    license("node-2");
    assert_int_equal(sync_capable(&world.c, 0) & 2, 2);
    assert_true(licence_is_ripe(&world.c, 1));
}

/* ---- node remove ---- */

static void test_remove_is_of_one_that_left(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_REMOVE, "node-1"), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_REMOVE, "node-9"), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_REMOVE, "node-3"), VOID_NONE);
    assert_int_equal(answer(0xffff), REASON_NODE_HEARD);
    assert_false(world.c.nodes[2].removed);
    assert_int_equal(ask(REQUEST_REMOVE, "node-3"), VOID_NONE);
    assert_int_equal(answer(0x3), REASON_NONE);
    assert_true(world.c.nodes[2].removed && world.c.nodes[2].departed);
    assert_int_equal(ask(REQUEST_REMOVE, "node-3"), VOID_BAD_TARGET);
    assert_int_equal(ask(REQUEST_RESTART, "node-3"), VOID_BAD_TARGET);
}

static void test_remove_not_of_whom_commits_wait_for(void **state)
{
    (void)state;
    world_running(&world);
    world.c.sync = (struct sync){.step = SYNC_STEADY, .waits = 4, .count = 1, .voters = 4};
    world.c.sync.quorum = 1;
    assert_int_equal(ask(REQUEST_REMOVE, "node-3"), VOID_NONE);
    assert_int_equal(answer(0x3), REASON_STILL_NEEDED);
    assert_false(world.c.nodes[2].removed);
}

/* ---- log recover ---- */

/* A hello of node-2 has made it known, and node-3 has not said anything since. */
static void lose(void)
{
    world_running(&world);
    struct event hello = world_event(&world, "node-2", EVENT_HELLO);
    hello.incarnation += 100;
    hello.body.hello.probe = world_probe(NODE_STANDBY, 1, 100);
    hello.body.hello.anchor.lost = true;
    hello.body.hello.anchor.term = world.c.term + 4;
    hello.body.hello.anchor.ttl_ms = 9000;
    hello.body.hello.anchor.member_count = 3;
    assert_int_equal(world_fold(&world, &hello), VOID_NONE);
    assert_true(lost_is_known(&world.c));
}

static void test_recover_ends_the_wait_and_nothing_else(void **state)
{
    (void)state;
    lose();
    const struct lost lost = world.c.lost;
    const uint64_t next_term = lost_next_term(&world.c);
    const uint64_t holdoff_ms = lost_holdoff_ms(&world.c);
    assert_int_equal(ask(REQUEST_RECOVER, ""), VOID_NONE);
    assert_true(lost_is_known(&world.c));
    assert_int_equal(answer(0x2), REASON_NONE);
    assert_false(lost_is_known(&world.c));
    assert_int_equal(lost_next_term(&world.c), next_term);
    assert_int_equal(lost_holdoff_ms(&world.c), holdoff_ms);
    assert_int_equal(world.c.lost.term, lost.term);
    assert_int_equal(world.c.lost.ttl_ms, 9000);
}

static void test_recover_is_of_a_loss_that_was_seen(void **state)
{
    (void)state;
    world_running(&world);
    assert_int_equal(ask(REQUEST_RECOVER, ""), VOID_NO_CHANGE);
    lose();
    assert_int_equal(ask(REQUEST_RECOVER, "node-3"), VOID_IMPOSSIBLE);
    struct event early = world_event(&world, "op", EVENT_REQUEST);
    early.body.request.kind = REQUEST_RECOVER;
    early.body.request.seen_seq = world.c.lost.seq - 1;
    assert_int_equal(world_fold(&world, &early), VOID_REQUEST_OUTDATED);
}

/* Who is heard reports by itself, or must be stopped first. */
static void test_recover_not_while_one_that_is_to_report_is_heard(void **state)
{
    (void)state;
    lose();
    assert_int_equal(ask(REQUEST_RECOVER, ""), VOID_NONE);
    assert_int_equal(answer(0x6), REASON_NODE_HEARD);
    assert_true(lost_is_known(&world.c));
}

/* An agent that starts, with what it remembers or with nothing. */
static void say_hello(const char *node, uint32_t remembered_ttl_ms)
{
    struct event hello = world_event(&world, node, EVENT_HELLO);
    hello.incarnation += 100;
    hello.body.hello.probe = world_probe(NODE_STANDBY, 1, 100);
    hello.body.hello.anchor.ttl_ms = remembered_ttl_ms;
    assert_int_equal(world_fold(&world, &hello), VOID_NONE);
}

/* What a member did whose disk is new nobody can tell: an operator says that it counts for nothing.
 */
static void test_loss_is_not_told_by_who_remembers_nothing(void **state)
{
    (void)state;
    lose();
    say_hello("node-1", 3000);
    say_hello("node-3", 0);
    assert_true(lost_is_awaited(&world.c, 2));
    assert_int_equal(lost_expected_count(&world.c) - lost_reported_count(&world.c), 1);
    assert_int_equal(ask(REQUEST_RECOVER, ""), VOID_NONE);
    assert_int_equal(answer(0x7), REASON_NONE);
    assert_false(lost_is_known(&world.c));
}

static void test_loss_is_told_by_all_who_were_there(void **state)
{
    (void)state;
    lose();
    say_hello("node-4", 0);
    assert_false(lost_is_awaited(&world.c, 3));
    say_hello("node-1", 3000);
    assert_true(lost_is_known(&world.c));
    say_hello("node-3", 3000);
    assert_false(lost_is_known(&world.c));
}

/* What it said before does not bring it back; a later incarnation joins as a new node. */
static void test_remove_lasts_until_a_new_hello(void **state)
{
    (void)state;
    world_running(&world);
    struct event late = world_event(&world, "node-3", EVENT_PROBE);
    late.body.probe = world_probe(NODE_STANDBY, 1, 100);
    assert_int_equal(ask(REQUEST_REMOVE, "node-3"), VOID_NONE);
    assert_int_equal(answer(0x3), REASON_NONE);
    assert_int_equal(world_fold(&world, &late), VOID_UNKNOWN_NODE);
    assert_int_equal(world_hello(&world, "node-3", world_probe(NODE_EMPTY, 0, 0)),
                     VOID_STALE_INCARNATION);
    struct event e = world_event(&world, "node-3", EVENT_HELLO);
    e.incarnation = 2;
    e.body.hello.probe = world_probe(NODE_EMPTY, 0, 0);
    assert_int_equal(world_fold(&world, &e), VOID_NONE);
    assert_false(world.c.nodes[2].removed);
    assert_int_equal(world.c.node_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_licence_is_for_a_member_that_is_there),
            cmocka_unit_test(test_licence_is_one_at_a_time),
            cmocka_unit_test(test_licence_stands_back_for_others),
            cmocka_unit_test(test_licence_is_used_once),
            cmocka_unit_test(test_licence_lapses),
            cmocka_unit_test(test_licence_keeps_what_a_copy_failed_for),
            cmocka_unit_test(test_licence_lets_a_leader_restart_in_place),
            cmocka_unit_test(test_licence_spares_whom_commits_wait_for),
            cmocka_unit_test(test_licence_does_not_give_the_guarantee_up),
            cmocka_unit_test(test_remove_is_of_one_that_left),
            cmocka_unit_test(test_remove_not_of_whom_commits_wait_for),
            cmocka_unit_test(test_remove_lasts_until_a_new_hello),
            cmocka_unit_test(test_recover_ends_the_wait_and_nothing_else),
            cmocka_unit_test(test_recover_is_of_a_loss_that_was_seen),
            cmocka_unit_test(test_recover_not_while_one_that_is_to_report_is_heard),
            cmocka_unit_test(test_loss_is_not_told_by_who_remembers_nothing),
            cmocka_unit_test(test_loss_is_told_by_all_who_were_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
