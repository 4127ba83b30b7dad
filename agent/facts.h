/* SPDX-License-Identifier: PostgreSQL */
/*
 * facts.h - what the agent's core is told, and what it answers: the border between core and shell.
 *
 * A fact is something that the shell (or the simulator) has observed; an action is something that
 * it is to do. Nothing is done that is not an action, nothing is believed that is not a fact.
 * Actions are carried out in their order; none of them blocks.
 */
#ifndef PGBATON_AGENT_FACTS_H
#define PGBATON_AGENT_FACTS_H

#include "../proto/promise.h"
#include "observed.h"
#include "replication.h"

enum fact_kind {
    FACT_TICK = 0,      /* time has passed */
    FACT_LINK,          /* the log went up or down, or its history has been read */
    FACT_RECORD,        /* a stored record of our cluster */
    FACT_GONE,          /* the log keeps no records as old as that of seq */
    FACT_LIVE,          /* a peer's live position (an encoded probe event) */
    FACT_ASKED,         /* somebody wants a live position now */
    FACT_GUARD,         /* at the start, and at each change, and as the answer to ACTION_KILL */
    FACT_INSPECTED,     /* the answer to ACTION_INSPECT */
    FACT_DISTURBED,     /* inotify: something disappeared from the data directory; inspect */
    FACT_PROBED,        /* the answer to ACTION_PROBE */
    FACT_TASK_PROGRESS, /* of a running ACTION_TASK */
    FACT_TASK_ENDED,    /* the answer to ACTION_TASK */
    FACT_SYNCED,        /* the answer to ACTION_SYNC: PostgreSQL waits, and the set has the mark */
    FACT_CHECKED,       /* the answer to ACTION_CHECK */
    FACT_SLOTS_COPIED,  /* logical slots wait in the files for the next start of a standby */
    FACT_PERSISTED,     /* the answer to ACTION_PERSIST, in the same turn */
    FACT_PROMISE,       /* another agent has said something directly (promise.h) */
    FACT_TERMINATE,     /* SIGTERM: stop PostgreSQL, release, say goodbye, exit */
    FACT_COUNT
};

struct fact {
    enum fact_kind kind;
    uint64_t now_ms;     /* CLOCK_BOOTTIME, sampled after what is told was received */
    uint64_t wall_us;    /* stamped on events; for people */
    bool link_up;        /* LINK */
    bool caught_up;      /* LINK: everything stored so far has been handed out */
    const char *subject; /* RECORD, LIVE */
    uint64_t seq;        /* RECORD, GONE */
    const uint8_t *data; /* RECORD, LIVE */
    size_t size;
    enum guard_state guard; /* GUARD */
    uint32_t killed_count;  /* GUARD: processes killed by the last ACTION_KILL */
    uint64_t deadline_ms;   /* GUARD: the lease's, as it stands in the guard's page */
    int32_t exit_status;    /* GUARD: the postmaster's wait status when it ended */
    bool ok;                /* PERSISTED, TASK_ENDED, CHECKED */
    enum task task;         /* TASK_PROGRESS, TASK_ENDED */
    uint32_t percent;       /* TASK_PROGRESS, like the next two */
    uint64_t done_bytes;    /* 0: the tool has not said */
    uint64_t total_bytes;
    enum reason reason;       /* TASK_ENDED, when not ok */
    char text[TEXT_SIZE];     /* TASK_ENDED, CHECKED: for people; GUARD: PostgreSQL's last words */
    struct position position; /* TASK_ENDED: of TASK_PROMOTE (new timeline, where it opened);
                                 SYNCED: the mark */
    uint64_t sync_seq;        /* SYNCED: of the order; CHECKED: of the request */
    struct history history;   /* TASK_ENDED: of TASK_PROMOTE */
    struct inspection inspection;   /* INSPECTED */
    struct probe_result probe;      /* PROBED */
    struct promise_message promise; /* PROMISE */
};

/* What must survive a restart of the agent (state_directory/vote): persisted before it is acted on.
 */
struct vote {
    uint64_t incarnation; /* of the present start; the next is higher */
    uint64_t term;        /* the highest grant seen, whoever holds it */
    uint64_t grant_seq;
    uint8_t grant_hash[HASH_SIZE];
    uint64_t sealed_term;   /* the highest term from whose leader this node has turned away */
    uint64_t given_up_term; /* the highest term that this node held and released (I7) */
    uint64_t system_id;     /* of the data directory it owns; 0: none yet */
    uint64_t held_term;     /* the highest whose first renewal was read, whoever sent it */
    uint64_t anchor_seq;    /* the last effective decision that was read (anchor.h); 0: none yet */
    uint8_t anchor_hash[HASH_SIZE];
    uint32_t anchor_ttl_ms;       /* the longest lease that might run then */
    uint32_t anchor_member_count; /* of the cluster then */
    uint32_t anchor_timeline;     /* the highest that might exist then */
    uint32_t promised_ttl_ms;     /* the longest lease that was promised for of late; 0: none was */
};

/* PostgreSQL's ways to shut down (pg_ctl stop -m). */
enum stop_mode {
    STOP_FAST =
            0, /* sessions end, a checkpoint, standbys receive everything: not bounded in time */
    STOP_IMMEDIATE, /* at once, to be recovered at the next start */
    STOP_MODE_COUNT
};

enum action_kind {
    ACTION_APPEND = 0, /* append event to the log */
    ACTION_LIVE,       /* publish event (a probe) as a plain message */
    ACTION_PERSIST,    /* write vote durably; FACT_PERSISTED follows at once */
    ACTION_LEASE, /* put deadline_ms into the guard's page; 0 takes the lease out. Later actions of
                     the same step run only after that */
    ACTION_INSPECT, /* look at the data directory */
    ACTION_PROBE,   /* ask PostgreSQL, with timeout_ms */
    ACTION_START, /* write settings (upstream may be empty), standby.signal unless as_primary; start
                   */
    ACTION_FOLLOW, /* change primary_conninfo of the running standby to upstream; reload */
    ACTION_STOP,   /* shut down as stop_mode says; FACT_GUARD follows when the postmaster ended */
    ACTION_KILL,   /* SIGKILL every process of the instance and reap; FACT_GUARD ABSENT follows */
    ACTION_TASK,   /* run task; TASK_START, TASK_STOP and TASK_SYNC have actions of their own */
    ACTION_SYNC,   /* let commits of the primary wait for upstream.waits; FACT_SYNCED follows when
                      they do; a newer order replaces one under way */
    ACTION_SLOTS,  /* keep a physical replication slot for each node of slots, drop pgbaton's others
                    */
    ACTION_PERMANENT,  /* keep the permanent slots of the configuration */
    ACTION_PARAMETERS, /* from now on what is written into PostgreSQL's files has these */
    ACTION_RELOAD, /* write the files of the running PostgreSQL, upstream as it is; it reads them */
    ACTION_CHECK, /* ask PostgreSQL's program whether it takes these values; FACT_CHECKED follows */
    ACTION_PROMISE, /* say message to these agents directly; it may be lost */
    ACTION_SAY,     /* a line for the agent's own log */
    ACTION_EXIT,    /* leave, with exit_status; the guard then ends as well */
    ACTION_COUNT
};

struct action {
    enum action_kind kind;
    union {
        struct event event;       /* APPEND, LIVE */
        struct vote vote;         /* PERSIST */
        uint64_t deadline_ms;     /* LEASE, on CLOCK_BOOTTIME */
        uint32_t timeout_ms;      /* PROBE */
        enum stop_mode stop_mode; /* STOP */
        struct {
            bool as_primary; /* only ever under a lease (I15) */
            struct upstream upstream;
        } start; /* START, RELOAD; FOLLOW uses upstream */
        struct {
            enum task task;
            struct upstream upstream; /* BASEBACKUP, REWIND */
        } task;                       /* TASK */
        struct {
            uint64_t seq;
            struct upstream upstream;
        } sync; /* SYNC */
        struct {
            uint32_t count;
            struct slot items[NODE_COUNT_MAX];
        } slots;                          /* SLOTS */
        struct permanent_order permanent; /* PERMANENT */
        struct parameters parameters;     /* PARAMETERS */
        struct {
            uint64_t seq;
            struct parameter_change change;
        } check; /* CHECK */
        struct {
            struct promise_message message; /* `to` is left out */
            struct name_list to;
        } promise; /* PROMISE */
        struct {
            int severity; /* enum severity of severity.h */
            char text[256];
        } say;           /* SAY */
        int exit_status; /* EXIT */
    } as;
};

#define AGENT_ACTION_MAX 16

struct action_list {
    uint32_t count;
    struct action items[AGENT_ACTION_MAX];
    uint64_t next_ms; /* a FACT_TICK no later than this, absolute; UINT64_MAX: never */
};

#endif
