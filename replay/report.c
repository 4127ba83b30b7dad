/* SPDX-License-Identifier: PostgreSQL */
/* report - a log as one page, drawing or model. */
#include "report.h"

#include "commands.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    const struct options *options;
    struct report *report;
    struct track *last; /* records of one cluster come one after the other */
    uint64_t from_us;   /* when the first record that is chosen was stored */
    uint64_t from_seq;  /* its sequence */
    bool out_of_memory;
};

struct track *report_track(const struct report *report, const struct cluster_entry *entry)
{
    for (size_t i = 0; i < report->track_count; i++) {
        if (report->tracks[i]->entry == entry) {
            return report->tracks[i];
        }
    }
    return NULL;
}

/* ---- reading ---- */

static struct track *add_track(struct report *report, struct cluster_entry *entry)
{
    struct track **tracks =
            realloc(report->tracks, (report->track_count + 1) * sizeof(struct track *));
    report->tracks = tracks != NULL ? tracks : report->tracks;
    struct track *track = tracks != NULL ? track_create(entry) : NULL;
    if (track != NULL) {
        report->tracks[report->track_count++] = track;
    }
    return track;
}

static struct track *track_of(struct reading *reading, struct cluster_entry *entry)
{
    if (reading->last == NULL || reading->last->entry != entry) {
        reading->last = report_track(reading->report, entry);
    }
    if (reading->last == NULL) {
        reading->last = add_track(reading->report, entry);
    }
    entry->extra = entry->extra != NULL ? entry->extra : story_create();
    return entry->extra != NULL ? reading->last : NULL;
}

static bool is_chosen(const struct options *options, const struct log_notice *record)
{
    const struct point since = options->points[0];
    const bool by_seq = since.seq == UINT64_MAX || record->seq >= since.seq;
    const bool by_time = since.us == UINT64_MAX || record->stored_us >= since.us;
    return record->seq >= options->from_seq && by_seq && by_time;
}

static bool visit(void *context, const struct log_notice *record, const struct folded *folded)
{
    struct reading *reading = context;
    if (strcmp(folded->cluster, "_") == 0) {
        return true;
    }
    struct track *track = track_of(reading, folded->entry);
    const bool added = track != NULL && story_add(folded->entry->extra, folded, true, false) &&
                       track_add(track, record, folded);
    reading->out_of_memory = !added;
    if (added && reading->from_us == 0 && is_chosen(reading->options, record)) {
        reading->from_us = track->now_us;
        reading->from_seq = record->seq;
    }
    return added;
}

static struct point end_of(const struct options *options)
{
    struct point to = options->points[1];
    to.seq = options->to_seq < to.seq ? options->to_seq : to.seq;
    return to;
}

static bool keep_cut(struct report *report, const struct reader *reader)
{
    const char *cut = reader != NULL ? reader_cut(reader) : NULL;
    report->cut = cut != NULL ? strdup(cut) : NULL;
    return cut == NULL || report->cut != NULL;
}

static enum result read_log(const struct options *options, struct reading *reading,
                            struct failure *reterr_failure)
{
    struct reader *reader = NULL;
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, reterr_failure);
    if (result == RESULT_OK) {
        result = history_read(reader, reading->report->set, end_of(options), visit, reading,
                              reterr_failure);
        reading->out_of_memory = !keep_cut(reading->report, reader) || reading->out_of_memory;
    }
    reader_close(reader);
    if (result == RESULT_OK && reading->out_of_memory) {
        result = failure_set(reterr_failure, RESULT_FAILED, "out of memory");
    }
    return result;
}

/* ---- what is shown ---- */

static uint64_t time_of_seq(const struct track *track, uint64_t seq)
{
    const struct story *story = track->entry->extra;
    const struct spot *spots = track->spots.items;
    uint64_t at_us = track->first_us;
    for (size_t i = 0; i < track->spots.count && story->lines[i].seq <= seq; i++) {
        at_us = spots[i].at_us;
    }
    return at_us;
}

void report_incident_range(const struct track *track, const struct incident *incident,
                           uint64_t *ret_from_us, uint64_t *ret_to_us)
{
    uint64_t from_seq = 0;
    uint64_t to_seq = 0;
    incident_range(incident, &from_seq, &to_seq);
    *ret_from_us = time_of_seq(track, from_seq);
    *ret_to_us = to_seq == UINT64_MAX ? track->now_us : time_of_seq(track, to_seq);
    *ret_from_us -= *ret_from_us > REPORT_MARGIN_US ? REPORT_MARGIN_US : 0;
    *ret_to_us += REPORT_MARGIN_US;
}

static bool choose_incident(struct report *report, uint32_t number)
{
    struct incident incident;
    struct report_range *range = &report->range;
    const bool found = stories_incident(report->set, number, &incident);
    const struct track *track = found ? report_track(report, incident.entry) : NULL;
    if (track == NULL) {
        fprintf(stderr,
                "pgbaton-replay: the log has no incident %u\n"
                "hint: pgbaton-replay incidents lists them\n",
                (unsigned)number);
        return false;
    }
    range->only = incident.entry;
    range->incident = number;
    report_incident_range(track, &incident, &range->from_us, &range->to_us);
    return true;
}

static bool choose(const struct options *options, const struct reading *reading,
                   struct report *report)
{
    report->range = (struct report_range){
            .from_us = reading->from_us, .to_us = UINT64_MAX, .from_seq = reading->from_seq};
    if (report->set->count == 0 || reading->from_us == 0) {
        fprintf(stderr, "pgbaton-replay: there is no record of any cluster to tell of\n");
        return false;
    }
    return options->incident == 0 || choose_incident(report, options->incident);
}

/* ---- the command ---- */

static int write_report(const struct options *options, const struct report *report)
{
    static const struct {
        const char *ending;
        bool (*draw)(FILE *file, const json_t *model);
    } kinds[] = {
            {".html", report_draw_page}, {".svg", report_draw_svg}, {".json", report_draw_json}};
    const char *ending = strrchr(options->output, '.');
    struct failure failure = {0};
    enum result result = RESULT_OK;
    json_t *model = report_model(report);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(ending, kinds[i].ending) == 0) {
            result = report_write(options->output, kinds[i].draw, model, &failure);
        }
    }
    json_decref(model);
    return result == RESULT_OK ? EXIT_DONE : history_fail(&failure);
}

static void finish(struct report *report)
{
    for (size_t i = 0; i < report->track_count; i++) {
        track_destroy(report->tracks[i]);
    }
    free(report->tracks);
    free((char *)(uintptr_t)report->cut);
    stories_destroy(report->set);
}

static bool is_complete(const struct options *options)
{
    const struct point since = options->points[0];
    const struct point until = options->points[1];
    const bool ranged = options->from_seq != 0 || options->to_seq != UINT64_MAX ||
                        since.seq != UINT64_MAX || since.us != UINT64_MAX ||
                        until.seq != UINT64_MAX || until.us != UINT64_MAX;
    if (options->output == NULL) {
        fprintf(stderr, "report: name the file that is to be written: -o FILE.html, FILE.svg or "
                        "FILE.json\n");
    } else if (options->incident != 0 && ranged) {
        fprintf(stderr, "report: --incident chooses the range by itself; it goes without --from, "
                        "--to, --since and --until\n");
    } else {
        return true;
    }
    fprintf(stderr, "try: pgbaton-replay report --help\n");
    return false;
}

int report_run(const struct options *options)
{
    if (!is_complete(options)) {
        return EXIT_USAGE;
    }
    struct failure failure = {0};
    struct report report = {.file = options->file, .set = cluster_set_create()};
    struct reading reading = {.options = options, .report = &report};
    if (report.set == NULL) {
        return EXIT_NONE;
    }
    int code = EXIT_NONE;
    if (read_log(options, &reading, &failure) != RESULT_OK) {
        code = history_fail(&failure);
    } else if (choose(options, &reading, &report)) {
        code = write_report(options, &report);
    }
    finish(&report);
    return code;
}
