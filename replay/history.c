/* SPDX-License-Identifier: PostgreSQL */
#include "history.h"

#include <stdio.h>

enum result history_open(const struct options *options, enum history_extent extent, bool follow,
                         struct reader **ret_reader, struct failure *reterr_failure)
{
    const struct reader_options reader = {
            .file = options->file,
            .servers = options->servers,
            .name = "pgbaton",
            .cluster = options->cluster,
            .from_snapshot = extent == HISTORY_NEWEST,
            .follow = follow,
            .want_live = follow,
            .timeout_ms = options->timeout_ms,
    };
    return reader_open(&reader, ret_reader, reterr_failure);
}

static bool visit_record(struct cluster_set *set, const struct log_notice *record,
                         history_visit_fn visit, void *context)
{
    struct folded folded;
    if (!cluster_set_fold(set, record, &folded) || visit == NULL) {
        return true;
    }
    return visit(context, record, &folded);
}

bool history_is_beyond(const struct log_notice *record, struct point to)
{
    return record->seq > to.seq || record->stored_us > to.us;
}

enum result history_read(struct reader *reader, struct cluster_set *set, struct point to,
                         history_visit_fn visit, void *context, struct failure *reterr_failure)
{
    for (;;) {
        struct log_notice notice;
        switch (reader_next(reader, UINT64_MAX, &notice, reterr_failure)) {
        case READER_RECORD:
            if (history_is_beyond(&notice, to) || !visit_record(set, &notice, visit, context)) {
                return RESULT_OK;
            }
            break;
        case READER_CUT:
            fprintf(stderr, "pgbaton: %s; reading what stands before\n", notice.text);
            break;
        case READER_CAUGHT_UP:
        case READER_END:
            return RESULT_OK;
        case READER_LOST:
        case READER_FAILED:
            return reterr_failure->code;
        case READER_NOTHING:
        case READER_LIVE:
        case READER_DOWN:
        case READER_ANSWER_COUNT:
            break;
        }
    }
}

int history_fail(const struct failure *failure)
{
    fprintf(stderr, "pgbaton: %s\n", failure->text);
    if (failure->hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", failure->hint);
    }
    return EXIT_NONE;
}

struct cluster_entry *history_pick(const struct cluster_set *set, const struct options *options)
{
    char names[512];
    cluster_set_names(set, names, sizeof names);
    if (options->cluster != NULL) {
        struct cluster_entry *entry = cluster_set_find(set, options->cluster);
        if (entry == NULL) {
            fprintf(stderr,
                    "pgbaton: the log knows no cluster %s\n"
                    "hint: start its agents, or look at the name\n",
                    options->cluster);
        }
        return entry;
    }
    if (set->count == 1) {
        return set->entries[0];
    }
    if (set->count == 0) {
        fprintf(stderr, "pgbaton: the log is empty\nhint: start an agent and a monitor\n");
    } else {
        fprintf(stderr, "pgbaton: the log has several clusters: name one of %s\n", names);
    }
    return NULL;
}
