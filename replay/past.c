/* SPDX-License-Identifier: PostgreSQL */
#include "past.h"

#include "history.h"

#include <stdio.h>
#include <string.h>

static int show(const struct options *options, const struct cluster_set *set, struct point at,
                struct view *ret_view)
{
    if (set->count == 0 && at.seq != UINT64_MAX) {
        fprintf(stderr, "pgbaton-replay: no cluster is known at that point of the log\n");
        return EXIT_NONE;
    }
    const struct cluster_entry *entry = history_pick(set, options);
    if (entry == NULL) {
        return EXIT_NONE;
    }
    if (entry->headless) {
        fprintf(stderr,
                "pgbaton-replay: the records begin in the middle of cluster %s, and hold no "
                "snapshot of it up to that point\n"
                "hint: capture without --from, or look at a later point\n",
                entry->state.name);
        return EXIT_NONE;
    }
    view_of(&entry->state, entry->last_us, ret_view);
    return EXIT_DONE;
}

int past_view(const struct options *options, struct point at, struct view *ret_view)
{
    struct failure failure = {0};
    struct reader *reader = NULL;
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return EXIT_NONE;
    }
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, &failure);
    if (result == RESULT_OK) {
        result = history_read(reader, set, at, NULL, NULL, &failure);
    }
    reader_close(reader);
    const int code =
            result == RESULT_OK ? show(options, set, at, ret_view) : history_fail(&failure);
    cluster_set_destroy(set);
    return code;
}
