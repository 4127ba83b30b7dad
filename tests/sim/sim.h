/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim.h - the simulator: agents and monitors of the real step functions over a simulated log,
 * network, clocks and PostgreSQL, in one thread, from one seed.
 *
 * True time is now_us. Each node and monitor has a clock of its own (offset and rate). Everything
 * that happens is an entry of one queue, ordered by time and then by order of entry, so that a seed
 * is one history, exactly. After every entry the checkers look at the whole world (check_*.c, one
 * for each invariant of DESIGN section 4). In the first part of a run faults strike; then
 * everything is mended and the cluster must come back by itself.
 */
#ifndef PGBATON_TESTS_SIM_H
#define PGBATON_TESTS_SIM_H

#include "sim_types.h"

struct sim_result sim_run(const struct sim_options *options);

/* ---- sim_world.c ---- */
uint64_t sim_random(struct sim *s, uint64_t below);
bool sim_chance(struct sim *s, uint32_t percent);
/* A delay in µs: mostly between low and high, now and then up to fifty times as long. */
uint64_t sim_delay(struct sim *s, uint64_t low_us, uint64_t high_us);
/* The way from a process to the log, or back, in µs. */
uint64_t sim_hop(struct sim *s);
/* How far a clock is off: at most what LEASE_ALLOWANCE_MS allows for. */
int64_t sim_drift_ppm(struct sim *s);
/* How long a fault lasts, in µs: below max, and often close to the waits that safety rests on. */
uint64_t sim_span(struct sim *s, uint64_t max_us);
typedef void (*sim_callback)(struct sim *s, int target, uint64_t generation, void *argument);
/* Calls back at now + delay; argument (malloc'ed or NULL) is freed afterwards. */
void sim_after(struct sim *s, uint64_t delay_us, sim_callback callback, int target,
               uint64_t generation, void *argument);
void sim_break(struct sim *s, const char *invariant, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void sim_say(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_clock_ms(const struct sim *s, int64_t offset_ms, int64_t ppm);
uint64_t sim_wall_us(const struct sim *s);

/* The leadership moves: perhaps a fault strikes just then. */
void sim_strike_perhaps(struct sim *s);

/* ---- sim_wal.c ---- */
struct position sim_wal_position(const struct sim_wal *wal);
struct history sim_wal_history(const struct sim_wal *wal);
/* True when everything in a is also in b. */
bool sim_wal_is_prefix(const struct sim_wal *a, const struct sim_wal *b);
/* The common part of both. */
struct sim_wal sim_wal_common(const struct sim_wal *a, const struct sim_wal *b);
/* Lets a, a prefix of source, grow along it by at most bytes. */
void sim_wal_follow(struct sim_wal *a, const struct sim_wal *source, uint64_t bytes);

/* ---- sim_log.c ---- */
void sim_append(struct sim *s, const struct event *e, int reader);
/* Stores bytes as they are, now: for garbage and duplicates. */
void sim_store(struct sim *s, const char *subject, const uint8_t *data, size_t size);
void sim_reader_connect(struct sim *s, int reader);
void sim_reader_disconnect(struct sim *s, int reader);
void sim_log_outage(struct sim *s, bool down);
/* Readers are numbered: nodes first, then monitors from SIM_NODES_MAX on. */
struct sim_reader *sim_reader_of(struct sim *s, int reader);

/* ---- sim_node.c ---- */
void sim_node_init(struct sim *s, int node);
void sim_agent_start(struct sim *s, int node);
void sim_agent_crash(struct sim *s, int node);
void sim_node_record(struct sim *s, int node, const struct sim_record *record);
void sim_node_link(struct sim *s, int node, bool up, bool caught_up);
void sim_node_live(struct sim *s, int node, const char *subject, const uint8_t *data, size_t size);
void sim_node_fact(struct sim *s, int node, struct fact *fact);
/* Facts that waited while the agent or its host stood still. */
void sim_node_resume(struct sim *s, int node);
bool sim_node_stands_still(const struct sim_node *n);
uint64_t sim_node_clock_ms(const struct sim *s, int node);

/* ---- sim_act.c: carries out the agent's actions ---- */
void sim_act(struct sim *s, int node, const struct action *action);

/* ---- sim_pg.c ---- */
void sim_pg_init(struct sim *s, int node);
void sim_pg_start(struct sim *s, int node, bool as_primary, int upstream);
void sim_pg_stop(struct sim *s, int node, enum stop_mode mode);
/* Every process dies; FACT_GUARD follows when report. */
void sim_pg_kill(struct sim *s, int node, bool report);
struct inspection sim_pg_inspect(const struct sim *s, int node);
struct probe_result sim_pg_probe(const struct sim *s, int node);
/* One round of writing and streaming on all nodes. */
void sim_pg_tick(struct sim *s);
bool sim_pg_runs(const struct sim_pg *pg);
/* True when it can acknowledge a commit at this moment. */
bool sim_pg_writable(const struct sim *s, int node);
int sim_node_index(const struct sim *s, const char *name);
/* The guard looks at its page, as it does when it wakes up. */
void sim_guard_look(struct sim *s, int node);

/* ---- sim_task.c ---- */
void sim_pg_task(struct sim *s, int node, enum task task, const struct upstream *upstream);

/* ---- sim_monitor.c ---- */
void sim_monitor_start(struct sim *s, int monitor);
void sim_monitor_crash(struct sim *s, int monitor);
void sim_monitor_record(struct sim *s, int monitor, const struct sim_record *record);
void sim_monitor_link(struct sim *s, int monitor, bool up, bool caught_up);
void sim_monitor_live(struct sim *s, int monitor, const char *subject, const uint8_t *data,
                      size_t size);
void sim_monitor_resume(struct sim *s, int monitor);

/* ---- sim_faults.c ---- */
void sim_fault(struct sim *s);
void sim_mend_all(struct sim *s);
/* Name of a fault; NULL after the last. */
const char *sim_fault_name(size_t index);

/* ---- sim_well.c ---- */
/* True when the cluster is as a DBA wants it: writable, all others stream from the leader. */
bool sim_is_well(const struct sim *s);
/* What is not well, for the report. */
void sim_tell(struct sim *s);

/* ---- sim_lies.c: decisions of a monitor that lies, which must all be void ---- */
/* Perhaps lets it speak soon. */
void sim_lie_perhaps(struct sim *s);
/* An honest decision that no rule makes: the configuration changes. */
void sim_reconfigure(struct sim *s);
/* Name of a lie; NULL after the last. */
const char *sim_lie_name(size_t index);

/* ---- sim_cover.c: what the runs have reached ---- */
void sim_cover_fault(size_t index);
void sim_cover_lie(size_t index);
void sim_cover_event(const struct event *e, struct outcome outcome);
/* Prints what was reached. False when a fault never struck, a lie was never told, or a rule of the
 * monitor's table or a kind of event never had an effect. */
bool sim_cover_print(void);

#include "sim_check.h"

#endif
