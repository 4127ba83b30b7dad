/* SPDX-License-Identifier: PostgreSQL */
/*
 * fields.h - the key=value words of a scenario's step.
 */
#ifndef PGBATON_SCENARIO_FIELDS_H
#define PGBATON_SCENARIO_FIELDS_H

#include "../../proto/event.h"

enum field {
    FIELD_STATE = 0,   /* state=standby */
    FIELD_REASON,      /* reason=diverged */
    FIELD_TASK,        /* task=promote */
    FIELD_TIMELINE,    /* timeline=2 */
    FIELD_LSN,         /* lsn=0/3000060 */
    FIELD_REPLAY,      /* replay=0/3000060 */
    FIELD_SYSTEM,      /* system=7 */
    FIELD_SEALED,      /* sealed=1 */
    FIELD_STREAMING,   /* streaming=1 */
    FIELD_CLEAN,       /* clean=0 */
    FIELD_WAS_PRIMARY, /* was_primary=1 */
    FIELD_FAILURES,    /* failures=2 */
    FIELD_ELECTION,    /* election=1: the term whose end the report answers */
    FIELD_TERM,        /* term=1; else the present one */
    FIELD_DIRECTIVE,   /* directive=12; else the order that stands */
    FIELD_PERCENT,     /* percent=50 */
    FIELD_DURATION,    /* duration=200 (ms) */
    FIELD_TTL,         /* ttl=3000 (ms) */
    FIELD_LIFTED,      /* lifted=1 */
    FIELD_KILLED,      /* killed=6 */
    FIELD_PRIORITY,    /* priority=1 */
    FIELD_NOFAILOVER,  /* nofailover=1 */
    FIELD_INCARNATION, /* incarnation=1: an earlier one speaks */
    FIELD_COUNTER,     /* counter=3 */
    FIELD_RESTART,     /* restart=1: the number of a restart in place */
    FIELD_AGE,         /* age=1000 (ms): of the one before */
    FIELD_LOST,        /* lost=1: what it remembers is not in the log */
    FIELD_ANCHOR,      /* anchor=7: the term that it remembers; else the present one */
    FIELD_FORGETFUL,   /* forgetful=1: its disk is new */
    FIELD_MEMBERS,     /* members=3: so many it remembers */
    FIELD_HISTORY,     /* history=1:0/3000000,2:0/5000000 */
    FIELD_COUNT
};

struct fields {
    bool given[FIELD_COUNT];
    uint64_t values[FIELD_COUNT];
    struct history history;
};

/* Reads all words; ends the program when one of them is not a field. */
void fields_parse(struct fields *ret_fields, char *const *words, size_t count);
bool fields_has(const struct fields *f, enum field field);
/* The field's value, or `otherwise` when it was not given. */
uint64_t fields_get(const struct fields *f, enum field field, uint64_t otherwise);
/* The restart in place that a renewal names; zeros when it names none. */
void fields_restart(const struct fields *f, uint64_t now_ms, struct restart *ret_restart);

#endif
