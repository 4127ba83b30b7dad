/* SPDX-License-Identifier: PostgreSQL */
/*
 * codec_fields.h - the fields of an encoded event one after another, as the schema has them, for
 * who replaces some of them (replay/anonymize.h).
 *
 * Found by protobuf-c's descriptors: a field that event.proto has is visited, whether or not
 * anybody thought of it.
 */
#ifndef PGBATON_CODEC_FIELDS_H
#define PGBATON_CODEC_FIELDS_H

#include "codec.h"

/* A replacement is at most so long. */
#define CODEC_REPLACEMENT_BYTES 1024

enum codec_field_type {
    CODEC_FIELD_TEXT = 0, /* string */
    CODEC_FIELD_BYTES,
    CODEC_FIELD_NUMBER, /* unsigned; signed ones, booleans and messages are not visited */
    CODEC_FIELD_TYPE_COUNT
};

/* One value of a field; of a list, one of its elements. */
struct codec_field {
    const char *message; /* "Hello" */
    const char *name;    /* "host" */
    enum codec_field_type type;
    enum event_kind kind; /* of the event that it is a part of */
    const char *bytes;    /* text and bytes; a text ends with a NUL that size does not count */
    size_t size;
    uint64_t number;
};

enum codec_verdict {
    CODEC_FIELD_KEPT = 0,
    CODEC_FIELD_REPLACED,
    CODEC_FIELD_REFUSED, /* the whole event is */
    CODEC_VERDICT_COUNT
};

struct codec_replacement {
    char bytes[CODEC_REPLACEMENT_BYTES];
    size_t size;
    uint64_t number;
};

/* Fills *ret_new for CODEC_FIELD_REPLACED. */
typedef enum codec_verdict (*codec_field_fn)(void *context, const struct codec_field *field,
                                             struct codec_replacement *ret_new);

/* Visits every value that stands in the event (a proto3 field at its default does not), and writes
 * the event with what was replaced; a request's parameters are sorted by name again. Returns the
 * size; 0: the bytes are no event of ours, one was refused, or there is no room. What was written
 * is still to be decoded. */
size_t codec_fields_replace(const uint8_t *data, size_t size, struct codec_arena *arena,
                            codec_field_fn replace, void *context,
                            uint8_t ret_bytes[RECORD_BYTES_MAX]);

/* The bytes of an event of a newer version, of which nothing but version, cluster and writer is
 * known (codec.h); returns the size. */
size_t codec_fields_newer(const struct event *e, uint8_t ret_bytes[EVENT_BYTES_MAX]);

/* Visits each field that an event can have, once for each message type that has it, without a
 * value. False when there are more message types than it can hold. */
bool codec_fields_list(void (*visit)(void *context, const struct codec_field *field),
                       void *context);

#endif
