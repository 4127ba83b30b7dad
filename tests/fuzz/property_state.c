/* SPDX-License-Identifier: PostgreSQL */
/*
 * property_state.c - what must hold for all states and for all bytes, tried with random ones:
 *   decode(encode(c)) is c, for every state that events lead to;
 *   bytes that decode to a state are the encoding of that state, whatever was done to them;
 *   such a state keeps the invariants, and folds on: no event ends the program.
 *
 * Usage: property_state [iterations [seed]]
 */
#include "../../proto/digest.h"
#include "../../proto/fold.h"
#include "../../proto/invariant.h"
#include "../../proto/state.h"
#include "random_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events that are folded between two looks. */
#define EVENTS 24
#define NODES 4

struct payload {
    size_t size;
    uint8_t bytes[STATE_BYTES_MAX];
};

struct tally {
    uint64_t effective;
    uint64_t decoded;
    uint64_t refused;
};

static void fail(const char *what, uint64_t iteration)
{
    (void)fprintf(stderr, "iteration %" PRIu64 ": %s\n", iteration, what);
    exit(EXIT_FAILURE);
}

static void set_name(char name[NAME_SIZE], struct random *random)
{
    (void)snprintf(name, NAME_SIZE, "node-%" PRIu32, 1 + random_below(random, NODES));
}

/* An event that has some hope: of this cluster, of one of few writers, about the present term. */
static void fit(struct random *random, const struct cluster *c, struct event *e)
{
    static const char cluster[] = "demo";
    const uint64_t term = c->term + (e->kind == EVENT_GRANT ? 1 : 0);
    memcpy(e->cluster, cluster, sizeof cluster);
    set_name(e->writer, random);
    const int32_t i = cluster_find_node(c, e->writer);
    e->incarnation = i >= 0 && e->kind != EVENT_HELLO ? c->nodes[i].incarnation : 1;
    e->counter = c->last_seq + 1;
    e->body.revoke.term = e->kind == EVENT_REVOKE ? term : e->body.revoke.term;
    if (e->kind == EVENT_RENEW) {
        e->body.renew.term = term;
        e->body.renew.ttl_ms = 3000;
        e->body.renew.seen_seq = c->last_seq;
    } else if (e->kind == EVENT_GRANT) {
        e->body.grant.term = term;
        set_name(e->body.grant.node, random);
    } else if (e->kind == EVENT_REQUEST) {
        e->body.request.term = c->term;
        e->body.request.seen_seq = c->last_seq;
    } else if (e->kind == EVENT_RELEASE) {
        e->body.release.term = term;
    }
    if (event_is_decision(e->kind)) {
        cluster_fill_decision(c, &e->decision);
    }
}

static void fold_some(struct random *random, struct cluster *c, struct tally *tally)
{
    static struct event e;
    for (uint32_t i = 0; i < EVENTS && c->last_seq < UINT64_MAX; i++) {
        const uint32_t kind = 1 + random_below(random, EVENT_KIND_COUNT - 1);
        random_event(random, (enum event_kind)kind, &e);
        if (kind == EVENT_CONFIG) {
            e.body.config = config_default();
        }
        fit(random, c, &e);
        e.seq = c->last_seq + 1;
        tally->effective += cluster_fold(c, &e).effective ? 1 : 0;
    }
}

static bool check_round_trip(const struct cluster *c, struct payload *payload)
{
    static struct cluster decoded;
    static struct payload again;
    payload->size = state_encode(c, payload->bytes);
    if (!state_decode(payload->bytes, payload->size, &decoded)) {
        return false;
    }
    again.size = state_encode(&decoded, again.bytes);
    return again.size == payload->size && memcmp(again.bytes, payload->bytes, again.size) == 0;
}

static void mangle(struct random *random, struct payload *payload)
{
    for (uint32_t i = 1 + random_below(random, 3); i > 0; i--) {
        const uint32_t at = random_below(random, (uint32_t)payload->size);
        payload->bytes[at] =
                random_below(random, 2) == 0
                        ? (uint8_t)random_next(random)
                        : (uint8_t)(payload->bytes[at] ^ 1U << random_below(random, 8));
    }
    if (random_below(random, 16) == 0) {
        payload->size = random_below(random, (uint32_t)payload->size);
    }
}

/* Whatever decodes is a state like any other. */
static void check_any_bytes(struct random *random, const struct payload *payload,
                            struct tally *tally, uint64_t iteration)
{
    static struct cluster c;
    static struct payload again;
    uint8_t *copy = malloc(payload->size + 1);
    memcpy(copy, payload->bytes, payload->size);
    const bool good = state_decode(copy, payload->size, &c);
    free(copy);
    tally->decoded += good ? 1 : 0;
    tally->refused += good ? 0 : 1;
    if (!good) {
        return;
    }
    again.size = state_encode(&c, again.bytes);
    if (again.size != payload->size || memcmp(again.bytes, payload->bytes, again.size) != 0) {
        fail("one state with two encodings", iteration);
    }
    if (invariant_check(&c) != NULL) {
        fail(invariant_check(&c), iteration);
    }
    fold_some(random, &c, tally);
}

int main(int argc, char **argv)
{
    static struct cluster c;
    static struct payload payload;
    const uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct tally tally = {.effective = 0};
    struct random random;

    random_init(&random, seed);
    for (uint64_t i = 0; i < iterations; i++) {
        if (i % 16 == 0) {
            cluster_init(&c, "demo");
        }
        fold_some(&random, &c, &tally);
        if (!check_round_trip(&c, &payload)) {
            fail("a state that was folded does not come back", i);
        }
        for (uint32_t k = 0; k < 8; k++) {
            struct payload mangled = payload;
            mangle(&random, &mangled);
            if (mangled.size > 0) {
                check_any_bytes(&random, &mangled, &tally, i);
            }
        }
    }
    (void)printf("seed %" PRIu64 ": %" PRIu64 " states, %" PRIu64
                 " effective events; mangled ones: "
                 "%" PRIu64 " decoded, %" PRIu64 " refused\n",
                 seed, iterations, tally.effective, tally.decoded, tally.refused);
    return tally.effective > 0 && tally.decoded > 0 && tally.refused > 0 ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE;
}
