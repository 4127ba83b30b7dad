/* SPDX-License-Identifier: PostgreSQL */
#include "../replay/describe.h"

#include "commands.h"
#include "gather.h"

int describe_run(const struct options *options)
{
    struct view view;
    int code = view_gather(options, &view);
    if (code == EXIT_DONE && options->json) {
        describe_print_json(&view);
    } else if (code == EXIT_DONE) {
        describe_text(&view);
    }
    return code;
}
