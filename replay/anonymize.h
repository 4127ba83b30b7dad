/* SPDX-License-Identifier: PostgreSQL */
/*
 * anonymize.h - a log whose names, addresses and texts are replaced, so that it can be given away:
 * the parts of the command, for its own files and their tests.
 *
 *   pass 1: every field of every record ─▶ names are learnt (alias.h)
 *   pass 2: a record ─▶ its fields replaced ─▶ hashes and digests anew ─▶ folded beside the
 *           original, with the same outcome ─▶ written
 *
 * Each field of the schema and of the state that holds bytes has a row in a table that says what
 * becomes of it. One that has none is refused, so that nobody can forget a new one.
 */
#ifndef PGBATON_REPLAY_ANONYMIZE_H
#define PGBATON_REPLAY_ANONYMIZE_H

#include "../proto/cluster.h"
#include "../proto/codec_fields.h"
#include "../proto/log.h"
#include "alias.h"
#include "hash_map.h"

struct anonymizer {
    struct alias_set *names;
    bool learning; /* pass 1 */
    bool renew;    /* digests are made to fit, and outcomes may be others */
    bool failed;   /* no memory, or a field without a row */
    struct hash_map *hashes;
    uint64_t record_count;
    uint64_t blank_count;   /* records that cannot be read: nothing of them is kept */
    uint64_t foreign_count; /* digests of another state than the log gives: they stay wrong */
    struct codec_arena arena;
};

/* ---- anonymize_value.c: one value, as its row says ---- */

/* What becomes of a field. */
enum treatment {
    TREAT_KEEP = 0, /* it says nothing of anybody */
    TREAT_LATER,    /* depends on the whole state: anonymize_record.c */
    TREAT_HASH,     /* of a record */
    TREAT_CLUSTER,
    TREAT_NODE,
    TREAT_OPERATOR,
    TREAT_WRITER,      /* node, monitor or operator: the kind of event says which */
    TREAT_APPLICATION, /* or a node */
    TREAT_HOSTS,       /* with commas */
    TREAT_PORT,        /* a number, like the next */
    TREAT_SYSTEM,
    TREAT_SLOT,
    TREAT_DATABASE,
    TREAT_PLUGIN,
    TREAT_SETTINGS,  /* names of parameters, with commas */
    TREAT_PARAMETER, /* "name=value" */
    TREAT_TEXT,
    TREAT_COUNT
};

/* Learns the value, or replaces it; capacity is the most that its place holds. */
enum codec_verdict anonymize_value(struct anonymizer *a, enum treatment treatment,
                                   const struct codec_field *field, size_t capacity,
                                   struct codec_replacement *ret_new);

/* ---- anonymize_fields.c ---- */

/* What becomes of a field of an event; false: it has no row. Numbers without one are kept. */
bool anonymize_treatment(const struct codec_field *field, enum treatment *ret_treatment);
/* A codec_field_fn; context is the struct anonymizer. */
enum codec_verdict anonymize_field(void *context, const struct codec_field *field,
                                   struct codec_replacement *ret_new);

/* ---- anonymize_state.c ---- */

/* Learns the names of a state, or replaces them in it. False: no memory, a field without a row, or
 * a text that has no room. */
bool anonymize_state(struct anonymizer *a, struct cluster *c);
/* The number of fields that hold bytes and have no row: none. */
size_t anonymize_state_missing(void);

/* ---- anonymize_record.c ---- */

struct anonymize_sets; /* the clusters folded from both logs */

/* NULL when there is no memory. */
struct anonymize_sets *anonymize_sets_create(void);
void anonymize_sets_destroy(struct anonymize_sets *sets);
/* Learns the names of a record. False: no memory, or a field without a row. */
bool anonymize_learn(struct anonymizer *a, const struct log_notice *record);
/* The record as it is written; subject and data are valid until the next call. It was folded beside
 * the original, to the same outcome, or the failure says what differs. */
MUST_USE enum result anonymize_record(struct anonymizer *a, struct anonymize_sets *sets,
                                      const struct log_notice *record,
                                      struct log_notice *ret_record,
                                      struct failure *reterr_failure);
/* Both logs have led to the same states but for the names. */
MUST_USE enum result anonymize_end(struct anonymizer *a, const struct anonymize_sets *sets,
                                   struct failure *reterr_failure);

/* ---- anonymize.c ---- */

/* What was done, for people. */
struct anonymize_report {
    size_t counts[ALIAS_KIND_COUNT];
    uint64_t record_count;
    uint64_t blank_count;
    uint64_t foreign_count;
};

struct anonymize_options {
    const char *from;
    const char *cluster; /* NULL: all */
    const char *to;      /* which must not exist */
    bool renew;          /* for logs of an earlier version of the fold, from their beginning */
};

/* Writes a copy. A file
 * that is cut is told on stderr, and made anonymous as far as it goes. */
MUST_USE enum result anonymize_file(const struct anonymize_options *options,
                                    struct anonymize_report *ret_report,
                                    struct failure *reterr_failure);

#endif
