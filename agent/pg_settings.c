/* SPDX-License-Identifier: PostgreSQL */
#include "pg_settings.h"
#include "../proto/file.h"
#include "pg_settings_file.h"
#include "pg_settings_needs.h"
#include "preload.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What pgbaton.conf may take: a hundred user parameters and more. */
#define CONFIG_BYTES 65536
/* A list of libraries. */
#define PRELOAD_BYTES 4096

/* What the restored cluster's own recovery needed. */
static const char *const archives[] = {"archive_cleanup_command", "recovery_end_command",
                                       "recovery_target_timeline", "restore_command", NULL};

/* What agent.yaml may set otherwise. */
static const struct pg_parameter defaults[] = {
        {"wal_level", "replica"},   {"wal_log_hints", "on"},
        {"max_wal_senders", "20"},  {"max_replication_slots", "20"},
        {"wal_keep_size", "128MB"}, {"max_slot_wal_keep_size", "16GB"}};

/* A text that grows in a buffer, until it does not fit. */
struct text {
    char *bytes;
    size_t size;
    size_t capacity;
    bool overflow;
};

static void text_char(struct text *text, char c)
{
    if (text->size + 1 >= text->capacity) {
        text->overflow = true;
        return;
    }
    text->bytes[text->size] = c;
    text->size += 1;
    text->bytes[text->size] = '\0';
}

static void text_add(struct text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        text_char(text, *value);
    }
}

/* A quoted string of postgresql.conf (guc-file.l): quotes are doubled, backslashes escaped. */
static void text_setting(struct text *text, const char *name, const char *value)
{
    text_add(text, name);
    text_add(text, " = '");
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            text_add(text, "\\n");
            continue;
        }
        if (*value == '\'' || *value == '\\') {
            text_char(text, *value);
        }
        text_char(text, *value);
    }
    text_add(text, "'\n");
}

/* A keyword of a connection string (libpq, 34.1.1.1): quotes and backslashes get a backslash. */
static void text_keyword(struct text *text, const char *name, const char *value)
{
    if (text->size > 0) {
        text_char(text, ' ');
    }
    text_add(text, name);
    text_add(text, "='");
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') {
            text_char(text, '\\');
        }
        text_char(text, *value);
    }
    text_char(text, '\'');
}

void pg_settings_slot_name(const char *node, char ret_name[SLOT_NAME_SIZE])
{
    snprintf(ret_name, SLOT_NAME_SIZE, "pgbaton_%.*s", NAME_SIZE - 1, node);
    for (char *at = ret_name; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
}

/* Who it is. Another cluster's primary waits for none of us, though a node of its own may have our
 * name: it is told one that no node can have. */
static void text_identity(struct text *text, const struct pg_settings *settings, bool remote)
{
    char name[NAME_SIZE * 2];
    char options[NAME_SIZE + 32];
    snprintf(name, sizeof name, "%s.%s", settings->cluster, settings->node);
    snprintf(options, sizeof options, "-c pgbaton_fence.standby=%s", settings->node);
    text_keyword(text, "application_name", remote ? name : settings->node);
    if (!remote) {
        text_keyword(text, "options", options);
    }
}

bool pg_settings_conninfo(const struct pg_settings *settings, const struct upstream *upstream,
                          char *ret_text, size_t capacity)
{
    struct text text = {.bytes = ret_text, .capacity = capacity};
    bool remote = strcmp(upstream->node, REMOTE_NODE) == 0;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)upstream->port);
    ret_text[0] = '\0';
    if (upstream->node[0] == '\0') {
        return true;
    }
    text_keyword(&text, "host", upstream->host);
    text_keyword(&text, "port", port);
    text_keyword(&text, "user", settings->replication_user);
    if (settings->passfile != NULL) {
        text_keyword(&text, "passfile", settings->passfile);
    }
    if (remote) { /* wherever its primary is */
        text_keyword(&text, "target_session_attrs", "read-write");
    }
    text_identity(&text, settings, remote);
    text_keyword(&text, "connect_timeout", "3");
    text_keyword(&text, "keepalives_idle", "5");
    text_keyword(&text, "keepalives_interval", "2");
    text_keyword(&text, "keepalives_count", "3");
    return !text.overflow;
}

bool pg_settings_synchronous(const struct upstream *upstream, char *ret_text, size_t capacity)
{
    struct text text = {.bytes = ret_text, .capacity = capacity};
    char count[24];
    ret_text[0] = '\0';
    if (upstream->wait_count == 0) {
        return true;
    }
    snprintf(count, sizeof count, "ANY %u (", (unsigned)upstream->wait_count);
    text_add(&text, count);
    for (uint32_t i = 0; i < upstream->waits.count; i++) {
        text_add(&text, i > 0 ? ",\"" : "\"");
        text_add(&text, upstream->waits.names[i]);
        text_char(&text, '"');
    }
    text_add(&text, upstream->waits.count > 0 ? ")" : "\"" SYNCHRONOUS_NOBODY "\")");
    return !text.overflow;
}

static bool is_well_named(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '.') {
            return false;
        }
    }
    return true;
}

static bool is_allowed(const struct pg_parameter *parameter)
{
    if (!is_well_named(parameter->name) || parameters_is_own(parameter->name)) {
        return false;
    }
    return strcasecmp(parameter->name, "wal_level") != 0 ||
           strcmp(parameter->value, "replica") == 0 || strcmp(parameter->value, "logical") == 0;
}

const char *pg_settings_check(const struct pg_settings *settings)
{
    for (size_t i = 0; i < settings->parameter_count; i++) {
        if (!is_allowed(&settings->parameters[i])) {
            return settings->parameters[i].name;
        }
    }
    return NULL;
}

static const char *own_value(const struct pg_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->parameter_count; i++) {
        if (strcasecmp(settings->parameters[i].name, name) == 0) {
            return settings->parameters[i].value;
        }
    }
    return NULL;
}

/* A node's own word goes before the cluster's. */
static const char *user_value(const struct pg_settings *settings, const char *name)
{
    const char *own = own_value(settings, name);
    const struct parameters *cluster = settings->cluster_parameters;
    return own != NULL || cluster == NULL ? own : parameters_find(cluster, name);
}

static const char *wanted_value(const struct pg_settings *settings, const char *name)
{
    const char *value = user_value(settings, name);
    for (size_t i = 0; value == NULL && i < sizeof defaults / sizeof defaults[0]; i++) {
        value = strcmp(defaults[i].name, name) == 0 ? defaults[i].value : NULL;
    }
    return value;
}

/* Unless a standby needs more of it. */
static void text_wanted(struct text *text, const struct pg_needs *needs, const char *name,
                        const char *value)
{
    for (unsigned i = 0; i < PG_NEED_COUNT; i++) {
        bool is = strcasecmp(pg_settings_need_name((enum pg_need)i), name) == 0;
        if (is && needs->values[i] != 0) {
            return;
        }
    }
    text_setting(text, name, value);
}

static void text_needs(struct text *text, const struct pg_needs *needs)
{
    char value[16];
    for (unsigned i = 0; i < PG_NEED_COUNT; i++) {
        if (needs->values[i] != 0) {
            snprintf(value, sizeof value, "%u", (unsigned)needs->values[i]);
            text_setting(text, pg_settings_need_name((enum pg_need)i), value);
        }
    }
}

static void text_defaults(struct text *text, const struct pg_settings *settings, bool logical,
                          const struct pg_needs *needs)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        const struct pg_parameter *item = &defaults[i];
        bool kept = logical && strcmp(item->name, "wal_level") == 0;
        if (user_value(settings, item->name) == NULL) {
            text_wanted(text, needs, item->name, kept ? "logical" : item->value);
        }
    }
}

/* The number of the set comes last of it: who shows it has read the rest. */
static void text_cluster(struct text *text, const struct pg_settings *settings,
                         const struct pg_needs *needs)
{
    const struct parameters *cluster = settings->cluster_parameters;
    struct parameter item;
    char seq[24];
    if (cluster == NULL) {
        return;
    }
    for (uint32_t at = 0; parameters_next(cluster->bytes, cluster->size, &at, &item);) {
        bool preload = strcmp(item.name, PRELOAD_SETTING) == 0;
        if (!preload && own_value(settings, item.name) == NULL) {
            text_wanted(text, needs, item.name, item.value);
        }
    }
    snprintf(seq, sizeof seq, "%llu", (unsigned long long)cluster->seq);
    text_setting(text, "pgbaton.parameters", seq);
}

static void text_own(struct text *text, const struct pg_settings *settings,
                     const struct upstream *upstream, const char *conninfo)
{
    char port[8];
    char slot[SLOT_IDENTIFIER_SIZE] = "";
    _Static_assert(sizeof slot >= SLOT_NAME_SIZE, "a node's slot is a slot");
    char names[SYNCHRONOUS_SIZE];
    char seal[24];
    snprintf(port, sizeof port, "%u", (unsigned)settings->port);
    if (strcmp(upstream->node, REMOTE_NODE) == 0) {
        memcpy(slot, upstream->slot, sizeof slot);
    } else if (upstream->node[0] != '\0') {
        pg_settings_slot_name(settings->node, slot);
    }
    text_setting(text, "cluster_name", settings->cluster);
    text_setting(text, "listen_addresses",
                 settings->listen_addresses != NULL ? settings->listen_addresses : "*");
    text_setting(text, "port", port);
    if (settings->socket_directory != NULL) {
        text_setting(text, "unix_socket_directories", settings->socket_directory);
    }
    text_setting(text, "hot_standby", "on");
    text_setting(text, "restart_after_crash", "off");
    /* What was written stays written, and a disk that fails is not asked again (fsyncgate). */
    text_setting(text, "fsync", "on");
    text_setting(text, "full_page_writes", "on");
    text_setting(text, "data_sync_retry", "off");
    text_setting(text, "wal_retrieve_retry_interval", "100ms");
    text_setting(text, "recovery_target_timeline", "latest");
    text_setting(text, "primary_conninfo", conninfo);
    text_setting(text, "primary_slot_name", slot);
    text->overflow = !pg_settings_synchronous(upstream, names, sizeof names) || text->overflow;
    text_setting(text, "synchronous_standby_names", names);
    if (settings->fence != NULL) {
        snprintf(seal, sizeof seal, "%llu", (unsigned long long)upstream->seal_term);
        text_setting(text, "pgbaton_fence.seal", seal);
    }
}

/* The commit fence beside the libraries that the user's own files load. */
static void text_preload(struct text *text, const struct pg_settings *settings, const char *user)
{
    char merged[PRELOAD_BYTES];
    text->overflow = !preload_merge(settings->fence, user, merged, sizeof merged) || text->overflow;
    text_setting(text, PRELOAD_SETTING, merged);
}

static void path_of(const struct pg_settings *settings, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", settings->data_directory, name);
}

/* agent.yaml, or else what the user's postgresql.conf says. */
static const char *preload_of_user(const struct pg_settings *settings, const char *path,
                                   char *buffer, size_t capacity)
{
    const char *value = user_value(settings, PRELOAD_SETTING);
    if (value != NULL) {
        return value;
    }
    return settings_file_get(path, PRELOAD_SETTING, buffer, capacity) ? buffer : "";
}

/* ALTER SYSTEM has the last word: its list gets the fence, too. */
static enum result write_auto_preload(const struct pg_settings *settings, const char *path,
                                      struct failure *reterr_failure)
{
    char user[PRELOAD_BYTES];
    char line[2 * PRELOAD_BYTES];
    struct text text = {.bytes = line, .capacity = sizeof line};
    if (!settings_file_get(path, PRELOAD_SETTING, user, sizeof user)) {
        return RESULT_OK;
    }
    text_preload(&text, settings, user);
    if (text.overflow) {
        return failure_set(reterr_failure, RESULT_INVALID, PRELOAD_SETTING " is too long");
    }
    return settings_file_set(path, PRELOAD_SETTING, line, reterr_failure);
}

static void text_user(struct text *text, const struct pg_settings *settings,
                      const struct pg_needs *needs)
{
    for (size_t i = 0; i < settings->parameter_count; i++) {
        if (strcasecmp(settings->parameters[i].name, PRELOAD_SETTING) != 0) {
            text_wanted(text, needs, settings->parameters[i].name, settings->parameters[i].value);
        }
    }
}

static enum result write_config(const struct pg_settings *settings, const struct upstream *upstream,
                                const struct pg_needs *needs, struct failure *reterr_failure)
{
    static char bytes[CONFIG_BYTES];
    char conninfo[1024];
    char preload[PRELOAD_BYTES];
    char path[PATH_MAX];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    path_of(settings, "postgresql.conf", path);
    bool logical = settings_file_is(path, "wal_level", "logical");
    text.overflow = !pg_settings_conninfo(settings, upstream, conninfo, sizeof conninfo);
    text_add(&text,
             "# Written by pgbaton; changes are lost. Use pgbaton config set, or agent.yaml.\n");
    text_defaults(&text, settings, logical, needs);
    text_cluster(&text, settings, needs);
    text_user(&text, settings, needs);
    text_needs(&text, needs);
    text_preload(&text, settings, preload_of_user(settings, path, preload, sizeof preload));
    text_own(&text, settings, upstream, conninfo);
    if (text.overflow) {
        return failure_set(reterr_failure, RESULT_INVALID, "pgbaton.conf would be too large");
    }
    path_of(settings, "pgbaton.conf", path);
    return file_replace(path, text.bytes, text.size, reterr_failure);
}

static enum result write_hba(const struct pg_settings *settings, struct failure *reterr_failure)
{
    static char bytes[CONFIG_BYTES];
    char path[PATH_MAX];
    struct text text = {.bytes = bytes, .capacity = sizeof bytes};
    if (settings->hba_count == 0) {
        return RESULT_OK;
    }
    text_add(&text, "# Written by pgbaton; changes are lost. Use hba in agent.yaml.\n");
    for (size_t i = 0; i < settings->hba_count; i++) {
        text_add(&text, settings->hba[i]);
        text_char(&text, '\n');
    }
    if (text.overflow) {
        return failure_set(reterr_failure, RESULT_INVALID, "pg_hba.conf would be too large");
    }
    path_of(settings, "pg_hba.conf", path);
    return file_replace(path, text.bytes, text.size, reterr_failure);
}

enum result pg_settings_signal(const char *directory, bool present, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/standby.signal", directory);
    if (!present) {
        return file_remove(path, reterr_failure);
    }
    return file_exists(path) ? RESULT_OK : file_replace(path, "", 0, reterr_failure);
}

enum result pg_settings_forget_recovery(const char *directory, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/postgresql.auto.conf", directory);
    enum result result = settings_file_drop(path, parameters_targets, reterr_failure);
    return result == RESULT_OK ? settings_file_drop(path, archives, reterr_failure) : result;
}

enum result pg_settings_keep_signal(const char *directory, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/global/pg_control", directory);
    return file_exists(path) ? pg_settings_signal(directory, true, reterr_failure) : RESULT_OK;
}

static enum result write_checked(const struct pg_settings *settings,
                                 const struct upstream *upstream, const struct pg_needs *needs,
                                 struct failure *reterr_failure)
{
    const char *wrong = pg_settings_check(settings);
    if (wrong != NULL) {
        return failure_set(reterr_failure, RESULT_INVALID, "parameter %s is not to be set", wrong);
    }
    return write_config(settings, upstream, needs, reterr_failure);
}

enum result pg_settings_follow(const struct pg_settings *settings, const struct upstream *upstream,
                               struct failure *reterr_failure)
{
    const struct pg_needs needs = pg_settings_needs(settings, true, wanted_value);
    return write_checked(settings, upstream, &needs, reterr_failure);
}

static enum result write_files(const struct pg_settings *settings, const struct upstream *upstream,
                               const struct pg_needs *needs, struct failure *reterr_failure)
{
    char path[PATH_MAX];
    enum result result = write_checked(settings, upstream, needs, reterr_failure);
    path_of(settings, "postgresql.conf", path);
    result = result != RESULT_OK ? result : settings_file_include(path, reterr_failure);
    path_of(settings, "postgresql.auto.conf", path);
    result = result != RESULT_OK ? result
                                 : settings_file_drop(path, parameters_owned, reterr_failure);
    if (result == RESULT_OK && !settings->recovers) {
        result = settings_file_drop(path, parameters_targets, reterr_failure);
    }
    result = result != RESULT_OK ? result : write_auto_preload(settings, path, reterr_failure);
    return result != RESULT_OK ? result : write_hba(settings, reterr_failure);
}

enum result pg_settings_write(const struct pg_settings *settings, const struct upstream *upstream,
                              bool as_primary, struct failure *reterr_failure)
{
    enum result result = RESULT_OK;
    struct pg_needs needs = {{0}};
    if (!as_primary) {
        needs = pg_settings_needs(settings, false, wanted_value);
        result = pg_settings_signal(settings->data_directory, true, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = write_files(settings, upstream, &needs, reterr_failure);
    }
    if (result == RESULT_OK && !as_primary) {
        result = pg_settings_needs_write_auto(settings, reterr_failure);
    }
    if (result == RESULT_OK && as_primary) {
        result = pg_settings_signal(settings->data_directory, false, reterr_failure);
    }
    return result;
}
