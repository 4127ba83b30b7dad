/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/snapshot.h"
#include "../../proto/subject.h"
#include "world.h"

static uint8_t space[STATE_BYTES_MAX];
static struct codec_arena arena;

static struct event snapshot_of(const struct world *w, uint64_t folded_seq)
{
    struct event e;
    snapshot_make(&w->c, folded_seq, space, &e);
    snprintf(e.writer, sizeof e.writer, "monitor-1");
    e.incarnation = 1;
    e.counter = 1;
    e.seq = folded_seq + 1;
    return e;
}

static bool same_state(const struct cluster *a, const struct cluster *b)
{
    uint8_t digests[2][HASH_SIZE];
    cluster_digest(a, digests[0]);
    cluster_digest(b, digests[1]);
    return memcmp(digests[0], digests[1], HASH_SIZE) == 0;
}

static struct outcome fold_as_record(struct cluster *c, const struct event *e)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    static struct event folded;
    char subject[SUBJECT_SIZE];
    const size_t size = codec_encode(e, bytes, sizeof bytes);
    assert_true(size > 0);
    assert_true(subject_of_event(e, subject));
    const struct cluster_record record = {subject, e->seq, bytes, size};
    return cluster_fold_record(c, &record, &arena, &folded);
}

static void test_snapshot_is_where_a_reader_begins(void **state)
{
    static struct world w;
    static struct cluster c;

    (void)state;
    world_running(&w);
    struct event e = snapshot_of(&w, w.c.last_seq + 7);
    cluster_init(&c, "demo");
    assert_true(fold_as_record(&c, &e).effective);
    assert_true(same_state(&c, &w.c));
    assert_true(snapshot_has(&c, "pgbaton.demo.lock.node-1", w.c.last_seq));
    assert_false(snapshot_has(&c, "pgbaton.demo.lock.node-1", w.c.last_seq + 1));
    assert_false(snapshot_has(&c, "pgbaton.demo.snapshot", 1));
}

static void test_snapshot_changes_nothing_for_who_has_folded(void **state)
{
    static struct world w;
    static struct cluster before;

    (void)state;
    world_running(&w);
    struct event e = snapshot_of(&w, w.c.last_seq);
    before = w.c;
    assert_true(fold_as_record(&w.c, &e).effective);
    assert_memory_equal(&before, &w.c, sizeof before);
    assert_int_equal(world_renew(&w, "node-1", 1), VOID_NONE);
    before = w.c;
    e.seq = w.c.last_seq + 1;
    assert_true(fold_as_record(&w.c, &e).effective);
    assert_memory_equal(&before, &w.c, sizeof before);
}

static void test_snapshot_of_another_state_is_told(void **state)
{
    static struct world w;
    static struct world other;

    (void)state;
    world_running(&w);
    other = w;
    other.c.nodes[0].failures = 3;
    struct event e = snapshot_of(&other, w.c.last_seq);
    const struct outcome outcome = fold_as_record(&w.c, &e);
    assert_int_equal(outcome.void_reason, VOID_BAD_DIGEST);
    assert_int_equal(w.c.void_counts[VOID_BAD_DIGEST], 0);
}

static void test_snapshot_that_is_no_good_is_not_begun_with(void **state)
{
    static struct world w;
    static struct cluster c;
    static struct cluster read;
    static const struct cluster *const unchanged = &c;

    (void)state;
    world_running(&w);
    cluster_init(&c, "demo");
    struct event e = snapshot_of(&w, w.c.last_seq);
    e.body.snapshot.digest[0] ^= 1;
    assert_int_equal(snapshot_read(&e, &read), VOID_BAD_DIGEST);
    assert_int_equal(fold_as_record(&c, &e).void_reason, VOID_BAD_DIGEST);
    e = snapshot_of(&w, w.c.last_seq);
    e.body.snapshot.fold_version++;
    assert_int_equal(snapshot_read(&e, &read), VOID_NEWER_VERSION);
    assert_true(fold_as_record(&c, &e).effective);
    e = snapshot_of(&w, w.c.last_seq - 1);
    assert_int_equal(snapshot_read(&e, &read), VOID_IMPOSSIBLE);
    e = snapshot_of(&w, w.c.last_seq);
    e.seq = w.c.last_seq;
    assert_int_equal(fold_as_record(&c, &e).void_reason, VOID_IMPOSSIBLE);
    e = snapshot_of(&w, w.c.last_seq);
    snprintf(e.cluster, sizeof e.cluster, "other");
    assert_int_equal(snapshot_read(&e, &read), VOID_FOREIGN_CLUSTER);
    assert_int_equal(unchanged->last_seq, 0);
}

/* Whoever may write there must not be able to move anything. */
static void test_snapshot_subject_changes_nothing(void **state)
{
    static struct world w;
    static struct cluster before;
    static struct event folded;

    (void)state;
    world_running(&w);
    before = w.c;
    const struct cluster_record nonsense = {"pgbaton.demo.snapshot", w.c.last_seq + 1,
                                            (const uint8_t *)"x", 1};
    const struct outcome outcome = cluster_fold_record(&w.c, &nonsense, &arena, &folded);
    assert_int_equal(outcome.void_reason, VOID_MALFORMED);
    assert_memory_equal(&before, &w.c, sizeof before);
    assert_false(subject_is_snapshot("pgbaton.demo.node.snapshot"));
    assert_false(subject_is_snapshot("pgbaton.demo.decision"));
    assert_true(subject_is_snapshot("pgbaton.demo.snapshot"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_snapshot_is_where_a_reader_begins),
            cmocka_unit_test(test_snapshot_changes_nothing_for_who_has_folded),
            cmocka_unit_test(test_snapshot_of_another_state_is_told),
            cmocka_unit_test(test_snapshot_that_is_no_good_is_not_begun_with),
            cmocka_unit_test(test_snapshot_subject_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
