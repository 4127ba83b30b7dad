/* SPDX-License-Identifier: PostgreSQL */
#include "anonymize.h"

#include "alias_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct anonymizer *a;
    const struct codec_field *field;
    size_t capacity;
    struct codec_replacement *new;
};

static void append(struct job *job, const char *bytes, size_t size)
{
    const size_t room = job->capacity - job->new->size;
    const size_t used = size < room ? size : room;
    memcpy(job->new->bytes + job->new->size, bytes, used);
    job->new->size += used;
}

/* Learns a name, or appends its alias. */
static void take_name(struct job *job, enum alias_kind kind, const char *name, size_t size)
{
    struct anonymizer *a = job->a;
    char alias[ALIAS_SIZE];
    if (size == 0) {
        return;
    }
    if (a->learning) {
        a->failed = !alias_learn(a->names, kind, name, size) || a->failed;
    } else if (alias_of(a->names, kind, name, size, alias)) {
        append(job, alias, strlen(alias));
    } else {
        a->failed = true;
    }
}

static void take_one(struct job *job, enum alias_kind kind)
{
    take_name(job, kind, job->field->bytes, job->field->size);
}

static enum alias_kind writer_kind(enum event_kind kind)
{
    return event_is_agents(kind)   ? ALIAS_NODE
           : kind == EVENT_REQUEST ? ALIAS_OPERATOR
                                   : ALIAS_MONITOR;
}

/* A row of the leader's replicas is a node's, as a rule. */
static void take_application(struct job *job)
{
    const struct codec_field *field = job->field;
    const bool node = !job->a->learning &&
                      alias_is_known(job->a->names, ALIAS_NODE, field->bytes, field->size);
    take_one(job, node ? ALIAS_NODE : ALIAS_APPLICATION);
}

/* A heartbeat belongs to no cluster: "_". */
static void take_cluster(struct job *job)
{
    if (job->field->kind == EVENT_HEARTBEAT) {
        append(job, job->field->bytes, job->field->size);
    } else {
        take_one(job, ALIAS_CLUSTER);
    }
}

/* What is known to everybody tells nothing. */
static void take_plugin(struct job *job)
{
    static const char *const known[] = {"pgoutput", "test_decoding", "wal2json", "decoderbufs"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], job->field->bytes) == 0) {
            append(job, job->field->bytes, job->field->size);
            return;
        }
    }
    take_one(job, ALIAS_PLUGIN);
}

/* Extensions' parameters have a dot; the others are PostgreSQL's, or pgbaton's. */
static void take_parameter_name(struct job *job, const char *name, size_t size)
{
    const bool ours = size > 7 && strncmp(name, "pgbaton", 7) == 0;
    if (memchr(name, '.', size) != NULL && !ours) {
        take_name(job, ALIAS_PARAMETER, name, size);
    } else {
        append(job, name, size);
    }
}

static bool is_plain_value(const char *value)
{
    static const char *const words[] = {"",        "on",      "off",          "true",
                                        "false",   "minimal", "replica",      "logical",
                                        "local",   "none",    "remote_write", "remote_apply",
                                        "default", "pglz",    "lz4",          "zstd"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], value) == 0) {
            return true;
        }
    }
    const size_t digits = strspn(value, "-0123456789.");
    return digits > 0 && digits < 12 && strlen(value) - digits <= 3 &&
           strspn(value + digits, "kMGTBusminhd% ") == strlen(value + digits) &&
           strchr(value, '.') == strrchr(value, '.');
}

static void take_parameter(struct job *job)
{
    const char *text = job->field->bytes;
    const size_t length = strcspn(text, "=");
    take_parameter_name(job, text, length);
    if (text[length] == '\0') {
        return;
    }
    const char *value = text + length + 1;
    append(job, "=", 1);
    if (is_plain_value(value)) {
        append(job, value, strlen(value));
    } else {
        take_name(job, ALIAS_VALUE, value, strlen(value));
    }
}

/* The last of a list that was cut may be no name at all. */
static void take_list(struct job *job, bool settings)
{
    const char *bytes = job->field->bytes;
    for (const char *at = bytes; at < bytes + job->field->size;) {
        const size_t left = (size_t)(bytes + job->field->size - at);
        const char *comma = memchr(at, ',', left);
        const size_t length = comma != NULL ? (size_t)(comma - at) : left;
        if (settings) {
            take_parameter_name(job, at, length);
        } else {
            take_name(job, ALIAS_HOST, at, length);
        }
        if (comma != NULL) {
            append(job, ",", 1);
        }
        at += length + 1;
    }
}

static void take_number(struct job *job, enum alias_kind kind)
{
    char text[24];
    const int length = snprintf(text, sizeof text, "%" PRIu64, job->field->number);
    take_name(job, kind, text, (size_t)length);
    if (!job->a->learning && !job->a->failed) {
        job->new->bytes[job->new->size] = '\0';
        job->new->number = strtoull(job->new->bytes, NULL, 10);
    }
}

/* Texts are scanned when all names are known. */
static void take_text(struct job *job)
{
    struct anonymizer *a = job->a;
    char text[CODEC_REPLACEMENT_BYTES];
    if (a->learning) {
        take_one(job, ALIAS_TEXT);
        return;
    }
    const size_t size =
            alias_text(a->names, job->field->bytes, job->field->size, text, sizeof text);
    append(job, text, size);
}

static void take_hash(struct job *job)
{
    uint8_t old[HASH_SIZE] = {0};
    const size_t size = job->field->size;
    memcpy(old, job->field->bytes, size < HASH_SIZE ? size : HASH_SIZE);
    if (!job->a->learning) {
        hash_map_get(job->a->hashes, old, (uint8_t *)job->new->bytes);
        job->new->size = HASH_SIZE;
    }
}

static void take_name_of(struct job *job, enum treatment treatment)
{
    static const enum alias_kind kinds[] = {
            [TREAT_NODE] = ALIAS_NODE, [TREAT_OPERATOR] = ALIAS_OPERATOR,
            [TREAT_SLOT] = ALIAS_SLOT, [TREAT_DATABASE] = ALIAS_DATABASE,
            [TREAT_PORT] = ALIAS_PORT, [TREAT_SYSTEM] = ALIAS_SYSTEM,
    };
    if (job->field->type == CODEC_FIELD_NUMBER) {
        take_number(job, kinds[treatment]);
    } else {
        take_one(job, kinds[treatment]);
    }
}

static void take(struct job *job, enum treatment treatment)
{
    switch (treatment) {
    case TREAT_HASH:
        take_hash(job);
        break;
    case TREAT_CLUSTER:
        take_cluster(job);
        break;
    case TREAT_WRITER:
        take_one(job, writer_kind(job->field->kind));
        break;
    case TREAT_APPLICATION:
        take_application(job);
        break;
    case TREAT_HOSTS:
        take_list(job, false);
        break;
    case TREAT_PLUGIN:
        take_plugin(job);
        break;
    case TREAT_SETTINGS:
        take_list(job, true);
        break;
    case TREAT_PARAMETER:
        take_parameter(job);
        break;
    case TREAT_TEXT:
        take_text(job);
        break;
    case TREAT_NODE:
    case TREAT_OPERATOR:
    case TREAT_SLOT:
    case TREAT_DATABASE:
    case TREAT_PORT:
    case TREAT_SYSTEM:
        take_name_of(job, treatment);
        break;
    case TREAT_KEEP:
    case TREAT_LATER:
    case TREAT_COUNT:
        break;
    }
}

enum codec_verdict anonymize_value(struct anonymizer *a, enum treatment treatment,
                                   const struct codec_field *field, size_t capacity,
                                   struct codec_replacement *ret_new)
{
    struct job job = {a, field, capacity, ret_new};
    if (treatment == TREAT_KEEP || treatment == TREAT_LATER) {
        return CODEC_FIELD_KEPT;
    }
    ret_new->size = 0;
    take(&job, treatment);
    if (a->failed) {
        return CODEC_FIELD_REFUSED;
    }
    return a->learning ? CODEC_FIELD_KEPT : CODEC_FIELD_REPLACED;
}
