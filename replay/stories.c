/* SPDX-License-Identifier: PostgreSQL */
#include "stories.h"

#include <stdio.h>
#include <string.h>

/* What a writer says of a fault may carry a time a little after lines that belong to it. */
#define BEFORE_US 2000000

struct reading {
    const struct options *options;
    bool out_of_memory;
};

static bool visit(void *context, const struct log_notice *record, const struct folded *folded)
{
    struct reading *reading = context;
    struct cluster_entry *entry = folded->entry;
    if (strcmp(folded->cluster, "_") == 0) {
        return true;
    }
    if (entry->extra == NULL) {
        entry->extra = story_create();
    }
    const bool shown = record->seq >= reading->options->from_seq;
    reading->out_of_memory =
            entry->extra == NULL || !story_add(entry->extra, folded, shown, reading->options->json);
    return !reading->out_of_memory;
}

static enum result read_all(const struct options *options, struct cluster_set *set,
                            struct failure *reterr_failure)
{
    struct reader *reader = NULL;
    struct reading reading = {.options = options};
    const struct point to = {.seq = options->to_seq, .us = UINT64_MAX};
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, reterr_failure);
    if (result == RESULT_OK) {
        result = history_read(reader, set, to, visit, &reading, reterr_failure);
    }
    reader_close(reader);
    if (result == RESULT_OK && reading.out_of_memory) {
        result = failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    return result;
}

int stories_read(const struct options *options, struct cluster_set **ret_set)
{
    struct failure failure = {0};
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return EXIT_NONE;
    }
    int code = EXIT_DONE;
    if (read_all(options, set, &failure) != RESULT_OK) {
        code = history_fail(&failure);
    } else if (set->count == 0) {
        fprintf(stderr, "pgbaton-replay: there is no record of any cluster to tell of\n");
        code = EXIT_NONE;
    }
    if (code != EXIT_DONE) {
        stories_destroy(set);
        return code;
    }
    *ret_set = set;
    return code;
}

void stories_destroy(struct cluster_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        story_destroy(set->entries[i]->extra);
    }
    cluster_set_destroy(set);
}

static bool find_in(const struct cluster_entry *entry, uint32_t *number,
                    struct incident *ret_incident)
{
    const struct story *story = entry->extra;
    for (size_t i = 0; story != NULL && i < story->episode_count; i++) {
        const struct episode *episode = &story->episodes[i];
        if (episode->change.from[0] == '\0' || --*number > 0) {
            continue;
        }
        ret_incident->entry = entry;
        ret_incident->episode = episode;
        ret_incident->next = i + 1 < story->episode_count ? episode + 1 : NULL;
        return true;
    }
    return false;
}

bool stories_incident(const struct cluster_set *set, uint32_t number, struct incident *ret_incident)
{
    uint32_t left = number;
    memset(ret_incident, 0, sizeof *ret_incident);
    ret_incident->number = number;
    for (uint32_t i = 0; i < set->count && number > 0; i++) {
        if (find_in(set->entries[i], &left, ret_incident)) {
            return true;
        }
    }
    return false;
}

void incident_range(const struct incident *incident, uint64_t *ret_from_seq, uint64_t *ret_to_seq)
{
    const struct change *change = &incident->episode->change;
    const struct homecoming *home = &incident->episode->home;
    const struct story *story = incident->entry->extra;
    const uint64_t from_us = change->detected_wall_us - BEFORE_US;
    *ret_from_seq = change->ended_seq;
    for (size_t i = story->line_count; i > 0; i--) {
        const struct line *line = &story->lines[i - 1];
        if (line->seq < change->ended_seq && line->wall_us >= from_us) {
            *ret_from_seq = line->seq;
        }
    }
    *ret_to_seq = home->streaming_seq != 0 ? home->streaming_seq : UINT64_MAX;
    if (incident->next != NULL && incident->next->change.ended_seq <= *ret_to_seq) {
        *ret_to_seq = incident->next->change.ended_seq - 1;
    }
}

bool incident_outage(const struct episode *episode, uint64_t *ret_ms)
{
    const struct change *change = &episode->change;
    const bool known = change->writable_wall_us != 0 && change->detected_wall_us != 0;
    const uint64_t over_us = change->acknowledged_wall_us > change->writable_wall_us
                                     ? change->acknowledged_wall_us
                                     : change->writable_wall_us;
    *ret_ms = known && over_us > change->detected_wall_us
                      ? (over_us - change->detected_wall_us) / 1000
                      : 0;
    return known;
}
