/* SPDX-License-Identifier: PostgreSQL */
/*
 * codec.h - events to bytes and back: the only module that sees protobuf-c and its generated code.
 *
 * Decoding never allocates from the heap: protobuf-c unpacks into the caller's arena, which is
 * reset for each event. Whatever does not fit the limits, does not parse, has no body, an unknown
 * enum value or an invalid name is an outcome, not an error to abort on: see enum codec_result. One
 * event has one encoding: bytes that decode are those that codec_encode() writes for the result.
 */
#ifndef PGBATON_CODEC_H
#define PGBATON_CODEC_H

#include "event.h"

enum codec_result {
    CODEC_OK = 0,
    CODEC_MALFORMED, /* does not parse, exceeds a limit, or holds an impossible value */
    CODEC_NEWER,     /* a schema version above ours: not to be understood, fail closed (I17) */
    CODEC_RESULT_COUNT
};

struct codec_arena {
    size_t used;
    _Alignas(16) uint8_t bytes[CODEC_ARENA_BYTES];
};

/* Encodes e into buffer; returns the size, or 0 when it does not fit or e is not an event (version
 * 0, an invalid name, an enum or count out of range, a decision without a rule). Control bytes in a
 * task's text become '?'. The bytes are a pure function of e. Does not set e->hash; codec_hash() of
 * the bytes is what readers see. */
size_t codec_encode(const struct event *e, uint8_t *buffer, size_t capacity);
/* Decodes into *ret_event (zeroed first), with seq 0 and, for decisions, hash set. A snapshot's
 * bytes lie in the arena. On CODEC_NEWER
 * only version, cluster and writer are set. On CODEC_MALFORMED *ret_event is zeroed. */
enum codec_result codec_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                               struct event *ret_event);
/* SHA-256. */
void codec_hash(const uint8_t *data, size_t size, uint8_t ret_hash[HASH_SIZE]);

#endif
