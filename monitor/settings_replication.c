/* SPDX-License-Identifier: PostgreSQL */
#include "settings_replication.h"

#include <string.h>

#define OPTIONAL_VALUE (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

/* clang-format off */
const cyaml_schema_field_t settings_standby_fields[] = {
    CYAML_FIELD_STRING_PTR("host", OPTIONAL_VALUE, struct raw_standby, host, 0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT_PTR("port", OPTIONAL_VALUE, struct raw_standby, port),
    CYAML_FIELD_STRING_PTR("primary_slot_name", OPTIONAL_VALUE, struct raw_standby,
                           primary_slot_name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t logical_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct raw_logical, name, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("database", CYAML_FLAG_POINTER, struct raw_logical, database, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("plugin", CYAML_FLAG_POINTER, struct raw_logical, plugin, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t settings_logical_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_logical, logical_fields),
};
/* clang-format on */

static enum result take_word(const char *key, const char *text, char *ret_text, size_t size,
                             struct failure *f)
{
    const size_t length = text != NULL ? strlen(text) : 0;
    if (text != NULL && (length == 0 || length >= size)) {
        return failure_set(f, RESULT_INVALID, "%s must have 1 to %zu bytes", key, size - 1);
    }
    if (text != NULL) {
        memcpy(ret_text, text, length + 1);
    }
    return RESULT_OK;
}

/* The remote's usual port. */
#define STANDBY_PORT 5432

static enum result take_standby(const struct raw_standby *raw, struct standby_cluster *standby,
                                struct failure *f)
{
    enum result result =
            take_word("standby_cluster: host", raw->host, standby->host, sizeof(standby->host), f);
    if (result == RESULT_OK) {
        result = take_word("standby_cluster: primary_slot_name", raw->primary_slot_name,
                           standby->primary_slot, sizeof(standby->primary_slot), f);
    }
    const bool named = standby->host[0] != '\0';
    standby->port = raw->port != NULL ? *raw->port : named ? STANDBY_PORT : 0;
    return result;
}

static enum result take_logical(const struct raw_replication *raw, struct logical_slots *slots,
                                struct failure *f)
{
    static const char key[] = "permanent_logical_slots";
    enum result result = RESULT_OK;
    slots->count = raw->logical_count;
    for (unsigned i = 0; result == RESULT_OK && i < raw->logical_count; i++) {
        struct logical_slot *slot = &slots->items[i];
        result = take_word(key, raw->logical[i].name, slot->name, sizeof(slot->name), f);
        if (result == RESULT_OK) {
            result = take_word(key, raw->logical[i].database, slot->database,
                               sizeof(slot->database), f);
        }
        if (result == RESULT_OK) {
            result = take_word(key, raw->logical[i].plugin, slot->plugin, sizeof(slot->plugin), f);
        }
    }
    return result;
}

enum result settings_take_replication(const struct raw_replication *raw, struct config *config,
                                      struct failure *reterr_failure)
{
    const enum result result =
            take_standby(&raw->standby_cluster, &config->standby, reterr_failure);
    return result == RESULT_OK ? take_logical(raw, &config->logical_slots, reterr_failure) : result;
}
