/* SPDX-License-Identifier: PostgreSQL */
/* anonymize - a captured log that may be given away. */
#include "anonymize.h"
#include "commands.h"
#include "history.h"

#include <inttypes.h>
#include <stdio.h>

static void tell(const struct anonymize_report *report, const char *path)
{
    const char *separator = "replaced: ";
    for (enum alias_kind kind = ALIAS_CLUSTER; kind < ALIAS_TEXT; kind++) {
        const size_t count = report->counts[kind];
        if (count > 0) {
            fprintf(stderr, "%s%zu %s", separator, count, alias_kind_text(kind, count != 1));
            separator = ", ";
        }
    }
    fprintf(stderr, "%swrote %" PRIu64 " records to %s\n", separator[0] == ',' ? "\n" : "",
            report->record_count, path);
    if (report->blank_count > 0) {
        fprintf(stderr,
                "%" PRIu64 " records cannot be read: nothing is left of them but their place\n",
                report->blank_count);
    }
    if (report->foreign_count > 0) {
        fprintf(stderr,
                "%" PRIu64 " decisions name another state than the log gives: verify finds them "
                "there, too\n",
                report->foreign_count);
    }
}

int anonymize_run(const struct options *options)
{
    struct failure failure = {0};
    struct anonymize_report report = {0};
    if (options->file == NULL || options->target == NULL) {
        fprintf(stderr, "anonymize: name the file to read, and with -o the one to write\n"
                        "try: pgbaton-replay anonymize --help\n");
        return EXIT_USAGE;
    }
    const struct anonymize_options wanted = {options->file, options->cluster, options->target,
                                             options->renew};
    if (anonymize_file(&wanted, &report, &failure) != RESULT_OK) {
        return history_fail(&failure);
    }
    tell(&report, options->target);
    return EXIT_DONE;
}
