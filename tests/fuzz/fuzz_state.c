/* SPDX-License-Identifier: PostgreSQL */
/*
 * fuzz_state.c - for libFuzzer: bytes that decode to a state are the encoding of that state, and it
 * keeps the invariants.
 */
#include "../../proto/invariant.h"
#include "../../proto/state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cluster c;
    static uint8_t again[STATE_BYTES_MAX];

    if (!state_decode(data, size, &c)) {
        return 0;
    }
    if (state_encode(&c, again) != size || memcmp(again, data, size) != 0 ||
        invariant_check(&c) != NULL) {
        abort();
    }
    return 0;
}
