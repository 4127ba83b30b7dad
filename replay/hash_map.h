/* SPDX-License-Identifier: PostgreSQL */
/*
 * hash_map.h - from the hash of a record to that of the record that stands in its place.
 */
#ifndef PGBATON_REPLAY_HASH_MAP_H
#define PGBATON_REPLAY_HASH_MAP_H

#include "../proto/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct hash_map;

/* NULL when there is no memory. */
struct hash_map *hash_map_create(void);
/* Accepts NULL. */
void hash_map_destroy(struct hash_map *map);
/* False: no memory. */
bool hash_map_put(struct hash_map *map, const uint8_t old[HASH_SIZE], const uint8_t new[HASH_SIZE]);
/* The new one; of a hash that was not put, one that is made of it; of zeros, zeros. */
void hash_map_get(const struct hash_map *map, const uint8_t old[HASH_SIZE],
                  uint8_t ret_new[HASH_SIZE]);
/* What is made of a hash whose record nobody has. */
void hash_map_made(const uint8_t old[HASH_SIZE], uint8_t ret_new[HASH_SIZE]);

#endif
