/* SPDX-License-Identifier: PostgreSQL */
/* explain - why the cluster is as it is, what would happen if its leader died now, and what stands
 * in the way of a switchover to each node. */
#include "../proto/explain.h"
#include "../proto/standby.h"
#include "../proto/waiting.h"
#include "../replay/describe.h"
#include "../replay/event_json.h"
#include "../replay/forecast.h"
#include "../replay/format.h"
#include "commands.h"
#include "gather.h"
#include "switchover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 1024

/* ---- what both outputs say ---- */

static uint32_t heard_mask(const struct view *view)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < view->state.node_count; i++) {
        mask |= view->heard[i] ? UINT32_C(1) << i : 0;
    }
    return mask;
}

static const char *outcome_name(enum forecast_kind kind)
{
    static const char *const names[] = {
            [FORECAST_NOBODY_LEADS] = "nobody_leads",
            [FORECAST_KEPT] = "kept",
            [FORECAST_WAITS] = "waits",
            [FORECAST_GRANT] = "grant",
            [FORECAST_NO_CANDIDATE] = "no_candidate",
    };
    return names[kind];
}

/* One sentence on what follows a death of the leader's host. */
static void say_outcome(const struct forecast *f, char *text, size_t size)
{
    if (f->kind == FORECAST_KEPT) {
        (void)snprintf(text, size, "nobody would be granted the term: %s",
                       void_reason_text(f->reason));
    } else if (f->kind == FORECAST_WAITS) {
        (void)waiting_explain(&f->after, text, size);
    } else {
        (void)explain_event(&f->after, &f->decision, (struct outcome){.effective = true}, text,
                            size);
    }
    format_clean(text);
}

/* And what if only PostgreSQL dies: its agent lives and says so. */
static const char *say_crash(const struct cluster *c)
{
    if (standby_is_on(c)) {
        return "its agent starts it again";
    }
    return c->config.crash_policy == CRASH_RESTART
                   ? "its agent restarts it in place, and gives the term up when that takes too "
                     "long"
                   : "its agent gives the term up at once if another node could follow; else it "
                     "restarts it in place";
}

static bool may_switch(const struct view *view, const char *node, struct objection *ret_objection)
{
    const struct options options = {.to_node = node};
    return switchover_check(view, &options, ret_objection);
}

/* ---- text ---- */

/* What it waits for stands in the head. */
static void print_well(const struct cluster *c)
{
    if (cluster_waiting(c) == WAITING_NONE) {
        printf("It %s, and waits for nothing.\n",
               standby_is_on(c) ? "follows its remote" : "is writable");
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
        printf("  %-12s %s, timeline %" PRIu32 " at %s\n", candidate->node, verdict,
               candidate->position.timeline, lsn);
    }
}

static void print_death(const struct cluster *c, const struct forecast *f)
{
    char text[TEXT_BYTES] = "";
    if (f->kind == FORECAST_NOBODY_LEADS) {
        return;
    }
    const char *leader = c->nodes[cluster_holder(c)].name;
    say_outcome(f, text, sizeof text);
    printf("\nIf the host of %s died now", leader);
    if (f->kind == FORECAST_GRANT) {
        printf(", then %" PRIu64 ".%" PRIu64 " s after its last renewal", f->wait_ms / 1000,
               f->wait_ms % 1000 / 100);
    }
    printf(": %s\n", text);
    if (f->kind == FORECAST_GRANT) {
        print_candidates(&f->decision.body.grant.candidates);
    } else if (f->kind == FORECAST_NO_CANDIDATE) {
        print_candidates(&f->decision.body.no_candidate.candidates);
    }
    printf("If only its PostgreSQL died: %s\n", say_crash(c));
}

static void print_switchovers(const struct view *view)
{
    const struct cluster *c = &view->state;
    struct objection objection;
    if (cluster_holder(c) == LEADER_NONE || view->shown_count < 2) {
        return;
    }
    printf("\nA switchover to\n");
    for (uint32_t k = 0; k < view->shown_count; k++) {
        const int32_t i = view->order[k];
        const char *node = c->nodes[i].name;
        if (i == c->leader) {
            continue;
        }
        if (may_switch(view, node, &objection)) {
            printf("  %-12s can begin now\n", node);
        } else {
            printf("  %-12s cannot: %s\n", node, objection.text);
        }
    }
}

static void print_text(const struct view *view, const struct forecast *f)
{
    describe_head(view);
    print_well(&view->state);
    print_death(&view->state, f);
    print_switchovers(view);
}

/* ---- JSON ---- */

static json_t *death_json(const struct forecast *f)
{
    char text[TEXT_BYTES] = "";
    json_t *object = json_object();
    event_json_set_text(object, "outcome", outcome_name(f->kind));
    if (f->kind == FORECAST_NOBODY_LEADS) {
        return object;
    }
    say_outcome(f, text, sizeof text);
    event_json_set_text(object, "text", text);
    event_json_set_u64(object, "revoked_after_ms", f->silence_ms);
    if (f->kind == FORECAST_GRANT) {
        const struct grant *grant = &f->decision.body.grant;
        event_json_set_u64(object, "granted_after_ms", f->wait_ms);
        event_json_set_text(object, "node", grant->node);
        event_json_set_u64(object, "loss_bytes", grant->loss_bytes);
        json_object_set_new(object, "loss_known", json_boolean(grant->loss_known));
        event_json_set_candidates(object, &grant->candidates);
    } else if (f->kind == FORECAST_NO_CANDIDATE) {
        event_json_set_candidates(object, &f->decision.body.no_candidate.candidates);
    }
    return object;
}

static json_t *switchovers_json(const struct view *view)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < view->shown_count; k++) {
        const int32_t i = view->order[k];
        struct objection objection;
        if (i == view->state.leader) {
            continue;
        }
        json_t *object = json_object();
        const bool possible = may_switch(view, view->state.nodes[i].name, &objection);
        event_json_set_text(object, "node", view->state.nodes[i].name);
        json_object_set_new(object, "possible", json_boolean(possible));
        if (!possible) {
            event_json_set_text(object, "reason", objection.text);
            event_json_set_text(object, "hint", objection.hint);
        }
        json_array_append_new(list, object);
    }
    return list;
}

static void print_json(const struct view *view, const struct forecast *f)
{
    const struct cluster *c = &view->state;
    char text[TEXT_BYTES];
    json_t *object = json_object();
    event_json_set_text(object, "cluster", c->name);
    event_json_set_text(object, "status", explain_status(c));
    event_json_set_u64(object, "term", c->term);
    if (waiting_explain(c, text, sizeof text) > 0) {
        event_json_set_text(object, "waiting_for", waiting_name(cluster_waiting(c)));
        event_json_set_text(object, "reason", text);
    }
    json_object_set_new(object, "if_the_leader_dies", death_json(f));
    event_json_set_text(object, "if_only_postgresql_dies",
                        cluster_holder(c) != LEADER_NONE ? say_crash(c) : "");
    json_object_set_new(object, "switchover", switchovers_json(view));
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

int explain_run(const struct options *options)
{
    static struct view view;
    static struct forecast forecast;
    const int code = view_gather(options, &view);
    if (code != EXIT_DONE) {
        return code;
    }
    forecast_make(&view.state, heard_mask(&view), &forecast);
    if (options->json) {
        print_json(&view, &forecast);
    } else {
        print_text(&view, &forecast);
    }
    return EXIT_DONE;
}
