/* SPDX-License-Identifier: PostgreSQL */
/* report_svg - the model as a drawing: the lanes of each cluster, and the phases of its incidents.
 */
#include "event_json.h"
#include "format.h"
#include "report.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH 1200
#define LEFT 150
#define RIGHT 20
#define LANE_HEIGHT 76
#define INCIDENT_HEIGHT 98
/* A drawing of more is no drawing; the page has them all. */
#define INCIDENT_MAX 40
#define TICK_COUNT 8

struct sheet {
    FILE *file;
    int64_t from_us;
    int64_t to_us;
    double y;
};

/* ---- the model ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const json_t *list_of(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

/* ---- pieces ---- */

static double place(const struct sheet *sheet, int64_t us)
{
    const double width = WIDTH - LEFT - RIGHT;
    const double total = (double)(sheet->to_us - sheet->from_us);
    const double part = total > 0 ? (double)(us - sheet->from_us) / total : 0;
    return LEFT + width * (part < 0 ? 0 : part > 1 ? 1 : part);
}

static void put_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        switch (byte) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            (void)fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, file);
        }
    }
}

static void put_label(const struct sheet *sheet, double x, double y, const char *class,
                      const char *text)
{
    fprintf(sheet->file, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    put_text(sheet->file, text);
    fputs("</text>\n", sheet->file);
}

struct box {
    double x;
    double y;
    double width;
    double height;
};

/* With a tooltip, which most viewers show. */
static void put_box(const struct sheet *sheet, struct box box, const char *class, const char *title)
{
    fprintf(sheet->file,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>",
            box.x, box.y, box.width < 1 ? 1 : box.width, box.height, class);
    put_text(sheet->file, title);
    fputs("</title></rect>\n", sheet->file);
}

/* What fits, at 6.6 pixels a letter. */
static void put_caption(const struct sheet *sheet, struct box box, const char *text)
{
    if ((double)strlen(text) * 6.6 + 8 < box.width) {
        put_label(sheet, box.x + 4, box.y + box.height - 6, "c", text);
    }
}

/* ---- lanes ---- */

/* The beginning and the end of one that is long: names of one cluster often begin alike. */
static void put_name(const struct sheet *sheet, const char *name)
{
    char text[64];
    const size_t length = strlen(name);
    (void)snprintf(text, sizeof text, length > 17 ? "%.8s\xe2\x80\xa6%s" : "%s%s", name,
                   length > 17 ? name + length - 8 : "");
    put_label(sheet, 8, sheet->y + 14, "n", text);
}

/* The fill of a state; all are told apart by their pattern and their caption, too. */
static const char *class_of(const json_t *span)
{
    static const struct {
        const char *status;
        const char *class;
    } classes[] = {
            {"streaming", "standby"}, {"running", "behind"},    {"promoting", "change"},
            {"starting", "change"},   {"stopping", "change"},   {"rebuilding", "rebuild"},
            {"empty", "bad"},         {"failed", "bad"},        {"deposed", "bad"},
            {"leaderless", "bad"},    {"electing", "bad"},      {"frozen", "bad"},
            {"switching", "change"},  {"restarting", "change"}, {"bootstrapping", "change"},
    };
    const char *status = text_of(span, "status");
    const char *role = text_of(span, "role");
    const bool leads = strcmp(role, "primary") == 0 || strcmp(role, "standby_leader") == 0;
    const bool serves = list_of(span, "leader") != NULL && strcmp(status, "running") == 0;
    if (leads || serves) {
        return "primary";
    }
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(classes[i].status, status) == 0) {
            return classes[i].class;
        }
    }
    return "off";
}

static void caption_of(const json_t *span, char *text, size_t size)
{
    const char *role = text_of(span, "role");
    const char *leader = text_of(span, "leader");
    const int64_t term = number_of(span, "term");
    const bool leads = strcmp(role, "primary") == 0;
    if (leads && term != 0) {
        (void)snprintf(text, size, "primary, term %" PRId64, term);
    } else if (leader[0] != '\0') {
        (void)snprintf(text, size, "%s, term %" PRId64 " of %s", text_of(span, "status"), term,
                       leader);
    } else {
        (void)snprintf(text, size, "%s", leads ? "primary" : text_of(span, "status"));
    }
}

static void draw_spans(const struct sheet *sheet, const json_t *spans)
{
    size_t i = 0;
    const json_t *span = NULL;
    json_array_foreach(spans, i, span)
    {
        char caption[128];
        const double x = place(sheet, number_of(span, "from_us"));
        const struct box box = {x, sheet->y, place(sheet, number_of(span, "to_us")) - x, 20};
        caption_of(span, caption, sizeof caption);
        put_box(sheet, box, class_of(span), caption);
        put_caption(sheet, box, caption);
    }
}

static void draw_leases(const struct sheet *sheet, const json_t *leases)
{
    size_t i = 0;
    const json_t *lease = NULL;
    json_array_foreach(leases, i, lease)
    {
        char title[128];
        const double x = place(sheet, number_of(lease, "from_us"));
        const struct box box = {x, sheet->y + 23, place(sheet, number_of(lease, "to_us")) - x, 5};
        (void)snprintf(title, sizeof title, "lease of term %" PRId64 ", %" PRId64 " renewals, %s",
                       number_of(lease, "term"), number_of(lease, "renewals"),
                       text_of(lease, "end"));
        put_box(sheet, box, "lease", title);
    }
}

static void draw_health(const struct sheet *sheet, const json_t *spans)
{
    size_t i = 0;
    const json_t *span = NULL;
    json_array_foreach(spans, i, span)
    {
        const double x = place(sheet, number_of(span, "from_us"));
        const struct box box = {x, sheet->y + 30, place(sheet, number_of(span, "to_us")) - x, 4};
        if (strcmp(text_of(span, "status"), "ok") != 0) {
            put_box(sheet, box, "ill", text_of(span, "status"));
        }
    }
}

static int64_t largest_lag(const json_t *lags)
{
    size_t i = 0;
    const json_t *sample = NULL;
    int64_t largest = 0;
    json_array_foreach(lags, i, sample)
    {
        const int64_t bytes = json_integer_value(json_array_get(sample, 1));
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* Steps: a lag is what it was until it is told anew, or nothing is known of it. */
static void draw_lag(const struct sheet *sheet, const json_t *lags)
{
    const int64_t largest = largest_lag(lags);
    const double floor = sheet->y + 52;
    size_t i = 0;
    const json_t *sample = NULL;
    char text[64];
    char bytes[FORMAT_TIME_SIZE];
    bool begun = false;
    if (json_array_size(lags) == 0) {
        return;
    }
    fprintf(sheet->file, "<path class=\"lag\" d=\"");
    json_array_foreach(lags, i, sample)
    {
        const json_t *now = json_array_get(sample, 1);
        const double share = largest > 0 ? (double)json_integer_value(now) / (double)largest : 0;
        const double x = place(sheet, json_integer_value(json_array_get(sample, 0)));
        const bool known = !json_is_null(now);
        if (begun) {
            fprintf(sheet->file, "H%.1f", x);
        } else if (known) {
            fprintf(sheet->file, "M%.1f %.1f", x, floor);
        }
        if (known) {
            fprintf(sheet->file, "V%.1f", floor - 14 * share);
        }
        begun = known;
    }
    fprintf(sheet->file, begun ? "H%d\"/>\n" : "\"/>\n", WIDTH - RIGHT);
    format_bytes((uint64_t)largest, bytes);
    (void)snprintf(text, sizeof text, largest > 0 ? "lag, at most %s" : "lag %s", bytes);
    put_label(sheet, 8, floor, "s", text);
}

static void draw_marks(const struct sheet *sheet, const json_t *events, const char *node)
{
    size_t i = 0;
    const json_t *event = NULL;
    double last = 0;
    json_array_foreach(events, i, event)
    {
        const char *severity = text_of(event, "severity");
        const bool bad = strcmp(severity, "INFO") != 0 && strcmp(severity, "DEBUG") != 0;
        const double x = place(sheet, number_of(event, "at_us"));
        if (strcmp(text_of(event, "node"), node) != 0 || (!bad && x - last < 2)) {
            continue;
        }
        last = x;
        fprintf(sheet->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" class=\"%s\"><title>", x,
                sheet->y + 62, bad ? "4" : "2.5", bad ? "warning" : "info");
        put_text(sheet->file, text_of(event, "text"));
        fputs("</title></circle>\n", sheet->file);
    }
}

static void draw_nodes(struct sheet *sheet, const json_t *cluster)
{
    size_t i = 0;
    const json_t *node = NULL;
    const json_t *events = list_of(cluster, "events");
    put_label(sheet, 8, sheet->y + 14, "n", "cluster");
    draw_spans(sheet, list_of(cluster, "states"));
    sheet->y -= 34;
    draw_marks(sheet, events, "");
    sheet->y += 34 + 44;
    json_array_foreach(list_of(cluster, "nodes"), i, node)
    {
        put_name(sheet, text_of(node, "name"));
        put_label(sheet, 8, sheet->y + 30, "s", "lease, health");
        draw_spans(sheet, list_of(node, "roles"));
        draw_leases(sheet, list_of(node, "leases"));
        draw_health(sheet, list_of(node, "health"));
        draw_lag(sheet, list_of(node, "lag"));
        draw_marks(sheet, events, text_of(node, "name"));
        sheet->y += LANE_HEIGHT;
    }
}

/* ---- the axis ---- */

static void format_day(int64_t us, char ret_text[FORMAT_TIME_SIZE])
{
    char iso[FORMAT_TIME_SIZE];
    format_iso((uint64_t)us, iso);
    iso[10] = ' ';
    (void)snprintf(ret_text, FORMAT_TIME_SIZE, "%.23s", iso);
}

static void draw_axis(const struct sheet *sheet, double height)
{
    char text[FORMAT_TIME_SIZE];
    for (int i = 0; i <= TICK_COUNT; i++) {
        const int64_t us = sheet->from_us + (sheet->to_us - sheet->from_us) * i / TICK_COUNT;
        const double x = place(sheet, us);
        format_day(us, text);
        fprintf(sheet->file, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x, sheet->y,
                sheet->y + height);
        put_label(sheet, x, sheet->y - 4, i == TICK_COUNT ? "s e" : "s m", text + 11);
    }
}

/* ---- incidents ---- */

/* To scale: from the fault to the first write. */
static void draw_phases(const struct sheet *sheet, const json_t *incident)
{
    static const char *const classes[] = {"p0", "p1", "p2", "p3"};
    const int64_t end_ms = number_of(incident, "outage_ms");
    const struct sheet scale = {sheet->file, 0, end_ms > 0 ? end_ms : 1, sheet->y};
    size_t i = 0;
    const json_t *phase = NULL;
    int64_t before_ms = 0;
    json_array_foreach(list_of(incident, "phases"), i, phase)
    {
        char text[128];
        const int64_t ms = number_of(phase, "ms");
        if (ms <= before_ms || ms > end_ms) {
            continue;
        }
        const double x = place(&scale, before_ms);
        const struct box box = {x, sheet->y + 24, place(&scale, ms) - x, 20};
        (void)snprintf(text, sizeof text, "%s %" PRId64 " ms", text_of(phase, "activity"),
                       ms - before_ms);
        put_box(sheet, box, classes[i % 4], text);
        put_caption(sheet, box, text);
        before_ms = ms;
    }
}

/* The phase with which the outage is over. */
static const char *last_phase(const json_t *incident)
{
    size_t i = 0;
    const json_t *phase = NULL;
    json_array_foreach(list_of(incident, "phases"), i, phase)
    {
        if (strcmp(text_of(phase, "name"), "acknowledged") == 0) {
            return "acknowledged";
        }
    }
    return "writable";
}

/* Up to that one, or what follows. */
static void list_phases_text(const json_t *incident, bool after, char *text, size_t size)
{
    const char *last = last_phase(incident);
    size_t i = 0;
    size_t used = 0;
    const json_t *phase = NULL;
    bool past = false;
    text[0] = '\0';
    json_array_foreach(list_of(incident, "phases"), i, phase)
    {
        const int written = past != after
                                    ? 0
                                    : snprintf(text + used, size - used, "%s%s %" PRId64 " ms",
                                               used > 0 ? ", " : "", text_of(phase, "label"),
                                               number_of(phase, "ms"));
        used += written > 0 && (size_t)written < size - used ? (size_t)written : 0;
        past = past || strcmp(text_of(phase, "name"), last) == 0;
    }
}

static void draw_incidents(struct sheet *sheet, const json_t *incidents)
{
    size_t i = 0;
    const json_t *incident = NULL;
    json_array_foreach(incidents, i, incident)
    {
        char time[FORMAT_TIME_SIZE];
        char text[1024];
        if (i == INCIDENT_MAX) {
            (void)snprintf(text, sizeof text, "%zu more incidents are not drawn",
                           json_array_size(incidents) - i);
            put_label(sheet, 8, sheet->y + 14, "n", text);
            return;
        }
        format_day(number_of(incident, "noticed_us"), time);
        (void)snprintf(text, sizeof text, "Incident %" PRId64 ", %s UTC: %s",
                       number_of(incident, "number"), time, text_of(incident, "text"));
        put_label(sheet, 8, sheet->y + 14, "n", text);
        draw_phases(sheet, incident);
        list_phases_text(incident, false, text, sizeof text);
        put_label(sheet, 8, sheet->y + 60, "s", text);
        list_phases_text(incident, true, text, sizeof text);
        put_label(sheet, 8, sheet->y + 75, "s", text);
        sheet->y += INCIDENT_HEIGHT;
    }
}

/* ---- the drawing ---- */

static const char style[] =
        "<style>text{font-family:sans-serif;fill:#111}.t{font-size:18px;font-weight:bold}"
        ".n{font-size:13px;font-weight:bold}.s{font-size:11px;fill:#444}.c{font-size:12px}"
        ".m{text-anchor:middle}.e{text-anchor:end}.grid{stroke:#ddd}"
        "rect{stroke:#333;stroke-width:.5}pattern "
        "rect{stroke:none}.primary{fill:#7fb8dc}.standby{fill:#a5dcc8}"
        ".behind{fill:url(#h3)}.change{fill:url(#h1)}.rebuild{fill:url(#h2)}.bad{fill:url(#h4)}"
        ".off{fill:#ddd}.lease{fill:#0b4f79}.ill{fill:#b3261e}.lag{fill:none;stroke:#7a4a00}"
        ".info{fill:#555}.warning{fill:#b3261e}.p0{fill:#cfe4f2}.p1{fill:#f6dfae}"
        ".p2{fill:#cdebdf}.p3{fill:#ecd2e2}</style>\n";

static void draw_legend(struct sheet *sheet)
{
    static const struct {
        const char *class;
        const char *word;
    } entries[] = {
            {"primary", "primary"},      {"standby", "standby, streaming"},
            {"behind", "not streaming"}, {"change", "on its way"},
            {"rebuild", "being copied"}, {"bad", "cannot serve"},
            {"off", "stopped, gone"},    {"lease", "lease"},
            {"ill", "ill, not heard"},
    };
    double x = LEFT;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        const struct box box = {x, sheet->y, 20, 12};
        put_box(sheet, box, entries[i].class, entries[i].word);
        put_label(sheet, x + 25, sheet->y + 10, "s", entries[i].word);
        x += 42 + 6.2 * (double)strlen(entries[i].word);
    }
    sheet->y += 30;
}

static void put_pattern(FILE *file, const char *id, const char *colors, int degrees)
{
    fprintf(file,
            "<pattern id=\"%s\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
            "patternTransform=\"rotate(%d)\"><rect width=\"8\" height=\"8\" stroke=\"none\" "
            "fill=\"%.7s\"/><path d=\"M2 0V8\" stroke=\"%s\" stroke-width=\"2\"/></pattern>\n",
            id, degrees, colors, colors + 8);
}

static double height_of(const json_t *cluster)
{
    const size_t incidents = json_array_size(list_of(cluster, "incidents"));
    const size_t drawn = incidents < INCIDENT_MAX ? incidents : INCIDENT_MAX + 1;
    return 150.0 + LANE_HEIGHT * (double)json_array_size(list_of(cluster, "nodes")) +
           INCIDENT_HEIGHT * (double)drawn;
}

static void draw_cluster(struct sheet *sheet, const json_t *cluster)
{
    char text[256];
    char from[FORMAT_TIME_SIZE];
    char to[FORMAT_TIME_SIZE];
    const double begun = sheet->y;
    sheet->from_us = number_of(cluster, "from_us");
    sheet->to_us = number_of(cluster, "to_us");
    format_day(sheet->from_us, from);
    format_day(sheet->to_us, to);
    (void)snprintf(text, sizeof text, "Cluster %s, %s to %s UTC: %s, term %" PRId64,
                   text_of(cluster, "name"), from, to, text_of(cluster, "status"),
                   number_of(cluster, "term"));
    put_label(sheet, 8, sheet->y + 24, "t", text);
    sheet->y += 56;
    draw_axis(sheet, 44 + LANE_HEIGHT * (double)json_array_size(list_of(cluster, "nodes")));
    draw_nodes(sheet, cluster);
    draw_legend(sheet);
    draw_incidents(sheet, list_of(cluster, "incidents"));
    sheet->y = begun + height_of(cluster);
}

bool report_draw_svg(FILE *file, const json_t *model)
{
    const json_t *clusters = list_of(model, "clusters");
    const char *cut = text_of(model, "cut");
    struct sheet sheet = {.file = file};
    size_t i = 0;
    const json_t *cluster = NULL;
    double height = cut[0] != '\0' ? 30 : 0;
    json_array_foreach(clusters, i, cluster)
    {
        height += height_of(cluster);
    }
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
            "height=\"%.0f\" role=\"img\">\n<title>pgbaton report</title>\n",
            WIDTH, height, WIDTH, height);
    fputs(style, file);
    fputs("<defs>\n", file);
    put_pattern(file, "h1", "#ffe9b8 #c98a00", 45);
    put_pattern(file, "h2", "#dff1fb #3a8fc0", 90);
    put_pattern(file, "h3", "#d9f2e8 #7cc4aa", 0);
    put_pattern(file, "h4", "#fbdcd3 #c4532a", -45);
    fprintf(file, "</defs>\n<rect width=\"%d\" height=\"%.0f\" fill=\"#fff\" stroke=\"none\"/>\n",
            WIDTH, height);
    if (cut[0] != '\0') {
        put_label(&sheet, 8, 20, "n", cut);
        sheet.y = 30;
    }
    json_array_foreach(clusters, i, cluster)
    {
        draw_cluster(&sheet, cluster);
    }
    return fputs("</svg>\n", file) != EOF && ferror(file) == 0;
}
