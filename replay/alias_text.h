/* SPDX-License-Identifier: PostgreSQL */
/*
 * alias_text.h - free texts without what nobody else is to know: error texts, last lines of stderr.
 *
 * Kept are numbers, positions in WAL, names of WAL files, and words of PostgreSQL's and pgbaton's
 * own messages (alias_words.c) that do not stand in quotes. Known names are replaced by their
 * aliases, all else by "path-N", "host-N" and "word-N". Where something else is meant than what is
 * written (a cluster called "data"), too much is replaced, never too little.
 */
#ifndef PGBATON_REPLAY_ALIAS_TEXT_H
#define PGBATON_REPLAY_ALIAS_TEXT_H

#include "alias.h"

/* Learns what of the text is to be replaced; the names must be known before. False: no memory. */
bool alias_text_learn(struct alias_set *set, const char *text, size_t size);
/* Writes the text with what was learnt replaced, and cut when it becomes too long; returns its
 * length. */
size_t alias_text(const struct alias_set *set, const char *text, size_t size, char *ret_text,
                  size_t capacity);
/* True for a word of the messages, in any case of its letters (alias_words.c). */
bool alias_is_plain_word(const char *text, size_t size);

#endif
