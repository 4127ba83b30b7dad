/* SPDX-License-Identifier: PostgreSQL */
/* A plan as text: one line for the world, one for each strike, each of them key=value words. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SIZE 64

static const char *const rings_names[] = {
        [SIM_RINGS_ALL] = "all",
        [SIM_RINGS_GUARD] = "guard",
        [SIM_RINGS_FENCE] = "fence",
};
_Static_assert(sizeof rings_names / sizeof rings_names[0] == SIM_RINGS_COUNT, "a name for each");

static const char *const trigger_names[] = {
        [SIM_TRIGGER_TIME] = "time",         [SIM_TRIGGER_ENDED] = "ended",
        [SIM_TRIGGER_GRANTED] = "granted",   [SIM_TRIGGER_HELD] = "held",
        [SIM_TRIGGER_WRITABLE] = "writable", [SIM_TRIGGER_DIRECTIVE] = "directive",
        [SIM_TRIGGER_STEP] = "step",         [SIM_TRIGGER_SYNC] = "sync",
};
_Static_assert(sizeof trigger_names / sizeof trigger_names[0] == SIM_TRIGGER_COUNT,
               "a name for each");

/* ---- out ---- */

static void print_options(const struct sim_options *o, FILE *file)
{
    const struct config *c = &o->config;
    fprintf(file,
            "plan seed=%" PRIu64 " nodes=%u monitors=%u fast=%d rough=%d clock_stop=%d newer=%d "
            "losses=%d nofailover=%u rings=%s "
            "period=%u timeout=%u threshold=%u ttl=%u lag=%" PRIu64 " failovers=%u "
            "failover_window=%u rebuilds=%u rebuild_window=%u switch_policy=%s crash_policy=%s "
            "start_timeout=%u restarts=%u restart_window=%u synchronous=%d count=%u sealed=%d "
            "failsafe_off=%d standby=%d rate=%" PRIu64 " settle=%" PRIu64 " end=%" PRIu64 "\n",
            o->seed, o->nodes, o->monitors, o->fast, o->rough, o->clock_stop, o->newer, o->losses,
            o->nofailover, rings_names[o->rings], c->probe_period_ms, c->probe_timeout_ms,
            c->probe_failure_threshold, c->lease_ttl_ms, c->maximum_lag_on_failover,
            c->failover_limit, c->failover_window_ms, c->rebuild_limit, c->rebuild_window_ms,
            switch_policy_name(c->switch_policy), crash_policy_name(c->crash_policy),
            c->primary_start_timeout_ms, c->restart_limit, c->restart_window_ms,
            (int)c->synchronous, c->synchronous_count, (int)c->failover_mode, (int)c->failsafe,
            c->standby.host[0] != '\0', o->write_rate, o->settle_us, o->fault_us);
}

static void print_strike(const struct sim_strike *strike, FILE *file)
{
    const struct sim_fault *fault = sim_fault(strike->fault);
    fprintf(file, "strike fault=%s", fault->name);
    if (strike->target == SIM_LEADER) {
        fprintf(file, " on=leader");
    } else {
        fprintf(file, " on=%s-%d", fault->on_monitor ? "monitor" : "node", strike->target + 1);
    }
    if (strike->trigger == SIM_TRIGGER_TIME) {
        fprintf(file, " at_ms=%.3f", (double)strike->at / 1e3);
    } else {
        fprintf(file, " after=%s nth=%" PRIu64, trigger_names[strike->trigger], strike->at);
    }
    if (strike->delay_us > 0) {
        fprintf(file, " delay_ms=%.3f", (double)strike->delay_us / 1e3);
    }
    if (strike->span_us > 0) {
        fprintf(file, " for_ms=%.3f", (double)strike->span_us / 1e3);
    }
    if (strike->ttl_share > 0) {
        fprintf(file, " for_leases=%.3f", (double)strike->ttl_share / 1e3);
    }
    fprintf(file, " dice=%" PRIu64 "\n", strike->dice);
}

void sim_plan_print(const struct sim_plan *plan, FILE *file)
{
    print_options(&plan->options, file);
    for (uint32_t i = 0; i < plan->count; i++) {
        print_strike(&plan->strikes[i], file);
    }
}

/* ---- in ---- */

/* The value of a key in the line; false when it is not there. */
static bool word(const char *line, const char *key, char ret_value[WORD_SIZE])
{
    size_t length = strlen(key);
    for (const char *at = strchr(line, ' '); at != NULL; at = strchr(at + 1, ' ')) {
        if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=') {
            const char *value = at + length + 2;
            snprintf(ret_value, WORD_SIZE, "%.*s", (int)strcspn(value, " \n"), value);
            return true;
        }
    }
    return false;
}

static uint64_t number(const char *line, const char *key)
{
    char value[WORD_SIZE];
    return word(line, key, value) ? strtoull(value, NULL, 10) : 0;
}

/* Thousandths: of a ms in µs, of a lease. */
static uint64_t thousandths(const char *line, const char *key)
{
    char value[WORD_SIZE];
    return word(line, key, value) ? (uint64_t)(strtod(value, NULL) * 1e3 + 0.5) : 0;
}

static bool choose(const char *line, const char *key, const char *const names[], size_t count,
                   unsigned *ret_index)
{
    char value[WORD_SIZE];
    *ret_index = 0;
    if (!word(line, key, value)) {
        return true;
    }
    while (*ret_index < count && strcmp(names[*ret_index], value) != 0) {
        ++*ret_index;
    }
    return *ret_index < count;
}

/* Plans of before there were limits have none. */
static void read_limits(const char *line, struct config *config)
{
    if (number(line, "failovers") != 0) {
        config->failover_limit = (uint32_t)number(line, "failovers");
        config->failover_window_ms = (uint32_t)number(line, "failover_window");
    }
    if (number(line, "rebuilds") != 0) {
        config->rebuild_limit = (uint32_t)number(line, "rebuilds");
        config->rebuild_window_ms = (uint32_t)number(line, "rebuild_window");
    }
}

static bool read_policies(const char *line, struct config *config)
{
    static const char *const policies[] = {"MaximumAvailability", "MaximumDataProtection", "Noop"};
    static const char *const crashes[] = {"failover", "restart"};
    _Static_assert(sizeof policies / sizeof policies[0] == SWITCH_POLICY_COUNT, "a name for each");
    _Static_assert(sizeof crashes / sizeof crashes[0] == CRASH_POLICY_COUNT, "a name for each");
    unsigned policy = 0;
    unsigned crash = 0;
    bool ok = choose(line, "switch_policy", policies, SWITCH_POLICY_COUNT, &policy) &&
              choose(line, "crash_policy", crashes, CRASH_POLICY_COUNT, &crash);
    config->switch_policy = (enum switch_policy)policy;
    config->crash_policy = (enum crash_policy)crash;
    if (number(line, "restarts") != 0) {
        config->primary_start_timeout_ms = (uint32_t)number(line, "start_timeout");
        config->restart_limit = (uint32_t)number(line, "restarts");
        config->restart_window_ms = (uint32_t)number(line, "restart_window");
    }
    return ok;
}

/* Those of before commits waited have none. */
static void read_synchronous(const char *line, struct config *config)
{
    if (number(line, "count") != 0) {
        config->synchronous = (enum synchronous)number(line, "synchronous");
        config->synchronous_count = (uint32_t)number(line, "count");
        config->failover_mode = (enum failover_mode)number(line, "sealed");
    }
    config->failsafe = (enum failsafe)number(line, "failsafe_off");
}

static bool read_options(const char *line, struct sim_options *o)
{
    unsigned rings = 0;
    bool ok = choose(line, "rings", rings_names, SIM_RINGS_COUNT, &rings);
    *o = (struct sim_options){
            .seed = number(line, "seed"),
            .nodes = (uint32_t)number(line, "nodes"),
            .monitors = (uint32_t)number(line, "monitors"),
            .fast = number(line, "fast") != 0,
            .rough = number(line, "rough") != 0,
            .clock_stop = number(line, "clock_stop") != 0,
            .newer = number(line, "newer") != 0,
            .losses = number(line, "losses") != 0,
            .nofailover = (uint32_t)number(line, "nofailover"),
            .rings = (enum sim_rings)rings,
            .write_rate = number(line, "rate"),
            .settle_us = number(line, "settle"),
            .fault_us = number(line, "end"),
    };
    o->config = sim_config(0);
    o->config.probe_period_ms = (uint32_t)number(line, "period");
    o->config.probe_timeout_ms = (uint32_t)number(line, "timeout");
    o->config.probe_failure_threshold = (uint32_t)number(line, "threshold");
    o->config.lease_ttl_ms = (uint32_t)number(line, "ttl");
    o->config.maximum_lag_on_failover = number(line, "lag");
    read_limits(line, &o->config);
    ok = read_policies(line, &o->config) && ok;
    read_synchronous(line, &o->config);
    if (number(line, "standby") != 0) {
        o->config.standby = (struct standby_cluster){.host = "remote", .port = 5432};
    }
    char wrong[CONFIG_TEXT_SIZE];
    return ok && o->nodes >= 1 && o->nodes <= SIM_NODES_MAX && o->monitors >= 1 &&
           o->monitors <= SIM_MONITORS_MAX && config_check(&o->config, wrong);
}

static bool read_fault(const char *line, uint32_t *ret_fault)
{
    char value[WORD_SIZE];
    bool named = word(line, "fault", value);
    for (*ret_fault = 0; named && sim_fault_name(*ret_fault) != NULL; ++*ret_fault) {
        if (strcmp(sim_fault_name(*ret_fault), value) == 0) {
            return true;
        }
    }
    return false;
}

static int32_t read_target(const char *line)
{
    char value[WORD_SIZE];
    const char *dash = word(line, "on", value) ? strrchr(value, '-') : NULL;
    return dash != NULL ? (int32_t)strtol(dash + 1, NULL, 10) - 1 : SIM_LEADER;
}

static bool read_strike(const char *line, struct sim_strike *strike)
{
    unsigned trigger = 0;
    memset(strike, 0, sizeof *strike);
    bool ok = choose(line, "after", trigger_names, SIM_TRIGGER_COUNT, &trigger) &&
              read_fault(line, &strike->fault);
    strike->trigger = (enum sim_trigger)trigger;
    strike->at = trigger == SIM_TRIGGER_TIME ? thousandths(line, "at_ms") : number(line, "nth");
    strike->delay_us = thousandths(line, "delay_ms");
    strike->target = read_target(line);
    strike->span_us = thousandths(line, "for_ms");
    strike->ttl_share = (uint32_t)thousandths(line, "for_leases");
    strike->dice = number(line, "dice");
    return ok;
}

static bool read_line(struct sim_plan *plan, const char *line)
{
    if (strncmp(line, "plan ", 5) == 0) {
        return read_options(line, &plan->options);
    }
    if (strncmp(line, "strike ", 7) == 0) {
        return plan->count < SIM_STRIKES_MAX && read_strike(line, &plan->strikes[plan->count++]);
    }
    return line[strspn(line, " \t\n")] == '\0' || line[0] == '#';
}

bool sim_plan_read(struct sim_plan *plan, FILE *file, bool *ret_wrong)
{
    char line[1024];
    memset(plan, 0, sizeof *plan);
    *ret_wrong = false;
    long at = ftell(file);
    while (fgets(line, sizeof line, file) != NULL) {
        bool another = strncmp(line, "plan ", 5) == 0 && plan->options.nodes != 0;
        if (another) {
            fseek(file, at, SEEK_SET);
            return true;
        }
        if (!read_line(plan, line)) {
            fprintf(stderr, "sim: not a line of a plan: %s", line);
            *ret_wrong = true;
            return false;
        }
        at = ftell(file);
    }
    return plan->options.nodes != 0;
}
