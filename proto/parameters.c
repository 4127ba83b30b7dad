/* SPDX-License-Identifier: PostgreSQL */
#include "parameters.h"

#include <assert.h>
#include <string.h>

const char *const parameters_owned[] = {
        "cluster_name",
        "data_sync_retry",
        "fsync",
        "full_page_writes",
        "hot_standby",
        "listen_addresses",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "promote_trigger_file",
        "recovery_target_timeline",
        "restart_after_crash",
        "synchronous_standby_names",
        "unix_socket_directories",
        "wal_retrieve_retry_interval",
        NULL,
};

const char *const parameters_targets[] = {
        "recovery_target",           "recovery_target_action",
        "recovery_target_inclusive", "recovery_target_lsn",
        "recovery_target_name",      "recovery_target_time",
        "recovery_target_xid",       NULL,
};

/* Where a node's files are, and what is no parameter. */
static const char *const places[] = {
        "config_file", "data_directory", "external_pid_file", "hba_file", "ident_file",
        "include",     "include_dir",    "include_if_exists", NULL,
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (same_word(name, *names)) {
            return true;
        }
    }
    return false;
}

bool parameters_is_own(const char *name)
{
    return is_one_of(name, parameters_owned) || is_one_of(name, parameters_targets);
}

/* ---- texts ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* Of the name that text begins with; 0 when it begins with none. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    while (length < PARAMETER_NAME_SIZE && is_name_byte(text[length])) {
        length++;
    }
    bool begins_well = (text[0] >= 'a' && text[0] <= 'z') || text[0] == '_';
    return begins_well && length < PARAMETER_NAME_SIZE ? length : 0;
}

static bool is_value(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

bool parameters_next(const char *bytes, uint32_t size, uint32_t *at, struct parameter *ret_item)
{
    if (*at >= size) {
        return false;
    }
    const char *text = bytes + *at;
    size_t length = name_length(text);
    *at += (uint32_t)strnlen(text, size - *at) + 1;
    ret_item->text = text;
    memcpy(ret_item->name, text, length);
    ret_item->name[length] = '\0';
    ret_item->value = text[length] == '=' ? text + length + 1 : NULL;
    return true;
}

const char *parameters_find(const struct parameters *p, const char *name)
{
    struct parameter item;
    for (uint32_t at = 0; parameters_next(p->bytes, p->size, &at, &item);) {
        if (strcmp(item.name, name) == 0) {
            return item.value;
        }
    }
    return NULL;
}

static bool is_packed(const char *bytes, uint32_t size, uint32_t count_max)
{
    struct parameter item;
    char before[PARAMETER_NAME_SIZE] = "";
    uint32_t count = 0;
    if (size > 0 && bytes[size - 1] != '\0') {
        return false;
    }
    for (uint32_t at = 0; parameters_next(bytes, size, &at, &item);) {
        bool ends = item.value != NULL || strcmp(item.text, item.name) == 0;
        bool right = item.name[0] != '\0' && ends && is_value(item.text);
        if (!right || strcmp(before, item.name) >= 0 || ++count > count_max) {
            return false;
        }
        memcpy(before, item.name, sizeof before);
    }
    return true;
}

bool parameters_change_is_valid(const struct parameter_change *change)
{
    return change->size <= PARAMETER_CHANGE_BYTES &&
           is_packed(change->bytes, change->size, PARAMETER_CHANGE_MAX);
}

bool parameters_are_valid(const struct parameters *p)
{
    return p->size <= PARAMETERS_BYTES_MAX && is_packed(p->bytes, p->size, UINT32_MAX);
}

/* ---- merging ---- */

struct target {
    char *bytes;
    size_t capacity;
    size_t size;
    bool overflow;
};

static void add_bytes(struct target *t, const char *bytes, size_t size)
{
    if (size > t->capacity - t->size) {
        t->overflow = true;
        return;
    }
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static void add(struct target *t, const struct parameter *item)
{
    add_bytes(t, item->text, strlen(item->text) + 1);
}

/* Two sorted lists, of which the second goes before the first; what is taken back is left out. */
static bool merge(const struct parameters *p, const struct parameter_change *change,
                  struct target *t)
{
    struct parameter old;
    struct parameter new;
    uint32_t old_at = 0;
    uint32_t new_at = 0;
    bool has_old = parameters_next(p->bytes, p->size, &old_at, &old);
    bool has_new = parameters_next(change->bytes, change->size, &new_at, &new);
    while (has_old || has_new) {
        int order = !has_old ? 1 : !has_new ? -1 : strcmp(old.name, new.name);
        if (order < 0) {
            add(t, &old);
        } else if (new.value != NULL) {
            add(t, &new);
        }
        has_old = order <= 0 ? parameters_next(p->bytes, p->size, &old_at, &old) : has_old;
        has_new =
                order >= 0 ? parameters_next(change->bytes, change->size, &new_at, &new) : has_new;
    }
    return !t->overflow;
}

void parameters_apply(struct parameters *p, const struct parameter_change *change)
{
    struct parameters old = *p;
    struct target t = {.bytes = p->bytes, .capacity = sizeof p->bytes};
    memset(p->bytes, 0, sizeof p->bytes);
    bool fits = merge(&old, change, &t);
    assert(fits);
    p->size = (uint32_t)t.size;
}

/* The change without name, then a text in the place where it belongs. */
bool parameters_put(struct parameter_change *change, const char *name, const char *value)
{
    struct parameter_change old = *change;
    struct target t = {.bytes = change->bytes, .capacity = sizeof change->bytes};
    struct parameter item;
    bool placed = false;
    uint32_t at = 0;
    bool more = parameters_next(old.bytes, old.size, &at, &item);
    while (more || !placed) {
        int order = more ? strcmp(item.name, name) : 1;
        if (order > 0 && !placed) {
            add_bytes(&t, name, strlen(name) + (value == NULL ? 1 : 0));
            add_bytes(&t, "=", value != NULL ? 1 : 0);
            add_bytes(&t, value != NULL ? value : "", value != NULL ? strlen(value) + 1 : 0);
            placed = true;
        }
        if (more && order != 0) {
            add(&t, &item);
        }
        more = more && parameters_next(old.bytes, old.size, &at, &item);
    }
    change->size = (uint32_t)t.size;
    if (t.overflow || !parameters_change_is_valid(change)) {
        *change = old;
        return false;
    }
    memset(change->bytes + t.size, 0, sizeof change->bytes - t.size);
    return true;
}

/* ---- what may be set ---- */

bool parameters_may_set(const char *name, const char *value)
{
    bool ours = strncmp(name, "pgbaton.", 8) == 0 || strncmp(name, "pgbaton_fence.", 14) == 0;
    if (ours || parameters_is_own(name) || is_one_of(name, places)) {
        return false;
    }
    if (strcmp(name, "max_wal_senders") == 0 || strcmp(name, "max_replication_slots") == 0) {
        return strcmp(value, "0") != 0;
    }
    return strcmp(name, "wal_level") != 0 || strcmp(value, "replica") == 0 ||
           strcmp(value, "logical") == 0;
}

static bool is_allowed(const struct parameter_change *change)
{
    struct parameter item;
    for (uint32_t at = 0; parameters_next(change->bytes, change->size, &at, &item);) {
        if (item.value != NULL && !parameters_may_set(item.name, item.value)) {
            return false;
        }
    }
    return true;
}

enum reason parameters_objection(const struct parameters *p, const struct parameter_change *change)
{
    struct parameters next = {0};
    struct target t = {.bytes = next.bytes, .capacity = sizeof next.bytes};
    if (!is_allowed(change)) {
        return REASON_PARAMETER_FORBIDDEN;
    }
    if (!merge(p, change, &t)) {
        return REASON_PARAMETERS_FULL;
    }
    bool same = t.size == p->size && memcmp(p->bytes, next.bytes, t.size) == 0;
    return same ? REASON_NO_CHANGE : REASON_NONE;
}
