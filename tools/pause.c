/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton pause and pgbaton resume. */
#include "../proto/pause.h"

#include "commands.h"
#include "switchover.h"

#include <stdio.h>

static int refuse(const char *text, const char *hint)
{
    fprintf(stderr, "pgbaton: %s\nhint: %s\n", text, hint);
    return EXIT_NONE;
}

int pause_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE) {
        return EXIT_NONE;
    }
    if (pause_is_on(&view.state)) {
        return refuse("it is paused already", "pgbaton describe says since when, and by whom");
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
        return refuse("the pause is over, and the leader has not said that its lease ends again",
                      "start its agent; or stop its PostgreSQL for certain, and --leader-stopped");
    }
    if (!pause_is_on(&view.state) && !pause_is_ending(&view.state)) {
        return refuse("it is not paused", "pgbaton pause begins maintenance");
    }
    return request_carry_out(options, &view, REQUEST_RESUME);
}
