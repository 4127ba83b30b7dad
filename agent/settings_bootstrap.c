/* SPDX-License-Identifier: PostgreSQL */
#include "settings_bootstrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_strval_t methods[] = {{"initdb", TASK_INITDB}, {"restore", TASK_RESTORE}};

static const cyaml_schema_field_t restore_fields[] = {
        CYAML_FIELD_STRING_PTR("command", OPTIONAL, struct file_restore, command, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_END};

const cyaml_schema_field_t settings_bootstrap_fields[] = {
        CYAML_FIELD_ENUM("method", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_bootstrap,
                         method, methods, CYAML_ARRAY_LEN(methods)),
        CYAML_FIELD_IGNORE("initdb", CYAML_FLAG_OPTIONAL),
        CYAML_FIELD_STRING_PTR("post_init", OPTIONAL, struct file_bootstrap, post_init, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_MAPPING("restore", CYAML_FLAG_OPTIONAL, struct file_bootstrap, restore,
                            restore_fields),
        CYAML_FIELD_END};

/* What a complaint needs. */
struct place {
    const char *path;
    const struct settings_yaml *yaml;
    struct failure *failure;
};

static enum result wrong(const struct place *place, const char *key, const char *hint,
                         const char *what)
{
    failure_set(place->failure, RESULT_INVALID, "%s:%zu: %s %s", place->path,
                settings_yaml_line(place->yaml, key), key, what);
    return failure_hint(place->failure, "%s", hint);
}

/* ---- options of initdb ---- */

/* The long ones that choose what the new cluster is; where it lies and who gets in is pgbaton's. */
static const struct {
    const char *name;
    bool has_value;
} initdb_options[] = {
        {"allow-group-access", false},
        {"data-checksums", false},
        {"encoding", true},
        {"icu-locale", true},
        {"icu-rules", true},
        {"lc-collate", true},
        {"lc-ctype", true},
        {"lc-messages", true},
        {"lc-monetary", true},
        {"lc-numeric", true},
        {"lc-time", true},
        {"locale", true},
        {"locale-provider", true},
        {"no-data-checksums", false},
        {"no-locale", false},
        {"text-search-config", true},
        {"wal-segsize", true},
};

static const char option_hint[] =
        "write long options without their dashes, as in [data-checksums, encoding: UTF8, "
        "wal-segsize: 32]; pgbaton chooses directory, user and authentication itself";

static bool is_segment_size(const char *text)
{
    char *end = NULL;
    unsigned long mb = strtoul(text, &end, 10);
    return *end == '\0' && mb >= 1 && mb <= 1024 && (mb & (mb - 1)) == 0;
}

static enum result check_option(const struct place *place, const struct settings_parameter *option)
{
    const char *key = "bootstrap.initdb";
    char what[256];
    for (size_t i = 0; i < sizeof(initdb_options) / sizeof(initdb_options[0]); i++) {
        if (strcmp(initdb_options[i].name, option->name) != 0) {
            continue;
        }
        bool has_value = option->value[0] != '\0';
        if (has_value != initdb_options[i].has_value) {
            snprintf(what, sizeof(what), "has the option %.60s, which %s a value", option->name,
                     has_value ? "takes no" : "needs");
            return wrong(place, key, option_hint, what);
        }
        if (strcmp(option->name, "wal-segsize") == 0 && !is_segment_size(option->value)) {
            return wrong(place, key, "write MB as a power of two from 1 to 1024",
                         "has a wal-segsize that PostgreSQL does not know");
        }
        return RESULT_OK;
    }
    snprintf(what, sizeof(what), "has %.60s, which is not an option of initdb that can be set here",
             option->name);
    return wrong(place, key, option_hint, what);
}

static enum result take_options(const struct place *place, struct settings_bootstrap *bootstrap)
{
    enum result result = settings_yaml_options(place->yaml, "bootstrap.initdb", &bootstrap->options,
                                               &bootstrap->option_count, place->failure);
    if (result == RESULT_OK && bootstrap->option_count > INITDB_OPTION_MAX) {
        return wrong(place, "bootstrap.initdb", "initdb has no more than these", "is too long");
    }
    for (size_t i = 0; result == RESULT_OK && i < bootstrap->option_count; i++) {
        result = check_option(place, &bootstrap->options[i]);
    }
    return result;
}

/* ---- commands ---- */

static enum result take_command(const struct place *place, const char *key, const char *text,
                                char ret_command[SETTINGS_COMMAND_SIZE])
{
    if (text == NULL) {
        return RESULT_OK;
    }
    if (strlen(text) >= SETTINGS_COMMAND_SIZE || strspn(text, " \t\r\n") == strlen(text)) {
        return wrong(place, key, "write a command of less than 2000 bytes; put more into a script",
                     "is empty or too long");
    }
    snprintf(ret_command, SETTINGS_COMMAND_SIZE, "%s", text);
    return RESULT_OK;
}

enum result settings_bootstrap_take(const char *path, const struct settings_yaml *yaml,
                                    const struct file_bootstrap *file,
                                    struct settings_bootstrap *ret_bootstrap,
                                    struct failure *reterr_failure)
{
    const struct place place = {path, yaml, reterr_failure};
    ret_bootstrap->method = file->method == TASK_RESTORE ? TASK_RESTORE : TASK_INITDB;
    enum result result = take_options(&place, ret_bootstrap);
    if (result == RESULT_OK) {
        result = take_command(&place, "bootstrap.post_init", file->post_init,
                              ret_bootstrap->post_init);
    }
    if (result == RESULT_OK) {
        result = take_command(&place, "bootstrap.restore.command", file->restore.command,
                              ret_bootstrap->restore);
    }
    if (result == RESULT_OK && ret_bootstrap->method == TASK_RESTORE &&
        ret_bootstrap->restore[0] == '\0') {
        return wrong(&place, "bootstrap.method",
                     "give restore: {command: \"pgbackrest --stanza=demo --pg1-path=$PGDATA "
                     "restore\"}",
                     "is restore, and bootstrap.restore.command is not there");
    }
    return result;
}
