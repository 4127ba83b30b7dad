/* SPDX-License-Identifier: PostgreSQL */
#include "codec_promise.h"

#include "codec_body.h"
#include "promise.pb-c.h"

#include <string.h>

static bool is_message(const struct promise_message *m)
{
    return (unsigned int)m->kind < PROMISE_KIND_COUNT && (unsigned int)m->reason < REASON_COUNT &&
           name_is_valid(m->cluster) && name_is_valid(m->from) && name_is_valid(m->to);
}

/* The generated structs take texts that are not const, and packing changes none. */
static char *text_of(const char *text)
{
    return (char *)text;
}

size_t promise_encode(const struct promise_message *message, uint8_t *buffer, size_t capacity)
{
    Pgbaton__Promise pb;

    if (!is_message(message)) {
        return 0;
    }
    pgbaton__promise__init(&pb);
    pb.version = PROMISE_VERSION;
    pb.cluster = text_of(message->cluster);
    pb.from = text_of(message->from);
    pb.to = text_of(message->to);
    pb.kind = message->kind;
    pb.term = message->term;
    pb.incarnation = message->incarnation;
    pb.number = message->number;
    pb.ttl_ms = message->ttl_ms;
    pb.counter = message->counter;
    pb.age_ms = message->age_ms;
    pb.reason = message->reason;
    return pgbaton__promise__get_packed_size(&pb) <= capacity ? pgbaton__promise__pack(&pb, buffer)
                                                              : 0;
}

static bool take(const Pgbaton__Promise *pb, struct promise_message *m)
{
    m->kind = (enum promise_kind)pb->kind;
    m->term = pb->term;
    m->incarnation = pb->incarnation;
    m->number = pb->number;
    m->ttl_ms = pb->ttl_ms;
    m->counter = pb->counter;
    m->age_ms = pb->age_ms;
    m->reason = (enum reason)pb->reason;
    return codec_take_text(m->cluster, sizeof(m->cluster), pb->cluster) &&
           codec_take_text(m->from, sizeof(m->from), pb->from) &&
           codec_take_text(m->to, sizeof(m->to), pb->to);
}

/* Refuses unknown and repeated fields, zeros that were written out, and texts with NULs. */
static bool is_canonical(const struct promise_message *m, const uint8_t *data, size_t size)
{
    uint8_t again[PROMISE_BYTES_MAX];

    return promise_encode(m, again, sizeof(again)) == size && memcmp(again, data, size) == 0;
}

enum codec_result promise_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                                 struct promise_message *ret_message)
{
    ProtobufCAllocator allocator = codec_allocator(arena);
    const Pgbaton__Promise *pb = pgbaton__promise__unpack(&allocator, size, data);

    memset(ret_message, 0, sizeof(*ret_message));
    if (pb == NULL || pb->version == 0) {
        return CODEC_MALFORMED;
    }
    if (pb->version > PROMISE_VERSION) {
        return CODEC_NEWER;
    }
    if (size > PROMISE_BYTES_MAX || !take(pb, ret_message) ||
        !is_canonical(ret_message, data, size)) {
        memset(ret_message, 0, sizeof(*ret_message));
        return CODEC_MALFORMED;
    }
    return CODEC_OK;
}
