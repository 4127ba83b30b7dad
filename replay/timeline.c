/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/waiting.h"
#include "commands.h"
#include "event_json.h"
#include "format.h"
#include "phases.h"
#include "stories.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is shown. */
struct range {
    const struct cluster_entry *only; /* NULL: all */
    uint64_t from_seq;
    uint64_t to_seq;
};

static bool in_range(const struct range *range, uint64_t seq)
{
    return seq >= range->from_seq && seq <= range->to_seq;
}

/* ---- text ---- */

static void print_line(const struct line *line)
{
    char time[FORMAT_TIME_SIZE];
    format_local(line->wall_us, time);
    printf("%s  %6" PRIu64 "  %-12s %-7s %s", time + 11, line->seq, line->writer,
           severity_name(line->severity), line->text);
    if (line->cause_seq != 0) {
        printf("  [cause: %" PRIu64 "]", line->cause_seq);
    }
    putchar('\n');
}

static void print_phases(const struct change *change)
{
    struct phase_time phases[PHASE_TIME_COUNT];
    uint64_t start_us = phases_start_us(change);
    uint64_t before_ms = 0;
    char time[FORMAT_TIME_SIZE];
    phases_list(change, phases);
    format_local(start_us, time);
    printf("    %-18s %8s  at %s\n", change->from[0] != '\0' ? "detected" : "begun", "0 ms",
           time + 11);
    for (size_t i = 0; i < PHASE_TIME_COUNT; i++) {
        if (phases[i].wall_us == 0) {
            continue;
        }
        uint64_t at_ms = phases_ms_since(start_us, phases[i].wall_us);
        printf("    %-18s %5" PRIu64 " ms  (+%" PRIu64 ")\n", phases[i].label, at_ms,
               at_ms > before_ms ? at_ms - before_ms : 0);
        before_ms = at_ms;
    }
    if (change->writable_wall_us == 0) {
        printf("    not writable within this range\n");
    }
}

static void print_candidates(const struct candidate_list *list)
{
    for (uint32_t i = 0; i < list->count && i < NODE_COUNT_MAX; i++) {
        const struct candidate *candidate = &list->items[i];
        char lsn[18];
        char verdict[EXPLAIN_VERDICT_SIZE];
        explain_lsn(candidate->position.lsn, lsn);
        explain_verdict(candidate->verdict, candidate->reason, verdict);
        printf("    %s %-12s timeline %" PRIu32 " at %-18s %s\n",
               i == 0 ? "candidates:" : "           ", candidate->node,
               candidate->position.timeline, lsn, verdict);
    }
}

static void print_home(const struct episode *episode)
{
    const struct change *change = &episode->change;
    const struct homecoming *home = &episode->home;
    uint64_t start_us = phases_start_us(change);
    if (change->from[0] == '\0' || strcmp(change->from, change->to) == 0) {
        return;
    }
    printf("    %s:", change->from);
    if (home->told_seq != 0) {
        printf(" told to rebuild (%s, seq %" PRIu64 ") after %" PRIu64 " ms;",
               task_name(home->task), home->told_seq,
               phases_ms_since(start_us, home->told_wall_us));
    }
    if (home->rebuilt_wall_us != 0) {
        printf(" rebuilt after %" PRIu64 " ms;", phases_ms_since(start_us, home->rebuilt_wall_us));
    }
    if (home->streaming_wall_us != 0) {
        printf(" streaming again after %" PRIu64 " ms (seq %" PRIu64 ")\n",
               phases_ms_since(start_us, home->streaming_wall_us), home->streaming_seq);
    } else {
        printf(" not back within this range\n");
    }
}

static void print_risk(const struct episode *episode)
{
    char time[FORMAT_TIME_SIZE];
    char text[LINE_TEXT_SIZE];
    format_local(episode->change.leader_wall_us, time);
    phases_risk(episode, time + 11, text, sizeof text);
    if (text[0] != '\0') {
        printf("    at risk: %s\n", text);
    }
}

static void print_episode(const struct episode *episode)
{
    const struct change *change = &episode->change;
    char text[LINE_TEXT_SIZE];
    explain_change(change, text, sizeof text);
    printf("\n  Term %" PRIu64 " (seq %" PRIu64 "): %s\n", change->term, change->seq, text);
    printf("    why: rule %s", episode->rule);
    if (change->ended_seq != 0) {
        printf("; the term before ended at seq %" PRIu64 " (%s)", change->ended_seq,
               reason_text(change->reason));
    }
    putchar('\n');
    print_phases(change);
    print_candidates(&episode->candidates);
    print_risk(episode);
    print_home(episode);
}

static void print_end(const struct cluster *c)
{
    char reason[LINE_TEXT_SIZE];
    waiting_explain(c, reason, sizeof reason);
    printf("\nAt the end: %s, term %" PRIu64 "%s%s\n", explain_status(c), c->term,
           reason[0] != '\0' ? ": " : "", reason);
}

static void print_text(const struct cluster_entry *entry, const struct range *range)
{
    const struct story *story = entry->extra;
    char first[FORMAT_TIME_SIZE];
    char last[FORMAT_TIME_SIZE];
    char zone[FORMAT_TIME_SIZE];
    format_local(entry->first_us, first);
    format_local(entry->last_us, last);
    format_zone(entry->first_us, zone);
    printf("Cluster %s, %s to %s (%s), sequences %" PRIu64 " to %" PRIu64 "\n\n", entry->state.name,
           first, last, zone, entry->first_seq, entry->state.last_seq);
    for (size_t i = 0; i < story->line_count; i++) {
        if (in_range(range, story->lines[i].seq)) {
            print_line(&story->lines[i]);
        }
    }
    printf("\nChanges of leadership\n");
    for (size_t i = 0; i < story->episode_count; i++) {
        if (in_range(range, story->episodes[i].change.seq)) {
            print_episode(&story->episodes[i]);
        }
    }
    if (range->only == NULL) {
        print_end(&entry->state);
    }
}

/* ---- JSON ---- */

static json_t *phases_json(const struct change *change)
{
    struct phase_time phases[PHASE_TIME_COUNT];
    json_t *object = json_object();
    phases_list(change, phases);
    for (size_t i = 0; i < PHASE_TIME_COUNT; i++) {
        json_int_t ms = (json_int_t)phases_ms_since(phases_start_us(change), phases[i].wall_us);
        json_object_set_new(object, phases[i].name,
                            phases[i].wall_us == 0 ? json_null() : json_integer(ms));
    }
    return object;
}

static json_t *episode_json(const struct episode *episode)
{
    const struct change *change = &episode->change;
    json_t *object = json_object();
    event_json_set_u64(object, "seq", change->seq);
    event_json_set_u64(object, "term", change->term);
    event_json_set_text(object, "from", change->from);
    event_json_set_text(object, "to", change->to);
    event_json_set_text(object, "reason", reason_name(change->reason));
    event_json_set_text(object, "rule", episode->rule);
    event_json_set_u64(object, "cause", episode->cause_seq);
    event_json_set_u64(object, "ended_seq", change->ended_seq);
    event_json_set_time(object, "detected_at", phases_start_us(change));
    json_object_set_new(object, "phases_ms", phases_json(change));
    event_json_set_u64(object, "loss_bytes", episode->loss_bytes);
    json_t *home = json_object();
    event_json_set_text(home, "task", task_name(episode->home.task));
    event_json_set_time(home, "told_at", episode->home.told_wall_us);
    event_json_set_time(home, "rebuilt_at", episode->home.rebuilt_wall_us);
    event_json_set_time(home, "streaming_at", episode->home.streaming_wall_us);
    json_object_set_new(object, "old_leader", home);
    return object;
}

static json_t *story_json(const struct cluster_entry *entry, const struct range *range)
{
    const struct story *story = entry->extra;
    json_t *object = json_object();
    json_t *events = json_array();
    json_t *changes = json_array();
    event_json_set_text(object, "cluster", entry->state.name);
    event_json_set_u64(object, "first_seq", entry->first_seq);
    event_json_set_u64(object, "last_seq", entry->state.last_seq);
    event_json_set_text(object, "status", explain_status(&entry->state));
    event_json_set_u64(object, "term", entry->state.term);
    for (size_t i = 0; i < story->line_count; i++) {
        if (in_range(range, story->lines[i].seq)) {
            json_array_append(events, story->lines[i].json);
        }
    }
    for (size_t i = 0; i < story->episode_count; i++) {
        if (in_range(range, story->episodes[i].change.seq)) {
            json_array_append_new(changes, episode_json(&story->episodes[i]));
        }
    }
    json_object_set_new(object, "events", events);
    json_object_set_new(object, "changes", changes);
    return object;
}

static bool is_shown(const struct range *range, const struct cluster_entry *entry)
{
    return range->only == NULL || range->only == entry;
}

static void print_json(const struct cluster_set *set, const struct range *range)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < set->count; i++) {
        if (is_shown(range, set->entries[i])) {
            json_array_append_new(list, story_json(set->entries[i], range));
        }
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* ---- the command ---- */

static void print_all(const struct cluster_set *set, const struct range *range)
{
    bool first = true;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!is_shown(range, set->entries[i])) {
            continue;
        }
        if (!first) {
            putchar('\n');
        }
        first = false;
        print_text(set->entries[i], range);
    }
}

/* False: there is no such incident. */
static bool find_range(const struct cluster_set *set, const struct options *options,
                       struct range *ret_range)
{
    struct incident incident;
    *ret_range = (struct range){NULL, options->from_seq, options->to_seq};
    if (options->incident == 0) {
        return true;
    }
    if (!stories_incident(set, options->incident, &incident)) {
        return false;
    }
    ret_range->only = incident.entry;
    incident_range(&incident, &ret_range->from_seq, &ret_range->to_seq);
    return true;
}

int timeline_run(const struct options *options)
{
    struct cluster_set *set = NULL;
    struct range range;
    int code = stories_read(options, &set);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!find_range(set, options, &range)) {
        fprintf(stderr,
                "pgbaton-replay: the log has no incident %u\n"
                "hint: pgbaton-replay incidents lists them\n",
                (unsigned)options->incident);
        code = EXIT_NONE;
    } else if (options->json) {
        print_json(set, &range);
    } else {
        print_all(set, &range);
    }
    stories_destroy(set);
    return code;
}
