/* SPDX-License-Identifier: PostgreSQL */
#include "anonymize.h"

#include "alias_text.h"
#include "out_file.h"
#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is done with each record. */
typedef enum result (*record_fn)(void *context, const struct log_notice *record,
                                 struct failure *reterr_failure);

struct rewriting {
    struct anonymizer *a;
    struct anonymize_sets *sets;
    struct out_file out;
};

static enum result read_all(const char *path, const char *cluster, bool tell_cut, record_fn visit,
                            void *context, struct failure *reterr_failure)
{
    const struct reader_options options = {.file = path, .cluster = cluster};
    struct reader *reader = NULL;
    enum result result = reader_open(&options, &reader, reterr_failure);
    bool more = result == RESULT_OK;
    while (more) {
        struct log_notice notice;
        const enum reader_answer answer = reader_next(reader, UINT64_MAX, &notice, reterr_failure);
        if (answer == READER_RECORD) {
            result = visit(context, &notice, reterr_failure);
        } else if (answer == READER_CUT && tell_cut) {
            fprintf(stderr, "pgbaton-replay: %s; going on with what stands before\n", notice.text);
        } else if (answer == READER_FAILED) {
            result = reterr_failure->code;
        }
        more = result == RESULT_OK && answer != READER_END;
    }
    reader_close(reader);
    return result;
}

/* ---- pass 1 ---- */

static enum result learn(void *context, const struct log_notice *record,
                         struct failure *reterr_failure)
{
    if (anonymize_learn(context, record)) {
        return RESULT_OK;
    }
    return failure_set(reterr_failure, RESULT_FAILED,
                       "sequence %" PRIu64 ": out of memory, or a field that is not known",
                       record->seq);
}

/* A replica that is named as a node is one. */
static void settle(struct anonymizer *a)
{
    const char *name = NULL;
    for (size_t i = 0; (name = alias_name(a->names, ALIAS_NODE, i)) != NULL; i++) {
        alias_forget(a->names, ALIAS_APPLICATION, name);
    }
}

/* Texts, now that all names are known. False: no memory. */
static bool learn_texts(struct anonymizer *a)
{
    const char *text = NULL;
    for (size_t i = 0; (text = alias_name(a->names, ALIAS_TEXT, i)) != NULL; i++) {
        if (!alias_text_learn(a->names, text, strlen(text))) {
            return false;
        }
    }
    return true;
}

/* ---- pass 2 ---- */

static enum result rewrite(void *context, const struct log_notice *record,
                           struct failure *reterr_failure)
{
    struct rewriting *rewriting = context;
    struct log_notice new;
    const enum result result =
            anonymize_record(rewriting->a, rewriting->sets, record, &new, reterr_failure);
    return result == RESULT_OK ? log_file_write(rewriting->out.writer, &new, reterr_failure)
                               : result;
}

static enum result write_note(struct rewriting *rewriting, struct failure *reterr_failure)
{
    return log_file_write_note(
            rewriting->out.writer,
            "anonymous (pgbaton " PGBATON_VERSION "): names, addresses and texts are replaced, and "
            "hashes and digests computed anew. It tells what happened; it proves nothing of the "
            "log that it was made of, and cannot be compared with that, or with what agents "
            "remember. Of records that could not be read nothing is left but their place.",
            reterr_failure);
}

static enum result rewrite_all(struct rewriting *rewriting, const struct anonymize_options *options,
                               struct failure *reterr_failure)
{
    enum result result = out_file_begin(&rewriting->out, options->to, reterr_failure);
    if (result == RESULT_OK) {
        result = write_note(rewriting, reterr_failure);
    }
    if (result == RESULT_OK) {
        result =
                read_all(options->from, options->cluster, true, rewrite, rewriting, reterr_failure);
    }
    if (result == RESULT_OK && rewriting->a->record_count == 0) {
        result = failure_set(reterr_failure, RESULT_NOT_FOUND, "%s: there is no record of %s",
                             options->from,
                             options->cluster != NULL ? options->cluster : "any cluster");
    }
    if (result == RESULT_OK && !options->renew) {
        result = anonymize_end(rewriting->a, rewriting->sets, reterr_failure);
    }
    if (result == RESULT_OK) {
        return out_file_finish(&rewriting->out, reterr_failure);
    }
    out_file_abandon(&rewriting->out);
    return result;
}

/* ---- both ---- */

static void report(const struct anonymizer *a, struct anonymize_report *ret_report)
{
    for (enum alias_kind kind = ALIAS_CLUSTER; kind < ALIAS_KIND_COUNT; kind++) {
        ret_report->counts[kind] = alias_count(a->names, kind);
    }
    ret_report->record_count = a->record_count;
    ret_report->blank_count = a->blank_count;
    ret_report->foreign_count = a->foreign_count;
}

static enum result both_passes(struct rewriting *rewriting, const struct anonymize_options *options,
                               struct failure *reterr_failure)
{
    struct anonymizer *a = rewriting->a;
    a->learning = true;
    a->renew = options->renew;
    enum result result = read_all(options->from, options->cluster, false, learn, a, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    settle(a);
    if (!learn_texts(a)) {
        return failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    a->learning = false;
    return rewrite_all(rewriting, options, reterr_failure);
}

enum result anonymize_file(const struct anonymize_options *options,
                           struct anonymize_report *ret_report, struct failure *reterr_failure)
{
    struct anonymizer *a = calloc(1, sizeof *a);
    struct rewriting *rewriting = calloc(1, sizeof *rewriting);
    enum result result = failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    if (a != NULL && rewriting != NULL) {
        a->names = alias_set_create();
        a->hashes = hash_map_create();
        rewriting->a = a;
        rewriting->sets = anonymize_sets_create();
    }
    if (a != NULL && rewriting != NULL && a->names != NULL && a->hashes != NULL &&
        rewriting->sets != NULL) {
        result = both_passes(rewriting, options, reterr_failure);
        report(a, ret_report);
    }
    if (a != NULL) {
        alias_set_destroy(a->names);
        hash_map_destroy(a->hashes);
    }
    anonymize_sets_destroy(rewriting != NULL ? rewriting->sets : NULL);
    free(rewriting);
    free(a);
    return result;
}
