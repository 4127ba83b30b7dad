/* SPDX-License-Identifier: PostgreSQL */
#include "walk.h"

#include "../proto/explain.h"
#include "../proto/log_file.h"
#include "../proto/log_record.h"
#include "episode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    const uint8_t *map;
    size_t size;
    char cluster[NAME_SIZE];
    char note[LOG_FILE_NOTE_BYTES_MAX + 1];
    struct walk_item *items;
    size_t count;
    size_t capacity;
    size_t interval;
    struct cluster *states; /* state k is the one before item k × interval */
    size_t at;              /* the item that was folded last */
    bool somewhere;         /* there is one */
    struct cluster before;
    struct cluster_entry entry; /* the state after it */
    struct folded folded;
    struct codec_arena arena;
    char subject[SUBJECT_SIZE];
};

/* ---- the file ---- */

static enum result map_file(struct walk *walk, const char *path, struct failure *reterr_failure)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        const int error = errno;
        (void)close(fd);
        return failure_errno(reterr_failure, error, "open %s", path);
    }
    walk->size = (size_t)status.st_size;
    void *map = walk->size > 0 ? mmap(NULL, walk->size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    (void)close(fd);
    walk->map = map == MAP_FAILED ? NULL : map;
    if (walk->map == NULL || walk->size < LOG_RECORD_MAGIC_BYTES ||
        memcmp(walk->map, LOG_RECORD_MAGIC, LOG_RECORD_MAGIC_BYTES) != 0) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "%s: not a captured log (offset 0 does not hold " LOG_RECORD_MAGIC ")",
                           path);
    }
    return RESULT_OK;
}

/* The record at *offset, which moves behind it. False: nothing more can be read; *ret_problem says
 * why, unless the file is at its end. */
static bool read_next(struct walk *walk, size_t *offset, uint64_t last_seq,
                      struct log_notice *ret_record, const char **ret_problem)
{
    const uint8_t *bytes = walk->map + *offset;
    *ret_problem = NULL;
    if (*offset == walk->size) {
        return false;
    }
    enum log_record_found found =
            log_record_decode(bytes, walk->size - *offset, walk->subject, ret_record);
    const bool note = found == LOG_RECORD_WHOLE && last_seq == 0 && ret_record->seq == 0;
    if (found == LOG_RECORD_WHOLE && !note && ret_record->seq <= last_seq) {
        found = LOG_RECORD_DAMAGED;
    }
    if (found != LOG_RECORD_WHOLE) {
        *ret_problem = found == LOG_RECORD_CUT ? "the file is cut" : "the file is damaged";
        return false;
    }
    *offset += log_record_size(bytes);
    return true;
}

static void take_note(struct walk *walk, const struct log_notice *record)
{
    if (strcmp(record->subject, LOG_FILE_NOTE_SUBJECT) == 0) {
        const size_t size =
                record->size < LOG_FILE_NOTE_BYTES_MAX ? record->size : LOG_FILE_NOTE_BYTES_MAX;
        memcpy(walk->note, record->data, size);
    }
}

/* ---- the first reading ---- */

static bool make_room(struct walk *walk)
{
    if (walk->count < walk->capacity) {
        return true;
    }
    const size_t capacity = walk->capacity == 0 ? 1024 : walk->capacity * 2;
    struct walk_item *items = realloc(walk->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    walk->items = items;
    walk->capacity = capacity;
    return true;
}

/* The place of the first record that stands at or behind seq. */
static size_t find_seq(const struct walk *walk, uint64_t seq)
{
    size_t low = 0;
    size_t high = walk->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (walk->items[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A leader is followed by another: the incident begins where the term before ended. */
static void mark_incident(struct walk *walk, const struct folded *folded, uint32_t *number)
{
    const struct change *change = &folded->entry->state.change;
    if (folded->event.kind != EVENT_GRANT || !folded->outcome.effective ||
        change->from[0] == '\0') {
        return;
    }
    const size_t at = find_seq(walk, change->ended_seq != 0 ? change->ended_seq : change->seq);
    walk->items[at < walk->count ? at : walk->count - 1].incident = ++*number;
}

/* False: no memory. */
static bool add_item(struct walk *walk, const struct folded *folded, size_t offset, size_t size)
{
    const struct event *e = &folded->event;
    if (!make_room(walk)) {
        return false;
    }
    walk->items[walk->count++] = (struct walk_item){
            .seq = e->seq,
            .wall_us = folded->wall_us,
            .stored_us = folded->stored_us,
            .offset = offset,
            .size = (uint32_t)size,
            .kind = (uint8_t)e->kind,
            .severity = (uint8_t)explain_severity(e, folded->outcome),
            .effective = folded->outcome.effective,
            .routine = story_is_routine(folded),
    };
    return true;
}

struct reading {
    struct cluster_set *set;
    size_t offset;
    uint64_t last_seq;
    uint32_t incident_count;
    struct cluster begin; /* the state before the first item */
};

static bool is_wanted(const struct walk *walk, const char *name)
{
    return strcmp(name, "_") != 0 && (walk->cluster[0] == '\0' || strcmp(walk->cluster, name) == 0);
}

/* False: no memory. */
static bool take_record(struct walk *walk, struct reading *reading, const struct log_notice *record,
                        size_t offset)
{
    struct folded folded;
    if (!cluster_set_fold(reading->set, record, &folded) || !is_wanted(walk, folded.cluster)) {
        return true;
    }
    if (folded.begun) { /* what was met so far was the middle of a log */
        walk->count = 0;
        reading->incident_count = 0;
        reading->begin = folded.entry->state;
    }
    if (!add_item(walk, &folded, offset, (size_t)(reading->offset - offset))) {
        return false;
    }
    mark_incident(walk, &folded, &reading->incident_count);
    return true;
}

static enum result read_all(struct walk *walk, struct reading *reading, char *ret_problem,
                            struct failure *reterr_failure)
{
    struct log_notice record;
    const char *problem = NULL;
    size_t offset = LOG_RECORD_MAGIC_BYTES;
    reading->offset = offset;
    while (read_next(walk, &reading->offset, reading->last_seq, &record, &problem)) {
        if (record.seq == 0) {
            take_note(walk, &record);
        } else if (!take_record(walk, reading, &record, offset)) {
            return failure_set(reterr_failure, RESULT_FAILED, "out of memory");
        }
        reading->last_seq = record.seq;
        offset = reading->offset;
    }
    ret_problem[0] = '\0';
    if (problem != NULL) {
        (void)snprintf(ret_problem, WALK_PROBLEM_SIZE, "%s at offset %zu, after sequence %" PRIu64,
                       problem, offset, reading->last_seq);
    }
    return RESULT_OK;
}

/* ---- states ---- */

static void fold(struct walk *walk, struct cluster *state, size_t index, struct event *ret_event,
                 struct outcome *ret_outcome)
{
    const struct log_notice record = walk_record(walk, index);
    const struct cluster_record stored = {record.subject, record.seq, record.data, record.size};
    *ret_outcome = cluster_fold_record(state, &stored, &walk->arena, ret_event);
}

static bool keep_states(struct walk *walk, const struct cluster *begin)
{
    const size_t fits = walk->count / WALK_STATE_COUNT_MAX + 1;
    walk->interval = fits > WALK_INTERVAL_MIN ? fits : WALK_INTERVAL_MIN;
    walk->states = calloc(walk->count / walk->interval + 1, sizeof *walk->states);
    if (walk->states == NULL) {
        return false;
    }
    struct event event;
    struct outcome outcome;
    walk->before = *begin;
    for (size_t i = 0; i < walk->count; i++) {
        if (i % walk->interval == 0) {
            walk->states[i / walk->interval] = walk->before;
        }
        fold(walk, &walk->before, i, &event, &outcome);
    }
    return true;
}

const struct folded *walk_go(struct walk *walk, size_t index)
{
    struct event event;
    struct outcome outcome;
    size_t from = walk->at + 1;
    if (!walk->somewhere || index < from || index - from >= walk->interval) {
        from = index / walk->interval * walk->interval;
        walk->entry.state = walk->states[index / walk->interval];
    }
    for (size_t i = from; i < index; i++) {
        fold(walk, &walk->entry.state, i, &event, &outcome);
    }
    walk->before = walk->entry.state;
    struct folded *folded = &walk->folded;
    fold(walk, &walk->entry.state, index, &folded->event, &folded->outcome);
    folded->entry = &walk->entry;
    folded->wall_us = walk->items[index].wall_us;
    folded->stored_us = walk->items[index].stored_us;
    memcpy(folded->cluster, walk->cluster, sizeof folded->cluster);
    walk->at = index;
    walk->somewhere = true;
    return folded;
}

/* ---- opening ---- */

static enum result choose(struct walk *walk, const struct cluster_set *set,
                          struct failure *reterr_failure)
{
    char names[512];
    cluster_set_names(set, names, sizeof names);
    if (walk->cluster[0] == '\0' && set->count > 1) {
        failure_set(reterr_failure, RESULT_INVALID, "the log has several clusters: %s", names);
        return failure_hint(reterr_failure, "name one with --cluster");
    }
    const struct cluster_entry *entry = set->count == 1 && walk->cluster[0] == '\0'
                                                ? set->entries[0]
                                                : cluster_set_find(set, walk->cluster);
    if (entry == NULL || walk->count == 0) {
        return failure_set(reterr_failure, RESULT_NOT_FOUND, "the log has no record of %s",
                           walk->cluster[0] != '\0' ? walk->cluster : "any cluster");
    }
    if (entry->headless) {
        failure_set(reterr_failure, RESULT_INVALID,
                    "the records begin in the middle of cluster %s, and no snapshot of it follows",
                    entry->state.name);
        return failure_hint(reterr_failure, "capture without --from");
    }
    memcpy(walk->cluster, entry->state.name, sizeof walk->cluster);
    return RESULT_OK;
}

static enum result read_file(struct walk *walk, const char *path, struct reading *reading,
                             char *ret_problem, struct failure *reterr_failure)
{
    enum result result = map_file(walk, path, reterr_failure);
    if (result == RESULT_OK) {
        result = read_all(walk, reading, ret_problem, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = choose(walk, reading->set, reterr_failure);
    }
    if (result == RESULT_OK && reading->begin.name[0] == '\0') {
        cluster_init(&reading->begin, walk->cluster);
    }
    if (result == RESULT_OK && !keep_states(walk, &reading->begin)) {
        result = failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    return result;
}

enum result walk_open(const char *path, const char *cluster, struct walk **ret_walk,
                      char ret_problem[WALK_PROBLEM_SIZE], struct failure *reterr_failure)
{
    struct walk *walk = calloc(1, sizeof *walk);
    struct reading *reading = calloc(1, sizeof *reading);
    struct cluster_set *set = cluster_set_create();
    enum result result = failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    if (walk != NULL && reading != NULL && set != NULL) {
        reading->set = set;
        (void)snprintf(walk->cluster, sizeof walk->cluster, "%s", cluster != NULL ? cluster : "");
        result = read_file(walk, path, reading, ret_problem, reterr_failure);
    }
    cluster_set_destroy(set);
    free(reading);
    if (result != RESULT_OK) {
        walk_close(walk);
        return result;
    }
    *ret_walk = walk;
    return RESULT_OK;
}

void walk_close(struct walk *walk)
{
    if (walk == NULL) {
        return;
    }
    if (walk->map != NULL) {
        (void)munmap((void *)(uintptr_t)walk->map, walk->size);
    }
    free(walk->items);
    free(walk->states);
    free(walk);
}

/* ---- questions ---- */

size_t walk_count(const struct walk *walk)
{
    return walk->count;
}

const struct walk_item *walk_item(const struct walk *walk, size_t index)
{
    return &walk->items[index];
}

const char *walk_cluster(const struct walk *walk)
{
    return walk->cluster;
}

const char *walk_note(const struct walk *walk)
{
    return walk->note[0] != '\0' ? walk->note : NULL;
}

const struct cluster *walk_before(const struct walk *walk)
{
    return &walk->before;
}

struct log_notice walk_record(struct walk *walk, size_t index)
{
    const struct walk_item *item = &walk->items[index];
    struct log_notice record;
    (void)log_record_decode(walk->map + item->offset, item->size, walk->subject, &record);
    return record;
}

size_t walk_find(const struct walk *walk, uint64_t seq, uint64_t stored_us)
{
    size_t found = find_seq(walk, seq);
    if (stored_us == UINT64_MAX) {
        const bool there = found < walk->count && walk->items[found].seq == seq;
        return there || found == 0 ? found : found - 1;
    }
    found = 0;
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->items[i].seq <= seq && walk->items[i].stored_us <= stored_us) {
            found = i;
        }
    }
    return found;
}
