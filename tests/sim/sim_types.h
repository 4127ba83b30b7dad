/* SPDX-License-Identifier: PostgreSQL */
/*
 * sim_types.h - the simulated world: WAL, PostgreSQL, guards, processes, clocks and the log.
 *
 * Included through sim.h, which says what happens to it.
 */
#ifndef PGBATON_TESTS_SIM_TYPES_H
#define PGBATON_TESTS_SIM_TYPES_H

#include "../../agent/step.h"
#include "../../monitor/step.h"

#define SIM_NODES_MAX 5
#define SIM_MONITORS_MAX 2
#define SIM_BRANCHES_MAX 128
#define SIM_QUEUED_FACTS_MAX 512
#define SIM_SENT_MAX 64
#define SIM_ORDERS_MAX 32
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
    uint64_t agent_run;   /* the start of the agent that put it there */
    bool primary;         /* armed: what runs may be a primary */
};

/* ---- readers of the log ---- */

struct sim_reader {
    bool connected;
    uint64_t generation; /* of the connection */
    uint64_t connected_us;
    size_t cursor;       /* next record */
    size_t caught_up_at; /* records stored when it connected */
    bool caught_up;
    bool delivering;     /* a delivery is in the queue */
    uint64_t stalled_us; /* until then nothing is delivered, and the link looks well */
    uint64_t mute_us;    /* until then what it appends is lost, and the link looks well */
    uint64_t slow_us;    /* until then what it appends is held up for long */
};

/* ---- processes ---- */

/* A renewal as it was handed to the log. */
struct sim_sent {
    uint64_t incarnation;
    uint64_t counter;
    uint64_t limit_ms; /* the node's clock then, plus the ttl that it names */
};

/* An effective directive. */
struct sim_order {
    uint64_t seq;
    struct directive directive;
};

/* Classes of agents' events whose order the fold keeps apart. */
enum sim_class { SIM_CLASS_LOCK, SIM_CLASS_PROBE, SIM_CLASS_TASK, SIM_CLASS_COUNT };

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
    int64_t wall_offset_us; /* an operator, or NTP, has set the wall clock */
    uint64_t timer_generation;
    uint32_t queued; /* facts that wait for a paused agent */
    struct fact *queue;
    struct sim_sent sent[SIM_SENT_MAX]; /* its newest renewals (check I4) */
    uint32_t sent_next;
    uint64_t lease_limit_ms; /* the latest deadline that its read-backs justify (check I4) */
    struct mark marks[SIM_CLASS_COUNT];      /* of its last effective events (check I13) */
    struct sim_order orders[SIM_ORDERS_MAX]; /* the newest (check I16) */
    uint32_t orders_next;
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
    int64_t wall_offset_us;
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
    bool honest;        /* no decision is forged */
    bool fast;          /* a network without delays and clocks as far apart as they may be */
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
    uint64_t lie_count;
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

#endif
