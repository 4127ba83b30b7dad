/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Bytes that the compiler puts between the fields of struct cluster, up to its second node, on
 * 64-bit platforms. A field that the digest forgets counts as padding too, and makes this wrong. */
#define PADDING_BYTES 260

static struct cluster state_a;
static struct cluster state_b;

/* Counts and texts as large as they get, so that every byte that can matter does. */
static void fill(struct cluster *c)
{
    memset(c, 0, sizeof(*c));
    memset(c->name, 'c', sizeof(c->name));
    memset(c->change.from, 'f', sizeof(c->change.from));
    memset(c->change.to, 't', sizeof(c->change.to));
    memset(c->pending.writer, 'w', sizeof(c->pending.writer));
    memset(c->pending.node, 'p', sizeof(c->pending.node));
    memset(c->closed.node, 'p', sizeof(c->closed.node));
    memset(c->asked.writer, 'w', sizeof(c->asked.writer));
    memset(c->asked.node, 'p', sizeof(c->asked.node));
    memset(c->answered.node, 'p', sizeof(c->answered.node));
    memset(c->pause.writer, 'w', sizeof(c->pause.writer));
    memset(c->licence.writer, 'w', sizeof(c->licence.writer));
    memset(c->parameters.writer, 'w', sizeof(c->parameters.writer));
    c->parameters.size = sizeof(c->parameters.bytes);
    c->asked.change.size = sizeof(c->asked.change.bytes);
    memset(&c->config.permanent_slots, 's', sizeof(c->config.permanent_slots));
    c->config.permanent_slots.count = PERMANENT_SLOT_MAX;
    memset(&c->config.logical_slots, 'l', sizeof(c->config.logical_slots));
    c->config.logical_slots.count = PERMANENT_SLOT_MAX;
    memset(&c->config.standby, 'r', sizeof(c->config.standby));
    c->history.count = HISTORY_COUNT_MAX;
    c->leader = LEADER_NONE;
    c->opener = LEADER_NONE;
    c->node_count = 2;
    for (uint32_t i = 0; i < c->node_count; i++) {
        memset(c->nodes[i].name, 'n', sizeof(c->nodes[i].name));
        memset(c->nodes[i].host, 'h', sizeof(c->nodes[i].host));
        memset(c->nodes[i].failed_text, 'x', sizeof(c->nodes[i].failed_text));
    }
}

static bool same_digest(const struct cluster *a, const struct cluster *b)
{
    uint8_t digest_a[HASH_SIZE];
    uint8_t digest_b[HASH_SIZE];

    cluster_digest(a, digest_a);
    cluster_digest(b, digest_b);
    return memcmp(digest_a, digest_b, HASH_SIZE) == 0;
}

static void test_digest_every_byte_counts_but_padding(void **state)
{
    uint8_t *bytes = (uint8_t *)&state_b;
    size_t padding = 0;

    (void)state;
    fill(&state_a);
    fill(&state_b);
    assert_true(same_digest(&state_a, &state_b));
    for (size_t i = 0; i < offsetof(struct cluster, nodes[2]); i++) {
        bytes[i] ^= 1; /* also a valid bool */
        padding += same_digest(&state_a, &state_b);
        bytes[i] ^= 1;
    }
    assert_int_equal(padding, PADDING_BYTES);
}

static void test_digest_ignores_unused_slots(void **state)
{
    (void)state;
    fill(&state_a);
    fill(&state_b);
    state_a.history.count = state_b.history.count = 3;
    state_b.history.entries[3].timeline = 9;
    memset(&state_b.nodes[2], 'x', sizeof(state_b.nodes[2]));
    (void)memcpy(state_a.name, "demo", sizeof("demo"));
    (void)memcpy(state_b.name, "demo", sizeof("demo"));
    state_b.name[6] = 'x';
    assert_true(same_digest(&state_a, &state_b));
}

static void test_digest_limits_impossible_counts(void **state)
{
    uint8_t digest[HASH_SIZE];

    (void)state;
    fill(&state_a);
    state_a.node_count = UINT32_MAX;
    state_a.history.count = UINT32_MAX;
    cluster_digest(&state_a, digest);
    assert_false(same_digest(&state_a, &state_b));
}

/* The same on every build: whoever changes this value changes FOLD_VERSION. */
static void test_digest_of_a_known_state(void **state)
{
    uint8_t digest[HASH_SIZE];
    char text[17];

    (void)state;
    memset(&state_a, 0, sizeof(state_a));
    (void)memcpy(state_a.name, "demo", sizeof("demo"));
    state_a.leader = LEADER_NONE;
    state_a.opener = LEADER_NONE;
    state_a.last_seq = 0x0123456789abcdef;
    cluster_digest(&state_a, digest);
    digest_text(digest, text);
    assert_string_equal(text, "89c96b33533867cd");
}

static void test_digest_text(void **state)
{
    static const uint8_t digest[HASH_SIZE] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff};
    char text[17];

    (void)state;
    digest_text(digest, text);
    assert_string_equal(text, "0123456789abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_digest_every_byte_counts_but_padding),
            cmocka_unit_test(test_digest_ignores_unused_slots),
            cmocka_unit_test(test_digest_limits_impossible_counts),
            cmocka_unit_test(test_digest_of_a_known_state),
            cmocka_unit_test(test_digest_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
