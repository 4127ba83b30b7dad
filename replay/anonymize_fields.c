/* SPDX-License-Identifier: PostgreSQL */
/* What becomes of each field of an event that holds bytes, and of the numbers that are names. */
#include "anonymize.h"

#include <string.h>

/* One that has its own limit. */
struct row {
    const char *message;
    const char *field;
    enum treatment treatment;
    size_t capacity; /* without a NUL; 0: any */
};

static const struct row rows[] = {
        {"Event", "cluster", TREAT_CLUSTER, 0},
        {"Event", "writer", TREAT_WRITER, 0},
        {"Anchor", "system_id", TREAT_SYSTEM, 0},
        {"Decision", "prev_hash", TREAT_HASH, 0},
        {"Decision", "digest", TREAT_LATER, 0},
        {"Decision", "rule", TREAT_KEEP, 0},
        {"ReplicaRow", "name", TREAT_APPLICATION, 0},
        {"Probe", "system_id", TREAT_SYSTEM, 0},
        {"Probe", "source_host", TREAT_HOSTS, 0},
        {"SettingsNote", "pending", TREAT_SETTINGS, SETTINGS_NAMES_SIZE - 1},
        {"SettingsNote", "refused", TREAT_SETTINGS, SETTINGS_NAMES_SIZE - 1},
        {"SettingsNote", "own", TREAT_SETTINGS, SETTINGS_NAMES_SIZE - 1},
        {"Renew", "electable", TREAT_NODE, 0},
        {"Hello", "host", TREAT_HOSTS, 0},
        {"Hello", "port", TREAT_PORT, 0},
        {"Hello", "agent_port", TREAT_PORT, 0},
        {"TaskReport", "text", TREAT_TEXT, TEXT_SIZE - 1},
        {"Candidate", "node", TREAT_NODE, 0},
        {"Grant", "node", TREAT_NODE, 0},
        {"Grant", "waits", TREAT_NODE, 0},
        {"Directive", "node", TREAT_NODE, 0},
        {"Directive", "text", TREAT_TEXT, TEXT_SIZE - 1},
        {"Config", "permanent_slots", TREAT_SLOT, 0},
        {"Config", "standby_host", TREAT_HOSTS, 0},
        {"Config", "standby_port", TREAT_PORT, 0},
        {"Config", "standby_primary_slot", TREAT_SLOT, 0},
        {"LogicalSlot", "name", TREAT_SLOT, 0},
        {"LogicalSlot", "database", TREAT_DATABASE, 0},
        {"LogicalSlot", "plugin", TREAT_PLUGIN, 0},
        {"NoCandidate", "node", TREAT_NODE, 0},
        {"Request", "node", TREAT_NODE, 0},
        {"Request", "parameters", TREAT_PARAMETER, 0},
        {"SwitchoverStep", "node", TREAT_NODE, 0},
        {"Order", "node", TREAT_NODE, 0},
        {"SyncSet", "waits", TREAT_NODE, 0},
        {"SyncSet", "voters", TREAT_NODE, 0},
        {"Snapshot", "digest", TREAT_LATER, 0},
        {"Snapshot", "state", TREAT_LATER, 0},
        {"Snapshot", "last_hash", TREAT_HASH, 0},
};

static const struct row *find(const struct codec_field *field)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].field, field->name) == 0 &&
            strcmp(rows[i].message, field->message) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool anonymize_treatment(const struct codec_field *field, enum treatment *ret_treatment)
{
    const struct row *row = find(field);
    *ret_treatment = row != NULL ? row->treatment : TREAT_KEEP;
    return row != NULL || field->type == CODEC_FIELD_NUMBER;
}

enum codec_verdict anonymize_field(void *context, const struct codec_field *field,
                                   struct codec_replacement *ret_new)
{
    struct anonymizer *a = context;
    const struct row *row = find(field);
    if (row == NULL) {
        a->failed = a->failed || field->type != CODEC_FIELD_NUMBER;
        return a->failed ? CODEC_FIELD_REFUSED : CODEC_FIELD_KEPT;
    }
    const size_t capacity = row->capacity != 0 ? row->capacity : CODEC_REPLACEMENT_BYTES - 1;
    return anonymize_value(a, row->treatment, field, capacity, ret_new);
}
