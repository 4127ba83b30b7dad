/* SPDX-License-Identifier: PostgreSQL */
/* whatif - what other settings would have made of each change of leadership. */
#include "../proto/explain.h"
#include "commands.h"
#include "event_json.h"
#include "format.h"
#include "phases.h"
#include "whatif_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 256
#define CAVEAT_COUNT_MAX 8

/* One of the two courses of things; times count from planned_base_us(). */
struct course {
    const char *over;   /* how the old term ended */
    uint64_t over_ms;   /* UINT64_MAX: it did not, like all below */
    char to[NAME_SIZE]; /* empty: nobody */
    uint64_t granted_ms;
    uint64_t writable_ms;
    char risk[TEXT_BYTES];
};

struct caveats {
    uint32_t count;
    char texts[CAVEAT_COUNT_MAX][TEXT_BYTES];
};

static const char *const end_names[] = {
        [REHEARSAL_OPEN] = "open",     [REHEARSAL_GRANT] = "granted",
        [REHEARSAL_NOBODY] = "nobody", [REHEARSAL_WAITS] = "waits",
        [REHEARSAL_KEPT] = "kept",     [REHEARSAL_RESTART] = "restarted",
};
_Static_assert(sizeof end_names / sizeof end_names[0] == REHEARSAL_END_COUNT, "one each");

static uint64_t since_ms(const struct planned *planned, uint64_t us)
{
    const uint64_t base_us = planned_base_us(planned);
    if (us == 0) {
        return UINT64_MAX;
    }
    return us > base_us ? (us - base_us) / 1000 : 0;
}

/* ---- the two courses ---- */

static void tell_risk(const struct change *change, char *ret_text, size_t size)
{
    const struct episode episode = {.change = *change, .loss_bytes = change->loss_bytes};
    char time[FORMAT_TIME_SIZE];
    format_local(change->leader_wall_us, time);
    phases_risk(&episode, time + 11, ret_text, size);
}

static struct course real_course(const struct planned *planned)
{
    const struct change *change = &planned->incident.episode->change;
    struct course course = {
            .over = planned->silent ? "revoked" : "released",
            .over_ms = since_ms(planned, planned->ended_us),
            .granted_ms = since_ms(planned, planned->granted_us),
            .writable_ms = since_ms(planned, planned->writable_us),
    };
    memcpy(course.to, change->to, sizeof course.to);
    tell_risk(change, course.risk, sizeof course.risk);
    return course;
}

/* The new leader is taken to need as long as the real one did. */
static uint64_t writable_ms(const struct planned *planned, uint64_t granted_ms)
{
    const bool known = planned->writable_us > planned->granted_us;
    return known ? granted_ms + (planned->writable_us - planned->granted_us) / 1000 : UINT64_MAX;
}

static struct course other_course(const struct planned *planned)
{
    const struct rehearsal *r = planned->rehearsal;
    struct course course = {
            .over = r->c.ending.reason == REASON_LEASE_EXPIRED ? "revoked" : "released",
            .over_ms = since_ms(planned, r->over_us),
            .granted_ms = UINT64_MAX,
            .writable_ms = UINT64_MAX,
    };
    if (r->end == REHEARSAL_GRANT) {
        course.granted_ms = since_ms(planned, r->decision_us);
        course.writable_ms = writable_ms(planned, course.granted_ms);
        memcpy(course.to, r->decision.body.grant.node, sizeof course.to);
        tell_risk(&r->c.change, course.risk, sizeof course.risk);
    }
    return course;
}

/* What stands in the place of a grant. */
static void tell_outcome(const struct planned *planned, char *ret_text, size_t size)
{
    static const char *const texts[] = {
            [REHEARSAL_OPEN] = "",
            [REHEARSAL_GRANT] = "",
            [REHEARSAL_NOBODY] = "to nobody: ",
            [REHEARSAL_WAITS] = "to nobody: nothing is decided",
            [REHEARSAL_KEPT] = "not at all: the old leader spoke again",
            [REHEARSAL_RESTART] = "not at all: PostgreSQL restarted in place",
    };
    _Static_assert(sizeof texts / sizeof texts[0] == REHEARSAL_END_COUNT, "one each");
    const struct rehearsal *r = planned->rehearsal;
    const bool nobody = r->end == REHEARSAL_NOBODY;
    (void)snprintf(ret_text, size, "%s%s", texts[r->end], nobody ? r->decision.decision.rule : "");
}

/* Times are of two machines' clocks and of a log's round trips: less is no difference. */
#define SAME_MS 50

static bool is_near(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms == b_ms || (a_ms != UINT64_MAX && b_ms != UINT64_MAX &&
                            (a_ms > b_ms ? a_ms - b_ms : b_ms - a_ms) <= SAME_MS);
}

static bool is_same(const struct course *a, const struct course *b)
{
    return strcmp(a->to, b->to) == 0 && is_near(a->over_ms, b->over_ms) &&
           is_near(a->granted_ms, b->granted_ms) && strcmp(a->risk, b->risk) == 0;
}

/* The first record that would not stand there, or not then. */
static uint64_t parting_seq(const struct planned *planned, const struct course *real,
                            const struct course *other)
{
    const struct change *change = &planned->incident.episode->change;
    return is_near(real->over_ms, other->over_ms) ? change->seq : change->ended_seq;
}

/* ---- what cannot be known ---- */

static void add(struct caveats *caveats, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void add(struct caveats *caveats, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (caveats->count < CAVEAT_COUNT_MAX) {
        (void)vsnprintf(caveats->texts[caveats->count++], TEXT_BYTES, format, arguments);
    }
    va_end(arguments);
}

static void add_of_end(const struct rehearsal *r, struct caveats *caveats)
{
    const char *leader = r->c.nodes[r->leader].name;
    if (r->end == REHEARSAL_KEPT) {
        add(caveats,
            "%s wrote to the log again before its lease would have been over: whether it could "
            "have renewed in time the log does not say",
            leader);
    } else if (r->end == REHEARSAL_RESTART) {
        add(caveats,
            "how long PostgreSQL would have recovered on %s is not known; after "
            "primary_start_timeout (%" PRIu32 " ms) it would have been given up",
            leader, r->c.config.primary_start_timeout_ms);
    }
}

static void add_of_settings(const struct rehearsal *r, struct caveats *caveats)
{
    const struct whatif_settings *settings = r->settings;
    if (whatif_settings_names(settings, "probe_period") ||
        whatif_settings_names(settings, "probe_timeout") ||
        whatif_settings_names(settings, "probe_failure_threshold")) {
        add(caveats, "when a fault is noticed follows from the probes: the log holds what the "
                     "agents noticed with the settings of then");
    }
    if (whatif_settings_names(settings, "synchronous") ||
        whatif_settings_names(settings, "synchronous_count")) {
        add(caveats,
            "commits are taken to have waited so for long, for the standbys that streamed; "
            "what clients would have written then is not known");
    }
    if (whatif_settings_names(settings, "lease_ttl") && r->over_us != 0 &&
        r->c.ending.reason != REASON_LEASE_EXPIRED) {
        add(caveats,
            "an agent that gives its term up does so whatever the lease: it does not matter "
            "here");
    }
}

static void add_assumed(const struct rehearsal *r, struct caveats *caveats)
{
    for (uint32_t i = 0; i < r->c.node_count; i++) {
        if ((r->assumed >> i & 1U) != 0) {
            add(caveats,
                "%s had not reported when the term was really granted: it is taken to "
                "stand where it stood last",
                r->c.nodes[i].name);
        }
    }
}

static void caveats_of(const struct planned *planned, struct caveats *ret_caveats)
{
    const struct rehearsal *r = planned->rehearsal;
    ret_caveats->count = 0;
    add_of_end(r, ret_caveats);
    add_of_settings(r, ret_caveats);
    add_assumed(r, ret_caveats);
    if (r->end == REHEARSAL_GRANT) {
        add(ret_caveats, "the new leader is taken to need as long for its first write as the real "
                         "one did");
    }
}

/* ---- text ---- */

static void print_row(const char *label, const char *real, const char *other)
{
    printf("  %-16s %-36s %s\n", label, real, other);
}

/* "47 ms  to node-3"; "-" when it did not come to it. */
static const char *moment_text(uint64_t ms, const char *what, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, ms == UINT64_MAX ? "-" : "%" PRIu64 " ms  %s", ms, what);
    return buffer;
}

static void print_words(const struct whatif_settings *settings)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        printf("%s%s", i == 0 ? "" : " ", settings->words[i]);
    }
}

static const struct candidate_list *candidates_of(const struct event *e)
{
    return e->kind == EVENT_GRANT ? &e->body.grant.candidates : &e->body.no_candidate.candidates;
}

static void print_candidates(const struct rehearsal *r)
{
    const struct candidate_list *list = candidates_of(&r->decision);
    if (r->end != REHEARSAL_GRANT && r->end != REHEARSAL_NOBODY) {
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = &list->items[i];
        char verdict[EXPLAIN_VERDICT_SIZE];
        explain_verdict(candidate->verdict, candidate->reason, verdict);
        printf("  %-16s %s %s\n", i == 0 ? "candidates then" : "", candidate->node, verdict);
    }
}

static void print_risks(const struct course *real, const struct course *other)
{
    const bool same = strcmp(real->risk, other->risk) == 0;
    printf("  %-16s %s\n", same ? "at risk, both" : "at risk, really", real->risk);
    if (!same) {
        printf("  %-16s %s\n", "at risk, then", other->risk);
    }
}

static void print_moments(const struct course *real, const struct course *other,
                          const char *instead)
{
    char to[NAME_SIZE + 4];
    char left[TEXT_BYTES];
    char right[TEXT_BYTES];
    print_row("old term over", moment_text(real->over_ms, real->over, left, sizeof left),
              moment_text(other->over_ms, other->over, right, sizeof right));
    (void)snprintf(to, sizeof to, "to %s", real->to);
    (void)moment_text(real->granted_ms, to, left, sizeof left);
    (void)snprintf(to, sizeof to, "to %s", other->to);
    (void)moment_text(other->granted_ms, to, right, sizeof right);
    print_row("granted", left, other->to[0] != '\0' ? right : instead);
    print_row("first write", moment_text(real->writable_ms, "", left, sizeof left),
              moment_text(other->writable_ms, "estimated", right, sizeof right));
}

static void print_courses(const struct planned *planned)
{
    const struct course real = real_course(planned);
    const struct course other = other_course(planned);
    char outcome[TEXT_BYTES];
    tell_outcome(planned, outcome, sizeof outcome);
    print_moments(&real, &other, outcome);
    if (other.to[0] != '\0') {
        print_risks(&real, &other);
    } else {
        printf("  %-16s %s\n", "at risk, really", real.risk);
    }
    print_candidates(planned->rehearsal);
    if (is_same(&real, &other)) {
        puts("  Nothing would have been different.");
    } else {
        printf("  From sequence %" PRIu64 " on the log would be another one.\n",
               parting_seq(planned, &real, &other));
    }
}

static void print_planned(const struct plan *plan, const struct planned *planned)
{
    const struct change *change = &planned->incident.episode->change;
    char time[FORMAT_TIME_SIZE];
    format_local(change->detected_wall_us, time);
    printf("\nIncident %" PRIu32 " of %s, %s: %s -> %s, %s\n", planned->incident.number,
           planned->incident.entry->state.name, time, change->from, change->to,
           reason_text(change->reason));
    if (planned->was_asked_for) {
        puts("  It was asked for: nothing to decide again.");
        return;
    }
    if (planned->rehearsal == NULL) {
        puts("  The log does not reach back to where it began.");
        return;
    }
    struct caveats caveats;
    printf("  %-16s %-36s with ", "", "as it was");
    print_words(plan->settings);
    putchar('\n');
    print_courses(planned);
    caveats_of(planned, &caveats);
    for (uint32_t i = 0; i < caveats.count; i++) {
        printf("  %s %s\n", i == 0 ? "Not to be known:" : "                ", caveats.texts[i]);
    }
}

/* ---- JSON ---- */

static json_t *ms_json(uint64_t ms)
{
    return ms == UINT64_MAX ? json_null() : json_integer((json_int_t)ms);
}

static json_t *course_json(const struct course *course)
{
    json_t *object = json_object();
    json_object_set_new(object, "over",
                        course->over_ms != UINT64_MAX ? json_string(course->over) : json_null());
    json_object_set_new(object, "over_ms", ms_json(course->over_ms));
    json_object_set_new(object, "to",
                        course->to[0] != '\0' ? json_string(course->to) : json_null());
    json_object_set_new(object, "granted_ms", ms_json(course->granted_ms));
    json_object_set_new(object, "writable_ms", ms_json(course->writable_ms));
    event_json_set_text(object, "at_risk", course->risk);
    return object;
}

static json_t *candidates_json(const struct rehearsal *r)
{
    json_t *list = json_array();
    const struct candidate_list *candidates = candidates_of(&r->decision);
    const bool decided = r->end == REHEARSAL_GRANT || r->end == REHEARSAL_NOBODY;
    for (uint32_t i = 0; decided && i < candidates->count; i++) {
        json_t *object = json_object();
        event_json_set_text(object, "node", candidates->items[i].node);
        event_json_set_text(object, "verdict", verdict_name(candidates->items[i].verdict));
        event_json_set_text(object, "reason", reason_name(candidates->items[i].reason));
        json_array_append_new(list, object);
    }
    return list;
}

static void put_rehearsal(json_t *object, const struct planned *planned)
{
    const struct course real = real_course(planned);
    const struct course other = other_course(planned);
    const bool same = is_same(&real, &other);
    struct caveats caveats;
    json_t *texts = json_array();
    caveats_of(planned, &caveats);
    for (uint32_t i = 0; i < caveats.count; i++) {
        json_array_append_new(texts, json_string(caveats.texts[i]));
    }
    event_json_set_text(object, "outcome", end_names[planned->rehearsal->end]);
    event_json_set_text(object, "rule", planned->rehearsal->decision.decision.rule);
    json_object_set_new(object, "really", course_json(&real));
    json_object_set_new(object, "with", course_json(&other));
    json_object_set_new(object, "candidates", candidates_json(planned->rehearsal));
    json_object_set_new(object, "same", json_boolean(same));
    json_object_set_new(object, "parts_at_seq",
                        same ? json_null()
                             : json_integer((json_int_t)parting_seq(planned, &real, &other)));
    json_object_set_new(object, "not_known", texts);
}

static json_t *planned_json(const struct planned *planned)
{
    const struct change *change = &planned->incident.episode->change;
    json_t *object = json_object();
    event_json_set_u64(object, "incident", planned->incident.number);
    event_json_set_text(object, "cluster", planned->incident.entry->state.name);
    event_json_set_time(object, "detected_at", change->detected_wall_us);
    event_json_set_text(object, "from", change->from);
    event_json_set_text(object, "reason", reason_name(change->reason));
    if (planned->rehearsal != NULL) {
        put_rehearsal(object, planned);
    } else {
        event_json_set_text(object, "outcome", planned->was_asked_for ? "asked_for" : "unknown");
    }
    return object;
}

static void print_json(const struct plan *plan)
{
    json_t *object = json_object();
    json_t *words = json_array();
    json_t *list = json_array();
    for (uint32_t i = 0; i < plan->settings->count; i++) {
        json_array_append_new(words, json_string(plan->settings->words[i]));
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        json_array_append_new(list, planned_json(&plan->items[i]));
    }
    json_object_set_new(object, "set", words);
    json_object_set_new(object, "incidents", list);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

int whatif_run(const struct options *options)
{
    struct whatif_settings settings;
    struct failure failure = {0};
    struct plan plan;
    if (whatif_settings_take(options, &settings, &failure) != RESULT_OK) {
        (void)history_fail(&failure);
        return EXIT_USAGE;
    }
    const int code = plan_make(options, &settings, &plan);
    if (code == EXIT_DONE && options->json) {
        print_json(&plan);
    } else if (code == EXIT_DONE && plan.count == 0) {
        puts("No leader was ever replaced.");
    } else if (code == EXIT_DONE) {
        for (uint32_t i = 0; i < plan.count; i++) {
            print_planned(&plan, &plan.items[i]);
        }
    }
    plan_free(&plan);
    return code;
}
