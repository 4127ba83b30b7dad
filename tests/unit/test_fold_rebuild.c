/* SPDX-License-Identifier: PostgreSQL */
/* Requests for a rebuild, and how far a copy is. */
#include "world.h"

static enum void_reason ask_rebuild(struct world *w, const char *node, uint64_t seen_seq)
{
    struct event e = world_event(w, "root-db1", EVENT_REQUEST);
    e.body.request =
            (struct request){.kind = REQUEST_REBUILD, .term = w->c.term, .seen_seq = seen_seq};
    snprintf(e.body.request.node, NAME_SIZE, "%s", node);
    return world_fold(w, &e);
}

/* It is over when its copy is, and what was sent again meanwhile asks for nothing. */
static void test_fold_rebuild_request_is_carried_out_once(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    uint64_t seen_seq = w.c.last_seq;
    struct event e = world_directive(&w, "node-3", TASK_BASEBACKUP);
    e.body.directive.reason = REASON_REQUESTED;
    assert_int_equal(world_fold(&w, &e), VOID_NO_REQUEST);
    assert_int_equal(ask_rebuild(&w, "node-2", seen_seq), VOID_BAD_TARGET);
    assert_int_equal(ask_rebuild(&w, "node-9", seen_seq), VOID_BAD_TARGET);
    assert_int_equal(ask_rebuild(&w, "node-3", w.c.last_seq + 9), VOID_IMPOSSIBLE);
    assert_int_equal(ask_rebuild(&w, "node-3", seen_seq), VOID_NONE);
    assert_int_equal(ask_rebuild(&w, "node-3", seen_seq), VOID_REQUEST_PENDING);
    e = world_directive(&w, "node-3", TASK_BASEBACKUP);
    e.body.directive.reason = REASON_REQUESTED;
    e.decision.evidence.rebuild_age_ms[2] = 0;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[2].rebuilds.seq, 0); /* it costs nothing of the limit */
    e = world_event(&w, "node-3", EVENT_DONE);
    e.body.task.task = TASK_BASEBACKUP;
    e.body.task.directive_seq = w.c.nodes[2].rebuild_seq;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[2].asked_seq, 0);
    assert_int_equal(ask_rebuild(&w, "node-3", seen_seq), VOID_REQUEST_OUTDATED);
    assert_int_equal(ask_rebuild(&w, "node-3", w.c.last_seq), VOID_NONE);
    e = world_event(&w, "node-3", EVENT_GOODBYE);
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[2].asked_seq, 0);
}

static void test_fold_rebuild_request_needs_a_leader(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    assert_int_equal(ask_rebuild(&w, "node-3", w.c.last_seq), VOID_NONE);
    world_release(&w, "node-2", 2);
    assert_int_equal(ask_rebuild(&w, "node-1", w.c.last_seq), VOID_NOT_HELD);
    assert_int_not_equal(w.c.nodes[2].asked_seq, 0);
    world_report(&w, "node-3", world_probe(NODE_STANDBY, 2, 130), 2);
    assert_int_equal(world_grant(&w, "node-3", GRANT_FAILOVER), VOID_NONE);
    assert_int_equal(w.c.nodes[2].asked_seq, 0);
}

static void test_fold_progress_is_kept_until_its_copy_ends(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    world_fail_over(&w);
    struct event e = world_directive(&w, "node-3", TASK_BASEBACKUP);
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    e = world_event(&w, "node-3", EVENT_PROGRESS);
    e.body.task = (struct task_report){.task = TASK_BASEBACKUP,
                                       .directive_seq = w.c.nodes[2].rebuild_seq,
                                       .percent = 42,
                                       .done_bytes = 42000,
                                       .total_bytes = 100000,
                                       .bytes_per_s = 1000};
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[2].rebuild_percent, 42);
    assert_int_equal(w.c.nodes[2].rebuild_done_bytes, 42000);
    assert_int_equal(w.c.nodes[2].rebuild_total_bytes, 100000);
    assert_int_equal(w.c.nodes[2].rebuild_bytes_per_s, 1000);
    e = world_event(&w, "node-3", EVENT_DONE);
    e.body.task.task = TASK_BASEBACKUP;
    e.body.task.directive_seq = w.c.nodes[2].rebuild_seq;
    assert_int_equal(world_fold(&w, &e), VOID_NONE);
    assert_int_equal(w.c.nodes[2].rebuild_total_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_fold_rebuild_request_is_carried_out_once),
            cmocka_unit_test(test_fold_rebuild_request_needs_a_leader),
            cmocka_unit_test(test_fold_progress_is_kept_until_its_copy_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
