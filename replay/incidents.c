/* SPDX-License-Identifier: PostgreSQL */
/* incidents - every change of leadership in a log, one line each. */
#include "commands.h"
#include "event_json.h"
#include "format.h"
#include "stories.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 1024

static void print_incident(const struct incident *incident)
{
    const struct change *change = &incident->episode->change;
    char time[FORMAT_TIME_SIZE];
    char outage[32] = "not over";
    char text[TEXT_BYTES];
    uint64_t ms = 0;
    format_local(change->detected_wall_us, time);
    if (incident_outage(incident->episode, &ms)) {
        (void)snprintf(outage, sizeof outage, "%" PRIu64 " ms", ms);
    }
    explain_change(change, text, sizeof text);
    format_clean(text);
    printf("%4" PRIu32 "  %s  %-12s  %4" PRIu64 "  %9s  %s\n", incident->number, time,
           incident->entry->state.name, change->term, outage, text);
}

static json_t *incident_json(const struct incident *incident)
{
    const struct change *change = &incident->episode->change;
    char text[TEXT_BYTES];
    uint64_t ms = 0;
    uint64_t from_seq = 0;
    uint64_t to_seq = 0;
    json_t *object = json_object();
    event_json_set_u64(object, "incident", incident->number);
    event_json_set_text(object, "cluster", incident->entry->state.name);
    event_json_set_time(object, "detected_at", change->detected_wall_us);
    event_json_set_u64(object, "term", change->term);
    event_json_set_text(object, "from", change->from);
    event_json_set_text(object, "to", change->to);
    event_json_set_text(object, "reason", reason_name(change->reason));
    event_json_set_text(object, "rule", incident->episode->rule);
    const bool over = incident_outage(incident->episode, &ms);
    json_object_set_new(object, "outage_ms", over ? json_integer((json_int_t)ms) : json_null());
    incident_range(incident, &from_seq, &to_seq);
    event_json_set_u64(object, "from_seq", from_seq);
    json_object_set_new(object, "to_seq",
                        to_seq != UINT64_MAX ? json_integer((json_int_t)to_seq) : json_null());
    explain_change(change, text, sizeof text);
    event_json_set_text(object, "text", text);
    return object;
}

static void print_all(const struct cluster_set *set, bool json)
{
    struct incident incident;
    json_t *list = json_array();
    for (uint32_t number = 1; stories_incident(set, number, &incident); number++) {
        if (json) {
            json_array_append_new(list, incident_json(&incident));
            continue;
        }
        if (number == 1) {
            printf("%4s  %-23s  %-12s  %4s  %9s  %s\n", "NO", "NOTICED", "CLUSTER", "TERM",
                   "OUTAGE", "WHAT");
        }
        print_incident(&incident);
    }
    if (json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (!stories_incident(set, 1, &incident)) {
        puts("No leader was ever replaced.");
    }
    json_decref(list);
}

int incidents_run(const struct options *options)
{
    struct cluster_set *set = NULL;
    const int code = stories_read(options, &set);
    if (code == EXIT_DONE) {
        print_all(set, options->json);
        stories_destroy(set);
    }
    return code;
}
