/* SPDX-License-Identifier: PostgreSQL */
/* What a monitor remembers of the log: when it tells, what it takes over, and how it is stored. */
#include "../../monitor/keeper.h"
#include "../../monitor/memory.h"
#include "../../monitor/memory_file.h"
#include "../../proto/lost.h"
#include "world.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct world world;
static char directory[] = "/tmp/test_memory.XXXXXX";

/* A monitor that has read all of a running cluster's log. */
static struct memory remember(void)
{
    struct memory m = {0};
    world_running(&world);
    assert_true(memory_learn(&m, &world.c));
    assert_false(memory_is_untold(&m, &world.c));
    return m;
}

static enum void_reason tell(const struct memory *m)
{
    struct event e = world_event(&world, "monitor-1", EVENT_ANCHOR);
    e.body.anchor = memory_tell(m, &world.c);
    return world_fold(&world, &e);
}

static void test_memory_moves_on_with_the_log(void **state)
{
    (void)state;
    struct memory m = remember();
    assert_false(memory_learn(&m, &world.c));
    assert_int_equal(m.anchor.term, world.c.term);
    assert_int_equal(m.anchor.held_term, world.c.term);
    assert_int_equal(m.anchor.member_count, 3);
    assert_true(m.decision_seq == world.c.decision_seq);
}

static void test_memory_of_nothing_tells_nothing(void **state)
{
    (void)state;
    const struct memory m = {0};
    world_running(&world);
    assert_false(memory_is_untold(&m, &world.c));
}

/* The log has lost a failover, and with it every decision of the next term. */
static void test_memory_tells_of_a_lost_term(void **state)
{
    (void)state;
    struct memory m = remember();
    m.anchor.term += 1;
    m.anchor.grant_seq += 50;
    m.decision_seq += 50;
    const uint64_t term = m.anchor.term;
    assert_true(memory_is_untold(&m, &world.c));
    assert_false(memory_learn(&m, &world.c));
    assert_int_equal(tell(&m), VOID_NONE);
    assert_true(lost_is_known(&world.c));
    assert_int_equal(lost_next_term(&world.c), term + 1);
    assert_false(memory_is_untold(&m, &world.c));
    assert_int_equal(tell(&m), VOID_NO_CHANGE);
}

/* It goes on remembering until every member has reported: the log may lose that, too. */
static void test_memory_waits_for_the_members(void **state)
{
    (void)state;
    struct memory m = remember();
    m.decision_seq += 50;
    assert_int_equal(tell(&m), VOID_NONE);
    assert_false(memory_learn(&m, &world.c));
    for (int i = 1; i <= 3; i++) {
        char node[NAME_SIZE];
        snprintf(node, sizeof node, "node-%d", i);
        struct event hello = world_event(&world, node, EVENT_HELLO);
        hello.incarnation += 100;
        hello.body.hello.probe = world_probe(NODE_STANDBY, 1, 100);
        hello.body.hello.anchor.ttl_ms = 3000;
        assert_int_equal(world_fold(&world, &hello), VOID_NONE);
    }
    assert_false(lost_is_known(&world.c));
    assert_false(memory_is_untold(&m, &world.c));
    assert_true(memory_learn(&m, &world.c));
    assert_true(m.decision_seq == world.c.decision_seq);
    assert_true(m.shown_seq == world.c.lost.shown_seq);
}

/* Another decision of the same number. */
static void test_memory_tells_by_content(void **state)
{
    (void)state;
    struct memory m = remember();
    m.decision_hash[0] ^= 1;
    assert_true(memory_is_untold(&m, &world.c));
    assert_true(memory_tell(&m, &world.c).lost);
}

static void test_memory_of_another_system_is_not_of_this_log(void **state)
{
    (void)state;
    struct memory m = remember();
    m.decision_seq += 50;
    m.anchor.system_id += 1;
    assert_false(memory_is_untold(&m, &world.c));
    assert_int_equal(tell(&m), VOID_NO_CHANGE);
}

/* Who has not seen the last decision may not know that the loss was dealt with. */
static void test_fold_takes_no_anchor_of_earlier(void **state)
{
    (void)state;
    struct memory m = remember();
    m.decision_seq += 50;
    struct event e = world_event(&world, "monitor-1", EVENT_ANCHOR);
    e.body.anchor = memory_tell(&m, &world.c);
    e.body.anchor.seen_seq = world.c.decision_seq - 1;
    assert_int_equal(world_fold(&world, &e), VOID_STALE_PREDECESSOR);
    e = world_event(&world, "monitor-1", EVENT_ANCHOR);
    e.body.anchor = memory_tell(&m, &world.c);
    e.body.anchor.seen_seq = world.c.last_seq + 1;
    assert_int_equal(world_fold(&world, &e), VOID_IMPOSSIBLE);
    assert_false(lost_is_known(&world.c));
}

/* ---- on the disk ---- */

struct found {
    unsigned count;
    unsigned damaged;
    struct memory memory;
};

static void take(void *data, const char *cluster, const struct memory *memory,
                 const struct failure *failure)
{
    struct found *found = data;
    assert_string_equal(cluster, "demo");
    found->count++;
    if (memory != NULL) {
        found->memory = *memory;
    } else {
        found->damaged++;
        assert_non_null(strstr(failure->text, "damaged"));
    }
}

static struct memory largest(void)
{
    struct memory m = {.decision_seq = UINT64_MAX - 1, .shown_seq = UINT64_MAX - 2};
    memset(m.decision_hash, 0xf7, sizeof m.decision_hash);
    m.anchor = (struct anchor){.grant_seq = UINT64_MAX,
                               .term = TERM_MAX,
                               .held_term = 7,
                               .ttl_ms = UINT32_MAX,
                               .member_count = 16,
                               .timeline = 3,
                               .system_id = UINT64_MAX - 3};
    return m;
}

static void load(struct found *ret_found)
{
    struct failure f = {0};
    *ret_found = (struct found){0};
    assert_int_equal(memory_file_load_all(directory, take, ret_found, &f), RESULT_OK);
}

static void test_memory_file_gives_back_what_was_stored(void **state)
{
    (void)state;
    struct failure f = {0};
    struct found found;
    struct memory m = largest();
    assert_int_equal(memory_file_store(directory, "demo", &m, &f), RESULT_OK);
    load(&found);
    assert_int_equal(found.count, 1);
    assert_memory_equal(&found.memory, &m, sizeof m);
}

static void test_memory_file_says_that_one_is_damaged(void **state)
{
    (void)state;
    char path[64];
    struct found found;
    snprintf(path, sizeof path, "%s/demo.json", directory);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    for (off_t size = 0; size < info.st_size - 1; size += 40) {
        assert_int_equal(truncate(path, size), 0);
        load(&found);
        assert_int_equal(found.damaged, 1);
        struct failure f = {0};
        struct memory m = largest();
        assert_int_equal(memory_file_store(directory, "demo", &m, &f), RESULT_OK);
    }
}

static void test_memory_file_of_an_impossible_term_is_damaged(void **state)
{
    (void)state;
    struct failure f = {0};
    struct found found;
    struct memory m = largest();
    m.anchor.term = TERM_MAX + 1;
    assert_int_equal(memory_file_store(directory, "demo", &m, &f), RESULT_OK);
    load(&found);
    assert_int_equal(found.damaged, 1);
}

static void test_keeper_stores_the_newest_before_it_ends(void **state)
{
    (void)state;
    struct failure f = {0};
    struct found found = {0};
    struct keeper *k = NULL;
    struct memory m = largest();
    assert_int_equal(memory_file_store(directory, "demo", &m, &f), RESULT_OK);
    assert_int_equal(keeper_create(directory, take, &found, &k, &f), RESULT_OK);
    assert_int_equal(found.count, 1);
    for (uint64_t i = 1; i <= 50; i++) {
        m.decision_seq = i;
        keeper_put(k, "demo", &m);
    }
    keeper_destroy(k);
    load(&found);
    assert_true(found.memory.decision_seq == 50);
}

static void test_keeper_needs_its_directory(void **state)
{
    (void)state;
    struct failure f = {0};
    struct keeper *k = NULL;
    assert_int_not_equal(keeper_create("/proc/none/state", take, NULL, &k, &f), RESULT_OK);
    assert_non_null(strstr(f.text, "/proc/none/state"));
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/demo.json", directory);
    (void)unlink(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_memory_moves_on_with_the_log),
            cmocka_unit_test(test_memory_of_nothing_tells_nothing),
            cmocka_unit_test(test_memory_tells_of_a_lost_term),
            cmocka_unit_test(test_memory_waits_for_the_members),
            cmocka_unit_test(test_memory_tells_by_content),
            cmocka_unit_test(test_memory_of_another_system_is_not_of_this_log),
            cmocka_unit_test(test_fold_takes_no_anchor_of_earlier),
            cmocka_unit_test(test_memory_file_gives_back_what_was_stored),
            cmocka_unit_test(test_memory_file_says_that_one_is_damaged),
            cmocka_unit_test(test_memory_file_of_an_impossible_term_is_damaged),
            cmocka_unit_test(test_keeper_stores_the_newest_before_it_ends),
            cmocka_unit_test(test_keeper_needs_its_directory),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
