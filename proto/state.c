/* SPDX-License-Identifier: PostgreSQL */
#include "state.h"

#include "digest.h"
#include "state_fields.h"

#include <assert.h>
#include <string.h>

/* ---- numbers in memory ---- */

static uint64_t load(const char *at, size_t size)
{
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;
    switch (size) {
    case sizeof(u64):
        memcpy(&u64, at, sizeof(u64));
        return u64;
    case sizeof(u32):
        memcpy(&u32, at, sizeof(u32));
        return u32;
    case sizeof(u16):
        memcpy(&u16, at, sizeof(u16));
        return u16;
    default:
        memcpy(&u8, at, sizeof(u8));
        return u8;
    }
}

/* False when the number does not fit. */
static bool store(char *at, size_t size, uint64_t value)
{
    const uint32_t u32 = (uint32_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint8_t u8 = (uint8_t)value;
    switch (size) {
    case sizeof(value):
        memcpy(at, &value, sizeof(value));
        return true;
    case sizeof(u32):
        memcpy(at, &u32, sizeof(u32));
        return u32 == value;
    case sizeof(u16):
        memcpy(at, &u16, sizeof(u16));
        return u16 == value;
    default:
        memcpy(at, &u8, sizeof(u8));
        return u8 == value;
    }
}

/* Zero, minus one, one, minus two: small either way. */
static uint64_t fold_sign(int32_t value)
{
    return value < 0 ? 2 * (uint64_t)(-(int64_t)value) - 1 : 2 * (uint64_t)value;
}

static int64_t unfold_sign(uint64_t value)
{
    return value % 2 != 0 ? -(int64_t)(value / 2) - 1 : (int64_t)(value / 2);
}

/* ---- encoding ---- */

struct writer {
    uint8_t *bytes;
    size_t size;
};

static void put_number(struct writer *w, uint64_t value)
{
    assert(w->size + 10 <= STATE_BYTES_MAX);
    for (; value >= 0x80; value >>= 7) {
        w->bytes[w->size++] = (uint8_t)(value | 0x80);
    }
    w->bytes[w->size++] = (uint8_t)value;
}

static void put_bytes(struct writer *w, const char *bytes, size_t size)
{
    assert(w->size + size <= STATE_BYTES_MAX);
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void put_text(struct writer *w, const char *text, size_t size)
{
    const size_t length = strnlen(text, size);
    put_number(w, length);
    put_bytes(w, text, length);
}

static size_t at_most(uint64_t count, size_t max)
{
    return count < max ? (size_t)count : max;
}

/* Everything but items. */
static void put_plain(struct writer *w, const struct field *f, const char *base)
{
    const char *at = base + f->offset;
    int32_t number;
    switch (f->kind) {
    case FIELD_NUMBER:
        put_number(w, load(at, f->size));
        break;
    case FIELD_SIGNED:
        memcpy(&number, at, sizeof(number));
        put_number(w, fold_sign(number));
        break;
    case FIELD_BYTES:
        put_bytes(w, at, f->size);
        break;
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_NAME:
        put_text(w, at, f->size);
        break;
    case FIELD_PACKED:
        put_number(w, load(base + f->count, sizeof(uint32_t)));
        put_bytes(w, at, at_most(load(base + f->count, sizeof(uint32_t)), f->size));
        break;
    case FIELD_ITEMS:
        break;
    }
}

static void put_items(struct writer *w, const struct field *f, const char *base)
{
    const struct items *items = f->items;
    const uint64_t count = f->count == 0 ? f->limit : load(base + f->count, sizeof(uint32_t));
    put_number(w, count);
    for (size_t i = 0; i < at_most(count, (size_t)f->limit); i++) {
        for (size_t k = 0; k < items->field_count; k++) {
            put_plain(w, &items->fields[k], base + f->offset + i * items->size);
        }
    }
}

size_t state_encode(const struct cluster *c, uint8_t ret_bytes[STATE_BYTES_MAX])
{
    struct writer w = {.bytes = ret_bytes};
    const char *base = (const char *)c;
    put_number(&w, FOLD_VERSION);
    for (size_t i = 0; i < state_fields.field_count; i++) {
        const struct field *f = &state_fields.fields[i];
        (f->kind == FIELD_ITEMS ? put_items : put_plain)(&w, f, base);
    }
    return w.size;
}

/* ---- decoding ---- */

struct reader {
    const uint8_t *bytes;
    size_t left;
};

/* False for what put_number() does not write. */
static bool take_number(struct reader *r, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->left > 0; shift += 7) {
        const uint8_t byte = *r->bytes++;
        const uint64_t bits = byte & 0x7f;
        r->left--;
        if (bits << shift >> shift != bits) {
            return false;
        }
        value |= bits << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return byte != 0 || shift == 0;
        }
    }
    return false;
}

static bool take_bytes(struct reader *r, char *at, size_t size)
{
    if (size > r->left) {
        return false;
    }
    memcpy(at, r->bytes, size);
    r->bytes += size;
    r->left -= size;
    return true;
}

static bool is_word(const char *text)
{
    while (*text > ' ' && *text <= '~') {
        text++;
    }
    return *text == '\0';
}

/* The field is zeroed, so the text ends where its bytes do. */
static bool take_text(struct reader *r, const struct field *f, char *at)
{
    uint64_t length = 0;
    if (!take_number(r, &length) || length >= f->size || !take_bytes(r, at, (size_t)length) ||
        strlen(at) != length) {
        return false;
    }
    const bool named = f->kind != FIELD_NAME || length == 0 || name_is_valid(at);
    return named && (f->kind != FIELD_WORD || is_word(at));
}

static bool take_packed(struct reader *r, const struct field *f, char *base)
{
    uint64_t size = 0;
    return take_number(r, &size) && size <= f->size &&
           store(base + f->count, sizeof(uint32_t), size) &&
           take_bytes(r, base + f->offset, (size_t)size);
}

static bool take_signed(struct reader *r, char *at)
{
    uint64_t folded = 0;
    if (!take_number(r, &folded) || folded > UINT32_MAX) {
        return false;
    }
    const int32_t number = (int32_t)unfold_sign(folded);
    memcpy(at, &number, sizeof(number));
    return true;
}

static bool take_plain(struct reader *r, const struct field *f, char *base)
{
    char *at = base + f->offset;
    uint64_t value = 0;
    switch (f->kind) {
    case FIELD_NUMBER:
        return take_number(r, &value) && (f->limit == 0 || value < f->limit) &&
               store(at, f->size, value);
    case FIELD_SIGNED:
        return take_signed(r, at);
    case FIELD_BYTES:
        return take_bytes(r, at, f->size);
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_NAME:
        return take_text(r, f, at);
    case FIELD_PACKED:
        return take_packed(r, f, base);
    case FIELD_ITEMS:
        break;
    }
    return false;
}

static bool take_items(struct reader *r, const struct field *f, char *base)
{
    const struct items *items = f->items;
    uint64_t count = 0;
    if (!take_number(r, &count) || count > f->limit || (f->count == 0 && count != f->limit)) {
        return false;
    }
    if (f->count != 0 && !store(base + f->count, sizeof(uint32_t), count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < items->field_count; k++) {
            if (!take_plain(r, &items->fields[k], base + f->offset + i * items->size)) {
                return false;
            }
        }
    }
    return true;
}

static bool take_all(struct reader *r, struct cluster *c)
{
    uint64_t version = 0;
    bool good = take_number(r, &version) && version == FOLD_VERSION;
    for (size_t i = 0; i < state_fields.field_count && good; i++) {
        const struct field *f = &state_fields.fields[i];
        good = (f->kind == FIELD_ITEMS ? take_items : take_plain)(r, f, (char *)c);
    }
    return good && r->left == 0;
}

bool state_decode(const uint8_t *bytes, size_t size, struct cluster *ret_c)
{
    struct reader r = {.bytes = bytes, .left = size};
    memset(ret_c, 0, sizeof(*ret_c));
    const bool good = take_all(&r, ret_c) && state_is_sound(ret_c);
    if (!good) {
        memset(ret_c, 0, sizeof(*ret_c));
    }
    return good;
}
