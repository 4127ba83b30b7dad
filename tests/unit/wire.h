/* SPDX-License-Identifier: PostgreSQL */
/*
 * wire.h - payloads built by hand, field by field: what no encoder of ours would write.
 */
#ifndef PGBATON_TESTS_WIRE_H
#define PGBATON_TESTS_WIRE_H

#include "../../proto/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct wire {
    size_t size;
    uint8_t bytes[2 * EVENT_BYTES_MAX];
};

/* Field numbers of event.proto. */
enum {
    FIELD_DECISION = 8,
    BODY_PROBE = 16,
    BODY_RENEW = 17,
    BODY_RELEASE = 18,
    BODY_REFUSE = 19,
    BODY_HELLO = 20,
    BODY_DONE = 22,
    BODY_GOODBYE = 24,
    BODY_REVOKE = 25,
    BODY_GRANT = 26,
    BODY_DIRECTIVE = 27,
    BODY_CONFIG = 28,
    BODY_NO_CANDIDATE = 29,
    BODY_HEARTBEAT = 30
};

static struct codec_arena arena;

static inline void put_varint(struct wire *wire, uint64_t value)
{
    for (; value > 0x7f; value >>= 7) {
        wire->bytes[wire->size++] = (uint8_t)(value | 0x80);
    }
    wire->bytes[wire->size++] = (uint8_t)value;
}

static inline void put_number(struct wire *wire, unsigned int field, uint64_t value)
{
    put_varint(wire, field << 3);
    put_varint(wire, value);
}

static inline void put_bytes(struct wire *wire, unsigned int field, const void *data, size_t size)
{
    put_varint(wire, field << 3 | 2);
    put_varint(wire, size);
    memcpy(wire->bytes + wire->size, data, size);
    wire->size += size;
}

static inline void put_message(struct wire *wire, unsigned int field, const struct wire *message)
{
    put_bytes(wire, field, message->bytes, message->size);
}

static inline struct wire make_head(uint64_t version, const char *cluster, const char *writer)
{
    struct wire wire = {.size = 0};

    put_number(&wire, 1, version);
    put_bytes(&wire, 2, cluster, strlen(cluster));
    put_bytes(&wire, 3, writer, strlen(writer));
    return wire;
}

static inline enum codec_result decode(const struct wire *wire, struct event *e)
{
    return codec_decode(wire->bytes, wire->size, &arena, e);
}

static inline void assert_malformed(const struct wire *wire)
{
    static const struct event zeros;
    struct event e;

    memset(&e, 0x55, sizeof(e));
    assert_int_equal(decode(wire, &e), CODEC_MALFORMED);
    assert_memory_equal(&e, &zeros, sizeof(e));
}

/* An event of writer n-1 in demo with this body. */
static inline struct wire make_event(unsigned int body, const struct wire *message)
{
    struct wire wire = make_head(1, "demo", "n-1");

    put_message(&wire, body, message);
    return wire;
}

static inline void assert_body(unsigned int body, const struct wire *message,
                               enum codec_result expected)
{
    struct wire wire = make_event(body, message);
    struct event e;

    if (expected == CODEC_MALFORMED) {
        assert_malformed(&wire);
    } else {
        assert_int_equal(decode(&wire, &e), expected);
    }
}

#endif
