/* SPDX-License-Identifier: PostgreSQL */
/*
 * property_promise.c - what must hold for all messages between agents and for all bytes, tried with
 * random ones:
 *   decode(encode(m)) is m;
 *   bytes that decode to a message are the encoding of that message, whatever was done to them.
 *
 * Usage: property_promise [iterations [seed]]
 */
#include "../../proto/codec_promise.h"
#include "random_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct payload {
    size_t size;
    uint8_t bytes[PROMISE_BYTES_MAX + 1];
};

struct tally {
    uint64_t decoded;
    uint64_t malformed;
    uint64_t newer;
};

static struct codec_arena arena;

static void fail(const char *what, uint64_t iteration)
{
    (void)fprintf(stderr, "iteration %" PRIu64 ": %s\n", iteration, what);
    exit(EXIT_FAILURE);
}

static uint64_t random_number(struct random *random)
{
    return random_next(random) >> random_below(random, 64);
}

static void random_name(struct random *random, char name[NAME_SIZE])
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    uint32_t size = 1 + random_below(random, NAME_SIZE - 1);
    for (uint32_t i = 0; i < size; i++) {
        name[i] = bytes[random_below(random, sizeof(bytes) - (i == 0 ? 2 : 1))];
    }
}

static void random_message(struct random *random, struct promise_message *m)
{
    memset(m, 0, sizeof(*m));
    m->kind = (enum promise_kind)random_below(random, PROMISE_KIND_COUNT);
    random_name(random, m->cluster);
    random_name(random, m->from);
    random_name(random, m->to);
    m->term = random_number(random);
    m->incarnation = random_number(random);
    m->number = random_number(random);
    m->ttl_ms = (uint32_t)random_number(random);
    m->counter = random_number(random);
    m->age_ms = (uint32_t)random_number(random);
    m->reason = (enum reason)random_below(random, REASON_COUNT);
}

static void mangle(struct random *random, struct payload *payload)
{
    size_t place = random_below(random, (uint32_t)payload->size);
    switch (random_below(random, 4)) {
    case 0:
        payload->bytes[place] ^= (uint8_t)(1U << random_below(random, 8));
        break;
    case 1:
        payload->bytes[place] = (uint8_t)random_next(random);
        break;
    case 2:
        payload->size = place;
        break;
    default:
        payload->size -= payload->size > PROMISE_BYTES_MAX;
        memmove(payload->bytes + place + 1, payload->bytes + place, payload->size - place);
        payload->size++;
        break;
    }
}

static void check_any_bytes(const struct payload *payload, struct tally *tally, uint64_t iteration)
{
    static const struct promise_message zeros;
    struct promise_message m;
    uint8_t again[PROMISE_BYTES_MAX];
    /* A copy of the exact size on the heap, so that a sanitizer sees any read beyond it. */
    uint8_t *copy = malloc(payload->size + 1);
    memcpy(copy, payload->bytes, payload->size);
    enum codec_result result = promise_decode(copy, payload->size, &arena, &m);
    free(copy);
    tally->decoded += result == CODEC_OK;
    tally->malformed += result == CODEC_MALFORMED;
    tally->newer += result == CODEC_NEWER;
    if (result != CODEC_OK && memcmp(&m, &zeros, sizeof(m)) != 0) {
        fail("not decoded, and something is set", iteration);
    }
    if (result == CODEC_OK && (promise_encode(&m, again, sizeof(again)) != payload->size ||
                               memcmp(again, payload->bytes, payload->size) != 0)) {
        fail("one message with two encodings", iteration);
    }
}

int main(int argc, char **argv)
{
    uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    struct random random;
    struct tally tally = {.decoded = 0};
    random_init(&random, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    for (uint64_t i = 0; i < iterations; i++) {
        struct promise_message m;
        struct promise_message decoded;
        struct payload payload;
        random_message(&random, &m);
        payload.size = promise_encode(&m, payload.bytes, PROMISE_BYTES_MAX);
        if (payload.size == 0 ||
            promise_decode(payload.bytes, payload.size, &arena, &decoded) != CODEC_OK ||
            memcmp(&m, &decoded, sizeof(m)) != 0) {
            fail("decoded to another message", i);
        }
        mangle(&random, &payload);
        check_any_bytes(&payload, &tally, i);
    }
    (void)printf("mangled ones: %" PRIu64 " decoded, %" PRIu64 " malformed, %" PRIu64 " newer\n",
                 tally.decoded, tally.malformed, tally.newer);
    return tally.decoded > 0 && tally.malformed > 0 && tally.newer > 0 ? EXIT_SUCCESS
                                                                       : EXIT_FAILURE;
}
