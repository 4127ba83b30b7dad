/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton config set and show, and reload. */
#include "config.h"

#include "../proto/explain.h"
#include "../replay/describe.h"
#include "../replay/event_json.h"
#include "../replay/format.h"
#include "commands.h"
#include "gather.h"
#include "switchover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 1024

/* ---- what is asked ---- */

/* PostgreSQL's names are those of any letters' case. */
static bool put_word(struct parameter_change *change, const char *word)
{
    char name[PARAMETER_NAME_SIZE];
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    if (length >= sizeof name) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool capital = word[i] >= 'A' && word[i] <= 'Z';
        name[i] = capital ? (char)(word[i] - 'A' + 'a') : word[i];
    }
    name[length] = '\0';
    return parameters_put(change, name, equals != NULL ? equals + 1 : NULL);
}

const char *config_change_of(const struct options *options, struct parameter_change *ret_change)
{
    memset(ret_change, 0, sizeof *ret_change);
    for (uint32_t i = 0; i < options->value_count; i++) {
        if (!put_word(ret_change, options->values[i])) {
            return options->values[i];
        }
    }
    return NULL;
}

static int refuse_forbidden(const struct parameter_change *change)
{
    struct parameter item;
    char text[PARAMETER_NAME_SIZE + 64] = "";
    for (uint32_t at = 0; parameters_next(change->bytes, change->size, &at, &item);) {
        if (item.value != NULL && !parameters_may_set(item.name, item.value)) {
            snprintf(text, sizeof text, "%s must not be set so for a cluster", item.name);
        }
    }
    return objection_refuse(
            "what pgbaton sets itself, where a node's files are, and what would end "
            "replication is not to be set: see pgbaton(1)",
            "%s", text);
}

/* What can be known here; the fold judges again, and the leader's PostgreSQL. */
static int check(const struct view *view, const struct options *options,
                 const struct parameter_change *change)
{
    const struct cluster *c = &view->state;
    switch ((unsigned)parameters_objection(&c->parameters, change)) {
    case REASON_PARAMETER_FORBIDDEN:
        return refuse_forbidden(change);
    case REASON_PARAMETERS_FULL:
        return objection_refuse(
                "2 kB of names and values; postgresql.conf of each node holds any number",
                "there is no room for so many parameters");
    case REASON_NO_CHANGE:
        return objection_refuse("pgbaton config show lists what is set", "that changes nothing");
    default:
        break;
    }
    if (c->phase != PHASE_HELD && !options->force) {
        return objection_refuse("wait for a leader; or --force, when you are sure of them",
                                "nobody leads whose PostgreSQL could check the values");
    }
    return EXIT_DONE;
}

static void print_changes(const struct parameters *p, const struct parameter_change *change)
{
    struct parameter item;
    for (uint32_t at = 0; parameters_next(change->bytes, change->size, &at, &item);) {
        const char *old = parameters_find(p, item.name);
        printf("  %s: %s -> %s\n", item.name, old != NULL ? old : "not set",
               item.value != NULL ? item.value : "not set");
    }
}

static int show_plan(const struct view *view, const struct options *options,
                     const struct parameter_change *change)
{
    const struct cluster *c = &view->state;
    if (!options->json) {
        printf("Would change PostgreSQL's parameters of %s:\n", c->name);
        print_changes(&c->parameters, change);
        return EXIT_DONE;
    }
    json_t *object = json_object();
    event_json_set_text(object, "cluster", c->name);
    event_json_set_text(object, "request", request_kind_name(REQUEST_CONFIG));
    json_object_set_new(object, "parameters", event_json_parameters(change->bytes, change->size));
    event_json_set_text(object, "outcome", "dry_run");
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
    return EXIT_DONE;
}

int config_set_run(const struct options *options)
{
    struct view view;
    struct parameter_change change;
    const char *wrong = config_change_of(options, &change);
    if (wrong != NULL || change.size == 0) {
        fprintf(stderr, "config set: %s%s%s\ntry: pgbaton config set --help\n",
                wrong != NULL ? "not a parameter, or too much for one change: '"
                              : "name what is "
                                "to change",
                wrong != NULL ? wrong : "", wrong != NULL ? "'" : "");
        return EXIT_USAGE;
    }
    if (view_gather(options, &view) != EXIT_DONE || check(&view, options, &change) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (options->dry_run) {
        return show_plan(&view, options, &change);
    }
    return request_carry_out(options, &view, REQUEST_CONFIG);
}

int reload_run(const struct options *options)
{
    struct view view;
    struct options named = *options;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    int32_t i = options->node != NULL ? cluster_find_node(&view.state, options->node) : 0;
    if (options->node != NULL && (i < 0 || view.state.nodes[i].removed)) {
        return objection_refuse("pgbaton describe lists its nodes",
                                "the cluster has no node of that name");
    }
    named.to_node = options->node;
    return request_carry_out(&named, &view, REQUEST_RELOAD);
}

/* ---- what has become of it ---- */

static bool runs(const struct node *n)
{
    return !n->removed && !n->departed && (n->state == NODE_PRIMARY || n->state == NODE_STANDBY);
}

bool config_is_read(const struct cluster *c, uint32_t mask)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool counts = (mask >> i & 1U) != 0 && runs(n);
        if (counts && n->parameters_seq != c->parameters.seq) {
            return false;
        }
    }
    return true;
}

/* Whose restart is pending and whose name is the next; NULL: there is none. */
static const char *next_pending(const struct cluster *c, const char *last)
{
    const char *next = NULL;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool pending = runs(n) && n->pending_restart && strverscmp(n->name, last) > 0;
        if (pending && (next == NULL || strverscmp(n->name, next) < 0)) {
            next = n->name;
        }
    }
    return next;
}

void config_print_pending(enum request_kind kind, const struct cluster *c)
{
    const char *name = kind == REQUEST_CONFIG ? next_pending(c, "") : NULL;
    const char *comma = "A restart is pending on ";
    for (; name != NULL; name = next_pending(c, name)) {
        printf("%s%s", comma, name);
        comma = ", ";
    }
    printf("%s", comma[0] == ',' ? "\n" : "");
}

/* ---- what is set ---- */

static json_t *node_json(const struct view *view, int32_t i)
{
    const struct settings_note *note = &view->settings[i];
    json_t *object = json_object();
    event_json_set_text(object, "name", view->state.nodes[i].name);
    json_object_set_new(object, "read",
                        json_boolean(note->parameters_seq == view->state.parameters.seq));
    event_json_set_u64(object, "parameters_seq", note->parameters_seq);
    json_object_set_new(object, "pending_restart", json_boolean(note->pending_restart));
    json_object_set_new(object, "pending_parameters", event_json_words(note->pending));
    json_object_set_new(object, "refused_parameters", event_json_words(note->refused));
    json_object_set_new(object, "own_parameters", event_json_words(note->own));
    return object;
}

static void show_json(const struct view *view)
{
    const struct parameters *p = &view->state.parameters;
    json_t *object = json_object();
    json_t *nodes = json_array();
    event_json_set_text(object, "cluster", view->state.name);
    json_object_set_new(object, "parameters", event_json_parameters(p->bytes, p->size));
    event_json_set_u64(object, "seq", p->seq);
    event_json_set_time(object, "changed_at", p->wall_us);
    json_object_set_new(object, "changed_by", p->seq != 0 ? json_string(p->writer) : json_null());
    for (uint32_t k = 0; k < view->shown_count; k++) {
        json_array_append_new(nodes, node_json(view, view->order[k]));
    }
    json_object_set_new(object, "nodes", nodes);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static void show_node(const struct view *view, int32_t i)
{
    const struct node *n = &view->state.nodes[i];
    const struct settings_note *note = &view->settings[i];
    char text[TEXT_BYTES];
    if (runs(n) && note->parameters_seq != view->state.parameters.seq) {
        printf("%s: has not read them yet\n", n->name);
    }
    if (note->own[0] != '\0') {
        printf("%s: its agent.yaml goes before, for %s\n", n->name, note->own);
    }
    if (describe_settings(note, text, sizeof text) > 0) {
        printf("%s: %s\n", n->name, text);
    }
}

static void show_text(const struct view *view)
{
    const struct parameters *p = &view->state.parameters;
    struct parameter item;
    char time[FORMAT_TIME_SIZE];
    if (p->seq == 0) {
        printf("The log sets no parameters of PostgreSQL in %s; pgbaton config set does.\n",
               view->state.name);
        return;
    }
    format_local(p->wall_us, time);
    printf("PostgreSQL's parameters of %s, changed %.19s by %s, sequence %" PRIu64 "\n",
           view->state.name, time, p->writer, p->seq);
    for (uint32_t at = 0; parameters_next(p->bytes, p->size, &at, &item);) {
        printf("  %s = %s\n", item.name, item.value);
    }
    for (uint32_t k = 0; k < view->shown_count; k++) {
        show_node(view, view->order[k]);
    }
}

int config_show_run(const struct options *options)
{
    struct view view;
    int code = view_gather(options, &view);
    if (code == EXIT_DONE && options->json) {
        show_json(&view);
    } else if (code == EXIT_DONE) {
        show_text(&view);
    }
    return code;
}
