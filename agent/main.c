/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton-agent: reads its settings, becomes the guard, and, as the guard's child, the agent
 * proper. */
#include "guard_wire.h"
#include "inspect.h"
#include "program_path.h"
#include "settings.h"
#include "shell.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
/* The guard's command line: its own words and ours. */
#define GUARD_WORDS_MAX 32

static const char help[] =
        "pgbaton-agent runs beside one PostgreSQL: it starts, promotes, follows and rebuilds it.\n"
        "\n"
        "Usage: pgbaton-agent -c agent.yaml [--check-config]\n"
        "\n"
        "  -c, --config FILE   the settings of this node (required)\n"
        "      --check-config  check the settings and exit\n"
        "  -h, --help          this text\n"
        "  -V, --version       the version\n"
        "\n"
        "It must run as the operating system user that owns the data directory, never as root.\n"
        "SIGTERM stops PostgreSQL, hands the leadership over, and ends the agent.\n";

struct options {
    const char *config;
    const char *inspect; /* a data directory: look at it, report, exit */
    bool check;
    bool done; /* help or version was printed */
};

enum { OPTION_CHECK = 1000, OPTION_INSPECT };

static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"inspect", required_argument, NULL, OPTION_INSPECT},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
};

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'c':
        options->config = optarg;
        return true;
    case OPTION_CHECK:
        options->check = true;
        return true;
    case OPTION_INSPECT:
        options->inspect = optarg;
        return true;
    case 'h':
        options->done = fputs(help, stdout) >= 0;
        return options->done;
    case 'V':
        options->done = puts("pgbaton-agent " PGBATON_VERSION) >= 0;
        return options->done;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *ret_options)
{
    int option;
    memset(ret_options, 0, sizeof(*ret_options));
    while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
        if (!parse_option(option, ret_options)) {
            return false;
        }
    }
    if (ret_options->done || ret_options->inspect != NULL) {
        return true;
    }
    if (ret_options->config == NULL || optind != argc) {
        fprintf(stderr, "pgbaton-agent: %s; try 'pgbaton-agent -c agent.yaml'\n",
                ret_options->config == NULL ? "no settings are named" : "too many arguments");
        return false;
    }
    return true;
}

static int complain(const struct failure *failure)
{
    fprintf(stderr, "pgbaton-agent: %s\n", failure->text);
    if (failure->hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", failure->hint);
    }
    return EXIT_USAGE;
}

static int refuse_root(const char *config)
{
    fprintf(stderr,
            "pgbaton-agent: it must not run as root: PostgreSQL does not\n"
            "hint: run it as the owner of the data directory: "
            "runuser -u postgres -- pgbaton-agent -c %s\n",
            config);
    return EXIT_USAGE;
}

/* The guard is a program of its own, in this process's place; it executes this one again. */
static int become_guard(char **argv, const struct settings *settings)
{
    char own[PATH_MAX];
    char guard[PATH_MAX];
    char seconds[16];
    const char *words[GUARD_WORDS_MAX] = {"pgbaton-guard", "--data-directory",
                                          settings->data_directory};
    const char *const watchdog[] = {
            "--watchdog",         guard_watchdog_mode_name(settings->watchdog),
            "--watchdog-device",  settings->watchdog_device,
            "--watchdog-timeout", seconds};
    size_t count = 3;
    snprintf(seconds, sizeof(seconds), "%d", settings->watchdog_seconds);
    if (settings->watchdog != GUARD_WATCHDOG_OFF) {
        memcpy(words + count, watchdog, sizeof(watchdog));
        count += sizeof(watchdog) / sizeof(watchdog[0]);
    }
    words[count++] = "--";
    words[count++] = own;
    if (!program_path_own(own, sizeof(own)) ||
        !program_path_beside(".", "pgbaton-guard", guard, sizeof(guard))) {
        fputs("pgbaton-agent: pgbaton-guard is not beside it: install both\n", stderr);
        return EXIT_FAILURE;
    }
    for (size_t i = 1; argv[i] != NULL && count < GUARD_WORDS_MAX - 1; i++) {
        words[count++] = argv[i];
    }
    execv(guard, (char *const *)(uintptr_t)words); /* changes none of them */
    fprintf(stderr, "pgbaton-agent: %s cannot be executed: %s\n", guard, strerror(errno));
    return EXIT_FAILURE;
}

static int run(char **argv, const struct options *options, const struct settings *settings)
{
    struct failure failure = {0};
    if (options->check) {
        printf("%s is right: node %s of cluster %s, PostgreSQL in %s\n", options->config,
               settings->self.node, settings->self.cluster, settings->bin_directory);
        return EXIT_SUCCESS;
    }
    if (geteuid() == 0) {
        return refuse_root(options->config);
    }
    if (settings_prepare(settings, &failure) != RESULT_OK) {
        return complain(&failure);
    }
    if (getenv(GUARD_ENVIRONMENT) == NULL) {
        return become_guard(argv, settings);
    }
    signal(SIGPIPE, SIG_IGN);
    return shell_run(settings);
}

int main(int argc, char **argv)
{
    struct options options;
    struct settings settings;
    struct failure failure = {0};
    if (!parse_options(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    if (options.done) {
        return EXIT_SUCCESS;
    }
    if (options.inspect != NULL) {
        return inspect_run(options.inspect, true, STDOUT_FILENO);
    }
    if (settings_load(options.config, &settings, &failure) != RESULT_OK) {
        return complain(&failure);
    }
    log_line_init(settings.log_level);
    int status = run(argv, &options, &settings);
    settings_finish(&settings);
    return status;
}
