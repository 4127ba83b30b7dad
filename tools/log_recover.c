/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton log recover: the operator's word that no other member will report after a loss. */
#include "../proto/lost.h"

#include "commands.h"
#include "switchover.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Whoever is heard can report. */
static int check(const struct view *view)
{
    const struct cluster *c = &view->state;
    if (!lost_is_known(c)) {
        return objection_refuse("pgbaton log status shows how the log is",
                                "no loss of a part of the log of %s is known: nothing waits for it",
                                c->name);
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool silent = !c->nodes[i].removed && !lost_has_answered(c, (int32_t)i);
        if (view->heard[i] && !c->nodes[i].departed && silent) {
            return objection_refuse("wait for it; if its agent does not report, stop it first",
                                    "the agent of %s answers: it says by itself what it remembers",
                                    c->nodes[i].name);
        }
    }
    return EXIT_DONE;
}

static void tell_members(const struct cluster *c)
{
    uint32_t missing = lost_expected_count(c) - lost_reported_count(c);
    uint32_t named = 0;
    fprintf(stderr,
            "The log of %s has lost a part of itself; %" PRIu32 " of %" PRIu32
            " members have not said what they remember:\n",
            c->name, missing, lost_expected_count(c));
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (lost_is_awaited(c, (int32_t)i)) {
            fprintf(stderr, "  %s%s\n", c->nodes[i].name,
                    lost_has_answered(c, (int32_t)i) ? ", whose disk is new or was emptied" : "");
            named++;
        }
    }
    if (missing > named) {
        fprintf(stderr, "  %" PRIu32 " whose names the log does not know any more\n",
                missing - named);
    }
    fprintf(stderr,
            "If they are gone for good, they are waited for no more. What only they know "
            "counts for nothing\nthen: a term above %" PRIu64
            " may have been granted, and commits acknowledged, that no other\nmember has; "
            "if one of them still runs as a primary, it must be stopped first.\n",
            lost_next_term(c) - 1);
}

/* True when a person, or --yes, agrees. */
static bool confirm(const struct options *options, const struct cluster *c)
{
    char answer[16] = "";
    tell_members(c);
    if (options->yes) {
        return true;
    }
    if (isatty(STDIN_FILENO) == 0) {
        fprintf(stderr, "pgbaton: nobody is there to agree\nhint: --yes agrees\n");
        return false;
    }
    fprintf(stderr, "Wait for them no more? [y/N] ");
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

int log_recover_run(const struct options *options)
{
    struct view view;
    if (view_gather(options, &view) != EXIT_DONE || check(&view) != EXIT_DONE ||
        !confirm(options, &view.state)) {
        return EXIT_NONE;
    }
    return request_carry_out(options, &view, REQUEST_RECOVER);
}
