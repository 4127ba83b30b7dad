/* SPDX-License-Identifier: PostgreSQL */
/*
 * state_fields.h - the fields of a state in the order of their encoding; for state.c, and for who
 * replaces names in a state (replay/anonymize_state.c).
 *
 * Whoever adds a field to struct cluster, or to a part of it, adds it to a table in state_fields.c;
 * one that holds bytes has a row there, too.
 */
#ifndef PGBATON_STATE_FIELDS_H
#define PGBATON_STATE_FIELDS_H

#include "cluster.h"

enum field_kind {
    FIELD_NUMBER = 0, /* unsigned, of 1, 2, 4 or 8 bytes, a bool or an enum */
    FIELD_SIGNED,     /* an int32_t */
    FIELD_BYTES,      /* all of them */
    FIELD_TEXT,       /* up to its NUL */
    FIELD_WORD,       /* the same, of printable characters without a space */
    FIELD_NAME,       /* the same, a valid name or empty */
    FIELD_PACKED,     /* so many bytes as the number at `count` says */
    FIELD_ITEMS       /* structures of another table, so many as the number at `count` says */
};

/* One structure. */
struct items {
    const struct field *fields;
    size_t field_count;
    size_t size;
};

struct field {
    enum field_kind kind;
    size_t offset;
    size_t size;
    uint64_t limit; /* of a number: it is below; 0: any. Of items: there are no more */
    size_t count;   /* offset of a uint32_t; 0: there are always `limit` */
    const struct items *items;
};

/* Of struct cluster. Items have no items of their own. */
extern const struct items state_fields;
/* What no field alone shows of a state that was decoded: indexes, names, configuration, and the
 * invariants. */
bool state_is_sound(const struct cluster *c);

#endif
