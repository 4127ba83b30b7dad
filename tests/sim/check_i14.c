/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

#include "../../proto/digest.h"
#include "../../proto/state.h"

#include <string.h>

/* The true state after record index, folded from the beginning when it is an old one. */
static void true_digest(struct sim *s, size_t index, uint8_t ret_digest[HASH_SIZE])
{
    if (index + SIM_STATES_MAX > s->record_count) {
        cluster_digest(&s->states[index % SIM_STATES_MAX], ret_digest);
        return;
    }
    static struct cluster c;
    cluster_init(&c, "demo");
    for (size_t i = 0; i <= index; i++) {
        struct event e;
        if (!s->memory.records[i]->heartbeat) {
            (void)sim_fold(s, s->memory.records[i], &c, &e);
        }
    }
    cluster_digest(&c, ret_digest);
}

/* Also when something differs that means nothing: bytes between the fields. */
static bool looks_the_same(const struct sim *s, const struct cluster *state, size_t index)
{
    if (index + SIM_STATES_MAX > s->record_count) {
        return sim_state_equals(state, &s->states[index % SIM_STATES_MAX]);
    }
    const struct sim_record *record = s->memory.records[index];
    return index % SIM_HASHED_EACH != 0 || sim_state_hash(state) == record->state_hash;
}

void check_i14_determinism(struct sim *s, const struct cluster *state, size_t index)
{
    const struct sim_record *record = s->memory.records[index];
    if (record->heartbeat || looks_the_same(s, state, index)) {
        return;
    }
    uint8_t own[HASH_SIZE];
    uint8_t true_one[HASH_SIZE];
    cluster_digest(state, own);
    true_digest(s, index, true_one);
    if (memcmp(own, true_one, HASH_SIZE) != 0) {
        sim_break(s, "I14: determinism", "a reader differs from the true state after seq %llu",
                  (unsigned long long)record->seq);
    }
}

/* So many-th states are encoded, and read again. */
#define ENCODED_EACH 16

void check_i14_bytes(struct sim *s)
{
    static struct cluster read;
    static uint8_t bytes[STATE_BYTES_MAX];
    static uint8_t again[STATE_BYTES_MAX];
    if (s->record_count % ENCODED_EACH != 0) {
        return;
    }
    size_t size = state_encode(&s->truth, bytes);
    bool good = state_decode(bytes, size, &read) && state_encode(&read, again) == size &&
                memcmp(again, bytes, size) == 0;
    if (!good) {
        sim_break(s, "I14: determinism", "the bytes of the true state are not read again");
    }
}
