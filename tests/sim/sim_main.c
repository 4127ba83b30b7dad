/* SPDX-License-Identifier: PostgreSQL */
/* The simulator's command: many seeds, or one that is told step by step. */
#include "sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From so many seeds on everything must have been reached. */
#define COVERING_SEEDS 500

static const char usage[] =
        "usage: sim [--seeds N] [--first SEED] [--seed SEED [--verbose]] [--seconds S]\n"
        "           [--coverage]\n"
        "\n"
        "Runs agents and monitors over a simulated log, network, clock and PostgreSQL, and checks\n"
        "the invariants after every step.\n"
        "\n"
        "  --seeds N      run N seeds (default 100)\n"
        "  --first SEED   begin with this one (default 1)\n"
        "  --seed SEED    run this one only\n"
        "  --kept FILE    also run the seeds of this file, one a line, '#' for comments\n"
        "  --seconds S    faults strike for S simulated seconds (default 30)\n"
        "  --until-broken stop at the first seed that breaks an invariant\n"
        "  --honest       no decision is forged\n"
        "  --coverage     tell what was reached, and fail when something never was\n"
        "  --verbose      tell everything that happens\n"
        "\n"
        "exit status: 0 all seeds hold, 1 a seed breaks an invariant, 2 usage\n";

struct arguments {
    uint64_t first;
    uint64_t count;
    uint64_t seconds;
    const char *kept;
    bool verbose;
    bool coverage;
    bool honest;
    bool until_broken;
};

struct totals {
    uint64_t seeds;
    uint64_t failures;
    uint64_t events;
    uint64_t grants;
    uint64_t faults;
    uint64_t voids;
};

static struct sim_options options_of(uint64_t seed, const struct arguments *arguments)
{
    struct sim_options options = {
            .seed = seed,
            .nodes = seed % 7 == 0 ? 2 : (seed % 5 == 0 ? 5 : 3),
            .monitors = seed % 3 == 0 ? 1 : 2,
            .honest = arguments->honest,
            .fast = seed % 4 == 0,
            .fault_us = arguments->seconds * SIM_S,
            .settle_us = 240 * SIM_S,
            .verbose = arguments->verbose,
    };
    return options;
}

static void run_seed(uint64_t seed, const struct arguments *arguments, struct totals *totals)
{
    struct sim_options options = options_of(seed, arguments);
    struct sim_result result = sim_run(&options);
    bool ok = result.ok;
    /* A seed is one history: now and then it is run again, and must end in the same state. */
    if (ok && seed % 50 == 1) {
        options.verbose = false;
        struct sim_result again = sim_run(&options);
        if (memcmp(again.digest, result.digest, HASH_SIZE) != 0) {
            printf("seed %llu is not deterministic\n", (unsigned long long)seed);
            ok = false;
        }
    }
    totals->seeds++;
    totals->failures += ok ? 0 : 1;
    totals->events += result.events;
    totals->grants += result.grants;
    totals->faults += result.faults;
    totals->voids += result.voids;
}

static bool run_kept(const struct arguments *arguments, struct totals *totals)
{
    FILE *file = fopen(arguments->kept, "r");
    if (file == NULL) {
        perror(arguments->kept);
        return false;
    }
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        char *end = line;
        unsigned long long seed = strtoull(line, &end, 10);
        if (end != line) {
            run_seed(seed, arguments, totals);
        }
    }
    fclose(file);
    return true;
}

static const struct option long_options[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"kept", required_argument, NULL, 'k'},
        {"seconds", required_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},
        {"coverage", no_argument, NULL, 'c'},
        {"honest", no_argument, NULL, 'o'},
        {"until-broken", no_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static int parse(int argc, char **argv, struct arguments *ret_arguments)
{
    int option = 0;
    while ((option = getopt_long(argc, argv, "n:f:s:k:t:vcouh", long_options, NULL)) != -1) {
        switch (option) {
        case 'n':
            ret_arguments->count = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            ret_arguments->first = strtoull(optarg, NULL, 10);
            break;
        case 's':
            ret_arguments->first = strtoull(optarg, NULL, 10);
            ret_arguments->count = 1;
            break;
        case 'k':
            ret_arguments->kept = optarg;
            break;
        case 't':
            ret_arguments->seconds = strtoull(optarg, NULL, 10);
            break;
        case 'v':
            ret_arguments->verbose = true;
            break;
        case 'c':
            ret_arguments->coverage = true;
            break;
        case 'o':
            ret_arguments->honest = true;
            break;
        case 'u':
            ret_arguments->until_broken = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.first = 1, .count = 100, .seconds = 30};
    int status = parse(argc, argv, &arguments);
    if (status >= 0) {
        return status;
    }
    struct totals totals = {0};
    if (arguments.kept != NULL && !run_kept(&arguments, &totals)) {
        return 2;
    }
    for (uint64_t i = 0; i < arguments.count; i++) {
        run_seed(arguments.first + i, &arguments, &totals);
        if (arguments.until_broken && totals.failures > 0) {
            break;
        }
    }
    /* Few seeds reach little. */
    bool reached = !arguments.coverage || sim_cover_print() || totals.seeds < COVERING_SEEDS;
    printf("%llu seeds, %llu events, %llu grants, %llu faults, %llu void\n",
           (unsigned long long)totals.seeds, (unsigned long long)totals.events,
           (unsigned long long)totals.grants, (unsigned long long)totals.faults,
           (unsigned long long)totals.voids);
    printf("%llu passed, %llu failed\n", (unsigned long long)(totals.seeds - totals.failures),
           (unsigned long long)totals.failures);
    return totals.failures == 0 && reached ? 0 : 1;
}
