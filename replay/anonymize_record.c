/* SPDX-License-Identifier: PostgreSQL */
/* One record anonymous: its fields, then what depends on states, then its fold beside the original.
 */
#include "../proto/digest.h"
#include "../proto/snapshot.h"
#include "../proto/state.h"
#include "../proto/subject.h"
#include "anonymize.h"
#include "cluster_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNREADABLE 0xff /* the first byte of what is no event */

struct anonymize_sets {
    struct cluster_set *old;
    struct cluster_set *new;
    struct codec_arena old_arena; /* of the event at hand */
    struct codec_arena new_arena;
    char subject[SUBJECT_SIZE];
    uint8_t bytes[RECORD_BYTES_MAX];
    uint8_t state[STATE_BYTES_MAX];
};

/* Of one cluster, at the original's entry: the states in which decisions were taken. */
struct trail {
    struct window *old;
    struct window *new;
};

static void trail_destroy(struct trail *trail)
{
    if (trail != NULL) {
        window_destroy(trail->old);
        window_destroy(trail->new);
        free(trail);
    }
}

static struct trail *trail_create(const char *old, const char *new)
{
    struct trail *trail = calloc(1, sizeof *trail);
    if (trail == NULL) {
        return NULL;
    }
    trail->old = window_create(old);
    trail->new = window_create(new);
    if (trail->old == NULL || trail->new == NULL) {
        trail_destroy(trail);
        return NULL;
    }
    return trail;
}

struct anonymize_sets *anonymize_sets_create(void)
{
    struct anonymize_sets *sets = calloc(1, sizeof *sets);
    if (sets == NULL) {
        return NULL;
    }
    sets->old = cluster_set_create();
    sets->new = cluster_set_create();
    if (sets->old == NULL || sets->new == NULL) {
        anonymize_sets_destroy(sets);
        return NULL;
    }
    return sets;
}

void anonymize_sets_destroy(struct anonymize_sets *sets)
{
    if (sets == NULL) {
        return;
    }
    for (uint32_t i = 0; sets->old != NULL && i < sets->old->count; i++) {
        trail_destroy(sets->old->entries[i]->extra);
    }
    cluster_set_destroy(sets->old);
    cluster_set_destroy(sets->new);
    free(sets);
}

/* ---- where it stands ---- */

/* What a token behind the cluster's is, where the subject does not fit the event. */
static bool is_word_of_ours(const char *token, size_t size)
{
    static const char *const words[] = {"probe",   "lock",     "node",    "decision",
                                        "monitor", "snapshot", "request", "anchor"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == size && memcmp(words[i], token, size) == 0) {
            return true;
        }
    }
    return false;
}

/* One token of such a subject. False: no memory. */
static bool take_token(struct anonymizer *a, int index, const char *token, size_t size, char *alias)
{
    char name[SUBJECT_SIZE];
    (void)snprintf(name, sizeof name, "%.*s", (int)size, token);
    const bool kept = index == 0 || (index == 1 && size == 1 && token[0] == '_') ||
                      (index == 2 && is_word_of_ours(token, size));
    const enum alias_kind kind = index == 1 ? ALIAS_CLUSTER : ALIAS_WORD;
    if (index == 1 && !kept && !name_is_valid(name)) {
        (void)snprintf(alias, ALIAS_SIZE, "no_cluster");
        return true;
    }
    if (a->learning) {
        return kept || alias_learn(a->names, kind, token, size);
    }
    if (kept) {
        (void)snprintf(alias, ALIAS_SIZE, "%.*s", (int)size, token);
    } else if (index == 1 || !alias_of_any(a->names, token, size, alias)) {
        (void)alias_of(a->names, kind, token, size, alias);
    }
    return true;
}

/* The subject of what is no event, or stands where it does not belong. */
static bool take_subject(struct anonymizer *a, const char *subject, char *ret_subject)
{
    char alias[ALIAS_SIZE] = "";
    int index = 0;
    ret_subject[0] = '\0';
    for (const char *token = subject;; token++) {
        const size_t size = strcspn(token, ".");
        const size_t used = strlen(ret_subject);
        if (!take_token(a, index, token, size, alias)) {
            return false;
        }
        (void)snprintf(ret_subject + used, SUBJECT_SIZE - used, "%s%s", index > 0 ? "." : "",
                       alias);
        index++;
        token += size;
        if (*token == '\0') {
            return true;
        }
    }
}

/* ---- pass 1 ---- */

bool anonymize_learn(struct anonymizer *a, const struct log_notice *record)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    static struct cluster state;
    struct event e;
    char subject[SUBJECT_SIZE];
    const enum codec_result result = codec_decode(record->data, record->size, &a->arena, &e);
    if (result == CODEC_NEWER) {
        return alias_learn(a->names, ALIAS_CLUSTER, e.cluster, strlen(e.cluster)) &&
               alias_learn(a->names, ALIAS_MONITOR, e.writer, strlen(e.writer)) &&
               take_subject(a, record->subject, subject);
    }
    if (result != CODEC_OK || !subject_fits_event(record->subject, &e)) {
        if (!take_subject(a, record->subject, subject)) {
            return false;
        }
    }
    if (result != CODEC_OK) {
        return true;
    }
    if (e.kind == EVENT_SNAPSHOT && snapshot_read(&e, &state) == VOID_NONE &&
        !anonymize_state(a, &state)) {
        return false;
    }
    return codec_fields_replace(record->data, record->size, &a->arena, anonymize_field, a, bytes) >
           0;
}

/* ---- what depends on the state ---- */

struct work {
    struct anonymizer *a;
    struct anonymize_sets *sets;
    const struct log_notice *record;
    struct event old;
    struct event new;
    struct folded before;           /* the fold of the original */
    bool ours;                      /* it was folded */
    bool current;                   /* its author had folded all that stands before it */
    uint8_t current_old[HASH_SIZE]; /* digests of the states before it; when it is current */
    uint8_t current_new[HASH_SIZE];
};

static uint64_t folded_seq_of(const struct event *e)
{
    return e->kind == EVENT_SNAPSHOT ? e->body.snapshot.folded_seq : e->decision.folded_seq;
}

/* Ahead of the fold. */
static void note_current(struct work *work)
{
    const struct cluster_entry *old = cluster_set_find(work->sets->old, work->old.cluster);
    const struct cluster_entry *new = cluster_set_find(work->sets->new, work->new.cluster);
    work->current = old != NULL && new != NULL &&folded_seq_of(&work->old) >= old->state.last_seq;
    if (work->current) {
        cluster_digest(&old->state, work->current_old);
        cluster_digest(&new->state, work->current_new);
    }
}

/* The state in which its author took an effective decision, from both logs. */
static bool find_states(struct work *work, const struct cluster **ret_old,
                        const struct cluster **ret_new)
{
    const struct trail *trail = work->ours ? work->before.entry->extra : NULL;
    if (trail == NULL || (!work->before.outcome.effective && !work->a->renew)) {
        return false;
    }
    *ret_old = window_advance(trail->old, work->old.decision.folded_seq);
    *ret_new = window_advance(trail->new, work->old.decision.folded_seq);
    return *ret_old != NULL && *ret_new != NULL;
}

/* A digest of the state before it, of the one that the window has, or of none that is known. */
static void replace_digest(struct work *work, const uint8_t old[HASH_SIZE],
                           uint8_t ret_new[HASH_SIZE])
{
    const struct cluster *then = NULL;
    const struct cluster *again = NULL;
    uint8_t digest[HASH_SIZE];
    const bool found = find_states(work, &then, &again);
    hash_map_made(old, ret_new);
    if (work->current && (work->a->renew || memcmp(old, work->current_old, HASH_SIZE) == 0)) {
        memcpy(ret_new, work->current_new, HASH_SIZE);
        return;
    }
    if (found) {
        cluster_digest(then, digest);
    }
    if (found && (work->a->renew || memcmp(old, digest, HASH_SIZE) == 0)) {
        cluster_digest(again, ret_new);
    } else if (work->before.outcome.effective) {
        work->a->foreign_count++;
    }
}

/* For a later version of the fold: the state that the log gives now. Of an author who had not read
 * all that stands before it, it becomes one of another version, which nobody begins with. */
static bool renew_snapshot(struct work *work)
{
    struct snapshot *s = &work->new.body.snapshot;
    const struct cluster_entry *new = cluster_set_find(work->sets->new, work->new.cluster);
    if (!work->a->renew || new == NULL || new->state.decision_seq == 0) {
        return false;
    }
    s->bytes = work->sets->state;
    s->size = (uint32_t)state_encode(&new->state, work->sets->state);
    s->fold_version = work->current ? FOLD_VERSION : UINT32_MAX;
    codec_hash(s->bytes, s->size, s->digest);
    return true;
}

/* Its state with other names; where it cannot be read, nothing of it. */
static bool replace_snapshot(struct work *work)
{
    static struct cluster state;
    struct snapshot *s = &work->new.body.snapshot;
    s->bytes = work->sets->state;
    if (snapshot_read(&work->old, &state) == VOID_NONE) {
        if (!anonymize_state(work->a, &state)) {
            return false;
        }
        s->size = (uint32_t)state_encode(&state, work->sets->state);
        codec_hash(s->bytes, s->size, s->digest);
        return true;
    }
    work->sets->state[0] = 0;
    s->size = 1;
    work->a->blank_count++;
    const bool current = work->current && memcmp(s->digest, work->current_old, HASH_SIZE) == 0;
    if (current) {
        memcpy(s->digest, work->current_new, HASH_SIZE);
    } else {
        hash_map_made(work->old.body.snapshot.digest, s->digest);
    }
    return true;
}

static bool replace_states(struct work *work)
{
    if (work->old.kind == EVENT_SNAPSHOT) {
        return renew_snapshot(work) || replace_snapshot(work);
    }
    if (event_is_decision(work->old.kind)) {
        replace_digest(work, work->old.decision.digest, work->new.decision.digest);
        if (work->a->renew) {
            work->new.decision.fold_version = FOLD_VERSION;
        }
    }
    return true;
}

/* ---- pass 2 ---- */

static enum result fail(const struct work *work, struct failure *reterr_failure, const char *why)
{
    return failure_set(reterr_failure, RESULT_INVALID,
                       "sequence %" PRIu64 " cannot be made anonymous: %s", work->record->seq, why);
}

/* Nothing of it but that it is there, and, of a newer version, that it is one. */
static bool make_blank(struct work *work, enum codec_result result, struct log_notice *ret_record)
{
    char alias[ALIAS_SIZE];
    struct event *e = &work->old;
    uint8_t *bytes = work->sets->bytes;
    work->a->blank_count++;
    bytes[0] = UNREADABLE;
    ret_record->size = 1;
    if (result == CODEC_NEWER) {
        (void)alias_of(work->a->names, ALIAS_CLUSTER, e->cluster, strlen(e->cluster), alias);
        (void)snprintf(e->cluster, sizeof e->cluster, "%.40s", e->cluster[0] != '\0' ? alias : "");
        (void)alias_of(work->a->names, ALIAS_MONITOR, e->writer, strlen(e->writer), alias);
        (void)snprintf(e->writer, sizeof e->writer, "%.40s", e->writer[0] != '\0' ? alias : "");
        ret_record->size = codec_fields_newer(e, bytes);
    }
    return take_subject(work->a, work->record->subject, work->sets->subject);
}

/* All but what depends on the state. */
static enum result replace_fields(struct work *work, struct failure *reterr_failure)
{
    struct anonymizer *a = work->a;
    uint8_t *bytes = work->sets->bytes;
    const size_t size = codec_fields_replace(work->record->data, work->record->size, &a->arena,
                                             anonymize_field, a, bytes);
    if (size == 0) {
        return fail(work, reterr_failure, "a field of it is not known");
    }
    if (codec_decode(bytes, size, &work->sets->new_arena, &work->new) != CODEC_OK) {
        return fail(work, reterr_failure, "the new names do not fit");
    }
    const bool fits = subject_fits_event(work->record->subject, &work->old);
    if (!(fits ? subject_of_event(&work->new, work->sets->subject)
               : take_subject(a, work->record->subject, work->sets->subject))) {
        return fail(work, reterr_failure, "its subject");
    }
    return RESULT_OK;
}

static enum result make(struct work *work, struct log_notice *ret_record,
                        struct failure *reterr_failure)
{
    *ret_record = *work->record;
    ret_record->subject = work->sets->subject;
    ret_record->data = work->sets->bytes;
    enum codec_result decoded = codec_decode(work->record->data, work->record->size,
                                             &work->sets->old_arena, &work->old);
    enum result result = RESULT_OK;
    if (decoded == CODEC_OK) {
        result = replace_fields(work, reterr_failure);
    }
    if (decoded == CODEC_OK && result == RESULT_OK &&
        (event_is_decision(work->old.kind) || work->old.kind == EVENT_SNAPSHOT)) {
        note_current(work);
    }
    if (result != RESULT_OK) {
        return result;
    }
    work->ours = cluster_set_fold(work->sets->old, work->record, &work->before);
    if (decoded != CODEC_OK) {
        return make_blank(work, decoded, ret_record) ? RESULT_OK
                                                     : fail(work, reterr_failure, "out of memory");
    }
    if (!replace_states(work)) {
        return fail(work, reterr_failure, "the names in its state do not fit");
    }
    ret_record->size = codec_encode(&work->new, work->sets->bytes, sizeof work->sets->bytes);
    return ret_record->size > 0 ? RESULT_OK : fail(work, reterr_failure, "it becomes too large");
}

/* False: no memory. */
static bool push(struct work *work, const struct log_notice *record, const struct folded *after)
{
    struct cluster_entry *entry = work->before.entry;
    if (entry == &work->sets->old->nobody) {
        return true;
    }
    if (entry->extra == NULL || work->before.begun) {
        trail_destroy(entry->extra);
        entry->extra = trail_create(work->before.cluster, after->cluster);
    }
    struct trail *trail = entry->extra;
    if (trail != NULL && work->before.begun) {
        return window_copy(trail->old, entry->blind) &&
               window_copy(trail->new, after->entry->blind);
    }
    return trail != NULL && window_push(trail->old, work->record) &&
           window_push(trail->new, record);
}

/* The same must come of both. */
static enum result compare(struct work *work, const struct log_notice *record,
                           struct failure *reterr_failure)
{
    struct folded after;
    char why[200];
    const bool ours = cluster_set_fold(work->sets->new, record, &after);
    if (ours != work->ours) {
        return fail(work, reterr_failure, "it is folded in one of both logs only");
    }
    if (ours && !work->a->renew &&
        (after.outcome.effective != work->before.outcome.effective ||
         after.outcome.void_reason != work->before.outcome.void_reason ||
         after.begun != work->before.begun)) {
        (void)snprintf(why, sizeof why, "it was %s, and would be %s",
                       void_reason_name(work->before.outcome.void_reason),
                       void_reason_name(after.outcome.void_reason));
        return fail(work, reterr_failure, why);
    }
    if (ours && !push(work, record, &after)) {
        return fail(work, reterr_failure, "out of memory");
    }
    return RESULT_OK;
}

enum result anonymize_record(struct anonymizer *a, struct anonymize_sets *sets,
                             const struct log_notice *record, struct log_notice *ret_record,
                             struct failure *reterr_failure)
{
    static struct work work;
    uint8_t old_hash[HASH_SIZE];
    uint8_t new_hash[HASH_SIZE];
    memset(&work, 0, sizeof work);
    work.a = a;
    work.sets = sets;
    work.record = record;
    a->record_count++;
    enum result result = make(&work, ret_record, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    codec_hash(record->data, record->size, old_hash);
    codec_hash(ret_record->data, ret_record->size, new_hash);
    if (!hash_map_put(a->hashes, old_hash, new_hash)) {
        return fail(&work, reterr_failure, "out of memory");
    }
    return compare(&work, ret_record, reterr_failure);
}

enum result anonymize_end(struct anonymizer *a, const struct anonymize_sets *sets,
                          struct failure *reterr_failure)
{
    static struct cluster state;
    for (uint32_t i = 0; i < sets->old->count; i++) {
        char alias[ALIAS_SIZE];
        uint8_t digests[2][HASH_SIZE];
        const char *name = sets->old->entries[i]->state.name;
        state = sets->old->entries[i]->state;
        (void)alias_of(a->names, ALIAS_CLUSTER, name, strlen(name), alias);
        const struct cluster_entry *new = cluster_set_find(sets->new, alias);
        if (new == NULL || !anonymize_state(a, &state)) {
            return failure_set(reterr_failure, RESULT_INVALID, "cluster %s was lost", name);
        }
        cluster_digest(&state, digests[0]);
        cluster_digest(&new->state, digests[1]);
        if (memcmp(digests[0], digests[1], HASH_SIZE) != 0) {
            return failure_set(reterr_failure, RESULT_INVALID,
                               "cluster %s: the anonymous log leads to another state", name);
        }
    }
    return RESULT_OK;
}
