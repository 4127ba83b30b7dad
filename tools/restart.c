/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton restart: of one node, or of one after the other. */
#include "../proto/explain.h"
#include "../proto/licence.h"
#include "../proto/standby.h"
#include "../proto/sync.h"
#include "../proto/waiting.h"
#include "../replay/describe.h"
#include "../replay/format.h"
#include "commands.h"
#include "gather.h"
#include "switchover.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a node that is back may take until it lacks next to nothing. */
#define CATCH_UP_MS 300000
#define LOOK_MS 200

/* ---- what stands in the way ---- */

static bool check_cluster(const struct cluster *c, struct objection *o)
{
    char text[320];
    if (c->frozen_seq != 0) {
        return objection_make(o, "upgrade this program",
                              "the log holds decisions of a newer version of pgbaton");
    }
    if (explain_licence(c, text, sizeof text) > 0) {
        return objection_make(o, "one at a time: it ends by itself; describe shows it",
                              "a restart is not done yet: %.300s", text);
    }
    if (cluster_holder(c) == LEADER_NONE || !standby_serves(c)) {
        (void)waiting_explain(c, text, sizeof text);
        return objection_make(o,
                              "wait until a leader serves, or name one: pgbaton failover --to NODE",
                              "%s has no leader that serves: %.300s", c->name, text);
    }
    return true;
}

static bool check_node(const struct view *view, int32_t i, struct objection *o)
{
    const struct cluster *c = &view->state;
    const struct node *n = &c->nodes[i];
    const char *refused = view->settings[i].refused;
    if (!view->heard[i]) {
        return objection_make(o, "start its agent first, which starts PostgreSQL, too",
                              "the agent of %s gave no answer in %d ms", n->name, VIEW_ANSWER_MS);
    }
    if (i == c->leader && standby_is_on(c)) {
        return objection_make(
                o, "stop its agent and start it again: another node leads meanwhile",
                "%s leads a standby cluster: its PostgreSQL is not restarted in place", n->name);
    }
    bool runs = i == c->leader ? n->state == NODE_PRIMARY : n->state == NODE_STANDBY;
    if (!runs || n->rebuild_task != TASK_NONE) {
        return objection_make(
                o, "its agent starts what can run; pgbaton describe says what stands in the way",
                "PostgreSQL of %s does not run, or does not serve: it is %s", n->name,
                explain_node_status(c, i, view->heard[i]));
    }
    if (refused[0] != '\0') {
        return objection_make(o, "mend its files first: its agent looks at them every few seconds",
                              "PostgreSQL of %s would not start: it does not take %.200s", n->name,
                              refused);
    }
    return true;
}

static bool check_known(const struct cluster *c, const char *node, struct objection *o)
{
    int32_t i = cluster_find_node(c, node);
    bool known = i >= 0 && !c->nodes[i].removed;
    return known || objection_make(o, "pgbaton describe lists its nodes",
                                   "cluster %s has no node %s", c->name, node);
}

/* True when a person, or --yes, agrees. */
static bool confirm(const struct options *options, const char *question)
{
    char answer[16] = "";
    if (options->yes) {
        return true;
    }
    if (isatty(STDIN_FILENO) == 0) {
        fprintf(stderr, "pgbaton: nobody is there to agree\nhint: --yes agrees\n");
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* ---- one node ---- */

static bool is_wanted(const struct options *options, const struct view *view, int32_t i)
{
    return !options->pending || view->settings[i].pending_restart;
}

static int nothing_to_do(const char *where)
{
    printf("No parameter of %s waits for a restart\n", where);
    return EXIT_DONE;
}

/* Commits wait for it, and too few others stream that could take its place. */
static bool holds_commits_up(const struct cluster *c, int32_t i)
{
    struct cluster licensed = *c;
    licensed.licence.seq = 1;
    licensed.licence.node = i;
    return sync_needs(c, i) && (sync_capable(&licensed, c->leader) >> (uint32_t)i & 1U) != 0;
}

static void tell(const struct view *view, int32_t i, FILE *file)
{
    const struct cluster *c = &view->state;
    const char *name = c->nodes[i].name;
    char most[FORMAT_TIME_SIZE];
    if (i == c->leader) {
        format_age((uint64_t)c->config.primary_start_timeout_ms * 1000, most);
        fprintf(file,
                "%s leads: after a checkpoint its PostgreSQL is restarted in place. Nothing is "
                "written meanwhile;\nafter %s (primary_start_timeout) it gives up, and another "
                "takes "
                "over.\n",
                name, most);
    } else if (holds_commits_up(c, i)) {
        fprintf(file,
                "%s is restarted. Commits wait for it, and no other standby is there: they wait "
                "until it is back.\n",
                name);
    } else {
        fprintf(file, "%s is restarted, and streams again.\n", name);
    }
}

static int ask(const struct options *options, const struct view *view, const char *node)
{
    struct options named = *options;
    named.to_node = node;
    return request_carry_out(&named, view, REQUEST_RESTART);
}

static int restart_node(const struct options *options, const struct view *view)
{
    struct objection o = {0};
    char question[NAME_SIZE + 16];
    if (!check_known(&view->state, options->node, &o)) {
        return objection_tell(&o);
    }
    int32_t i = cluster_find_node(&view->state, options->node);
    if (!is_wanted(options, view, i)) {
        return nothing_to_do(options->node);
    }
    if (!check_node(view, i, &o)) {
        return objection_tell(&o);
    }
    if (options->dry_run) {
        tell(view, i, stdout);
        return EXIT_DONE;
    }
    if (!options->yes) {
        tell(view, i, stderr);
    }
    (void)snprintf(question, sizeof question, "Restart %s?", options->node);
    return confirm(options, question) ? ask(options, view, options->node) : EXIT_NONE;
}

/* ---- one after the other ---- */

/* The nodes that are to be restarted, in this order; the leader's turn by itself, or by a
 * switchover, for which it stops and starts PostgreSQL anyhow. */
struct roll {
    const struct options *options;
    char leader[NAME_SIZE];
    bool in_place;
    uint32_t count;
    char nodes[NODE_COUNT_MAX][NAME_SIZE];
};

static void add(struct roll *roll, const char *node)
{
    memcpy(roll->nodes[roll->count++], node, NAME_SIZE);
}

static bool can_take_over(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        if ((int32_t)i != c->leader && !n->departed && !n->nofailover) {
            return true;
        }
    }
    return false;
}

/* What standbys need as much of as their primary has is lowered there first, and raised last. */
static bool leader_comes_first(const struct roll *roll, const struct view *view)
{
    const struct settings_note *note = &view->settings[view->state.leader];
    return roll->options->leader_first || (roll->options->pending && note->pending_lowers);
}

static bool plan(struct roll *roll, const struct view *view, struct objection *o)
{
    const struct cluster *c = &view->state;
    bool first = leader_comes_first(roll, view);
    bool leads = is_wanted(roll->options, view, c->leader);
    memcpy(roll->leader, c->nodes[c->leader].name, NAME_SIZE);
    roll->in_place = roll->options->no_switchover || first || !can_take_over(c);
    if (first && leads) {
        add(roll, roll->leader);
    }
    for (uint32_t k = 0; k < view->shown_count; k++) {
        int32_t i = view->order[k];
        if (c->nodes[i].departed) {
            continue;
        }
        if (!check_node(view, i, o)) {
            return false;
        }
        if (i != c->leader && is_wanted(roll->options, view, i)) {
            add(roll, c->nodes[i].name);
        }
    }
    if (!first && leads) {
        add(roll, roll->leader);
    }
    return true;
}

static bool is_by_switchover(const struct roll *roll, const char *node)
{
    return !roll->in_place && strcmp(node, roll->leader) == 0;
}

static void show(const struct roll *roll, FILE *file)
{
    for (uint32_t k = 0; k < roll->count; k++) {
        const char *node = roll->nodes[k];
        bool leads = strcmp(node, roll->leader) == 0;
        const char *how = is_by_switchover(roll, node)
                                  ? ": a switchover; the old leader is started anew as a standby"
                          : leads ? ", the leader, in place: nothing is written meanwhile"
                                  : "";
        fprintf(file, "  %u. %s%s\n", (unsigned)k + 1, node, how);
    }
    if (roll->count > 1) {
        fprintf(file, "Each streams, and has caught up, before the next.\n");
    }
}

static void list(const struct roll *roll, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++) {
        fprintf(stderr, "%s%s", k == from ? "" : ", ", roll->nodes[k]);
    }
    fprintf(stderr, "%s", from == to ? "none" : "");
}

static int stop_at(const struct roll *roll, uint32_t k)
{
    fprintf(stderr, "pgbaton: the rolling restart stops here. Restarted: ");
    list(roll, 0, k);
    fprintf(stderr, "; not: ");
    list(roll, k, roll->count);
    fprintf(stderr, "\nhint: the cluster is whole: mend what failed, then run it again, or restart "
                    "the others by name\n");
    return EXIT_NONE;
}

static void pause_a_while(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static bool has_caught_up(const struct view *view, const char *node)
{
    const struct cluster *c = &view->state;
    int32_t i = cluster_find_node(c, node);
    uint64_t lag_bytes = 0;
    if (i == cluster_holder(c)) {
        return c->writable;
    }
    return i >= 0 && view->heard[i] && c->nodes[i].streaming && describe_lag(view, i, &lag_bytes) &&
           lag_bytes <= SWITCHOVER_LAG_BYTES;
}

/* Leaves the newest look at the cluster in view. */
static bool await_catch_up(const struct options *options, struct view *view, const char *node)
{
    uint64_t until_ms = reader_now_ms() + CATCH_UP_MS;
    while (view_gather(options, view) == EXIT_DONE) {
        if (has_caught_up(view, node)) {
            return true;
        }
        if (reader_now_ms() >= until_ms) {
            break;
        }
        pause_a_while();
    }
    fprintf(stderr, "pgbaton: %s has not caught up\n", node);
    return false;
}

static bool take_turn(const struct roll *roll, const struct view *view, uint32_t k)
{
    struct options options = *roll->options;
    const char *node = roll->nodes[k];
    options.wait = true;
    options.node = NULL;
    if (!options.json) {
        printf("Restart %u of %u: %s\n", (unsigned)k + 1, (unsigned)roll->count, node);
        fflush(stdout);
    }
    if (is_by_switchover(roll, node)) {
        return request_carry_out(&options, view, REQUEST_SWITCHOVER) == EXIT_DONE;
    }
    return ask(&options, view, node) == EXIT_DONE;
}

static int carry_out(const struct roll *roll, struct view *view)
{
    for (uint32_t k = 0; k < roll->count; k++) {
        if (!take_turn(roll, view, k) || !await_catch_up(roll->options, view, roll->nodes[k])) {
            return stop_at(roll, k);
        }
    }
    if (!roll->options->json) {
        printf("Done: %u %s restarted\n", (unsigned)roll->count,
               roll->count == 1 ? "node is" : "nodes are");
    }
    return EXIT_DONE;
}

static int restart_all(const struct options *options, struct view *view)
{
    struct roll roll = {.options = options};
    struct objection o = {0};
    if (!plan(&roll, view, &o)) {
        return objection_tell(&o);
    }
    if (roll.count == 0) {
        return nothing_to_do(view->state.name);
    }
    if (options->dry_run || !options->yes) {
        FILE *file = options->dry_run ? stdout : stderr;
        fprintf(file, "PostgreSQL of %s is restarted, one node after the other:\n",
                view->state.name);
        show(&roll, file);
    }
    if (options->dry_run) {
        return EXIT_DONE;
    }
    return confirm(options, "Restart them?") ? carry_out(&roll, view) : EXIT_NONE;
}

int restart_run(const struct options *options)
{
    static struct view view;
    struct objection o = {0};
    if (options->no_switchover && options->leader_first) {
        fprintf(stderr, "restart: --leader-first is without a switchover already\n"
                        "try: pgbaton restart --help\n");
        return EXIT_USAGE;
    }
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (!check_cluster(&view.state, &o)) {
        return objection_tell(&o);
    }
    return options->node != NULL ? restart_node(options, &view) : restart_all(options, &view);
}
