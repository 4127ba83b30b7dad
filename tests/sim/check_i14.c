/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/digest.h"

#include <string.h>

void check_i14_determinism(struct sim *s, const struct cluster *state, size_t index)
{
    uint8_t digest[HASH_SIZE];
    cluster_digest(state, digest);
    if (memcmp(digest, s->records[index].digest, HASH_SIZE) != 0) {
        sim_break(s, "I14: determinism", "a reader differs from the true state after seq %llu",
                  (unsigned long long)s->records[index].seq);
    }
}
