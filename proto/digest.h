/* SPDX-License-Identifier: PostgreSQL */
/*
 * digest.h - the fingerprint of a state: equal prefixes of the log give equal digests on every
 * build.
 *
 * SHA-256 over the state's canonical bytes (state.h): every field counts, padding and unused array
 * slots do not. Pure (libcrypto's hash only).
 */
#ifndef PGBATON_DIGEST_H
#define PGBATON_DIGEST_H

#include "cluster.h"

/* Changes when the meaning of the state or of the fold does. */
#define FOLD_VERSION 7

void cluster_digest(const struct cluster *c, uint8_t ret_digest[HASH_SIZE]);
/* A whole hash as hexadecimal digits, and back; false when the text is none. */
#define HASH_TEXT_SIZE (2 * HASH_SIZE + 1)
void hash_text(const uint8_t hash[HASH_SIZE], char ret_text[HASH_TEXT_SIZE]);
bool hash_parse(const char *text, uint8_t ret_hash[HASH_SIZE]);
/* The first 8 bytes as 16 hexadecimal digits, for people. */
void digest_text(const uint8_t digest[HASH_SIZE], char ret_text[17]);

#endif
