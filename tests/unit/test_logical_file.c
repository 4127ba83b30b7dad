/* SPDX-License-Identifier: PostgreSQL */
#include "../../agent/logical_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int set_up(void **state)
{
    char slots[80];
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/pgbaton-logical-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(slots, sizeof slots, "%s/pg_replslot", directory);
    return mkdir(slots, 0700);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"/pg_replslot/cdc/state", "/pg_replslot/cdc",
                                        "/pg_replslot", ""};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s%s", directory, names[i]);
        (void)remove(path);
    }
    return access(directory, F_OK) == 0 ? -1 : 0;
}

static void assert_state(const char *wanted)
{
    char path[128];
    char text[32] = "";
    snprintf(path, sizeof path, "%s/pg_replslot/cdc/state", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(wanted));
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, wanted);
}

static void test_logical_file_parse(void **state)
{
    uint8_t bytes[4];
    (void)state;
    assert_int_equal(logical_file_parse("00ff7a", bytes, sizeof bytes), 3);
    assert_true(bytes[0] == 0 && bytes[1] == 0xff && bytes[2] == 0x7a);
    assert_int_equal(logical_file_parse("00ff7a0102", bytes, sizeof bytes), 0);
    assert_int_equal(logical_file_parse("00f", bytes, sizeof bytes), 0);
    assert_int_equal(logical_file_parse("0g", bytes, sizeof bytes), 0);
    assert_int_equal(logical_file_parse(NULL, bytes, sizeof bytes), 0);
}

/* Also in place of an older copy; nothing but the slot is left. */
static void test_logical_file_write(void **state)
{
    struct failure failure;
    char path[128];
    (void)state;
    assert_int_equal(logical_file_write(directory, "cdc", (const uint8_t *)"one", 3, &failure),
                     RESULT_OK);
    assert_state("one");
    assert_int_equal(logical_file_write(directory, "cdc", (const uint8_t *)"two", 3, &failure),
                     RESULT_OK);
    assert_state("two");
    snprintf(path, sizeof path, "%s/pg_replslot/cdc.tmp", directory);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_not_equal(
            logical_file_write("/nonexistent", "cdc", (const uint8_t *)"x", 1, &failure),
            RESULT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_logical_file_parse),
            cmocka_unit_test_setup_teardown(test_logical_file_write, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
