/* SPDX-License-Identifier: PostgreSQL */
/* The simulator's command: many seeds, or one that is told step by step. */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* From so many seeds on everything must have been reached. */
#define COVERING_SEEDS 500
#define TAIL_LINES 60
/* A seed is one history: each so many-th is run again, and must end in the same state. */
#define AGAIN_EACH 50

static const char usage[] =
        "usage: sim [--seeds N] [--from SEED] [--seed SEED [--verbose]] [--plan FILE]\n"
        "           [--seconds S] [--shrink] [--coverage]\n"
        "\n"
        "Runs agents and monitors over a simulated log, network, clock and PostgreSQL, and checks\n"
        "the invariants after every step. tools/simulate runs campaigns of it.\n"
        "\n"
        "  --seeds N      run N seeds (default 100)\n"
        "  --from SEED    begin with this one (default 1)\n"
        "  --seed SEED    run this one only\n"
        "  --plan FILE    run the plans of this file, as --list prints them, and no seeds\n"
        "  --kept FILE    also run the seeds of this file, one a line, '#' for comments\n"
        "  --seconds S    one burst of faults, for S simulated seconds (default: as the seed "
        "draws)\n"
        "  --list         print the plans, run nothing\n"
        "  --shrink       reduce the schedule of a failure to what it needs\n"
        "  --tail LINES   tell so much of the log before a failure (default 60)\n"
        "  --until-broken stop at the first seed that breaks an invariant\n"
        "  --honest       no decision is forged\n"
        "  --losses       of the seeds only those whose log loses its end\n"
        "  --coverage     tell what was reached, and fail when something never was\n"
        "  --verbose      tell everything that happens\n"
        "\n"
        "exit status: 0 all seeds hold, 1 a seed breaks an invariant, 2 usage\n";

struct arguments {
    uint64_t from;
    uint64_t count;
    uint64_t seconds;
    uint64_t tail;
    const char *kept;
    const char *plans;
    bool list;
    bool shrink;
    bool verbose;
    bool coverage;
    bool honest;
    bool losses;
    bool until_broken;
};

struct totals {
    uint64_t seeds;
    uint64_t failures;
    struct sim_counts counts;
};

/* ---- telling a failure ---- */

/* What had no effect, and what says that nothing has changed. */
static bool is_routine(const char *line, const char *end)
{
    static const char *const words[] = {" (void) ", "no action. I am"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *found = strstr(line, words[i]);
        if (found != NULL && found < end) {
            return true;
        }
    }
    return false;
}

/* The last lines of what was told, without the routine. */
static void print_tail(char *text, uint64_t lines)
{
    char *last = text + strlen(text);
    uint64_t wanted = lines;
    while (last > text && wanted > 0) {
        char *line = last - 1;
        while (line > text && line[-1] != '\n') {
            line--;
        }
        if (is_routine(line, last)) {
            memmove(line, last, strlen(last) + 1);
        } else {
            wanted--;
        }
        last = line;
    }
    fputs(last, stdout);
}

static void tell_failure(const struct sim_plan *plan, const struct sim_result *result,
                         const struct arguments *arguments)
{
    static struct sim_plan shrunk;
    shrunk = *plan;
    if (arguments->shrink) {
        uint32_t runs = sim_shrink(&shrunk, result->broken);
        printf("shrunk from %u faults to %u in %u runs:\n", plan->count, shrunk.count, runs);
    }
    sim_plan_print(&shrunk, stdout);
    char *text = NULL;
    size_t size = 0;
    FILE *story = open_memstream(&text, &size);
    if (story != NULL) {
        (void)sim_run(&shrunk, story);
        fclose(story);
        print_tail(text, arguments->tail);
        free(text);
    }
}

/* ---- running ---- */

static void add(struct totals *totals, const struct sim_counts *counts)
{
    totals->counts.steps += counts->steps;
    totals->counts.time_us += counts->time_us;
    totals->counts.records += counts->records;
    totals->counts.grants += counts->grants;
    totals->counts.faults += counts->faults;
    totals->counts.voids += counts->voids;
}

static bool is_the_same_again(const struct sim_plan *plan, const struct sim_result *result)
{
    struct sim_result again = sim_run(plan, NULL);
    return memcmp(again.digest, result->digest, HASH_SIZE) == 0 &&
           again.counts.steps == result->counts.steps;
}

static void run_plan(const struct sim_plan *plan, const struct arguments *arguments,
                     struct totals *totals)
{
    uint64_t seed = plan->options.seed;
    struct sim_result result = sim_run(plan, arguments->verbose ? stdout : NULL);
    totals->seeds++;
    add(totals, &result.counts);
    if (result.broken != NULL) {
        totals->failures++;
        printf("seed %" PRIu64 " broke %s at %.3f s: %s\n", seed, result.broken,
               (double)result.broken_us / 1e6, result.detail);
        tell_failure(plan, &result, arguments);
    } else if (seed % AGAIN_EACH == 1 && !is_the_same_again(plan, &result)) {
        totals->failures++;
        printf("seed %" PRIu64 " broke determinism at 0.0 s: it ends otherwise the next time\n",
               seed);
    }
    fflush(stdout);
}

/* Without what somebody forges. */
static void make_honest(struct sim_plan *plan)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (strcmp(sim_fault_name(plan->strikes[i].fault), "liar") != 0) {
            plan->strikes[kept++] = plan->strikes[i];
        }
    }
    plan->count = kept;
}

static void run_seed(uint64_t seed, const struct arguments *arguments, struct totals *totals)
{
    static struct sim_plan plan;
    sim_plan_draw(&plan, seed, arguments->seconds);
    if (arguments->losses && !plan.options.losses) {
        return;
    }
    if (arguments->honest) {
        make_honest(&plan);
    }
    if (arguments->list) {
        sim_plan_print(&plan, stdout);
    } else {
        run_plan(&plan, arguments, totals);
    }
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

static bool run_plans(const struct arguments *arguments, struct totals *totals)
{
    static struct sim_plan plan;
    FILE *file = fopen(arguments->plans, "r");
    if (file == NULL) {
        perror(arguments->plans);
        return false;
    }
    bool wrong = false;
    while (sim_plan_read(&plan, file, &wrong)) {
        run_plan(&plan, arguments, totals);
    }
    fclose(file);
    return !wrong;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"plan", required_argument, NULL, 'p'},
        {"kept", required_argument, NULL, 'k'},  {"seconds", required_argument, NULL, 't'},
        {"tail", required_argument, NULL, 'l'},  {"list", no_argument, NULL, 'L'},
        {"shrink", no_argument, NULL, 'S'},      {"verbose", no_argument, NULL, 'v'},
        {"coverage", no_argument, NULL, 'c'},    {"honest", no_argument, NULL, 'o'},
        {"losses", no_argument, NULL, 'e'},      {"until-broken", no_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
};

static void take_value(int option, struct arguments *ret_arguments)
{
    uint64_t number = strtoull(optarg, NULL, 10);
    switch (option) {
    case 'n':
        ret_arguments->count = number;
        break;
    case 'f':
        ret_arguments->from = number;
        break;
    case 's':
        ret_arguments->from = number;
        ret_arguments->count = 1;
        break;
    case 'p':
        ret_arguments->plans = optarg;
        ret_arguments->count = 0;
        break;
    case 'k':
        ret_arguments->kept = optarg;
        break;
    case 't':
        ret_arguments->seconds = number;
        break;
    default:
        ret_arguments->tail = number;
    }
}

static void take_flag(int option, struct arguments *ret_arguments)
{
    ret_arguments->list = ret_arguments->list || option == 'L';
    ret_arguments->shrink = ret_arguments->shrink || option == 'S';
    ret_arguments->verbose = ret_arguments->verbose || option == 'v';
    ret_arguments->coverage = ret_arguments->coverage || option == 'c';
    ret_arguments->honest = ret_arguments->honest || option == 'o';
    ret_arguments->losses = ret_arguments->losses || option == 'e';
    ret_arguments->until_broken = ret_arguments->until_broken || option == 'u';
}

/* The exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct arguments *ret_arguments)
{
    int option = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
        if (optarg != NULL) {
            take_value(option, ret_arguments);
        } else {
            take_flag(option, ret_arguments);
        }
    }
    return -1;
}

static void print_totals(const struct totals *totals)
{
    const struct sim_counts *c = &totals->counts;
    printf("%" PRIu64 " seeds, %" PRIu64 " steps, %.3f cluster-hours, %" PRIu64 " records, %" PRIu64
           " grants, %" PRIu64 " faults, %" PRIu64 " void\n",
           totals->seeds, c->steps, (double)c->time_us / 3.6e9, c->records, c->grants, c->faults,
           c->voids);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals->seeds - totals->failures,
           totals->failures);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.from = 1, .count = 100, .tail = TAIL_LINES};
    int status = parse(argc, argv, &arguments);
    if (status >= 0) {
        return status;
    }
    struct totals totals = {0};
    if ((arguments.kept != NULL && !run_kept(&arguments, &totals)) ||
        (arguments.plans != NULL && !run_plans(&arguments, &totals))) {
        return 2;
    }
    for (uint64_t i = 0; i < arguments.count; i++) {
        run_seed(arguments.from + i, &arguments, &totals);
        if (arguments.until_broken && totals.failures > 0) {
            break;
        }
    }
    if (arguments.list) {
        return 0;
    }
    /* Few seeds reach little. */
    bool reached = !arguments.coverage || sim_cover_print() || totals.seeds < COVERING_SEEDS;
    print_totals(&totals);
    return totals.failures == 0 && reached ? 0 : 1;
}
