/* SPDX-License-Identifier: PostgreSQL */
#include "digest.h"

#include "codec.h"
#include "state.h"

void cluster_digest(const struct cluster *c, uint8_t ret_digest[HASH_SIZE])
{
    uint8_t bytes[STATE_BYTES_MAX];
    const size_t size = state_encode(c, bytes);

    codec_hash(bytes, size, ret_digest);
}

void digest_text(const uint8_t digest[HASH_SIZE], char ret_text[17])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 8; i++) {
        ret_text[2 * i] = digits[digest[i] >> 4];
        ret_text[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_text[16] = '\0';
}
