/* SPDX-License-Identifier: PostgreSQL */
/* What agents say to each other, as bytes: what is one message, and what is refused. */
#include "wire.h"

#include "../../proto/codec_promise.h"

#define PROMISE_KIND_FIELD 5
#define PROMISE_REASON_FIELD 12

static const struct promise_message largest = {
        .kind = PROMISE_ANSWERED,
        .cluster = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .from = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        .to = "cccccccccccccccccccccccccccccccccccccccc",
        .term = UINT64_MAX,
        .incarnation = UINT64_MAX,
        .number = UINT64_MAX,
        .ttl_ms = UINT32_MAX,
        .counter = UINT64_MAX,
        .age_ms = UINT32_MAX,
        .reason = (enum reason)(REASON_COUNT - 1),
};

static void assert_round_trip(const struct promise_message *m)
{
    uint8_t bytes[PROMISE_BYTES_MAX];
    struct promise_message decoded;
    size_t size = promise_encode(m, bytes, sizeof(bytes));
    assert_int_not_equal(size, 0);
    assert_int_equal(promise_encode(m, bytes, size - 1), 0);
    assert_int_equal(promise_decode(bytes, size, &arena, &decoded), CODEC_OK);
    assert_memory_equal(m, &decoded, sizeof(decoded));
}

static void test_promise_round_trip(void **state)
{
    const struct promise_message smallest = {.cluster = "c", .from = "f", .to = "t"};
    (void)state;
    assert_round_trip(&smallest);
    assert_round_trip(&largest);
}

static void test_promise_encode_refuses_what_is_none(void **state)
{
    uint8_t bytes[PROMISE_BYTES_MAX];
    struct promise_message m = largest;
    (void)state;
    m.kind = PROMISE_KIND_COUNT;
    assert_int_equal(promise_encode(&m, bytes, sizeof(bytes)), 0);
    m = largest;
    m.reason = REASON_COUNT;
    assert_int_equal(promise_encode(&m, bytes, sizeof(bytes)), 0);
    m = largest;
    m.cluster[0] = '_';
    assert_int_equal(promise_encode(&m, bytes, sizeof(bytes)), 0);
    m = largest;
    m.from[0] = '\0';
    assert_int_equal(promise_encode(&m, bytes, sizeof(bytes)), 0);
    m = largest;
    memset(m.to, 't', sizeof(m.to));
    assert_int_equal(promise_encode(&m, bytes, sizeof(bytes)), 0);
}

static void put_head(struct wire *wire, uint64_t version)
{
    wire->size = 0;
    put_number(wire, 1, version);
    put_bytes(wire, 2, "c", 1);
    put_bytes(wire, 3, "f", 1);
    put_bytes(wire, 4, "t", 1);
}

static void assert_decodes(const struct wire *wire, enum codec_result expected)
{
    static const struct promise_message zeros;
    struct promise_message m;
    assert_int_equal(promise_decode(wire->bytes, wire->size, &arena, &m), expected);
    if (expected != CODEC_OK) {
        assert_memory_equal(&m, &zeros, sizeof(m));
    }
}

static void assert_field(unsigned int field, uint64_t value, enum codec_result expected)
{
    struct wire wire;
    put_head(&wire, PROMISE_VERSION);
    put_number(&wire, field, value);
    assert_decodes(&wire, expected);
}

static void test_promise_decode_checks_values(void **state)
{
    (void)state;
    assert_field(PROMISE_KIND_FIELD, PROMISE_ANSWERED, CODEC_OK);
    assert_field(PROMISE_KIND_FIELD, PROMISE_KIND_COUNT, CODEC_MALFORMED);
    assert_field(PROMISE_KIND_FIELD, 0, CODEC_MALFORMED); /* a default that is written out */
    assert_field(PROMISE_REASON_FIELD, REASON_COUNT - 1, CODEC_OK);
    assert_field(PROMISE_REASON_FIELD, REASON_COUNT, CODEC_MALFORMED);
    assert_field(9, UINT64_C(1) << 32, CODEC_MALFORMED); /* ttl_ms, cut to zero */
    assert_field(13, 1, CODEC_MALFORMED);                /* of no field */
    assert_field(1, PROMISE_VERSION, CODEC_MALFORMED);   /* twice */
}

static void test_promise_decode_checks_names(void **state)
{
    struct wire wire = {.size = 0};
    (void)state;
    put_number(&wire, 1, PROMISE_VERSION);
    put_bytes(&wire, 2, "c", 1);
    put_bytes(&wire, 3, "f", 1);
    assert_decodes(&wire, CODEC_MALFORMED); /* to nobody */
    put_bytes(&wire, 4, "T", 1);
    assert_decodes(&wire, CODEC_MALFORMED);
    wire.bytes[wire.size - 1] = '\0';
    assert_decodes(&wire, CODEC_MALFORMED);
    wire.bytes[wire.size - 1] = 't';
    assert_decodes(&wire, CODEC_OK);
}

static void test_promise_decode_tells_newer_from_none(void **state)
{
    struct wire wire;
    (void)state;
    put_head(&wire, PROMISE_VERSION + 1);
    put_number(&wire, 100, 1);
    assert_decodes(&wire, CODEC_NEWER);
    put_head(&wire, 0);
    assert_decodes(&wire, CODEC_MALFORMED);
    wire.size = 0;
    assert_decodes(&wire, CODEC_MALFORMED);
    memset(wire.bytes, 0xff, 100);
    wire.size = 100;
    assert_decodes(&wire, CODEC_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_promise_round_trip),
            cmocka_unit_test(test_promise_encode_refuses_what_is_none),
            cmocka_unit_test(test_promise_decode_checks_values),
            cmocka_unit_test(test_promise_decode_checks_names),
            cmocka_unit_test(test_promise_decode_tells_newer_from_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
