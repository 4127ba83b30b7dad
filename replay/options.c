/* SPDX-License-Identifier: PostgreSQL */
#include "options.h"

#include "../proto/event.h"
#include "../proto/severity.h"
#include "format.h"
#include "moment.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_MS_DEFAULT 5000
#define DAY_US UINT64_C(86400000000)

static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"nats", required_argument, NULL, 'n'},
        {"cluster", required_argument, NULL, 'c'},
        {"timeout", required_argument, NULL, 't'},
        {"output", required_argument, NULL, 'o'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"follow", no_argument, NULL, 'f'},
        {"no-follow", no_argument, NULL, 'x'},
        {"all", no_argument, NULL, 'a'},
        {"node", required_argument, NULL, 'N'},
        {"file", required_argument, NULL, 'I'},
        {"dry-run", no_argument, NULL, 'D'},
        {"wait", no_argument, NULL, 'W'},
        {"accept-loss", no_argument, NULL, 'L'},
        {"leader-stopped", no_argument, NULL, 'S'},
        {"no-switchover", no_argument, NULL, 'O'},
        {"leader-first", no_argument, NULL, 'P'},
        {"pending", no_argument, NULL, 'Q'},
        {"yes", no_argument, NULL, 'Y'},
        {"method", required_argument, NULL, 'R'},
        {"at", required_argument, NULL, 'A'},
        {"cancel", no_argument, NULL, 'C'},
        {"unset", required_argument, NULL, 'U'},
        {"force", no_argument, NULL, 'K'},
        {"incident", required_argument, NULL, 'i'},
        {"since", required_argument, NULL, 's'},
        {"until", required_argument, NULL, 'u'},
        {"kind", required_argument, NULL, 'k'},
        {"term", required_argument, NULL, 'm'},
        {"severity", required_argument, NULL, 'v'},
        {"void", no_argument, NULL, 'V'},
        {"effective", no_argument, NULL, 'E'},
        {"set", required_argument, NULL, 'j'},
        {"raw", no_argument, NULL, 'r'},
        {"renew", no_argument, NULL, 'Z'},
        {"short", no_argument, NULL, 'H'},
        {NULL, 0, NULL, 0},
};

struct parse {
    const struct command *command;
    struct options options;
    bool wants_help;
    bool named_servers;
};

static void point_to_help(const struct parse *parse)
{
    fprintf(stderr, "try: %s %s --help\n", program_invocation_short_name, parse->command->name);
}

static bool complain(const struct parse *parse, const char *problem, const char *value)
{
    fprintf(stderr, "%s: %s '%s'\n", parse->command->name, problem, value);
    point_to_help(parse);
    return false;
}

static bool take_number(const struct parse *parse, const char *text, uint64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || !isdigit((unsigned char)text[0])) {
        return complain(parse, "a sequence is a number, not", text);
    }
    *ret_value = value;
    return true;
}

/* "5s" or "500ms". */
static bool take_timeout(const struct parse *parse, const char *text, uint64_t *ret_ms)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    uint64_t unit = strcmp(end, "ms") == 0 ? 1 : strcmp(end, "s") == 0 ? 1000 : 0;
    bool right = errno == 0 && isdigit((unsigned char)text[0]) && unit != 0 && value > 0;
    if (!right || value > 86400000) {
        return complain(parse, "--timeout takes 5s or 500ms, not", text);
    }
    *ret_ms = value * unit;
    return true;
}

static bool take_incident(struct parse *parse, const char *text)
{
    uint64_t number = 0;
    const bool good = strspn(text, "0123456789") == strlen(text) &&
                      take_number(parse, text, &number) && number > 0 && number <= UINT32_MAX;
    parse->options.incident = (uint32_t)number;
    return good || complain(parse, "an incident is a number from 1 on, not", text);
}

static bool take_output(struct parse *parse, const char *text)
{
    parse->options.json = strcmp(text, "json") == 0;
    if (!parse->options.json && strcmp(text, "text") != 0 && strcmp(text, "table") != 0) {
        return complain(parse, "-o takes text, table or json, not", text);
    }
    return true;
}

static bool take_report(struct parse *parse, const char *text)
{
    static const char *const endings[] = {".html", ".svg", ".json"};
    const char *slash = strrchr(text, '/');
    const char *name = slash != NULL ? slash + 1 : text;
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (ending != NULL && ending != name && strcmp(ending, endings[i]) == 0) {
            parse->options.output = text;
            return true;
        }
    }
    return complain(parse, "-o takes a file whose name ends in .html, .svg or .json, not", text);
}

static bool take_name(const struct parse *parse, const char *text, const char **ret_name)
{
    if (!name_is_valid(text)) {
        return complain(parse, "a name is 1 to 40 of a-z, 0-9 and '-', not", text);
    }
    *ret_name = text;
    return true;
}

static bool take_method(struct parse *parse, const char *text)
{
    static const struct {
        const char *name;
        enum task task;
    } methods[] = {{"auto", TASK_NONE}, {"rewind", TASK_REWIND}, {"basebackup", TASK_BASEBACKUP}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].name, text) == 0) {
            parse->options.method = (int)methods[i].task;
            return true;
        }
    }
    return complain(parse, "--method takes auto, rewind or basebackup, not", text);
}

static bool take_moment(const struct parse *parse, const char *text, uint64_t *ret_us)
{
    if (!moment_parse(text, format_now_us(), ret_us)) {
        return complain(parse, "--at takes 2026-03-01T22:30[:00][+01:00], 22:30 or +10m, not",
                        text);
    }
    return true;
}

/* A day earlier, if the clock has yet to show that time: it speaks of what was. */
static uint64_t last_time(const char *text, uint64_t us, uint64_t now_us)
{
    const bool of_day = strchr(text, '-') == NULL;
    return of_day && us > now_us && us - now_us < DAY_US ? us - DAY_US : us;
}

/* "10m" and "-10m": so long ago. */
static bool take_age(const char *text, uint64_t now_us, uint64_t *ret_us)
{
    char ahead[64];
    uint64_t us = 0;
    (void)snprintf(ahead, sizeof ahead, "+%s", text + (text[0] == '-' ? 1 : 0));
    const bool good = moment_parse(ahead, now_us, &us) && us - now_us <= now_us;
    *ret_us = good ? now_us - (us - now_us) : 0;
    return good;
}

static bool take_time_point(const char *text, uint64_t now_us, uint64_t *ret_us)
{
    uint64_t us = 0;
    if (text[0] == '+' || text[0] == '\0') {
        return false;
    }
    if (take_age(text, now_us, ret_us)) {
        return true;
    }
    const bool good = moment_parse(text, now_us, &us);
    *ret_us = last_time(text, us, now_us);
    return good;
}

bool options_parse_point(const char *text, uint64_t now_us, struct point *ret_point)
{
    char *end = NULL;
    *ret_point = POINT_END;
    if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
        errno = 0;
        ret_point->seq = strtoull(text, &end, 10);
        return errno == 0;
    }
    return take_time_point(text, now_us, &ret_point->us);
}

/* "212", "22:30", "10m" */
static bool take_point(const struct parse *parse, const char *text, struct point *ret_point)
{
    return options_parse_point(text, format_now_us(), ret_point) ||
           complain(parse,
                    "a point is a sequence, 2026-03-01T22:30[:00][+01:00], 22:30 or 10m (ago), not",
                    text);
}

/* One name of a list. */
static bool take_kind(struct parse *parse, const char *name, size_t length)
{
    for (uint32_t kind = EVENT_NONE + 1; kind < EVENT_KIND_COUNT; kind++) {
        const char *known = event_kind_name((enum event_kind)kind);
        if (strlen(known) == length && strncmp(known, name, length) == 0) {
            parse->options.kinds |= UINT32_C(1) << kind;
            return true;
        }
    }
    return complain(parse, "there is no such kind of event (grant, release, probe, ...):", name);
}

static bool take_kinds(struct parse *parse, const char *text)
{
    for (const char *name = text;; name++) {
        const size_t length = strcspn(name, ",");
        if (!take_kind(parse, name, length)) {
            return false;
        }
        name += length;
        if (*name == '\0') {
            return true;
        }
    }
}

static bool take_severity(struct parse *parse, const char *text)
{
    for (int severity = 0; severity < SEVERITY_COUNT; severity++) {
        if (strcasecmp(severity_name((enum severity)severity), text) == 0) {
            parse->options.severity = severity;
            return true;
        }
    }
    return complain(parse, "--severity takes debug, info, warning or error, not", text);
}

static bool take_servers(struct parse *parse, const char *text)
{
    parse->options.servers = text;
    parse->named_servers = true;
    return true;
}

static bool take_value(struct parse *parse, const char *text)
{
    struct options *options = &parse->options;
    if (options->value_count == VALUE_COUNT_MAX) {
        return complain(parse, "that is too much for one change:", text);
    }
    options->values[options->value_count++] = text;
    return true;
}

static void take_flag(struct options *options, int letter)
{
    options->dry_run = options->dry_run || letter == 'D';
    options->wait = options->wait || letter == 'W';
    options->accept_loss = options->accept_loss || letter == 'L';
    options->yes = options->yes || letter == 'Y';
    options->cancel = options->cancel || letter == 'C';
    options->leader_stopped = options->leader_stopped || letter == 'S';
    options->no_switchover = options->no_switchover || letter == 'O';
    options->leader_first = options->leader_first || letter == 'P';
    options->pending = options->pending || letter == 'Q';
    options->force = options->force || letter == 'K';
    options->only_void = options->only_void || letter == 'V';
    options->only_effective = options->only_effective || letter == 'E';
}

/* What of a log is shown. */
static bool take_choice(struct parse *parse, int letter)
{
    struct options *options = &parse->options;
    switch (letter) {
    case 'i':
        return take_incident(parse, optarg);
    case 'G':
        return take_report(parse, optarg);
    case 'X':
        options->target = optarg;
        return true;
    case 'r':
        options->raw = true;
        return true;
    case 'Z':
    case 'H':
        options->renew = options->renew || letter == 'Z';
        options->brief = options->brief || letter == 'H';
        return true;
    case 'B':
    case 's':
        return take_point(parse, optarg, &options->points[0]);
    case 'u':
        return take_point(parse, optarg, &options->points[1]);
    case 'k':
        return take_kinds(parse, optarg);
    case 'm':
        return take_number(parse, optarg, &options->term);
    case 'v':
        return take_severity(parse, optarg);
    default:
        point_to_help(parse);
        return false;
    }
}

static bool take_option(struct parse *parse, int letter)
{
    struct options *options = &parse->options;
    switch (letter) {
    case 'h':
        parse->wants_help = true;
        return true;
    case 'n':
        return take_servers(parse, optarg);
    case 'c':
        return take_name(parse, optarg, &options->cluster);
    case 't':
        return take_timeout(parse, optarg, &options->timeout_ms);
    case 'o':
        return take_output(parse, optarg);
    case 'F':
        return take_number(parse, optarg, &options->from_seq);
    case 'T':
        return take_number(parse, optarg, &options->to_seq);
    case 'f':
    case 'x':
        options->follow = letter == 'f';
        return true;
    case 'a':
        options->all = true;
        return true;
    case 'I':
        options->file = optarg;
        return true;
    case 'N':
        return take_name(parse, optarg, &options->node);
    case 'M':
        return take_name(parse, optarg, &options->to_node);
    case 'R':
        return take_method(parse, optarg);
    case 'A':
        return take_moment(parse, optarg, &options->at_us);
    case 'U':
    case 'j':
        return take_value(parse, optarg);
    case 'C':
    case 'D':
    case 'K':
    case 'W':
    case 'L':
    case 'Y':
    case 'S':
    case 'O':
    case 'P':
    case 'Q':
    case 'V':
    case 'E':
        take_flag(options, letter);
        return true;
    default:
        return take_choice(parse, letter);
    }
}

/* The name under which an option was written, for a complaint. */
static const char *long_name(int letter)
{
    for (size_t i = 0; long_options[i].name != NULL; i++) {
        if (long_options[i].val == letter) {
            return long_options[i].name;
        }
    }
    return "?";
}

static bool take_options(struct parse *parse, int argc, char **argv)
{
    int letter = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "hn:c:t:o:fN:", long_options, NULL)) != -1) {
        if (letter == 'T' && strchr(parse->command->accepts, 'M') != NULL) {
            letter = 'M'; /* --to takes a node there, not a sequence */
        }
        if (letter == 'A' && strchr(parse->command->accepts, 'B') != NULL) {
            letter = 'B'; /* --at takes a point of the log there, not a time to come */
        }
        if (letter == 'o' && strchr(parse->command->accepts, 'G') != NULL) {
            letter = 'G'; /* -o takes a file there */
        }
        if (letter == 'o' && strchr(parse->command->accepts, 'X') != NULL) {
            letter = 'X'; /* -o takes what is to be written there */
        }
        bool known =
                letter == 'h' || letter == '?' || strchr(parse->command->accepts, letter) != NULL;
        if (!known) {
            return complain(parse, "this command does not take", long_name(letter));
        }
        if (!take_option(parse, letter)) {
            return false;
        }
    }
    return true;
}

/* One word without '=', the cluster, and values. */
static bool take_values(struct parse *parse, int argc, char **argv)
{
    bool named = false;
    for (int i = optind; i < argc; i++) {
        if (strchr(argv[i], '=') != NULL) {
            if (!take_value(parse, argv[i])) {
                return false;
            }
        } else if (named) {
            return complain(parse, "a parameter is set by NAME=VALUE, not", argv[i]);
        } else if (!take_name(parse, argv[i], &parse->options.cluster)) {
            return false;
        } else {
            named = true;
        }
    }
    return true;
}

static bool take_points(struct parse *parse, int argc, char **argv)
{
    struct point *points = parse->options.points;
    if (argc - optind > POINT_COUNT_MAX) {
        return complain(parse, "one word too many:", argv[argc - 1]);
    }
    for (int i = optind; i < argc; i++) {
        if (!take_point(parse, argv[i], &points[i - optind])) {
            return false;
        }
    }
    return true;
}

static bool take_operand(struct parse *parse, int argc, char **argv)
{
    if (optind == argc) {
        return true;
    }
    enum operand operand = parse->command->operand;
    if (operand == OPERAND_VALUES) {
        return take_values(parse, argc, argv);
    }
    if (operand == OPERAND_POINTS) {
        return take_points(parse, argc, argv);
    }
    int allowed = operand == OPERAND_NODE || operand == OPERAND_CLUSTER_NODE ? 2 : 1;
    bool too_many = argc - optind > allowed || operand == OPERAND_NONE;
    if (too_many) {
        return complain(parse, "one word too many:", argv[argc - 1]);
    }
    bool named = operand == OPERAND_CLUSTER_NODE && parse->options.cluster != NULL;
    if (operand == OPERAND_NODE || named || argc - optind == 2) {
        bool two = argc - optind == 2;
        return take_name(parse, argv[argc - 1], &parse->options.node) &&
               (!two || take_name(parse, argv[optind], &parse->options.cluster));
    }
    if (operand == OPERAND_CLUSTER || operand == OPERAND_CLUSTER_NODE) {
        return take_name(parse, argv[optind], &parse->options.cluster);
    }
    parse->options.file = argv[optind];
    return true;
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool fill_defaults(struct parse *parse)
{
    struct options *options = &parse->options;
    if (options->servers == NULL) {
        options->servers = from_environment("PGBATON_NATS");
    }
    if (options->servers == NULL) {
        options->servers = NATS_DEFAULT;
    }
    const char *cluster = from_environment("PGBATON_CLUSTER");
    if (options->cluster == NULL && cluster != NULL) {
        return take_name(parse, cluster, &options->cluster);
    }
    return true;
}

int command_run(const struct command *command, int argc, char **argv)
{
    struct parse parse = {
            .command = command,
            .options = {.to_seq = UINT64_MAX,
                        .timeout_ms = TIMEOUT_MS_DEFAULT,
                        .follow = true,
                        .points = {POINT_END, POINT_END}},
    };
    if (!take_options(&parse, argc, argv)) {
        return EXIT_USAGE;
    }
    if (parse.wants_help) {
        fputs(command->usage, stdout);
        return EXIT_DONE;
    }
    if (!take_operand(&parse, argc, argv) || !fill_defaults(&parse)) {
        return EXIT_USAGE;
    }
    return command->run(&parse.options);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int command_dispatch(const struct command *commands, const char *usage, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, word) == 0) {
            return command_run(command, argc - 1, argv + 1);
        }
    }
    if (is_one_of(word, "--help", "-h")) {
        fputs(usage, argc > 1 ? stdout : stderr);
        return argc > 1 ? EXIT_DONE : EXIT_USAGE;
    }
    if (is_one_of(word, "--version", "version")) {
        puts("pgbaton " PGBATON_VERSION);
        return EXIT_DONE;
    }
    fprintf(stderr, "%s: there is no command '%s'\n\n%s", program_invocation_short_name, word,
            usage);
    return EXIT_USAGE;
}
