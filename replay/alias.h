/* SPDX-License-Identifier: PostgreSQL */
/*
 * alias.h - what stands for a name once a log is anonymous: first all names of it are learnt, then
 * each has one alias, the same wherever it stands.
 *
 * Aliases are numbered in the order of the names: two nodes that an election has to choose between
 * by name keep their order. The numbers are as wide as the largest of them ("node-01").
 */
#ifndef PGBATON_REPLAY_ALIAS_H
#define PGBATON_REPLAY_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

enum alias_kind {
    ALIAS_CLUSTER = 0,
    ALIAS_NODE,
    ALIAS_MONITOR,
    ALIAS_OPERATOR,
    ALIAS_APPLICATION, /* of what replicates and is no node */
    ALIAS_HOST,
    ALIAS_SLOT,
    ALIAS_DATABASE,
    ALIAS_PLUGIN,
    ALIAS_PARAMETER, /* of an extension */
    ALIAS_VALUE,     /* of a parameter */
    ALIAS_PORT,
    ALIAS_SYSTEM,
    ALIAS_PATH, /* in texts, like the next */
    ALIAS_WORD,
    ALIAS_TEXT, /* texts as a whole; they have no alias, but are scanned (alias_text.h) */
    ALIAS_KIND_COUNT
};

#define ALIAS_SIZE 48

struct alias_set;

/* NULL when there is no memory. */
struct alias_set *alias_set_create(void);
/* Accepts NULL. */
void alias_set_destroy(struct alias_set *set);
/* Learns a name; one that is known, or empty, changes nothing. False: no memory. */
bool alias_learn(struct alias_set *set, enum alias_kind kind, const char *name, size_t size);
void alias_forget(struct alias_set *set, enum alias_kind kind, const char *name);
bool alias_is_known(const struct alias_set *set, enum alias_kind kind, const char *name,
                    size_t size);
/* The alias of a name; false: it was never learnt. It changes with what is learnt. */
bool alias_of(const struct alias_set *set, enum alias_kind kind, const char *name, size_t size,
              char ret_alias[ALIAS_SIZE]);
/* Of any kind that people call things by: in a text nothing says which it is. */
bool alias_of_any(const struct alias_set *set, const char *name, size_t size,
                  char ret_alias[ALIAS_SIZE]);
/* How many are known; what they are, for people ("nodes"). */
size_t alias_count(const struct alias_set *set, enum alias_kind kind);
/* The name of that index in their order; NULL behind the last. */
const char *alias_name(const struct alias_set *set, enum alias_kind kind, size_t index);
const char *alias_kind_text(enum alias_kind kind, bool many);

#endif
