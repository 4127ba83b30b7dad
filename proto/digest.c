/* SPDX-License-Identifier: PostgreSQL */
#include "digest.h"

#include "codec.h"
#include "state.h"

#include <string.h>

void cluster_digest(const struct cluster *c, uint8_t ret_digest[HASH_SIZE])
{
    uint8_t bytes[STATE_BYTES_MAX];
    const size_t size = state_encode(c, bytes);

    codec_hash(bytes, size, ret_digest);
}

static void put_digits(const uint8_t *bytes, size_t count, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * count] = '\0';
}

void digest_text(const uint8_t digest[HASH_SIZE], char ret_text[17])
{
    put_digits(digest, 8, ret_text);
}

void hash_text(const uint8_t hash[HASH_SIZE], char ret_text[HASH_TEXT_SIZE])
{
    put_digits(hash, HASH_SIZE, ret_text);
}

/* 16: no digit. */
static unsigned value_of(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    return digit >= 'a' && digit <= 'f' ? (unsigned)(digit - 'a') + 10 : 16;
}

bool hash_parse(const char *text, uint8_t ret_hash[HASH_SIZE])
{
    bool right = strlen(text) == HASH_TEXT_SIZE - 1;

    for (size_t i = 0; right && i < HASH_SIZE; i++) {
        const unsigned high = value_of(text[2 * i]);
        const unsigned low = value_of(text[2 * i + 1]);
        right = high < 16 && low < 16;
        ret_hash[i] = (uint8_t)(high << 4 | low);
    }
    return right;
}
