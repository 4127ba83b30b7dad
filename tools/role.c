/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/explain.h"
#include "../proto/waiting.h"
#include "commands.h"
#include "gather.h"

#include <stdio.h>
#include <string.h>

static int tell_none(const struct view *view, int32_t i)
{
    char reason[512];
    const struct node *n = &view->state.nodes[i];
    fprintf(stderr, "pgbaton: %s is neither primary nor secondary: %s", n->name,
            explain_node_status(&view->state, i, view->heard[i]));
    if (n->reason != REASON_NONE) {
        fprintf(stderr, " (%s)", reason_text(n->reason));
    }
    waiting_explain(&view->state, reason, sizeof reason);
    if (reason[0] != '\0') {
        fprintf(stderr, "; %s is %s: %s", view->state.name, explain_status(&view->state), reason);
    }
    fputc('\n', stderr);
    return EXIT_NONE;
}

int role_run(const struct options *options)
{
    struct view view;
    if (options->node == NULL) {
        fprintf(stderr, "role: name the node with --node\ntry: pgbaton role --help\n");
        return EXIT_USAGE;
    }
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    int32_t i = cluster_find_node(&view.state, options->node);
    if (i < 0) {
        fprintf(stderr, "pgbaton: cluster %s has no node %s\n", view.state.name, options->node);
        return EXIT_NONE;
    }
    const char *role = explain_node_role(&view.state, i, view.heard[i]);
    if (strcmp(role, "none") == 0) {
        return tell_none(&view, i);
    }
    puts(role);
    return EXIT_DONE;
}
