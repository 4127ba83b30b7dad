/* SPDX-License-Identifier: PostgreSQL */
#include "whatif_settings.h"

#include "../proto/config_file.h"
#include "../proto/sync.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 96

enum value_kind { VALUE_MS = 0, VALUE_COUNT, VALUE_BYTES, VALUE_WORD };

/* The names of an enum of the configuration, in its order. */
typedef const char *(*name_function)(unsigned value);

struct key {
    const char *name;
    enum value_kind kind;
    size_t offset; /* in struct config */
    name_function name_of;
    unsigned name_count;
};

static const char *switch_policy_word(unsigned value)
{
    return switch_policy_name((enum switch_policy)value);
}

static const char *synchronous_word(unsigned value)
{
    return synchronous_name((enum synchronous)value);
}

static const char *failover_mode_word(unsigned value)
{
    return failover_mode_name((enum failover_mode)value);
}

static const char *crash_policy_word(unsigned value)
{
    return crash_policy_name((enum crash_policy)value);
}

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct key keys[] = {
    {"lease_ttl", VALUE_MS, AT(lease_ttl_ms), NULL, 0},
    {"switch_policy", VALUE_WORD, AT(switch_policy), switch_policy_word, SWITCH_POLICY_COUNT},
    {"synchronous", VALUE_WORD, AT(synchronous), synchronous_word, SYNCHRONOUS_MODE_COUNT},
    {"synchronous_count", VALUE_COUNT, AT(synchronous_count), NULL, 0},
    {"failover_mode", VALUE_WORD, AT(failover_mode), failover_mode_word, FAILOVER_MODE_COUNT},
    {"maximum_lag_on_failover", VALUE_BYTES, AT(maximum_lag_on_failover), NULL, 0},
    {"failover_limit", VALUE_COUNT, AT(failover_limit), NULL, 0},
    {"failover_window", VALUE_MS, AT(failover_window_ms), NULL, 0},
    {"crash_policy", VALUE_WORD, AT(crash_policy), crash_policy_word, CRASH_POLICY_COUNT},
    {"probe_period", VALUE_MS, AT(probe_period_ms), NULL, 0},
    {"probe_timeout", VALUE_MS, AT(probe_timeout_ms), NULL, 0},
    {"probe_failure_threshold", VALUE_COUNT, AT(probe_failure_threshold), NULL, 0},
};
/* clang-format on */

/* ---- values ---- */

static enum result take_count(const char *name, const char *text, uint32_t *ret_value,
                              struct failure *f)
{
    char *end = NULL;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > UINT32_MAX) {
        return failure_set(f, RESULT_INVALID, "%s is a number, not '%s'", name, text);
    }
    *ret_value = (uint32_t)value;
    return RESULT_OK;
}

static enum result take_ms(const char *name, const char *text, uint32_t *ret_ms, struct failure *f)
{
    uint64_t ms = 0;
    const enum result result = config_parse_duration(name, text, &ms, f);
    if (result == RESULT_OK && ms > UINT32_MAX) {
        return failure_set(f, RESULT_INVALID, "%s: %s is too long", name, text);
    }
    *ret_ms = (uint32_t)ms;
    return result;
}

/* Enums of the configuration are ints. */
static enum result take_word(const struct key *key, const char *text, int *ret_value,
                             struct failure *f)
{
    char known[FAILURE_HINT_SIZE] = "";
    for (unsigned i = 0; i < key->name_count; i++) {
        if (strcmp(text, key->name_of(i)) == 0) {
            *ret_value = (int)i;
            return RESULT_OK;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ",
                       key->name_of(i));
    }
    failure_set(f, RESULT_INVALID, "%s: '%s' is unknown", key->name, text);
    return failure_hint(f, "use one of %s", known);
}

static enum result take_value(const struct key *key, const char *text, struct config *config,
                              struct failure *f)
{
    void *place = (char *)config + key->offset;
    switch (key->kind) {
    case VALUE_MS:
        return take_ms(key->name, text, place, f);
    case VALUE_COUNT:
        return take_count(key->name, text, place, f);
    case VALUE_BYTES:
        return config_parse_bytes(key->name, text, place, f);
    case VALUE_WORD:
        break;
    }
    return take_word(key, text, place, f);
}

/* ---- words ---- */

/* "key=value" → the key, and where the value stands; NULL when it is not of that form. */
static const char *split(const char *word, char ret_key[KEY_SIZE])
{
    const char *equals = strchr(word, '=');
    const size_t length = equals != NULL ? (size_t)(equals - word) : 0;
    if (length == 0 || length >= KEY_SIZE || equals[1] == '\0') {
        return NULL;
    }
    memcpy(ret_key, word, length);
    ret_key[length] = '\0';
    return equals + 1;
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* The tags of one node that bear on an election. */
struct tags {
    int32_t *priority;
    bool *nofailover;
    bool *nosync;
};

static bool take_bool(const char *text, bool *ret_value)
{
    *ret_value = strcmp(text, "true") == 0;
    return *ret_value || strcmp(text, "false") == 0;
}

static bool take_priority(const char *text, int32_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    *ret_value = (int32_t)value;
    return errno == 0 && end != text && *end == '\0' && value >= INT32_MIN && value <= INT32_MAX;
}

static enum result take_tag(const char *tag, const char *text, struct tags tags, struct failure *f)
{
    bool right = false;
    if (strcmp(tag, "failover_priority") == 0) {
        right = take_priority(text, tags.priority);
    } else if (strcmp(tag, "nofailover") == 0) {
        right = take_bool(text, tags.nofailover);
    } else if (strcmp(tag, "nosync") == 0) {
        right = take_bool(text, tags.nosync);
    } else {
        failure_set(f, RESULT_INVALID, "'%s' is no tag that bears on an election", tag);
        return failure_hint(f, "use failover_priority, nofailover or nosync");
    }
    return right ? RESULT_OK : failure_set(f, RESULT_INVALID, "%s: '%s' is wrong", tag, text);
}

/* "node-2.nofailover" → the tag; NULL when the key is not of a node. */
static const char *tag_of(const char *key, char ret_node[NAME_SIZE])
{
    const char *dot = strchr(key, '.');
    const size_t length = dot != NULL ? (size_t)(dot - key) : NAME_SIZE;
    if (length >= NAME_SIZE) {
        return NULL;
    }
    memcpy(ret_node, key, length);
    ret_node[length] = '\0';
    return name_is_valid(ret_node) ? dot + 1 : NULL;
}

static enum result unknown_key(const char *key, struct failure *f)
{
    char known[FAILURE_HINT_SIZE] = "";
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof(known) - used, "%s, ", keys[i].name);
    }
    failure_set(f, RESULT_INVALID, "'%s' is nothing that can be set", key);
    return failure_hint(f, "use %sor NODE.failover_priority", known);
}

static enum result check_word(const char *word, struct failure *f)
{
    char key[KEY_SIZE];
    char node[NAME_SIZE];
    int32_t priority = 0;
    bool no[2] = {false};
    struct config config = config_default();
    const char *value = split(word, key);
    if (value == NULL) {
        failure_set(f, RESULT_INVALID, "'%s' is not KEY=VALUE", word);
        return failure_hint(f, "write --set lease_ttl=6s");
    }
    const char *tag = tag_of(key, node);
    if (tag != NULL) {
        return take_tag(tag, value, (struct tags){&priority, &no[0], &no[1]}, f);
    }
    const struct key *found = find_key(key);
    return found != NULL ? take_value(found, value, &config, f) : unknown_key(key, f);
}

enum result whatif_settings_take(const struct options *options,
                                 struct whatif_settings *ret_settings,
                                 struct failure *reterr_failure)
{
    memset(ret_settings, 0, sizeof *ret_settings);
    if (options->value_count == 0) {
        failure_set(reterr_failure, RESULT_INVALID, "nothing is set");
        return failure_hint(reterr_failure, "write --set lease_ttl=6s, as often as needed");
    }
    for (uint32_t i = 0; i < options->value_count; i++) {
        const enum result result = check_word(options->values[i], reterr_failure);
        if (result != RESULT_OK) {
            return result;
        }
        ret_settings->words[ret_settings->count++] = options->values[i];
    }
    return RESULT_OK;
}

bool whatif_settings_names(const struct whatif_settings *settings, const char *key)
{
    char name[KEY_SIZE];
    for (uint32_t i = 0; i < settings->count; i++) {
        if (split(settings->words[i], name) != NULL && strcmp(name, key) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- on a state ---- */

/* Those that are not of a node. */
static enum result configure(const struct whatif_settings *settings, struct config *config,
                             struct failure *f)
{
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < settings->count && result == RESULT_OK; i++) {
        char name[KEY_SIZE];
        const char *value = split(settings->words[i], name);
        const struct key *key = find_key(name);
        result = key != NULL ? take_value(key, value, config, f) : RESULT_OK;
    }
    return result;
}

static enum result apply_tag(const char *word, struct cluster *c, struct failure *f)
{
    char key[KEY_SIZE];
    char node[NAME_SIZE];
    const char *value = split(word, key);
    const char *tag = tag_of(key, node);
    if (tag == NULL) {
        return RESULT_OK;
    }
    const int32_t i = cluster_find_node(c, node);
    if (i < 0) {
        return failure_set(f, RESULT_NOT_FOUND, "%s has no node %s", c->name, node);
    }
    struct node *n = &c->nodes[i];
    return take_tag(tag, value, (struct tags){&n->failover_priority, &n->nofailover, &n->nosync},
                    f);
}

/* The lease follows from the probes, as in monitor.yaml, unless it is set itself. */
static void follow_probes(const struct whatif_settings *settings, struct cluster *c)
{
    static const char *const probes[] = {"probe_period", "probe_timeout",
                                         "probe_failure_threshold"};
    bool named = false;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        named = named || whatif_settings_names(settings, probes[i]);
    }
    if (named && !whatif_settings_names(settings, "lease_ttl")) {
        c->config.lease_ttl_ms =
                config_lease_ttl_ms(c->config.probe_period_ms, c->config.probe_timeout_ms,
                                    c->config.probe_failure_threshold);
    }
}

static void follow_lease(struct cluster *c, uint32_t before_ms)
{
    if (c->config.lease_ttl_ms != before_ms && c->lease.renewed) {
        c->lease.ttl_ms = c->config.lease_ttl_ms;
        c->lease.ttl_ms_max = c->config.lease_ttl_ms;
    }
}

/* As if commits had waited so for long: for the standbys that streamed. */
static void follow_synchronous(struct cluster *c)
{
    uint32_t count = 0;
    c->sync = (struct sync){.step = SYNC_NONE, .seq = c->sync.seq};
    const uint32_t waits = sync_wanted(c, sync_streaming(c, UINT32_MAX), &count);
    if (c->config.synchronous != SYNCHRONOUS_OFF && count > 0) {
        c->sync.step = SYNC_STEADY;
        c->sync.waits = waits;
        c->sync.count = count;
        c->sync.voters = waits;
        c->sync.quorum = sync_size(waits) - count + 1;
        c->sync.bound = true;
    }
}

/* The leader is taken to have known of it. */
static void follow_failover_mode(struct cluster *c)
{
    c->sealed_seq = c->config.failover_mode == FAILOVER_SEALED ? 1 : 0;
}

enum result whatif_settings_apply(const struct whatif_settings *settings, struct cluster *c,
                                  struct failure *reterr_failure)
{
    const struct config before = c->configured ? c->config : config_default();
    char wrong[CONFIG_TEXT_SIZE];
    c->config = before;
    c->configured = true;
    enum result result = configure(settings, &c->config, reterr_failure);
    for (uint32_t i = 0; i < settings->count && result == RESULT_OK; i++) {
        result = apply_tag(settings->words[i], c, reterr_failure);
    }
    if (result != RESULT_OK) {
        return result;
    }
    follow_probes(settings, c);
    if (!config_check(&c->config, wrong)) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s", wrong);
    }
    follow_lease(c, before.lease_ttl_ms);
    if (c->config.failover_mode != before.failover_mode) {
        follow_failover_mode(c);
    }
    if (c->config.synchronous != before.synchronous ||
        c->config.synchronous_count != before.synchronous_count) {
        follow_synchronous(c);
    }
    return RESULT_OK;
}

void whatif_settings_tag(const struct whatif_settings *settings, const char *node,
                         struct hello *hello)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        char key[KEY_SIZE];
        char name[NAME_SIZE];
        struct failure ignored;
        const char *value = split(settings->words[i], key);
        const char *tag = value != NULL ? tag_of(key, name) : NULL;
        if (tag != NULL && strcmp(name, node) == 0) {
            (void)!take_tag(
                    tag, value,
                    (struct tags){&hello->failover_priority, &hello->nofailover, &hello->nosync},
                    &ignored);
        }
    }
}

struct bucket_size whatif_settings_limit(const struct whatif_settings *settings,
                                         const struct cluster *c)
{
    struct config config = c->configured ? c->config : config_default();
    struct failure ignored; /* each word was checked when it was taken */
    (void)!configure(settings, &config, &ignored);
    return (struct bucket_size){config.failover_limit, config.failover_window_ms};
}
