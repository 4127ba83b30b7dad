/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton-monitor: options, settings, and the loop's end. */
#include "shell.h"

#include <errno.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_PATH "/etc/pgbaton/monitor.yaml"

enum exit_code { EXIT_DONE = 0, EXIT_RUNTIME = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *config; /* NULL: not named */
    const char *nats;   /* NULL: not named */
    bool check;
    bool version;
    bool help;
};

static const char usage[] =
        "pgbaton-monitor decides who leads each PostgreSQL cluster of a pgbaton log.\n"
        "\n"
        "usage: pgbaton-monitor [options]\n"
        "  -c, --config FILE  settings (default: " CONFIG_PATH ")\n"
        "      --nats URL     the log's servers, over those of the file; no file is needed then\n"
        "      --check-config reads the settings and exits: 0 when they are right\n"
        "      --version      prints the version\n"
        "      --help         prints this\n"
        "\n"
        "Exit codes: 0 ended in order, 1 failed while running, 2 wrong options or settings.\n";

/* False after getopt has told what is wrong. */
static bool parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {
            {"config", required_argument, NULL, 'c'}, {"nats", required_argument, NULL, 'n'},
            {"check-config", no_argument, NULL, 'k'}, {"version", no_argument, NULL, 'v'},
            {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    memset(ret_arguments, 0, sizeof(*ret_arguments));
    for (int c = getopt_long(argc, argv, "c:", options, NULL); c != -1;
         c = getopt_long(argc, argv, "c:", options, NULL)) {
        if (c == '?') {
            return false;
        }
        ret_arguments->config = c == 'c' ? optarg : ret_arguments->config;
        ret_arguments->nats = c == 'n' ? optarg : ret_arguments->nats;
        ret_arguments->check = ret_arguments->check || c == 'k';
        ret_arguments->version = ret_arguments->version || c == 'v';
        ret_arguments->help = ret_arguments->help || c == 'h';
    }
    if (optind < argc) {
        fprintf(stderr, "pgbaton-monitor: unexpected argument '%s'\n", argv[optind]);
        return false;
    }
    return true;
}

static enum result read_settings(const struct arguments *arguments,
                                 struct monitor_settings *ret_settings, struct failure *f)
{
    monitor_settings_init(ret_settings);
    if (arguments->config != NULL || arguments->nats == NULL) {
        const char *path = arguments->config != NULL ? arguments->config : CONFIG_PATH;
        const enum result result = monitor_settings_load(path, ret_settings, f);
        if (result != RESULT_OK) {
            return result;
        }
    }
    if (arguments->nats != NULL) {
        const size_t length = strlen(arguments->nats);
        if (length >= sizeof(ret_settings->servers)) {
            return failure_set(f, RESULT_INVALID, "--nats is too long");
        }
        memcpy(ret_settings->servers, arguments->nats, length + 1);
    }
    if (ret_settings->servers[0] == '\0') {
        failure_set(f, RESULT_INVALID, "nobody says where the log is");
        return failure_hint(f, "write nats: nats://HOST:4222 into the file, or use --nats");
    }
    return RESULT_OK;
}

static void tell_failure(const struct failure *f)
{
    log_line(SEVERITY_ERROR, "%s%s%s%s", f->text, f->hint[0] != '\0' ? " (" : "", f->hint,
             f->hint[0] != '\0' ? ")" : "");
}

static int execute_again(char **argv)
{
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execv("/proc/self/exe", argv);
    log_line(SEVERITY_ERROR, "could not start anew: %s", strerror(errno));
    return EXIT_RUNTIME;
}

static int run(const struct monitor_settings *settings, char **argv)
{
    struct failure failure = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    log_line(SEVERITY_INFO, "pgbaton-monitor " PGBATON_VERSION " starts, I am %s", settings->name);
    const enum shell_end end = shell_run(settings, &failure);
    if (end == SHELL_STALLED) {
        /* Stuck inside its library: only a new process gets rid of it. */
        log_line(SEVERITY_WARNING, "the log's thread has made no progress for %d s, starting anew",
                 SHELL_STALL_MS / 1000);
        return execute_again(argv);
    }
    if (end == SHELL_LOG_LOST) {
        log_line(SEVERITY_WARNING, "starting anew, to read the log that there is now");
        return execute_again(argv);
    }
    if (end == SHELL_FAILED) {
        tell_failure(&failure);
        return EXIT_RUNTIME;
    }
    log_line(SEVERITY_INFO, "pgbaton-monitor ends, as asked");
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct monitor_settings settings;
    struct failure failure = {0};
    log_line_init(SEVERITY_INFO);
    if (!parse_arguments(argc, argv, &arguments)) {
        fputs("Try --help.\n", stderr);
        return EXIT_USAGE;
    }
    if (arguments.help || arguments.version) {
        fputs(arguments.help ? usage : "pgbaton-monitor " PGBATON_VERSION "\n", stdout);
        return EXIT_DONE;
    }
    if (read_settings(&arguments, &settings, &failure) != RESULT_OK) {
        tell_failure(&failure);
        return EXIT_USAGE;
    }
    if (arguments.check) {
        printf("the settings of %s are right\n", settings.name);
        return EXIT_DONE;
    }
    log_line_init(settings.log_level);
    return run(&settings, argv);
}
