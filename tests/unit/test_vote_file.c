/* SPDX-License-Identifier: PostgreSQL */
/* What was persisted is read again, and what is damaged is never taken for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../agent/pg_control.h"
#include "../../agent/vote_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[64];
static char path[80];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/pgbaton-vote-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/vote", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    rmdir(directory);
    return 0;
}

static struct vote sample(void)
{
    struct vote vote = {.incarnation = UINT64_MAX,
                        .term = 7,
                        .grant_seq = 1234567890123,
                        .given_up_term = 6,
                        .held_term = 5,
                        .system_id = 7000000000000000001,
                        .anchor_seq = UINT64_MAX - 1,
                        .anchor_ttl_ms = UINT32_MAX,
                        .anchor_member_count = 16,
                        .anchor_timeline = 3};
    for (size_t i = 0; i < HASH_SIZE; i++) {
        vote.grant_hash[i] = (uint8_t)(i * 37);
        vote.anchor_hash[i] = (uint8_t)(i * 41);
    }
    return vote;
}

static void assert_same(const struct vote *a, const struct vote *b)
{
    assert_true(a->incarnation == b->incarnation);
    assert_true(a->term == b->term);
    assert_true(a->grant_seq == b->grant_seq);
    assert_memory_equal(a->grant_hash, b->grant_hash, HASH_SIZE);
    assert_true(a->given_up_term == b->given_up_term);
    assert_true(a->held_term == b->held_term);
    assert_true(a->system_id == b->system_id);
    assert_true(a->anchor_seq == b->anchor_seq);
    assert_memory_equal(a->anchor_hash, b->anchor_hash, HASH_SIZE);
    assert_true(a->anchor_ttl_ms == b->anchor_ttl_ms);
    assert_true(a->anchor_member_count == b->anchor_member_count);
    assert_true(a->anchor_timeline == b->anchor_timeline);
}

static void test_vote_without_file_is_zero(void **state)
{
    struct failure failure = {0};
    struct vote vote = sample();
    const struct vote zero = {0};
    (void)state;
    assert_int_equal(vote_file_load(directory, &vote, &failure), RESULT_OK);
    assert_same(&vote, &zero);
}

static void test_vote_is_read_as_stored(void **state)
{
    struct failure failure = {0};
    struct vote first = {0};
    struct vote second = sample();
    struct vote read;
    (void)state;
    assert_int_equal(vote_file_store(directory, &first, &failure), RESULT_OK);
    assert_int_equal(vote_file_load(directory, &read, &failure), RESULT_OK);
    assert_same(&read, &first);
    assert_int_equal(vote_file_store(directory, &second, &failure), RESULT_OK);
    assert_int_equal(vote_file_load(directory, &read, &failure), RESULT_OK);
    assert_same(&read, &second);
}

static size_t read_file(char *text, size_t capacity)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, capacity, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* What the version before has written, which remembered less. */
static void test_vote_of_the_version_before_is_read(void **state)
{
    static const char text[] = "pgbaton-vote 2 incarnation=9 term=7 grant_seq=120 grant_hash="
                               "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                               " given_up_term=6 sealed_term=5 system_id=7000000000000000001 crc=";
    char whole[1024];
    struct failure failure = {0};
    struct vote vote;
    (void)state;
    uint32_t crc = crc32c((const uint8_t *)text, strlen(text) - strlen(" crc="));
    int size = snprintf(whole, sizeof(whole), "%s%08" PRIx32 "\n", text, crc);
    write_file(whole, (size_t)size);
    assert_int_equal(vote_file_load(directory, &vote, &failure), RESULT_OK);
    assert_true(vote.incarnation == 9 && vote.term == 7 && vote.grant_seq == 120);
    assert_true(vote.given_up_term == 6 && vote.sealed_term == 5 && vote.grant_hash[31] == 31);
    assert_true(vote.held_term == 0 && vote.anchor_seq == 0 && vote.anchor_timeline == 0);
    whole[20] ^= 1;
    write_file(whole, (size_t)size);
    assert_int_equal(vote_file_load(directory, &vote, &failure), RESULT_INVALID);
}

/* Every byte counts, but for the newline at the end. */
static void test_vote_with_any_byte_changed_is_damaged(void **state)
{
    struct failure failure = {0};
    struct vote vote = sample();
    char text[1024];
    (void)state;
    assert_int_equal(vote_file_store(directory, &vote, &failure), RESULT_OK);
    size_t size = read_file(text, sizeof(text));
    for (size_t i = 0; i + 1 < size; i++) {
        text[i] ^= 1;
        write_file(text, size);
        text[i] ^= 1;
        assert_int_equal(vote_file_load(directory, &vote, &failure), RESULT_INVALID);
        assert_true(vote.term == 0);
    }
    assert_true(failure.hint[0] != '\0');
}

static void test_vote_cut_anywhere_is_damaged(void **state)
{
    struct failure failure = {0};
    struct vote vote = sample();
    char text[1024];
    (void)state;
    assert_int_equal(vote_file_store(directory, &vote, &failure), RESULT_OK);
    size_t size = read_file(text, sizeof(text));
    for (size_t i = 0; i + 1 < size; i++) {
        write_file(text, i);
        assert_int_equal(vote_file_load(directory, &vote, &failure), RESULT_INVALID);
    }
}

static void test_vote_is_kept_when_the_new_one_cannot_be_written(void **state)
{
    struct failure failure = {0};
    struct vote vote = sample();
    (void)state;
    assert_int_not_equal(vote_file_store("/nonexistent", &vote, &failure), RESULT_OK);
    assert_non_null(strstr(failure.text, "/nonexistent/vote"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_vote_without_file_is_zero, make_directory,
                                            remove_directory),
            cmocka_unit_test_setup_teardown(test_vote_is_read_as_stored, make_directory,
                                            remove_directory),
            cmocka_unit_test_setup_teardown(test_vote_of_the_version_before_is_read, make_directory,
                                            remove_directory),
            cmocka_unit_test_setup_teardown(test_vote_with_any_byte_changed_is_damaged,
                                            make_directory, remove_directory),
            cmocka_unit_test_setup_teardown(test_vote_cut_anywhere_is_damaged, make_directory,
                                            remove_directory),
            cmocka_unit_test(test_vote_is_kept_when_the_new_one_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
