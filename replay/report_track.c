/* SPDX-License-Identifier: PostgreSQL */
#include "report_track.h"

#include "event_json.h"

#include <stdlib.h>
#include <string.h>

/* ---- arrays ---- */

void *rows_add(struct rows *rows, size_t size)
{
    if (rows->count == rows->capacity) {
        size_t wanted = rows->capacity == 0 ? 16 : rows->capacity * 2;
        void *grown = realloc(rows->items, wanted * size);
        if (grown == NULL) {
            return NULL;
        }
        rows->items = grown;
        rows->capacity = wanted;
    }
    void *item = (char *)rows->items + rows->count++ * size;
    return memset(item, 0, size);
}

void *rows_last(const struct rows *rows, size_t size)
{
    return rows->count > 0 ? (char *)rows->items + (rows->count - 1) * size : NULL;
}

struct track *track_create(struct cluster_entry *entry)
{
    struct track *track = calloc(1, sizeof *track);
    if (track != NULL) {
        track->entry = entry;
    }
    return track;
}

void track_destroy(struct track *track)
{
    if (track == NULL) {
        return;
    }
    for (uint32_t i = 0; i < NODE_COUNT_MAX; i++) {
        free(track->lanes[i].roles.items);
        free(track->lanes[i].healths.items);
        free(track->lanes[i].leases.items);
        free(track->lanes[i].lags.items);
    }
    const struct spot *spots = track->spots.items;
    for (size_t i = 0; i < track->spots.count; i++) {
        free(spots[i].fields);
    }
    free(track->spots.items);
    free(track->passages.items);
    free(track->spans.items);
    free(track);
}

/* ---- spots ---- */

/* Whom the event is about. */
static const char *subject_of(const struct track *track, const struct event *e)
{
    const struct cluster *c = &track->entry->state;
    if (e->kind == EVENT_GRANT) {
        return e->body.grant.node;
    }
    if (e->kind == EVENT_DIRECTIVE) {
        return e->body.directive.node;
    }
    if (e->kind == EVENT_REVOKE && c->leader >= 0) {
        return c->nodes[c->leader].name;
    }
    return event_is_agents(e->kind) ? e->writer : "";
}

static bool says_nothing(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_string(value) &&
            (json_string_length(value) == 0 || strcmp(json_string_value(value), "none") == 0)) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static void drop_silent(json_t *object)
{
    const char *key = NULL;
    json_t *value = NULL;
    void *next = NULL;
    json_object_foreach_safe(object, next, key, value)
    {
        if (says_nothing(value)) {
            json_object_del(object, key);
        }
    }
}

/* What a reader of the report may want of the body: no hashes, and nothing that is not there. */
static char *fields_of(const struct track *track, const struct event *e)
{
    static const char *const hidden[] = {"prev_seq", "prev_hash", "digest", "history", "system_id"};
    json_t *object = json_object();
    event_json_add_body(object, &track->entry->state, e);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        json_object_del(object, hidden[i]);
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        drop_silent(value); /* does nothing to what is no object */
    }
    drop_silent(object);
    char *text = json_object_size(object) > 0 ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* For each new line of the story. */
static bool add_spot(struct track *track, const struct folded *folded)
{
    const struct event *e = &folded->event;
    const struct story *story = track->entry->extra;
    if (track->spots.count == story->line_count) {
        return true;
    }
    struct spot *spot = rows_add(&track->spots, sizeof *spot);
    if (spot == NULL) {
        return false;
    }
    spot->at_us = track->now_us;
    spot->kind = e->kind;
    spot->effective = folded->outcome.effective;
    spot->term = event_json_term(&track->entry->state, e);
    spot->fields = fields_of(track, e);
    const char *node = subject_of(track, e);
    memcpy(spot->node, node, strnlen(node, sizeof spot->node - 1));
    return true;
}

/* ---- changes of leadership ---- */

/* By the log's clock: so long before the event that is told of now as its writer says. */
static struct step_time step_before(const struct track *track, uint64_t wall_us, uint64_t told_us)
{
    const uint64_t before_us = told_us > wall_us ? told_us - wall_us : 0;
    if (wall_us == 0) {
        return (struct step_time){0};
    }
    const uint64_t at_us = track->now_us > before_us ? track->now_us - before_us : track->now_us;
    return (struct step_time){at_us, wall_us};
}

static void follow_next(struct track *track, const struct folded *folded)
{
    const struct event *e = &folded->event;
    const struct ending *ending = &track->entry->state.ending;
    struct step_time *steps = track->next.steps;
    const struct step_time now = {track->now_us, folded->wall_us};
    if (e->kind == EVENT_RENEW) {
        steps[STEP_RENEWED] = now;
    }
    if (e->kind == EVENT_PROBE && e->body.probe.election_term != 0) {
        steps[STEP_REPORTED] = now;
    }
    if (e->kind == EVENT_RELEASE || e->kind == EVENT_REFUSE || e->kind == EVENT_REVOKE) {
        steps[STEP_ENDED] = now;
        steps[STEP_REPORTED] = (struct step_time){0};
        steps[STEP_DETECTED] = step_before(track, ending->detected_wall_us, ending->wall_us);
        steps[STEP_FENCED] = step_before(track, ending->fenced_wall_us, ending->wall_us);
    }
}

static bool pass(struct track *track, const struct folded *folded)
{
    struct passage *passage = rows_add(&track->passages, sizeof *passage);
    if (passage == NULL) {
        return false;
    }
    *passage = track->next;
    passage->steps[STEP_GRANTED] = (struct step_time){track->now_us, folded->wall_us};
    memset(&track->next, 0, sizeof track->next);
    return true;
}

static void take_step(const struct track *track, struct step_time *step, uint64_t wall_us)
{
    if (step->wall_us != wall_us) {
        *step = (struct step_time){wall_us != 0 ? track->now_us : 0, wall_us};
    }
}

/* What has become known of the last change. */
static void follow_last(struct track *track)
{
    const struct story *story = track->entry->extra;
    if (track->passages.count == 0 || track->passages.count != story->episode_count) {
        return;
    }
    struct passage *passage = rows_last(&track->passages, sizeof *passage);
    const struct episode *episode = &story->episodes[story->episode_count - 1];
    take_step(track, &passage->steps[STEP_LEASED], episode->change.leased_wall_us);
    take_step(track, &passage->steps[STEP_PROMOTED], episode->change.promoted_wall_us);
    take_step(track, &passage->steps[STEP_WRITABLE], episode->change.writable_wall_us);
    take_step(track, &passage->steps[STEP_ACKNOWLEDGED], episode->change.acknowledged_wall_us);
    take_step(track, &passage->steps[STEP_REBUILT], episode->home.rebuilt_wall_us);
    take_step(track, &passage->steps[STEP_RETURNED], episode->home.streaming_wall_us);
}

static bool add_passage(struct track *track, const struct folded *folded)
{
    if (!folded->outcome.effective) {
        return true;
    }
    follow_next(track, folded);
    if (folded->event.kind == EVENT_GRANT && !pass(track, folded)) {
        return false;
    }
    follow_last(track);
    return true;
}

/* ---- each event ---- */

bool track_add(struct track *track, const struct log_notice *record, const struct folded *folded)
{
    const uint64_t at_us = record->stored_us != 0 ? record->stored_us : folded->wall_us;
    track->now_us = at_us > track->now_us ? at_us : track->now_us;
    track->first_us = track->first_us != 0 ? track->first_us : track->now_us;
    if (folded->begun) {
        track->begun_us = track->now_us;
    }
    return add_spot(track, folded) && add_passage(track, folded) && lanes_add(track, folded);
}
