/* SPDX-License-Identifier: PostgreSQL */
/* test_walk LOG - in whatever order the records are gone through, each has the same states. */
#include "../../proto/digest.h"
#include "../../replay/cut.h"
#include "../../replay/walk.h"
#include "../fuzz/random_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT_MAX 1000
#define JUMP_COUNT 500

static const char *path;

static struct walk *open_walk(const char *file)
{
    struct failure failure = {0};
    struct walk *walk = NULL;
    char problem[WALK_PROBLEM_SIZE];
    if (walk_open(file, NULL, &walk, problem, &failure) != RESULT_OK) {
        fail_msg("%s", failure.text);
    }
    assert_string_equal(problem, "");
    assert_in_range(walk_count(walk), 2, COUNT_MAX);
    return walk;
}

static uint8_t digests[COUNT_MAX][HASH_SIZE];

static void check_at(struct walk *walk, size_t index)
{
    uint8_t digest[HASH_SIZE];
    const struct folded *folded = walk_go(walk, index);
    assert_int_equal(folded->event.seq, walk_item(walk, index)->seq);
    assert_int_equal(folded->outcome.effective, walk_item(walk, index)->effective);
    cluster_digest(&folded->entry->state, digest);
    assert_memory_equal(digest, digests[index], HASH_SIZE);
    if (index > 0) {
        cluster_digest(walk_before(walk), digest);
        assert_memory_equal(digest, digests[index - 1], HASH_SIZE);
    }
}

static void note_all(struct walk *walk)
{
    for (size_t i = 0; i < walk_count(walk); i++) {
        cluster_digest(&walk_go(walk, i)->entry->state, digests[i]);
    }
}

static void test_walk_is_the_same_in_any_order(void **state)
{
    (void)state;
    struct walk *walk = open_walk(path);
    struct random random;
    const size_t count = walk_count(walk);
    assert_true(count > 2 * WALK_INTERVAL_MIN);
    note_all(walk);
    for (size_t i = count; i > 0; i--) {
        check_at(walk, i - 1);
    }
    random_init(&random, 3);
    for (int i = 0; i < JUMP_COUNT; i++) {
        const size_t index = random_below(&random, (uint32_t)count);
        check_at(walk, index);
        check_at(walk, index);
        check_at(walk, index + 1 < count ? index + 1 : index);
    }
    walk_close(walk);
}

static void test_walk_finds(void **state)
{
    (void)state;
    struct walk *walk = open_walk(path);
    const size_t last = walk_count(walk) - 1;
    for (size_t i = 0; i <= last; i++) {
        const struct walk_item *item = walk_item(walk, i);
        assert_int_equal(walk_find(walk, item->seq, UINT64_MAX), i);
        assert_in_range(walk_find(walk, UINT64_MAX, item->stored_us), i, last);
    }
    assert_int_equal(walk_find(walk, 0, UINT64_MAX), 0);
    assert_int_equal(walk_find(walk, UINT64_MAX, UINT64_MAX), last);
    assert_int_equal(walk_find(walk, UINT64_MAX, 0), 0);
    walk_close(walk);
}

/* What is cut, from wherever it can be, has the states that the whole log has there. */
static void check_cut(struct walk *walk, size_t from)
{
    char file[] = "/tmp/pgbaton-cut-XXXXXX";
    struct failure failure = {0};
    uint64_t snapshot_seq = 0;
    const struct cut cut = {walk_cluster(walk), walk_item(walk, from)->seq, UINT64_MAX, 0};
    const int fd = mkstemp(file);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)unlink(file);
    assert_int_equal(cut_file(path, file, &cut, &snapshot_seq, &failure), RESULT_OK);
    struct walk *part = open_walk(file);
    for (size_t i = snapshot_seq != 0 ? 1 : 0; i < walk_count(part); i++) {
        check_at(walk, walk_find(walk, walk_item(part, i)->seq, UINT64_MAX));
        uint8_t digest[HASH_SIZE];
        cluster_digest(&walk_go(part, i)->entry->state, digest);
        assert_memory_equal(digest, digests[walk_find(walk, walk_item(part, i)->seq, UINT64_MAX)],
                            HASH_SIZE);
    }
    const uint64_t first = walk_item(part, snapshot_seq != 0 ? 1 : 0)->seq;
    assert_true(first <= cut.from_seq);
    walk_close(part);
    (void)unlink(file);
}

static void test_cut_keeps_the_states(void **state)
{
    (void)state;
    struct walk *walk = open_walk(path);
    note_all(walk);
    for (size_t from = 0; from < walk_count(walk); from += 7) {
        check_cut(walk, from);
    }
    walk_close(walk);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_walk_is_the_same_in_any_order),
            cmocka_unit_test(test_walk_finds),
            cmocka_unit_test(test_cut_keeps_the_states),
    };
    path = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
