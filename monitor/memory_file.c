/* SPDX-License-Identifier: PostgreSQL */
#include "memory_file.h"

#include "../proto/digest.h"
#include "../proto/file.h"
#include "../proto/lost.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING ".json"
#define MEMORY_PATH_SIZE 4096

/* Sequence numbers and ids go beyond what a JSON number holds: they are texts. */
static json_t *u64_json(uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return json_string(text);
}

static json_t *hash_json(const uint8_t hash[HASH_SIZE])
{
    char hex[HASH_TEXT_SIZE];
    hash_text(hash, hex);
    return json_string(hex);
}

static json_t *memory_json(const char *cluster, const struct memory *m)
{
    json_t *object = json_object();
    json_object_set_new(object, "format", json_integer(1));
    json_object_set_new(object, "cluster", json_string(cluster));
    json_object_set_new(object, "system_id", u64_json(m->anchor.system_id));
    json_object_set_new(object, "decision_seq", u64_json(m->decision_seq));
    json_object_set_new(object, "decision_hash", hash_json(m->decision_hash));
    json_object_set_new(object, "term", u64_json(m->anchor.term));
    json_object_set_new(object, "grant_seq", u64_json(m->anchor.grant_seq));
    json_object_set_new(object, "held_term", u64_json(m->anchor.held_term));
    json_object_set_new(object, "lease_ttl_ms", json_integer(m->anchor.ttl_ms));
    json_object_set_new(object, "member_count", json_integer(m->anchor.member_count));
    json_object_set_new(object, "timeline", json_integer(m->anchor.timeline));
    json_object_set_new(object, "shown_seq", u64_json(m->shown_seq));
    return object;
}

/* ---- reading ---- */

static bool take_u64(const json_t *object, const char *key, uint64_t *ret_value)
{
    const char *text = json_string_value(json_object_get(object, key));
    char *end = NULL;
    errno = 0;
    *ret_value = text != NULL ? strtoull(text, &end, 10) : 0;
    return text != NULL && errno == 0 && end != text && *end == '\0';
}

static bool take_u32(const json_t *object, const char *key, uint32_t *ret_value)
{
    const json_t *value = json_object_get(object, key);
    const json_int_t number = json_integer_value(value);
    *ret_value = (uint32_t)number;
    return json_is_integer(value) && number >= 0 && number <= UINT32_MAX;
}

static bool take_hash(const json_t *object, const char *key, uint8_t ret_hash[HASH_SIZE])
{
    const char *hex = json_string_value(json_object_get(object, key));
    return hex != NULL && hash_parse(hex, ret_hash);
}

static bool take_memory(const json_t *object, const char *cluster, struct memory *ret_memory)
{
    struct memory *m = ret_memory;
    const char *name = json_string_value(json_object_get(object, "cluster"));
    memset(m, 0, sizeof(*m));
    return json_integer_value(json_object_get(object, "format")) == 1 && name != NULL &&
           strcmp(name, cluster) == 0 && take_u64(object, "system_id", &m->anchor.system_id) &&
           take_u64(object, "decision_seq", &m->decision_seq) &&
           take_hash(object, "decision_hash", m->decision_hash) &&
           take_u64(object, "term", &m->anchor.term) && m->anchor.term <= TERM_MAX &&
           take_u64(object, "grant_seq", &m->anchor.grant_seq) &&
           take_u64(object, "held_term", &m->anchor.held_term) &&
           take_u32(object, "lease_ttl_ms", &m->anchor.ttl_ms) &&
           take_u32(object, "member_count", &m->anchor.member_count) &&
           take_u32(object, "timeline", &m->anchor.timeline) &&
           take_u64(object, "shown_seq", &m->shown_seq);
}

static enum result load(const char *path, const char *cluster, struct memory *ret_memory,
                        struct failure *f)
{
    json_error_t error;
    json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL && json_error_code(&error) == json_error_cannot_open_file) {
        return failure_errno(f, errno, "read %s", path);
    }
    const bool right = object != NULL && take_memory(object, cluster, ret_memory);
    json_decref(object);
    if (!right) {
        failure_set(f, RESULT_INVALID, "%s is damaged", path);
        return failure_hint(f,
                            "what this monitor remembered of the log of %s is not used; the "
                            "file is written anew with the next decision",
                            cluster);
    }
    return RESULT_OK;
}

/* "CLUSTER.json" → CLUSTER; false when it is another file. */
static bool cluster_of(const char *file, char ret_cluster[NAME_SIZE])
{
    const size_t length = strlen(file);
    const size_t ending = sizeof(ENDING) - 1;
    if (length <= ending || length - ending >= NAME_SIZE ||
        strcmp(file + length - ending, ENDING) != 0) {
        return false;
    }
    memcpy(ret_cluster, file, length - ending);
    ret_cluster[length - ending] = '\0';
    return name_is_valid(ret_cluster);
}

enum result memory_file_load_all(const char *directory, memory_file_function found, void *data,
                                 struct failure *reterr_failure)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return failure_errno(reterr_failure, errno, "open %s", directory);
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char cluster[NAME_SIZE];
        char path[MEMORY_PATH_SIZE];
        struct memory memory = {0};
        struct failure failure = {0};
        if (!cluster_of(entry->d_name, cluster)) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        const bool right = load(path, cluster, &memory, &failure) == RESULT_OK;
        found(data, cluster, right ? &memory : NULL, &failure);
    }
    (void)closedir(entries);
    return RESULT_OK;
}

/* ---- writing ---- */

enum result memory_file_store(const char *directory, const char *cluster,
                              const struct memory *memory, struct failure *reterr_failure)
{
    char path[MEMORY_PATH_SIZE];
    json_t *object = memory_json(cluster, memory);
    char *text = json_dumps(object, JSON_INDENT(2));
    (void)snprintf(path, sizeof(path), "%s/%s" ENDING, directory, cluster);
    const enum result result = text != NULL ? file_replace(path, text, strlen(text), reterr_failure)
                                            : failure_set(reterr_failure, RESULT_FULL, "no memory");
    free(text);
    json_decref(object);
    return result;
}
