/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim.h - the simulator: agents and monitors of the real step functions over a simulated log,
 * network, clocks and PostgreSQL, in one thread, from one plan.
 *
 * True time is now_us. Each node and monitor has a clock of its own (offset and rate). Everything
 * that happens is an entry of one queue, ordered by time and then by order of entry, so that a plan
 * is one history, exactly. After every entry the checkers look at the whole world (check_*.c, one
 * for each invariant of DESIGN section 4). In the first part of a run faults strike, in bursts;
 * whenever the last of them is over for long enough, the cluster must have come back by itself.
 */
#ifndef PGBATON_TESTS_SIM_H
#define PGBATON_TESTS_SIM_H

#include "sim_types.h"

/* One run. When a stream is given, what happens is told there. */
struct sim_result sim_run(const struct sim_plan *plan, FILE *story);

/* ---- sim_random.c ---- */
void sim_seed(struct sim_random *random, uint64_t seed, uint64_t stream);
uint64_t sim_draw(struct sim_random *random, uint64_t below); /* 0 when below is 0 */
bool sim_chance(struct sim_random *random, uint32_t percent);
/* A delay in µs between low and high; in noise now and then up to fifty times as long. */
uint64_t sim_delay(const struct sim *s, struct sim_random *random, uint64_t low_us,
                   uint64_t high_us);
/* The way from a process to the log, or back, in µs. */
uint64_t sim_hop(const struct sim *s, struct sim_reader *reader);
/* True for a while of noise, and then by the chance of 1 in `of`. */
bool sim_bad_luck(const struct sim *s, struct sim_random *random, uint64_t of);

/* ---- sim_queue.c ---- */
typedef void (*sim_callback)(struct sim *s, int target, uint64_t generation, uint64_t value);
/* Calls back at now + delay. */
void sim_after(struct sim *s, uint64_t delay_us, sim_callback callback, int target,
               uint64_t generation, uint64_t value);
/* Lets the next thing happen; false when there is none before end_us. */
bool sim_next(struct sim *s, uint64_t end_us);
void sim_timer_init(struct sim_timer *timer);
/* Wants a call at due_us (UINT64_MAX: never), instead of what it wanted before. */
void sim_timer_arm(struct sim *s, struct sim_timer *timer, uint64_t due_us, sim_callback callback,
                   int target);
/* First thing in a timer's callback: true when it is due. */
bool sim_timer_rings(struct sim *s, struct sim_timer *timer, uint64_t generation,
                     sim_callback callback, int target);

/* ---- sim_world.c ---- */
void sim_break(struct sim *s, const char *invariant, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
#define sim_say(s, ...) ((s)->aloud ? sim_tell_line((s), __VA_ARGS__) : (void)0)
bool sim_is_aloud(void);
void sim_tell_line(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_clock_ms(const struct sim *s, const struct sim_clock *clock);
/* How long it takes until the clock shows so many ms more. */
uint64_t sim_clock_span_us(const struct sim_clock *clock, uint64_t ms);
uint64_t sim_wall_us(const struct sim *s, const struct sim_clock *clock);
/* A clock of its own, as far off as LEASE_ALLOWANCE_MS allows for. */
void sim_clock_init(const struct sim *s, struct sim_clock *clock, struct sim_random *random);
/* The clock stood still since then. */
void sim_clock_lose(const struct sim *s, struct sim_clock *clock, uint64_t since_us);
/* Something happened that strikes may wait for. */
void sim_trigger(struct sim *s, enum sim_trigger trigger);
/* Something is wrong until then. */
void sim_trouble(struct sim *s, uint64_t until_us);

/* ---- sim_wal.c ---- */
struct position sim_wal_position(const struct sim_wal *wal);
struct history sim_wal_history(const struct sim_wal *wal);
/* True when everything up to lsn of this branch is in it. */
bool sim_wal_holds(const struct sim_wal *wal, uint64_t branch, uint64_t lsn);
/* True when everything in a is also in b. */
bool sim_wal_is_prefix(const struct sim_wal *a, const struct sim_wal *b);
/* The common part of both. */
void sim_wal_common(struct sim_wal *a, const struct sim_wal *b);
/* Lets a, a prefix of source, grow along it by at most bytes. */
void sim_wal_follow(struct sim_wal *a, const struct sim_wal *source, uint64_t bytes);

/* ---- sim_log.c ---- */
void sim_append(struct sim *s, const struct event *e, int reader);
/* Stores what is on its way, now: also garbage and duplicates. */
void sim_store(struct sim *s, const struct sim_payload *payload);
/* Folds a stored record, no heartbeat, into c. */
struct outcome sim_fold(struct sim *s, const struct sim_record *record, struct cluster *c,
                        struct event *ret_event);
void sim_log_outage(struct sim *s, bool down);
/* A place for something on its way; false when its event does not encode. */
bool sim_message_take(struct sim *s, const struct event *e, uint32_t *ret_slot);
void sim_message_drop(struct sim *s, uint32_t slot);

/* ---- sim_payload.c ---- */
/* An event on its subject; false when it does not encode. */
bool sim_payload_event(struct sim_payload *p, const struct event *e);
/* Bytes that may be anything. */
void sim_payload_bytes(struct sim_payload *p, const char *subject, const uint8_t *data,
                       size_t size);
void sim_payload_copy(struct sim_payload *to, const struct sim_payload *from);
/* Whoever decodes it next gets its event; until sim_payload_forget(). */
void sim_payload_know(const struct sim_payload *p);
void sim_payload_forget(void);

/* ---- sim_reader.c ---- */
void sim_reader_init(struct sim *s, int reader);
/* Its process, or its machine, is stopped. */
bool sim_reader_stands_still(const struct sim *s, int reader);
void sim_reader_connect(struct sim *s, int reader);
void sim_reader_disconnect(struct sim *s, int reader);
/* From the beginning of the log: its process starts. */
void sim_reader_rewind(struct sim *s, int reader);
/* Something may be there to be delivered. */
void sim_reader_wake(struct sim *s, int reader);

/* ---- sim_snapshot.c ---- */
/* Records after which a monitor writes one; 0: none does in this world. */
uint32_t sim_snapshot_events(const struct sim *s);
/* A reader that has read nothing since it started gets the newest one, if there is one. */
void sim_snapshot_begin(struct sim *s, int reader);

/* ---- sim_state.c ---- */
void sim_state_copy(struct cluster *to, const struct cluster *from);
bool sim_state_equals(const struct cluster *a, const struct cluster *b);
uint64_t sim_state_hash(const struct cluster *c);

/* ---- sim_story.c ---- */
/* Tells a record as `pgbaton tail` does. */
void sim_story_record(struct sim *s, const struct event *e, struct outcome outcome);

/* ---- sim_node.c ---- */
void sim_node_init(struct sim *s, int node);
void sim_agent_start(struct sim *s, int node);
void sim_agent_crash(struct sim *s, int node);
void sim_node_record(struct sim *s, int node, const struct sim_record *record);
void sim_node_link(struct sim *s, int node, bool up, bool caught_up);
void sim_node_live(struct sim *s, int node, const struct sim_payload *live);
void sim_node_fact(struct sim *s, int node, struct fact *fact);
/* The same, before whatever waits. */
void sim_node_fact_first(struct sim *s, int node, struct fact *fact);
/* Facts that waited while the agent or its host stood still. */
void sim_node_resume(struct sim *s, int node);
bool sim_node_stands_still(const struct sim_node *n);
uint64_t sim_node_clock_ms(const struct sim *s, int node);
/* Its clock stood still while it held a lease, which it still believes in: no lease helps against
 * that. */
bool sim_node_is_excused(const struct sim *s, int node);
int sim_node_index(const struct sim *s, const char *name);

/* ---- sim_act.c: carries out the agent's actions ---- */
void sim_act(struct sim *s, int node, const struct action *action);

/* ---- sim_promise.c ---- */
/* ACTION_PROMISE of a node. */
void sim_promise_send(struct sim *s, int node, const struct promise_message *m,
                      const struct name_list *to);

/* ---- sim_pg.c ---- */
void sim_pg_init(struct sim *s, int node);
/* Everything that is written and streamed comes up to this moment: before anything changes. */
void sim_pg_touch(struct sim *s);
void sim_pg_start(struct sim *s, int node, bool as_primary, const struct upstream *upstream);
void sim_pg_stop(struct sim *s, int node, enum stop_mode mode);
/* Every process is gone at this moment, as in a crash. */
void sim_pg_die(struct sim *s, int node);
/* By the agent's order; FACT_GUARD follows. */
void sim_pg_kill(struct sim *s, int node);
struct inspection sim_pg_inspect(struct sim *s, int node);
struct probe_result sim_pg_probe(struct sim *s, int node);
bool sim_pg_runs(const struct sim_pg *pg);
/* A rewound standby lets nobody in before it is. */
bool sim_pg_is_consistent(const struct sim_pg *pg);
/* True when it can acknowledge a commit at this moment. */
bool sim_pg_writable(const struct sim *s, int node);
/* True when only the fence keeps it from committing, and does. */
bool sim_pg_is_fenced(const struct sim *s, int node);
/* True when it streams, or could, from this upstream. */
bool sim_pg_serves(const struct sim *s, int node);
/* The next record that it needs has been removed where it streams from. */
bool sim_pg_is_cut_off(const struct sim *s, const struct sim_pg *pg);

/* ---- sim_sync.c ---- */
/* PostgreSQL starts with these settings. */
void sim_sync_start(struct sim *s, int node, const struct upstream *upstream);
/* True when the file says that already, or an order to write it is under way. */
bool sim_sync_is(const struct sim *s, int node, const struct upstream *upstream);
/* The file changes under it. */
void sim_sync_write(struct sim *s, int node, const struct upstream *upstream);
/* ACTION_SYNC; FACT_SYNCED follows. */
void sim_sync_order(struct sim *s, int node, uint64_t seq, const struct upstream *upstream);
/* It has written, and standbys have received: what does it acknowledge now? */
void sim_sync_commit(struct sim *s, int node);
/* True when it must not be promoted yet. */
bool sim_sync_must_wait(const struct sim_pg *pg);

/* ---- sim_guard.c: the guard, and who restarts what ---- */
void sim_guard_init(struct sim *s, int node);
/* The page has changed. */
void sim_guard_page(struct sim *s, int node);
/* It looks at its page, as it does when it wakes up. */
void sim_guard_look(struct sim *s, int node);
void sim_guard_report(struct sim *s, int node, enum guard_state state, uint32_t killed_count);
/* A new guard finds a PostgreSQL that another has started. */
void sim_guard_stop_stranger(struct sim *s, int node);
/* Guard and agent start, as when the machine has booted. */
void sim_guard_start(struct sim *s, int node);
/* The guard dies; PostgreSQL dies with it by the kernel's hand, unless it is stopped. */
void sim_guard_kill(struct sim *s, int node);
/* It ends in order; the init system starts it again in a while. */
void sim_guard_ends(struct sim *s, int node);
/* The agent finds out that its guard is dead. */
void sim_guard_missed(struct sim *s, int node);
/* The agent has gone; the guard starts it again in a while. */
void sim_guard_restart(struct sim *s, int node, uint64_t delay_us);

/* ---- sim_task.c ---- */
void sim_task_begin(struct sim *s, int node, enum task task, const struct upstream *upstream);

/* ---- sim_monitor.c ---- */
void sim_monitor_init(struct sim *s, int monitor);
void sim_monitor_start(struct sim *s, int monitor);
void sim_monitor_crash(struct sim *s, int monitor);
void sim_monitor_record(struct sim *s, int monitor, const struct sim_record *record);
void sim_monitor_link(struct sim *s, int monitor, bool up, bool caught_up);
void sim_monitor_live(struct sim *s, int monitor, const struct sim_payload *live);
void sim_monitor_resume(struct sim *s, int monitor);

/* ---- sim_faults.c ---- */
void sim_strike(struct sim *s, const struct sim_strike *strike);
/* Name of a fault; NULL after the last. */
const char *sim_fault_name(size_t index);

/* Which worlds have a fault at all. */
enum sim_class_of_fault {
    SIM_CLASS_USUAL = 0, /* every one */
    SIM_CLASS_CLOCK,     /* those in which clocks may stand still */
    SIM_CLASS_NEWER,     /* those in which a newer version speaks */
    SIM_CLASS_LOSS,      /* those in which the log loses its end */
    SIM_CLASS_DISK,      /* all the others: what both the log and a disk have lost nobody knows */
};

struct sim_hit; /* sim_faults.h */

struct sim_fault {
    const char *name;
    uint32_t weight;
    bool on_monitor;
    uint64_t span_us; /* how long it lasts at most; 0: it is a moment */
    unsigned rings;   /* bit per enum sim_rings: worlds in which it may strike */
    enum sim_class_of_fault class;
    void (*strike)(struct sim *s, struct sim_hit *hit);
};
/* NULL after the last. */
const struct sim_fault *sim_fault(size_t index);

/* ---- sim_well.c ---- */
/* True when the cluster is as a DBA wants it: writable, all others stream from the leader. */
bool sim_is_well(const struct sim *s);
/* What is not well, for the report. */
void sim_tell(const struct sim *s, FILE *file);

/* ---- sim_lies.c: decisions of a monitor that lies, which must all be void ---- */
/* Perhaps lets it speak soon. */
void sim_lie_perhaps(struct sim *s);
/* An honest decision that no rule makes: the configuration changes. */
void sim_reconfigure(struct sim *s, uint64_t dice);
/* An operator decides that acknowledged commits may be lost. */
void sim_give_up(struct sim *s);
/* Now and then: who has paused the cluster resumes in the end. */
void sim_operator_look(struct sim *s);

/* ---- sim_remote.c: what a standby cluster follows, and who promotes it ---- */
void sim_remote_init(struct sim *s);
/* Its WAL up to now; from sim_pg_touch(). */
void sim_remote_touch(struct sim *s, uint64_t span_us);
void sim_remote_look(struct sim *s);
/* The index of an upstream: a node's, SIM_REMOTE, or -1. */
int sim_remote_index(const struct sim *s, const struct upstream *upstream);
/* A decision of a version that nobody here understands. */
void sim_speak_newer(struct sim *s);
/* Name of a lie; NULL after the last. */
const char *sim_lie_name(size_t index);
/* Configurations that a cluster may have. */
struct config sim_config(uint64_t choice);

/* ---- sim_cover.c: what the runs have reached ---- */
void sim_cover_fault(size_t index);
void sim_cover_lie(size_t index);
void sim_cover_event(const struct event *e, struct outcome outcome);
void sim_cover_moment(enum sim_moment moment);
/* Prints what was reached. False when a fault never struck, a lie was never told, or a moment, a
 * rule of the monitor's table or a kind of event never was. */
bool sim_cover_print(void);

/* ---- sim_shrink.c ---- */
/* Takes away from a plan that breaks an invariant whatever it does not need for that. Returns the
 * number of runs that it took. */
uint32_t sim_shrink(struct sim_plan *plan, const char *broken);

#include "sim_check.h"

#endif
