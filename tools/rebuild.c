/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/explain.h"
#include "../proto/waiting.h"
#include "commands.h"
#include "switchover.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool check_leader(const struct cluster *c, struct objection *o)
{
    char waiting[320];
    if (c->frozen_seq != 0) {
        return objection_make(o, "upgrade this program",
                              "the log holds decisions of a newer version of pgbaton");
    }
    if (cluster_holder(c) == LEADER_NONE) {
        (void)waiting_explain(c, waiting, sizeof waiting);
        return objection_make(o, "a rebuild copies from a leader: wait until there is one",
                              "%s has no leader: %.320s", c->name, waiting);
    }
    return true;
}

static bool check_node(const struct view *view, const char *node, struct objection *o)
{
    const struct cluster *c = &view->state;
    int32_t i = cluster_find_node(c, node);
    if (i < 0) {
        return objection_make(o, "pgbaton describe lists its nodes", "cluster %s has no node %s",
                              c->name, node);
    }
    const struct node *n = &c->nodes[i];
    if (i == c->leader) {
        return objection_make(o, "let another node lead first: pgbaton switchover",
                              "%s leads %s: it is what the others are copied from", node, c->name);
    }
    if (!view->heard[i]) {
        return objection_make(o, "start its agent first", "the agent of %s gave no answer in %d ms",
                              node, VIEW_ANSWER_MS);
    }
    if (n->system_id != 0 && n->system_id != c->system_id) {
        return objection_make(o, "move that data directory away: it is never removed",
                              "%s holds data of another PostgreSQL system", node);
    }
    return true;
}

static bool check_task(const struct view *view, const struct options *options, struct objection *o)
{
    const struct node *n = &view->state.nodes[cluster_find_node(&view->state, options->node)];
    char text[256];
    if (explain_rebuild(n, text, sizeof text) > 0) {
        return objection_make(o, "--wait of another request shows its progress; so does describe",
                              "%s is rebuilt already: %s", n->name, text);
    }
    bool left = n->reason == REASON_DIVERGED || n->reason == REASON_UNCLEAN_PRIMARY;
    if (options->method == TASK_REWIND && !left) {
        return objection_make(o, "--method basebackup makes a new copy",
                              "%s is on the cluster's history: pg_rewind has nothing to do",
                              n->name);
    }
    return true;
}

static bool has_other_standby(const struct cluster *c, const char *node)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        if ((int32_t)i != c->leader && strcmp(n->name, node) != 0 && n->eligible_seq != 0) {
            return true;
        }
    }
    return false;
}

/* True when a person, or --yes, agrees. */
static bool confirm(const struct options *options, const struct cluster *c)
{
    char answer[16] = "";
    if (options->yes) {
        return true;
    }
    fprintf(stderr,
            "%s is stopped and copied anew from %s; its data directory is kept until the "
            "copy streams.\n",
            options->node, c->nodes[c->leader].name);
    if (!has_other_standby(c, options->node)) {
        fprintf(stderr, "No other standby could take over meanwhile.\n");
    }
    if (isatty(STDIN_FILENO) == 0) {
        fprintf(stderr, "pgbaton: nobody is there to agree\nhint: --yes agrees\n");
        return false;
    }
    fprintf(stderr, "Rebuild %s? [y/N] ", options->node);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

int rebuild_run(const struct options *options)
{
    struct view view;
    struct objection o = {0};
    struct options named = *options;
    if (options->node == NULL) {
        fprintf(stderr, "rebuild: name the node\ntry: pgbaton rebuild --help\n");
        return EXIT_USAGE;
    }
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (!check_leader(&view.state, &o) || !check_node(&view, options->node, &o) ||
        !check_task(&view, options, &o)) {
        return objection_tell(&o);
    }
    if (!confirm(options, &view.state)) {
        return EXIT_NONE;
    }
    named.to_node = options->node;
    return request_carry_out(&named, &view, REQUEST_REBUILD);
}
