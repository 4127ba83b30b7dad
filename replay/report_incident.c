/* SPDX-License-Identifier: PostgreSQL */
#include "event_json.h"
#include "format.h"
#include "phases.h"
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TEXT_BYTES 1024

static void add_line(json_t *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(json_t *lines, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    format_clean(text);
    json_t *line = json_string(text);
    json_array_append_new(lines, line != NULL ? line : json_string("?"));
}

/* "12:00:00.123 UTC" */
static void format_utc(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE])
{
    char iso[FORMAT_TIME_SIZE];
    format_iso(wall_us, iso);
    (void)snprintf(ret_text, FORMAT_TIME_SIZE, "%.12s UTC", iso + 11);
}

/* Nothing was wrong with the old leader. */
static bool is_asked(const struct change *change)
{
    return change->reason == REASON_REQUESTED || change->reason == REASON_SHUTDOWN;
}

static json_t *phases_json(const struct change *change, const struct passage *passage)
{
    const bool expired = change->reason == REASON_LEASE_EXPIRED;
    const bool asked = is_asked(change);
    const struct {
        const char *name;
        const char *label;
        const char *activity; /* what led there */
    } steps[] = {
            [STEP_RENEWED] = {"renewed", "last renewal", ""},
            [STEP_DETECTED] = {"detected", asked ? "stop begun" : "fault noticed", "silence"},
            [STEP_FENCED] = {"fenced", asked ? "old leader stopped" : "old leader fenced",
                             asked ? "stop" : "fencing"},
            [STEP_ENDED] = {"released", expired ? "revoked" : "released",
                            expired ? "revoke" : "release"},
            [STEP_REPORTED] = {"reported", "standbys reported", "reports"},
            [STEP_GRANTED] = {"granted", "elected and granted", "election"},
            [STEP_LEASED] = {"leased", "lease held", "lease"},
            [STEP_PROMOTED] = {"promoted", "promoted", "promotion"},
            [STEP_WRITABLE] = {"writable", "first write", "first write"},
            [STEP_ACKNOWLEDGED] = {"acknowledged", "commits answered", "standby"},
            [STEP_REBUILT] = {"rebuilt", "old leader copied", "copy"},
            [STEP_RETURNED] = {"returned", "old leader streams again", "return"},
    };
    _Static_assert(sizeof steps / sizeof steps[0] == STEP_COUNT, "a row per step");
    const uint64_t start_us = phases_start_us(change);
    json_t *list = json_array();
    for (int i = 0; i < STEP_COUNT; i++) {
        const struct step_time *step = &passage->steps[i];
        if (step->wall_us == 0 || (i == STEP_RENEWED && !expired)) {
            continue;
        }
        const uint64_t ms = i == STEP_RENEWED ? phases_ms_since(step->wall_us, start_us)
                                              : phases_ms_since(start_us, step->wall_us);
        json_t *object = json_object();
        event_json_set_text(object, "name", steps[i].name);
        event_json_set_text(object, "label", steps[i].label);
        event_json_set_text(object, "activity", steps[i].activity);
        json_object_set_new(object, "ms",
                            json_integer(i == STEP_RENEWED ? -(json_int_t)ms : (json_int_t)ms));
        report_set_us(object, "at_us", step->at_us);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *candidates_json(const struct candidate_list *candidates)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < candidates->count && i < NODE_COUNT_MAX; i++) {
        const struct candidate *candidate = &candidates->items[i];
        json_t *object = json_object();
        event_json_set_text(object, "node", candidate->node);
        event_json_set_text(object, "verdict", verdict_text(candidate->verdict));
        if (candidate->reason != REASON_NONE) {
            event_json_set_text(object, "reason", reason_text(candidate->reason));
        }
        event_json_set_lsn(object, "lsn", candidate->position.lsn);
        event_json_set_u64(object, "timeline", candidate->position.timeline);
        json_array_append_new(list, object);
    }
    return list;
}

static void add_home(json_t *lines, const struct episode *episode)
{
    const struct change *change = &episode->change;
    const struct homecoming *home = &episode->home;
    const uint64_t start_us = phases_start_us(change);
    if (strcmp(change->from, change->to) == 0) {
        return;
    }
    if (home->told_seq != 0) {
        add_line(lines, "%s was told to rebuild (%s, seq %" PRIu64 ") after %" PRIu64 " ms.",
                 change->from, task_name(home->task), home->told_seq,
                 phases_ms_since(start_us, home->told_wall_us));
    }
    if (home->streaming_wall_us != 0) {
        add_line(lines, "%s streams again after %" PRIu64 " ms (seq %" PRIu64 ").", change->from,
                 phases_ms_since(start_us, home->streaming_wall_us), home->streaming_seq);
    } else {
        add_line(lines, "%s is not back within this log.", change->from);
    }
}

static json_t *explanation(const struct episode *episode)
{
    const struct change *change = &episode->change;
    char noticed[FORMAT_TIME_SIZE];
    char leader[FORMAT_TIME_SIZE];
    char risk[TEXT_BYTES];
    json_t *lines = json_array();
    format_utc(change->detected_wall_us, noticed);
    format_utc(change->leader_wall_us, leader);
    add_line(lines, "%s at %s. The term before ended with seq %" PRIu64 ": %s.",
             is_asked(change) ? "Begun" : "Noticed", noticed, change->ended_seq,
             reason_text(change->reason));
    add_line(lines, "%s was granted term %" PRIu64 " with seq %" PRIu64 " by the rule %s.",
             change->to, change->term, change->seq, episode->rule);
    phases_risk(episode, leader, risk, sizeof risk);
    add_line(lines, "At risk: %s.", risk);
    add_home(lines, episode);
    return lines;
}

json_t *report_incident(const struct track *track, const struct incident *incident)
{
    const struct episode *episode = incident->episode;
    const struct change *change = &episode->change;
    const struct story *story = incident->entry->extra;
    const struct passage *passages = track->passages.items;
    const size_t place = (size_t)(episode - story->episodes);
    char text[TEXT_BYTES];
    uint64_t from_us = 0;
    uint64_t to_us = 0;
    uint64_t outage_ms = 0;
    json_t *object = json_object();
    report_incident_range(track, incident, &from_us, &to_us);
    explain_change(change, text, sizeof text);
    event_json_set_u64(object, "number", incident->number);
    event_json_set_u64(object, "seq", change->seq);
    event_json_set_u64(object, "term", change->term);
    event_json_set_text(object, "from", change->from);
    event_json_set_text(object, "to", change->to);
    event_json_set_text(object, "reason", reason_text(change->reason));
    json_object_set_new(object, "asked_for", json_boolean(is_asked(change)));
    event_json_set_text(object, "rule", episode->rule);
    event_json_set_u64(object, "ended_seq", change->ended_seq);
    event_json_set_text(object, "text", text);
    report_set_us(object, "noticed_us", change->detected_wall_us);
    const bool over = incident_outage(episode, &outage_ms);
    json_object_set_new(object, "outage_ms",
                        over ? json_integer((json_int_t)outage_ms) : json_null());
    report_set_us(object, "from_us", from_us);
    report_set_us(object, "to_us", to_us);
    const struct passage none = {0};
    json_object_set_new(
            object, "phases",
            phases_json(change, place < track->passages.count ? &passages[place] : &none));
    json_object_set_new(object, "explanation", explanation(episode));
    json_object_set_new(object, "candidates", candidates_json(&episode->candidates));
    return object;
}
