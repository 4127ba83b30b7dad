/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim_faults.h - the faults, as sim_faults.c lists them: a function each, that strikes once.
 *
 * What lasts ends by itself after the hit's span. A fault that finds nothing to strike does
 * nothing.
 */
#ifndef PGBATON_TESTS_SIM_FAULTS_H
#define PGBATON_TESTS_SIM_FAULTS_H

#include "sim.h"

struct sim_hit {
    int target; /* a node, or a monitor */
    uint64_t span_us;
    struct sim_random dice;
};

/* ---- sim_faults_node.c: processes, machines and disks ---- */
void fault_kill_postmaster(struct sim *s, struct sim_hit *hit);
void fault_kill_postgres(struct sim *s, struct sim_hit *hit);
void fault_rm_data(struct sim *s, struct sim_hit *hit);
void fault_damage(struct sim *s, struct sim_hit *hit);
void fault_hang(struct sim *s, struct sim_hit *hit);
void fault_agent_kill(struct sim *s, struct sim_hit *hit);
void fault_guard_kill(struct sim *s, struct sim_hit *hit);
void fault_both_kill(struct sim *s, struct sim_hit *hit);
void fault_late_words(struct sim *s, struct sim_hit *hit);
void fault_agent_pause(struct sim *s, struct sim_hit *hit);
void fault_host_crash(struct sim *s, struct sim_hit *hit);
void fault_freeze(struct sim *s, struct sim_hit *hit);
void fault_clock_stop(struct sim *s, struct sim_hit *hit);
void fault_vote_lost(struct sim *s, struct sim_hit *hit);
void fault_wall_step(struct sim *s, struct sim_hit *hit);
void fault_slow_disk(struct sim *s, struct sim_hit *hit);
void fault_full_disk(struct sim *s, struct sim_hit *hit);
void fault_unkillable(struct sim *s, struct sim_hit *hit);
void fault_flaky(struct sim *s, struct sim_hit *hit);
void fault_cut_off(struct sim *s, struct sim_hit *hit);
void fault_terminate(struct sim *s, struct sim_hit *hit);
void fault_ask(struct sim *s, struct sim_hit *hit);

/* ---- sim_faults_log.c: the log, the network and monitors ---- */
void fault_partition(struct sim *s, struct sim_hit *hit);
void fault_deaf(struct sim *s, struct sim_hit *hit);
void fault_mute(struct sim *s, struct sim_hit *hit);
void fault_late(struct sim *s, struct sim_hit *hit);
void fault_lossy(struct sim *s, struct sim_hit *hit);
void fault_doubled(struct sim *s, struct sim_hit *hit);
void fault_slow_network(struct sim *s, struct sim_hit *hit);
void fault_log_lost(struct sim *s, struct sim_hit *hit); /* sim_loss.c */
void fault_monitor_kill(struct sim *s, struct sim_hit *hit);
void fault_monitor_pause(struct sim *s, struct sim_hit *hit);
void fault_monitor_clock_stop(struct sim *s, struct sim_hit *hit);
void fault_monitor_partition(struct sim *s, struct sim_hit *hit);
void fault_monitor_deaf(struct sim *s, struct sim_hit *hit);
void fault_monitor_mute(struct sim *s, struct sim_hit *hit);
void fault_monitor_late(struct sim *s, struct sim_hit *hit);
void fault_monitor_lossy(struct sim *s, struct sim_hit *hit);
void fault_monitor_doubled(struct sim *s, struct sim_hit *hit);
void fault_refused(struct sim *s, struct sim_hit *hit);
void fault_log_outage(struct sim *s, struct sim_hit *hit);
void fault_race(struct sim *s, struct sim_hit *hit);
void fault_noise(struct sim *s, struct sim_hit *hit);
void fault_liar(struct sim *s, struct sim_hit *hit);
void fault_garbage(struct sim *s, struct sim_hit *hit);
void fault_old_record(struct sim *s, struct sim_hit *hit);
void fault_old_records(struct sim *s, struct sim_hit *hit);
void fault_twin(struct sim *s, struct sim_hit *hit);
void fault_config(struct sim *s, struct sim_hit *hit);
void fault_newer(struct sim *s, struct sim_hit *hit);

/* ---- sim_operator.c: requests ---- */
void fault_switchover(struct sim *s, struct sim_hit *hit);
void fault_pause(struct sim *s, struct sim_hit *hit);
void fault_restart(struct sim *s, struct sim_hit *hit);
void fault_parameters(struct sim *s, struct sim_hit *hit);
void fault_remove(struct sim *s, struct sim_hit *hit);
void fault_failover(struct sim *s, struct sim_hit *hit);
void fault_rebuild(struct sim *s, struct sim_hit *hit);
void fault_wal_removed(struct sim *s, struct sim_hit *hit);

#endif
