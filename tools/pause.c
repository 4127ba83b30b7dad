/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton pause, resume, promote, and node remove. */
#include "../proto/pause.h"
#include "../proto/standby.h"

#include "commands.h"
#include "switchover.h"

#include <stdio.h>

int pause_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (pause_is_on(&view.state)) {
        return objection_refuse("pgbaton describe says since when, and by whom",
                                "%s is paused already", view.state.name);
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
        return objection_refuse(
                "start its agent; or stop its PostgreSQL for certain, and --leader-stopped",
                "%s is paused no more, but its leader has not said that its lease ends again",
                view.state.name);
    }
    if (!pause_is_on(&view.state) && !pause_is_ending(&view.state)) {
        return objection_refuse("pgbaton pause begins maintenance", "%s is not paused",
                                view.state.name);
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
        return objection_refuse("pgbaton switchover or failover lets another node lead",
                                "%s is no standby cluster", view.state.name);
    }
    return request_carry_out(options, &view, REQUEST_PROMOTE);
}

/* What can be known here; the monitors and the fold judge again. */
static int check_removal(const struct view *view, const char *node)
{
    const struct cluster *c = &view->state;
    int32_t i = cluster_find_node(c, node);
    if (i < 0 || c->nodes[i].removed) {
        return objection_refuse("pgbaton describe lists its nodes", "%s is no node of this cluster",
                                node);
    }
    if (i == c->leader) {
        return objection_refuse("let another node lead first: pgbaton switchover",
                                "%s leads, or led last", node);
    }
    if (view->heard[i] && !c->nodes[i].departed) {
        return objection_refuse("stop its agent first, and wait for 3 s",
                                "%s has an agent that answers", node);
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
