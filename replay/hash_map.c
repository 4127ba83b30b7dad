/* SPDX-License-Identifier: PostgreSQL */
#include "hash_map.h"

#include "../proto/codec.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024

struct pair {
    bool used;
    uint8_t old[HASH_SIZE];
    uint8_t new[HASH_SIZE];
};

/* Open addressing; the capacity is a power of two, and at most half of it is used. */
struct hash_map {
    size_t capacity;
    size_t count;
    struct pair *pairs;
};

struct hash_map *hash_map_create(void)
{
    struct hash_map *map = calloc(1, sizeof *map);
    struct pair *pairs = calloc(CAPACITY_FIRST, sizeof *pairs);
    if (map == NULL || pairs == NULL) {
        free(map);
        free(pairs);
        return NULL;
    }
    map->capacity = CAPACITY_FIRST;
    map->pairs = pairs;
    return map;
}

void hash_map_destroy(struct hash_map *map)
{
    if (map != NULL) {
        free(map->pairs);
        free(map);
    }
}

/* Its place, or a free one. */
static struct pair *find(struct pair *pairs, size_t capacity, const uint8_t old[HASH_SIZE])
{
    uint64_t number = 0;
    memcpy(&number, old, sizeof number);
    size_t at = (size_t)number & (capacity - 1);
    while (pairs[at].used && memcmp(pairs[at].old, old, HASH_SIZE) != 0) {
        at = (at + 1) & (capacity - 1);
    }
    return &pairs[at];
}

static bool make_room(struct hash_map *map)
{
    if (map->count * 2 < map->capacity) {
        return true;
    }
    const size_t capacity = map->capacity * 2;
    struct pair *pairs = calloc(capacity, sizeof *pairs);
    if (pairs == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->pairs[i].used) {
            *find(pairs, capacity, map->pairs[i].old) = map->pairs[i];
        }
    }
    free(map->pairs);
    map->pairs = pairs;
    map->capacity = capacity;
    return true;
}

bool hash_map_put(struct hash_map *map, const uint8_t old[HASH_SIZE], const uint8_t new[HASH_SIZE])
{
    if (!make_room(map)) {
        return false;
    }
    struct pair *pair = find(map->pairs, map->capacity, old);
    map->count += pair->used ? 0 : 1;
    pair->used = true;
    memcpy(pair->old, old, HASH_SIZE);
    memcpy(pair->new, new, HASH_SIZE);
    return true;
}

void hash_map_made(const uint8_t old[HASH_SIZE], uint8_t ret_new[HASH_SIZE])
{
    uint8_t bytes[HASH_SIZE + 8] = "anonym: ";
    memcpy(bytes + 8, old, HASH_SIZE);
    codec_hash(bytes, sizeof bytes, ret_new);
}

void hash_map_get(const struct hash_map *map, const uint8_t old[HASH_SIZE],
                  uint8_t ret_new[HASH_SIZE])
{
    static const uint8_t zeros[HASH_SIZE];
    const struct pair *pair = find(map->pairs, map->capacity, old);
    if (memcmp(old, zeros, HASH_SIZE) == 0) {
        memset(ret_new, 0, HASH_SIZE);
    } else if (pair->used) {
        memcpy(ret_new, pair->new, HASH_SIZE);
    } else {
        hash_map_made(old, ret_new);
    }
}
