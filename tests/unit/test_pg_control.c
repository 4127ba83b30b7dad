/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/pg_control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static void put32(uint8_t *data, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        data[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void put64(uint8_t *data, size_t at, uint64_t value)
{
    put32(data, at, (uint32_t)value);
    put32(data, at + 4, (uint32_t)(value >> 32));
}

static void seal(uint8_t data[296])
{
    put32(data, 288, crc32c(data, 288));
}

static void make(uint8_t data[296])
{
    memset(data, 0, 296);
    put64(data, 0, 7300000000000000001U);
    put32(data, 8, 1300);
    put32(data, 16, PG_CONTROL_SHUT_DOWN);
    put64(data, 32, 0x7000028);
    put32(data, 48, 3);
    put64(data, 136, 0x7000100);
    put32(data, 144, 4);
    data[176] = 1;
    for (size_t i = 0; i < PG_NEED_COUNT; i++) {
        put32(data, 180 + 4 * i, (uint32_t)(100 + i));
    }
    put32(data, 224, 8192);
    put32(data, 228, 16777216);
    put32(data, 252, 1);
    seal(data);
}

static void test_crc32c_matches_the_standard_check(void **state)
{
    (void)state;
    assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xE3069283);
}

static void test_pg_control_parse_reads_fields(void **state)
{
    uint8_t data[296];
    struct pg_control control;
    struct failure failure;
    (void)state;
    make(data);
    assert_int_equal(pg_control_parse(data, sizeof data, &control, &failure), RESULT_OK);
    assert_int_equal(control.system_id, 7300000000000000001U);
    assert_int_equal(control.state, PG_CONTROL_SHUT_DOWN);
    assert_int_equal(control.checkpoint.lsn, 0x7000028);
    assert_int_equal(control.checkpoint.timeline, 3);
    assert_int_equal(control.checkpoint_end.lsn, 0x70000A0);
    assert_int_equal(control.minimum_recovery.lsn, 0x7000100);
    assert_int_equal(control.minimum_recovery.timeline, 4);
    assert_int_equal(control.wal_segment_bytes, 16777216);
    assert_true(control.checksums);
    assert_true(control.wal_log_hints);
    assert_int_equal(control.needs.values[PG_NEED_CONNECTIONS], 100);
    assert_int_equal(control.needs.values[PG_NEED_LOCKS_PER_TRANSACTION], 104);
}

static uint64_t end_of(uint64_t lsn)
{
    uint8_t data[296];
    struct pg_control control;
    make(data);
    put64(data, 32, lsn);
    seal(data);
    assert_int_equal(pg_control_parse(data, sizeof data, &control, NULL), RESULT_OK);
    return control.checkpoint_end.lsn;
}

static void test_pg_control_checkpoint_end_skips_page_headers(void **state)
{
    (void)state;
    assert_int_equal(end_of(0x1001F88), 0x1002000);           /* fits to the byte */
    assert_int_equal(end_of(0x1001FC0), 0x1002000 + 24 + 56); /* 64 bytes before the page's end */
    assert_int_equal(end_of(0x1FFFFC0), 0x2000000 + 40 + 56); /* before a segment's end */
    assert_int_equal(end_of(0), 0);
}

static void test_pg_control_refuses_wrong_bytes(void **state)
{
    uint8_t data[296];
    struct pg_control control;
    struct failure failure;
    (void)state;
    for (size_t at = 0; at < 292; at++) {
        make(data);
        data[at] ^= 0x10;
        assert_int_not_equal(pg_control_parse(data, sizeof data, &control, &failure), RESULT_OK);
        assert_int_equal(control.system_id, 0);
    }
    make(data);
    assert_int_equal(pg_control_parse(data, 291, &control, &failure), RESULT_FAILED);
    put32(data, 8, 1201);
    seal(data);
    assert_int_equal(pg_control_parse(data, sizeof data, &control, &failure), RESULT_INVALID);
    assert_string_not_equal(failure.hint, "");
}

static void test_pg_control_refuses_impossible_values(void **state)
{
    uint8_t data[296];
    struct pg_control control;
    (void)state;
    make(data);
    put32(data, 16, PG_CONTROL_STATE_COUNT);
    seal(data);
    assert_int_equal(pg_control_parse(data, sizeof data, &control, NULL), RESULT_FAILED);
    make(data);
    put32(data, 224, 0);
    seal(data);
    assert_int_equal(pg_control_parse(data, sizeof data, &control, NULL), RESULT_FAILED);
}

static void test_pg_control_read_tells_missing(void **state)
{
    struct pg_control control;
    struct failure failure;
    (void)state;
    assert_int_equal(pg_control_read("/nonexistent", &control, &failure), RESULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_crc32c_matches_the_standard_check),
            cmocka_unit_test(test_pg_control_parse_reads_fields),
            cmocka_unit_test(test_pg_control_checkpoint_end_skips_page_headers),
            cmocka_unit_test(test_pg_control_refuses_wrong_bytes),
            cmocka_unit_test(test_pg_control_refuses_impossible_values),
            cmocka_unit_test(test_pg_control_read_tells_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
