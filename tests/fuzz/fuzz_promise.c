/* SPDX-License-Identifier: PostgreSQL */
/*
 * fuzz_promise.c - for libFuzzer: bytes that decode to a promise_message are its encoding.
 */
#include "../../proto/codec_promise.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec_arena arena;
    struct promise_message message;
    uint8_t again[PROMISE_BYTES_MAX];

    if (promise_decode(data, size, &arena, &message) != CODEC_OK) {
        return 0;
    }
    if (promise_encode(&message, again, sizeof(again)) != size || memcmp(again, data, size) != 0) {
        abort();
    }
    return 0;
}
