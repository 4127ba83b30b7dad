/* SPDX-License-Identifier: PostgreSQL */
#include "cluster_set.h"

#include "../proto/snapshot.h"
#include "../proto/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cluster_set *cluster_set_create(void)
{
    struct cluster_set *set = calloc(1, sizeof *set);
    if (set != NULL) {
        set->nobody.state.leader = LEADER_NONE;
    }
    return set;
}

static void see(struct cluster_entry *entry)
{
    window_destroy(entry->blind);
    entry->blind = NULL;
}

void cluster_set_destroy(struct cluster_set *set)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        see(set->entries[i]);
        free(set->entries[i]);
    }
    free(set->entries);
    free(set);
}

/* The place of the name, or where it would be put. */
static uint32_t find_place(const struct cluster_set *set, const char *name)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(set->entries[middle]->state.name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cluster_entry *cluster_set_find(const struct cluster_set *set, const char *name)
{
    uint32_t place = find_place(set, name);
    bool found = place < set->count && strcmp(set->entries[place]->state.name, name) == 0;
    return found ? set->entries[place] : NULL;
}

static bool make_room(struct cluster_set *set)
{
    if (set->count < set->capacity) {
        return true;
    }
    uint32_t capacity = set->capacity == 0 ? 8 : set->capacity * 2;
    struct cluster_entry **entries = realloc(set->entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    set->entries = entries;
    set->capacity = capacity;
    return true;
}

static struct cluster_entry *add_entry(struct cluster_set *set, const char *name)
{
    struct cluster_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL || !make_room(set)) {
        free(entry);
        return NULL;
    }
    cluster_init(&entry->state, name);
    uint32_t place = find_place(set, name);
    memmove(set->entries + place + 1, set->entries + place,
            (set->count - place) * sizeof *set->entries);
    set->entries[place] = entry;
    set->count++;
    return entry;
}

/* A monitor's heartbeat changes no state; it is decoded so that it can be shown. */
static void read_heartbeat(struct cluster_set *set, const struct log_notice *record,
                           struct folded *ret_folded)
{
    ret_folded->entry = &set->nobody;
    enum codec_result result =
            codec_decode(record->data, record->size, &set->arena, &ret_folded->event);
    ret_folded->event.seq = record->seq;
    bool right = result == CODEC_OK && subject_fits_event(record->subject, &ret_folded->event);
    ret_folded->outcome.effective = right;
    ret_folded->outcome.void_reason = result != CODEC_OK ? VOID_MALFORMED
                                      : right            ? VOID_NONE
                                                         : VOID_WRONG_SUBJECT;
}

static void note_record(struct cluster_entry *entry, const struct folded *folded)
{
    if (entry->first_seq == 0) {
        entry->first_seq = folded->event.seq;
        entry->first_us = folded->wall_us;
    }
    entry->last_us = folded->wall_us;
    if (!event_is_decision(folded->event.kind)) {
        return;
    }
    if (folded->outcome.effective) {
        entry->decisions++;
    } else if (entry->state.decision_seq == 0 &&
               folded->outcome.void_reason == VOID_STALE_PREDECESSOR) {
        entry->headless = true;
    }
}

/* No decision of the cluster is known here, and its author knew of some: the log begins in the
 * middle. What came since he looked is folded again. */
static bool begin(struct cluster_entry *entry, const struct event *e)
{
    struct cluster state;
    uint64_t folded_seq = e->body.snapshot.folded_seq;
    if (snapshot_read(e, &state) != VOID_NONE || state.decision_seq == 0 ||
        !window_begin(entry->blind, &state, folded_seq)) {
        return false;
    }
    window_present(entry->blind, &entry->state);
    entry->begun_seq = folded_seq;
    entry->headless = false;
    return true;
}

/* A cluster of which no decision is known. False: no memory. */
static bool fold_blindly(struct cluster_set *set, struct cluster_entry *entry,
                         const struct log_notice *record, struct folded *ret_folded)
{
    struct event *e = &ret_folded->event;
    struct cluster_record stored = {record->subject, record->seq, record->data, record->size};
    entry->blind = entry->blind != NULL ? entry->blind : window_create(entry->state.name);
    if (entry->blind == NULL) {
        return false;
    }
    ret_folded->outcome = cluster_fold_record(&entry->state, &stored, &set->arena, e);
    if (e->kind == EVENT_SNAPSHOT && subject_fits_event(record->subject, e)) {
        ret_folded->begun = begin(entry, e);
        ret_folded->outcome.effective = ret_folded->outcome.effective || ret_folded->begun;
        return true;
    }
    return window_push(entry->blind, record);
}

static bool fold_record(struct cluster_set *set, struct cluster_entry *entry,
                        const struct log_notice *record, struct folded *ret_folded)
{
    struct cluster_record stored = {record->subject, record->seq, record->data, record->size};
    if (entry->state.decision_seq == 0) {
        return fold_blindly(set, entry, record, ret_folded);
    }
    see(entry);
    ret_folded->outcome =
            cluster_fold_record(&entry->state, &stored, &set->arena, &ret_folded->event);
    return true;
}

bool cluster_set_fold(struct cluster_set *set, const struct log_notice *record,
                      struct folded *ret_folded)
{
    memset(ret_folded, 0, sizeof *ret_folded);
    if (!subject_cluster(record->subject, ret_folded->cluster)) {
        return false;
    }
    ret_folded->stored_us = record->stored_us;
    if (strcmp(ret_folded->cluster, "_") == 0) {
        read_heartbeat(set, record, ret_folded);
        ret_folded->wall_us = ret_folded->event.wall_us;
        return true;
    }
    struct cluster_entry *entry = cluster_set_find(set, ret_folded->cluster);
    entry = entry != NULL ? entry : add_entry(set, ret_folded->cluster);
    if (entry == NULL) {
        return false;
    }
    if (snapshot_has(&entry->state, record->subject, record->seq)) {
        return false;
    }
    ret_folded->entry = entry;
    if (!fold_record(set, entry, record, ret_folded)) {
        return false;
    }
    uint64_t wall_us = ret_folded->event.wall_us;
    ret_folded->wall_us = wall_us != 0 ? wall_us : record->stored_us;
    note_record(entry, ret_folded);
    return true;
}

void cluster_set_names(const struct cluster_set *set, char *buffer, size_t size)
{
    size_t used = 0;
    snprintf(buffer, size, "none");
    for (uint32_t i = 0; i < set->count && used < size; i++) {
        int written = snprintf(buffer + used, size - used, "%s%s", i == 0 ? "" : ", ",
                               set->entries[i]->state.name);
        used += written > 0 ? (size_t)written : 0;
    }
}
