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

#include "../../agent/step.h"
#include "../../monitor/step.h"

#define SIM_NODES_MAX 5
#define SIM_MONITORS_MAX 2
#define SIM_BRANCHES_MAX 128
#define SIM_QUEUED_FACTS_MAX 512
#define SIM_MS 1000ULL
#define SIM_S 1000000ULL

/* ---- WAL ---- */

/* A piece of WAL written by one promotion. Two pieces with the same timeline and another id are a
 * fork. */
struct sim_branch {
    uint32_t timeline;
    uint64_t id;
    uint64_t start;
    uint64_t end;
};

/* What a data directory holds, from the beginning of the system to its last record. */
struct sim_wal {
    uint32_t count;
    struct sim_branch branches[SIM_BRANCHES_MAX];
};

struct position sim_wal_position(const struct sim_wal *wal);
struct history sim_wal_history(const struct sim_wal *wal);
/* True when everything in a is also in b. */
bool sim_wal_is_prefix(const struct sim_wal *a, const struct sim_wal *b);
/* The common part of both. */
struct sim_wal sim_wal_common(const struct sim_wal *a, const struct sim_wal *b);
/* Lets a, a prefix of source, grow along it by at most bytes. */
void sim_wal_follow(struct sim_wal *a, const struct sim_wal *source, uint64_t bytes);

/* ---- PostgreSQL and its guard ---- */

struct sim_pg {
    enum data_verdict verdict;
    uint64_t system_id;
    struct sim_wal wal;
    bool clean;
    bool was_primary;
    bool incomplete;

    bool postmaster; /* it lives */
    bool orphans;    /* it died, and backends live */
    bool accepting;  /* past its start */
    bool in_recovery;
    bool hung;       /* alive, answers nothing, commits all the same */
    bool stuck_stop; /* a fast shutdown does not end */
    int upstream;    /* node index; -1: none */
    uint64_t run;    /* number of this start; results of older ones are dropped */
};

struct sim_guard {
    uint64_t deadline_ms; /* on the node's clock */
    bool primary;         /* armed: what runs may be a primary */
};

/* ---- readers of the log ---- */

struct sim_reader {
    bool connected;
    uint64_t generation; /* of the connection */
    size_t cursor;       /* next record */
    size_t caught_up_at; /* records stored when it connected */
    bool caught_up;
    bool delivering; /* a delivery is in the queue */
};

/* ---- processes ---- */

#define SIM_SENT_MAX 64

/* A renewal as it was handed to the log. */
struct sim_sent {
    uint64_t incarnation;
    uint64_t counter;
    uint64_t limit_ms; /* the node's clock then, plus the ttl that it names */
};

struct sim_node {
    char name[NAME_SIZE];
    struct agent agent;
    bool agent_runs;
    uint64_t agent_run; /* number of this start of the agent */
    bool agent_paused;
    bool host_up;
    bool host_frozen;
    bool partitioned; /* from the log */
    struct sim_reader reader;
    struct vote vote; /* on the disk */
    struct sim_guard guard;
    struct sim_pg pg;
    int64_t clock_offset_ms;
    int64_t clock_ppm;
    uint64_t timer_generation;
    uint32_t queued; /* facts that wait for a paused agent */
    struct fact *queue;
    struct sim_sent sent[SIM_SENT_MAX]; /* its newest renewals (check I4) */
    uint32_t sent_next;
    uint64_t lease_limit_ms; /* the latest deadline that its read-backs justify (check I4) */
};

struct sim_monitor {
    char name[NAME_SIZE];
    struct monitor monitor;
    struct monitor_cluster cluster;
    bool runs;
    bool paused;
    bool partitioned;
    uint64_t starts;
    struct sim_reader reader;
    int64_t clock_offset_ms;
    int64_t clock_ppm;
    uint64_t timer_generation;
};

/* ---- the log ---- */

struct sim_record {
    uint64_t seq;
    char subject[SUBJECT_SIZE];
    uint8_t *data;
    size_t size;
    uint8_t digest[HASH_SIZE]; /* of the true state after it */
    bool effective;            /* by the true fold */
};

/* ---- the world ---- */

struct sim_options {
    uint64_t seed;
    uint32_t nodes;
    uint32_t monitors;
    uint64_t fault_us;  /* faults strike until then */
    uint64_t settle_us; /* and the cluster must be well within this time after that */
    bool verbose;
};

struct sim_entry; /* of the queue; sim_world.c */

struct sim {
    struct sim_options options;
    uint64_t random;
    uint64_t now_us;
    uint64_t order;

    struct sim_entry *heap;
    size_t heap_count;
    size_t heap_capacity;

    struct sim_record *records;
    size_t record_count;
    size_t record_capacity;
    uint64_t next_seq;
    bool log_down;

    struct cluster truth; /* the fold of every record at the moment of its storing */
    struct codec_arena arena;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_monitor monitors[SIM_MONITORS_MAX];

    uint64_t next_branch;
    uint64_t reference_branch; /* of the WAL that the reference history names */
    bool faults_over;
    uint64_t fault_count;
    uint64_t grant_count;
    uint64_t void_count;
    const char *broken; /* the invariant that does not hold; ends the run */
    char detail[256];
};

/* Result of one run. */
struct sim_result {
    bool ok;
    uint8_t digest[HASH_SIZE];
    uint64_t events;
    uint64_t grants;
    uint64_t faults;
    uint64_t voids;
};

struct sim_result sim_run(const struct sim_options *options);

/* ---- sim_world.c ---- */
uint64_t sim_random(struct sim *s, uint64_t below);
bool sim_chance(struct sim *s, uint32_t percent);
/* A delay in µs: mostly between low and high, now and then up to fifty times as long. */
uint64_t sim_delay(struct sim *s, uint64_t low_us, uint64_t high_us);
typedef void (*sim_callback)(struct sim *s, int target, uint64_t generation, void *argument);
/* Calls back at now + delay; argument (malloc'ed or NULL) is freed afterwards. */
void sim_after(struct sim *s, uint64_t delay_us, sim_callback callback, int target,
               uint64_t generation, void *argument);
void sim_break(struct sim *s, const char *invariant, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void sim_say(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_clock_ms(const struct sim *s, int64_t offset_ms, int64_t ppm);
uint64_t sim_wall_us(const struct sim *s);

/* ---- sim_log.c ---- */
void sim_append(struct sim *s, const struct event *e, bool partitioned);
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
void sim_pg_stop(struct sim *s, int node);
/* Every process dies; FACT_GUARD follows when report. */
void sim_pg_kill(struct sim *s, int node, bool report);
void sim_pg_task(struct sim *s, int node, enum task task, const struct upstream *upstream);
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
/* True when the cluster is as a DBA wants it: writable, all others stream from the leader. */
bool sim_is_well(const struct sim *s);
/* What is not well, for the report. */
void sim_tell(struct sim *s);

/* ---- checkers, one file each ---- */
void check_i1_single_writer(struct sim *s);
void check_i2_terms(struct sim *s, const struct cluster *before);
void check_i2_vote(struct sim *s, int node, const struct vote *vote);
void check_i3_chain(struct sim *s, const struct cluster *before, const struct event *e,
                    struct outcome outcome);
void check_i4_lease(struct sim *s, int node, uint64_t deadline_ms);
void check_i4_sent(struct sim *s, int node, const struct event *e);
void check_i4_read_back(struct sim *s, int node, const struct event *renewal, bool effective);
void check_i6_wait(struct sim *s, const struct cluster *before, const struct event *e);
void check_i7_release(struct sim *s, const struct event *e);
void check_i10_ancestry(struct sim *s, const struct event *e);
void check_i10_reference(struct sim *s);
void check_i13_identity(struct sim *s, const struct cluster *before, const struct event *e,
                        struct outcome outcome);
void check_i14_determinism(struct sim *s, const struct cluster *state, size_t index);
void check_i15_return(struct sim *s, int node);
void check_i16_destruction(struct sim *s, int node, enum task task);
void check_i19_replay(struct sim *s, const struct cluster *before, const struct event *e);

#endif
