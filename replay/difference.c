/* SPDX-License-Identifier: PostgreSQL */
#include "difference.h"

#include "describe.h"
#include "event_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256

/* Everything that differs, as a list of {path, from, to}. */

static void add_difference(json_t *list, const char *path, json_t *from, json_t *to)
{
    json_t *object = json_object();
    event_json_set_text(object, "path", path);
    json_object_set(object, "from", from != NULL ? from : json_null());
    json_object_set(object, "to", to != NULL ? to : json_null());
    json_array_append_new(list, object);
}

/* What an element of a list is found by in the other list. */
static const char *name_of(const json_t *element)
{
    static const char *const keys[] = {"name", "node"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *name = json_string_value(json_object_get(element, keys[i]));
        if (name != NULL) {
            return name;
        }
    }
    return NULL;
}

/* A list of named elements as an object of them; NULL: it is none. */
static json_t *by_name(const json_t *value)
{
    json_t *object = json_object();
    size_t i = 0;
    json_t *element = NULL;
    json_array_foreach(value, i, element)
    {
        const char *name = name_of(element);
        if (name == NULL || json_object_set(object, name, element) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static void compare(json_t *list, const char *path, json_t *from, json_t *to);

static void compare_key(json_t *list, const char *path, const char *key, json_t *from, json_t *to)
{
    char longer[PATH_BYTES];
    (void)snprintf(longer, sizeof longer, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
    compare(list, longer, json_object_get(from, key), json_object_get(to, key));
}

static void compare_objects(json_t *list, const char *path, json_t *from, json_t *to)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(from, key, value)
    {
        compare_key(list, path, key, from, to);
    }
    json_object_foreach(to, key, value)
    {
        if (json_object_get(from, key) == NULL) {
            compare_key(list, path, key, from, to);
        }
    }
}

static void compare_lists(json_t *list, const char *path, json_t *from, json_t *to)
{
    json_t *named_from = by_name(from);
    json_t *named_to = by_name(to);
    if (named_from != NULL && named_to != NULL) {
        compare_objects(list, path, named_from, named_to);
    } else {
        add_difference(list, path, from, to);
    }
    json_decref(named_from);
    json_decref(named_to);
}

static void compare(json_t *list, const char *path, json_t *from, json_t *to)
{
    if (json_equal(from, to)) {
        return;
    }
    if (json_is_object(from) && json_is_object(to)) {
        compare_objects(list, path, from, to);
    } else if (json_is_array(from) && json_is_array(to)) {
        compare_lists(list, path, from, to);
    } else {
        add_difference(list, path, from, to);
    }
}

json_t *difference_list(const struct view *a, const struct view *b)
{
    json_t *from = describe_json(a);
    json_t *to = describe_json(b);
    json_t *list = json_array();
    compare(list, "", from, to);
    json_decref(from);
    json_decref(to);
    return list;
}

/* A text without its quotes; what is empty keeps them. */
static void put_value(FILE *file, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const bool quoted = text != NULL && text[0] == '"' && text[1] != '"';
    if (quoted) {
        text[strlen(text) - 1] = '\0';
    }
    (void)fputs(text == NULL ? "?" : quoted ? text + 1 : text, file);
    free(text);
}

char *difference_text(const json_t *difference)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return NULL;
    }
    put_value(file, json_object_get(difference, "from"));
    (void)fputs(" -> ", file);
    put_value(file, json_object_get(difference, "to"));
    (void)fclose(file);
    return text;
}
