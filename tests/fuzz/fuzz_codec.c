/* SPDX-License-Identifier: PostgreSQL */
/*
 * fuzz_codec.c - for libFuzzer: bytes that decode to an event are the encoding of that event.
 */
#include "../../proto/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec_arena arena;
    static struct event e;
    uint8_t again[RECORD_BYTES_MAX];

    if (codec_decode(data, size, &arena, &e) != CODEC_OK) {
        return 0;
    }
    if (codec_encode(&e, again, sizeof(again)) != size || memcmp(again, data, size) != 0) {
        abort();
    }
    return 0;
}
