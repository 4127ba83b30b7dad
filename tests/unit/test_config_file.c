/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct listen {
    char *address;
    uint16_t port;
};

struct settings {
    char *name;
    struct listen *listen;
    uint32_t replicas;
    int32_t priority;
    bool nofailover;
};

static const cyaml_schema_field_t listen_fields[] = {
        CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct listen, address, 1, 100),
        CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct listen, port),
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
        CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct settings, name, 1, 8),
        CYAML_FIELD_MAPPING_PTR("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
                                listen, listen_fields),
        CYAML_FIELD_UINT("replicas", CYAML_FLAG_OPTIONAL, struct settings, replicas),
        CYAML_FIELD_INT("failover_priority", CYAML_FLAG_OPTIONAL, struct settings, priority),
        CYAML_FIELD_ENUM("nofailover", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings,
                         nofailover, config_bool_words, CONFIG_BOOL_WORD_COUNT),
        CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields),
};

static const char *const keys[] = {
        "name", "listen", "address", "port", "replicas", "failover_priority", "nofailover", NULL,
};

static char folder[] = "/tmp/test_config_file.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink("a.yaml");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static void write_file(const char *text)
{
    FILE *file = fopen("a.yaml", "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Loading this text fails with these words. */
static void assert_fails(const char *text, const char *expected, const char *hint)
{
    struct failure failure = {.code = RESULT_OK};
    void *value = &failure;

    write_file(text);
    assert_int_equal(config_file_load("a.yaml", &schema, keys, &value, &failure), RESULT_INVALID);
    assert_null(value);
    assert_int_equal(failure.code, RESULT_INVALID);
    assert_string_equal(failure.text, expected);
    assert_string_equal(failure.hint, hint);
}

static void test_config_file_loads(void **state)
{
    struct failure failure = {.code = RESULT_OK};
    void *value = NULL;
    const struct settings *settings;

    (void)state;
    write_file("# a comment\nname: n-1\nlisten:\n  address: ::1\n  port: 5432\n"
               "replicas: 3\nfailover_priority: -2\nnofailover: yes\n");
    assert_int_equal(config_file_load("a.yaml", &schema, keys, &value, &failure), RESULT_OK);
    settings = value;
    assert_string_equal(settings->name, "n-1");
    assert_string_equal(settings->listen->address, "::1");
    assert_int_equal(settings->listen->port, 5432);
    assert_int_equal(settings->replicas, 3);
    assert_int_equal(settings->priority, -2);
    assert_true(settings->nofailover);
    config_file_free(&schema, value);
    config_file_free(&schema, NULL);
}

static void test_config_file_unknown_key(void **state)
{
    (void)state;
    assert_fails("name: n-1\n\n# here\nreplics: 3\n", "a.yaml:4: unknown key 'replics'",
                 "did you mean 'replicas'?");
    assert_fails("name: n-1\nlisten:\n  adress: ::1\n", "a.yaml:3: unknown key 'adress'",
                 "did you mean 'address'?");
    assert_fails("nmae: n-1\n", "a.yaml:1: unknown key 'nmae'", "did you mean 'name'?");
    assert_fails("name: n-1\nlisten: {address: a, prot: 1}\n", "a.yaml:2: unknown key 'prot'",
                 "did you mean 'port'?");
    assert_fails("name: n-1\ncolour: blue\n", "a.yaml:2: unknown key 'colour'",
                 "known keys: name, listen, address, port, replicas, failover_priority, "
                 "nofailover");
}

static void test_config_file_very_long_key(void **state)
{
    char text[400];
    struct failure failure;
    void *value;

    (void)state;
    memset(text, 'k', sizeof(text));
    (void)snprintf(text + 380, sizeof(text) - 380, ": 1\n");
    write_file(text);
    assert_int_equal(config_file_load("a.yaml", &schema, keys, &value, &failure), RESULT_INVALID);
    assert_memory_equal(failure.text, "a.yaml:1: unknown key 'kkk", 26);
}

static void test_config_file_wrong_type(void **state)
{
    (void)state;
    assert_fails("name: n-1\nreplicas: many\n",
                 "a.yaml:2: key 'replicas': Invalid uint64_t value: 'many'",
                 "write a whole number, 0 or more");
    assert_fails("name: n-1\nfailover_priority: high\n",
                 "a.yaml:2: key 'failover_priority': Invalid INT value: 'high'",
                 "write a whole number");
    assert_fails("name: [n, 1]\n",
                 "a.yaml:1: key 'name': Expecting STRING, got event: SEQUENCE_START",
                 "write a single value here");
    assert_fails("name: n-1\nlisten: here\n",
                 "a.yaml:2: key 'listen': Expecting MAPPING, got event: SCALAR",
                 "write indented lines of 'key: value' here");
    assert_fails("name: n-1\nnofailover: maybe\n",
                 "a.yaml:2: key 'nofailover': Invalid ENUM value: maybe",
                 "write one of the words that this key takes, such as true and false");
    assert_fails("- name\n", "a.yaml:1: Expecting MAPPING, got event: SEQUENCE_START",
                 "write indented lines of 'key: value' here");
}

static void test_config_file_out_of_range(void **state)
{
    (void)state;
    assert_fails("name: n-1\nreplicas: -1\n", "a.yaml:2: key 'replicas': Invalid UINT value: '-1'",
                 "write a whole number, 0 or more");
    assert_fails("name: n-1\nreplicas: 4294967296\n",
                 "a.yaml:2: key 'replicas': Invalid UINT value: '4294967296'",
                 "write a whole number, 0 or more");
    assert_fails("name: n-123456789\n", "a.yaml:1: key 'name': STRING length > 8: n-123456789",
                 "write a shorter text");
    assert_fails("name: ''\n", "a.yaml:1: key 'name': STRING length < 1: ", "write a longer text");
}

static void test_config_file_missing_key(void **state)
{
    (void)state;
    assert_fails("replicas: 3\n", "a.yaml:1: missing key 'name'",
                 "add this key; it has no default");
    assert_fails("name: n-1\nlisten:\n  port: 1\n", "a.yaml:3: missing key 'address'",
                 "add this key; it has no default");
}

static void test_config_file_key_twice(void **state)
{
    (void)state;
    assert_fails("name: n-1\nreplicas: 1\n\nname: n-2\n", "a.yaml:4: key 'name' stands twice",
                 "remove one of the two lines");
}

static void test_config_file_empty(void **state)
{
    static const char hint[] =
            "known keys: name, listen, address, port, replicas, failover_priority, nofailover";

    (void)state;
    assert_fails("", "a.yaml:1: nothing is set", hint);
    assert_fails("# only a comment\n\n", "a.yaml:1: nothing is set", hint);
}

static void test_config_file_not_yaml(void **state)
{
    static const char hint[] =
            "indent with spaces, put 'key: value' on each line, and close brackets and quotes";

    (void)state;
    assert_fails("name: n-1\n\tlisten: x\n",
                 "a.yaml:2: not YAML: found a tab character that violates indentation", hint);
    assert_fails("name: n-1\nlisten: [a, b\n",
                 "a.yaml:3: not YAML: did not find expected ',' or ']'", hint);
    assert_fails("name: n-1\n\xff\xfe\n", "a.yaml:1: not YAML: invalid leading UTF-8 octet", hint);
}

static void test_config_file_unreadable(void **state)
{
    struct failure failure;
    void *value;

    (void)state;
    assert_int_equal(config_file_load("none.yaml", &schema, keys, &value, &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "open none.yaml: No such file or directory");
    assert_string_equal(failure.hint, "check the path, and who may read it");
    assert_int_equal(config_file_load("/", &schema, keys, &value, &failure), RESULT_FAILED);
    assert_string_equal(failure.text, "read /: Is a directory");
    if (geteuid() != 0) {
        write_file("name: n-1\n");
        assert_int_equal(chmod("a.yaml", 0), 0);
        assert_int_equal(config_file_load("a.yaml", &schema, keys, &value, &failure),
                         RESULT_FAILED);
        assert_string_equal(failure.text, "open a.yaml: Permission denied");
        assert_int_equal(chmod("a.yaml", 0600), 0);
    }
}

static void test_config_file_too_large(void **state)
{
    struct failure failure;
    void *value;
    FILE *file = fopen("a.yaml", "w");

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 70000; i++) {
        assert_int_equal(fputc('\n', file), '\n');
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(config_file_load("a.yaml", &schema, keys, &value, &failure), RESULT_INVALID);
    assert_string_equal(failure.text, "a.yaml: larger than 65536 bytes");
}

static void assert_duration(const char *text, uint64_t expected)
{
    struct failure failure;
    uint64_t ms = 0;

    assert_int_equal(config_parse_duration("k", text, &ms, &failure), RESULT_OK);
    assert_int_equal(ms, expected);
}

static void assert_no_duration(const char *text, const char *hint)
{
    struct failure failure;
    uint64_t ms = 77;
    char expected[FAILURE_TEXT_SIZE];

    (void)snprintf(expected, sizeof(expected), "key 'k': '%s' is not a duration", text);
    assert_int_equal(config_parse_duration("k", text, &ms, &failure), RESULT_INVALID);
    assert_string_equal(failure.text, expected);
    assert_string_equal(failure.hint, hint);
    assert_int_equal(ms, 77);
}

static void test_config_file_durations(void **state)
{
    static const char hint[] = "write a whole number and ms, s, min, h or d: 300ms";

    (void)state;
    assert_duration("300ms", 300);
    assert_duration("0ms", 0);
    assert_duration("1s", 1000);
    assert_duration("5min", 300000);
    assert_duration("2h", 7200000);
    assert_duration("30d", UINT64_C(2592000000));
    assert_duration("300 ms", 300);
    assert_no_duration("300", "add the unit: write 300ms, 300s or 300min");
    assert_no_duration("", hint);
    assert_no_duration("s", hint);
    assert_no_duration("-1s", hint);
    assert_no_duration("1.5s", hint);
    assert_no_duration("1 week", hint);
    assert_no_duration("1ss", hint);
    assert_no_duration(" 1s", hint);
    assert_no_duration("18446744073709551615s", hint);
    assert_no_duration("18446744073709551616ms", hint);
}

static void test_config_file_sizes(void **state)
{
    struct failure failure;
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(config_parse_bytes("k", "16MB", &bytes, &failure), RESULT_OK);
    assert_int_equal(bytes, 16 << 20);
    assert_int_equal(config_parse_bytes("k", "512kB", &bytes, &failure), RESULT_OK);
    assert_int_equal(bytes, 512 << 10);
    assert_int_equal(config_parse_bytes("k", "1GB", &bytes, &failure), RESULT_OK);
    assert_int_equal(bytes, 1 << 30);
    assert_int_equal(config_parse_bytes("k", "100B", &bytes, &failure), RESULT_OK);
    assert_int_equal(bytes, 100);
    assert_int_equal(config_parse_bytes("k", "16777215TB", &bytes, &failure), RESULT_OK);
    assert_int_equal(config_parse_bytes("k", "16777216TB", &bytes, &failure), RESULT_INVALID);
    assert_int_equal(config_parse_bytes("k", "16mb", &bytes, &failure), RESULT_INVALID);
    assert_string_equal(failure.text, "key 'k': '16mb' is not a size");
    assert_string_equal(failure.hint, "write a whole number and B, kB, MB, GB or TB: 16MB");
    assert_int_equal(config_parse_bytes("k", "16", &bytes, &failure), RESULT_INVALID);
    assert_string_equal(failure.hint, "add the unit: write 16B, 16kB or 16MB");
}

static void assert_address(const char *text, const char *expected_host, uint16_t expected_port)
{
    struct failure failure;
    char host[16];
    uint16_t port = 0;

    assert_int_equal(config_parse_address("k", text, host, sizeof(host), &port, &failure),
                     RESULT_OK);
    assert_string_equal(host, expected_host);
    assert_int_equal(port, expected_port);
}

static void assert_no_address(const char *text, const char *expected)
{
    struct failure failure;
    char host[16] = "kept";
    uint16_t port = 77;

    assert_int_equal(config_parse_address("k", text, host, sizeof(host), &port, &failure),
                     RESULT_INVALID);
    assert_string_equal(failure.text, expected);
    assert_string_equal(host, "kept");
    assert_int_equal(port, 77);
}

static void test_config_file_addresses(void **state)
{
    (void)state;
    assert_address("db-1:5432", "db-1", 5432);
    assert_address("127.0.0.1:65535", "127.0.0.1", 65535);
    assert_address("[::1]:1", "::1", 1);
    assert_address("a12345678901234:1", "a12345678901234", 1);
    assert_no_address("a123456789012345:1", "key 'k': the host is longer than 15 bytes");
    assert_no_address("db-1", "key 'k': 'db-1' is not an address");
    assert_no_address("", "key 'k': '' is not an address");
    assert_no_address(":5432", "key 'k': ':5432' is not an address");
    assert_no_address("[]:5432", "key 'k': '[]:5432' is not an address");
    assert_no_address("::1:5432", "key 'k': '::1:5432' is not an address");
    assert_no_address("[::1]", "key 'k': '[::1]' is not an address");
    assert_no_address("d b:5432", "key 'k': 'd b:5432' is not an address");
    assert_no_address("db-1:", "key 'k': '' is not a port");
    assert_no_address("db-1:0", "key 'k': '0' is not a port");
    assert_no_address("db-1:65536", "key 'k': '65536' is not a port");
    assert_no_address("db-1:5432x", "key 'k': '5432x' is not a port");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_config_file_loads),
            cmocka_unit_test(test_config_file_unknown_key),
            cmocka_unit_test(test_config_file_very_long_key),
            cmocka_unit_test(test_config_file_wrong_type),
            cmocka_unit_test(test_config_file_out_of_range),
            cmocka_unit_test(test_config_file_missing_key),
            cmocka_unit_test(test_config_file_key_twice),
            cmocka_unit_test(test_config_file_empty),
            cmocka_unit_test(test_config_file_not_yaml),
            cmocka_unit_test(test_config_file_unreadable),
            cmocka_unit_test(test_config_file_too_large),
            cmocka_unit_test(test_config_file_durations),
            cmocka_unit_test(test_config_file_sizes),
            cmocka_unit_test(test_config_file_addresses),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
