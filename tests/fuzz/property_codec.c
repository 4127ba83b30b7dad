/* SPDX-License-Identifier: PostgreSQL */
/*
 * property_codec.c - what must hold for all events and for all bytes, tried with random ones:
 *   decode(encode(e)) is e, for every kind;
 *   bytes that decode to an event are the encoding of that event, whatever was done to them.
 *
 * Usage: property_codec [iterations [seed]]
 */
#include "../../proto/codec.h"
#include "random_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct payload {
    size_t size;
    uint8_t bytes[2 * RECORD_BYTES_MAX];
};

/* What became of the mangled payloads; a run without any of one kind has not tried enough. */
struct tally {
    uint64_t same;      /* decoded */
    uint64_t malformed; /* refused */
    uint64_t newer;
};

static void fail(const char *what, const struct payload *payload)
{
    (void)fprintf(stderr, "%s:", what);
    for (size_t i = 0; i < payload->size; i++) {
        (void)fprintf(stderr, " %02x", payload->bytes[i]);
    }
    (void)fprintf(stderr, "\n");
    exit(EXIT_FAILURE);
}

/* A snapshot's bytes lie elsewhere. */
static void check_bytes(const struct snapshot *a, const struct snapshot *b,
                        const struct payload *payload)
{
    if (a->size != b->size || memcmp(a->bytes, b->bytes, a->size) != 0) {
        fail("decoded to another state", payload);
    }
}

/* Both events were zeroed before they were filled, so equal ones are equal byte by byte. */
static void check_round_trip(const struct event *e, struct payload *payload)
{
    static struct codec_arena arena;
    static struct event decoded;
    struct event expected = *e;

    payload->size = codec_encode(e, payload->bytes, RECORD_BYTES_MAX);
    if (payload->size == 0) {
        fail(event_kind_name(e->kind), payload);
    }
    if (event_is_decision(e->kind)) {
        codec_hash(payload->bytes, payload->size, expected.hash);
    }
    if (codec_decode(payload->bytes, payload->size, &arena, &decoded) != CODEC_OK) {
        fail("a valid event does not decode", payload);
    }
    if (e->kind == EVENT_SNAPSHOT) {
        check_bytes(&decoded.body.snapshot, &expected.body.snapshot, payload);
        decoded.body.snapshot.bytes = expected.body.snapshot.bytes;
    }
    if (memcmp(&decoded, &expected, sizeof(decoded)) != 0) {
        fail("decoded to another event", payload);
    }
}

static void check_any_bytes(const struct payload *payload, struct tally *tally)
{
    static const struct event zeros;
    static struct codec_arena arena;
    static struct event e;
    struct payload again;
    /* A copy of the exact size on the heap, so that a sanitizer sees any read beyond it. */
    uint8_t *copy = malloc(payload->size + 1);
    enum codec_result result;

    memcpy(copy, payload->bytes, payload->size);
    result = codec_decode(copy, payload->size, &arena, &e);
    free(copy);
    if (result == CODEC_OK) {
        tally->same++;
        again.size = codec_encode(&e, again.bytes, sizeof(again.bytes));
        if (again.size != payload->size || memcmp(again.bytes, payload->bytes, again.size) != 0) {
            fail("one event with two encodings", payload);
        }
    } else if (result == CODEC_MALFORMED) {
        tally->malformed++;
        if (memcmp(&e, &zeros, sizeof(e)) != 0) {
            fail("malformed, and something is set", payload);
        }
    } else {
        tally->newer++;
        if (e.version <= SCHEMA_VERSION || e.kind != EVENT_NONE || e.counter != 0) {
            fail("newer, and more than its head is set", payload);
        }
    }
}

static size_t random_place(struct random *random, const struct payload *payload)
{
    return random_below(random, (uint32_t)payload->size);
}

static void flip_bit(struct random *random, struct payload *payload)
{
    payload->bytes[random_place(random, payload)] ^= (uint8_t)(1U << random_below(random, 8));
}

static void set_byte(struct random *random, struct payload *payload)
{
    payload->bytes[random_place(random, payload)] = (uint8_t)random_next(random);
}

static void cut_tail(struct random *random, struct payload *payload)
{
    payload->size = random_place(random, payload) + 1;
}

static void remove_byte(struct random *random, struct payload *payload)
{
    size_t place = random_place(random, payload);

    if (payload->size > 1) {
        payload->size--;
        memmove(payload->bytes + place, payload->bytes + place + 1, payload->size - place);
    }
}

static void insert_byte(struct random *random, struct payload *payload)
{
    size_t place = random_place(random, payload);

    memmove(payload->bytes + place + 1, payload->bytes + place, payload->size - place);
    payload->bytes[place] = (uint8_t)random_next(random);
    payload->size++;
}

/* Repeats a field, when the range happens to be one. */
static void append_range(struct random *random, struct payload *payload)
{
    size_t place = random_place(random, payload);
    size_t size = payload->size - place;

    if (payload->size + size < RECORD_BYTES_MAX) {
        memcpy(payload->bytes + payload->size, payload->bytes + place, size);
        payload->size += size;
    }
}

static void randomise(struct random *random, struct payload *payload)
{
    payload->size = 1 + random_below(random, 64);
    for (size_t i = 0; i < payload->size; i++) {
        payload->bytes[i] = (uint8_t)random_next(random);
    }
}

static void mangle(struct random *random, struct payload *payload)
{
    static void (*const ways[])(struct random *, struct payload *) = {
            flip_bit, set_byte, cut_tail, remove_byte, insert_byte, append_range, randomise,
    };
    uint32_t times = 1 + random_below(random, 3);

    for (uint32_t i = 0; i < times; i++) {
        ways[random_below(random, sizeof(ways) / sizeof(ways[0]))](random, payload);
    }
}

int main(int argc, char **argv)
{
    static struct payload payload;
    static struct event e;
    uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct tally tally = {.same = 0};
    struct random random;

    random_init(&random, seed);
    for (uint64_t i = 0; i < iterations; i++) {
        for (unsigned int kind = EVENT_NONE + 1; kind < EVENT_KIND_COUNT; kind++) {
            random_event(&random, (enum event_kind)kind, &e);
            check_round_trip(&e, &payload);
            mangle(&random, &payload);
            check_any_bytes(&payload, &tally);
        }
    }
    (void)printf("seed %" PRIu64 ": %" PRIu64 " events of each kind; mangled ones: %" PRIu64
                 " decoded, %" PRIu64 " malformed, %" PRIu64 " newer\n",
                 seed, iterations, tally.same, tally.malformed, tally.newer);
    return tally.same > 0 && tally.malformed > 0 && tally.newer > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
