/* SPDX-License-Identifier: PostgreSQL */
#include "settings.h"

#include "retention.h"
#include "settings_placement.h"
#include "settings_replication.h"

#include "../proto/cluster.h"
#include "../proto/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file as libcyaml reads it; NULL and 0 for what is not named. */
struct raw_stream {
    uint32_t *replicas;
    char *storage;
    char *max_bytes;
};

struct raw_defaults {
    struct raw_replication replication;
    char *probe_period;
    char *probe_timeout;
    uint32_t *probe_failure_threshold;
    char *lease_ttl;
    char *switch_policy;
    char *synchronous;
    uint32_t *synchronous_count;
    char **permanent_slots;
    unsigned permanent_slots_count;
    char *failover_mode;
    char *failsafe;
    char *maximum_lag_on_failover;
    uint32_t *failover_limit;
    char *failover_window;
    uint32_t *rebuild_limit;
    char *rebuild_window;
    char *crash_policy;
    char *primary_start_timeout;
    uint32_t *restart_limit;
    char *restart_window;
};

struct raw_settings {
    char *name;
    char *nats;
    struct raw_nats_host *nats_hosts;
    unsigned nats_hosts_count;
    char *log_level;
    char *state_directory;
    char *retention;
    struct raw_stream stream;
    struct raw_defaults cluster_defaults;
};

#define OPTIONAL_VALUE (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_value_t slot_schema = {
        CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, SLOT_IDENTIFIER_SIZE - 1)};

/* clang-format off */
static const cyaml_schema_field_t stream_fields[] = {
    CYAML_FIELD_UINT_PTR("replicas", OPTIONAL_VALUE, struct raw_stream, replicas),
    CYAML_FIELD_STRING_PTR("storage", OPTIONAL_VALUE, struct raw_stream, storage, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("max_bytes", OPTIONAL_VALUE, struct raw_stream, max_bytes, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t defaults_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("permanent_logical_slots", OPTIONAL_VALUE, struct raw_defaults,
                               replication.logical, replication.logical_count,
                               &settings_logical_schema, 0, PERMANENT_SLOT_MAX),
    CYAML_FIELD_MAPPING("standby_cluster", CYAML_FLAG_OPTIONAL, struct raw_defaults,
                        replication.standby_cluster, settings_standby_fields),
    CYAML_FIELD_STRING_PTR("probe_period", OPTIONAL_VALUE, struct raw_defaults, probe_period, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("probe_timeout", OPTIONAL_VALUE, struct raw_defaults, probe_timeout, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("probe_failure_threshold", OPTIONAL_VALUE, struct raw_defaults,
                         probe_failure_threshold),
    CYAML_FIELD_STRING_PTR("lease_ttl", OPTIONAL_VALUE, struct raw_defaults, lease_ttl, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("switch_policy", OPTIONAL_VALUE, struct raw_defaults, switch_policy, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("synchronous", OPTIONAL_VALUE, struct raw_defaults, synchronous, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("synchronous_count", OPTIONAL_VALUE, struct raw_defaults,
                         synchronous_count),
    CYAML_FIELD_SEQUENCE("permanent_slots", OPTIONAL_VALUE, struct raw_defaults, permanent_slots,
                         &slot_schema, 0, PERMANENT_SLOT_MAX),
    CYAML_FIELD_STRING_PTR("failover_mode", OPTIONAL_VALUE, struct raw_defaults, failover_mode, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("failsafe", OPTIONAL_VALUE, struct raw_defaults, failsafe, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("maximum_lag_on_failover", OPTIONAL_VALUE, struct raw_defaults,
                           maximum_lag_on_failover, 0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("failover_limit", OPTIONAL_VALUE, struct raw_defaults, failover_limit),
    CYAML_FIELD_STRING_PTR("failover_window", OPTIONAL_VALUE, struct raw_defaults, failover_window,
                           0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("rebuild_limit", OPTIONAL_VALUE, struct raw_defaults, rebuild_limit),
    CYAML_FIELD_STRING_PTR("rebuild_window", OPTIONAL_VALUE, struct raw_defaults, rebuild_window, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("crash_policy", OPTIONAL_VALUE, struct raw_defaults, crash_policy, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("primary_start_timeout", OPTIONAL_VALUE, struct raw_defaults,
                           primary_start_timeout, 0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("restart_limit", OPTIONAL_VALUE, struct raw_defaults, restart_limit),
    CYAML_FIELD_STRING_PTR("restart_window", OPTIONAL_VALUE, struct raw_defaults, restart_window, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t settings_fields[] = {
    CYAML_FIELD_STRING_PTR("name", OPTIONAL_VALUE, struct raw_settings, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("nats", OPTIONAL_VALUE, struct raw_settings, nats, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("retention", OPTIONAL_VALUE, struct raw_settings, retention, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("log_level", OPTIONAL_VALUE, struct raw_settings, log_level, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("state_directory", OPTIONAL_VALUE, struct raw_settings, state_directory,
                           0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("nats_hosts", OPTIONAL_VALUE, struct raw_settings, nats_hosts,
                         &settings_nats_host_schema, 0, PLACEMENT_SERVER_COUNT_MAX),
    CYAML_FIELD_MAPPING("stream", CYAML_FLAG_OPTIONAL, struct raw_settings, stream, stream_fields),
    CYAML_FIELD_MAPPING("cluster_defaults", CYAML_FLAG_OPTIONAL, struct raw_settings,
                        cluster_defaults, defaults_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t settings_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_settings, settings_fields),
};
static const char *const settings_keys[] = {
        "name", "nats", "nats_hosts", "server", "log_level", "state_directory", "stream",
        "replicas", "storage", "retention", "max_bytes", "lease_ttl", "cluster_defaults",
        "probe_period", "probe_timeout", "switch_policy", "probe_failure_threshold", "synchronous",
        "synchronous_count", "permanent_slots", "failover_mode", "failsafe",
        "maximum_lag_on_failover", "failover_limit", "failover_window", "rebuild_limit",
        "rebuild_window", "crash_policy", "primary_start_timeout", "restart_limit",
        "restart_window", "standby_cluster", "host", "port", "primary_slot_name",
        "permanent_logical_slots", "database", "plugin", NULL
};
/* clang-format on */

void monitor_settings_name(const char *host, char ret_name[NAME_SIZE])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t length = 0;
    for (const char *at = host; *at != '\0' && *at != '.' && length < NAME_SIZE - 1; at++) {
        const char lower = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        const bool keep = strchr(allowed, lower) != NULL;
        if (keep || length > 0) {
            ret_name[length] = keep ? lower : '-';
            length++;
        }
    }
    ret_name[length] = '\0';
    if (length == 0) {
        memcpy(ret_name, "monitor", sizeof("monitor"));
    }
}

/* systemd names the directories of StateDirectory=, the first one first. */
static void init_state_directory(struct monitor_settings *s)
{
    const char *named = getenv("STATE_DIRECTORY");
    const size_t length = named != NULL ? strcspn(named, ":") : 0;
    if (length < sizeof(s->state_directory)) {
        (void)snprintf(s->state_directory, sizeof(s->state_directory), "%.*s", (int)length,
                       length > 0 ? named : "");
    }
}

void monitor_settings_init(struct monitor_settings *ret_settings)
{
    char host[HOST_SIZE] = "";
    /* A host name that is cut makes a name, too. */
    (void)gethostname(host, sizeof(host) - 1);
    memset(ret_settings, 0, sizeof(*ret_settings));
    monitor_settings_name(host, ret_settings->name);
    ret_settings->replicas = 1;
    ret_settings->config = config_default();
    ret_settings->log_level = SEVERITY_INFO;
    ret_settings->retention_s = RETENTION_S_DEFAULT;
    init_state_directory(ret_settings);
}

/* ---- one key each; what is not named stays as it is ---- */

static enum result take_text(const char *key, const char *text, char *ret_text, size_t size,
                             struct failure *f)
{
    if (text == NULL) {
        return RESULT_OK;
    }
    const size_t length = strlen(text);
    if (length == 0 || length >= size) {
        return failure_set(f, RESULT_INVALID, "%s must have 1 to %zu bytes", key, size - 1);
    }
    memcpy(ret_text, text, length + 1);
    return RESULT_OK;
}

static enum result take_name(const char *text, struct monitor_settings *s, struct failure *f)
{
    const enum result result = take_text("name", text, s->name, sizeof(s->name), f);
    if (result == RESULT_OK && !name_is_valid(s->name)) {
        failure_set(f, RESULT_INVALID, "name: '%s' is not a name", s->name);
        return failure_hint(f, "use 1 to 40 of a-z, 0-9 and '-', not beginning with '-'");
    }
    return result;
}

static enum result take_log_level(const char *text, struct monitor_settings *s, struct failure *f)
{
    if (text == NULL || log_line_parse_severity(text, &s->log_level)) {
        return RESULT_OK;
    }
    failure_set(f, RESULT_INVALID, "log_level: '%s' is unknown", text);
    return failure_hint(f, "use error, warning, info or debug");
}

static enum result take_ms(const char *key, const char *text, uint32_t *ret_ms, struct failure *f)
{
    uint64_t ms = 0;
    if (text == NULL) {
        return RESULT_OK;
    }
    const enum result result = config_parse_duration(key, text, &ms, f);
    if (result == RESULT_OK && ms > UINT32_MAX) {
        return failure_set(f, RESULT_INVALID, "%s: %s is too long", key, text);
    }
    *ret_ms = (uint32_t)ms;
    return result;
}

static void take_number(const uint32_t *number, uint32_t *ret_number)
{
    if (number != NULL) {
        *ret_number = *number;
    }
}

static enum result take_bytes(const char *key, const char *text, uint64_t *ret_bytes,
                              struct failure *f)
{
    return text == NULL ? RESULT_OK : config_parse_bytes(key, text, ret_bytes, f);
}

static enum result take_replicas(const uint32_t *replicas, struct monitor_settings *s,
                                 struct failure *f)
{
    if (replicas == NULL) {
        return RESULT_OK;
    }
    if (*replicas != 1 && *replicas != 3 && *replicas != 5) {
        return failure_set(f, RESULT_INVALID, "replicas must be 1, 3 or 5");
    }
    s->replicas = (int)*replicas;
    return RESULT_OK;
}

static enum result take_storage(const char *text, struct monitor_settings *s, struct failure *f)
{
    if (text == NULL) {
        return RESULT_OK;
    }
    s->memory_storage = strcmp(text, "memory") == 0;
    if (!s->memory_storage && strcmp(text, "file") != 0) {
        return failure_set(f, RESULT_INVALID, "storage must be file or memory, not '%s'", text);
    }
    return RESULT_OK;
}

static enum result take_retention(const char *text, struct monitor_settings *s, struct failure *f)
{
    uint64_t ms = 0;
    if (text == NULL) {
        return RESULT_OK;
    }
    const bool off = strcmp(text, "off") == 0 || strcmp(text, "0") == 0;
    const enum result result = off ? RESULT_OK : config_parse_duration("retention", text, &ms, f);
    if (result == RESULT_OK && !off && ms < RETENTION_S_MIN * 1000) {
        return failure_set(f, RESULT_INVALID, "retention must be at least %ds, or off",
                           RETENTION_S_MIN);
    }
    s->retention_s = ms / 1000;
    return result;
}

static enum result take_switch_policy(const char *text, struct config *config, struct failure *f)
{
    if (text == NULL) {
        return RESULT_OK;
    }
    for (unsigned i = 0; i < SWITCH_POLICY_COUNT; i++) {
        if (strcmp(text, switch_policy_name((enum switch_policy)i)) == 0) {
            config->switch_policy = (enum switch_policy)i;
            return RESULT_OK;
        }
    }
    failure_set(f, RESULT_INVALID, "switch_policy: '%s' is unknown", text);
    return failure_hint(f, "use MaximumAvailability (a leader that is down is followed at once), "
                           "MaximumDataProtection (only by a node that is proven to miss nothing) "
                           "or Noop (by nobody, unless an operator asks)");
}

static enum result take_crash_policy(const char *text, struct config *config, struct failure *f)
{
    if (text == NULL) {
        return RESULT_OK;
    }
    for (unsigned i = 0; i < CRASH_POLICY_COUNT; i++) {
        if (strcmp(text, crash_policy_name((enum crash_policy)i)) == 0) {
            config->crash_policy = (enum crash_policy)i;
            return RESULT_OK;
        }
    }
    failure_set(f, RESULT_INVALID, "crash_policy: '%s' is unknown", text);
    return failure_hint(f, "use failover (to a standby, when one can take over) or restart (in "
                           "place, within primary_start_timeout)");
}

static enum result take_restarts(const struct raw_defaults *raw, struct config *config,
                                 struct failure *f)
{
    take_number(raw->restart_limit, &config->restart_limit);
    enum result result = take_crash_policy(raw->crash_policy, config, f);
    if (result == RESULT_OK) {
        result = take_ms("primary_start_timeout", raw->primary_start_timeout,
                         &config->primary_start_timeout_ms, f);
    }
    return result == RESULT_OK
                   ? take_ms("restart_window", raw->restart_window, &config->restart_window_ms, f)
                   : result;
}

static enum result take_synchronous(const char *text, struct config *config, struct failure *f)
{
    if (text == NULL) {
        return RESULT_OK;
    }
    for (unsigned i = 0; i < SYNCHRONOUS_MODE_COUNT; i++) {
        if (strcmp(text, synchronous_name((enum synchronous)i)) == 0) {
            config->synchronous = (enum synchronous)i;
            return RESULT_OK;
        }
    }
    failure_set(f, RESULT_INVALID, "synchronous: '%s' is unknown", text);
    return failure_hint(f,
                        "use quorum (commits wait for a standby while there is one), strict (they "
                        "always do) or off (a failover may lose the last of them)");
}

static enum result take_failover_mode(const char *text, struct config *config, struct failure *f)
{
    for (unsigned i = 0; text != NULL && i < FAILOVER_MODE_COUNT; i++) {
        if (strcmp(text, failover_mode_name((enum failover_mode)i)) == 0) {
            config->failover_mode = (enum failover_mode)i;
            return RESULT_OK;
        }
    }
    if (text == NULL) {
        return RESULT_OK;
    }
    failure_set(f, RESULT_INVALID, "failover_mode: '%s' is unknown", text);
    return failure_hint(f,
                        "use lease (two never serve at once) or sealed (sooner; with synchronous "
                        "quorum or strict only)");
}

static enum result take_failsafe(const char *text, struct config *config, struct failure *f)
{
    for (unsigned i = 0; text != NULL && i < FAILSAFE_COUNT; i++) {
        if (strcmp(text, failsafe_name((enum failsafe)i)) == 0) {
            config->failsafe = (enum failsafe)i;
            return RESULT_OK;
        }
    }
    if (text == NULL) {
        return RESULT_OK;
    }
    failure_set(f, RESULT_INVALID, "failsafe: '%s' is unknown", text);
    return failure_hint(f, "use on (while the log is away a leader goes on by promises of its "
                           "standbys) or off (its lease runs out)");
}

static enum result take_sync(const struct raw_defaults *raw, struct config *config,
                             struct failure *f)
{
    if (raw->synchronous_count != NULL) {
        config->synchronous_count = *raw->synchronous_count;
    }
    enum result result = take_failover_mode(raw->failover_mode, config, f);
    if (result == RESULT_OK) {
        result = take_failsafe(raw->failsafe, config, f);
    }
    return result == RESULT_OK ? take_synchronous(raw->synchronous, config, f) : result;
}

/* ---- the groups ---- */

static enum result take_head(const struct raw_settings *raw, struct monitor_settings *s,
                             struct failure *f)
{
    enum result result = take_name(raw->name, s, f);
    if (result == RESULT_OK) {
        result = take_text("nats", raw->nats, s->servers, sizeof(s->servers), f);
    }
    if (result == RESULT_OK) {
        result = take_retention(raw->retention, s, f);
    }
    if (result == RESULT_OK) {
        result = take_text("state_directory", raw->state_directory, s->state_directory,
                           sizeof(s->state_directory), f);
    }
    return result == RESULT_OK ? take_log_level(raw->log_level, s, f) : result;
}

static enum result take_stream(const struct raw_stream *raw, struct monitor_settings *s,
                               struct failure *f)
{
    enum result result = take_replicas(raw->replicas, s, f);
    if (result == RESULT_OK) {
        result = take_storage(raw->storage, s, f);
    }
    return result == RESULT_OK ? take_bytes("max_bytes", raw->max_bytes, &s->max_bytes, f) : result;
}

static enum result take_probe(const struct raw_defaults *raw, struct config *config,
                              struct failure *f)
{
    take_number(raw->probe_failure_threshold, &config->probe_failure_threshold);
    const enum result result =
            take_ms("probe_period", raw->probe_period, &config->probe_period_ms, f);
    return result == RESULT_OK
                   ? take_ms("probe_timeout", raw->probe_timeout, &config->probe_timeout_ms, f)
                   : result;
}

static enum result take_policy(const struct raw_defaults *raw, struct config *config,
                               struct failure *f)
{
    enum result result = take_switch_policy(raw->switch_policy, config, f);
    if (result == RESULT_OK) {
        result = take_sync(raw, config, f);
    }
    return result == RESULT_OK ? take_bytes("maximum_lag_on_failover", raw->maximum_lag_on_failover,
                                            &config->maximum_lag_on_failover, f)
                               : result;
}

static enum result take_limits(const struct raw_defaults *raw, struct config *config,
                               struct failure *f)
{
    take_number(raw->failover_limit, &config->failover_limit);
    take_number(raw->rebuild_limit, &config->rebuild_limit);
    const enum result result =
            take_ms("failover_window", raw->failover_window, &config->failover_window_ms, f);
    return result == RESULT_OK
                   ? take_ms("rebuild_window", raw->rebuild_window, &config->rebuild_window_ms, f)
                   : result;
}

static enum result take_defaults(const struct raw_defaults *raw, struct config *config,
                                 struct failure *f)
{
    enum result result = take_probe(raw, config, f);
    if (result != RESULT_OK) {
        return result;
    }
    config->lease_ttl_ms = config_lease_ttl_ms(config->probe_period_ms, config->probe_timeout_ms,
                                               config->probe_failure_threshold);
    result = take_ms("lease_ttl", raw->lease_ttl, &config->lease_ttl_ms, f);
    if (result == RESULT_OK) {
        result = take_policy(raw, config, f);
    }
    if (result == RESULT_OK) {
        result = take_limits(raw, config, f);
    }
    if (result == RESULT_OK) {
        result = take_restarts(raw, config, f);
    }
    if (result == RESULT_OK) {
        result = settings_take_replication(&raw->replication, config, f);
    }
    config->permanent_slots.count = raw->permanent_slots_count;
    for (unsigned i = 0; i < raw->permanent_slots_count; i++) {
        snprintf(config->permanent_slots.names[i], SLOT_IDENTIFIER_SIZE, "%s",
                 raw->permanent_slots[i]);
    }
    char wrong[CONFIG_TEXT_SIZE];
    if (result == RESULT_OK && !config_check(config, wrong)) {
        return failure_set(f, RESULT_INVALID, "cluster_defaults: %s", wrong);
    }
    return result;
}

/* ---- where in the file a complaint belongs ---- */

static bool is_word_byte(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z');
}

/* Where text names key as a word of its own, or NULL. */
static const char *mention(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = strstr(text, key); at != NULL; at = strstr(at + 1, key)) {
        if ((at == text || !is_word_byte(at[-1])) && !is_word_byte(at[length])) {
            return at;
        }
    }
    return NULL;
}

/* The first key that the complaint names; a section only when it names nothing in it. */
static const char *key_of_complaint(const char *text)
{
    const char *found = NULL;
    const char *first = NULL;
    for (size_t i = 0; settings_keys[i] != NULL; i++) {
        const bool section = strcmp(settings_keys[i], "cluster_defaults") == 0 ||
                             strcmp(settings_keys[i], "stream") == 0;
        const char *at = section ? NULL : mention(text, settings_keys[i]);
        if (at != NULL && (first == NULL || at < first)) {
            first = at;
            found = settings_keys[i];
        }
    }
    return found;
}

/* The line on which `key:` stands; 0 when it does not (a default that does not fit the others). */
static size_t line_of_key(const char *path, const char *key)
{
    char text[512];
    size_t line = 0;
    size_t found = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && found == 0 && fgets(text, sizeof(text), file) != NULL) {
        const char *at = mention(text, key);
        line++;
        found = at != NULL && at[strlen(key)] == ':' ? line : 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static enum result prefix_place(struct failure *f, const char *path)
{
    const char *key = key_of_complaint(f->text);
    const size_t line = key != NULL ? line_of_key(path, key) : 0;
    return line != 0 ? failure_prefix(f, "%s:%zu", path, line) : failure_prefix(f, "%s", path);
}

static enum result take_all(const struct raw_settings *raw, struct monitor_settings *s,
                            struct failure *f)
{
    enum result result = take_head(raw, s, f);
    if (result == RESULT_OK) {
        result =
                settings_take_nats_hosts(raw->nats_hosts, raw->nats_hosts_count, &s->nats_hosts, f);
    }
    if (result == RESULT_OK) {
        result = take_stream(&raw->stream, s, f);
    }
    return result == RESULT_OK ? take_defaults(&raw->cluster_defaults, &s->config, f) : result;
}

enum result monitor_settings_load(const char *path, struct monitor_settings *ret_settings,
                                  struct failure *reterr_failure)
{
    void *raw = NULL;
    monitor_settings_init(ret_settings);
    const enum result loaded =
            config_file_load(path, &settings_schema, settings_keys, &raw, reterr_failure);
    if (loaded != RESULT_OK) {
        return loaded;
    }
    struct monitor_settings settings = *ret_settings;
    const enum result result = take_all(raw, &settings, reterr_failure);
    config_file_free(&settings_schema, raw);
    if (result != RESULT_OK) {
        return prefix_place(reterr_failure, path);
    }
    *ret_settings = settings;
    return RESULT_OK;
}
