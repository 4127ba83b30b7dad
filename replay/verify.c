/* SPDX-License-Identifier: PostgreSQL */
#include "../monitor/decide.h"
#include "../proto/digest.h"
#include "../proto/explain.h"
#include "../proto/log_file.h"
#include "commands.h"
#include "event_json.h"
#include "format.h"
#include "history.h"
#include "window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum finding { FINDING_SAME = 0, FINDING_DIFFERENT, FINDING_NO_MEMORY };

struct verify {
    enum finding finding;
};

/* Of one cluster: decisions and snapshots name states of the past, each in an order of their own.
 */
struct trail {
    struct window *decisions;
    struct window *snapshots;
    uint64_t others; /* decisions whose digests were not compared: of another version of the fold */
};

/* ---- telling a difference ---- */

static void tell(const struct folded *folded, const char *field, const char *logged,
                 const char *again)
{
    const char *rule = folded->event.decision.rule;
    printf("cluster %s: DIFFERENCE at sequence %" PRIu64 " (%s of %s%s%s)\n"
           "  field:         %s\n"
           "  logged:        %s\n"
           "  decided again: %s\n",
           folded->cluster, folded->event.seq, event_kind_name(folded->event.kind),
           folded->event.writer, rule[0] != '\0' ? ", rule " : "", rule, field, logged, again);
}

static void tell_json(const struct folded *folded, const char *field, const json_t *logged,
                      const json_t *again)
{
    char *logged_text = json_dumps(logged, JSON_ENCODE_ANY | JSON_COMPACT);
    char *again_text = json_dumps(again, JSON_ENCODE_ANY | JSON_COMPACT);
    tell(folded, field, logged_text != NULL ? logged_text : "nothing",
         again_text != NULL ? again_text : "nothing");
    free(logged_text);
    free(again_text);
}

static const uint8_t *digest_in(const struct event *e)
{
    return e->kind == EVENT_SNAPSHOT ? e->body.snapshot.digest : e->decision.digest;
}

static void tell_digest(const struct folded *folded, const uint8_t again[HASH_SIZE])
{
    char logged_text[17];
    char again_text[17];
    digest_text(digest_in(&folded->event), logged_text);
    digest_text(again, again_text);
    tell(folded, "digest of the state at folded_seq", logged_text, again_text);
}

/* ---- comparing ---- */

/* Compares kind, rule, predecessor and body, by the fields' names in JSON. */
static bool is_same_decision(const struct folded *folded, const struct event *again)
{
    struct folded other = *folded;
    other.event.kind = again->kind;
    other.event.decision = again->decision;
    other.event.body = again->body;
    json_t *logged = event_json(folded);
    json_t *decided = event_json(&other);
    const char *field = NULL;
    json_t *value = NULL;
    bool same = true;
    json_object_foreach(logged, field, value)
    {
        json_t *counterpart = json_object_get(decided, field);
        if (!json_equal(value, counterpart)) {
            tell_json(folded, field, value, counterpart);
            same = false;
            break;
        }
    }
    json_decref(logged);
    json_decref(decided);
    return same;
}

static bool is_same_digest(const struct folded *folded, const struct cluster *behind)
{
    uint8_t digest[HASH_SIZE];
    cluster_digest(behind, digest);
    if (memcmp(digest, digest_in(&folded->event), HASH_SIZE) == 0) {
        return true;
    }
    tell_digest(folded, digest);
    return false;
}

/* One that another with a later state has overtaken, or of another version, says nothing. */
static bool check_snapshot(struct window *window, const struct folded *folded)
{
    const struct snapshot *snapshot = &folded->event.body.snapshot;
    const struct cluster *behind = window_advance(window, snapshot->folded_seq);
    bool ours = snapshot->fold_version == FOLD_VERSION;
    return !ours || behind == NULL || is_same_digest(folded, behind);
}

static bool check_decision(struct window *window, const struct folded *folded, uint64_t *others)
{
    const struct event *logged = &folded->event;
    const struct cluster *behind = window_advance(window, logged->decision.folded_seq);
    if (behind == NULL) {
        tell(folded, "folded_seq", "too far behind to be judged", "-");
        return false;
    }
    bool ours = logged->decision.fold_version == FOLD_VERSION;
    *others += ours ? 0 : 1;
    if (ours && !is_same_digest(folded, behind)) {
        return false;
    }
    struct decide_options options = {.config = config_default()};
    if (logged->kind == EVENT_CONFIG) {
        options.config = logged->body.config;
    }
    struct event again;
    if (!decide(behind, &logged->decision.evidence, &options, &again)) {
        tell(folded, "rule", logged->decision.rule, "no rule fires");
        return false;
    }
    if (!ours) {
        again.decision.fold_version = logged->decision.fold_version;
        memcpy(again.decision.digest, logged->decision.digest, HASH_SIZE);
    }
    return is_same_decision(folded, &again);
}

/* An author that folded to another state than ours: its build, or its log, differs. */
static bool is_foreign_state(const struct folded *folded)
{
    return !folded->outcome.effective && folded->outcome.void_reason == VOID_BAD_DIGEST;
}

static bool judge_content(struct trail *trail, const struct folded *folded)
{
    bool known = folded->entry->state.decision_seq != 0; /* else it may be the middle of a log */
    if (!folded->outcome.effective || !known) {
        return true;
    }
    if (folded->event.kind == EVENT_SNAPSHOT) {
        return check_snapshot(trail->snapshots, folded);
    }
    return !event_is_decision(folded->event.kind) ||
           check_decision(trail->decisions, folded, &trail->others);
}

static enum finding judge(struct trail *trail, const struct folded *folded)
{
    if (is_foreign_state(folded)) {
        tell(folded, "digest of the state at folded_seq", "another state than the log gives",
             void_reason_text(folded->outcome.void_reason));
        return FINDING_DIFFERENT;
    }
    return judge_content(trail, folded) ? FINDING_SAME : FINDING_DIFFERENT;
}

static void trail_destroy(struct trail *trail)
{
    if (trail != NULL) {
        window_destroy(trail->decisions);
        window_destroy(trail->snapshots);
        free(trail);
    }
}

static void trail_renew(struct trail *trail, const char *cluster)
{
    window_destroy(trail->decisions);
    window_destroy(trail->snapshots);
    trail->decisions = window_create(cluster);
    trail->snapshots = window_create(cluster);
}

static bool trail_is_whole(const struct trail *trail)
{
    return trail->decisions != NULL && trail->snapshots != NULL;
}

/* NULL when there is no memory. */
static struct trail *trail_create(const char *cluster)
{
    struct trail *trail = calloc(1, sizeof *trail);
    if (trail != NULL) {
        trail_renew(trail, cluster);
    }
    if (trail != NULL && !trail_is_whole(trail)) {
        trail_destroy(trail);
        return NULL;
    }
    return trail;
}

/* False: no memory. */
static bool trail_push(struct trail *trail, const struct log_notice *record,
                       const struct folded *folded)
{
    if (folded->begun) {
        const struct window *begun = folded->entry->blind;
        trail_renew(trail, folded->cluster);
        return trail_is_whole(trail) && window_copy(trail->decisions, begun) &&
               window_copy(trail->snapshots, begun);
    }
    return window_push(trail->decisions, record) && window_push(trail->snapshots, record);
}

static bool visit(void *context, const struct log_notice *record, const struct folded *folded)
{
    struct verify *verify = context;
    struct cluster_entry *entry = folded->entry;
    if (strcmp(folded->cluster, "_") == 0) {
        return true;
    }
    if (entry->extra == NULL) {
        entry->extra = trail_create(folded->cluster);
    }
    struct trail *trail = entry->extra;
    if (trail == NULL || !trail_push(trail, record, folded)) {
        verify->finding = FINDING_NO_MEMORY;
        return false;
    }
    verify->finding = judge(trail, folded);
    return verify->finding == FINDING_SAME;
}

/* ---- the report ---- */

static uint64_t void_count(const struct cluster *c)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < VOID_REASON_COUNT; i++) {
        count += c->void_counts[i];
    }
    return count;
}

static void report_voids(const struct cluster *c)
{
    const char *separator = "  without effect: ";
    for (uint32_t i = 0; i < VOID_REASON_COUNT; i++) {
        if (c->void_counts[i] > 0) {
            printf("%s%" PRIu64 " %s", separator, c->void_counts[i],
                   void_reason_name((enum void_reason)i));
            separator = ", ";
        }
    }
    if (void_count(c) > 0) {
        putchar('\n');
    }
}

static void report_cluster(const struct cluster_entry *entry, bool verified)
{
    const struct cluster *c = &entry->state;
    uint8_t digest[HASH_SIZE];
    char text[17];
    cluster_digest(c, digest);
    digest_text(digest, text);
    printf("cluster %s: %s, sequences %" PRIu64 " to %" PRIu64 "\n"
           "  events: %" PRIu64 ", of them %" PRIu64 " decisions; without effect: %" PRIu64 "\n",
           c->name, verified ? "verified" : "not verified", entry->first_seq, c->last_seq,
           c->event_count + void_count(c), entry->decisions, void_count(c));
    report_voids(c);
    if (entry->begun_seq != 0) {
        printf("  it begins with a snapshot of the state after sequence %" PRIu64
               "; what stands before was not looked at\n",
               entry->begun_seq);
    }
    const struct trail *trail = entry->extra;
    if (trail != NULL && trail->others != 0) {
        printf("  decisions taken with another version of the fold: %" PRIu64
               "; the digests that they carry were not compared\n",
               trail->others);
    }
    printf("  state: %s, term %" PRIu64 ", digest %s\n", explain_status(c), c->term, text);
}

/* A range without its beginning cannot be folded from nothing. */
static bool is_whole(const struct cluster_entry *entry)
{
    if (!entry->headless) {
        return true;
    }
    printf("cluster %s: cannot be verified: the records begin at sequence %" PRIu64
           ", after the cluster's first decision, and no snapshot of it follows\n"
           "hint: capture without --from: the log begins with the cluster, or with a snapshot\n",
           entry->state.name, entry->first_seq);
    return false;
}

static bool report(const struct cluster_set *set, enum finding finding)
{
    bool good = finding == FINDING_SAME;
    for (uint32_t i = 0; i < set->count; i++) {
        bool whole = is_whole(set->entries[i]);
        report_cluster(set->entries[i], whole && finding == FINDING_SAME);
        good = good && whole;
    }
    if (set->count == 0) {
        fprintf(stderr, "pgbaton-replay: there is no record of any cluster to verify\n");
        return false;
    }
    return good;
}

static void destroy_set(struct cluster_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        trail_destroy(set->entries[i]->extra);
    }
    cluster_set_destroy(set);
}

/* What the file says of itself: it may be that some of it cannot be verified. */
static void tell_note(struct reader *reader)
{
    const char *note = reader != NULL ? log_file_note(reader_log(reader)) : NULL;
    if (note != NULL) {
        char text[LOG_FILE_NOTE_BYTES_MAX + 1];
        (void)snprintf(text, sizeof text, "%s", note);
        format_clean(text);
        printf("the file says: %s\n", text);
    }
}

static int verify_read(const struct options *options, struct cluster_set *set)
{
    struct failure failure = {0};
    struct reader *reader = NULL;
    struct verify verify = {0};
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, &failure);
    if (result == RESULT_OK) {
        tell_note(reader);
        result = history_read(reader, set, POINT_END, visit, &verify, &failure);
    }
    reader_close(reader);
    if (result == RESULT_OK && verify.finding == FINDING_NO_MEMORY) {
        result = failure_set(&failure, RESULT_FAILED, "out of memory");
    }
    if (result != RESULT_OK) {
        return history_fail(&failure);
    }
    return report(set, verify.finding) ? EXIT_DONE : EXIT_NONE;
}

int verify_run(const struct options *options)
{
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return EXIT_NONE;
    }
    int code = verify_read(options, set);
    destroy_set(set);
    return code;
}
