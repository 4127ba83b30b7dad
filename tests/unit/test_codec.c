/* SPDX-License-Identifier: PostgreSQL */
#include "wire.h"

static struct event make_grant(void)
{
    struct event e = {
            .version = SCHEMA_VERSION,
            .cluster = "demo",
            .writer = "m-1",
            .incarnation = 3,
            .counter = 7,
            .wall_us = 1000000,
            .cause_seq = 41,
            .kind = EVENT_GRANT,
            .decision = {.prev_seq = 40, .folded_seq = 42, .rule = "grant-after-release"},
            .body.grant = {.term = 8, .node = "node-2", .incarnation = 5},
    };

    memset(e.decision.prev_hash, 0xaa, HASH_SIZE);
    memset(e.decision.digest, 0xbb, HASH_SIZE);
    e.body.grant.position = (struct position){.timeline = 7, .lsn = 0x70001a8};
    return e;
}

static void test_codec_bytes_of_a_known_event(void **state)
{
    static const uint8_t expected[] = {
            0x08, 0x01, 0x12, 0x04, 'd',  'e',  'm',  'o',  0x1a, 0x03, 'n',  '-',
            '1',  0x20, 0x05, 0x28, 0x07, 0x9a, 0x01, 0x04, 0x08, 0x08, 0x10, 0x12,
    };
    struct event e = {.version = 1,
                      .cluster = "demo",
                      .writer = "n-1",
                      .incarnation = 5,
                      .counter = 7,
                      .kind = EVENT_REFUSE,
                      .body.refuse = {.term = 8, .reason = REASON_STALE_TERM}};
    uint8_t buffer[EVENT_BYTES_MAX];

    (void)state;
    assert_int_equal(codec_encode(&e, buffer, sizeof(buffer)), sizeof(expected));
    assert_memory_equal(buffer, expected, sizeof(expected));
}

static void test_codec_decision_carries_its_hash(void **state)
{
    struct event e = make_grant();
    struct event decoded;
    uint8_t buffer[EVENT_BYTES_MAX];
    uint8_t hash[HASH_SIZE];
    size_t size = codec_encode(&e, buffer, sizeof(buffer));

    (void)state;
    assert_true(size > 0);
    assert_int_equal(codec_decode(buffer, size, &arena, &decoded), CODEC_OK);
    codec_hash(buffer, size, hash);
    assert_memory_equal(decoded.hash, hash, HASH_SIZE);
    assert_memory_equal(decoded.decision.prev_hash, e.decision.prev_hash, HASH_SIZE);
    assert_memory_equal(decoded.decision.digest, e.decision.digest, HASH_SIZE);
    assert_string_equal(decoded.decision.rule, "grant-after-release");
    assert_string_equal(decoded.body.grant.node, "node-2");
    assert_int_equal(decoded.body.grant.position.lsn, 0x70001a8);
    assert_int_equal(decoded.seq, 0);
}

static void test_codec_hash_is_sha256(void **state)
{
    static const uint8_t expected[4] = {0xba, 0x78, 0x16, 0xbf};
    uint8_t hash[HASH_SIZE];

    (void)state;
    codec_hash((const uint8_t *)"abc", 3, hash);
    assert_memory_equal(hash, expected, sizeof(expected));
}

static void test_codec_encode_needs_room(void **state)
{
    struct event e = make_grant();
    uint8_t buffer[EVENT_BYTES_MAX];
    size_t size = codec_encode(&e, buffer, sizeof(buffer));

    (void)state;
    assert_int_equal(codec_encode(&e, buffer, size), size);
    assert_int_equal(codec_encode(&e, buffer, size - 1), 0);
    assert_int_equal(codec_encode(&e, buffer, 0), 0);
}

/* The largest event of each list still fits the payload and the arena. */
static void fill_candidates(struct candidate_list *list)
{
    list->count = NODE_COUNT_MAX;
    for (uint32_t i = 0; i < NODE_COUNT_MAX; i++) {
        memset(list->items[i].node, 'n', NAME_SIZE - 1);
        list->items[i].verdict = VERDICT_REFUSED;
        list->items[i].reason = REASON_SUPERSEDED;
        list->items[i].position = (struct position){UINT32_MAX, UINT64_MAX};
    }
}

static void fill_probe(struct probe *probe)
{
    probe->position = (struct position){UINT32_MAX, UINT64_MAX};
    probe->history.count = HISTORY_COUNT_MAX;
    probe->replica_count = NODE_COUNT_MAX;
    for (uint32_t i = 0; i < HISTORY_COUNT_MAX; i++) {
        probe->history.entries[i] = (struct history_entry){UINT32_MAX, UINT64_MAX};
    }
    for (uint32_t i = 0; i < NODE_COUNT_MAX; i++) {
        memset(probe->replicas[i].name, 'n', NAME_SIZE - 1);
        probe->replicas[i].flush_lsn = UINT64_MAX;
    }
}

static void assert_round_trip(const struct event *e)
{
    struct event decoded;
    uint8_t buffer[EVENT_BYTES_MAX];
    size_t size = codec_encode(e, buffer, sizeof(buffer));

    assert_true(size > 0);
    assert_int_equal(codec_decode(buffer, size, &arena, &decoded), CODEC_OK);
    assert_true(arena.used <= sizeof(arena.bytes) / 2);
    assert_int_equal(decoded.kind, e->kind);
    assert_memory_equal(&decoded.body, &e->body, sizeof(e->body));
}

static void test_codec_largest_events_fit(void **state)
{
    static struct event hello = {.version = 1, .cluster = "c", .writer = "w", .kind = EVENT_HELLO};
    static struct event grant = {.version = 1, .cluster = "c", .writer = "w", .kind = EVENT_GRANT};

    (void)state;
    fill_probe(&hello.body.hello.probe);
    memset(hello.body.hello.host, 'h', HOST_SIZE - 1);
    assert_round_trip(&hello);
    memset(grant.decision.rule, 'r', RULE_SIZE - 1);
    memset(grant.decision.digest, 0xff, HASH_SIZE);
    memset(grant.decision.prev_hash, 0xff, HASH_SIZE);
    memset(grant.body.grant.node, 'n', NAME_SIZE - 1);
    fill_candidates(&grant.body.grant.candidates);
    assert_round_trip(&grant);
}

static void assert_not_encoded(const struct event *e)
{
    uint8_t buffer[EVENT_BYTES_MAX];

    assert_int_equal(codec_encode(e, buffer, sizeof(buffer)), 0);
}

static void test_codec_encode_refuses_what_is_no_event(void **state)
{
    struct event e = make_grant();

    (void)state;
    e.version = 0;
    assert_not_encoded(&e);
    e = make_grant();
    e.version = SCHEMA_VERSION + 1;
    assert_not_encoded(&e);
    e = make_grant();
    e.cluster[0] = '_';
    assert_not_encoded(&e);
    e = make_grant();
    e.writer[0] = '\0';
    assert_not_encoded(&e);
    e = make_grant();
    memset(e.body.grant.node, 'n', NAME_SIZE);
    assert_not_encoded(&e);
    e = make_grant();
    e.decision.rule[0] = '\0';
    assert_not_encoded(&e);
    e = make_grant();
    e.body.grant.candidates.count = NODE_COUNT_MAX + 1;
    assert_not_encoded(&e);
    e = make_grant();
    e.kind = EVENT_NONE;
    assert_not_encoded(&e);
    e.kind = EVENT_KIND_COUNT;
    assert_not_encoded(&e);
    e = make_grant();
    e.kind = EVENT_HEARTBEAT;
    assert_not_encoded(&e);
}

static void test_codec_text_is_cleaned_on_encode(void **state)
{
    struct event e = {.version = 1,
                      .cluster = "demo",
                      .writer = "n-1",
                      .kind = EVENT_FAILED,
                      .body.task = {.task = TASK_REWIND, .text = "one\ttwo\nthree\x7f\xc3\xa4"}};
    struct event decoded;
    uint8_t buffer[EVENT_BYTES_MAX];
    size_t size = codec_encode(&e, buffer, sizeof(buffer));

    (void)state;
    assert_int_equal(codec_decode(buffer, size, &arena, &decoded), CODEC_OK);
    assert_string_equal(decoded.body.task.text, "one?two?three?\xc3\xa4");
}

/* A configuration as version 1 wrote it: six fields, and no age in its evidence. */
static void test_codec_reads_a_decision_of_version_1(void **state)
{
    struct wire evidence = {0};
    struct wire decision = {0};
    struct wire config = {0};
    struct wire wire = make_head(1, "demo", "m-1");
    struct event e;

    (void)state;
    put_number(&evidence, 2, 5000);
    put_bytes(&decision, 5, "configure", 9);
    put_message(&decision, 6, &evidence);
    put_number(&config, 1, 1000);
    put_number(&config, 2, 1000);
    put_number(&config, 3, 2);
    put_number(&config, 4, 3000);
    put_number(&config, 6, UINT64_MAX);
    put_number(&wire, 4, 77);
    put_message(&wire, FIELD_DECISION, &decision);
    put_message(&wire, BODY_CONFIG, &config);
    assert_int_equal(decode(&wire, &e), CODEC_OK);
    assert_int_equal(e.version, 1);
    assert_int_equal(e.decision.evidence.hearing_ms, 5000);
    assert_int_equal(e.decision.evidence.failover_age_ms, 0);
    assert_int_equal(e.decision.evidence.verdict_age_ms, 0);
    assert_int_equal(e.body.config.lease_ttl_ms, 3000);
    assert_int_equal(e.body.config.failover_limit, 0); /* the fold fills it */
}

static void test_codec_newer_version_gives_its_head_only(void **state)
{
    struct wire wire = make_head(SCHEMA_VERSION + 1, "demo", "m-1");
    struct event e;

    (void)state;
    put_number(&wire, 4, 77);
    put_bytes(&wire, BODY_GRANT, "\xff\xff", 2);
    put_bytes(&wire, 1000, "anything", 8);
    assert_int_equal(decode(&wire, &e), CODEC_NEWER);
    assert_int_equal(e.version, SCHEMA_VERSION + 1);
    assert_string_equal(e.cluster, "demo");
    assert_string_equal(e.writer, "m-1");
    assert_int_equal(e.kind, EVENT_NONE);
    assert_int_equal(e.incarnation, 0);
}

static void test_codec_newer_version_with_longer_names_is_newer(void **state)
{
    char name[3 * NAME_SIZE];
    struct wire wire;
    struct event e;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    wire = make_head(SCHEMA_VERSION + 1, name, name);
    assert_int_equal(decode(&wire, &e), CODEC_NEWER);
    assert_string_equal(e.cluster, "");
    assert_string_equal(e.writer, "");
}

static void test_codec_head_is_checked(void **state)
{
    static const char *const names[] = {
            "", "_", "-a", "Demo", "a.b", "a b", "a123456789-123456789-123456789-1234567890"};
    struct wire reason = {.size = 0};
    struct wire wire = make_head(0, "demo", "n-1");

    (void)state;
    put_number(&reason, 1, REASON_SHUTDOWN);
    put_message(&wire, BODY_GOODBYE, &reason);
    assert_malformed(&wire);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        wire = make_head(1, names[i], "n-1");
        put_message(&wire, BODY_GOODBYE, &reason);
        assert_malformed(&wire);
        wire = make_head(1, "demo", names[i]);
        put_message(&wire, BODY_GOODBYE, &reason);
        assert_malformed(&wire);
    }
}

static void test_codec_heartbeat_belongs_to_no_cluster(void **state)
{
    struct wire empty = {.size = 0};
    struct wire wire = make_head(1, "_", "m-1");
    struct event e;

    (void)state;
    put_message(&wire, BODY_HEARTBEAT, &empty);
    assert_int_equal(decode(&wire, &e), CODEC_OK);
    assert_int_equal(e.kind, EVENT_HEARTBEAT);
    assert_body(BODY_HEARTBEAT, &empty, CODEC_MALFORMED);
}

static void test_codec_body_is_needed_and_only_one(void **state)
{
    struct wire reason = {.size = 0};
    struct wire wire = make_head(1, "demo", "n-1");

    (void)state;
    assert_malformed(&wire);
    put_number(&reason, 1, REASON_SHUTDOWN);
    assert_body(BODY_GOODBYE, &reason, CODEC_OK);
    wire = make_event(BODY_GOODBYE, &reason);
    put_message(&wire, BODY_GOODBYE, &reason);
    assert_malformed(&wire);
    wire = make_event(BODY_GOODBYE, &reason);
    put_message(&wire, BODY_REFUSE, &reason);
    assert_malformed(&wire);
}

static void test_codec_only_one_encoding(void **state)
{
    struct wire message = {.size = 0};
    struct wire wire;

    (void)state;
    put_number(&message, 1, 0); /* a default that is written */
    assert_body(BODY_GOODBYE, &message, CODEC_MALFORMED);
    message.size = 0;
    put_number(&message, 1, 1);
    put_number(&message, 99, 1); /* an unknown field */
    assert_body(BODY_GOODBYE, &message, CODEC_MALFORMED);
    message.size = 0;
    put_number(&message, 2, 1); /* fields out of order */
    put_number(&message, 1, 1);
    assert_body(BODY_REFUSE, &message, CODEC_MALFORMED);
    message.size = 0;
    put_varint(&message, 1 << 3); /* a number in more bytes than it needs */
    put_bytes(&message, 0, "", 0);
    message.bytes[message.size - 2] = 0x81;
    assert_body(BODY_GOODBYE, &message, CODEC_MALFORMED);
    message.size = 0;
    wire = make_head(1, "demo", "n-1");
    put_message(&wire, BODY_GOODBYE, &message);
    put_number(&wire, 99, 1);
    assert_malformed(&wire);
}

static void test_codec_rubbish_is_malformed(void **state)
{
    struct event e = make_grant();
    struct wire wire = {.size = 0};

    (void)state;
    assert_malformed(&wire);
    assert_int_equal(codec_decode(NULL, 0, &arena, &e), CODEC_MALFORMED);
    wire.size = sizeof(wire.bytes);
    assert_malformed(&wire);
    memset(wire.bytes, 0xff, sizeof(wire.bytes));
    assert_malformed(&wire);
    e = make_grant();
    wire.size = codec_encode(&e, wire.bytes, sizeof(wire.bytes));
    while (wire.size-- > 0) {
        assert_malformed(&wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_codec_bytes_of_a_known_event),
            cmocka_unit_test(test_codec_decision_carries_its_hash),
            cmocka_unit_test(test_codec_hash_is_sha256),
            cmocka_unit_test(test_codec_encode_needs_room),
            cmocka_unit_test(test_codec_largest_events_fit),
            cmocka_unit_test(test_codec_encode_refuses_what_is_no_event),
            cmocka_unit_test(test_codec_text_is_cleaned_on_encode),
            cmocka_unit_test(test_codec_reads_a_decision_of_version_1),
            cmocka_unit_test(test_codec_newer_version_gives_its_head_only),
            cmocka_unit_test(test_codec_newer_version_with_longer_names_is_newer),
            cmocka_unit_test(test_codec_head_is_checked),
            cmocka_unit_test(test_codec_heartbeat_belongs_to_no_cluster),
            cmocka_unit_test(test_codec_body_is_needed_and_only_one),
            cmocka_unit_test(test_codec_only_one_encoding),
            cmocka_unit_test(test_codec_rubbish_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
