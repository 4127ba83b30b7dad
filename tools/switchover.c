/* SPDX-License-Identifier: PostgreSQL */
#include "switchover.h"

#include "../proto/explain.h"
#include "../replay/describe.h"
#include "../replay/event_json.h"
#include "../replay/format.h"
#include "commands.h"
#include "gather.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct plan {
    const struct options *options;
    const struct view *view;
    enum request_kind kind;
};

static const char *from_node(const struct cluster *c)
{
    return c->leader != LEADER_NONE ? c->nodes[c->leader].name : "nobody";
}

static void plan_json(const struct plan *plan)
{
    const struct cluster *c = &plan->view->state;
    const char *to = plan->options->to_node;
    uint64_t lag_bytes = 0;
    json_t *object = json_object();
    event_json_set_text(object, "cluster", c->name);
    event_json_set_text(object, "request", request_kind_name(plan->kind));
    event_json_set_text(object, "from", from_node(c));
    json_object_set_new(object, "to", to != NULL ? json_string(to) : json_null());
    event_json_set_u64(object, "term", c->term);
    if (plan->options->at_us != 0) {
        event_json_set_time(object, "scheduled_for", plan->options->at_us);
    }
    int32_t i = to != NULL ? cluster_find_node(c, to) : -1;
    if (i >= 0 && describe_lag(plan->view, i, &lag_bytes)) {
        event_json_set_u64(object, "lag_bytes", lag_bytes);
    }
    event_json_set_text(object, "outcome", "dry_run");
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static void plan_switchover(const struct plan *plan)
{
    const struct cluster *c = &plan->view->state;
    const char *from = from_node(c);
    const char *to = plan->options->to_node != NULL ? plan->options->to_node : "a standby";
    char text[FORMAT_TIME_SIZE];
    char when[FORMAT_TIME_SIZE + 8] = "";
    if (plan->options->at_us != 0) {
        format_local(plan->options->at_us, text);
        (void)snprintf(when, sizeof when, " at %.19s", text);
    }
    printf("Would ask for a switchover of %s from %s (term %" PRIu64 ") to %s%s:\n", c->name, from,
           c->term, to, when);
    printf("  1. %s runs a checkpoint while it serves\n"
           "  2. %s, when %s lacks next to nothing, stops PostgreSQL in order and releases\n"
           "  3. %s, when it has all of it, is granted term %" PRIu64 " and promotes\n"
           "  4. %s follows it\n",
           from, from, to, to, c->term + 1, from);
    uint64_t lag_bytes = 0;
    int32_t i = cluster_find_node(c, to);
    if (i >= 0 && describe_lag(plan->view, i, &lag_bytes)) {
        format_bytes(lag_bytes, text);
        printf("%s lacks %s now.\n", to, text);
    }
}

static void plan_failover(const struct plan *plan)
{
    const struct cluster *c = &plan->view->state;
    printf("Would ask for a failover of %s to %s: term %" PRIu64 " when the last lease has run "
           "out%s.\n",
           c->name, plan->options->to_node, c->term + 1,
           plan->options->accept_loss ? ", whatever that node lacks" : "");
}

static void plan_cancel(const struct plan *plan)
{
    char pending[512];
    (void)explain_pending(&plan->view->state, pending, sizeof pending);
    printf("Would take back: %s\n", pending);
}

static int show_plan(const struct plan *plan)
{
    if (plan->options->json) {
        plan_json(plan);
    } else if (plan->kind == REQUEST_CANCEL) {
        plan_cancel(plan);
    } else if (plan->kind == REQUEST_SWITCHOVER) {
        plan_switchover(plan);
    } else {
        plan_failover(plan);
    }
    return EXIT_DONE;
}

static int carry_out(const struct options *options, enum request_kind kind,
                     bool (*check)(const struct view *, const struct options *, struct objection *))
{
    struct view view;
    struct objection objection;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (!check(&view, options, &objection)) {
        return objection_tell(&objection);
    }
    const struct plan plan = {.options = options, .view = &view, .kind = kind};
    return options->dry_run ? show_plan(&plan) : request_carry_out(options, &view, kind);
}

static int misuse(const char *text)
{
    fprintf(stderr, "switchover: %s\ntry: pgbaton switchover --help\n", text);
    return EXIT_USAGE;
}

int switchover_run(const struct options *options)
{
    if (options->cancel && (options->at_us != 0 || options->to_node != NULL || options->wait)) {
        return misuse("--cancel takes neither --to, --at nor --wait");
    }
    if (options->cancel) {
        return carry_out(options, REQUEST_CANCEL, cancel_check);
    }
    return carry_out(options, REQUEST_SWITCHOVER, switchover_check);
}

int failover_run(const struct options *options)
{
    if (options->to_node == NULL) {
        fprintf(stderr, "failover: name the node with --to\ntry: pgbaton failover --help\n");
        return EXIT_USAGE;
    }
    return carry_out(options, REQUEST_FAILOVER, failover_check);
}
