/* SPDX-License-Identifier: PostgreSQL */
/* The low-level hash works in the caller's memory; OpenSSL's newer interface allocates. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "codec.h"

#include "codec_body.h"

#include <openssl/sha.h>
#include <string.h>

#define ALIGNMENT 16

static void *arena_alloc(void *data, size_t size)
{
    struct codec_arena *arena = data;
    uint8_t *block = arena->bytes + arena->used;

    if (size > sizeof(arena->bytes) - arena->used) {
        return NULL;
    }
    arena->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return block;
}
_Static_assert(CODEC_ARENA_BYTES % ALIGNMENT == 0, "a rounded block never ends beyond the arena");

static void arena_free(void *data, void *block)
{
    (void)data;
    (void)block;
}

ProtobufCAllocator codec_allocator(struct codec_arena *arena)
{
    arena->used = 0;
    return (ProtobufCAllocator){.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
}

static size_t bytes_max(enum event_kind kind)
{
    return kind == EVENT_SNAPSHOT ? RECORD_BYTES_MAX : EVENT_BYTES_MAX;
}

size_t codec_encode(const struct event *e, uint8_t *buffer, size_t capacity)
{
    struct codec_space space;
    size_t size;

    if (!codec_check(e)) {
        return 0;
    }
    codec_body_put(e, &space);
    size = pgbaton__event__get_packed_size(&space.event);
    if (size > capacity || size > bytes_max(e->kind)) {
        return 0;
    }
    return pgbaton__event__pack(&space.event, buffer);
}

/* Reads what every version has; a newer one may give names other rules, so they may stay empty. */
static enum codec_result decode_head(const uint8_t *data, size_t size, struct codec_arena *arena,
                                     struct event *e)
{
    ProtobufCAllocator allocator = codec_allocator(arena);
    const Pgbaton__Head *head = pgbaton__head__unpack(&allocator, size, data);

    if (head == NULL || head->version == 0) {
        return CODEC_MALFORMED;
    }
    if (head->version <= SCHEMA_VERSION) {
        return CODEC_OK;
    }
    e->version = head->version;
    (void)codec_take_text(e->cluster, sizeof(e->cluster), head->cluster);
    (void)codec_take_text(e->writer, sizeof(e->writer), head->writer);
    return CODEC_NEWER;
}

/* One event has one encoding. This refuses at once unknown and repeated fields, zeros that were
 * written out, text with NULs or control bytes, and whatever is cut when it is put into its field.
 */
static bool is_canonical(const struct event *e, const uint8_t *data, size_t size)
{
    uint8_t again[RECORD_BYTES_MAX];

    return codec_encode(e, again, sizeof(again)) == size && memcmp(again, data, size) == 0;
}

static bool decode_event(const uint8_t *data, size_t size, struct codec_arena *arena,
                         struct event *e)
{
    ProtobufCAllocator allocator = codec_allocator(arena);
    const Pgbaton__Event *pb = pgbaton__event__unpack(&allocator, size, data);

    return pb != NULL && codec_body_take(pb, e) && is_canonical(e, data, size);
}

enum codec_result codec_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                               struct event *ret_event)
{
    enum codec_result result;

    memset(ret_event, 0, sizeof(*ret_event));
    result = decode_head(data, size, arena, ret_event);
    if (result == CODEC_OK &&
        (size > RECORD_BYTES_MAX || !decode_event(data, size, arena, ret_event))) {
        memset(ret_event, 0, sizeof(*ret_event));
        result = CODEC_MALFORMED;
    }
    if (result == CODEC_OK && event_is_decision(ret_event->kind)) {
        codec_hash(data, size, ret_event->hash);
    }
    return result;
}

void codec_hash(const uint8_t *data, size_t size, uint8_t ret_hash[HASH_SIZE])
{
    SHA256_CTX sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, data, size);
    SHA256_Final(ret_hash, &sha);
}
