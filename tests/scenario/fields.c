/* SPDX-License-Identifier: PostgreSQL */
#include "fields.h"

#include "scene.h"

#include <stdlib.h>
#include <string.h>

static bool parse_number(const char *text, struct fields *f, uint64_t *ret_value)
{
    (void)f;
    char *end = NULL;
    *ret_value = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

/* Reads "0/3000060" and moves *text behind it. */
static bool take_lsn(const char **text, uint64_t *ret_lsn)
{
    char *end = NULL;
    const uint64_t high = strtoull(*text, &end, 16);
    if (end == *text || *end != '/') {
        return false;
    }
    const char *low_text = end + 1;
    const uint64_t low = strtoull(low_text, &end, 16);
    *ret_lsn = high << 32 | low;
    *text = end;
    return end != low_text;
}

static bool parse_lsn(const char *text, struct fields *f, uint64_t *ret_value)
{
    (void)f;
    return take_lsn(&text, ret_value) && *text == '\0';
}

static bool parse_history(const char *text, struct fields *f, uint64_t *ret_value)
{
    struct history *history = &f->history;
    while (history->count < HISTORY_COUNT_MAX) {
        struct history_entry *entry = &history->entries[history->count];
        char *end = NULL;
        entry->timeline = (uint32_t)strtoul(text, &end, 10);
        const char *lsn_text = end + 1;
        if (*end != ':' || !take_lsn(&lsn_text, &entry->switch_lsn)) {
            return false;
        }
        history->count++;
        *ret_value = history->count;
        if (*lsn_text != ',') {
            return *lsn_text == '\0';
        }
        text = lsn_text + 1;
    }
    return false;
}

static bool parse_state(const char *text, struct fields *f, uint64_t *ret_value)
{
    (void)f;
    for (*ret_value = 0; *ret_value < NODE_STATE_COUNT; ++*ret_value) {
        if (strcmp(node_state_name((enum node_state) * ret_value), text) == 0) {
            return true;
        }
    }
    return false;
}

static bool parse_reason(const char *text, struct fields *f, uint64_t *ret_value)
{
    (void)f;
    for (*ret_value = 0; *ret_value < REASON_COUNT; ++*ret_value) {
        if (strcmp(reason_name((enum reason) * ret_value), text) == 0) {
            return true;
        }
    }
    return false;
}

static bool parse_task(const char *text, struct fields *f, uint64_t *ret_value)
{
    (void)f;
    for (*ret_value = 0; *ret_value < TASK_COUNT; ++*ret_value) {
        if (strcmp(task_name((enum task) * ret_value), text) == 0) {
            return true;
        }
    }
    return false;
}

struct field_row {
    const char *name;
    bool (*parse)(const char *text, struct fields *f, uint64_t *ret_value);
};

static const struct field_row FIELDS[] = {
        [FIELD_STATE] = {"state", parse_state},
        [FIELD_REASON] = {"reason", parse_reason},
        [FIELD_TASK] = {"task", parse_task},
        [FIELD_TIMELINE] = {"timeline", parse_number},
        [FIELD_LSN] = {"lsn", parse_lsn},
        [FIELD_REPLAY] = {"replay", parse_lsn},
        [FIELD_SYSTEM] = {"system", parse_number},
        [FIELD_SEALED] = {"sealed", parse_number},
        [FIELD_STREAMING] = {"streaming", parse_number},
        [FIELD_CLEAN] = {"clean", parse_number},
        [FIELD_WAS_PRIMARY] = {"was_primary", parse_number},
        [FIELD_FAILURES] = {"failures", parse_number},
        [FIELD_ELECTION] = {"election", parse_number},
        [FIELD_TERM] = {"term", parse_number},
        [FIELD_DIRECTIVE] = {"directive", parse_number},
        [FIELD_PERCENT] = {"percent", parse_number},
        [FIELD_DURATION] = {"duration", parse_number},
        [FIELD_TTL] = {"ttl", parse_number},
        [FIELD_LIFTED] = {"lifted", parse_number},
        [FIELD_RESTART] = {"restart", parse_number},
        [FIELD_AGE] = {"age", parse_number},
        [FIELD_KILLED] = {"killed", parse_number},
        [FIELD_PRIORITY] = {"priority", parse_number},
        [FIELD_LOST] = {"lost", parse_number},
        [FIELD_ANCHOR] = {"anchor", parse_number},
        [FIELD_FORGETFUL] = {"forgetful", parse_number},
        [FIELD_MEMBERS] = {"members", parse_number},
        [FIELD_NOFAILOVER] = {"nofailover", parse_number},
        [FIELD_INCARNATION] = {"incarnation", parse_number},
        [FIELD_COUNTER] = {"counter", parse_number},
        [FIELD_HISTORY] = {"history", parse_history},
};
_Static_assert(sizeof(FIELDS) / sizeof(FIELDS[0]) == FIELD_COUNT, "a row for each field");

static bool parse_one(struct fields *f, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return false;
    }
    const size_t length = (size_t)(equals - text);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strlen(FIELDS[i].name) == length && strncmp(FIELDS[i].name, text, length) == 0) {
            f->given[i] = true;
            return FIELDS[i].parse(equals + 1, f, &f->values[i]);
        }
    }
    return false;
}

void fields_parse(struct fields *ret_fields, char *const *words, size_t count)
{
    memset(ret_fields, 0, sizeof(*ret_fields));
    for (size_t i = 0; i < count; i++) {
        if (!parse_one(ret_fields, words[i])) {
            scene_die("not a field: %s", words[i]);
        }
    }
}

bool fields_has(const struct fields *f, enum field field)
{
    return f->given[field];
}

uint64_t fields_get(const struct fields *f, enum field field, uint64_t otherwise)
{
    return f->given[field] ? f->values[field] : otherwise;
}

void fields_restart(const struct fields *f, uint64_t now_ms, struct restart *ret_restart)
{
    *ret_restart = (struct restart){.number = (uint32_t)fields_get(f, FIELD_RESTART, 0)};
    if (ret_restart->number != 0) {
        ret_restart->reason = (enum reason)fields_get(f, FIELD_REASON, REASON_POSTMASTER_DIED);
        ret_restart->age_ms = fields_get(f, FIELD_AGE, now_ms);
    }
}
