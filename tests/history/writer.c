/* SPDX-License-Identifier: PostgreSQL */
/*
 * writer - keeps writing rows, to one node or to whichever is writable, and keeps a history of
 * every write for checker.py: who took it, on which timeline, when it was sent and when the
 * acknowledgement came. It prints "writing" after the first one, and at the end what it saw.
 */
#include "session.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_MAX 64
#define NEVER UINT64_MAX

static const char help[] =
        "Usage: writer [OPTION]... NODE=HOST:PORT...\n"
        "\n"
        "With one node it writes to that one, whatever becomes of it; with several it follows the "
        "one\n"
        "that is writable. The table: create table history (client text, n bigint, primary key "
        "(client, "
        "n))\n"
        "\n"
        "  --client NAME      part of each row and line; default: writer\n"
        "  --file FILE        the history; default: standard output gets none\n"
        "  --sessions N       that write side by side; default: 4\n"
        "  --connect-ms MS    for a connection, then the next node is tried; default: 500\n"
        "  --answer-ms MS     for an answer, then the outcome is not known; default: 0, for ever\n"
        "  --every-ms MS      from a session's write to its next; default: 0, as fast as it can\n"
        "  --rest-ms MS       when no node could be written to; default: 20\n"
        "  --seconds N        how long; default: until SIGTERM or SIGINT\n";

struct options {
    const char *file;
    uint32_t session_count;
    uint32_t seconds;
};

/* What is told at the end, and since when nothing was acknowledged. */
struct tally {
    uint64_t counts[OUTCOME_COUNT];
    uint64_t last_ack_us;
    uint64_t gap_us;
    uint64_t gap_began_us;
};

static volatile sig_atomic_t interrupted;
static struct session_settings settings = {
        .client = "writer", .connect_ms = 500, .rest_ms = 20, .next_n = 1};
static struct session sessions[SESSION_MAX];
static struct tally tally;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- options ---- */

/* NODE=HOST:PORT; the text is taken apart. */
static bool parse_target(char *text, struct target *ret_target)
{
    const char *node = strsep(&text, "=");
    const char *host = strsep(&text, ":");
    if (text == NULL || strlen(node) >= sizeof ret_target->node ||
        strlen(host) >= sizeof ret_target->host || strlen(text) >= sizeof ret_target->port) {
        return false;
    }
    snprintf(ret_target->node, sizeof ret_target->node, "%s", node);
    snprintf(ret_target->host, sizeof ret_target->host, "%s", host);
    snprintf(ret_target->port, sizeof ret_target->port, "%s", text);
    return true;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *ret_number)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    *ret_number = (uint32_t)number;
    return end != text && *end == '\0' && number <= max;
}

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'c':
        settings.client = optarg;
        return true;
    case 'f':
        options->file = optarg;
        return true;
    case 'n':
        return parse_number(optarg, SESSION_MAX, &options->session_count) &&
               options->session_count > 0;
    case 'C':
        return parse_number(optarg, 600000, &settings.connect_ms);
    case 'A':
        return parse_number(optarg, 600000, &settings.answer_ms);
    case 'e':
        return parse_number(optarg, 600000, &settings.every_ms);
    case 'r':
        return parse_number(optarg, 600000, &settings.rest_ms);
    case 's':
        return parse_number(optarg, 1000000, &options->seconds);
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
            {"client", required_argument, NULL, 'c'},
            {"file", required_argument, NULL, 'f'},
            {"sessions", required_argument, NULL, 'n'},
            {"connect-ms", required_argument, NULL, 'C'},
            {"answer-ms", required_argument, NULL, 'A'},
            {"every-ms", required_argument, NULL, 'e'},
            {"rest-ms", required_argument, NULL, 'r'},
            {"seconds", required_argument, NULL, 's'},
            {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!parse_option(option, options)) {
            return false;
        }
    }
    for (; optind < argc; optind++) {
        if (settings.target_count == TARGET_MAX ||
            !parse_target(argv[optind], &settings.targets[settings.target_count])) {
            return false;
        }
        settings.target_count += 1;
    }
    return settings.target_count > 0;
}

/* ---- the history ---- */

static void count_ack(uint64_t at_us)
{
    if (tally.last_ack_us == 0) {
        puts("writing");
        fflush(stdout);
    } else if (at_us - tally.last_ack_us > tally.gap_us) {
        tally.gap_us = at_us - tally.last_ack_us;
        tally.gap_began_us = tally.last_ack_us;
    }
    tally.last_ack_us = at_us;
}

static void record(FILE *file, const struct write *write)
{
    static const char *const names[] = {
            [OUTCOME_OK] = "ok", [OUTCOME_FAIL] = "fail", [OUTCOME_INFO] = "info"};
    _Static_assert(sizeof names / sizeof names[0] == OUTCOME_COUNT, "an outcome without a name");
    tally.counts[write->outcome] += 1;
    if (write->outcome == OUTCOME_OK) {
        count_ack(write->end_us);
    }
    if (file != NULL) {
        fprintf(file,
                "%s\t%" PRIu64 "\t%s\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n",
                settings.client, write->n, write->node, write->timeline, write->lsn,
                write->invoke_us, write->end_us, names[write->outcome], write->detail);
    }
}

static void summarise(void)
{
    printf("acknowledged=%" PRIu64 " refused=%" PRIu64 " unknown=%" PRIu64
           " longest_gap_ms=%" PRIu64 ".%" PRIu64 " gap_began_us=%" PRIu64 "\n",
           tally.counts[OUTCOME_OK], tally.counts[OUTCOME_FAIL], tally.counts[OUTCOME_INFO],
           tally.gap_us / 1000, tally.gap_us / 100 % 10, tally.gap_began_us);
}

/* ---- the loop ---- */

/* Milliseconds until a session's deadline, rounded up; -1: there is none. */
static int next_ms(uint32_t count, uint64_t until_us)
{
    uint64_t next = until_us;
    uint64_t now = clock_us();
    for (uint32_t i = 0; i < count; i++) {
        next = sessions[i].deadline_us < next ? sessions[i].deadline_us : next;
    }
    if (next == NEVER) {
        return -1;
    }
    return next > now ? (int)((next - now + 999) / 1000) : 0;
}

static void wait_for_something(struct pollfd *fds, uint32_t count, uint64_t until_us)
{
    for (uint32_t i = 0; i < count; i++) {
        fds[i].fd = session_socket(&sessions[i]);
        fds[i].events = sessions[i].events;
        fds[i].revents = 0;
    }
    if (poll(fds, count, next_ms(count, until_us)) < 0 && errno != EINTR) {
        perror("writer: poll");
        exit(EXIT_FAILURE);
    }
}

/* A session that has ended a write begins the next at once, or when its pace allows. */
static void go_on(FILE *file, struct session *session, bool ready)
{
    while (session_step(session, ready)) {
        record(file, &session->write);
        ready = false;
    }
}

static void run(FILE *file, uint32_t count, uint64_t until_us)
{
    struct pollfd fds[SESSION_MAX];
    while (interrupted == 0 && clock_us() < until_us) {
        wait_for_something(fds, count, until_us);
        for (uint32_t i = 0; i < count; i++) {
            go_on(file, &sessions[i], fds[i].revents != 0);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {.session_count = 4};
    struct sigaction action = {.sa_handler = on_signal};
    if (!parse_options(argc, argv, &options)) {
        fputs(help, stderr);
        return 2;
    }
    FILE *file = options.file != NULL ? fopen(options.file, "w") : NULL;
    if (options.file != NULL && file == NULL) {
        fprintf(stderr, "writer: %s: %s\n", options.file, strerror(errno));
        return EXIT_FAILURE;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    for (uint32_t i = 0; i < options.session_count; i++) {
        session_init(&sessions[i], &settings);
    }
    run(file, options.session_count,
        options.seconds > 0 ? clock_us() + (uint64_t)options.seconds * 1000000 : NEVER);
    for (uint32_t i = 0; i < options.session_count; i++) {
        if (session_finish(&sessions[i])) {
            record(file, &sessions[i].write);
        }
    }
    summarise();
    return file == NULL || fclose(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
