/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/state.h"
#include "world.h"

static struct cluster decoded;
static uint8_t bytes[STATE_BYTES_MAX];
static uint8_t again[STATE_BYTES_MAX];

static bool comes_back(const struct cluster *c)
{
    const size_t size = state_encode(c, bytes);

    return state_decode(bytes, size, &decoded) && state_encode(&decoded, again) == size &&
           memcmp(bytes, again, size) == 0;
}

/* A switchover is asked for, a node was told to rebuild, and parameters wait for their check. */
static void run_busily(struct world *w)
{
    world_running(w);
    struct event e = world_event(w, "operator", EVENT_REQUEST);
    e.body.request = (struct request){.kind = REQUEST_CONFIG, .term = 1, .seen_seq = w->c.last_seq};
    assert_true(parameters_put(&e.body.request.change, "work_mem", "8MB"));
    assert_int_equal(world_fold(w, &e), VOID_NONE);
    struct event s = world_event(w, "operator", EVENT_REQUEST);
    s.body.request = (struct request){.kind = REQUEST_SWITCHOVER, .term = 1};
    s.body.request.seen_seq = w->c.last_seq;
    assert_int_equal(world_fold(w, &s), VOID_NONE);
}

static void test_state_of_a_running_cluster_comes_back(void **state)
{
    static struct world w;

    (void)state;
    run_busily(&w);
    assert_true(comes_back(&w.c));
    assert_int_equal(decoded.asked.change.size, w.c.asked.change.size);
    assert_string_equal(decoded.nodes[2].name, "node-3");
    assert_int_equal(decoded.leader, w.c.leader);
}

static void test_state_of_an_empty_cluster_comes_back(void **state)
{
    static struct cluster c;

    (void)state;
    cluster_init(&c, "demo");
    assert_true(comes_back(&c));
    assert_int_equal(decoded.leader, LEADER_NONE);
}

/* What was folded and what was read go on alike. */
static void test_state_that_was_read_folds_on(void **state)
{
    static struct world w;
    static struct world other;
    uint8_t digests[2][HASH_SIZE];

    (void)state;
    run_busily(&w);
    other = w;
    assert_true(comes_back(&w.c));
    other.c = decoded;
    assert_int_equal(world_release(&w, "node-1", 1), VOID_NONE);
    assert_int_equal(world_release(&other, "node-1", 1), VOID_NONE);
    cluster_digest(&w.c, digests[0]);
    cluster_digest(&other.c, digests[1]);
    assert_memory_equal(digests[0], digests[1], HASH_SIZE);
}

/* The largest of everything, whether or not it makes sense. */
static void test_state_always_fits(void **state)
{
    static struct cluster c;

    (void)state;
    memset(&c, 0xff, sizeof c);
    const size_t size = state_encode(&c, bytes);
    assert_in_range(size, STATE_BYTES_MAX / 2, STATE_BYTES_MAX);
    assert_false(state_decode(bytes, size, &decoded));
}

static void test_state_that_is_cut_or_too_long_is_refused(void **state)
{
    static struct world w;

    (void)state;
    run_busily(&w);
    const size_t size = state_encode(&w.c, bytes);
    for (size_t i = 0; i < size; i++) {
        assert_false(state_decode(bytes, i, &decoded));
    }
    bytes[size] = 0;
    assert_false(state_decode(bytes, size + 1, &decoded));
    assert_true(state_decode(bytes, size, &decoded));
}

static void test_state_of_another_version_is_refused(void **state)
{
    static struct world w;

    (void)state;
    world_running(&w);
    const size_t size = state_encode(&w.c, bytes);
    bytes[0]++;
    assert_false(state_decode(bytes, size, &decoded));
}

/* Each is a state that no fold comes to. */
static void make_leader_unknown(struct cluster *c)
{
    c->leader = 3;
}

static void make_reason_unknown(struct cluster *c)
{
    c->nodes[1].reason = REASON_COUNT;
}

static void make_name_twice(struct cluster *c)
{
    memcpy(c->nodes[1].name, c->nodes[0].name, sizeof c->nodes[0].name);
}

static void make_name_bad(struct cluster *c)
{
    c->nodes[1].name[0] = '.';
}

static void make_host_bad(struct cluster *c)
{
    c->nodes[1].host[0] = ' ';
}

static void make_mask_wide(struct cluster *c)
{
    c->sync.voters |= 8;
}

static void make_config_bad(struct cluster *c)
{
    c->config.lease_ttl_ms = 1;
}

static void make_chain_ahead(struct cluster *c)
{
    c->decision_seq = c->last_seq + 1;
}

static void make_term_huge(struct cluster *c)
{
    c->term = UINT64_MAX;
}

static void make_parameters_bad(struct cluster *c)
{
    c->parameters.size = 2;
    memcpy(c->parameters.bytes, "xx", 2);
}

static void make_nobody(struct cluster *c)
{
    c->name[0] = '\0';
}

static void test_state_that_cannot_be_is_refused(void **state)
{
    static void (*const makes[])(struct cluster *) = {
            make_leader_unknown, make_reason_unknown, make_name_twice, make_name_bad,
            make_host_bad,       make_mask_wide,      make_config_bad, make_chain_ahead,
            make_term_huge,      make_parameters_bad, make_nobody,
    };
    static const struct cluster zeros;
    static struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof makes / sizeof makes[0]; i++) {
        run_busily(&w);
        assert_true(comes_back(&w.c));
        makes[i](&w.c);
        assert_false(comes_back(&w.c));
        assert_memory_equal(&decoded, &zeros, sizeof zeros);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_state_of_a_running_cluster_comes_back),
            cmocka_unit_test(test_state_of_an_empty_cluster_comes_back),
            cmocka_unit_test(test_state_that_was_read_folds_on),
            cmocka_unit_test(test_state_always_fits),
            cmocka_unit_test(test_state_that_is_cut_or_too_long_is_refused),
            cmocka_unit_test(test_state_of_another_version_is_refused),
            cmocka_unit_test(test_state_that_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
