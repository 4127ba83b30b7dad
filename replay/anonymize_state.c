/* SPDX-License-Identifier: PostgreSQL */
/* The names in a state, field by field as state_fields.h has them. */
#include "../proto/state_fields.h"
#include "anonymize.h"

#include <string.h>

#define WHOLE SIZE_MAX /* a field of struct cluster itself */

/* A field; of a list, one of its items', which begins at that offset of struct cluster. */
struct row {
    size_t list;
    size_t offset;
    enum treatment treatment;
};

#define OF_CLUSTER(member, treatment)                                                              \
    {                                                                                              \
        WHOLE, offsetof(struct cluster, member), treatment                                         \
    }
#define OF_NODE(member, treatment)                                                                 \
    {                                                                                              \
        offsetof(struct cluster, nodes), offsetof(struct node, member), treatment                  \
    }
#define OF_LOGICAL(member, treatment)                                                              \
    {                                                                                              \
        offsetof(struct cluster, config.logical_slots.items),                                      \
                offsetof(struct logical_slot, member), treatment                                   \
    }

static const struct row rows[] = {
        OF_CLUSTER(name, TREAT_CLUSTER),
        OF_CLUSTER(decision_hash, TREAT_HASH),
        OF_CLUSTER(config.standby.host, TREAT_HOSTS),
        OF_CLUSTER(config.standby.port, TREAT_PORT),
        OF_CLUSTER(config.standby.primary_slot, TREAT_SLOT),
        OF_CLUSTER(system_id, TREAT_SYSTEM),
        OF_CLUSTER(grant_hash, TREAT_HASH),
        OF_CLUSTER(change.from, TREAT_NODE),
        OF_CLUSTER(change.to, TREAT_NODE),
        OF_CLUSTER(pending.writer, TREAT_OPERATOR),
        OF_CLUSTER(pending.node, TREAT_NODE),
        OF_CLUSTER(closed.node, TREAT_NODE),
        OF_CLUSTER(asked.writer, TREAT_OPERATOR),
        OF_CLUSTER(asked.node, TREAT_NODE),
        OF_CLUSTER(asked.change.bytes, TREAT_PARAMETER),
        OF_CLUSTER(answered.node, TREAT_NODE),
        OF_CLUSTER(licence.writer, TREAT_OPERATOR),
        OF_CLUSTER(pause.writer, TREAT_OPERATOR),
        OF_CLUSTER(parameters.writer, TREAT_OPERATOR),
        OF_CLUSTER(parameters.bytes, TREAT_PARAMETER),
        OF_NODE(name, TREAT_NODE),
        OF_NODE(host, TREAT_HOSTS),
        OF_NODE(port, TREAT_PORT),
        OF_NODE(agent_port, TREAT_PORT),
        OF_NODE(system_id, TREAT_SYSTEM),
        OF_NODE(failed_text, TREAT_TEXT),
        OF_LOGICAL(name, TREAT_SLOT),
        OF_LOGICAL(database, TREAT_DATABASE),
        OF_LOGICAL(plugin, TREAT_PLUGIN),
        {offsetof(struct cluster, config.permanent_slots.names), 0, TREAT_SLOT},
};

static const struct row *find(size_t list, size_t offset)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].list == list && rows[i].offset == offset) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool holds_bytes(enum field_kind kind)
{
    return kind != FIELD_NUMBER && kind != FIELD_SIGNED && kind != FIELD_ITEMS;
}

static size_t missing_in(const struct items *items, size_t list)
{
    size_t count = 0;
    for (size_t i = 0; i < items->field_count; i++) {
        const struct field *f = &items->fields[i];
        count += holds_bytes(f->kind) && find(list, f->offset) == NULL ? 1 : 0;
    }
    return count;
}

size_t anonymize_state_missing(void)
{
    size_t count = missing_in(&state_fields, WHOLE);
    for (size_t i = 0; i < state_fields.field_count; i++) {
        const struct field *f = &state_fields.fields[i];
        count += f->kind == FIELD_ITEMS ? missing_in(f->items, f->offset) : 0;
    }
    return count;
}

/* ---- one field ---- */

static uint64_t load(const char *at, size_t size)
{
    uint16_t small = 0;
    uint64_t large = 0;
    if (size == sizeof small) {
        memcpy(&small, at, sizeof small);
        return small;
    }
    memcpy(&large, at, sizeof large);
    return large;
}

static void store(char *at, size_t size, uint64_t value)
{
    const uint16_t small = (uint16_t)value;
    memcpy(at, size == sizeof small ? (const void *)&small : (const void *)&value, size);
}

/* Ports and system identifiers. */
static bool take_number(struct anonymizer *a, enum treatment treatment, char *at, size_t size)
{
    struct codec_replacement new;
    const struct codec_field field = {.type = CODEC_FIELD_NUMBER, .number = load(at, size)};
    if (field.number == 0) {
        return true;
    }
    const enum codec_verdict verdict =
            anonymize_value(a, treatment, &field, CODEC_REPLACEMENT_BYTES - 1, &new);
    if (verdict == CODEC_FIELD_REPLACED) {
        store(at, size, new.number);
    }
    return verdict != CODEC_FIELD_REFUSED;
}

static bool take_text(struct anonymizer *a, enum treatment treatment, char *at, size_t size)
{
    struct codec_replacement new;
    const bool hash = treatment == TREAT_HASH;
    const size_t length = hash ? size : strnlen(at, size);
    const struct codec_field field = {.bytes = at, .size = length};
    if (length == 0) {
        return true;
    }
    const size_t capacity = treatment == TREAT_TEXT ? size - 1 : CODEC_REPLACEMENT_BYTES - 1;
    const enum codec_verdict verdict = anonymize_value(a, treatment, &field, capacity, &new);
    if (verdict != CODEC_FIELD_REPLACED) {
        return verdict == CODEC_FIELD_KEPT;
    }
    if (new.size > size - (hash ? 0 : 1)) {
        return false;
    }
    memset(at, 0, size);
    memcpy(at, new.bytes, new.size);
    return true;
}

/* ---- parameters: packed texts, sorted by name ---- */

static bool put_parameter(struct parameter_change *change, char *text)
{
    char *equals = strchr(text, '=');
    if (equals != NULL) {
        *equals = '\0';
    }
    return parameters_put(change, text, equals != NULL ? equals + 1 : NULL);
}

/* False: no room. */
static bool put_to_state(struct parameters *p, char *text)
{
    struct parameter_change change = {0};
    if (!put_parameter(&change, text) || parameters_objection(p, &change) != REASON_NONE) {
        return false;
    }
    parameters_apply(p, &change);
    return true;
}

static bool replace_parameter(struct anonymizer *a, const struct parameter *item,
                              struct codec_replacement *ret_new)
{
    const struct codec_field field = {.bytes = item->text, .size = strlen(item->text)};
    const enum codec_verdict verdict =
            anonymize_value(a, TREAT_PARAMETER, &field, CODEC_REPLACEMENT_BYTES - 1, ret_new);
    ret_new->bytes[verdict == CODEC_FIELD_REPLACED ? ret_new->size : 0] = '\0';
    return verdict != CODEC_FIELD_REFUSED;
}

static bool take_parameters(struct anonymizer *a, struct parameters *p)
{
    struct parameters next = *p;
    struct parameter item;
    struct codec_replacement new;
    bool good = true;
    memset(next.bytes, 0, sizeof next.bytes);
    next.size = 0;
    for (uint32_t at = 0; good && parameters_next(p->bytes, p->size, &at, &item);) {
        good = replace_parameter(a, &item, &new) && (a->learning || put_to_state(&next, new.bytes));
    }
    if (good && !a->learning) {
        *p = next;
    }
    return good;
}

static bool take_change(struct anonymizer *a, struct parameter_change *change)
{
    struct parameter_change next = {0};
    struct parameter item;
    struct codec_replacement new;
    bool good = true;
    for (uint32_t at = 0; good && parameters_next(change->bytes, change->size, &at, &item);) {
        good = replace_parameter(a, &item, &new) &&
               (a->learning || put_parameter(&next, new.bytes));
    }
    if (good && !a->learning) {
        *change = next;
    }
    return good;
}

/* ---- all ---- */

static bool take(struct anonymizer *a, const struct row *row, const struct field *f, char *base)
{
    if (f->kind == FIELD_PACKED) {
        return true; /* whole: below */
    }
    if (f->kind == FIELD_NUMBER) {
        return take_number(a, row->treatment, base + f->offset, f->size);
    }
    return take_text(a, row->treatment, base + f->offset, f->size);
}

static bool take_fields(struct anonymizer *a, const struct items *items, size_t list, char *base)
{
    for (size_t i = 0; i < items->field_count; i++) {
        const struct field *f = &items->fields[i];
        const struct row *row = f->kind != FIELD_ITEMS ? find(list, f->offset) : NULL;
        const bool good = row != NULL ? take(a, row, f, base) : !holds_bytes(f->kind);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool take_items(struct anonymizer *a, const struct field *f, char *base)
{
    uint32_t count = 0;
    if (f->count == 0) {
        return true; /* counters */
    }
    memcpy(&count, base + f->count, sizeof count);
    for (size_t i = 0; i < count && i < f->limit; i++) {
        if (!take_fields(a, f->items, f->offset, base + f->offset + i * f->items->size)) {
            return false;
        }
    }
    return true;
}

bool anonymize_state(struct anonymizer *a, struct cluster *c)
{
    bool good = take_fields(a, &state_fields, WHOLE, (char *)c);
    for (size_t i = 0; i < state_fields.field_count && good; i++) {
        const struct field *f = &state_fields.fields[i];
        good = f->kind != FIELD_ITEMS || take_items(a, f, (char *)c);
    }
    return good && take_parameters(a, &c->parameters) && take_change(a, &c->asked.change);
}
