/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton-guard: executed by pgbaton-agent in its own place, with all that it needs on the command
 * line. */
#include "guard_run.h"

#include "../proto/log_line.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2
#define WATCHDOG_SECONDS_MAX 3600

static const char help[] =
        "pgbaton-guard starts and watches pgbaton-agent and its PostgreSQL. It is started by\n"
        "pgbaton-agent, not by hand.\n"
        "\n"
        "Usage: pgbaton-guard --data-directory DIR [--watchdog MODE --watchdog-device FILE\n"
        "                     --watchdog-timeout SECONDS] -- AGENT [ARGUMENT]...\n"
        "\n"
        "      --data-directory DIR        of the PostgreSQL that it may kill\n"
        "      --watchdog MODE             off, automatic or required\n"
        "      --watchdog-device FILE      as /dev/watchdog\n"
        "      --watchdog-timeout SECONDS  without the guard the machine is reset after so long\n"
        "  -h, --help                      this text\n"
        "  -V, --version                   the version\n";

enum { OPTION_DATA = 1000, OPTION_WATCHDOG, OPTION_DEVICE, OPTION_TIMEOUT };

static const struct option long_options[] = {
        {"data-directory", required_argument, NULL, OPTION_DATA},
        {"watchdog", required_argument, NULL, OPTION_WATCHDOG},
        {"watchdog-device", required_argument, NULL, OPTION_DEVICE},
        {"watchdog-timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
};

static bool parse_seconds(const char *text, int *ret_seconds)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    *ret_seconds = (int)value;
    return *end == '\0' && value > 0 && value <= WATCHDOG_SECONDS_MAX;
}

/* False when the command line is wrong. */
static bool take_option(int option, struct guard_options *options)
{
    switch (option) {
    case OPTION_DATA:
        options->data_directory = optarg;
        return true;
    case OPTION_WATCHDOG:
        return guard_watchdog_mode_parse(optarg, &options->watchdog);
    case OPTION_DEVICE:
        options->watchdog_device = optarg;
        return true;
    case OPTION_TIMEOUT:
        return parse_seconds(optarg, &options->watchdog_seconds);
    default:
        return false;
    }
}

static bool is_whole(const struct guard_options *options)
{
    bool watched = options->watchdog == GUARD_WATCHDOG_OFF ||
                   (options->watchdog_device != NULL && options->watchdog_seconds > 0);
    return options->data_directory != NULL && options->agent_argv[0] != NULL &&
           options->agent_argv[0][0] == '/' && watched;
}

int main(int argc, char **argv)
{
    struct guard_options options = {0};
    int option = 0;
    log_line_init(SEVERITY_INFO);
    while ((option = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1) {
        if (option == 'h') {
            return fputs(help, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (option == 'V') {
            return puts("pgbaton-guard " PGBATON_VERSION) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (!take_option(option, &options)) {
            fputs("pgbaton-guard: wrong arguments; see --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    options.agent_argv = argv + optind;
    if (!is_whole(&options)) {
        fputs("pgbaton-guard: it is started by pgbaton-agent; see --help\n", stderr);
        return EXIT_USAGE;
    }
    return guard_run(&options);
}
