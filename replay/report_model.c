/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/waiting.h"
#include "event_json.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 1024

void report_set_us(json_t *object, const char *key, uint64_t us)
{
    const bool known = us != 0 && us <= INT64_MAX;
    json_object_set_new(object, key, known ? json_integer((json_int_t)us) : json_null());
}

static void set_text_or_null(json_t *object, const char *key, const char *text)
{
    if (text[0] != '\0') {
        event_json_set_text(object, key, text);
    } else {
        json_object_set_new(object, key, json_null());
    }
}

/* ---- what of a cluster is shown ---- */

struct window_us {
    uint64_t from_us;
    uint64_t to_us;
};

static struct window_us window_of(const struct report *report, const struct track *track)
{
    const struct report_range *range = &report->range;
    const uint64_t first_us = track->begun_us != 0 ? track->begun_us : track->first_us;
    struct window_us window = {first_us, track->now_us};
    window.from_us = range->from_us > window.from_us ? range->from_us : window.from_us;
    window.to_us = range->to_us < window.to_us ? range->to_us : window.to_us;
    window.from_us = window.from_us < window.to_us ? window.from_us : window.to_us;
    return window;
}

/* Where the incidents of a cluster are, in their order. */
struct extents {
    struct window_us *items;
    size_t count;
};

/* More than their borders. */
static bool overlaps(struct window_us window, uint64_t from_us, uint64_t to_us)
{
    return from_us <= window.to_us && (to_us > window.from_us || from_us >= window.from_us);
}

static bool holds(struct window_us window, uint64_t at_us)
{
    return at_us >= window.from_us && at_us <= window.to_us;
}

/* Ends at the borders of what is shown. */
static void set_extent(json_t *object, struct window_us window, uint64_t from_us, uint64_t to_us)
{
    report_set_us(object, "from_us", from_us > window.from_us ? from_us : window.from_us);
    report_set_us(object, "to_us", to_us < window.to_us ? to_us : window.to_us);
}

/* ---- lanes ---- */

static json_t *spans_json(const struct track *track, const struct rows *rows,
                          struct window_us window)
{
    json_t *list = json_array();
    const struct span *spans = rows->items;
    for (size_t i = 0; i < rows->count; i++) {
        const struct span *span = &spans[i];
        if (!overlaps(window, span->from_us, span->to_us) || span->status[0] == '\0') {
            continue;
        }
        json_t *object = json_object();
        set_extent(object, window, span->from_us, span->to_us);
        event_json_set_u64(object, "seq", span->seq);
        event_json_set_text(object, "status", span->status);
        if (span->role[0] != '\0') {
            event_json_set_text(object, "role", span->role);
        }
        if (span->term != 0) {
            event_json_set_u64(object, "term", span->term);
        }
        if (span->reason != REASON_NONE) {
            event_json_set_text(object, "reason", reason_text(span->reason));
        }
        if (span->failures != 0) {
            event_json_set_u64(object, "failures", span->failures);
        }
        if (span->leader >= 0) {
            event_json_set_text(object, "leader", track->lanes[span->leader].name);
        }
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *leases_json(const struct lane *lane, struct window_us window)
{
    static const char *const ends[] = {
            [LEASE_RUNS] = "runs",
            [LEASE_RELEASED] = "released",
            [LEASE_REVOKED] = "revoked",
            [LEASE_LAPSED] = "lapsed",
    };
    _Static_assert(sizeof ends / sizeof ends[0] == LEASE_END_COUNT, "a word per end of a lease");
    json_t *list = json_array();
    const struct lease_span *spans = lane->leases.items;
    for (size_t i = 0; i < lane->leases.count; i++) {
        const struct lease_span *span = &spans[i];
        if (!overlaps(window, span->from_us, span->to_us)) {
            continue;
        }
        json_t *object = json_object();
        set_extent(object, window, span->from_us, span->to_us);
        event_json_set_u64(object, "term", span->term);
        event_json_set_u64(object, "renewals", span->renewal_count);
        report_set_us(object, "renewed_us", span->renewed_us);
        event_json_set_u64(object, "longest_gap_ms", span->gap_us / 1000);
        event_json_set_text(object, "end", ends[span->end]);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *lags_json(const struct lane *lane, struct window_us window)
{
    json_t *list = json_array();
    const struct lag_sample *samples = lane->lags.items;
    for (size_t i = 0; i < lane->lags.count; i++) {
        const bool known = samples[i].bytes != LAG_UNKNOWN;
        if (!holds(window, samples[i].at_us)) {
            continue;
        }
        json_t *pair = json_array();
        json_array_append_new(pair, json_integer((json_int_t)samples[i].at_us));
        json_array_append_new(pair,
                              known ? json_integer((json_int_t)samples[i].bytes) : json_null());
        json_array_append_new(list, pair);
    }
    return list;
}

/* By name, as describe shows them. */
static json_t *nodes_json(const struct track *track, struct window_us window)
{
    uint32_t order[NODE_COUNT_MAX] = {0};
    for (uint32_t i = 0; i < track->lane_count; i++) {
        uint32_t k = i;
        for (; k > 0 && strverscmp(track->lanes[i].name, track->lanes[order[k - 1]].name) < 0;
             k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < track->lane_count; i++) {
        const struct lane *lane = &track->lanes[order[i]];
        json_t *object = json_object();
        event_json_set_text(object, "name", lane->name);
        json_object_set_new(object, "roles", spans_json(track, &lane->roles, window));
        json_object_set_new(object, "leases", leases_json(lane, window));
        json_object_set_new(object, "lag", lags_json(lane, window));
        json_object_set_new(object, "health", spans_json(track, &lane->healths, window));
        json_array_append_new(list, object);
    }
    return list;
}

/* ---- events ---- */

static json_t *line_json(const struct line *line, const struct spot *spot)
{
    json_t *object = json_object();
    event_json_set_u64(object, "seq", line->seq);
    report_set_us(object, "at_us", spot->at_us);
    report_set_us(object, "written_us", line->wall_us);
    event_json_set_text(object, "severity", severity_name(line->severity));
    event_json_set_text(object, "kind",
                        spot->kind != EVENT_NONE ? event_kind_name(spot->kind) : "malformed");
    event_json_set_text(object, "writer", line->writer);
    set_text_or_null(object, "node", spot->node);
    event_json_set_u64(object, "term", spot->term);
    event_json_set_text(object, "text", line->text);
    set_text_or_null(object, "rule", line->rule);
    json_object_set_new(object, "cause",
                        line->cause_seq != 0 ? json_integer((json_int_t)line->cause_seq)
                                             : json_null());
    json_t *fields = spot->fields != NULL ? json_loads(spot->fields, 0, NULL) : NULL;
    if (fields != NULL) {
        json_object_set_new(object, "fields", fields);
    }
    return object;
}

/* How much an event matters when not all can be kept. */
enum weight {
    WEIGHT_FACT = 0,
    WEIGHT_WARNING,
    WEIGHT_INCIDENT,   /* it belongs to one */
    WEIGHT_LEADERSHIP, /* a decision, or what began or ended a lease */
    WEIGHT_COUNT
};

static enum weight weight_of(const struct line *line, const struct spot *spot, bool in_incident)
{
    if (spot->effective && (event_is_decision(spot->kind) || event_is_lock(spot->kind))) {
        return WEIGHT_LEADERSHIP;
    }
    if (in_incident) {
        return WEIGHT_INCIDENT;
    }
    return line->severity >= SEVERITY_WARNING ? WEIGHT_WARNING : WEIGHT_FACT;
}

/* The events of a cluster that are in its window, from the newest to the oldest. */
struct walk {
    const struct track *track;
    struct window_us window;
    const struct extents *extents; /* of its incidents, in their order */
    uint64_t from_seq;
    size_t next;   /* one behind the event that comes next */
    size_t extent; /* one behind the incident that ends last */
};

static bool walk_next(struct walk *walk, size_t *ret_place, enum weight *ret_weight)
{
    const struct story *story = walk->track->entry->extra;
    const struct spot *spots = walk->track->spots.items;
    const struct window_us *extents = walk->extents->items;
    while (walk->next > 0) {
        const size_t i = --walk->next;
        const uint64_t at_us = spots[i].at_us;
        if (!holds(walk->window, at_us) || story->lines[i].seq < walk->from_seq) {
            continue;
        }
        while (walk->extent > 0 && extents[walk->extent - 1].from_us > at_us) {
            walk->extent--;
        }
        const bool in = walk->extent > 0 && holds(extents[walk->extent - 1], at_us);
        *ret_place = i;
        *ret_weight = weight_of(&story->lines[i], &spots[i], in);
        return true;
    }
    return false;
}

/* How many of each weight are kept: first those that matter most. */
static uint64_t share_out(struct walk walk, size_t ret_left[WEIGHT_COUNT])
{
    size_t place = 0;
    enum weight weight = WEIGHT_FACT;
    size_t room = REPORT_EVENT_MAX;
    uint64_t left_out = 0;
    memset(ret_left, 0, WEIGHT_COUNT * sizeof ret_left[0]);
    while (walk_next(&walk, &place, &weight)) {
        ret_left[weight]++;
    }
    for (size_t i = WEIGHT_COUNT; i > 0; i--) {
        const size_t kept = ret_left[i - 1] < room ? ret_left[i - 1] : room;
        left_out += ret_left[i - 1] - kept;
        ret_left[i - 1] = kept;
        room -= kept;
    }
    return left_out;
}

static void set_events(json_t *object, struct walk walk)
{
    const struct story *story = walk.track->entry->extra;
    const struct spot *spots = walk.track->spots.items;
    size_t left[WEIGHT_COUNT];
    size_t place = 0;
    enum weight weight = WEIGHT_FACT;
    json_t *newest_first = json_array();
    json_t *list = json_array();
    event_json_set_u64(object, "events_left_out", share_out(walk, left));
    while (walk_next(&walk, &place, &weight)) {
        if (left[weight] > 0) {
            left[weight]--;
            json_array_append_new(newest_first, line_json(&story->lines[place], &spots[place]));
        }
    }
    for (size_t i = json_array_size(newest_first); i > 0; i--) {
        json_array_append(list, json_array_get(newest_first, i - 1));
    }
    json_decref(newest_first);
    json_object_set_new(object, "events", list);
}

/* ---- clusters ---- */

/* Also where each is, for set_events(); the caller frees it. */
static json_t *incidents_json(const struct report *report, const struct track *track,
                              struct window_us window, struct extents *ret_extents)
{
    struct incident incident;
    struct rows rows = {0};
    json_t *list = json_array();
    for (uint32_t number = 1; stories_incident(report->set, number, &incident); number++) {
        struct window_us extent = {0};
        const bool chosen = report->range.incident == 0 || report->range.incident == number;
        if (incident.entry != track->entry || !chosen) {
            continue;
        }
        report_incident_range(track, &incident, &extent.from_us, &extent.to_us);
        struct window_us *item = NULL;
        if (overlaps(window, extent.from_us, extent.to_us)) {
            item = rows_add(&rows, sizeof *item);
            json_array_append_new(list, report_incident(track, &incident));
        }
        if (item != NULL) {
            *item = extent;
        }
    }
    *ret_extents = (struct extents){rows.items, rows.count};
    return list;
}

static json_t *cluster_json(const struct report *report, const struct track *track)
{
    const struct cluster_entry *entry = track->entry;
    const struct window_us window = window_of(report, track);
    char reason[TEXT_BYTES];
    json_t *object = json_object();
    waiting_explain(&entry->state, reason, sizeof reason);
    event_json_set_text(object, "name", entry->state.name);
    event_json_set_text(object, "status", explain_status(&entry->state));
    set_text_or_null(object, "waits_for", reason);
    event_json_set_u64(object, "term", entry->state.term);
    event_json_set_u64(object, "first_seq", entry->first_seq);
    event_json_set_u64(object, "last_seq", entry->state.last_seq);
    report_set_us(object, "from_us", window.from_us);
    report_set_us(object, "to_us", window.to_us);
    json_object_set_new(object, "headless", json_boolean(entry->headless));
    report_set_us(object, "known_from_us", track->begun_us);
    json_object_set_new(object, "nodes_left_out", json_boolean(track->full));
    json_object_set_new(object, "states", spans_json(track, &track->spans, window));
    json_object_set_new(object, "nodes", nodes_json(track, window));
    struct extents extents = {0};
    json_t *incidents = incidents_json(report, track, window, &extents);
    set_events(object, (struct walk){.track = track,
                                     .window = window,
                                     .extents = &extents,
                                     .from_seq = report->range.from_seq,
                                     .next = track->spots.count,
                                     .extent = extents.count});
    json_object_set_new(object, "incidents", incidents);
    free(extents.items);
    return object;
}

json_t *report_model(const struct report *report)
{
    json_t *model = json_object();
    json_t *clusters = json_array();
    const char *slash = report->file != NULL ? strrchr(report->file, '/') : NULL;
    event_json_set_text(model, "format", "pgbaton-report");
    event_json_set_u64(model, "version", 1);
    event_json_set_text(model, "pgbaton", PGBATON_VERSION);
    set_text_or_null(model, "file",
                     slash != NULL          ? slash + 1
                     : report->file != NULL ? report->file
                                            : "");
    set_text_or_null(model, "cut", report->cut != NULL ? report->cut : "");
    json_object_set_new(model, "incident",
                        report->range.incident != 0 ? json_integer(report->range.incident)
                                                    : json_null());
    for (uint32_t i = 0; i < report->set->count; i++) {
        const struct cluster_entry *entry = report->set->entries[i];
        const struct track *track = report_track(report, entry);
        if (track != NULL && (report->range.only == NULL || report->range.only == entry)) {
            json_array_append_new(clusters, cluster_json(report, track));
        }
    }
    json_object_set_new(model, "clusters", clusters);
    return model;
}
