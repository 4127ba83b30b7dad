/* SPDX-License-Identifier: PostgreSQL */
#include "codec_fields.h"

#include "codec_body.h"

#include <string.h>

/* Messages within one event: lists of candidates, replicas and the like, with their positions. */
#define MESSAGE_COUNT_MAX 256
/* Message types of the schema. */
#define TYPE_COUNT_MAX 64

struct rewriting {
    codec_field_fn replace;
    void *context;
    ProtobufCAllocator allocator;
    enum event_kind kind;
    size_t message_count;
    ProtobufCMessage *messages[MESSAGE_COUNT_MAX]; /* found, and to be looked at */
};

/* ---- the schema ---- */

/* False for what is not visited. */
static bool type_of(const ProtobufCFieldDescriptor *field, enum codec_field_type *ret_type)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *ret_type = CODEC_FIELD_TEXT;
        return true;
    case PROTOBUF_C_TYPE_BYTES:
        *ret_type = CODEC_FIELD_BYTES;
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FIXED64:
        *ret_type = CODEC_FIELD_NUMBER;
        return true;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return false;
}

static bool is_known(const ProtobufCMessageDescriptor *const *types, size_t count,
                     const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

bool codec_fields_list(void (*visit)(void *context, const struct codec_field *field), void *context)
{
    const ProtobufCMessageDescriptor *types[TYPE_COUNT_MAX] = {&pgbaton__event__descriptor};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < types[i]->n_fields; k++) {
            const ProtobufCFieldDescriptor *f = &types[i]->fields[k];
            struct codec_field field = {.message = types[i]->short_name, .name = f->name};
            if (type_of(f, &field.type)) {
                visit(context, &field);
            }
            if (f->type != PROTOBUF_C_TYPE_MESSAGE || is_known(types, count, f->descriptor)) {
                continue;
            }
            if (count == TYPE_COUNT_MAX) {
                return false;
            }
            types[count++] = f->descriptor;
        }
    }
    return true;
}

/* ---- one event ---- */

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        break;
    }
    return sizeof(uint32_t);
}

static void load(const ProtobufCFieldDescriptor *f, const char *at, struct codec_field *field)
{
    ProtobufCBinaryData data;
    char *text = NULL;
    uint32_t number = 0;
    if (field->type == CODEC_FIELD_TEXT) {
        memcpy(&text, at, sizeof(text));
        field->bytes = text != NULL ? text : "";
        field->size = strlen(field->bytes);
    } else if (field->type == CODEC_FIELD_BYTES) {
        memcpy(&data, at, sizeof(data));
        field->bytes = (const char *)data.data;
        field->size = data.len;
    } else if (value_size(f) == sizeof(uint64_t)) {
        memcpy(&field->number, at, sizeof(field->number));
    } else {
        memcpy(&number, at, sizeof(number));
        field->number = number;
    }
}

/* False: no room. */
static bool store(struct rewriting *r, const ProtobufCFieldDescriptor *f, char *at,
                  const struct codec_field *field, const struct codec_replacement *new)
{
    if (field->type == CODEC_FIELD_NUMBER) {
        const uint32_t number = (uint32_t) new->number;
        const bool wide = value_size(f) == sizeof(uint64_t);
        memcpy(at, wide ? (const void *)&new->number : (const void *)&number, value_size(f));
        return true;
    }
    char *copy = r->allocator.alloc(r->allocator.allocator_data, new->size + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, new->bytes, new->size);
    copy[new->size] = '\0';
    if (field->type == CODEC_FIELD_TEXT) {
        memcpy(at, &copy, sizeof(copy));
        return true;
    }
    const ProtobufCBinaryData data = {new->size, (uint8_t *)copy};
    memcpy(at, &data, sizeof(data));
    return true;
}

/* proto3 has no difference between a default and nothing. */
static bool is_there(const struct codec_field *field)
{
    return field->type == CODEC_FIELD_NUMBER ? field->number != 0 : field->size != 0;
}

static bool visit_value(struct rewriting *r, const ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *f, char *at)
{
    struct codec_replacement new = {.size = 0};
    ProtobufCMessage *below = NULL;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        memcpy(&below, at, sizeof(below));
        if (below != NULL && r->message_count == MESSAGE_COUNT_MAX) {
            return false;
        }
        if (below != NULL) {
            r->messages[r->message_count++] = below;
        }
        return true;
    }
    struct codec_field field = {
            .message = message->descriptor->short_name, .name = f->name, .kind = r->kind};
    if (!type_of(f, &field.type)) {
        return true;
    }
    load(f, at, &field);
    if (!is_there(&field)) {
        return true;
    }
    const enum codec_verdict verdict = r->replace(r->context, &field, &new);
    return verdict == CODEC_FIELD_KEPT ||
           (verdict == CODEC_FIELD_REPLACED && store(r, f, at, &field, &new));
}

static bool visit_field(struct rewriting *r, ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *f)
{
    char *base = (char *)message;
    uint32_t chosen = 0;
    size_t count = 1;
    char *at = base + f->offset;
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        memcpy(&chosen, base + f->quantifier_offset, sizeof(chosen));
        count = chosen == f->id ? 1 : 0;
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&count, base + f->quantifier_offset, sizeof(count));
        memcpy(&at, base + f->offset, sizeof(at));
    }
    for (size_t i = 0; i < count; i++) {
        if (!visit_value(r, message, f, at + i * value_size(f))) {
            return false;
        }
    }
    return true;
}

static bool visit_all(struct rewriting *r)
{
    for (size_t i = 0; i < r->message_count; i++) {
        const ProtobufCMessageDescriptor *type = r->messages[i]->descriptor;
        for (unsigned k = 0; k < type->n_fields; k++) {
            if (!visit_field(r, r->messages[i], &type->fields[k])) {
                return false;
            }
        }
    }
    return true;
}

/* By name, not by the whole text: '=' comes behind '.'. */
static bool is_after(const char *a, const char *b)
{
    const size_t a_length = strcspn(a, "=");
    const size_t b_length = strcspn(b, "=");
    const size_t length = a_length < b_length ? a_length : b_length;
    const int order = memcmp(a, b, length);
    return order > 0 || (order == 0 && a_length > b_length);
}

static void sort_parameters(Pgbaton__Request *request)
{
    for (size_t i = 1; i < request->n_parameters; i++) {
        char *moved = request->parameters[i];
        size_t k = i;
        for (; k > 0 && is_after(request->parameters[k - 1], moved); k--) {
            request->parameters[k] = request->parameters[k - 1];
        }
        request->parameters[k] = moved;
    }
}

size_t codec_fields_replace(const uint8_t *data, size_t size, struct codec_arena *arena,
                            codec_field_fn replace, void *context,
                            uint8_t ret_bytes[RECORD_BYTES_MAX])
{
    struct rewriting r = {
            .replace = replace, .context = context, .allocator = codec_allocator(arena)};
    Pgbaton__Event *event = pgbaton__event__unpack(&r.allocator, size, data);
    if (event == NULL || event->version == 0 || event->version > SCHEMA_VERSION) {
        return 0;
    }
    r.kind = codec_body_kind(event->body_case);
    r.messages[r.message_count++] = &event->base;
    if (!visit_all(&r)) {
        return 0;
    }
    if (event->body_case == PGBATON__EVENT__BODY_REQUEST) {
        sort_parameters(event->request);
    }
    const size_t packed = pgbaton__event__get_packed_size(event);
    return packed > RECORD_BYTES_MAX ? 0 : pgbaton__event__pack(event, ret_bytes);
}

size_t codec_fields_newer(const struct event *e, uint8_t ret_bytes[EVENT_BYTES_MAX])
{
    Pgbaton__Head head = PGBATON__HEAD__INIT;
    head.version = e->version;
    head.cluster = (char *)e->cluster;
    head.writer = (char *)e->writer;
    return pgbaton__head__pack(&head, ret_bytes);
}
