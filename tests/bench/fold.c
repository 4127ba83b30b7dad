/* SPDX-License-Identifier: PostgreSQL */
/*
 * fold.c - how many events a second the fold takes, in memory: renewals of a leader and probes of
 * its two standbys, as they come all day. Printed with and without their decoding.
 *
 * Usage: fold [events]
 */
#include "../unit/world.h"

#include <stdlib.h>
#include <time.h>

#define KINDS 3

struct bytes {
    size_t size;
    uint8_t data[EVENT_BYTES_MAX];
};

static struct world world;
static struct codec_arena arena;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make(struct event ret_events[KINDS])
{
    ret_events[0] = world_event(&world, "node-1", EVENT_RENEW);
    ret_events[0].body.renew =
            (struct renew){.term = world.c.term, .ttl_ms = 3000, .position = {1, 0x5000000}};
    for (int i = 1; i < KINDS; i++) {
        ret_events[i] = world_event(&world, i == 1 ? "node-2" : "node-3", EVENT_PROBE);
        ret_events[i].body.probe = world_probe(NODE_STANDBY, 1, 0x5000000);
    }
}

/* Each is the writer's next. */
static void renew(struct event *e, uint64_t i)
{
    e->seq = world.c.last_seq + 1;
    e->counter += KINDS;
    if (e->kind == EVENT_RENEW) {
        e->body.renew.seen_seq = world.c.last_seq;
        e->body.renew.position.lsn += 64;
    } else {
        e->body.probe.position.lsn = 0x5000000 + i * 64;
    }
}

static void tell(const char *what, uint64_t count, double seconds)
{
    printf("%-20s %10.0f events/s %8.0f ns each\n", what, (double)count / seconds,
           seconds * 1e9 / (double)count);
}

static void fold_only(uint64_t count)
{
    static struct event events[KINDS];
    uint64_t effective = 0;
    make(events);
    const double begun = now_s();
    for (uint64_t i = 0; i < count; i++) {
        struct event *e = &events[i % KINDS];
        renew(e, i);
        effective += cluster_fold(&world.c, e).effective ? 1 : 0;
    }
    const double seconds = now_s() - begun;
    assert_int_equal(effective, count);
    tell("fold", count, seconds);
}

static void decode_too(uint64_t count)
{
    static struct event events[KINDS];
    static struct bytes encoded[KINDS];
    static struct event e;
    make(events);
    for (int i = 0; i < KINDS; i++) {
        encoded[i].size = codec_encode(&events[i], encoded[i].data, sizeof encoded[i].data);
        assert_true(encoded[i].size > 0);
    }
    const double begun = now_s();
    for (uint64_t i = 0; i < count; i++) {
        const struct bytes *b = &encoded[i % KINDS];
        assert_int_equal(codec_decode(b->data, b->size, &arena, &e), CODEC_OK);
        e.counter = events[i % KINDS].counter;
        renew(&e, i);
        events[i % KINDS].counter = e.counter;
        (void)cluster_fold(&world.c, &e);
    }
    tell("decode and fold", count, now_s() - begun);
}

static void run(void **state)
{
    const uint64_t count = *(uint64_t *)*state;
    world_running(&world);
    fold_only(count);
    decode_too(count / 4);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000000;
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(run, &count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
