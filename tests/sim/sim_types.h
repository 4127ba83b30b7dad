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
#include "../../proto/standby.h"
#include "../../proto/waiting.h"
#include "sim_plan.h"

/* Readers of the log are numbered: nodes first, then monitors from SIM_NODES_MAX on. */
#define SIM_READERS_MAX (SIM_NODES_MAX + SIM_MONITORS_MAX)
#define SIM_BRANCHES_MAX 256
#define SIM_QUEUED_FACTS_MAX 512
#define SIM_SENT_MAX 64
#define SIM_ORDERS_MAX 32
#define SIM_TAKES_MAX 64
#define SIM_LETTERS_MAX 256
/* What noise can hold up for longest. */
#define SIM_NOISE_US (15 * SIM_S)
/* The newest true states are kept, of others a hash of each so many-th. */
#define SIM_STATES_MAX 16
#define SIM_HASHED_EACH 32

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

/* ---- randomness ---- */

/* A stream of its own for each actor, so that what one of them draws disturbs no other. */
struct sim_random {
    uint64_t state;
};

/* ---- timers ---- */

/* One for each process: an entry of the queue at or before the moment that it wants. */
struct sim_timer {
    uint64_t due_us;     /* UINT64_MAX: none is wanted */
    uint64_t queued_us;  /* of the entry that counts; UINT64_MAX: none */
    uint64_t generation; /* of that entry */
};

/* ---- the cluster that a standby cluster follows ---- */

/* In the place of a node's index: what streams from there. */
#define SIM_REMOTE (-2)

struct sim_remote {
    struct sim_random random;
    struct sim_wal wal; /* empty: there is none */
    uint64_t system_id;
    uint64_t failover_us; /* when it opens its next timeline */
    uint64_t promote_us;  /* after the cluster was made: when an operator promotes it */
    uint64_t insisted_us; /* when he asked last */
};

/* ---- PostgreSQL and its guard ---- */

/* What a process of PostgreSQL lets commits wait for. */
struct sim_waits {
    uint32_t mask;
    uint32_t count; /* 0: nobody */
};

struct sim_sync {
    struct sim_waits file; /* as it is written */
    struct sim_waits senders[SIM_NODES_MAX];
    bool defined;       /* commits wait at all, as the checkpointer has read */
    uint64_t order_seq; /* of the agent's order under way; 0: none */
    struct upstream order;
    uint64_t mark; /* 0: not taken yet */
};

struct sim_pg {
    enum data_verdict verdict;
    uint64_t system_id;
    struct sim_wal wal; /* up to s->touched_us: sim_pg_touch() */
    bool clean;
    bool was_primary;
    bool incomplete;

    bool postmaster; /* it lives */
    bool orphans;    /* it died, and backends live */
    bool accepting;  /* past its start */
    bool in_recovery;
    bool hung;        /* alive, answers nothing, commits all the same */
    bool stuck_stop;  /* a fast shutdown does not end */
    bool doomed;      /* SIGKILL was sent: nothing of it runs any more, whenever it ends */
    bool stranger;    /* its guard has died: the fence looks at the page of that one */
    uint64_t page_ms; /* the deadline in that page */
    int upstream;     /* node index; -1: none; or SIM_REMOTE */
    uint64_t seal_term;
    uint64_t parameters_seq; /* those that it has read */
    uint64_t oldest;         /* it has removed the WAL below */
    struct sim_wal least;    /* that a rewound directory must have before it is consistent */
    struct sim_sync sync;
    uint64_t run; /* number of this start; results of older ones are dropped */
};

struct sim_guard {
    bool runs;
    uint64_t run;           /* number of this start */
    uint64_t deadline_ms;   /* in its page, on the node's clock; the page outlives it */
    bool primary;           /* in its page: what runs may be a primary */
    struct sim_timer timer; /* when it looks at the page next */
};

/* What runs in the agent's hands: initdb, a copy, a promotion. */
struct sim_job {
    uint64_t number; /* grows; results of older ones are dropped */
    enum task task;
    int source; /* node index; -1: none */
    uint32_t timeline;
    uint64_t agent_run;
    uint64_t pg_run;
};

/* ---- readers of the log ---- */

struct sim_reader {
    struct sim_random random;
    bool connected;
    bool partitioned;    /* from the log, and both sides know */
    uint64_t generation; /* of the connection */
    uint64_t connected_us;
    size_t cursor;       /* next record */
    size_t caught_up_at; /* records stored when it connected */
    bool caught_up;
    bool delivering;       /* a delivery is in the queue */
    bool begun;            /* it has been handed a snapshot to begin with, if there was one */
    size_t snapshot_count; /* records up to that one; 0: it began with the first record */
    bool lost;       /* it has read what the log does not have any more: nothing is delivered */
    uint64_t losses; /* how often that happened */

    /* Until then, with a link that looks well: */
    uint64_t deaf_us;    /* nothing is delivered */
    uint64_t mute_us;    /* what it sends is lost */
    uint64_t late_us;    /* what it appends is held up for long */
    uint64_t lossy_us;   /* some of what it appends is lost */
    uint64_t doubled_us; /* some of what it appends is stored twice */
    uint64_t slow_us;    /* its network is slow */
    uint64_t refused_us; /* its decisions are refused */
};

/* What must be reached, and is no event of its own. */
enum sim_moment {
    SIM_MOMENT_UNSETTLED = 0, /* an election after a leader whose first set was not settled */
    SIM_MOMENT_BARRED,        /* nobody can lead who may */
    SIM_MOMENT_PROMISED,      /* a lease goes on by promises */
    SIM_MOMENT_SNAPSHOT,      /* somebody begins with a snapshot */
    SIM_MOMENT_BLIND, /* need not be reached: a grant after a loss of which nobody has told who can
                         speak */
    SIM_MOMENT_COUNT
};

/* ---- processes ---- */

/* A renewal as it was handed to the log. */
struct sim_sent {
    uint64_t incarnation;
    uint64_t counter;
    uint64_t limit_ms; /* the node's clock then, plus the ttl that it names */
};

/* What an agent says to another, on its way. */
struct sim_letter {
    bool used;
    struct promise_message message;
};

/* An effective directive. */
struct sim_order {
    uint64_t seq;
    struct directive directive;
};

/* When the newest of something that is limited had effect (check I18). */
struct sim_takes {
    uint64_t count;
    uint64_t at_us[SIM_TAKES_MAX];
};

/* Classes of agents' events whose order the fold keeps apart. */
enum sim_class { SIM_CLASS_LOCK, SIM_CLASS_PROBE, SIM_CLASS_TASK, SIM_CLASS_COUNT };

struct sim_clock {
    int64_t offset_ms;
    int64_t ppm;
    int64_t wall_offset_us; /* an operator, or NTP, has set the wall clock */
};

/* A restart in place, as the renewals tell it. */
struct sim_restart {
    uint32_t number;
    uint32_t late; /* renewals after it should have ended */
    uint64_t term;
    uint64_t agent_run;
    uint64_t began_ms; /* the node's clock */
};

struct sim_node {
    char name[NAME_SIZE];
    struct sim_random random;
    struct agent agent;
    bool agent_runs;
    uint64_t agent_run;      /* number of this start of the agent */
    bool parameters_told;    /* its shell has been told of some in that life, ... */
    uint64_t parameters_seq; /* ... these last */
    bool agent_paused;
    bool persisting; /* the agent waits for its disk */
    bool stepping;   /* what it learns now comes after its actions */
    bool host_up;
    bool host_frozen;
    bool clock_stopped;  /* and its clock stands still with it */
    uint64_t frozen_us;  /* since when */
    uint64_t thaw_us;    /* until when */
    uint64_t excused_ms; /* until then, on its clock, it may not know that its lease is over: the
                            clock stood still while the lease ran */
    struct vote vote;    /* on the disk */
    struct sim_guard guard;
    struct sim_pg pg;
    struct sim_job job;
    struct sim_clock clock;
    struct sim_timer timer;
    uint32_t queued; /* facts that wait for an agent that stands still */
    /* Until then: */
    uint64_t slow_disk_us;
    uint64_t full_disk_us;
    uint64_t unkillable_us;
    uint64_t flaky_us;
    uint64_t cut_off_us; /* nothing is streamed to it or from it */

    struct sim_sent sent[SIM_SENT_MAX]; /* its newest renewals (check I4) */
    uint32_t sent_next;
    struct sim_restart restart; /* check_policy.c */
    uint64_t sync_seq;          /* of the newest set that commits were to wait for (check I9) */
    bool overtaken; /* another was granted its term's successor while its lease ran (check I1) */
    uint64_t promise_limit_ms; /* and that promises justify (check I11) */
    uint64_t lease_limit_ms;   /* the latest deadline that its read-backs justify (check I4) */
    struct mark marks[SIM_CLASS_COUNT];      /* of its last effective events (check I13) */
    struct sim_order orders[SIM_ORDERS_MAX]; /* the newest (check I16) */
    uint32_t orders_next;
};

struct sim_monitor {
    char name[NAME_SIZE];
    struct sim_random random;
    struct monitor monitor;
    struct monitor_cluster cluster;
    bool runs;
    bool paused;
    bool link_lost; /* while it was paused */
    bool clock_stopped;
    uint64_t starts;
    struct sim_clock clock;
    struct sim_timer timer;
    uint64_t heartbeat_ms; /* when the next one is due, on its clock */
    uint64_t step_ms;      /* when its step wants to be called */
    uint64_t read_term;    /* the highest that it has read, and remembers */
};

/* ---- the log ---- */

/* Bytes, and what they decode to. An event that a simulated process sends mostly stays what it is:
 * encoding and decoding give the same again (tests/fuzz), and now and then it is tried. Then the
 * bytes are of no use but for their address. */
struct sim_payload {
    char subject[SUBJECT_SIZE];
    bool is_event; /* event is valid */
    bool encoded;  /* data points to bytes */
    size_t size;
    const uint8_t *data;
    uint8_t *bytes; /* room for them, kept from use to use */
    size_t capacity;
    struct event event;
};

struct sim_record {
    uint64_t seq;
    bool heartbeat;      /* of a monitor: no cluster's */
    bool effective;      /* by the true fold */
    uint64_t state_hash; /* of the true state after it; only of each SIM_HASHED_EACH-th */
    struct sim_payload payload;
};

/* Something on its way, to the log or to readers. */
struct sim_message {
    uint32_t references; /* 0: free */
    struct sim_payload payload;
};

/* ---- the world ---- */

struct sim_entry; /* of the queue; sim_queue.c */

/* What is allocated, and kept from run to run. */
struct sim_memory {
    struct sim_entry *heap;
    size_t heap_capacity;
    struct sim_record **records; /* a pool */
    size_t record_capacity;
    struct sim_message **messages; /* a pool */
    uint32_t message_count;
    struct fact *queues[SIM_NODES_MAX]; /* facts that wait for an agent that stands still */
};

struct sim_counts {
    uint64_t steps; /* entries of the queue that were carried out */
    uint64_t time_us;
    uint64_t records;
    uint64_t grants;
    uint64_t faults;
    uint64_t voids;
};

struct sim {
    const struct sim_plan *plan;
    struct sim_options options; /* of the plan */
    bool aloud;                 /* what happens is told */
    struct sim_random random;
    struct sim_random liar;
    struct sim_random postman;
    struct sim_letter letters[SIM_LETTERS_MAX];
    uint64_t now_us;
    uint64_t order;
    struct sim_counts counts;

    struct sim_memory memory;
    size_t heap_count;
    size_t record_count;
    uint64_t next_seq;
    bool log_down;
    uint32_t nofailover; /* bit i: the configuration of node i has that tag */

    struct cluster truth; /* the fold of every record at the moment of its storing */
    struct cluster states[SIM_STATES_MAX]; /* after record i, at i modulo the size */
    struct codec_arena arena;
    struct sim_remote remote;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_monitor monitors[SIM_MONITORS_MAX];
    struct sim_reader readers[SIM_READERS_MAX];

    uint64_t touched_us; /* WAL is written and streamed up to here */
    uint64_t next_branch;
    uint64_t reference_branch;  /* of the WAL that the reference history names */
    struct sim_takes failovers; /* of those that count (check I18) */
    struct sim_takes rebuilds[SIM_NODES_MAX];
    struct sim_takes restarts;
    uint64_t restart_seq; /* of the last one of them */
    uint64_t wrote_term;  /* the last term that was renewed, and who held it (check_policy.c) */
    int writer;
    uint64_t verdict_us; /* when the no_candidate that stands was stored; 0: none stands */
    uint64_t held_term;  /* the last that was renewed */
    uint64_t ended_term; /* the last of those that ended, and why */
    enum reason ended_reason;
    uint64_t acked_branch; /* the furthest commit that must not be lost (check I8) */
    uint64_t acked_lsn;
    uint64_t lie_count;
    uint64_t lying_us;                 /* until then somebody forges decisions */
    uint64_t noisy_us;                 /* until then everything goes a little wrong */
    uint64_t racing_us;                /* until then decisions of monitors cross on their way */
    uint64_t trouble_us;               /* until then something that went wrong lasts */
    uint32_t moved[SIM_TRIGGER_COUNT]; /* how often each happened */
    enum waiting waiting;              /* for what the cluster waits, by the true fold */
    uint64_t waiting_us;               /* since when */
    uint64_t asked_us;                 /* when the pending request moved last */
    uint64_t licensed_us;              /* when a restart was ordered, or ended */
    uint64_t paused_until_us;          /* the operator leaves the cluster paused until then */
    uint64_t insisted_us;              /* when he asked last to resume */
    bool insisted;                     /* somebody has asked for parameters without a check */
    uint64_t out_us;                   /* since then nobody writes who could */
    uint64_t out_limit_ms;             /* and may not for so long */
    uint64_t made_us;                  /* when the cluster was first writable; 0: not yet */
    size_t made_count;                 /* how many records there were then */
    uint64_t losses;                   /* of the log */
    uint64_t lost_term;  /* the highest that was granted in a part of the log that is gone */
    uint64_t blind_term; /* the last that was granted while nobody had told of a loss */
    bool unsaid; /* the log has lost something, and no hello has told since what commits wait for */
    uint64_t look_us;   /* when it is looked at next */
    uint64_t well_us;   /* since then it is well; 0: it is not */
    const char *broken; /* the invariant that does not hold; ends the run */
    char detail[256];
};

/* Result of one run. */
struct sim_result {
    const char *broken; /* the invariant; NULL: all hold */
    char detail[256];
    uint64_t broken_us;
    uint8_t digest[HASH_SIZE];
    struct sim_counts counts;
};

#endif
