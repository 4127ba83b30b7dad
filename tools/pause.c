/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton pause, resume, promote, and node remove. */
#include "../proto/pause.h"
#include "../proto/standby.h"

#include "commands.h"
#include "switchover.h"

#include <stdio.h>

static int refuse(const char *name, const char *text, const char *hint)
{
    fprintf(stderr, "pgbaton: %s %s\nhint: %s\n", name, text, hint);
    return EXIT_NONE;
}

int pause_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (pause_is_on(&view.state)) {
        return refuse(view.state.name, "is paused already",
                      "pgbaton describe says since when, and by whom");
    }
    return request_carry_out(options, &view, REQUEST_PAUSE);
}

int resume_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (pause_is_ending(&view.state) && !options->leader_stopped) {
        return refuse(view.state.name,
                      "is paused no more, but its leader has not said that its lease ends again",
                      "start its agent; or stop its PostgreSQL for certain, and --leader-stopped");
    }
    if (!pause_is_on(&view.state) && !pause_is_ending(&view.state)) {
        return refuse(view.state.name, "is not paused", "pgbaton pause begins maintenance");
    }
    return request_carry_out(options, &view, REQUEST_RESUME);
}

int promote_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (!standby_is_on(&view.state)) {
        return refuse(view.state.name, "is no standby cluster",
                      "pgbaton switchover or failover lets another node lead");
    }
    return request_carry_out(options, &view, REQUEST_PROMOTE);
}

/* What can be known here; the monitors and the fold judge again. */
static int check_removal(const struct view *view, const char *node)
{
    const struct cluster *c = &view->state;
    int32_t i = cluster_find_node(c, node);
    if (i < 0 || c->nodes[i].removed) {
        return refuse(node, "is no node of this cluster", "pgbaton describe lists its nodes");
    }
    if (i == c->leader) {
        return refuse(node, "leads, or led last",
                      "let another node lead first: pgbaton switchover");
    }
    if (view->heard[i] && !c->nodes[i].departed) {
        return refuse(node, "has an agent that answers", "stop its agent first, and wait for 3 s");
    }
    return EXIT_DONE;
}

int node_remove_run(const struct options *options)
{
    struct view view;
    if (options->node == NULL) {
        fprintf(stderr, "node remove: name the node\ntry: pgbaton node remove --help\n");
        return EXIT_USAGE;
    }
    if (view_gather(options, &view) != EXIT_DONE ||
        check_removal(&view, options->node) != EXIT_DONE) {
        return EXIT_NONE;
    }
    struct options named = *options;
    named.to_node = options->node;
    return request_carry_out(&named, &view, REQUEST_REMOVE);
}
