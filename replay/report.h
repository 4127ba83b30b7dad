/* SPDX-License-Identifier: PostgreSQL */
/*
 * report.h - the report of a log: one model, and three ways to write it down.
 *
 * report_run() (commands.h) folds the log once. report_model() makes the JSON that
 * pgbaton-replay(1) describes of what was collected; FILE.json is that, FILE.html holds it and a
 * page that draws it, FILE.svg is a drawing that does not move.
 */
#ifndef PGBATON_REPLAY_REPORT_H
#define PGBATON_REPLAY_REPORT_H

#include "report_track.h"

#include <stdio.h>

/* Events of a cluster in one report. What is more is left out: what matters least, and of that what
 * is oldest; the report says how many. */
#define REPORT_EVENT_MAX 20000
/* What is shown before and behind an incident. */
#define REPORT_MARGIN_US UINT64_C(10000000)

/* What is shown; by the log's clock. */
struct report_range {
    const struct cluster_entry *only; /* NULL: all clusters */
    uint32_t incident;                /* 0: none was chosen */
    uint64_t from_us;                 /* 0: from the beginning */
    uint64_t to_us;                   /* UINT64_MAX: to the end */
    uint64_t from_seq;                /* no event before it: several are stored in one moment */
};

struct report {
    const char *file; /* as it was named; NULL: read from servers */
    const char *cut;  /* where and why the file ended early; NULL: it did not */
    struct cluster_set *set;
    struct track **tracks; /* as many as the set has clusters */
    size_t track_count;
    struct report_range range;
};

/* Of that cluster; NULL: there is none. */
struct track *report_track(const struct report *report, const struct cluster_entry *entry);
/* The incident's range with its margins, by the log's clock. */
void report_incident_range(const struct track *track, const struct incident *incident,
                           uint64_t *ret_from_us, uint64_t *ret_to_us);

/* The caller owns it. */
json_t *report_model(const struct report *report);
/* report_incident.c: one change of leadership, with phases and explanation. The caller owns it. */
json_t *report_incident(const struct track *track, const struct incident *incident);
/* Sets key to a number of microseconds, or null when it is 0, or no number in JSON. */
void report_set_us(json_t *object, const char *key, uint64_t us);

/* Each writes the whole file; false: errno says what went wrong. */
bool report_draw_json(FILE *file, const json_t *model);
bool report_draw_page(FILE *file, const json_t *model);
bool report_draw_svg(FILE *file, const json_t *model);

/* Writes beside path, and renames when all of it is on the disk: path is whole, or as it was. */
MUST_USE enum result report_write(const char *path, bool (*draw)(FILE *file, const json_t *model),
                                  const json_t *model, struct failure *reterr_failure);

/* The page around the model (report/embed.py). */
extern const unsigned char report_page_head[];
extern const size_t report_page_head_size;
extern const unsigned char report_page_tail[];
extern const size_t report_page_tail_size;

#endif
