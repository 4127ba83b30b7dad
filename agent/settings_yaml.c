/* SPDX-License-Identifier: PostgreSQL */
#include "settings_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct settings_yaml {
    char path[SETTINGS_PATH_SIZE];
    yaml_document_t document;
};

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* libyaml's getters take no const document, and change nothing. */
static yaml_node_t *node_at(const struct settings_yaml *yaml, int index)
{
    return yaml->document.nodes.start + (index - 1);
}

static yaml_node_t *root_node(const struct settings_yaml *yaml)
{
    if (yaml->document.nodes.start == yaml->document.nodes.top) {
        return NULL;
    }
    return yaml->document.nodes.start;
}

enum result settings_yaml_create(const char *path, struct settings_yaml **ret_yaml,
                                 struct failure *reterr_failure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return failure_errno(reterr_failure, errno, "%s", path);
    }
    struct settings_yaml *yaml = calloc(1, sizeof(*yaml));
    yaml_parser_t parser;
    if (yaml == NULL || yaml_parser_initialize(&parser) == 0) {
        free(yaml);
        fclose(file);
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", path);
    }
    snprintf(yaml->path, sizeof(yaml->path), "%s", path);
    yaml_parser_set_input_file(&parser, file);
    enum result result = RESULT_OK;
    if (yaml_parser_load(&parser, &yaml->document) == 0) {
        result = failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: %s", path,
                             parser.problem_mark.line + 1,
                             parser.problem != NULL ? parser.problem : "not valid YAML");
        free(yaml);
    } else {
        *ret_yaml = yaml;
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return result;
}

void settings_yaml_destroy(struct settings_yaml *yaml)
{
    if (yaml != NULL) {
        yaml_document_delete(&yaml->document);
        free(yaml);
    }
}

/* The pair of the mapping whose key is the first length bytes of name. */
static const yaml_node_pair_t *find_pair(const struct settings_yaml *yaml,
                                         const yaml_node_t *mapping, const char *name,
                                         size_t length)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(yaml, pair->key);
        if (key->type == YAML_SCALAR_NODE && key->data.scalar.length == length &&
            memcmp(scalar_text(key), name, length) == 0) {
            return pair;
        }
    }
    return NULL;
}

/* Follows key_path as far as it goes; *ret_line is the line of the last key that is there. */
static const yaml_node_t *follow(const struct settings_yaml *yaml, const char *key_path,
                                 size_t *ret_line)
{
    const yaml_node_t *node = root_node(yaml);
    *ret_line = 1;
    while (*key_path != '\0') {
        size_t length = strcspn(key_path, ".");
        const yaml_node_pair_t *pair = find_pair(yaml, node, key_path, length);
        if (pair == NULL) {
            return NULL;
        }
        *ret_line = node_at(yaml, pair->key)->start_mark.line + 1;
        node = node_at(yaml, pair->value);
        key_path += length + (key_path[length] == '.' ? 1 : 0);
    }
    return node;
}

size_t settings_yaml_line(const struct settings_yaml *yaml, const char *key_path)
{
    size_t line = 1;
    (void)follow(yaml, key_path, &line);
    return line;
}

static enum result copy_pair(const struct settings_yaml *yaml, const yaml_node_t *mapping,
                             const yaml_node_pair_t *pair, struct settings_parameter *ret_item,
                             struct failure *reterr_failure)
{
    const yaml_node_t *key = node_at(yaml, pair->key);
    const yaml_node_t *value = node_at(yaml, pair->value);
    size_t line = key->start_mark.line + 1;
    if (key->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE) {
        failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: a parameter is not 'name: value'",
                    yaml->path, line);
        return failure_hint(reterr_failure, "write one value, as in 'max_connections: 50'");
    }
    if (find_pair(yaml, mapping, scalar_text(key), key->data.scalar.length) != pair) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: '%s' stands there twice",
                           yaml->path, line, scalar_text(key));
    }
    ret_item->name = strdup(scalar_text(key));
    ret_item->value = strdup(scalar_text(value));
    if (ret_item->name == NULL || ret_item->value == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", yaml->path);
    }
    return RESULT_OK;
}

/* "name: value", as a text that somebody has put into quotes. */
static enum result copy_text(const struct settings_yaml *yaml, const yaml_node_t *node,
                             struct settings_parameter *ret_item, struct failure *reterr_failure)
{
    const char *text = scalar_text(node);
    size_t length = strcspn(text, ":");
    const char *value = text + length + (text[length] == ':' ? 1 : 0);
    ret_item->name = strndup(text, length);
    ret_item->value = strdup(value + strspn(value, " "));
    if (ret_item->name == NULL || ret_item->value == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", yaml->path);
    }
    return RESULT_OK;
}

static enum result copy_option(const struct settings_yaml *yaml, const yaml_node_t *node,
                               struct settings_parameter *ret_item, struct failure *reterr_failure)
{
    if (node->type == YAML_SCALAR_NODE) {
        return copy_text(yaml, node, ret_item, reterr_failure);
    }
    const yaml_node_pair_t *pair =
            node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
    if (pair == NULL || node->data.mapping.pairs.top - pair != 1) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "%s:%zu: an option is neither 'name' nor 'name: value'", yaml->path,
                           node->start_mark.line + 1);
    }
    return copy_pair(yaml, node, pair, ret_item, reterr_failure);
}

static size_t count_items(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE
                   ? (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start)
                   : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static enum result copy_item(const struct settings_yaml *yaml, const yaml_node_t *node, size_t i,
                             struct settings_parameter *ret_item, struct failure *reterr_failure)
{
    if (node->type == YAML_MAPPING_NODE) {
        return copy_pair(yaml, node, node->data.mapping.pairs.start + i, ret_item, reterr_failure);
    }
    const yaml_node_t *option = node_at(yaml, node->data.sequence.items.start[i]);
    return copy_option(yaml, option, ret_item, reterr_failure);
}

/* All of a mapping or a list. On failure what was copied is the caller's to free. */
static enum result copy_all(const struct settings_yaml *yaml, const yaml_node_t *node,
                            struct settings_parameter **ret_items, size_t *ret_count,
                            struct failure *reterr_failure)
{
    enum result result = RESULT_OK;
    size_t count = count_items(node);
    *ret_items = calloc(count + 1, sizeof(**ret_items));
    if (*ret_items == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", yaml->path);
    }
    while (*ret_count < count && result == RESULT_OK) {
        size_t i = (*ret_count)++;
        result = copy_item(yaml, node, i, &(*ret_items)[i], reterr_failure);
    }
    return result;
}

enum result settings_yaml_scalars(const struct settings_yaml *yaml, const char *key_path,
                                  struct settings_parameter **ret_items, size_t *ret_count,
                                  struct failure *reterr_failure)
{
    size_t line = 1;
    const yaml_node_t *node = follow(yaml, key_path, &line);
    *ret_items = NULL;
    *ret_count = 0;
    if (node == NULL) {
        return RESULT_OK;
    }
    if (node->type != YAML_MAPPING_NODE) {
        failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: %s is not a mapping", yaml->path, line,
                    key_path);
        return failure_hint(reterr_failure, "write {max_connections: 50}");
    }
    return copy_all(yaml, node, ret_items, ret_count, reterr_failure);
}

enum result settings_yaml_options(const struct settings_yaml *yaml, const char *key_path,
                                  struct settings_parameter **ret_items, size_t *ret_count,
                                  struct failure *reterr_failure)
{
    size_t line = 1;
    const yaml_node_t *node = follow(yaml, key_path, &line);
    *ret_items = NULL;
    *ret_count = 0;
    if (node == NULL) {
        return RESULT_OK;
    }
    if (node->type != YAML_SEQUENCE_NODE) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: %s is not a list", yaml->path,
                           line, key_path);
    }
    return copy_all(yaml, node, ret_items, ret_count, reterr_failure);
}
