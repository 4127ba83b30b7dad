/* SPDX-License-Identifier: PostgreSQL */
/* What can go wrong: the table of faults, and how one of them strikes. */
#include "sim_faults.h"

/* Where it may strike. Where the guard is the only ring it is not killed; where
 * rings are tested alone nothing stops in order. */
enum {
    ALL = 1 << SIM_RINGS_ALL,
    GUARD = 1 << SIM_RINGS_GUARD,
    FENCE = 1 << SIM_RINGS_FENCE,
    ANY = ALL | GUARD | FENCE,
};

#define NODE false
#define MONITOR true
#define USUAL SIM_CLASS_USUAL
#define CLOCK SIM_CLASS_CLOCK
#define NEWER SIM_CLASS_NEWER
#define LOSS SIM_CLASS_LOSS
#define DISK SIM_CLASS_DISK

/* clang-format off */
static const struct sim_fault faults[] = {
    /* name               weight target   at most     rings        world       */
    {"kill-postmaster",     6, NODE,    0,          ANY,         USUAL, fault_kill_postmaster},
    {"kill-postgres",       6, NODE,    0,          ANY,         USUAL, fault_kill_postgres},
    {"rm-data",             6, NODE,    0,          ANY,         USUAL, fault_rm_data},
    {"damage",              3, NODE,    0,          ANY,         USUAL, fault_damage},
    {"hang",                4, NODE,    0,          ANY,         USUAL, fault_hang},
    {"agent-kill",          6, NODE,    0,          ANY,         USUAL, fault_agent_kill},
    {"guard-kill",          3, NODE,    0,          ALL | FENCE, USUAL, fault_guard_kill},
    {"both-kill",           3, NODE,    0,          ALL | FENCE, USUAL, fault_both_kill},
    {"late-words",          4, NODE,    2 * SIM_S,  ANY,         USUAL, fault_late_words},
    {"agent-pause",         6, NODE,    14 * SIM_S, ANY,         USUAL, fault_agent_pause},
    {"host-crash",          6, NODE,    10 * SIM_S, ANY,         USUAL, fault_host_crash},
    {"freeze",              5, NODE,    10 * SIM_S, ANY,         USUAL, fault_freeze},
    {"clock-stop",          8, NODE,    10 * SIM_S, ANY,         CLOCK, fault_clock_stop},
    {"vote-lost",           4, NODE,    10 * SIM_S, ANY,         DISK,  fault_vote_lost},
    {"wall-step",           3, NODE,    0,          ANY,         USUAL, fault_wall_step},
    {"slow-disk",           4, NODE,    12 * SIM_S, ANY,         USUAL, fault_slow_disk},
    {"full-disk",           4, NODE,    8 * SIM_S,  ANY,         USUAL, fault_full_disk},
    {"unkillable",          4, NODE,    8 * SIM_S,  ANY,         USUAL, fault_unkillable},
    {"flaky",               3, NODE,    8 * SIM_S,  ANY,         USUAL, fault_flaky},
    {"cut-off",             3, NODE,    8 * SIM_S,  ANY,         USUAL, fault_cut_off},
    {"terminate",           3, NODE,    0,          ANY,         USUAL, fault_terminate},
    {"ask",                 1, NODE,    0,          ANY,         USUAL, fault_ask},
    {"partition",           7, NODE,    10 * SIM_S, ANY,         USUAL, fault_partition},
    {"deaf",                5, NODE,    8 * SIM_S,  ANY,         USUAL, fault_deaf},
    {"mute",                5, NODE,    8 * SIM_S,  ANY,         USUAL, fault_mute},
    {"late",                4, NODE,    5 * SIM_S,  ANY,         USUAL, fault_late},
    {"lossy",               3, NODE,    8 * SIM_S,  ANY,         USUAL, fault_lossy},
    {"doubled",             3, NODE,    8 * SIM_S,  ANY,         USUAL, fault_doubled},
    {"slow-network",        3, NODE,    8 * SIM_S,  ANY,         USUAL, fault_slow_network},
    {"monitor-kill",        5, MONITOR, 5 * SIM_S,  ANY,         USUAL, fault_monitor_kill},
    {"monitor-pause",       4, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_pause},
    {"monitor-clock-stop",  4, MONITOR, 8 * SIM_S,  ANY,         CLOCK, fault_monitor_clock_stop},
    {"monitor-partition",   4, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_partition},
    {"monitor-deaf",        4, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_deaf},
    {"monitor-mute",        3, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_mute},
    {"monitor-late",        3, MONITOR, 5 * SIM_S,  ANY,         USUAL, fault_monitor_late},
    {"monitor-lossy",       2, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_lossy},
    {"monitor-doubled",     2, MONITOR, 8 * SIM_S,  ANY,         USUAL, fault_monitor_doubled},
    {"refused",             3, MONITOR, 6 * SIM_S,  ANY,         USUAL, fault_refused},
    {"log-outage",          4, NODE,    8 * SIM_S,  ANY,         USUAL, fault_log_outage},
    {"race",                3, NODE,    10 * SIM_S, ANY,         USUAL, fault_race},
    {"noise",               8, NODE,    20 * SIM_S, ANY,         USUAL, fault_noise},
    {"liar",                8, NODE,    20 * SIM_S, ANY,         USUAL, fault_liar},
    {"garbage",             3, NODE,    0,          ANY,         USUAL, fault_garbage},
    {"old-record",          5, NODE,    0,          ANY,         USUAL, fault_old_record},
    {"old-records",         3, NODE,    0,          ANY,         USUAL, fault_old_records},
    {"twin",                3, NODE,    0,          ANY,         USUAL, fault_twin},
    {"config",              4, NODE,    0,          ANY,         USUAL, fault_config},
    {"switchover",          6, NODE,    0,          ALL,         USUAL, fault_switchover},
    {"failover",            3, NODE,    0,          ANY,         USUAL, fault_failover},
    {"rebuild",             3, NODE,    0,          ANY,         USUAL, fault_rebuild},
    {"wal-removed",         3, NODE,    0,          ANY,         USUAL, fault_wal_removed},
    {"pause",               4, NODE,    12 * SIM_S, ANY,         USUAL, fault_pause},
    {"parameters",          4, NODE,    0,          ANY,         USUAL, fault_parameters},
    {"remove",              3, NODE,    0,          ANY,         USUAL, fault_remove},
    {"restart",             6, NODE,    0,          ALL,         USUAL, fault_restart},
    {"newer",               0, NODE,    0,          ANY,         NEWER, fault_newer},
    {"log-lost",            0, NODE,    0,          ANY,         LOSS,  fault_log_lost},
};
/* clang-format on */

#define FAULT_COUNT (sizeof faults / sizeof faults[0])

const struct sim_fault *sim_fault(size_t index)
{
    return index < FAULT_COUNT ? &faults[index] : NULL;
}

const char *sim_fault_name(size_t index)
{
    return index < FAULT_COUNT ? faults[index].name : NULL;
}

/* Who holds the lease now, or else whom the dice choose. */
static int find_target(struct sim *s, const struct sim_strike *strike, struct sim_random *dice)
{
    uint32_t count = faults[strike->fault].on_monitor ? s->options.monitors : s->options.nodes;
    if (strike->target != SIM_LEADER) {
        return (int)((uint32_t)strike->target % count);
    }
    int32_t holder = cluster_holder(&s->truth);
    int node = holder != LEADER_NONE ? sim_node_index(s, s->truth.nodes[holder].name) : -1;
    return node >= 0 ? node : (int)sim_draw(dice, count);
}

static uint64_t lease_us(const struct sim *s)
{
    const struct lease *lease = &s->truth.lease;
    return (lease->renewed ? lease->ttl_ms_max : cluster_ttl_ms(&s->truth)) * SIM_MS;
}

void sim_strike(struct sim *s, const struct sim_strike *strike)
{
    struct sim_hit hit = {.span_us = strike->span_us + lease_us(s) / 1000 * strike->ttl_share};
    const struct sim_fault *fault = &faults[strike->fault];
    sim_seed(&hit.dice, strike->dice, 0);
    hit.target = find_target(s, strike, &hit.dice);
    sim_say(s, "FAULT %s %s for %.1f s", fault->name,
            fault->on_monitor ? s->monitors[hit.target].name : s->nodes[hit.target].name,
            (double)hit.span_us / 1e6);
    sim_cover_fault(strike->fault);
    sim_trouble(s, s->now_us + hit.span_us + SIM_S);
    fault->strike(s, &hit);
}
