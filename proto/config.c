/* SPDX-License-Identifier: PostgreSQL */
#include "config.h"

#include "limits.h"

#include <stdio.h>
#include <string.h>

uint32_t config_lease_ttl_ms(uint32_t period_ms, uint32_t timeout_ms, uint32_t threshold)
{
    uint64_t ttl_ms = (uint64_t)period_ms * threshold + timeout_ms;
    return ttl_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ttl_ms;
}

struct config config_default(void)
{
    return (struct config){
            .probe_period_ms = 1000,
            .probe_timeout_ms = 1000,
            .probe_failure_threshold = 2,
            .lease_ttl_ms = config_lease_ttl_ms(1000, 1000, 2),
            .switch_policy = SWITCH_MAXIMUM_AVAILABILITY,
            .synchronous = SYNCHRONOUS_QUORUM,
            .synchronous_count = 1,
            .maximum_lag_on_failover = UINT64_MAX,
            .failover_limit = 5,
            .failover_window_ms = 600000,
            .rebuild_limit = 10,
            .rebuild_window_ms = 3600000,
            .crash_policy = CRASH_FAILOVER,
            .primary_start_timeout_ms = 30000,
            .restart_limit = 5,
            .restart_window_ms = 600000,
    };
}

void config_fill(struct config *config)
{
    const struct config defaults = config_default();
    if (config->failover_limit == 0) {
        config->failover_limit = defaults.failover_limit;
        config->failover_window_ms = defaults.failover_window_ms;
    }
    if (config->rebuild_limit == 0) {
        config->rebuild_limit = defaults.rebuild_limit;
        config->rebuild_window_ms = defaults.rebuild_window_ms;
    }
    if (config->primary_start_timeout_ms == 0) {
        config->primary_start_timeout_ms = defaults.primary_start_timeout_ms;
    }
    if (config->restart_limit == 0) {
        config->restart_limit = defaults.restart_limit;
        config->restart_window_ms = defaults.restart_window_ms;
    }
}

uint32_t config_fast_ms(uint32_t lease_ttl_ms)
{
    return lease_ttl_ms / 16 < LEASE_FAST_MS_MAX ? lease_ttl_ms / 16 : LEASE_FAST_MS_MAX;
}

uint32_t config_demote_ms(uint32_t lease_ttl_ms)
{
    return config_fast_ms(lease_ttl_ms) + LEASE_IMMEDIATE_MS + LEASE_KILL_MS;
}

/* A duration of the configuration and its range. */
struct range {
    const char *name;
    uint32_t value_ms;
    uint32_t min_ms;
    uint32_t max_ms;
};

static bool check_ranges(const struct config *config, char *text)
{
    const struct range ranges[] = {
            {"probe_period", config->probe_period_ms, PROBE_PERIOD_MS_MIN, PROBE_PERIOD_MS_MAX},
            {"probe_timeout", config->probe_timeout_ms, PROBE_TIMEOUT_MS_MIN, PROBE_TIMEOUT_MS_MAX},
            {"lease_ttl", config->lease_ttl_ms, LEASE_TTL_MS_MIN, LEASE_TTL_MS_MAX},
            {"failover_window", config->failover_window_ms, BUCKET_WINDOW_MS_MIN,
             BUCKET_WINDOW_MS_MAX},
            {"rebuild_window", config->rebuild_window_ms, BUCKET_WINDOW_MS_MIN,
             BUCKET_WINDOW_MS_MAX},
            {"restart_window", config->restart_window_ms, BUCKET_WINDOW_MS_MIN,
             BUCKET_WINDOW_MS_MAX},
            {"primary_start_timeout", config->primary_start_timeout_ms,
             PRIMARY_START_TIMEOUT_MS_MIN, PRIMARY_START_TIMEOUT_MS_MAX},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct range *r = &ranges[i];
        if (r->value_ms < r->min_ms || r->value_ms > r->max_ms) {
            snprintf(text, CONFIG_TEXT_SIZE, "%s is %ums, and must be between %ums and %us",
                     r->name, (unsigned)r->value_ms, (unsigned)r->min_ms,
                     (unsigned)(r->max_ms / 1000));
            return false;
        }
    }
    return true;
}

/* What must happen within one lease, one after the other. */
static bool check_budget(const struct config *config, char *text)
{
    uint32_t twice_ms = 2 * LEASE_RENEW_MS_MIN;
    uint32_t renew_ms = config->probe_period_ms > twice_ms ? config->probe_period_ms : twice_ms;
    uint32_t fast_ms = config_fast_ms(config->lease_ttl_ms);
    uint32_t need_ms = renew_ms + config_demote_ms(config->lease_ttl_ms);
    if (config->lease_ttl_ms >= need_ms) {
        return true;
    }
    snprintf(text, CONFIG_TEXT_SIZE,
             "lease_ttl is %ums, and must hold a renewal each %ums (probe_period, or two in %ums), "
             "%ums for a fast shutdown, %ums for an immediate one and %ums for SIGKILL: %ums",
             (unsigned)config->lease_ttl_ms, (unsigned)config->probe_period_ms, (unsigned)twice_ms,
             (unsigned)fast_ms, (unsigned)LEASE_IMMEDIATE_MS, (unsigned)LEASE_KILL_MS,
             (unsigned)need_ms);
    return false;
}

static bool is_slot_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static uint32_t count_slot(const struct permanent_slots *slots, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        count += strcmp(slots->names[i], name) == 0 ? 1 : 0;
    }
    return count;
}

bool config_same_slots(const struct permanent_slots *a, const struct permanent_slots *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->names[i], b->names[i]) == 0;
    }
    return same;
}

static bool check_slots(const struct permanent_slots *slots, char *text)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        const char *name = slots->names[i];
        bool own = strncmp(name, "pgbaton_", 8) == 0;
        if (!is_slot_name(name) || own || count_slot(slots, name) != 1) {
            snprintf(text, CONFIG_TEXT_SIZE,
                     "permanent_slots: '%s' is not a name of a-z, 0-9 and '_' that stands there "
                     "once and does not begin with pgbaton_",
                     name);
            return false;
        }
    }
    return true;
}

bool config_same_logical(const struct logical_slots *a, const struct logical_slots *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        const struct logical_slot *x = &a->items[i];
        const struct logical_slot *y = &b->items[i];
        same = strcmp(x->name, y->name) == 0 && strcmp(x->database, y->database) == 0 &&
               strcmp(x->plugin, y->plugin) == 0;
    }
    return same;
}

static bool is_logical(const struct logical_slot *slot)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t plugin = strlen(slot->plugin);
    bool named = is_slot_name(slot->name) && strncmp(slot->name, "pgbaton_", 8) != 0;
    return named && slot->database[0] != '\0' && strchr(slot->database, '\'') == NULL &&
           strchr(slot->database, '\\') == NULL && plugin > 0 &&
           strspn(slot->plugin, letters) == plugin;
}

static bool check_logical(const struct config *config, char *text)
{
    const struct logical_slots *slots = &config->logical_slots;
    for (uint32_t i = 0; i < slots->count; i++) {
        const struct logical_slot *slot = &slots->items[i];
        uint32_t same = count_slot(&config->permanent_slots, slot->name);
        for (uint32_t k = 0; k < slots->count; k++) {
            same += strcmp(slots->items[k].name, slot->name) == 0 ? 1 : 0;
        }
        if (!is_logical(slot) || same != 1) {
            snprintf(text, CONFIG_TEXT_SIZE,
                     "permanent_logical_slots: '%s' needs a name of a-z, 0-9 and '_' that no other "
                     "slot has and that does not begin with pgbaton_, a database and a plugin",
                     slot->name);
            return false;
        }
    }
    return true;
}

bool config_same_remote(const struct standby_cluster *a, const struct standby_cluster *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port &&
           strcmp(a->primary_slot, b->primary_slot) == 0;
}

/* What a connection string takes without quotes: names and addresses, with commas between. */
static bool is_host_list(const char *text)
{
    static const char allowed[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_";
    bool empty = true;
    for (const char *at = text; *at != '\0'; at++) {
        bool comma = *at == ',';
        if ((comma && empty) || (!comma && strchr(allowed, *at) == NULL)) {
            return false;
        }
        empty = comma;
    }
    return !empty;
}

static bool check_standby(const struct standby_cluster *standby, char *text)
{
    if (standby->host[0] == '\0' && (standby->port != 0 || standby->primary_slot[0] != '\0')) {
        snprintf(text, CONFIG_TEXT_SIZE, "standby_cluster: host is missing");
        return false;
    }
    if (standby->host[0] == '\0') {
        return true;
    }
    if (!is_host_list(standby->host) || standby->port == 0) {
        snprintf(text, CONFIG_TEXT_SIZE,
                 "standby_cluster: host must be names or addresses with commas between them, and "
                 "port a number from 1 to 65535");
        return false;
    }
    if (standby->primary_slot[0] != '\0' && !is_slot_name(standby->primary_slot)) {
        snprintf(text, CONFIG_TEXT_SIZE,
                 "standby_cluster: primary_slot_name '%s' is not a name of a-z, 0-9 and '_'",
                 standby->primary_slot);
        return false;
    }
    return true;
}

bool config_check(const struct config *config, char ret_text[CONFIG_TEXT_SIZE])
{
    if (config->probe_failure_threshold < 1 ||
        config->probe_failure_threshold > PROBE_FAILURE_THRESHOLD_MAX) {
        snprintf(ret_text, CONFIG_TEXT_SIZE, "probe_failure_threshold must be between 1 and %d",
                 PROBE_FAILURE_THRESHOLD_MAX);
        return false;
    }
    if ((unsigned)config->switch_policy >= SWITCH_POLICY_COUNT) {
        snprintf(ret_text, CONFIG_TEXT_SIZE,
                 "switch_policy must be MaximumAvailability, MaximumDataProtection or Noop");
        return false;
    }
    if ((unsigned)config->crash_policy >= CRASH_POLICY_COUNT) {
        snprintf(ret_text, CONFIG_TEXT_SIZE, "crash_policy must be failover or restart");
        return false;
    }
    if (config->failover_limit < 1 || config->failover_limit > BUCKET_LIMIT_MAX ||
        config->rebuild_limit < 1 || config->rebuild_limit > BUCKET_LIMIT_MAX ||
        config->restart_limit < 1 || config->restart_limit > BUCKET_LIMIT_MAX) {
        snprintf(ret_text, CONFIG_TEXT_SIZE,
                 "failover_limit, rebuild_limit and restart_limit must be between 1 and %d",
                 BUCKET_LIMIT_MAX);
        return false;
    }
    if (config->synchronous != SYNCHRONOUS_OFF &&
        (config->synchronous_count < 1 || config->synchronous_count > NODE_COUNT_MAX)) {
        snprintf(ret_text, CONFIG_TEXT_SIZE, "synchronous_count must be between 1 and %d",
                 NODE_COUNT_MAX);
        return false;
    }
    if ((unsigned)config->failover_mode >= FAILOVER_MODE_COUNT ||
        (config->failover_mode == FAILOVER_SEALED && config->synchronous == SYNCHRONOUS_OFF)) {
        snprintf(ret_text, CONFIG_TEXT_SIZE,
                 "failover_mode: sealed needs synchronous: quorum or strict; without it a failover "
                 "must wait for the lease");
        return false;
    }
    return check_ranges(config, ret_text) && check_budget(config, ret_text) &&
           check_slots(&config->permanent_slots, ret_text) && check_logical(config, ret_text) &&
           check_standby(&config->standby, ret_text);
}
