/* SPDX-License-Identifier: PostgreSQL */
/* True states: copied and compared often, and mostly empty. */
#include "sim.h"

#include <stddef.h>
#include <string.h>

static size_t used_bytes(const struct cluster *c)
{
    return offsetof(struct cluster, nodes) + c->node_count * sizeof c->nodes[0];
}

void sim_state_copy(struct cluster *to, const struct cluster *from)
{
    memcpy(to, from, used_bytes(from));
}

bool sim_state_equals(const struct cluster *a, const struct cluster *b)
{
    return a->node_count == b->node_count && memcmp(a, b, used_bytes(a)) == 0;
}

/* Quick, and sensitive to more than is meant: to bytes between the fields. Who finds a difference
 * looks again with the digest. */
uint64_t sim_state_hash(const struct cluster *c)
{
    const uint8_t *bytes = (const uint8_t *)c;
    uint64_t lanes[4] = {1, 2, 3, 4};
    size_t size = used_bytes(c);
    for (size_t at = 0; at + sizeof lanes <= size; at += sizeof lanes) {
        uint64_t words[4];
        memcpy(words, bytes + at, sizeof words);
        for (size_t i = 0; i < 4; i++) {
            lanes[i] = (lanes[i] ^ words[i]) * 0x9E3779B97F4A7C15ULL;
            lanes[i] ^= lanes[i] >> 29;
        }
    }
    for (size_t at = size / sizeof lanes * sizeof lanes; at < size; at++) {
        lanes[0] = (lanes[0] ^ bytes[at]) * 0x9E3779B97F4A7C15ULL;
    }
    return lanes[0] ^ lanes[1] * 3 ^ lanes[2] * 5 ^ lanes[3] * 7;
}
