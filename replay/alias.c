/* SPDX-License-Identifier: PostgreSQL */
#include "alias.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sorted. */
struct names {
    size_t count;
    size_t capacity;
    char **list;
};

struct alias_set {
    struct names names[ALIAS_KIND_COUNT];
};

static const struct {
    const char *prefix;
    uint64_t base; /* the number of the first is one more */
    bool wide;     /* the numbers have the same width */
    const char *one;
    const char *many;
} kinds[] = {
        [ALIAS_CLUSTER] = {"cluster-", 0, true, "cluster", "clusters"},
        [ALIAS_NODE] = {"node-", 0, true, "node", "nodes"},
        [ALIAS_MONITOR] = {"monitor-", 0, true, "monitor", "monitors"},
        [ALIAS_OPERATOR] = {"operator-", 0, true, "operator", "operators"},
        [ALIAS_APPLICATION] = {"application-", 0, true, "application", "applications"},
        [ALIAS_HOST] = {"host-", 0, true, "host", "hosts"},
        [ALIAS_SLOT] = {"slot_", 0, true, "slot", "slots"},
        [ALIAS_DATABASE] = {"database-", 0, true, "database", "databases"},
        [ALIAS_PLUGIN] = {"plugin_", 0, true, "plugin", "plugins"},
        [ALIAS_PARAMETER] = {"custom.setting_", 0, true, "parameter of an extension",
                             "parameters of extensions"},
        [ALIAS_VALUE] = {"value-", 0, true, "parameter's value", "parameters' values"},
        [ALIAS_PORT] = {"", 5000, false, "port", "ports"},
        [ALIAS_SYSTEM] = {"", UINT64_C(7000000000000000000), false, "system identifier",
                          "system identifiers"},
        [ALIAS_PATH] = {"path-", 0, true, "path in texts", "paths in texts"},
        [ALIAS_WORD] = {"word-", 0, true, "word in texts", "words in texts"},
        [ALIAS_TEXT] = {"text-", 0, true, "text", "texts"},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == ALIAS_KIND_COUNT, "each kind has its words");

struct alias_set *alias_set_create(void)
{
    return calloc(1, sizeof(struct alias_set));
}

void alias_set_destroy(struct alias_set *set)
{
    for (size_t k = 0; set != NULL && k < ALIAS_KIND_COUNT; k++) {
        for (size_t i = 0; i < set->names[k].count; i++) {
            free(set->names[k].list[i]);
        }
        free(set->names[k].list);
    }
    free(set);
}

/* As strcmp() has them, name being of that size and without a NUL. */
static int compare(const char *known, const char *name, size_t size)
{
    const int order = strncmp(known, name, size);
    return order != 0 ? order : known[size] != '\0' ? 1 : 0;
}

/* Its place, or where it would be put. */
static size_t find_place(const struct names *names, const char *name, size_t size, bool *ret_known)
{
    size_t low = 0;
    size_t high = names->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(names->list[middle], name, size) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_known = low < names->count && compare(names->list[low], name, size) == 0;
    return low;
}

static bool make_room(struct names *names)
{
    if (names->count < names->capacity) {
        return true;
    }
    const size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
    char **list = realloc(names->list, capacity * sizeof *list);
    if (list == NULL) {
        return false;
    }
    names->list = list;
    names->capacity = capacity;
    return true;
}

bool alias_learn(struct alias_set *set, enum alias_kind kind, const char *name, size_t size)
{
    struct names *names = &set->names[kind];
    bool known = false;
    const size_t length = size > 0 ? strnlen(name, size) : 0;
    const size_t place = find_place(names, name, length, &known);
    if (known || length == 0) {
        return true;
    }
    char *copy = make_room(names) ? strndup(name, length) : NULL;
    if (copy == NULL) {
        return false;
    }
    memmove(names->list + place + 1, names->list + place,
            (names->count - place) * sizeof *names->list);
    names->list[place] = copy;
    names->count++;
    return true;
}

void alias_forget(struct alias_set *set, enum alias_kind kind, const char *name)
{
    struct names *names = &set->names[kind];
    bool known = false;
    const size_t place = find_place(names, name, strlen(name), &known);
    if (known) {
        free(names->list[place]);
        names->count--;
        memmove(names->list + place, names->list + place + 1,
                (names->count - place) * sizeof *names->list);
    }
}

bool alias_is_known(const struct alias_set *set, enum alias_kind kind, const char *name,
                    size_t size)
{
    bool known = false;
    (void)find_place(&set->names[kind], name, strnlen(name, size), &known);
    return known;
}

static int width_of(size_t count)
{
    int width = 1;
    for (; count >= 10; count /= 10) {
        width++;
    }
    return width;
}

bool alias_of(const struct alias_set *set, enum alias_kind kind, const char *name, size_t size,
              char ret_alias[ALIAS_SIZE])
{
    bool known = false;
    const size_t place = find_place(&set->names[kind], name, strnlen(name, size), &known);
    const int width = kinds[kind].wide ? width_of(set->names[kind].count) : 1;
    (void)snprintf(ret_alias, ALIAS_SIZE, "%s%0*" PRIu64, kinds[kind].prefix, width,
                   kinds[kind].base + place + 1);
    return known;
}

bool alias_of_any(const struct alias_set *set, const char *name, size_t size,
                  char ret_alias[ALIAS_SIZE])
{
    for (enum alias_kind kind = ALIAS_CLUSTER; kind <= ALIAS_PORT; kind++) {
        const bool ordinary = kind == ALIAS_PLUGIN || kind == ALIAS_VALUE;
        if (!ordinary && alias_of(set, kind, name, size, ret_alias)) {
            return true;
        }
    }
    return false;
}

size_t alias_count(const struct alias_set *set, enum alias_kind kind)
{
    return set->names[kind].count;
}

const char *alias_name(const struct alias_set *set, enum alias_kind kind, size_t index)
{
    return index < set->names[kind].count ? set->names[kind].list[index] : NULL;
}

const char *alias_kind_text(enum alias_kind kind, bool many)
{
    return many ? kinds[kind].many : kinds[kind].one;
}
