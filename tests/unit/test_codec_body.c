/* SPDX-License-Identifier: PostgreSQL */
/* What the codec makes of bodies that are not as they should be. */
#include "wire.h"

/* A body with one number: fine up to count - 1, malformed from count on. */
static void assert_enum(unsigned int body, unsigned int field, unsigned int count)
{
    static const uint64_t beyond[] = {0, 1, 0x7fffffff - 1, UINT64_C(1) << 32};

    for (unsigned int value = 1; value < count; value++) {
        struct wire message = {.size = 0};

        put_number(&message, field, value);
        assert_body(body, &message, CODEC_OK);
    }
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        struct wire message = {.size = 0};

        put_number(&message, field, count + beyond[i]);
        assert_body(body, &message, CODEC_MALFORMED);
    }
}

static void test_codec_body_unknown_enum_values_are_malformed(void **state)
{
    (void)state;
    assert_enum(BODY_PROBE, 1, NODE_STATE_COUNT);
    assert_enum(BODY_PROBE, 2, REASON_COUNT);
    assert_enum(BODY_RENEW, 4, NODE_STATE_COUNT);
    assert_enum(BODY_RELEASE, 2, REASON_COUNT);
    assert_enum(BODY_REFUSE, 2, REASON_COUNT);
    assert_enum(BODY_DONE, 1, TASK_COUNT);
    assert_enum(BODY_DONE, 6, REASON_COUNT);
    assert_enum(BODY_GOODBYE, 1, REASON_COUNT);
}

/* A revoke with this decision head; what is left out of it is valid. */
static struct wire make_revoke(size_t prev_hash_size, size_t digest_size, const char *rule)
{
    static const uint8_t hash[HASH_SIZE + 1] = {1, 2, 3};
    struct wire wire = make_head(1, "demo", "m-1");
    struct wire decision = {.size = 0};
    struct wire revoke = {.size = 0};

    put_number(&decision, 1, 9);
    if (prev_hash_size > 0) {
        put_bytes(&decision, 2, hash, prev_hash_size);
    }
    if (digest_size > 0) {
        put_bytes(&decision, 4, hash, digest_size);
    }
    put_bytes(&decision, 5, rule, strlen(rule));
    put_bytes(&decision, 6, "", 0);
    put_message(&wire, FIELD_DECISION, &decision);
    put_number(&revoke, 1, 8);
    put_message(&wire, BODY_REVOKE, &revoke);
    return wire;
}

static void test_codec_body_decision_head_is_checked(void **state)
{
    static const size_t sizes[] = {1, HASH_SIZE - 1, HASH_SIZE + 1};
    struct wire wire = make_revoke(HASH_SIZE, 0, "rule");
    struct event e;

    (void)state;
    assert_int_equal(decode(&wire, &e), CODEC_OK);
    wire = make_revoke(0, HASH_SIZE, "rule");
    assert_int_equal(decode(&wire, &e), CODEC_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        wire = make_revoke(sizes[i], 0, "rule");
        assert_malformed(&wire);
        wire = make_revoke(0, sizes[i], "rule");
        assert_malformed(&wire);
    }
    wire = make_revoke(0, 0, "");
    assert_malformed(&wire);
    wire = make_revoke(0, 0, "with space");
    assert_malformed(&wire);
    wire = make_revoke(0, 0, "a-rule-whose-name-has-32-bytes-x");
    assert_malformed(&wire);
}

/* A valid decision of this kind, whose body is message. */
static struct wire make_decision(unsigned int body, const struct wire *message)
{
    struct wire wire = make_head(1, "demo", "m-1");

    put_bytes(&wire, FIELD_DECISION, "\x2a\x01r\x32\x00", 5);
    put_message(&wire, body, message);
    return wire;
}

/* Like assert_enum(), for decisions; node_field 0: the body has no node. */
static void assert_decision_enum(unsigned int body, unsigned int node_field, unsigned int field,
                                 unsigned int count)
{
    for (unsigned int value = 1; value <= count; value++) {
        struct wire message = {.size = 0};
        struct wire wire;
        struct event e;

        if (node_field > 0 && node_field < field) {
            put_bytes(&message, node_field, "n-1", 3);
        }
        put_number(&message, field, value);
        if (node_field > field) {
            put_bytes(&message, node_field, "n-1", 3);
        }
        wire = make_decision(body, &message);
        assert_int_equal(decode(&wire, &e), value < count ? CODEC_OK : CODEC_MALFORMED);
    }
}

static void test_codec_body_unknown_enum_values_in_decisions(void **state)
{
    (void)state;
    assert_decision_enum(BODY_GRANT, 3, 2, GRANT_KIND_COUNT);
    assert_decision_enum(BODY_DIRECTIVE, 1, 4, TASK_COUNT);
    assert_decision_enum(BODY_CONFIG, 0, 5, SWITCH_POLICY_COUNT);
    assert_decision_enum(BODY_NO_CANDIDATE, 0, 3, REASON_COUNT);
}

static struct wire make_list(unsigned int field, uint32_t count, const struct wire *item)
{
    struct wire message = {.size = 0};

    for (uint32_t i = 0; i < count; i++) {
        put_message(&message, field, item);
    }
    return message;
}

/* A no_candidate with count candidates of this name and verdict. */
static void assert_candidates(uint32_t count, const char *name, unsigned int verdict,
                              enum codec_result expected)
{
    struct wire candidate = {.size = 0};
    struct wire message;
    struct wire wire;
    struct event e;

    put_bytes(&candidate, 1, name, strlen(name));
    put_number(&candidate, 2, verdict);
    put_number(&candidate, 3, 1);
    message = make_list(2, count, &candidate);
    wire = make_decision(BODY_NO_CANDIDATE, &message);
    assert_int_equal(decode(&wire, &e), expected);
}

static void test_codec_body_candidates_are_checked(void **state)
{
    (void)state;
    assert_candidates(1, "n-1", VERDICT_LAG, CODEC_OK);
    assert_candidates(NODE_COUNT_MAX, "n-1", VERDICT_LAG, CODEC_OK);
    assert_candidates(NODE_COUNT_MAX + 1, "n-1", VERDICT_LAG, CODEC_MALFORMED);
    assert_candidates(1, "n-1", VERDICT_COUNT, CODEC_MALFORMED);
    assert_candidates(1, "N-1", VERDICT_LAG, CODEC_MALFORMED);
    assert_candidates(1, "a123456789-123456789-123456789-1234567890", VERDICT_LAG, CODEC_MALFORMED);
}

/* A revoke whose evidence has count ages of rebuilds, each one ms more than the one before. */
static enum codec_result decode_ages(uint32_t count, struct event *ret_event)
{
    struct wire ages = {.size = 0};
    struct wire evidence = {.size = 0};
    struct wire decision = {.size = 0};
    struct wire revoke = {.size = 0};
    struct wire wire = make_head(1, "demo", "m-1");

    for (uint32_t i = 0; i < count; i++) {
        put_varint(&ages, i + 1);
    }
    put_message(&evidence, 8, &ages);
    put_bytes(&decision, 5, "test", 4);
    put_message(&decision, 6, &evidence);
    put_number(&revoke, 1, 1);
    put_message(&wire, FIELD_DECISION, &decision);
    put_message(&wire, BODY_REVOKE, &revoke);
    return decode(&wire, ret_event);
}

static void test_codec_body_ages_of_rebuilds_are_of_nodes(void **state)
{
    struct event e;

    (void)state;
    assert_int_equal(decode_ages(NODE_COUNT_MAX, &e), CODEC_OK);
    assert_int_equal(e.decision.evidence.rebuild_age_ms[NODE_COUNT_MAX - 1], NODE_COUNT_MAX);
    assert_int_equal(decode_ages(1, &e), CODEC_OK);
    assert_int_equal(e.decision.evidence.rebuild_age_ms[0], 1);
    assert_int_equal(e.decision.evidence.rebuild_age_ms[1], 0);
    assert_int_equal(decode_ages(NODE_COUNT_MAX + 1, &e), CODEC_MALFORMED);
}

static void test_codec_body_decision_head_only_on_decisions(void **state)
{
    struct wire message = {.size = 0};
    struct wire wire = make_head(1, "demo", "n-1");

    (void)state;
    put_number(&message, 1, 8);
    assert_body(BODY_REVOKE, &message, CODEC_MALFORMED);
    assert_body(BODY_GOODBYE, &message, CODEC_OK);
    put_bytes(&wire, FIELD_DECISION, "\x2a\x01r\x32", 5);
    put_message(&wire, BODY_GOODBYE, &message);
    assert_malformed(&wire);
}

static void assert_hello(unsigned int field, const char *text, size_t size,
                         enum codec_result result)
{
    struct wire hello = {.size = 0};

    put_bytes(&hello, 1, "", 0);
    put_bytes(&hello, field, text, size);
    assert_body(BODY_HELLO, &hello, result);
}

static void test_codec_body_host_is_a_word(void **state)
{
    char longest[HOST_SIZE];

    (void)state;
    memset(longest, 'h', sizeof(longest));
    assert_hello(2, "db.example.org", 14, CODEC_OK);
    assert_hello(2, "fe80::1%eth0", 12, CODEC_OK);
    assert_hello(2, longest, HOST_SIZE - 1, CODEC_OK);
    assert_hello(2, longest, HOST_SIZE, CODEC_MALFORMED);
    assert_hello(2, "a b", 3, CODEC_MALFORMED);
    assert_hello(2, "a\nb", 3, CODEC_MALFORMED);
    assert_hello(2, "a\0b", 3, CODEC_MALFORMED);
    assert_hello(2, "a\0", 2, CODEC_MALFORMED);
    assert_hello(2, "a\x7f", 2, CODEC_MALFORMED);
}

static void test_codec_body_hello_is_checked(void **state)
{
    struct wire hello = {.size = 0};

    (void)state;
    put_number(&hello, 3, 5432);
    assert_body(BODY_HELLO, &hello, CODEC_MALFORMED); /* without a probe */
    hello.size = 0;
    put_bytes(&hello, 1, "", 0);
    put_number(&hello, 3, 65535);
    assert_body(BODY_HELLO, &hello, CODEC_OK);
    hello.size = 0;
    put_bytes(&hello, 1, "", 0);
    put_number(&hello, 3, 65536);
    assert_body(BODY_HELLO, &hello, CODEC_MALFORMED);
    hello.size = 0;
    put_bytes(&hello, 1, "", 0);
    put_number(&hello, 16, 65535);
    assert_body(BODY_HELLO, &hello, CODEC_OK);
    hello.size = 0;
    put_bytes(&hello, 1, "", 0);
    put_number(&hello, 16, 65536);
    assert_body(BODY_HELLO, &hello, CODEC_MALFORMED);
    hello.size = 0;
    put_bytes(&hello, 1, "", 0);
    put_number(&hello, 6, 2); /* a bool is 0 or 1 */
    assert_body(BODY_HELLO, &hello, CODEC_MALFORMED);
}

static void assert_task_text(const char *text, size_t size, enum codec_result result)
{
    struct wire task = {.size = 0};

    put_bytes(&task, 9, text, size);
    assert_body(BODY_DONE, &task, result);
}

static void test_codec_body_text_is_checked(void **state)
{
    char longest[TEXT_SIZE];

    (void)state;
    memset(longest, 't', sizeof(longest));
    assert_task_text(longest, TEXT_SIZE - 1, CODEC_OK);
    assert_task_text(longest, TEXT_SIZE, CODEC_MALFORMED);
    assert_task_text("\xff\x80 any byte", 11, CODEC_OK);
    assert_task_text("a\nb", 3, CODEC_MALFORMED);
    assert_task_text("a\0b", 3, CODEC_MALFORMED);
    assert_task_text("\x1b[31m", 5, CODEC_MALFORMED);
}

static void test_codec_body_counts_are_limited(void **state)
{
    struct wire entry = {.size = 0};
    struct wire row = {.size = 0};
    struct wire message;

    (void)state;
    put_number(&entry, 1, 1);
    message = make_list(11, HISTORY_COUNT_MAX, &entry);
    assert_body(BODY_PROBE, &message, CODEC_OK);
    message = make_list(11, HISTORY_COUNT_MAX + 1, &entry);
    assert_body(BODY_PROBE, &message, CODEC_MALFORMED);
    put_bytes(&row, 1, "n", 1);
    message = make_list(12, NODE_COUNT_MAX, &row);
    assert_body(BODY_PROBE, &message, CODEC_OK);
    message = make_list(12, NODE_COUNT_MAX + 1, &row);
    assert_body(BODY_PROBE, &message, CODEC_MALFORMED);
    message = make_list(11, 4000, &entry); /* more than the arena holds */
    assert_body(BODY_PROBE, &message, CODEC_MALFORMED);
}

static void assert_replica(const char *name, enum codec_result expected)
{
    struct wire row = {.size = 0};
    struct wire probe;

    put_bytes(&row, 1, name, strlen(name));
    probe = make_list(12, 1, &row);
    assert_body(BODY_PROBE, &probe, expected);
}

/* Whoever connects to a primary chooses its application_name. */
static void test_codec_body_replica_is_a_word(void **state)
{
    (void)state;
    assert_replica("node-2", CODEC_OK);
    assert_replica("pg_basebackup", CODEC_OK);
    assert_replica("", CODEC_MALFORMED);
    assert_replica("two words", CODEC_MALFORMED);
    assert_replica("\xc3\xa4", CODEC_MALFORMED);
    assert_replica("a123456789-123456789-123456789-1234567890", CODEC_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_codec_body_unknown_enum_values_are_malformed),
            cmocka_unit_test(test_codec_body_decision_head_is_checked),
            cmocka_unit_test(test_codec_body_unknown_enum_values_in_decisions),
            cmocka_unit_test(test_codec_body_candidates_are_checked),
            cmocka_unit_test(test_codec_body_ages_of_rebuilds_are_of_nodes),
            cmocka_unit_test(test_codec_body_decision_head_only_on_decisions),
            cmocka_unit_test(test_codec_body_host_is_a_word),
            cmocka_unit_test(test_codec_body_hello_is_checked),
            cmocka_unit_test(test_codec_body_text_is_checked),
            cmocka_unit_test(test_codec_body_counts_are_limited),
            cmocka_unit_test(test_codec_body_replica_is_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
